// The page that records movements: scan, scan, scan, record. It never closes by itself, and a scanner alone can do all of it.

import { call } from "./api.js";
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
let work = Promise.resolve(); // scans are handled in the order in which they came
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
  if (command === "INVOK") return record();
  if (command === "INVUNDO") return undo(document.querySelector("#done [data-undo]:not([disabled])"));
  if (command in COMMANDS) {
    document.querySelector(`input[name="kind"][value="${COMMANDS[command]}"]`).checked = true;
    return draw();
  }
  const product = known.get(text) ?? (await find(text));
  if (!product) return undefined;
  known.set(text, product);
  add(product);
  return undefined;
}

async function find(text) {
  const tries = [`/api/v1/barcodes/${encodeURIComponent(text)}`, `/api/v1/products/${encodeURIComponent(text)}`];
  for (const path of tries) {
    try {
      const answer = await call("GET", path);
      return answer.product ?? answer;
    } catch (problem) {
      if (problem.status !== 404 && problem.status !== 422) {
        code.value = text;
        throw problem;
      }
    }
  }
  await suggest(text, true);
  return null;
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

// ---- typing a name ----

let typing = 0;
code.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => (code.value.trim().length > 1 ? suggest(code.value.trim(), false) : clearSuggestions()), 350);
});
code.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !code.value.trim()) {
    event.preventDefault();
    record();
  } else if (event.key === "ArrowDown") {
    event.preventDefault();
    $("suggestions").querySelector("button")?.focus();
  } else if (event.key === "Escape") {
    clearCode();
  }
});
$("suggestions").addEventListener("keydown", (event) => {
  const item = event.target.closest("li");
  const next = { ArrowDown: item?.nextElementSibling, ArrowUp: item?.previousElementSibling }[event.key];
  if (event.key === "Escape") clearCode();
  else if (event.key === "ArrowUp" && !next) code.focus();
  else next?.querySelector("button")?.focus();
  if (event.key.startsWith("Arrow")) event.preventDefault();
});

async function suggest(text, asked) {
  const found = await call("GET", `/api/v1/products?limit=6&status=active&q=${encodeURIComponent(text)}`);
  if (!asked && code.value.trim() !== text) return;
  const list = $("suggestions");
  list.replaceChildren(...found.items.map(suggestion));
  list.hidden = !found.items.length;
  $("not-found").hidden = !asked || found.items.length > 0;
  $("not-found-code").textContent = text;
  $("not-found-link").href = `/new-product?barcode=${encodeURIComponent(text)}`;
  if (asked) say(found.items.length ? t("No product has this code. Did you mean one of these?") : t("No product has the code {code}.", { code: text }), true);
}

function suggestion(product) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  const name = document.createElement("span");
  const price = document.createElement("span");
  button.type = "button";
  name.textContent = product.name;
  price.textContent = product.price === null ? "" : money(product.price);
  price.className = "amount";
  button.append(name, price);
  button.addEventListener("click", () => {
    clearCode();
    add(product);
  });
  item.append(button);
  return item;
}

function clearSuggestions() {
  clearTimeout(typing);
  $("suggestions").hidden = true;
  $("not-found").hidden = true;
}

function clearCode() {
  code.value = "";
  clearSuggestions();
  if (!document.querySelector("dialog[open]")) code.focus();
}

// ---- the lines ----

function draw(fresh = null) {
  const chosen = kind();
  $("lines").replaceChildren(...ticket.lines.map((line) => row(line, line === fresh, chosen)));
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

function row(line, fresh, chosen) {
  const made = $("line").content.cloneNode(true).firstElementChild;
  const part = (name) => made.querySelector(`[data-${name}]`);
  const field = part("quantity");
  made.classList.toggle("fresh", fresh);
  made.classList.toggle("pending", Boolean(line.body));
  part("name").textContent = line.name;
  part("stock").textContent = line.onHand === null ? "" : under(line, chosen);
  part("amount").textContent = line.price !== null && (chosen === "sale" || chosen === "return") ? money(Number(line.price) * Number(line.quantity)) : "";
  part("problem").textContent = line.problem;
  part("problem").hidden = !line.problem;
  field.value = quantity(line.quantity);
  field.setAttribute("aria-label", t("Quantity of {name}", { name: line.name }));
  part("remove").setAttribute("aria-label", t("Remove {name}", { name: line.name }));
  for (const control of made.querySelectorAll("input, button")) control.disabled = Boolean(line.body);
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

$("send").addEventListener("click", () => record());
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
  code.focus();
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
