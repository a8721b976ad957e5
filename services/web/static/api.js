// Talks to the API with the page's session. A page imports: `import { call, stream, Problem } from "./api.js"`.

/** What a 4xx or 5xx says: branch on `code`. `fields` maps a body's pointer ("#/note") to what is wrong there. */
export class Problem extends Error {
  constructor(said) {
    super(said.detail);
    Object.assign(this, said);
    this.fields = new Map((said.errors ?? []).map((error) => [error.pointer ?? error.parameter ?? error.header, error]));
  }
}

const csrf = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";

/**
 * Ask the API. Answers the JSON, or null for 204. Throws a Problem; whoever is signed out is sent to sign in.
 * `token`: the claim's. `key`: the Idempotency-Key, so that a repeat has no second effect. `signal`: to give up.
 */
export async function call(method, path, body, { token, key, signal } = {}) {
  const headers = { Accept: "application/json", "X-CSRF-Token": csrf() };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (token !== undefined && token !== null) headers["Leadgate-Claim-Token"] = String(token);
  if (key) headers["Idempotency-Key"] = key;
  let response;
  try {
    response = await fetch(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ code: "unreachable", status: 0, title: "No answer", detail: "Leadgate does not answer. Check your connection." });
  }
  if (response.status === 204) return null;
  const said = await response.json().catch(() => ({ code: "internal", status: response.status, title: "No answer", detail: "The answer cannot be read." }));
  if (response.ok) return said;
  if (response.status === 401) location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
  throw new Problem(said);
}

/** A new Idempotency-Key. */
export const newKey = () => crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/**
 * Listen to server-sent events: `handlers` by event name, with the parsed data. `onState` is told true while connected.
 * The browser connects again by itself, and resumes. Answers a function that ends it.
 */
export function stream(path, handlers, onState = () => {}) {
  const source = new EventSource(path);
  source.addEventListener("open", () => onState(true));
  source.addEventListener("error", () => onState(false));
  for (const [name, handle] of Object.entries(handlers)) {
    source.addEventListener(name, (event) => handle(JSON.parse(event.data), event));
  }
  return () => source.close();
}
