// Calls to our own API. Every failure is a Problem that can be shown to a person.

import { t } from "./words.js";

const PATIENCE = 20_000;

export class Problem extends Error {
  constructor(status, body = {}) {
    super(body.detail ?? body.title ?? "");
    this.status = status;
    this.code = (body.type ?? "").split("#")[1] ?? "";
    this.detail = body.detail ?? body.title ?? "";
    this.remedy = body.remedy ?? "";
    this.errors = body.errors ?? [];
    this.body = body;
  }

  /** Nobody knows whether it took effect: it is safe to send the same again with the same key, and only that. */
  get unsure() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }

  get text() {
    const fields = this.errors.map((error) => [error.detail, error.remedy].filter(Boolean).join(" "));
    return [fields.length ? "" : this.detail, ...fields, fields.length ? "" : this.remedy].filter(Boolean).join(" ");
  }
}

/** Call the API and return the parsed answer. Throws a Problem. */
export async function call(method, path, { body, headers = {} } = {}) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: { Accept: "application/json", ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE),
    });
  } catch {
    throw new Problem(0, { detail: t("No connection to the shop."), remedy: t("Nothing is lost: it is sent again when the connection is back.") });
  }
  const parsed = await answer.json().catch(() => ({}));
  if (answer.status === 401) {
    throw new Problem(401, { detail: t("You are logged out."), remedy: t("Log in again in another tab; what you typed stays here.") });
  }
  if (!answer.ok) throw new Problem(answer.status, parsed);
  return parsed;
}

/** A random version 4 UUID. crypto.randomUUID is missing where the page came over plain HTTP from another machine, as on a phone in the shop. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
