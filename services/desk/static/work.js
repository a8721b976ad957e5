// A rep's page. It calls the API as any client does, then asks for the page anew: the server renders what is so.
import { call, newKey } from "./api.js";
import { $, $$, money, tellTimes, toast } from "./dom.js";

const WAIT = 25; // seconds that a pull waits for something to come
let beating = null;
let waiting = null;

/** Ask for the page again and show it; `claim` is the one to show. */
async function renew(claim) {
  const path = claim ? `/work?claim=${encodeURIComponent(claim)}` : "/work";
  const response = await fetch(path, { headers: { Accept: "text/html" } });
  if (response.redirected) return location.assign(response.url);
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  $("#content").replaceChildren(...$("#content", fresh).childNodes);
  history.replaceState(null, "", path);
  begin();
  $("#who")?.focus();
}

async function pull(button) {
  if (waiting) return waiting.abort();
  waiting = new AbortController();
  const about = $("#pull-about");
  const label = button.textContent;
  button.setAttribute("aria-busy", "true");
  button.textContent = "Waiting … press to stop";
  about.textContent = `Waiting up to ${WAIT} seconds for the next one.`;
  try {
    const pulled = await call("POST", `/v1/desks/${button.dataset.desk}/pull`, { wait: WAIT }, { key: newKey(), signal: waiting.signal });
    if (pulled) return await renew(pulled.claim.id);
    about.textContent = "There is nothing for you just now.";
  } catch (error) {
    about.textContent = error.name === "AbortError" ? "Stopped waiting." : error.detail ?? error.message;
    if (error.name !== "AbortError") about.classList.add("mistake");
  } finally {
    waiting = null;
    button.removeAttribute("aria-busy");
    button.textContent = label;
  }
}

/** The body that a form's fields make: a name is a path, an empty field is left out. */
function body(form) {
  const made = {};
  for (const field of form.elements) {
    if (!field.name || field.name === "currency" || ((field.type === "radio" || field.type === "checkbox") && !field.checked)) continue;
    if (field.value === "" || field.disabled) continue;
    const steps = field.name.split(".");
    const last = steps.pop();
    let at = made;
    for (const step of steps) at = at[step] ??= {};
    if (field.dataset.type === "list") (at[last] ??= []).push(field.value);
    else at[last] = read(field, form);
  }
  return made;
}

function read(field, form) {
  if (field.dataset.type === "flag") return field.checked;
  if (field.dataset.type === "json") return JSON.parse(field.value);
  if (field.type === "datetime-local") return new Date(field.value).toISOString();
  if (field.type === "number") {
    const currency = form.elements.currency.value;
    const digits = new Intl.NumberFormat(undefined, { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
    return { amount: Math.round(Number(field.value) * 10 ** digits), currency };
  }
  return field.value;
}

/** Do what a form or button says, with the claim's token; say what came of it. */
async function act(from, sent, busy) {
  const chosen = $("#chosen");
  busy.disabled = true;
  try {
    const answer = await call(from.dataset.method, from.dataset.path, sent, { token: chosen?.dataset.token, key: from.dataset.method === "POST" ? newKey() : undefined });
    toast(came(answer, sent) ?? from.dataset.done);
    await renew(chosen?.dataset.claim);
  } catch (error) {
    busy.disabled = false;
    tell(from, error);
  }
}

/** What came of it, where that is not what was asked for in so many words. */
function came(answer, sent) {
  if (sent?.handover === "live") return answer.handed.taken_by ? "Taken: a closer has them now." : "No closer was waiting: they are in the pool.";
  if (answer?.item?.state === "parked") return "Given back. Nobody else may have it: it is on your manager's list.";
  const falling = answer?.falls_due?.length;
  if (falling) return `You are away. ${falling} ${falling === 1 ? "thing falls" : "things fall"} due meanwhile, ${answer.falls_due.filter((each) => each.cover).length} with a cover.`;
  return undefined;
}

/** Show what goes with a choice only while it is chosen: `data-when="handover=booked"`. */
function choose(form) {
  for (const part of $$("[data-when]", form)) {
    const [name, value] = part.dataset.when.split("=");
    part.hidden = form.elements[name].value !== value;
    for (const field of $$("input", part)) field.disabled = part.hidden;
  }
}

function tell(from, error) {
  const said = [error.detail, ...[...(error.fields ?? new Map())].map(([where, what]) => `${where.replace("#/", "")}: ${what.detail}${what.remedy ? `. ${what.remedy}` : ""}`)].join(" ");
  const place = $(".alert", from);
  if (!place) return toast(said, "bad");
  place.textContent = said;
  place.hidden = false;
  for (const [where] of error.fields ?? []) {
    const field = from.elements[where.replace("#/", "").replaceAll("/", ".")];
    (field?.[0] ?? field)?.setAttribute?.("aria-invalid", "true");
  }
}

function begin() {
  tellTimes();
  for (const value of $$("data.money")) value.textContent = money({ amount: Number(value.value), currency: value.dataset.currency });
  for (const button of $$("button.pull")) button.addEventListener("click", () => pull(button));
  for (const form of $$("form.say")) {
    choose(form);
    form.addEventListener("change", () => choose(form));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      for (const field of $$("[aria-invalid]", form)) field.removeAttribute("aria-invalid");
      $(".alert", form).hidden = true;
      if (!form.checkValidity()) return form.reportValidity();
      act(form, body(form), $("button", form));
    });
  }
  for (const button of $$("button.do")) button.addEventListener("click", () => act(button, JSON.parse(button.dataset.body), button));
  clearInterval(beating);
  const chosen = $("#chosen");
  if (chosen?.dataset.heartbeat) {
    const beat = () => call("POST", `/v1/claims/${chosen.dataset.claim}/heartbeat`, undefined, { token: chosen.dataset.token }).catch((error) => {
      clearInterval(beating);
      toast(error.code === "claim_lost" ? "It is no longer yours." : error.detail, "bad");
    });
    beating = setInterval(beat, Number(chosen.dataset.heartbeat));
  }
}

document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "p" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  const button = $("button.pull:not(:disabled)");
  if (button) pull(button);
});

begin();
