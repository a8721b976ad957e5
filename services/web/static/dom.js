// Small things for pages: elements, texts of times, durations and money, messages. No element is built from text.

/** Make an element: `el("p", { class: "muted", onclick: f }, "text", child)`. Nothing is parsed as HTML. */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export const $ = (selector, within = document) => within.querySelector(selector);
export const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];

/** Say something for a few seconds, to screen readers too. `tone`: "" or "bad". */
export function toast(text, tone = "") {
  const made = el("div", { class: `toast ${tone}` }, text);
  $("#toasts").append(made);
  setTimeout(() => made.remove(), tone === "bad" ? 8000 : 4000);
}

/** `94000` → `1 min 34 s`; null → `–`. Two units at most. */
export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  const seconds = Math.round(Math.abs(ms) / 1000);
  const [days, hours, minutes] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  const parts = [[days, "d"], [hours, "h"], [minutes, "min"], [seconds % 60, "s"]];
  const first = parts.findIndex(([value]) => value > 0);
  if (first < 0) return "0 s";
  return parts.slice(first, first + 2).filter(([value]) => value > 0).map(([value, unit]) => `${value} ${unit}`).join(" ");
}

/** A moment in words of now: `5 min ago`, `in 2 h`. */
export function ago(moment, now = Date.now()) {
  const ms = new Date(moment).getTime() - now;
  if (Math.abs(ms) < 5000) return "just now";
  const text = duration(ms).split(" ").slice(0, 2).join(" ");
  return ms < 0 ? `${text} ago` : `in ${text}`;
}

/** A moment in the reader's zone and language. */
export const local = (moment) => new Date(moment).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

/** `{amount, currency}` in minor units as money; null → `–`. */
export function money(value) {
  if (!value) return "–";
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency: value.currency });
  return format.format(value.amount / 10 ** format.resolvedOptions().maximumFractionDigits);
}

/** Show every <time> in the reader's zone; those with data-ago in words of now. Call it again after adding some. */
export function tellTimes(within = document) {
  for (const time of $$("time[datetime]", within)) {
    const moment = time.getAttribute("datetime");
    time.title = local(moment);
    time.textContent = time.hasAttribute("data-ago") ? ago(moment) : local(moment);
  }
}
