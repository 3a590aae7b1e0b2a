// Writing: the number of words, turns and sources that come as they are needed, and the keys and buttons that format.
// The form's fields are the state.

import { TOOLS } from "./formatting.js";
import { parts } from "./parts.js";

// What Python's str.split() splits at; \s differs from it in six characters.
const SPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;
const TELL_AFTER = 1200; // ms without typing, until the number of words is announced
const KEYS = { b: "bold", i: "italic", k: "link" };

const countWords = (text) => text.split(SPACE).filter(Boolean).length;

class Writing {
  constructor({ root, form, signal, announce, changed }) {
    Object.assign(this, { root, form, announce, changed });
    this.text = form.elements.text;
    this.words = root.querySelector("[data-words]");
    this.last = this.text;
    const on = (target, type, handler) => target?.addEventListener(type, handler, { signal });
    on(form, "input", () => this.count());
    on(form, "focusin", ({ target }) => target.matches("[data-markdown]") && (this.last = target));
    on(form, "keydown", (event) => this.onKey(event));
    this.tools = root.querySelector("[data-tools]");
    on(this.tools, "mousedown", (event) => event.preventDefault()); // the selection stays where it is
    on(this.tools, "click", ({ target }) => this.format(this.last, target.closest("[data-tool]")?.dataset.tool));
    on(this.tools, "keydown", (event) => this.moveInTools(event));
    on(form, "click", ({ target }) => this.onClick(target));
    for (const button of [...this.tools.children].slice(1)) button.tabIndex = -1;
    for (const hint of form.querySelectorAll("[data-no-script]")) hint.hidden = true;
    this.turns = [...form.querySelectorAll("[data-turn]")];
    this.shown = this.turns.filter((turn) => !turn.hasAttribute("data-unused")).length;
    this.dropped = new Map();
    this.showTurns();
    this.thinSources();
    signal.addEventListener("abort", () => clearTimeout(this.timer));
    this.count(true);
  }

  // Words

  state(words) {
    const low = Number(this.words.dataset.min);
    const high = Number(this.words.dataset.max);
    if (words < low) return interpolate(ngettext("%s word too few", "%s words too few", low - words), [low - words]);
    if (high && words > high) return interpolate(ngettext("%s word too many", "%s words too many", words - high), [words - high]);
    return "";
  }

  count(silent = false) {
    if (!this.words) return;
    const { min, max } = this.words.dataset;
    const words = countWords(this.text.value);
    const number = interpolate(ngettext("%s word", "%s words", words), [words]);
    const both = Number(min) && Number(max);
    const range = both ? gettext("(%(min)s to %(max)s)") : Number(max) ? gettext("(at most %(max)s)") : gettext("(%(min)s or more)");
    const state = this.state(words);
    const asked = Number(min) || Number(max) ? ` ${interpolate(range, { min, max }, true)}` : "";
    const said = number + asked + (state && ` · ${state}`);
    if (said === this.words.textContent) return;
    this.words.textContent = said;
    this.words.toggleAttribute("data-out", Boolean(state));
    clearTimeout(this.timer);
    if (silent !== true) this.timer = setTimeout(() => this.announce(said), TELL_AFTER);
  }

  // What stands in the way of submitting: said here at once, and by the server in any case.
  refusal() {
    if (this.root.querySelector("[name=decision]")) return null;
    const state = this.words && this.state(countWords(this.text.value));
    if (state) return this.point(this.text, interpolate(gettext("The answer has %s."), [state]));
    const box = [...this.form.querySelectorAll("[data-checklist] input")].find((one) => !one.checked);
    if (!box) return null;
    const item = box.closest("label").textContent.trim();
    return this.point(box, interpolate(gettext("Not ticked yet: “%s”. Do it, then tick it."), [item]));
  }

  point(field, text) {
    const write = this.form.querySelector("[name=pane][value=write]");
    if (field === this.text && write) write.checked = true;
    field.focus();
    return { text };
  }

  // Keys

  format(field, tool) {
    if (tool) TOOLS[tool](field);
  }

  onKey(event) {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || !event.target.matches("[data-markdown]")) return;
    const tool = KEYS[event.key.toLowerCase()];
    if (!tool) return;
    event.preventDefault();
    this.format(event.target, tool);
  }

  moveInTools(event) {
    const buttons = [...this.tools.children];
    const forwards = getComputedStyle(this.tools).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
    const step = { ArrowRight: 1, ArrowLeft: 1, Home: 0, End: 0 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const at = buttons.indexOf(event.target) + (event.key === forwards ? 1 : -1);
    const to = event.key === "Home" ? 0 : event.key === "End" ? buttons.length - 1 : (at + buttons.length) % buttons.length;
    buttons.forEach((button, n) => (button.tabIndex = n === to ? 0 : -1));
    buttons[to].focus();
  }

  // Turns and sources

  onClick(target) {
    if (target.closest("[data-add-turns]")) this.setTurns(this.shown + 2);
    else if (target.closest("[data-drop-turns]")) this.setTurns(this.shown - 2);
    else if (target.closest("[data-add-source]")) this.addSource();
  }

  // What is taken out comes back when the turns are added again.
  setTurns(n) {
    this.turns.forEach((turn, at) => {
      const field = turn.querySelector("textarea");
      if (at >= n && at < this.shown) {
        this.dropped.set(at, field.value);
        field.value = "";
      } else if (at < n && at >= this.shown) field.value = this.dropped.get(at) ?? "";
    });
    const added = n > this.shown;
    this.shown = n;
    this.showTurns();
    this.turns[added ? n - 2 : n - 1].querySelector("textarea").focus();
    this.announce(interpolate(ngettext("%s turn.", "%s turns.", n), [n]));
    this.changed();
  }

  showTurns() {
    this.turns.forEach((turn, at) => (turn.hidden = at >= this.shown));
    const button = (name) => this.form.querySelector(`[data-${name}-turns]`);
    if (!button("add")) return;
    button("add").disabled = this.shown >= this.turns.length;
    button("drop").disabled = this.shown <= 1;
  }

  sources() {
    return [...this.form.querySelectorAll("[data-source]")];
  }

  // One empty line is enough: with a script, more come by the button.
  thinSources() {
    const empty = this.sources().filter((row) => !row.querySelector("[type=text]").value);
    for (const row of empty.slice(1)) row.remove();
  }

  addSource() {
    const rows = this.sources();
    const row = rows.at(-1).cloneNode(true);
    const number = rows.length;
    for (const input of row.querySelectorAll("input")) {
      input.name = input.name.replace(/\d+$/, number);
      input.checked = false;
      if (input.type === "text") Object.assign(input, { value: "", ariaLabel: interpolate(gettext("Source %s"), [number + 1]) });
    }
    rows.at(-1).after(row);
    row.querySelector("input").focus();
    if (number + 1 >= 20) this.form.querySelector("[data-add-source]").disabled = true;
  }
}

parts.push((workplace) => (workplace.root.querySelector(".panes") ? new Writing(workplace) : null));
