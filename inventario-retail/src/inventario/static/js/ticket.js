// The movements that are being put together on the record page. Kept in the browser, so that neither a reload nor a lost connection loses a line.

import { call, newKey } from "./api.js";

const STORED = "inventario.ticket.1";
const SIGN = { sale: -1, waste: -1, return: 1, receipt: 1, adjustment: 1 };

export class Ticket {
  /** @type {{key: string, sku: string, name: string, unit: string, price: ?string, onHand: ?string, quantity: string, body: ?object, problem: string}[]} */
  lines = [];

  constructor() {
    try {
      this.lines = JSON.parse(localStorage.getItem(STORED) ?? "[]");
    } catch {
      // A browser that keeps nothing can still record.
    }
  }

  save() {
    try {
      localStorage.setItem(STORED, JSON.stringify(this.lines));
    } catch {
      // As above.
    }
  }

  /** Lines whose fate is unknown: they may only be sent again exactly as they were. */
  get unsure() {
    return this.lines.filter((line) => line.body);
  }

  /** Add one of a product, on top; a product that stands there already gets one more. */
  add(product, amount = 1) {
    const known = this.lines.find((line) => line.sku === product.sku && !line.body);
    if (!known) {
      const { sku, name, unit, price, onHand = null } = product;
      this.lines.unshift({ key: newKey(), sku, name, unit, price, onHand, quantity: String(amount), body: null, problem: "" });
      this.save();
      return this.lines[0];
    }
    this.lines = [known, ...this.lines.filter((line) => line !== known)];
    this.change(known, String(round(Number(known.quantity) + amount)));
    return known;
  }

  change(line, quantity) {
    if (line.body) return;
    line.quantity = quantity;
    // What was refused was not recorded, but a changed movement is another movement all the same.
    if (line.problem) Object.assign(line, { key: newKey(), problem: "" });
    this.save();
  }

  remove(line) {
    this.lines = this.lines.filter((other) => other !== line);
    this.save();
  }

  /**
   * Send every line; the ones of unknown fate as they were. Returns the recorded movements with their lines.
   * Throws a Problem when nothing is known of the answer, or when everything was refused at once.
   */
  async send({ store, kind, reason }) {
    for (const line of this.lines) line.body ??= movement(line, { store, kind, reason });
    this.save();
    const sent = [...this.lines];
    let answer;
    try {
      answer = await call("POST", "/api/v1/movements:batch", { body: { movements: sent.map((line) => line.body) } });
    } catch (problem) {
      if (!problem.unsure) this.#release(sent);
      throw problem;
    }
    const recorded = [];
    answer.items.forEach((item, index) => {
      const line = sent[index];
      if (item.movement) {
        recorded.push({ line, movement: item.movement });
        this.remove(line);
      } else if (item.status < 500 && item.status !== 429) {
        const fields = item.problem.errors ?? [];
        line.problem = fields.map((field) => `${field.detail} ${field.remedy}`).join(" ") || `${item.problem.detail} ${item.problem.remedy ?? ""}`;
        line.body = null;
      }
    });
    this.save();
    return recorded;
  }

  #release(lines) {
    for (const line of lines) line.body = null;
    this.save();
  }
}

function movement(line, { store, kind, reason }) {
  const body = { key: line.key, store, sku: line.sku, kind };
  if (kind === "count") {
    body.counted = line.quantity;
    // The difference is to what the person was shown, so that a sale in between is not counted as found.
    if (line.onHand !== null) body.expected = line.onHand;
  } else {
    body.quantity = String(round(Number(line.quantity) * SIGN[kind]));
  }
  if (reason) body.reason = reason;
  return body;
}

const round = (number) => Math.round(number * 1000) / 1000;
