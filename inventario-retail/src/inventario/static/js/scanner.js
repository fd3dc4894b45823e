// Tells a barcode scanner, which types like a keyboard, from a person. Wherever the focus is, a scan is announced as the event "scan" on the document.

// A slow Bluetooth scanner leaves 100 ms and more between two keys. Outside of fields nobody types, so there the patience is long.
const GAP_OUTSIDE = 1500;
const GAP_IN_FIELD = 250;
const DOUBLE_READ = 1000;

/** Check digit of an EAN-8, UPC-A or EAN-13. */
export function isGtin(code) {
  if (!/^(\d{8}|\d{12,13})$/.test(code)) return false;
  const sum = [...code.slice(0, -1)].reverse().reduce((total, digit, index) => total + Number(digit) * (index % 2 ? 1 : 3), 0);
  return (10 - (sum % 10)) % 10 === Number(code.at(-1));
}

/**
 * Drops the second reading of one pull of the trigger: the same code whose first key comes within a second after the last one's end.
 * The start counts, since a slow scanner takes longer than a second to type the code.
 */
export class DoubleReadGuard {
  #code = null;
  #endedAt = -Infinity;

  accepts({ code, startedAt, endedAt }) {
    if (code === this.#code && startedAt - this.#endedAt < DOUBLE_READ) return false;
    this.#code = code;
    this.#endedAt = endedAt;
    return true;
  }
}

const isText = (element) => element instanceof HTMLTextAreaElement || (element instanceof HTMLInputElement && !/^(checkbox|radio|button|submit|file|range)$/.test(element.type));

const hasValue = (element) => isText(element) || element instanceof HTMLSelectElement;

let run = null; // what has been typed without a pause

function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  const target = event.target;
  const field = isText(target) ? (target.dataset.scan ?? "other") : "none";
  const at = performance.now();
  if (run && (run.target !== target || at - run.endedAt > (field === "none" ? GAP_OUTSIDE : GAP_IN_FIELD))) run = null;
  if (event.key.length === 1) {
    run ??= { target, code: "", startedAt: at, before: hasValue(target) ? target.value : "" };
    run.code += event.key;
    run.endedAt = at;
    return;
  }
  if (event.key !== "Enter" && event.key !== "Tab") {
    if (event.key !== "Shift" && event.key !== "Unidentified") run = null;
    return;
  }
  const finished = run;
  run = null;
  if (field === "code") {
    if (event.key === "Enter" && target.value.trim()) announce(event, target.value, finished?.startedAt ?? at, at);
  } else if (finished && isScan(finished.code, field, event.key)) {
    // The digits went into a field that was not meant, or chose something in a list; it gets back what stood there.
    if (hasValue(target) && target.value !== finished.before) {
      target.value = finished.before;
      target.dispatchEvent(new Event("input", { bubbles: true }));
      if (target instanceof HTMLSelectElement) target.dispatchEvent(new Event("change", { bubbles: true }));
    }
    announce(event, finished.code, finished.startedAt, at);
  }
}

function isScan(code, field, key) {
  if (field === "none") return code.trim().length >= (key === "Enter" ? 3 : 6);
  if (field === "number") return /^\d{8,14}$/.test(code);
  return field === "other" && isGtin(code);
}

function announce(event, code, startedAt, endedAt) {
  event.preventDefault();
  event.stopPropagation();
  scanned({ code: code.trim(), startedAt, endedAt });
}

/** Announce a code from wherever it came. If no page takes it, the product's page opens. */
export function scanned(detail) {
  const free = document.dispatchEvent(new CustomEvent("scan", { detail, cancelable: true }));
  if (free) location.assign(`/scan?code=${encodeURIComponent(detail.code)}`);
}

export function listen() {
  document.addEventListener("keydown", onKey, { capture: true });
}
