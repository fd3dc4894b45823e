// Finds products for the record page: by code, or by part of a name while one types.

import { call } from "./api.js";
import { isGtin } from "./scanner.js";
import { money, t } from "./words.js";

const PAUSE = 350;

const code = document.getElementById("code");
const list = document.getElementById("suggestions");
const notFound = document.getElementById("not-found");
let chosen = () => {};
let typing = 0;

/** Say what happens with a product that the person picks from the suggestions. */
export function onChosen(use) {
  chosen = use;
}

/** Find the product whose code or SKU *text* is; else show what looks like it, and *say* so. */
export async function find(text, say) {
  let found;
  try {
    found = await call("GET", `/api/v1/products?limit=6&q=${encodeURIComponent(text)}`);
  } catch (problem) {
    // What was scanned stays in the field: Enter tries again.
    code.value = text;
    throw problem;
  }
  const exact = found.items.find((product) => isCalled(product, text));
  if (exact) return exact;
  // A real barcode that nobody has is a new product, and not a typo.
  const alike = isGtin(text) ? [] : found.items;
  show(alike);
  notFound.hidden = alike.length > 0;
  document.getElementById("not-found-code").textContent = text;
  document.getElementById("not-found-link").href = `/new-product?barcode=${encodeURIComponent(text)}`;
  say(alike.length ? t("No product has this code. Did you mean one of these?") : t("No product has the code {code}.", { code: text }), true);
  return null;
}

function isCalled(product, text) {
  const wanted = text.toUpperCase();
  // A UPC-A is kept as the EAN-13 that it is with a zero in front.
  return product.sku.toUpperCase() === wanted || product.barcodes.some(({ code: each }) => each === wanted || each === `0${wanted}`);
}

export function clearSuggestions() {
  clearTimeout(typing);
  list.hidden = true;
  notFound.hidden = true;
}

code.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => (code.value.trim().length > 1 ? suggest(code.value.trim()) : clearSuggestions()), PAUSE);
});
code.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown") {
    event.preventDefault();
    list.querySelector("button")?.focus();
  }
});
list.addEventListener("keydown", (event) => {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  event.preventDefault();
  const item = event.target.closest("li");
  const next = event.key === "ArrowDown" ? item.nextElementSibling : item.previousElementSibling;
  if (next) next.querySelector("button").focus();
  else if (event.key === "ArrowUp") code.focus();
});

async function suggest(text) {
  // A scanner is faster than the pause; this is a person, who looks for a name.
  const found = await call("GET", `/api/v1/products?limit=6&status=active&q=${encodeURIComponent(text)}`).catch(() => null);
  if (found && code.value.trim() === text) {
    notFound.hidden = true;
    show(found.items);
  }
}

function show(products) {
  list.replaceChildren(...products.map(suggestion));
  list.hidden = !products.length;
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
  button.addEventListener("click", () => chosen(product));
  item.append(button);
  return item;
}
