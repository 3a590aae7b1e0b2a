// Ranking. The radio buttons of the form are the only state, so keys, mouse, dragging and no script agree.
//
// A digit ranks the current completion and moves on to the next unranked one; a letter makes its completion current,
// and places it behind those already placed when it has no rank yet; Shift+letter (or the tie key before it) ties it
// with the last one placed. Every step can be undone. Two completions are pairwise.js, the order strip is placing.js:
// each registers itself here, and is fetched when a task turns out to need it.
import { parts } from "./parts.js";

export const helpers = {};

const ORDINALS = () =>
  [gettext("1st"), gettext("2nd"), gettext("3rd"), gettext("4th"), gettext("5th"), gettext("6th"), gettext("7th"), gettext("8th"), gettext("9th")];
export const ordinal = (rank) => ORDINALS()[rank - 1];
export const say = (text, values) => interpolate(text, values, true);

class Ranking {
  constructor(workplace) {
    this.workplace = workplace;
    const { root, form, announce, signal } = workplace;
    Object.assign(this, { root, form, announce });
    this.cards = [...root.querySelectorAll("[data-completion]")];
    this.k = this.cards.length;
    this.history = [];
    this.last = null; // the card placed most recently: what a tie refers to
    this.tieNext = false;
    this.warned = "";
    this.read();
    form.addEventListener("change", (event) => this.onChange(event), { signal });
    root.addEventListener("pointerdown", (event) => this.makeCurrent(this.cardOf(event) ?? this.current), { signal });
    root.addEventListener("click", (event) => event.target.closest("[data-undo]") && this.undo(), { signal });
    this.makeCurrent(this.missing()[0] ?? this.cards[0]);
    this.actions = {
      undo: () => this.undo(),
      tie: () => this.tie(),
      cannot_rank: () => this.judge("cannot_rank"),
      all_bad: () => this.judge("all_bad"),
    };
    const helper = this.k === 2 ? "pairwise" : "placing";
    if (helpers[helper]) this.help(helpers[helper]);
    else import(`./${helper}.js`).then(() => signal.aborted || this.help(helpers[helper]));
    this.render();
  }

  help(Helper) {
    this.helper = new Helper(this, this.workplace.signal);
    Object.assign(this.actions, this.helper.actions);
    this.render();
  }

  read() {
    this.before = this.state();
    this.ranks = new Map(this.cards.map((card) => [card, Number(card.querySelector(".ranks input:checked")?.value) || null]));
  }

  // All that undo brings back.
  state() {
    const { verdict, reason, strength } = this.form.elements;
    return { ranks: this.ranks && new Map(this.ranks), current: this.current, verdict: verdict.value, reason: reason.value, strength: strength?.value };
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

  // Mouse and native keyboard: the browser has already changed the radio.
  onChange(event) {
    const card = this.cardOf(event);
    if (card && event.target.closest(".ranks")) {
      this.history.push({ ...this.before, ranks: new Map(this.ranks) });
      this.last = card;
      this.read();
      this.makeCurrent(card);
      this.tell(card);
    } else if (["verdict", "reason", "strength"].includes(event.target.name)) {
      this.history.push(this.before);
      this.read();
      this.render();
    }
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
    const { verdict, reason, strength } = this.form.elements;
    this.check(step.ranks);
    verdict.value = step.verdict;
    reason.value = step.reason;
    if (strength) for (const radio of strength) radio.checked = radio.value === step.strength;
    this.read();
    this.last = null;
    this.makeCurrent(step.current);
    this.render();
    this.workplace.changed();
    this.announce(say(gettext("Undone. %(left)s"), { left: this.remaining() }));
  }

  // Keys that are no single action. Returns whether the key meant something here.
  key(event) {
    const { keys } = this.workplace.shortcuts;
    if (keys.ranks && /^Digit[1-9]$|^Numpad[1-9]$/.test(event.code)) return this.digit(Number(event.code.at(-1)));
    if (event.key === "Backspace") return this.undo() ?? true;
    if (this.helper?.key?.(event)) return true;
    if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
      const back = (event.key === "ArrowLeft") !== (document.dir === "rtl");
      return this.step(back ? -1 : 1);
    }
    const pages = { ArrowDown: 0.2, ArrowUp: -0.2, PageDown: 0.85, PageUp: -0.85, " ": event.shiftKey ? -0.85 : 0.85 }[event.key];
    if (pages) return this.scroll(pages);
    const letter = event.code?.match(/^Key([A-I])$/)?.[1];
    const card = this.cards.find((one) => [event.key.toUpperCase(), event.key > "~" && letter].includes(this.letterOf(one)));
    if (!card || !keys.letters) return false;
    this.letter(card, event.shiftKey || this.tieNext);
    this.tieNext = false;
    return true;
  }

  digit(rank) {
    if (rank > this.k || !this.current) return false;
    const card = this.current;
    this.setRank(card, rank);
    this.makeCurrent(this.nextUnranked(card) ?? card);
    return true;
  }

  letter(card, tie) {
    if (this.helper?.letter) return this.helper.letter(card);
    if (tie && this.last && this.last !== card) this.setRank(card, this.rankOf(this.last));
    else if (!this.rankOf(card)) this.setRank(card, this.freePlace());
    else this.announce(say(gettext("Completion %(letter)s, ranked %(rank)s."), this.named(card)));
    this.makeCurrent(card);
  }

  tie() {
    this.tieNext = true;
    this.announce(gettext("The next letter ties with the last one."));
  }

  named(card) {
    return { letter: this.letterOf(card), rank: ordinal(this.rankOf(card)) };
  }

  step(by) {
    const at = this.cards.indexOf(this.current);
    const next = this.cards[Math.min(this.k - 1, Math.max(0, at + by))];
    this.makeCurrent(next);
    this.announce(say(gettext("Completion %(letter)s."), { letter: this.letterOf(next) }));
    return true;
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
    const used = [...this.ranks.values()].filter(Boolean);
    const behind = Math.max(0, ...used) + 1;
    if (behind <= this.k) return behind;
    return [...Array(this.k).keys()].map((n) => n + 1).find((rank) => !used.includes(rank));
  }

  nextUnranked(card) {
    const at = this.cards.indexOf(card);
    return [...this.cards.slice(at + 1), ...this.cards.slice(0, at)].find((one) => !this.rankOf(one));
  }

  makeCurrent(card) {
    if (this.current === card) return;
    this.current?.removeAttribute("data-current");
    this.current = card;
    if (this.before) this.before.current = card;
    if (!card) return;
    card.setAttribute("data-current", "");
    const { top, bottom } = card.getBoundingClientRect();
    if (this.history.length && (bottom < 100 || top > innerHeight - 160)) card.scrollIntoView({ block: "start" });
  }

  missing() {
    return this.cards.filter((card) => !this.rankOf(card));
  }

  remaining() {
    const missing = this.missing();
    if (!missing.length) return gettext("All ranked. Enter submits.");
    return say(gettext("Left: %(letters)s."), { letters: this.letters(missing) });
  }

  // The cards by place, best first.
  groups() {
    const ranks = [...new Set(this.ranks.values())].filter(Boolean).sort((a, b) => a - b);
    return ranks.map((rank) => this.cards.filter((card) => this.rankOf(card) === rank));
  }

  tell(card) {
    this.render();
    this.workplace.changed();
    if (!this.rankOf(card)) {
      this.announce(say(gettext("%(letter)s has no rank any more. %(left)s"), { letter: this.letterOf(card), left: this.remaining() }));
      return;
    }
    const tied = this.cards.filter((one) => one !== card && this.rankOf(one) === this.rankOf(card));
    const words = { ...this.named(card), others: this.letters(tied), left: this.remaining() };
    const text = tied.length ? gettext("%(letter)s is %(rank)s, tied with %(others)s. %(left)s") : gettext("%(letter)s is %(rank)s. %(left)s");
    this.announce(say(text, words));
  }

  render() {
    for (const card of this.cards) if (this.rankOf(card) || this.verdict) card.removeAttribute("data-missing");
    const text = this.groups().map((group) => group.map((card) => this.letterOf(card)).join(" = ")).join(" > ");
    const order = this.root.querySelector("[data-order]");
    order.textContent = text;
    order.hidden = !text;
    this.root.querySelector("[data-order-hint]").hidden = Boolean(text || this.verdict);
    const verdict = this.root.querySelector("[data-verdict]");
    const reason = this.form.elements.reason.value.trim();
    const names = { cannot_rank: gettext("Cannot rank: %(reason)s"), all_bad: gettext("All bad: %(reason)s") };
    verdict.textContent = this.verdict ? say(names[this.verdict], { reason: reason || gettext("no reason yet") }) : "";
    verdict.hidden = !this.verdict;
    this.root.toggleAttribute("data-unranked", this.verdict === "cannot_rank");
    this.helper?.render?.();
  }

  // Cannot rank, or all bad: the popover asks for the reason. The same key again opens it again.
  judge(verdict) {
    if (this.verdict !== verdict) {
      this.history.push(this.state());
      this.form.elements.verdict.value = verdict;
      this.read();
      this.render();
      this.workplace.changed();
    }
    document.getElementById("verdict").showPopover();
    this.form.elements.reason.focus();
  }

  refusal() {
    if (this.verdict && !this.form.elements.reason.value.trim()) {
      this.judge(this.verdict);
      return { text: gettext("Say in a few words why; the admins read it.") };
    }
    if (this.verdict === "cannot_rank") return null;
    const missing = this.missing();
    if (missing.length && !(this.verdict && missing.length === this.k)) {
      for (const card of missing) card.setAttribute("data-missing", "");
      this.makeCurrent(missing[0]);
      return { text: say(gettext("No rank yet for %(letters)s. Rank every completion; equal ranks are ties."), { letters: this.letters(missing) }) };
    }
    return this.warning();
  }

  // Once per order, and not when correcting: it was meant the first time.
  warning() {
    const order = this.root.querySelector("[data-order]").textContent;
    const shown = this.cards.every((card, at) => this.rankOf(card) === at + 1);
    if (this.k < 3 || !shown || this.warned === order || !this.workplace.held) return null;
    this.warned = order;
    return { text: gettext("This is exactly the order in which they were shown. If you mean it, submit again."), warning: true };
  }
}

parts.push((workplace) => workplace.form.querySelector(".ranks") && new Ranking(workplace));
