// The sentences that scripts say. The page loads those of its language first; what has none stays English.

const messages = globalThis.inventarioMessages ?? {};

/** Translate a sentence and fill in its {blanks}. The sentence must stand in the call itself: the catalogue is made from the calls. */
export function t(sentence, values = {}) {
  return (messages[sentence] ?? sentence).replace(/\{(\w+)\}/g, (blank, name) => values[name] ?? blank);
}

const language = document.documentElement.lang;
const quantities = new Intl.NumberFormat(language, { maximumFractionDigits: 3 });
const amounts = new Intl.NumberFormat(language, { minimumFractionDigits: 2, maximumFractionDigits: 2 });

export function quantity(value, unit = "unit") {
  const shown = quantities.format(Number(value)).replace("-", "\u2212");
  return unit === "unit" ? shown : `${shown}\u00a0${unit}`;
}

export function money(value) {
  const number = Number(value);
  return `${number < 0 ? "\u2212" : ""}$\u00a0${amounts.format(Math.abs(number))}`;
}

/** Read what a person typed as a quantity: "1,5", "1.5", "1.234,56". Returns a decimal string with a point, or null. */
export function parseDecimal(text) {
  const typed = text.trim().replace(/[\s\u00a0]/g, "").replace("\u2212", "-");
  const [thousands, decimal] = language.startsWith("es") ? [".", ","] : [",", "."];
  let plain = typed;
  if (new RegExp(`^-?\\d{1,3}(\\${thousands}\\d{3})+(\\${decimal}\\d+)?$`).test(typed)) plain = typed.replaceAll(thousands, "");
  plain = plain.replace(",", ".");
  return /^-?\d{1,11}(\.\d{1,3})?$/.test(plain) ? plain : null;
}
