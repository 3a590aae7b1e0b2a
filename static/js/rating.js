// Values on axes, flags, the expected behaviour, the rationale. The form's fields are the only state.
//
// In a rating campaign a digit answers the outlined question and moves on to the next open one, and a letter goes to a
// completion; beside a ranking, digits do so while the focus is among the questions (the rate key takes it there).
// Among open flags, letters switch them. What a control means stands in the line below, on focus and under the pointer.
import { parts } from "./parts.js";

const say = (text, values) => interpolate(text, values, true);

class Rating {
  constructor(workplace) {
    this.workplace = workplace;
    const { root, form, announce, signal } = workplace;
    Object.assign(this, { root, form, announce });
    this.cards = [...root.querySelectorAll("[data-completion]")];
    this.questions = [...root.querySelectorAll(".axis")];
    this.alone = !root.querySelector(".ranks"); // a rating campaign: digits are for the questions at once
    this.history = [];
    this.before = this.values();
    const on = (target, type, handler) => target.addEventListener(type, handler, { signal });
    on(form, "keydown", (event) => this.onKey(event));
    on(form, "change", (event) => this.onChange(event));
    for (const type of ["focusin", "pointerover"]) on(root, type, (event) => this.explain(event.target));
    for (const type of ["focusout", "pointerout"]) on(root, type, () => this.explain(document.activeElement));
    on(root, "keydown", (event) => event.key === "Escape" && this.explain(null));
    on(root, "click", (event) => this.alone && event.target.closest("[data-undo]") && this.undo());
    on(root, "pointerdown", (event) => this.onPointer(event));
    root.querySelector(".meanings")?.setAttribute("hidden", "");
    const behave = (value) => () => this.set("behaviour", value);
    this.actions = {
      rate: () => this.focusQuestion(this.open(this.card)[0] ?? this.in(this.card)[0]),
      flags: () => this.openFlags(this.card),
      behaviour_answer: behave("answer"),
      behaviour_careful: behave("careful"),
      behaviour_decline: behave("decline"),
    };
    if (this.alone) this.actions.undo = () => this.undo();
    if (this.alone) this.outline(this.open()[0] ?? this.questions[0]);
    this.render();
  }

  get card() {
    return document.activeElement.closest("[data-completion]") ?? this.root.querySelector("[data-current][data-completion]") ?? this.cards[0];
  }

  in(card) {
    return this.questions.filter((question) => !card || card.contains(question));
  }

  open(card) {
    return this.in(card).filter((question) => !question.querySelector(":checked"));
  }

  letterOf(element) {
    return element.closest("[data-completion]").dataset.completion;
  }

  labelOf(question) {
    return question.dataset.label;
  }

  values() {
    const asked = this.form.querySelectorAll(".axis :checked, .flags :checked, .behaviour :checked");
    return new Set([...asked].map((input) => `${input.name}=${input.value}`));
  }

  // Changing

  set(name, value) {
    const input = this.form.querySelector(`input[name="${name}"][value="${value}"]`);
    if (!input) return false;
    input.checked = input.type === "radio" || !input.checked;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  }

  onChange(event) {
    const { target } = event;
    if (!target.closest(".axis, .flags, .behaviour")) return;
    this.history.push({ values: this.before, current: this.current });
    this.before = this.values();
    this.workplace.changed();
    const question = target.closest(".axis");
    if (question && this.alone) this.outline(question);
    this.render();
    if (question) this.tell(question, target);
    else if (target.closest(".flags")) {
      const words = { letter: this.letterOf(target), flag: target.dataset.label };
      this.announce(say(target.checked ? gettext("%(letter)s: %(flag)s, set.") : gettext("%(letter)s: %(flag)s, not set."), words));
    } else this.announce(target.dataset.label);
  }

  tell(question, { value, dataset }) {
    const words = { letter: this.letterOf(question), axis: this.labelOf(question), value, name: dataset.label, left: this.remaining() };
    this.announce(say(gettext("%(letter)s, %(axis)s: %(value)s %(name)s. %(left)s"), words));
  }

  remaining() {
    const { length } = this.open();
    if (!length) return this.alone ? gettext("All rated. Enter submits.") : gettext("All rated.");
    return say(ngettext("%(n)s value left.", "%(n)s values left.", length), { n: length });
  }

  undo() {
    const step = this.history.pop();
    if (!step) return this.announce(gettext("Nothing to undo."));
    for (const input of this.form.querySelectorAll(".axis input, .flags input, .behaviour input")) {
      input.checked = step.values.has(`${input.name}=${input.value}`);
    }
    this.before = step.values;
    this.outline(step.current);
    this.render();
    this.workplace.changed();
    this.announce(say(gettext("Undone. %(left)s"), { left: this.remaining() }));
  }

  // Keys

  onKey(event) {
    const { shortcuts } = this.workplace;
    if (!shortcuts.allowed(event) || event.defaultPrevented) return;
    const question = event.target.closest(".axis");
    const flags = event.target.closest(".flags");
    if ((question && this.digit(question, event, true)) || (flags && this.flagKey(flags, event))) event.preventDefault();
  }

  // Keys of the page, in a rating campaign.
  key(event) {
    const { keys } = this.workplace.shortcuts;
    if (!this.alone) return false;
    if (keys.values && this.current && this.digit(this.current, event, false)) return true;
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by) return this.move(this.questions[this.questions.indexOf(this.current) + by]);
    const side = { ArrowRight: 1, ArrowLeft: -1 }[event.key] * (document.dir === "rtl" ? -1 : 1);
    const card = side
      ? this.cards[this.cards.indexOf(this.card) + side]
      : keys.letters && this.cards.find((one) => this.letterOf(one) === event.key.toUpperCase());
    return Boolean(card) && this.move(this.open(card)[0] ?? this.in(card)[0]);
  }

  move(question) {
    if (!question) return true;
    this.outline(question);
    this.announce(`${this.letterOf(question)}, ${this.labelOf(question)}.`);
    return true;
  }

  digit(question, event, focused) {
    const value = event.code?.match(/^(?:Digit|Numpad)(\d)$/)?.[1];
    const input = value && question.querySelector(`input[value="${value === "0" ? 10 : value}"]`);
    if (!input) return false;
    this.set(input.name, input.value);
    const after = this.questions.slice(this.questions.indexOf(question) + 1);
    const next = [...after, ...this.questions].find((one) => this.open().includes(one));
    if (focused) this.focusQuestion(next ?? question);
    else if (next) this.outline(next);
    return true;
  }

  focusQuestion(question) {
    if (!question) return false;
    question.closest("details")?.setAttribute("open", "");
    (question.querySelector(":checked") ?? question.querySelector("input")).focus();
    if (this.alone) this.outline(question);
    return true;
  }

  openFlags(card) {
    const flags = card.querySelector(".flags");
    if (!flags.contains(document.activeElement)) this.back = document.activeElement;
    flags.open = true;
    flags.querySelector("input").focus();
  }

  flagKey(flags, event) {
    const own = this.workplace.shortcuts.actionOf(event) === "flags";
    if (event.key === "Escape" || own) {
      flags.open = false;
      this.back === document.body ? document.activeElement.blur() : this.back?.focus();
      return true;
    }
    const input = event.key.length === 1 && flags.open && flags.querySelector(`input[data-letter="${event.key.toLowerCase()}"]`);
    if (!input) return false;
    input.focus();
    return this.set(input.name, input.value);
  }

  // Showing

  onPointer(event) {
    const question = event.target.closest(".axis");
    const card = event.target.closest("[data-completion]");
    if (this.alone && card && !event.target.closest("input, label")) this.outline(question ?? this.open(card)[0] ?? this.in(card)[0]);
  }

  outline(question) {
    if (!question || question === this.current) return;
    for (const element of [this.current, this.current?.closest("[data-completion]")]) element?.removeAttribute("data-current");
    const moved = this.current;
    this.current = question;
    for (const element of [question, question.closest("[data-completion]")]) element.setAttribute("data-current", "");
    if (moved) question.scrollIntoView({ block: "nearest" });
    this.explain(document.activeElement);
  }

  // What the control at hand means, in the line kept for that; else the one with the focus, or the outlined question.
  explain(target) {
    for (const line of this.root.querySelectorAll("[data-help]")) line.textContent = "";
    if (!target) return;
    const meaning = (element) => document.getElementById(element?.getAttribute?.("aria-describedby"));
    const pointed = target.closest?.("label")?.querySelector("[aria-describedby]");
    const asked = [pointed, target, document.activeElement].find((element) => meaning(element)?.dataset.name);
    const line = (asked ?? this.current)?.closest("[data-completion], .behaviour, .marker")?.querySelector("[data-help]");
    if (!line) return;
    const name = document.createElement("b");
    name.textContent = asked ? meaning(asked).dataset.name : this.labelOf(this.current);
    line.append(name, " ", asked ? meaning(asked).textContent : this.current.dataset.meaning);
  }

  render() {
    for (const question of this.questions) if (question.querySelector(":checked")) question.removeAttribute("data-missing");
    for (const flags of this.root.querySelectorAll(".flags")) {
      const n = flags.querySelectorAll(":checked").length;
      flags.querySelector("[data-flag-count]").textContent = n ? interpolate(gettext("%s set"), [n]) : "";
    }
    for (const card of this.cards) {
      const given = card.querySelector("[data-given]");
      if (given) given.textContent = `${this.in(card).length - this.open(card).length}/${this.in(card).length}`;
      if (this.alone) card.toggleAttribute("data-missing", Boolean(card.querySelector(".axis[data-missing]")));
    }
    const left = this.root.querySelector("[data-left]");
    if (left) left.textContent = this.remaining();
    const undo = this.alone && this.root.querySelector("[data-undo]");
    if (undo) undo.disabled = !this.history.length;
  }

  // Names what is missing by letter and question, in place, too.
  refusal() {
    const { elements } = this.form;
    if (elements.verdict?.value === "cannot_rank") return null;
    const missing = this.open().filter((question) => "required" in question.dataset);
    for (const question of missing) question.setAttribute("data-missing", "");
    this.render();
    const cards = this.cards.filter((card) => missing.some((question) => card.contains(question)));
    if (cards.length) {
      this.alone ? this.outline(missing[0]) : missing[0].closest("details")?.setAttribute("open", "");
      const named = cards.map((card) => `${this.letterOf(card)}: ${missing.filter((one) => card.contains(one)).map(this.labelOf).join(", ")}`);
      return { text: say(gettext("No value yet for %(questions)s."), { questions: named.join("; ") }) };
    }
    if (elements.behaviour && !elements.behaviour.value) {
      return { text: gettext("Say what the assistant should do: answer, answer with care, or decline.") };
    }
    const rationale = elements.rationale;
    if (rationale && "required" in rationale.dataset && !rationale.value.trim()) {
      return { text: gettext("Give your rationale: why did you judge so?") };
    }
    return null;
  }
}

parts.push((workplace) => (workplace.root.querySelector(".axis, .flags, .behaviour") ? new Rating(workplace) : null));
