// What is not at the server yet: submissions, skips and drafts, each an entry in localStorage under its user and address,
// so that it survives a lost connection, a lost session and a closed tab, and is never shown to anybody else. Entries are
// { url, body, key, at, draft, refused }; the key makes sending twice harmless. Every page sends what waits.
const user = document.body.dataset.user;
const prefix = `outbox:${user}:`;
const strip = document.getElementById("outbox");
const going = new Map(); // address -> the promise of the answer
const FIRST_RETRY = 2_000;
const LAST_RETRY = 60_000;

let trouble = ""; // "", "offline" or "login"
let delay = FIRST_RETRY;
let timer = null;

export function entries() {
  const keys = Object.keys(localStorage).filter((key) => key.startsWith(prefix));
  return keys.map((key) => JSON.parse(localStorage.getItem(key))).sort((a, b) => a.at - b.at);
}

export const find = (url) => JSON.parse(localStorage.getItem(prefix + url));
export const aside = (draftUrl) => `${draftUrl}#aside`; // where a draft is kept that would have overwritten a newer one
export const csrf = () => document.cookie.match(/(?:^|; )csrftoken=([^;]*)/)?.[1] ?? ""; // new after each login
export const isGoing = (url) => going.get(url);
export const bodyOf = (form) => {
  const fields = new URLSearchParams(new FormData(form));
  fields.delete("csrfmiddlewaretoken"); // it may be old by then: the header has the one of the hour
  return fields.toString();
};

// Whether the browser has kept it: it may be full, or forbid it.
export function keep(entry) {
  try {
    localStorage.setItem(prefix + entry.url, JSON.stringify({ at: Date.now(), ...entry }));
  } catch (error) {
    if (error instanceof DOMException) return false;
    throw error;
  }
  return true;
}

export function drop(url) {
  localStorage.removeItem(prefix + url);
  show();
}

// The server's answer, or null while there is none: no connection, no session, or a server in trouble.
export async function post(url, body, headers = {}) {
  let answer = null;
  try {
    answer = await fetch(url, {
      method: "POST",
      body: new URLSearchParams(body),
      headers: { "X-CSRFToken": csrf(), "X-Concord-Shown": "none", ...headers },
      redirect: "manual",
      keepalive: body.length < 60_000,
    });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  const before = trouble;
  trouble = answer?.type === "opaqueredirect" ? "login" : !answer || answer.status >= 500 ? "offline" : "";
  if (trouble !== before) show();
  if (!trouble) return answer;
  retry();
  return null;
}

export function send(entry, headers = {}) {
  if (!going.has(entry.url)) going.set(entry.url, deliver(entry, headers).finally(() => going.delete(entry.url)));
  return going.get(entry.url);
}

async function deliver(entry, headers) {
  const answer = await post(entry.url, entry.body, { "Idempotency-Key": entry.key ?? "", ...headers });
  if (!answer) return null;
  if (answer.ok || entry.draft) localStorage.removeItem(prefix + entry.url);
  else keep({ ...entry, refused: await refusal(answer) });
  if (entry.draft && answer.status === 412) {
    const detail = { ...entry, refused: await refusal(answer) };
    keep({ ...detail, url: aside(entry.url) });
    document.dispatchEvent(new CustomEvent("outbox:outdated", { detail }));
  }
  show();
  if (answer.ok && !entry.draft) document.dispatchEvent(new CustomEvent("outbox:taken", { detail: entry }));
  return answer;
}

async function refusal(answer) {
  const said = answer.headers.get("Content-Type")?.startsWith("text/plain") ? await answer.clone().text() : "";
  return said || gettext("The server refused it.");
}

function retry() {
  clearTimeout(timer);
  timer = setTimeout(flush, delay);
  delay = Math.min(2 * delay, LAST_RETRY);
}

export async function flush() {
  clearTimeout(timer);
  const waiting = entries().filter((entry) => !entry.refused);
  for (const entry of waiting) if (!(await send(entry))) return;
  if (!trouble) delay = FIRST_RETRY;
  document.dispatchEvent(new Event("outbox:sent"));
}

// What waits, and what was refused, in words.

function line(text, ...more) {
  const row = document.createElement("p");
  row.append(text, ...more.flatMap((one) => [" ", one]));
  return row;
}

function link(text, href) {
  return Object.assign(document.createElement("a"), { textContent: text, href });
}

function dismiss(entry) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "button small", textContent: gettext("Dismiss") });
  button.addEventListener("click", () => drop(entry.url));
  return button;
}

function show() {
  const { url, draftUrl } = document.querySelector("[data-work]")?.dataset ?? {};
  const all = entries();
  const refused = all.filter((entry) => entry.refused && ![url, aside(draftUrl)].includes(entry.url));
  const n = all.filter((entry) => !entry.refused && !entry.draft).length;
  const rows = refused.map((entry) => {
    const text = entry.draft ? gettext("A draft was not saved: %s") : url ? gettext("The task before this one was not taken: %s") : gettext("An answer was not taken: %s");
    return line(interpolate(text, [entry.refused]), link(gettext("Open it again"), entry.url.replace(/(skip\/|draft\/#aside)$/, "")), dismiss(entry));
  });
  if (trouble === "offline" && n) {
    const text = ngettext("Offline: %s answer waits here. It is sent as soon as the connection is back.", "Offline: %s answers wait here. They are sent as soon as the connection is back.", n);
    rows.unshift(line(interpolate(text, [n])));
  }
  if (trouble === "login") {
    const text = n ? ngettext("You are logged out. %s answer waits here.", "You are logged out. %s answers wait here.", n) : gettext("You are logged out. What you have done is kept here.");
    rows.unshift(line(interpolate(text, [n]), link(gettext("Log in and go on"), `/login/?next=${encodeURIComponent(location.pathname)}`)));
  }
  if (strip.textContent !== rows.map((row) => row.textContent).join("")) strip.replaceChildren(...rows);
  strip.hidden = !rows.length;
}

// Leaving: nobody's answers stay on a shared computer, and none is lost unasked.
let warned = false;
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.getAttribute("action")?.endsWith("/logout/")) return;
  event.preventDefault();
  if (!warned) await flush();
  const n = entries().filter((entry) => !entry.refused || entry.draft).length;
  if (n && !warned) {
    warned = true;
    const text = ngettext("%s answer is not sent yet and would be lost. Log out again to leave it behind.", "%s answers are not sent yet and would be lost. Log out again to leave them behind.", n);
    strip.prepend(line(interpolate(text, [n])));
    strip.hidden = false;
    return;
  }
  for (const entry of entries()) localStorage.removeItem(prefix + entry.url);
  form.submit();
});

addEventListener("online", flush);
document.addEventListener("visibilitychange", () => !document.hidden && trouble && flush());
// Once every module listens for what becomes of it.
document.addEventListener("DOMContentLoaded", () => {
  show();
  if (entries().some((entry) => !entry.refused)) flush();
});
