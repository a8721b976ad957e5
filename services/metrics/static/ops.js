// The ops page follows the live stream: when a number changes, it asks for itself anew; the server renders what is so.
import { stream } from "./api.js";
import { $, $$, ago, money, tellTimes } from "./dom.js";

const SOON = 400; // ms after a change: what changes together is shown together
const OFTEN = 1000; // ms between two renewals, at least
const ANYHOW = 30_000; // ms after which it is renewed without a change: ages grow
const AGAIN = 5000; // ms after which a stream that was given up is opened anew

let due = null;
let renewed = 0;
let asking = null;
let ends = () => {};
const names = new Map();

const path = () => {
  const given = [...new FormData($("#filters"))].filter(([, value]) => value !== "");
  return `/ops?${new URLSearchParams(given)}`;
};

/** Ask for the page as it is now, and show its board. The filters, the focus and how far a table is scrolled stay. */
async function renew() {
  asking?.abort();
  const mine = (asking = new AbortController());
  renewed = Date.now();
  try {
    const response = await fetch(path(), { headers: { Accept: "text/html" }, signal: mine.signal });
    if (response.redirected) return location.assign(response.url);
    if (!response.ok) return later(AGAIN);
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    const scrolled = new Map($$("#board .scroll").map((table) => [table.dataset.table, table.scrollLeft]));
    $("#board").replaceChildren(...$("#board", fresh).childNodes);
    for (const table of $$("#board .scroll")) table.scrollLeft = scrolled.get(table.dataset.table) ?? 0;
    asOf($("#as-of", fresh).getAttribute("datetime"));
    tell();
  } catch (error) {
    if (error.name !== "AbortError") later(AGAIN);
  }
}

/** Renew soon, once for all that changes until then; not in a tab that nobody sees. */
function later(wait = SOON) {
  if (due !== null || document.hidden) return;
  due = setTimeout(() => {
    due = null;
    renew();
  }, Math.max(wait, renewed + OFTEN - Date.now()));
}

function asOf(moment) {
  const shown = $("#as-of");
  shown.setAttribute("datetime", moment);
  shown.textContent = ago(moment);
}

function state(on) {
  $("#live").classList.toggle("on", on);
  $("#live").classList.toggle("off", !on);
  $("#state").textContent = on ? "Live" : "Not connected; as it stood";
}

/** Listen for changes of what is shown. */
function listen() {
  ends();
  const wanted = [...new FormData($("#filters"))].filter(([name, value]) => ["source", "queue"].includes(name) && value !== "");
  let opened = false;
  const close = stream(
    `/v1/metrics/stream?${new URLSearchParams(wanted)}`,
    { series: () => later(), reset: () => later(), freshness: (said) => asOf(said.as_of) },
    (on) => {
      opened = on;
      state(on);
      if (on) return later(0); // what changed before it was open
      setTimeout(() => ends === end && !opened && listen(), AGAIN);
    },
  );
  const end = () => close();
  ends = end;
}

/** The names of reps, from the desk: no topic has them. Where it is not served here, their ids stay. */
async function learnNames() {
  let cursor = "";
  do {
    const response = await fetch(`/v1/reps?limit=200${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    if (!response.ok) return;
    const page = await response.json();
    for (const rep of page.data) names.set(rep.id, rep.name);
    cursor = page.next_cursor ?? "";
  } while (cursor);
  tell();
}

function tell() {
  tellTimes();
  for (const rep of $$("[data-rep]")) rep.textContent = names.get(rep.dataset.rep) ?? rep.dataset.rep;
  for (const value of $$("data.money")) value.textContent = money({ amount: Number(value.value), currency: value.dataset.currency });
}

$("#filters").addEventListener("change", () => {
  history.replaceState(null, "", path());
  renew();
  listen();
});
$("#filters").addEventListener("submit", (event) => {
  event.preventDefault();
  renew();
});
document.addEventListener("visibilitychange", () => document.hidden || later(0));
setInterval(() => Date.now() - renewed > ANYHOW && later(0), 1000);
renewed = Date.now();
tell();
listen();
learnNames();
