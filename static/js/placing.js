// Placing in order: the strip in the judgement bar has a chip for each completion, groups from best to worst. A chip (or
// a completion's letter) can be dragged onto a group (a tie) or between groups (a place of its own); or tapped, and then
// the place; or moved by its completion's buttons. All of them write the ranks that the radio buttons hold.
import { helpers, ordinal, say } from "./ranking.js";

class Placing {
  constructor(ranking, signal) {
    this.ranking = ranking;
    this.root = ranking.root;
    this.strip = this.root.querySelector("[data-strip]");
    this.strip.hidden = false;
    this.chosen = null; // the card whose place is being picked
    this.root.addEventListener("pointerdown", (event) => this.grab(event), { signal });
    this.root.addEventListener("click", (event) => this.onClick(event), { signal });
  }

  key(event) {
    const by = event.shiftKey && { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (by) this.shift(this.ranking.current, by);
    else if (event.key === "Escape" && this.chosen) this.choose(null);
    else return false;
    return true;
  }

  card(letter) {
    return this.ranking.cards.find((card) => this.ranking.letterOf(card) === letter);
  }

  groupOf(card) {
    return this.ranking.groups().findIndex((group) => group.includes(card));
  }

  // `at` counts the groups as they stand; `tie` joins the group, otherwise the card goes before it; null takes it out.
  place(card, at, tie = false) {
    const groups = this.ranking.groups().map((group) => group.filter((one) => one !== card));
    if (tie) groups[at].push(card);
    else if (at !== null) groups.splice(at, 0, [card]);
    const placed = groups.filter((group) => group.length).flatMap((group, n) => group.map((one) => [one, n + 1]));
    const ranks = [[card, null], ...placed]; // the last word counts
    if (at !== null && placed.every(([one, rank]) => this.ranking.rankOf(one) === rank)) return this.choose(null);
    this.chosen = null;
    this.ranking.write(ranks);
    this.ranking.last = this.ranking.rankOf(card) && card;
    this.ranking.makeCurrent(card);
    this.ranking.tell(card);
  }

  // Up or down one place; out of a tie first.
  shift(card, by) {
    const { length } = this.ranking.groups();
    const at = this.groupOf(card);
    if (at < 0) return this.place(card, length);
    const tied = this.ranking.groups()[at].length > 1;
    const to = at + (by < 0 ? tied - 1 : 2 - tied);
    if (to >= 0 && to <= length) return this.place(card, to);
    const text = by < 0 ? gettext("%(letter)s is first already.") : gettext("%(letter)s is last already.");
    this.ranking.announce(say(text, this.ranking.named(card)));
  }

  // Tapping

  onClick(event) {
    const move = event.target.closest("[data-move]");
    if (move) return this.shift(this.ranking.cardOf(event), Number(move.dataset.move));
    const target = event.target.closest("[data-chip], [data-gap]");
    if (!target || this.dragging) return;
    const card = this.card(target.dataset.chip);
    if (card && (!this.chosen || card === this.chosen || !this.ranking.rankOf(card))) {
      this.choose(card === this.chosen ? null : card);
    } else this.put(this.chosen, target);
    if (!event.detail) (this.strip.querySelector("[data-gap]") ?? this.chip(this.ranking.current)).focus();
  }

  choose(card) {
    this.chosen = card;
    if (card) {
      this.ranking.makeCurrent(card);
      const text = gettext("%(letter)s: choose its place, or a completion to tie it with.");
      this.ranking.announce(say(text, this.ranking.named(card)));
    }
    this.render();
  }

  put(card, target) {
    const { gap, chip } = target.dataset;
    if (gap) this.place(card, gap === "out" ? null : Number(gap));
    else this.place(card, this.groupOf(this.card(chip)), true);
  }

  async grab(event) {
    const handle = event.target.closest("[data-chip], .letter");
    if (!handle || event.button) return;
    const card = this.card(handle.dataset.chip) ?? this.ranking.cardOf(event);
    let held = true;
    this.root.addEventListener("pointerup", () => (held = false), { once: true });
    const { Drag } = await import("./drag.js");
    if (held) new Drag(this, card, event);
  }

  // The strip

  chip(card) {
    return this.strip.querySelector(`[data-chip="${this.ranking.letterOf(card)}"]`);
  }

  button(name, label, values, text = "") {
    const button = document.createElement("button");
    button.type = "button";
    button.className = name;
    button.textContent = text;
    button.setAttribute("aria-label", say(label, { ...values, chosen: this.chosen && this.ranking.letterOf(this.chosen) }));
    return button;
  }

  chipOf(card) {
    const words = this.ranking.named(card);
    let label = words.rank ? gettext("%(letter)s, %(rank)s") : gettext("%(letter)s, not ranked");
    if (this.chosen && this.chosen !== card && words.rank) label = gettext("Tie %(chosen)s with %(letter)s");
    const chip = this.button("chip", label, words, words.letter);
    chip.dataset.chip = words.letter;
    chip.setAttribute("aria-pressed", card === this.chosen);
    return chip;
  }

  // Between the groups: a sign, and a button while a place is being picked.
  gap(at) {
    const label = at === "out" ? gettext("Take %(chosen)s out of the order") : gettext("Place %(chosen)s as %(rank)s");
    const gap = this.chosen ? this.button("gap", label, { rank: ordinal(at + 1) }) : this.span("gap", at ? ["›"] : []);
    if (this.chosen) gap.dataset.gap = at;
    return gap;
  }

  span(name, inside) {
    const span = document.createElement("span");
    span.className = name;
    span.append(...inside);
    return span;
  }

  render() {
    const groups = this.ranking.groups();
    const order = groups.flatMap((group, at) => {
      const chips = group.flatMap((card, n) => (n ? ["=", this.chipOf(card)] : [this.chipOf(card)]));
      return at || this.chosen ? [this.gap(at), this.span("group", chips)] : [this.span("group", chips)];
    });
    if (this.chosen) order.push(this.gap(groups.length));
    const tray = this.ranking.missing().map((card) => this.chipOf(card));
    if (this.chosen && this.ranking.rankOf(this.chosen)) tray.push(this.gap("out"));
    const focused = this.strip.contains(document.activeElement);
    this.strip.replaceChildren(...(tray.length ? [this.span("tray", tray)] : []), ...order);
    if (focused) this.chip(this.ranking.current).focus();
  }
}

helpers.placing = Placing;
