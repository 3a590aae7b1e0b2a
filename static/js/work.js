// The workplace: active time, drafts, the lease, shortcuts. Everything here is comfort: the forms work without it.
import { parts } from "./parts.js";
import { Reading } from "./reading.js";
import { Shortcuts } from "./shortcuts.js";

const IDLE_AFTER = 60_000; // ms without a key, a click or a scroll: the time counts as a pause
const DRAFT_DELAY = 800; // ms after the last change
const RETRY_DELAY = 5_000;

let current = null;

class Workplace {
  constructor(root) {
    this.root = root;
    this.form = root.querySelector("#judgement");
    this.live = root.querySelector("[data-live]");
    this.savedLine = root.querySelector("[data-saved]");
    this.control = new AbortController();
    this.signal = this.control.signal;
    this.lastActivity = Date.now();
    this.dirty = false;
    this.timers = [];
    for (const element of root.querySelectorAll("[data-needs-script]")) element.hidden = false;
    this.shortcuts = new Shortcuts(this);
    this.parts = [this, new Reading(this), ...parts.map((part) => part(this)).filter(Boolean)];
    this.listen();
    this.every(1000, () => this.tick());
    // A correction holds no lease and keeps no draft: what was submitted is safe already.
    this.held = Boolean(root.dataset.draftUrl);
    if (this.held) this.every(this.heartbeatEvery(), () => this.heartbeat());
  }

  every(ms, action) {
    this.timers.push(setInterval(action, ms));
  }

  leave() {
    this.control.abort();
    this.timers.forEach(clearInterval);
    clearTimeout(this.draftTimer);
  }

  listen() {
    const on = (target, type, handler, options = {}) =>
      target.addEventListener(type, handler, { signal: this.signal, ...options });
    const active = () => (this.lastActivity = Date.now());
    for (const type of ["keydown", "pointerdown", "pointermove", "scroll", "wheel"]) {
      on(document, type, active, { passive: true, capture: true });
    }
    on(document, "keydown", (event) => this.onKey(event));
    on(this.form, "input", () => this.touch());
    on(document, "submit", (event) => this.onSubmit(event), { capture: true });
    on(window, "pagehide", () => this.flush());
    for (const failure of ["htmx:responseError", "htmx:sendError"]) on(document, failure, () => this.failed());
    const panel = this.root.querySelector(".guideline-panel");
    if (innerWidth < 1088 && !document.cookie.includes("guideline=")) panel.open = false;
    on(panel, "toggle", () => {
      document.cookie = `guideline=${panel.open ? "open" : "closed"}; path=/; max-age=31536000; samesite=lax`;
    });
  }

  // Time

  tick() {
    if (document.hidden || Date.now() - this.lastActivity > IDLE_AFTER) return;
    const field = this.form.elements.seconds;
    field.value = String(Number(field.value || 0) + 1);
  }

  heartbeatEvery() {
    return Math.max(15_000, Math.min(300_000, Number(this.root.dataset.leaseSeconds) * 300));
  }

  async heartbeat() {
    if (document.hidden || Date.now() - this.lastActivity > this.heartbeatEvery()) return;
    const answer = await this.post(this.root.dataset.heartbeatUrl, new FormData(this.form));
    if (answer?.status === 409) this.lost(await answer.text());
  }

  lost(sentence) {
    const notice = this.root.querySelector("[data-lost]");
    notice.textContent = sentence;
    notice.hidden = false;
    this.flush();
  }

  // Drafts

  touch() {
    if (!this.held) return;
    this.dirty = true;
    this.schedule(DRAFT_DELAY);
  }

  schedule(delay) {
    clearTimeout(this.draftTimer);
    this.draftTimer = setTimeout(() => this.save(), delay);
  }

  async save() {
    this.dirty = false;
    this.savedLine.textContent = "Saving…";
    const answer = await this.post(this.root.dataset.draftUrl, new FormData(this.form));
    if (this.signal.aborted) return;
    if (answer?.ok) {
      const time = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
      this.savedLine.textContent = `Saved ${time}`;
    } else if (answer?.status === 409) {
      this.savedLine.textContent = await answer.text();
    } else {
      this.dirty = true;
      this.savedLine.textContent = "Not saved yet: the server does not answer. Trying again.";
      this.schedule(RETRY_DELAY);
    }
  }

  // The answer, or null when there was none (offline, or the page is being left).
  async post(url, body) {
    try {
      return await fetch(url, { method: "POST", body, redirect: "error", signal: this.signal });
    } catch (error) {
      if (error instanceof TypeError || error.name === "AbortError") return null;
      throw error;
    }
  }

  flush() {
    if (!this.dirty) return;
    this.dirty = false;
    navigator.sendBeacon(this.root.dataset.draftUrl, new FormData(this.form));
  }

  // Submitting

  onSubmit(event) {
    if (event.target !== this.form) return;
    const refusal = this.parts.map((part) => part.refusal?.()).find(Boolean);
    this.complain(refusal);
    if (refusal) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    clearTimeout(this.draftTimer);
    this.dirty = false;
  }

  complain(refusal) {
    const line = this.root.querySelector("[data-error]");
    line.textContent = refusal?.text ?? "";
    line.classList.toggle("warning", Boolean(refusal?.warning));
    line.hidden = !refusal;
  }

  failed() {
    this.complain({ text: gettext("The server could not take this just now. Your work is still here: submit it again in a moment.") });
    this.touch();
  }

  // Keys

  actions = {
    help: () => document.getElementById("help").togglePopover(),
    skip: () => document.getElementById("skip")?.togglePopover(),
    guideline: () => this.root.querySelector(".guideline-panel").toggleAttribute("open"),
  };

  // What parts tell the people who cannot see it, and that the answer is another now.
  announce = (text) => (this.live.textContent = text);

  changed = () => this.touch();

  onKey(event) {
    if (event.defaultPrevented || event.isComposing) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.form.requestSubmit();
    } else if (this.shortcuts.allowed(event) && this.shortcut(event)) event.preventDefault();
  }

  shortcut(event) {
    const native = event.target.closest("a, button, summary, input");
    if (native && (event.key === "Enter" || event.key === " ")) return false;
    if (native?.matches("input") && event.key.startsWith("Arrow")) return false;
    if (event.key === "Enter") {
      this.form.requestSubmit();
      return true;
    }
    const name = this.shortcuts.actionOf(event);
    const able = this.parts.find((part) => part.actions?.[name]);
    if (able) return able.actions[name]() !== false;
    return this.parts.some((part) => part.key?.(event));
  }
}

function start() {
  const root = document.querySelector("[data-work]");
  if (root === current?.root) return;
  current?.leave();
  current = root ? new Workplace(root) : null;
}

start();
document.addEventListener("htmx:afterSwap", start); // not htmx:load, which comes 20 ms later: keys would be lost
