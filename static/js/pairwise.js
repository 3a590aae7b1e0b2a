// Two completions: one key, or one button, says which is better. The same again says it more strongly, where asked.
import { helpers, say } from "./ranking.js";

class Pairwise {
  constructor(ranking, signal) {
    this.ranking = ranking;
    this.buttons = [...ranking.root.querySelectorAll("[data-pair]")];
    this.strengths = [...ranking.root.querySelectorAll("[name=strength]")];
    for (const button of this.buttons) {
      button.addEventListener("click", () => this.choose(button.dataset.pair), { signal });
    }
    ranking.root.dataset.scripted = "";
    this.actions = {
      left: () => this.choose("left"),
      right: () => this.choose("right"),
      equal: () => this.choose("equal"),
    };
  }

  key(event) {
    const [back, on] = document.dir === "rtl" ? ["right", "left"] : ["left", "right"];
    const side = { ArrowLeft: back, ArrowRight: on }[event.key];
    if (side) this.choose(side);
    else if (event.key === "=") this.choose("equal");
    else return false;
    return true;
  }

  letter(card) {
    this.choose(card === this.ranking.cards[0] ? "left" : "right");
  }

  get chosen() {
    const [a, b] = this.ranking.cards.map((card) => this.ranking.rankOf(card));
    if (!a || !b) return "";
    return a === b ? "equal" : a < b ? "left" : "right";
  }

  choose(side) {
    const again = side === this.chosen && side !== "equal";
    const strength = Number(this.strengths.find((radio) => radio.checked)?.value ?? 0);
    const [a, b] = this.ranking.cards;
    this.ranking.write([[a, side === "right" ? 2 : 1], [b, side === "left" ? 2 : 1]]);
    const wanted = side === "equal" ? 0 : again ? Math.min(3, strength + 1) : 1;
    for (const radio of this.strengths) radio.checked = Number(radio.value) === wanted;
    this.ranking.read();
    this.ranking.workplace.changed();
    this.ranking.render();
    const pressed = this.buttons.find((button) => button.dataset.pair === side);
    const how = this.strengths.find((radio) => radio.checked)?.dataset.label ?? "";
    this.ranking.announce(say(gettext("%(choice)s. %(strength)s Enter submits."), { choice: pressed.dataset.label, strength: how && `${how}.` }));
  }

  render() {
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(button.dataset.pair === this.chosen));
    for (const radio of this.strengths) radio.disabled = !["left", "right"].includes(this.chosen);
    for (const [at, side] of ["left", "right"].entries()) {
      this.ranking.cards[at].toggleAttribute("data-better", this.chosen === side);
    }
  }
}

helpers.pairwise = Pairwise;
