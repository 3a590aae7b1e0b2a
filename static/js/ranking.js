// Ranking by keyboard. The radio buttons of the form are the only state, so mouse, keyboard and no-script agree.
//
// A digit ranks the current completion and moves on to the next unranked one; a letter makes its completion current,
// and places it behind those already placed when it has no rank yet; Shift+letter (or = before it) ties it with the
// last one placed. Every step can be undone.

import { parts } from "./parts.js";

const ordinal = (rank) => rank + (["th", "st", "nd", "rd"][rank > 3 ? 0 : rank]);

class Ranking {
  constructor({ root, announce, changed, signal }) {
    this.root = root;
    this.announce = announce;
    this.changed = changed;
    this.actions = { undo: () => this.undo() };
    this.cards = [...root.querySelectorAll("[data-completion]")];
    this.k = this.cards.length;
    this.history = [];
    this.last = null; // the card placed most recently: what a tie refers to
    this.tieNext = false;
    this.ranks = this.read();
    root.addEventListener("change", (event) => this.onChange(event), { signal });
    root.addEventListener("click", (event) => event.target.closest("[data-undo]") && this.undo(), { signal });
    root.addEventListener("pointerdown", (event) => this.onPointer(event), { signal });
    this.makeCurrent(this.cards.find((card) => !this.rankOf(card)) ?? this.cards[0]);
    this.render();
  }

  read() {
    return new Map(this.cards.map((card) => [card, this.checked(card)]));
  }

  checked(card) {
    const radio = card.querySelector(".ranks input:checked");
    return radio ? Number(radio.value) : null;
  }

  rankOf(card) {
    return this.ranks.get(card);
  }

  letterOf(card) {
    return card.dataset.completion;
  }

  // Mouse and native keyboard: the browser has already changed the radio.
  onChange(event) {
    const card = event.target.closest("[data-completion]");
    if (!card || !event.target.closest(".ranks")) return;
    this.remember();
    this.last = card;
    this.ranks = this.read();
    this.makeCurrent(card);
    this.tell(card);
  }

  onPointer(event) {
    const card = event.target.closest("[data-completion]");
    if (card) this.makeCurrent(card);
  }

  setRank(card, rank) {
    this.remember();
    const radio = card.querySelector(`.ranks input[value="${rank}"]`);
    radio.checked = true;
    this.last = card;
    this.ranks = this.read();
    this.tell(card);
  }

  remember() {
    this.history.push({ ranks: new Map(this.ranks), current: this.current });
  }

  undo() {
    const step = this.history.pop();
    if (!step) {
      this.announce("Nothing to undo.");
      return;
    }
    for (const [card, rank] of step.ranks) {
      for (const radio of card.querySelectorAll(".ranks input")) radio.checked = Number(radio.value) === rank;
    }
    this.ranks = this.read();
    this.last = null;
    this.makeCurrent(step.current);
    this.render();
    this.changed();
    this.announce(`Undone. ${this.remaining()}`);
  }

  // Returns whether the key meant something here.
  key(event) {
    if (/^Digit[1-9]$|^Numpad[1-9]$/.test(event.code)) return this.digit(Number(event.code.at(-1)));
    if (event.key === "=") {
      this.tieNext = true;
      this.announce("The next letter ties with the last one.");
      return true;
    }
    if (event.key === "ArrowRight" || event.key === "ArrowLeft") return this.step(event.key === "ArrowRight" ? 1 : -1);
    const card = this.cards.find((one) => this.letterOf(one) === event.key.toUpperCase());
    if (!card) return false;
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
    if (tie && this.last && this.last !== card) this.setRank(card, this.rankOf(this.last));
    else if (!this.rankOf(card)) this.setRank(card, this.freePlace());
    else this.announce(`Completion ${this.letterOf(card)}, ranked ${ordinal(this.rankOf(card))}.`);
    this.makeCurrent(card);
  }

  step(by) {
    const at = this.cards.indexOf(this.current);
    const next = this.cards[Math.min(this.k - 1, Math.max(0, at + by))];
    this.makeCurrent(next);
    this.announce(`Completion ${this.letterOf(next)}.`);
    return true;
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
    if (!card) return;
    card.setAttribute("data-current", "");
    const { top, bottom } = card.getBoundingClientRect();
    if (this.history.length && (bottom < 100 || top > innerHeight - 160)) card.scrollIntoView({ block: "start" });
  }

  missing() {
    return this.cards.filter((card) => !this.rankOf(card));
  }

  remaining() {
    const missing = this.missing().map((card) => this.letterOf(card));
    return missing.length ? `Left: ${missing.join(", ")}.` : "All ranked. Enter submits.";
  }

  tell(card) {
    this.render();
    this.changed();
    const rank = this.rankOf(card);
    const tied = this.cards.filter((one) => one !== card && this.rankOf(one) === rank).map((one) => this.letterOf(one));
    const tie = tied.length ? `, tied with ${tied.join(", ")}` : "";
    this.announce(`${this.letterOf(card)} is ${ordinal(rank)}${tie}. ${this.remaining()}`);
  }

  render() {
    for (const card of this.cards) if (this.rankOf(card)) card.removeAttribute("data-missing");
    const order = this.root.querySelector("[data-order]");
    const groups = new Map();
    for (const card of this.cards) {
      const rank = this.rankOf(card);
      if (rank) groups.set(rank, [...(groups.get(rank) ?? []), this.letterOf(card)]);
    }
    const text = [...groups.entries()].sort(([a], [b]) => a - b).map(([, letters]) => letters.join(" = ")).join(" > ");
    order.textContent = text;
    order.hidden = !text;
    this.root.querySelector("[data-order-hint]").hidden = Boolean(text);
    this.root.querySelector("[data-undo]").disabled = this.history.length === 0;
  }

  // Marks what has no rank, and says so.
  refusal() {
    const missing = this.missing();
    for (const card of missing) card.setAttribute("data-missing", "");
    if (!missing.length) return null;
    this.makeCurrent(missing[0]);
    const names = missing.map((card) => this.letterOf(card)).join(", ");
    return { text: `No rank yet for ${names}. Rank every completion; equal ranks are ties.` };
  }
}

parts.push((workplace) => (workplace.root.querySelector("[data-completion] .ranks") ? new Ranking(workplace) : null));
