// The workplace: active time, drafts, the lease, shortcuts. Everything here is comfort: the forms work without it.
// What happens between tasks (submitting, the next one, undo) is submitting.js.
import { aside, bodyOf, drop, find, keep, post } from "./outbox.js";
import { parts } from "./parts.js";
import { Reading } from "./reading.js";
import { Shortcuts } from "./shortcuts.js";
import { Shell, clock } from "./submitting.js";

const IDLE_AFTER = 60_000; // ms without a key, a click or a scroll: the time counts as a pause
const DRAFT_DELAY = 800; // ms after the last change
const WARN_BEFORE = 120_000; // ms before the lease ends

class Workplace {
  constructor(root, shell) {
    this.root = root;
    this.shell = shell;
    this.shownAt = Date.now();
    this.form = root.querySelector("#judgement");
    this.live = root.querySelector("[data-live]");
    this.savedLine = root.querySelector("[data-saved]");
    this.ending = root.querySelector("[data-ending]");
    this.lostNotice = root.querySelector("[data-lost]");
    this.other = root.querySelector("[data-other]");
    this.control = new AbortController();
    this.signal = this.control.signal;
    this.lastActivity = Date.now();
    this.dirty = false;
    this.timers = [];
    for (const element of root.querySelectorAll("[data-needs-script]")) element.hidden = false;
    this.shortcuts = new Shortcuts(this);
    this.parts = [this, new Reading(this), ...parts.map((part) => part(this)).filter(Boolean)];
    this.listen();
    // A correction holds no lease and keeps no draft: what was submitted is safe already.
    this.held = Boolean(root.dataset.draftUrl);
    this.every(1000, () => this.tick());
    if (!this.held) return;
    this.renewed(Number(root.dataset.leaseLeft));
    this.every(this.heartbeatEvery(), () => this.heartbeat());
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
    on(window, "pagehide", () => this.flush());
    on(document, "outbox:sent", () => this.unsaved && this.saved());
    on(document, "outbox:outdated", ({ detail }) => detail.url === this.root.dataset.draftUrl && this.setAside(detail.refused));
    on(this.other.querySelector("button"), "click", () => this.showOther());
    for (const type of ["keydown", "pointerdown"]) on(document, type, () => this.ending.hidden || this.heartbeat(true));
    const panel = this.root.querySelector(".guideline-panel");
    if (innerWidth < 1088 && !document.cookie.includes("guideline=")) panel.open = false;
    on(panel, "toggle", () => {
      document.cookie = `guideline=${panel.open ? "open" : "closed"}; path=/; max-age=31536000; samesite=lax`;
    });
  }

  // Time

  tick() {
    this.watchLease();
    if (document.hidden || Date.now() - this.lastActivity > IDLE_AFTER) return;
    const field = this.form.elements.seconds;
    field.value = String(Number(field.value || 0) + 1);
  }

  get leaseSeconds() {
    return Number(this.root.dataset.leaseSeconds);
  }

  heartbeatEvery() {
    return Math.max(15_000, Math.min(300_000, this.leaseSeconds * 300));
  }

  async heartbeat(asked) {
    if (!asked && (document.hidden || Date.now() - this.lastActivity > this.heartbeatEvery())) return;
    this.ending.hidden = true;
    const answer = await post(this.root.dataset.heartbeatUrl, "");
    if (answer?.ok) this.renewed();
    else if (answer?.status === 409) this.lost(await answer.text());
  }

  renewed(seconds = this.leaseSeconds) {
    this.heldUntil = Date.now() + seconds * 1000;
    if (this.held) this.ending.hidden = true;
  }

  // Before the lease ends unused, it asks; any key or click is an answer, too.
  watchLease() {
    if (!this.held || !this.lostNotice.hidden || this.heldUntil - Date.now() > Math.min(WARN_BEFORE, this.leaseSeconds * 333)) return;
    if (!this.ending.hidden) return;
    const text = interpolate(gettext("This task goes back to the queue at %s."), [clock(this.heldUntil)]);
    this.ending.querySelector("[data-ending-text]").textContent = text;
    this.ending.hidden = false;
  }

  lost(sentence) {
    this.lostNotice.textContent = sentence;
    this.lostNotice.hidden = false;
    this.ending.hidden = true;
    if (this.dirty) this.save();
  }

  // Drafts

  touch() {
    this.touched = true;
    if (!this.held) return;
    this.dirty = true;
    clearTimeout(this.draftTimer);
    this.draftTimer = setTimeout(() => this.save(), DRAFT_DELAY);
  }

  async save() {
    this.dirty = false;
    if (this.outdated) return this.setAside(this.outdated);
    const { draftUrl } = this.root.dataset;
    this.nameDraft();
    const draft = { url: draftUrl, body: bodyOf(this.form), draft: true };
    this.savedLine.textContent = gettext("Saving…");
    const answer = await post(draftUrl, draft.body);
    if (this.signal.aborted) return;
    if (!answer) {
      this.unsaved = keep(draft);
      this.savedLine.textContent = this.unsaved ? gettext("Not saved yet: kept on this computer.") : gettext("Not saved yet.");
    } else if (answer.ok) this.saved();
    else if (answer.status === 412) this.setAside(await answer.text());
    else this.savedLine.textContent = await answer.text();
  }

  saved() {
    this.unsaved = false;
    drop(this.root.dataset.draftUrl);
    this.savedLine.textContent = interpolate(gettext("Saved %s"), [clock(Date.now())]);
  }

  // Each draft says which one it follows and who wrote it, so that an older one never overwrites a newer one.
  nameDraft() {
    const { draft_after: after, draft_name: name } = this.form.elements;
    if (!name) return;
    const [number, tab] = (name.value || `${parseInt(after.value, 10)}.${Math.random().toString(36).slice(2, 12)}`).split(".");
    name.value = `${Number(number) + 1}.${tab}`;
  }

  // A newer draft is at the server: this one is kept here beside it.
  setAside(sentence) {
    const { draftUrl } = this.root.dataset;
    this.outdated = sentence;
    this.unsaved = false;
    const kept = keep({ url: aside(draftUrl), body: bodyOf(this.form), draft: true, refused: sentence });
    drop(draftUrl);
    this.savedLine.textContent = kept ? gettext("Kept on this computer.") : gettext("Not saved yet.");
    this.tellOther(sentence);
  }

  tellOther(sentence) {
    const [said, button] = this.other.children;
    if (said.textContent !== sentence) said.textContent = sentence;
    button.textContent = gettext("Show the other draft");
    this.other.hidden = false;
  }

  // The two change places: the page is loaded with the one, and the other stays on this computer.
  async showOther() {
    const { draftUrl } = this.root.dataset;
    if (!this.outdated) {
      clearTimeout(this.draftTimer);
      if (this.dirty) await this.save();
      keep({ ...find(aside(draftUrl)), shown: true });
    }
    location.assign(location.href);
  }

  flush() {
    if (!this.dirty) return;
    this.dirty = false;
    if (this.outdated) return this.setAside(this.outdated);
    this.nameDraft();
    const sent = navigator.onLine && navigator.sendBeacon(this.root.dataset.draftUrl, new FormData(this.form));
    if (!sent) keep({ url: this.root.dataset.draftUrl, body: bodyOf(this.form), draft: true });
  }

  // Submitting

  // Whether the answer may go: says what stands in the way, if something does.
  mayLeave() {
    const refusal = this.parts.map((part) => part.refusal?.()).find(Boolean);
    this.complain(refusal);
    return !refusal;
  }

  // It is on its way: no draft of it is needed any more.
  settled() {
    clearTimeout(this.draftTimer);
    this.dirty = false;
  }

  pause(paused) {
    this.form.inert = paused;
    this.root.querySelector("#submit").disabled = paused;
    this.savedLine.textContent = paused ? gettext("Waiting for the server…") : "";
  }

  complain(refusal) {
    const line = this.root.querySelector("[data-error]");
    line.textContent = refusal?.text ?? "";
    line.classList.toggle("warning", Boolean(refusal?.warning));
    line.hidden = !refusal;
  }

  // Keys

  actions = {
    help: () => document.getElementById("help").togglePopover(),
    skip: () => document.getElementById("skip")?.togglePopover(),
    undo_submit: () => this.shell.undo(),
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
    if (event.key === "Backspace" && !this.touched) {
      this.shell.undo();
      return true;
    }
    const name = this.shortcuts.actionOf(event);
    const able = this.parts.find((part) => part.actions?.[name]);
    if (able) return able.actions[name]() !== false;
    return this.parts.some((part) => part.key?.(event));
  }
}

if (document.querySelector("[data-work]")) new Shell(Workplace);
