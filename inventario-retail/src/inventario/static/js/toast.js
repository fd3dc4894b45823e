// Short messages at the edge of the screen, read aloud by screen readers.

import { t } from "./words.js";

const LIFE = 8000;

export function toast(text, { bad = false, action, onAction } = {}) {
  const box = document.getElementById("toasts");
  const item = document.createElement("div");
  item.className = bad ? "toast bad" : "toast";
  if (bad) item.setAttribute("role", "alert");
  const words = document.createElement("span");
  words.textContent = text;
  words.className = "grow";
  item.append(words);
  const close = button(action ?? t("Close"), () => {
    item.remove();
    if (action) onAction();
  });
  item.append(close);
  // One at a time: on a phone a second one would cover what people work with.
  box.replaceChildren(item);
  // An error stays until it has been read.
  if (!bad) setTimeout(() => item.remove(), LIFE);
  return item;
}

function button(label, onClick) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "button";
  made.textContent = label;
  made.addEventListener("click", onClick);
  return made;
}
