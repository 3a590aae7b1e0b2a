// Step labels: one key judges the outlined step and goes on to the next. The radio buttons are the only state.
import { parts } from "./parts.js";

const LABELS = ["good", "neutral", "bad"];
const say = (sentence, values) => interpolate(sentence, values, true);

class Solution {
  constructor(list, workplace) {
    Object.assign(this, { list, workplace });
    this.steps = [...list.querySelectorAll("[data-step]")];
    this.stops = "stops" in list.dataset;
    this.notice = workplace.root.querySelector("[data-stopped]");
    this.count = workplace.root.querySelector("[data-count]");
    this.history = []; // [step, its label before], oldest first
    this.actions = { undo: () => this.undo() };
    for (const label of LABELS) this.actions[label] = () => this.judge(label);
    const on = (type, handler) => list.addEventListener(type, handler, { signal: workplace.signal });
    on("pointerdown", () => (this.byPointer = true));
    on("keydown", () => (this.byPointer = false));
    on("change", (event) => this.onChange(event.target.closest("[data-step]")));
    on("focusin", (event) => this.go(event.target.closest("[data-step]")));
    workplace.root.addEventListener("click", (event) => event.target.closest("[data-undo]") && this.undo(), { signal: workplace.signal });
    this.labels = this.read();
    this.render();
    this.go(this.missing ?? this.steps[this.end]);
  }

  read() {
    return this.steps.map((step) => step.querySelector("input:checked")?.value ?? "");
  }

  // The last step that needs a label: the first error where the campaign stops there.
  get end() {
    const bad = this.stops ? this.labels.indexOf("bad") : -1;
    return bad < 0 ? this.steps.length - 1 : bad;
  }

  get missing() {
    return this.steps.slice(0, this.end + 1).find((step, at) => !this.labels[at]);
  }

  // Keys beside the letters: arrows move the outline, digits are labels, too.
  key(event) {
    const at = this.steps.indexOf(this.current);
    if (event.key === "ArrowUp") this.go(this.steps[at - 1], true);
    else if (event.key === "ArrowDown") this.go(this.steps[Math.min(at + 1, this.end)], true);
    else if (LABELS[event.key - 1] && this.workplace.shortcuts.keys.labels) this.judge(LABELS[event.key - 1]);
    else if (event.key === "Backspace") this.undo();
    else return false;
    return true;
  }

  judge(label) {
    this.current.querySelector(`[value=${label}]`).checked = true;
    this.workplace.changed();
    this.onChange(this.current);
  }

  // The radio has its new value, by whatever means.
  onChange(step) {
    const at = this.steps.indexOf(step);
    this.history.push([step, this.labels[at]]);
    this.labels = this.read();
    this.render();
    const next = at === this.end || this.labels[at + 1] ? this.missing : this.steps[at + 1];
    this.tell(at, next);
    if (next) this.go(next, true);
    this.moveFocus(next);
  }

  // Who uses the mouse has no use for the focus that a click leaves behind; who uses Tab goes on from the next step.
  moveFocus(next) {
    if (!this.list.contains(document.activeElement)) return;
    if (this.byPointer) document.activeElement.blur();
    else next?.querySelector("input:checked, input")?.focus();
  }

  undo() {
    const [step, label] = this.history.pop() ?? [];
    if (!step) return this.workplace.announce(gettext("Nothing to undo."));
    for (const radio of step.querySelectorAll("input")) radio.checked = radio.value === label;
    this.labels = this.read();
    this.workplace.changed();
    this.render();
    this.go(step, true);
    this.workplace.announce(say(gettext("Undone. Step %(step)s."), { step: this.steps.indexOf(step) + 1 }));
  }

  go(step, scroll = false) {
    if (!step) return;
    this.current?.removeAttribute("data-current");
    this.current = step;
    step.setAttribute("data-current", "");
    if (scroll) step.scrollIntoView({ block: "nearest" });
  }

  tell(at, next) {
    const label = this.steps[at].querySelector("input:checked").dataset.label;
    const said = [say(gettext("Step %(step)s: %(label)s."), { step: at + 1, label })];
    if (!this.missing && this.labels[this.end] === "bad" && this.stops) said.push(gettext("First error; the steps below are not labelled. Enter submits."));
    else if (!this.missing) said.push(gettext("All steps are labelled. Enter submits."));
    else said.push(say(gettext("Now step %(step)s: %(text)s"), { step: this.steps.indexOf(next) + 1, text: next.querySelector("[data-text]").innerText.slice(0, 300) }));
    this.workplace.announce(said.join(" "));
  }

  render() {
    const stopped = this.stops && this.labels[this.end] === "bad";
    for (const [at, step] of this.steps.entries()) {
      step.toggleAttribute("data-after", at > this.end);
      step.querySelector("fieldset").disabled = at > this.end;
    }
    this.notice.hidden = !stopped || this.end === this.steps.length - 1;
    if (!this.notice.hidden) this.steps[this.end].append(this.notice);
    const done = this.labels.slice(0, this.end + 1).filter(Boolean).length;
    const sentence = !stopped ? gettext("%(done)s of %(all)s steps labelled") : gettext("First error in step %(step)s");
    this.count.textContent = say(sentence, { done, all: this.steps.length, step: this.end + 1 });
  }

  refusal() {
    const step = this.missing;
    if (!step) return null;
    this.go(step, true);
    return { text: say(gettext("Step %(step)s has no label yet."), { step: this.steps.indexOf(step) + 1 }) };
  }
}

parts.push((workplace) => {
  const list = workplace.form.querySelector("[data-solution]");
  return list && new Solution(list, workplace);
});
