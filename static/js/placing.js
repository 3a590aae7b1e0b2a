// Placing in order: the strip in the judgement bar has a chip for each completion, groups from best to worst. A chip (or
// a completion's letter) can be dragged onto a group (a tie) or between groups (a place of its own); or tapped, and then
// the place; or moved by its completion's buttons. All of them write the ranks that the radio buttons hold.
import { helpers, ordinal, say } from "./ranking.js";

const FAR = 6; // px: a shorter way is a tap

class Placing {
  constructor(ranking, signal) {
    this.ranking = ranking;
    this.strip = ranking.root.querySelector("[data-strip]");
    this.chosen = null; // the card whose place is being picked
    this.strip.hidden = false;
    const on = (type, handler) => ranking.root.addEventListener(type, handler, { signal });
    on("pointerdown", (event) => this.grab(event));
    on("pointermove", (event) => this.drag && this.move(event));
    on("pointerup", (event) => this.drag && this.drop(event));
    on("pointercancel", () => this.letGo());
    on("click", (event) => this.onClick(event));
  }

  key(event) {
    if (event.key === "Escape" && (this.chosen || this.drag)) {
      this.letGo();
      return true;
    }
    if (!event.shiftKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return false;
    this.shift(this.ranking.current, event.key === "ArrowUp" ? -1 : 1);
    return true;
  }

  card(letter) {
    return this.ranking.cards.find((card) => this.ranking.letterOf(card) === letter);
  }

  // Places. `at` counts the groups as they stand; `tie` joins the group, otherwise the card goes before it.

  place(card, at, tie = false) {
    const groups = this.ranking.groups().map((group) => group.filter((one) => one !== card));
    if (tie) groups[at].push(card);
    else groups.splice(at, 0, [card]);
    const ranks = groups.filter((group) => group.length).flatMap((group, n) => group.map((one) => [one, n + 1]));
    if (ranks.some(([one, rank]) => this.ranking.rankOf(one) !== rank)) this.ranking.write(ranks);
    this.placed(card);
  }

  takeOut(card) {
    this.ranking.write([[card, null]]);
    this.placed(card);
  }

  placed(card) {
    this.chosen = null;
    this.ranking.last = this.ranking.rankOf(card) ? card : null;
    this.ranking.makeCurrent(card);
    this.ranking.tell(card);
  }

  // Up and down one place; out of a tie first.
  shift(card, by) {
    const groups = this.ranking.groups();
    const at = groups.findIndex((group) => group.includes(card));
    if (at < 0) return this.place(card, groups.length);
    const tied = groups[at].length > 1;
    const to = by < 0 ? at - (tied ? 0 : 1) : at + (tied ? 1 : 2);
    if (to >= 0 && to <= groups.length) return this.place(card, to);
    const text = by < 0 ? gettext("%(letter)s is first already.") : gettext("%(letter)s is last already.");
    this.ranking.announce(say(text, { letter: this.ranking.letterOf(card) }));
  }

  // Tapping

  onClick(event) {
    if (this.dragged) {
      this.dragged = false;
      return;
    }
    const move = event.target.closest("[data-move]");
    if (move) return this.shift(this.ranking.cardOf(event), Number(move.dataset.move));
    const target = event.target.closest("[data-chip], [data-gap]");
    if (!target || !this.strip.contains(target)) return;
    const card = this.card(target.dataset.chip);
    if (!this.chosen) this.choose(card);
    else if (card === this.chosen) this.letGo();
    else if (card && !this.ranking.rankOf(card)) this.choose(card);
    else this.put(this.chosen, target);
    (this.strip.querySelector("[data-gap]") ?? this.chip(this.ranking.current)).focus();
  }

  choose(card) {
    this.chosen = card;
    this.ranking.makeCurrent(card);
    this.ranking.announce(say(gettext("%(letter)s: choose its place, or a completion to tie it with."), { letter: this.ranking.letterOf(card) }));
    this.render();
  }

  put(card, target) {
    const { gap, chip } = target.dataset;
    if (gap === "out") return this.takeOut(card);
    if (gap) return this.place(card, Number(gap));
    const at = this.ranking.groups().findIndex((group) => group.includes(this.card(chip)));
    if (at >= 0 && this.card(chip) !== card) this.place(card, at, true);
  }

  // Dragging

  grab(event) {
    const handle = event.target.closest("[data-chip], .letter");
    if (!handle || event.button) return;
    const card = this.card(handle.dataset.chip) ?? this.ranking.cardOf(event);
    this.dragged = false;
    this.drag = { card, x: event.clientX, y: event.clientY, handle };
  }

  move(event) {
    const { card, x, y, handle } = this.drag;
    if (!this.ghost) {
      if (Math.hypot(event.clientX - x, event.clientY - y) < FAR) return;
      this.ranking.root.setPointerCapture(event.pointerId); // the handle itself is drawn anew
      this.ghost = this.chipOf(card, "span");
      this.ghost.classList.add("ghost");
      this.ranking.root.append(this.ghost);
      this.chosen = card;
      this.dragged = true;
      handle.blur();
      this.render();
    }
    this.ghost.style.translate = `${event.clientX}px ${event.clientY}px`;
    const over = this.under(event);
    for (const one of this.strip.querySelectorAll("[data-over]")) if (one !== over) one.removeAttribute("data-over");
    over?.setAttribute("data-over", "");
  }

  // The place under the pointer, or the nearest one beside it.
  under({ clientX, clientY }) {
    const box = this.strip.getBoundingClientRect();
    if (clientY < box.top - 24 || clientY > box.bottom + 24 || clientX < box.left - 24 || clientX > box.right + 24) return null;
    const way = (one) => {
      const { left, right, top, bottom } = one.getBoundingClientRect();
      return Math.hypot(Math.max(left - clientX, 0, clientX - right), Math.max(top - clientY, 0, clientY - bottom));
    };
    const places = [...this.strip.querySelectorAll("[data-gap], .group [data-chip]")].filter((one) => this.card(one.dataset.chip) !== this.drag.card);
    return places.sort((a, b) => way(a) - way(b))[0];
  }

  drop(event) {
    const { card } = this.drag;
    const over = this.ghost && this.under(event);
    const dragged = Boolean(this.ghost);
    if (over) this.put(card, over);
    if (dragged) this.letGo();
    this.drag = null;
  }

  letGo() {
    this.ghost?.remove();
    this.ghost = this.drag = this.chosen = null;
    this.render();
  }

  // The strip

  chip(card) {
    return this.strip.querySelector(`[data-chip="${this.ranking.letterOf(card)}"]`);
  }

  chipOf(card, kind = "button") {
    const chip = document.createElement(kind);
    const letter = this.ranking.letterOf(card);
    const rank = this.ranking.rankOf(card);
    chip.className = "chip";
    chip.textContent = letter;
    if (kind !== "button") return chip;
    chip.type = "button";
    chip.dataset.chip = letter;
    chip.setAttribute("aria-pressed", String(card === this.chosen));
    const words = { letter, rank: rank && ordinal(rank), chosen: this.chosen && this.ranking.letterOf(this.chosen) };
    const tie = this.chosen && this.chosen !== card && rank;
    chip.setAttribute("aria-label", say(tie ? gettext("Tie %(chosen)s with %(letter)s") : rank ? gettext("%(letter)s, %(rank)s") : gettext("%(letter)s, not ranked"), words));
    return chip;
  }

  // Between the groups: a sign, and a button while a place is being picked.
  gap(at, text = "") {
    const gap = document.createElement(this.chosen ? "button" : "span");
    gap.className = "gap";
    gap.textContent = text;
    if (!this.chosen) return gap;
    gap.type = "button";
    gap.dataset.gap = at;
    const words = { letter: this.ranking.letterOf(this.chosen), rank: at === "out" || ordinal(at + 1) };
    gap.setAttribute("aria-label", say(at === "out" ? gettext("Take %(letter)s out of the order") : gettext("Place %(letter)s as %(rank)s"), words));
    return gap;
  }

  render() {
    const groups = this.ranking.groups();
    const tray = document.createElement("span");
    tray.className = "tray";
    tray.append(...this.ranking.missing().map((card) => this.chipOf(card)));
    if (this.chosen && this.ranking.rankOf(this.chosen)) tray.append(this.gap("out"));
    const order = groups.flatMap((group, at) => {
      const place = document.createElement("span");
      place.className = "group";
      place.append(...group.flatMap((card, n) => (n ? ["=", this.chipOf(card)] : [this.chipOf(card)])));
      return at || this.chosen ? [this.gap(at, at ? "›" : ""), place] : [place];
    });
    if (this.chosen) order.push(this.gap(groups.length));
    const had = this.strip.contains(document.activeElement);
    this.strip.toggleAttribute("data-placing", Boolean(this.chosen));
    this.strip.replaceChildren(...(tray.childElementCount ? [tray] : []), ...order);
    if (had) this.chip(this.ranking.current).focus();
  }
}

helpers.placing = Placing;
