// The page that records movements: scan, scan, scan, record. It never closes by itself, and a scanner alone can do all of it.

import { call } from "./api.js";
import { clearSuggestions, find, onChosen } from "./finder.js";
import { DoubleReadGuard } from "./scanner.js";
import { Ticket } from "./ticket.js";
import { toast } from "./toast.js";
import { money, parseDecimal, quantity, t } from "./words.js";

const COMMANDS = { INVSALE: "sale", INVRETURN: "return", INVRECEIPT: "receipt", INVCOUNT: "count", INVWASTE: "waste" };
const RETRY_FIRST = 2000;
const RETRY_LAST = 30_000;

const $ = (id) => document.getElementById(id);
const code = $("code");
const ticket = new Ticket();
const guard = new DoubleReadGuard();
const known = new Map(); // code -> product: a second scan asks nobody
const rows = new WeakMap(); // line -> its row
let work = Promise.resolve(); // scans are handled in the order in which they came
let recording = Promise.resolve();
let sending = false;
let retryTimer = 0;
let retryAfter = RETRY_FIRST;

const kind = () => document.querySelector('input[name="kind"]:checked').value;
const store = () => $("store").value;

// ---- scanning ----

document.addEventListener("scan", (event) => {
  event.preventDefault();
  const detail = event.detail;
  clearCode();
  if (!guard.accepts(detail)) {
    toast(t("Read twice, counted once."), { action: t("Add one more"), onAction: () => handle(detail.code) });
    return;
  }
  handle(detail.code);
});

function handle(text) {
  work = work.then(() => understand(text)).catch((problem) => say(problem.text ?? String(problem), true));
  return work;
}

async function understand(text) {
  const command = text.toUpperCase();
  if (command === "INVOK") {
    // Not waited for: the next customer's first scan need not wait for the last one's answer.
    recording = record();
  } else if (command === "INVUNDO") {
    await recording;
    await undo(document.querySelector("#done [data-undo]:not([disabled])"));
  } else if (command in COMMANDS) {
    document.querySelector(`input[name="kind"][value="${COMMANDS[command]}"]`).checked = true;
    draw();
  } else {
    const product = known.get(text) ?? (await find(text, say));
    if (!product) return;
    known.set(text, product);
    add(product);
  }
}

function add(product) {
  const line = ticket.add({ ...product, onHand: product.onHand });
  draw(line);
  say(`${line.name}: ${quantity(line.quantity, line.unit)}`);
  if (line.onHand === null) lookUpStock(line);
}

async function lookUpStock(line) {
  try {
    const levels = await call("GET", `/api/v1/stock?sku=${encodeURIComponent(line.sku)}&store=${encodeURIComponent(store())}`);
    line.onHand = levels.items[0]?.on_hand ?? "0";
    ticket.save();
    draw();
  } catch {
    // Recording goes on without it.
  }
}

// ---- the field ----

onChosen((product) => {
  clearCode();
  add(product);
});
code.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !code.value.trim()) {
    event.preventDefault();
    // After the scans that are still being looked up.
    handle("INVOK");
  } else if (event.key === "Escape") {
    clearCode();
  }
});
$("suggestions").addEventListener("keydown", (event) => event.key === "Escape" && clearCode());

function clearCode() {
  code.value = "";
  clearSuggestions();
  if (!document.querySelector("dialog[open]")) code.focus();
}

// ---- the lines ----

function draw(fresh = null) {
  const chosen = kind();
  place(ticket.lines.map((line) => update(rows.get(line) ?? row(line), line, line === fresh, chosen)));
  $("no-lines").hidden = ticket.lines.length > 0;
  $("ticket-card").hidden = ticket.lines.length === 0 && !$("done-card").hidden;
  $("pay").hidden = ticket.lines.length === 0;
  const priced = chosen === "sale" || chosen === "return";
  const total = ticket.lines.reduce((sum, line) => sum + Number(line.price ?? 0) * Number(line.quantity), 0);
  $("total").textContent = priced ? money(total) : "";
  $("lines-count").textContent = ticket.lines.length === 1 ? t("1 product") : t("{count} products", { count: ticket.lines.length });
  $("unsure").hidden = ticket.unsure.length === 0 || sending;
  $("unsure-text").textContent =
    ticket.unsure.length === 1
      ? t("1 movement is not confirmed yet. It is sent again by itself and counts once.")
      : t("{count} movements are not confirmed yet. They are sent again by themselves and count once.", { count: ticket.unsure.length });
  $("send").disabled = sending;
  $("send").classList.toggle("busy", sending);
}

/** Put the rows in order. A row that stands where it should is not touched: whoever types in it goes on typing. */
function place(wanted) {
  const list = $("lines");
  for (const old of [...list.children]) if (!wanted.includes(old)) old.remove();
  wanted.forEach((each, index) => {
    if (list.children[index] !== each) list.insertBefore(each, list.children[index] ?? null);
  });
}

function row(line) {
  const made = $("line").content.cloneNode(true).firstElementChild;
  const part = (name) => made.querySelector(`[data-${name}]`);
  const field = part("quantity");
  part("name").textContent = line.name;
  field.setAttribute("aria-label", t("Quantity of {name}", { name: line.name }));
  part("remove").setAttribute("aria-label", t("Remove {name}", { name: line.name }));
  part("less").addEventListener("click", () => step(line, -1));
  part("more").addEventListener("click", () => step(line, 1));
  part("remove").addEventListener("click", () => {
    ticket.remove(line);
    draw();
    code.focus();
  });
  field.addEventListener("focus", () => field.select());
  field.addEventListener("change", () => typed(line, field));
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      typed(line, field);
      code.focus();
    }
  });
  rows.set(line, made);
  return made;
}

function update(made, line, fresh, chosen) {
  const part = (name) => made.querySelector(`[data-${name}]`);
  const priced = line.price !== null && (chosen === "sale" || chosen === "return");
  const field = part("quantity");
  if (fresh) made.classList.remove("fresh");
  // Reading a measure makes the browser forget the class that was just taken away, so that the same row lights up again.
  if (fresh) made.getBoundingClientRect();
  made.classList.toggle("fresh", fresh);
  made.classList.toggle("pending", Boolean(line.body));
  part("stock").textContent = line.onHand === null ? "" : under(line, chosen);
  part("amount").textContent = priced ? money(Number(line.price) * Number(line.quantity)) : "";
  part("problem").textContent = line.problem;
  part("problem").hidden = !line.problem;
  if (field !== document.activeElement || line.quantity !== field.dataset.shown) field.value = quantity(line.quantity);
  field.dataset.shown = line.quantity;
  for (const control of made.querySelectorAll("input, button")) control.disabled = Boolean(line.body);
  return made;
}

function under(line, chosen) {
  const here = Number(line.onHand);
  if (chosen === "count") {
    const difference = Number(line.quantity) - here;
    const expected = t("Expected {quantity}", { quantity: quantity(line.onHand, line.unit) });
    return difference ? `${expected} · ${t("difference {quantity}", { quantity: (difference > 0 ? "+" : "") + quantity(difference) })}` : `${expected} · ${t("matches")}`;
  }
  return t("In stock: {quantity}", { quantity: quantity(line.onHand, line.unit) });
}

function step(line, amount) {
  const next = Number(line.quantity) + amount;
  if (next <= 0 && kind() !== "adjustment" && kind() !== "count") ticket.remove(line);
  else ticket.change(line, String(Math.round(next * 1000) / 1000));
  draw();
  code.focus();
}

function typed(line, field) {
  const read = parseDecimal(field.value);
  const wrong = read === null || (kind() !== "adjustment" && Number(read) < 0);
  field.setAttribute("aria-invalid", String(wrong));
  if (wrong) {
    say(t("This is not a quantity. Write it like 2 or 1,5."), true);
    return;
  }
  ticket.change(line, read);
  draw();
}

// ---- recording ----

$("send").addEventListener("click", () => handle("INVOK"));
$("retry").addEventListener("click", () => record());
addEventListener("online", () => ticket.unsure.length && record());

async function record() {
  if (sending || ticket.lines.length === 0) return;
  const empty = ticket.lines.find((line) => !line.body && Number(line.quantity) === 0 && kind() !== "count");
  if (empty) {
    say(t("The quantity of {name} is zero. Change it or remove the line.", { name: empty.name }), true);
    return;
  }
  clearTimeout(retryTimer);
  sending = true;
  draw();
  try {
    const recorded = await ticket.send({ store: store(), kind: kind(), reason: $("reason").value.trim() });
    retryAfter = RETRY_FIRST;
    if (recorded.length) celebrate(recorded);
    if (ticket.lines.some((line) => line.problem)) say(t("Some lines were refused. The reason stands at each of them."), true);
  } catch (problem) {
    say(problem.text, true);
    toast(problem.text, { bad: true, action: t("Try again"), onAction: () => record() });
    if (problem.unsure) retryLater();
  } finally {
    sending = false;
    draw();
    code.focus();
  }
}

function retryLater() {
  clearTimeout(retryTimer);
  retryTimer = setTimeout(() => ticket.unsure.length && record(), retryAfter);
  retryAfter = Math.min(retryAfter * 2, RETRY_LAST);
}

function celebrate(recorded) {
  $("reason").value = "";
  for (const { line, movement } of recorded) $("done").prepend(doneRow(line, movement));
  $("done-card").hidden = false;
  const text = recorded.length === 1 ? t("Recorded: {name}", { name: recorded[0].line.name }) : t("{count} movements recorded", { count: recorded.length });
  say(text);
  toast(text, { action: t("Undo"), onAction: () => undoAll(recorded.map(({ movement }) => movement.id)) });
  // Stock has changed: what was looked up before is old.
  known.clear();
}

function doneRow(line, movement) {
  const made = $("done-line").content.cloneNode(true).firstElementChild;
  made.dataset.movement = movement.id;
  made.querySelector("[data-name]").textContent = line.name;
  made.querySelector("[data-quantity]").textContent = `${Number(movement.quantity) > 0 ? "+" : ""}${quantity(movement.quantity, line.unit)}`;
  made.querySelector("[data-left]").textContent = t("In stock: {quantity}", { quantity: quantity(movement.on_hand, line.unit) });
  const button = made.querySelector("[data-undo]");
  button.setAttribute("aria-label", t("Undo {name}", { name: line.name }));
  button.addEventListener("click", () => undo(button));
  return made;
}

async function undoAll(ids) {
  for (const id of ids) await undo(document.querySelector(`[data-movement="${id}"] [data-undo]`));
}

async function undo(button) {
  if (!button || button.disabled) return;
  const item = button.closest("li");
  button.disabled = true;
  try {
    const reversal = await call("POST", `/api/v1/movements/${item.dataset.movement}:reverse`);
    item.classList.add("undone");
    $("toasts").replaceChildren();
    button.textContent = t("Undone");
    item.querySelector("[data-left]").textContent = t("In stock: {quantity}", { quantity: quantity(reversal.on_hand) });
    say(t("Undone: {name}", { name: item.querySelector("[data-name]").textContent }));
  } catch (problem) {
    button.disabled = false;
    toast(problem.text, { bad: true });
  }
  code.focus();
}

function say(text, bad = false) {
  $("status").textContent = text;
  $("status").classList.toggle("negative", bad);
}

// ---- start ----

document.querySelectorAll('input[name="kind"]').forEach((choice) =>
  choice.addEventListener("change", () => {
    draw();
    // With the arrow keys a person walks over the choices; only a click means to go on.
    if (!choice.matches(":focus-visible")) code.focus();
  }),
);
$("store").addEventListener("change", () => {
  localStorage.setItem("inventario.store", store());
  known.clear();
  for (const line of ticket.lines) if (!line.body) lookUpStock(line);
  // As above; a scan that begins with the figure of a store's name would otherwise go on in another field.
  if (!$("store").matches(":focus-visible")) code.focus();
});
const remembered = localStorage.getItem("inventario.store");
if (remembered && [...$("store").options].some((option) => option.value === remembered)) $("store").value = remembered;

draw();
code.focus();
if (ticket.unsure.length) retryLater();
const asked = new URLSearchParams(location.search);
if (asked.has("sku") || asked.has("code")) {
  handle(asked.get("sku") ?? asked.get("code"));
  asked.delete("sku");
  asked.delete("code");
  history.replaceState(null, "", `${location.pathname}?${asked}`);
}
