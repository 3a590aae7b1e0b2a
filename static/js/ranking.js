// Ranking. The radio buttons of the form are the only state, so keys, mouse, dragging and no script agree.
//
// A digit ranks the current completion and moves on to the next unranked one; a letter makes its completion current,
// and places it behind those already placed when it has no rank yet; Shift+letter (or the tie key before it) ties it
// with the last one placed. Every step can be undone. pairwise.js (K = 2) or placing.js (the order strip) helps: it
// registers itself in `helpers`, and is fetched when a task turns out to need it.
import { parts } from "./parts.js";
import { latin } from "./shortcuts.js";

export const helpers = {};

export const say = (text, values) => interpolate(text, values, true);
export const ordinal = (rank) =>
  gettext("1st 2nd 3rd 4th 5th 6th 7th 8th 9th").split(" ")[rank - 1];

const PAGES = { ArrowDown: 0.2, ArrowUp: -0.2, PageDown: 0.85, PageUp: -0.85, " ": 0.85 };

class Ranking {
  constructor(workplace) {
    const { root, form, announce, signal } = workplace;
    Object.assign(this, { workplace, root, form, announce });
    this.cards = [...root.querySelectorAll("[data-completion]")];
    this.k = this.cards.length;
    this.history = [];
    this.last = null; // the card placed most recently: what a tie refers to
    this.tieNext = false;
    this.read();
    form.addEventListener("change", (event) => this.onChange(event), { signal });
    root.addEventListener("pointerdown", (event) => this.makeCurrent(this.cardOf(event) ?? this.current), { signal });
    root.addEventListener("click", (event) => this.onClick(event), { signal });
    this.makeCurrent(this.missing()[0] ?? this.cards[0]);
    this.actions = {
      undo: () => this.undo(),
      tie: () => this.tie(),
      cannot_rank: () => this.judge("cannot_rank"),
      all_bad: () => this.judge("all_bad"),
    };
    const name = this.k === 2 ? "pairwise" : "placing";
    if (helpers[name]) this.help(helpers[name]);
    else this.fetch(name);
    this.render();
  }

  async fetch(name) {
    const href = new URL(`../css/${name}.css`, import.meta.url);
    document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href }));
    await import(`./${name}.js`);
    if (!this.workplace.signal.aborted) this.help(helpers[name]);
  }

  help(Helper) {
    this.helper = new Helper(this, this.workplace.signal);
    Object.assign(this.actions, this.helper.actions);
    this.render();
  }

  // State

  read() {
    const checked = (card) => Number(card.querySelector(".ranks input:checked")?.value) || null;
    this.ranks = new Map(this.cards.map((card) => [card, checked(card)]));
    this.saved = this.state();
  }

  // All that undo brings back.
  state() {
    const { verdict, reason, strength } = this.form.elements;
    const values = { verdict: verdict.value, reason: reason.value, strength: strength?.value };
    return { ranks: this.ranks, values, current: this.current };
  }

  cardOf(event) {
    return event.target.closest("[data-completion]");
  }

  rankOf(card) {
    return this.ranks.get(card);
  }

  letterOf(card) {
    return card.dataset.completion;
  }

  letters(cards) {
    return cards.map((card) => this.letterOf(card)).join(", ");
  }

  get verdict() {
    return this.form.elements.verdict.value;
  }

  missing() {
    return this.cards.filter((card) => !this.rankOf(card));
  }

  // The cards by place, best first.
  groups() {
    const ranks = [...new Set(this.ranks.values())].filter(Boolean).sort((a, b) => a - b);
    return ranks.map((rank) => this.cards.filter((card) => this.rankOf(card) === rank));
  }

  // Mouse and native keyboard: the browser has already changed the field.
  onChange(event) {
    const card = event.target.closest(".ranks") && this.cardOf(event);
    if (!card && !["verdict", "reason", "strength"].includes(event.target.name)) return;
    this.history.push(this.saved);
    this.read();
    if (!card) return this.render();
    this.last = card;
    this.makeCurrent(card);
    this.tell(card);
  }

  onClick(event) {
    if (event.target.closest("[data-undo]")) this.undo();
    // After a click by mouse or finger Enter submits; it does not press the same button again.
    if (event.detail) event.target.closest(".judgement-bar [type=button]:not([popovertarget]), .move")?.blur();
  }

  // Give these cards these ranks (null: none), as one step.
  write(ranks) {
    this.history.push(this.state());
    this.check(ranks);
    this.read();
  }

  check(ranks) {
    for (const [card, rank] of ranks) {
      for (const radio of card.querySelectorAll(".ranks input")) radio.checked = Number(radio.value) === rank;
    }
  }

  setRank(card, rank) {
    this.write([[card, rank]]);
    this.last = card;
    this.tell(card);
  }

  undo() {
    const step = this.history.pop();
    if (!step) return this.announce(gettext("Nothing to undo."));
    this.check(step.ranks);
    for (const [name, value] of Object.entries(step.values)) {
      for (const field of this.form.elements) {
        if (field.name !== name) continue;
        if (field.type === "radio") field.checked = field.value === value;
        else field.value = value;
      }
    }
    this.read();
    this.last = null;
    this.makeCurrent(step.current);
    this.changed();
    this.announce(say(gettext("Undone. %(left)s"), { left: this.remaining() }));
  }

  // Keys that are no single action. Returns whether the key meant something here.
  key(event) {
    const { keys } = this.workplace.shortcuts;
    if (keys.ranks && /^(Digit|Numpad)[1-9]$/.test(event.code)) return this.digit(Number(event.code.at(-1)));
    if (this.helper?.key?.(event)) return true;
    if (event.key === "Backspace") this.undo();
    else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
      this.step((event.key === "ArrowLeft") === (document.dir === "rtl") ? 1 : -1);
    } else if (event.key in PAGES) {
      return this.scroll(event.key === " " && event.shiftKey ? -PAGES[" "] : PAGES[event.key]);
    } else {
      const card = this.cards.find((one) => this.letterOf(one) === latin(event).toUpperCase());
      if (!card || !keys.letters) return false;
      this.letter(card, event.shiftKey || this.tieNext);
    }
    return true;
  }

  digit(rank) {
    if (rank > this.k) return false;
    const card = this.current;
    this.setRank(card, rank);
    this.goTo(this.nextUnranked(card) ?? card);
    return true;
  }

  letter(card, tie) {
    this.tieNext = false;
    if (this.helper?.letter) return this.helper.letter(card);
    if (tie && this.last && this.last !== card) this.setRank(card, this.rankOf(this.last));
    else if (!this.rankOf(card)) this.setRank(card, this.freePlace());
    else this.announce(say(gettext("Completion %(letter)s, ranked %(rank)s."), this.named(card)));
    this.goTo(card);
  }

  tie() {
    this.tieNext = true;
    this.announce(gettext("The next letter ties with the last one."));
  }

  step(by) {
    const at = this.cards.indexOf(this.current) + by;
    this.goTo(this.cards[Math.min(this.k - 1, Math.max(0, at))]);
    this.announce(say(gettext("Completion %(letter)s."), this.named(this.current)));
  }

  // Scroll the current column by a share of its height, both of a pair. On a phone the page scrolls instead.
  scroll(pages) {
    const texts = (this.k === 2 ? this.cards : [this.current]).map((card) => card.querySelector(".text"));
    const able = texts.filter((text) => text.scrollHeight > text.clientHeight + 1);
    for (const text of able) text.scrollBy({ top: pages * text.clientHeight });
    return able.length > 0;
  }

  // One behind the worst rank in use; when that is K already, the first rank nobody has.
  freePlace() {
    const used = [...this.ranks.values()];
    const behind = Math.max(...used) + 1;
    return behind <= this.k ? behind : this.cards.findIndex((_, at) => !used.includes(at + 1)) + 1;
  }

  nextUnranked(card) {
    const at = this.cards.indexOf(card);
    return [...this.cards.slice(at + 1), ...this.cards.slice(0, at)].find((one) => !this.rankOf(one));
  }

  makeCurrent(card) {
    this.current?.removeAttribute("data-current");
    this.current = this.saved.current = card;
    card.setAttribute("data-current", "");
  }

  // By keys; a finger that presses must find the page standing still.
  goTo(card) {
    this.makeCurrent(card);
    const { top, bottom } = card.getBoundingClientRect();
    if (bottom < 100 || top > innerHeight - 160) card.scrollIntoView({ block: "start" });
  }

  // What is said and shown

  named(card) {
    return { letter: this.letterOf(card), rank: ordinal(this.rankOf(card)), left: this.remaining() };
  }

  remaining() {
    const letters = this.letters(this.missing());
    return letters ? say(gettext("Left: %(letters)s."), { letters }) : gettext("All ranked. Enter submits.");
  }

  tell(card) {
    this.changed();
    const rank = this.rankOf(card);
    const others = this.letters(this.cards.filter((one) => one !== card && this.rankOf(one) === rank));
    let text = gettext("%(letter)s is %(rank)s. %(left)s");
    if (!rank) text = gettext("%(letter)s has no rank any more. %(left)s");
    else if (others) text = gettext("%(letter)s is %(rank)s, tied with %(others)s. %(left)s");
    this.announce(say(text, { ...this.named(card), others }));
  }

  changed() {
    this.render();
    this.workplace.changed();
  }

  render() {
    for (const card of this.cards) if (this.rankOf(card) || this.verdict) card.removeAttribute("data-missing");
    const show = (name, text) => {
      const line = this.root.querySelector(`[data-${name}]`);
      line.textContent = text;
      line.hidden = !text;
    };
    const order = this.groups().map((group) => group.map((card) => this.letterOf(card)).join(" = ")).join(" > ");
    show("order", order);
    const named = { cannot_rank: gettext("Cannot rank: %(reason)s"), all_bad: gettext("All bad: %(reason)s") };
    const reason = this.form.elements.reason.value.trim() || gettext("no reason yet");
    show("verdict", this.verdict && say(named[this.verdict], { reason }));
    this.root.querySelector("[data-order-hint]").hidden = Boolean(order || this.verdict);
    this.root.toggleAttribute("data-unranked", this.verdict === "cannot_rank");
    this.helper?.render?.();
  }

  // Submitting

  // Cannot rank, or all bad: the popover asks for the reason.
  judge(verdict) {
    if (this.verdict !== verdict) {
      this.history.push(this.state());
      this.form.elements.verdict.value = verdict;
      this.read();
      this.changed();
    }
    document.getElementById("verdict").showPopover();
    this.form.elements.reason.focus();
  }

  refusal() {
    const missing = this.missing();
    if (this.verdict && !this.form.elements.reason.value.trim()) {
      this.judge(this.verdict);
      return { text: gettext("Say in a few words why; the admins read it.") };
    }
    if (this.verdict === "cannot_rank" || (this.verdict && missing.length === this.k)) return null;
    if (!missing.length) return this.withoutBest() ?? this.asShown();
    for (const card of missing) card.setAttribute("data-missing", "");
    this.goTo(missing[0]);
    const text = gettext("No rank yet for %(letters)s. Rank every completion; equal ranks are ties.");
    return { text: say(text, { letters: this.letters(missing) }) };
  }

  withoutBest() {
    if ([...this.ranks.values()].includes(1)) return null;
    return { text: gettext("No completion has rank 1; give the best completion (or the tied best ones) rank 1.") };
  }

  // Once, and not when correcting: it was meant the first time.
  asShown() {
    const asShown = this.cards.every((card, at) => this.rankOf(card) === at + 1);
    if (this.k < 3 || !asShown || this.warned || !this.workplace.held) return null;
    this.warned = true;
    const text = gettext("This is exactly the order in which they were shown. If you mean it, submit again.");
    return { text, warning: true };
  }
}

parts.push((workplace) => workplace.root.querySelector("[data-completion] .ranks") && new Ranking(workplace));
