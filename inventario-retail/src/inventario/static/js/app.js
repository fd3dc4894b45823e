// What every page does: scanning anywhere, the scan window, small habits of forms, and telling people when something fails.

import * as camera from "./camera.js";
import { listen, scanned } from "./scanner.js";
import { toast } from "./toast.js";
import { t } from "./words.js";

listen();

const dialog = document.getElementById("scan-dialog");
const video = dialog.querySelector("video");
const cameraButton = dialog.querySelector("[data-camera]");
let stopCamera = null;

document.getElementById("open-scan").addEventListener("click", () => {
  dialog.showModal();
  document.getElementById("scan-code").focus();
});
dialog.addEventListener("close", () => {
  stopCamera?.();
  stopCamera = null;
});
cameraButton.hidden = !camera.canRead();
cameraButton.addEventListener("click", async () => {
  try {
    stopCamera ??= await camera.read(video, (code) => {
      dialog.close();
      const now = performance.now();
      scanned({ code, startedAt: now, endedAt: now });
    });
  } catch {
    toast(t("The camera cannot be used. Allow it in the browser's settings for this page."), { bad: true });
  }
});
document.addEventListener("scan", () => dialog.close());

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if ("close" in button.dataset) button.closest("dialog").close();
  if (button.dataset.keyboard) toggleKeyboard(button);
  if (button.dataset.copy) copy(button);
  if ("print" in button.dataset) print();
});

/** A code field keeps the on-screen keyboard away, which would cover half of a phone and split scans, until the person asks for it. */
function toggleKeyboard(button) {
  const field = document.getElementById(button.dataset.keyboard);
  const shown = field.inputMode === "none";
  field.inputMode = shown ? "text" : "none";
  button.setAttribute("aria-pressed", String(shown));
  field.blur();
  field.focus();
}

async function copy(button) {
  const field = document.getElementById(button.dataset.copy);
  field.select();
  // The clipboard's own interface exists only on secure pages; the old command works on a phone in the shop, too.
  const copied = document.execCommand("copy");
  if (copied) toast(t("Copied."));
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.confirm && !confirm(form.dataset.confirm)) {
    event.preventDefault();
    return;
  }
  if (form.method === "post" && !form.hasAttribute("hx-post")) {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
    event.submitter?.classList.add("busy");
  }
});
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, textarea, select") || event.target.isContentEditable;
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    document.getElementById("global-search").focus();
  }
});

document.addEventListener("htmx:sendError", () => toast(t("No connection to the shop. Try again in a moment."), { bad: true }));
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status !== 401) toast(t("That did not work. Try again in a moment."), { bad: true });
});
