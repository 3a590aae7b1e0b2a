// Dragging a completion to its place in the order strip, by mouse, pen or finger; fetched when somebody first tries.

const FAR = 6; // px: a shorter way is a tap
const NEAR = 24; // px around the strip that still count as the strip

export class Drag {
  constructor(placing, card, { clientX, clientY, pointerId }) {
    Object.assign(this, { placing, card, pointerId, x: clientX, y: clientY });
    this.control = new AbortController();
    const { signal } = this.control;
    const { root } = placing;
    root.addEventListener("pointermove", (event) => this.move(event), { signal });
    root.addEventListener("pointerup", (event) => this.drop(event), { signal });
    root.addEventListener("pointercancel", () => this.end(), { signal });
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.end(), { signal, capture: true });
  }

  move(event) {
    const { clientX, clientY } = event;
    if (!this.ghost && Math.hypot(clientX - this.x, clientY - this.y) < FAR) return;
    if (!this.ghost) this.begin();
    this.ghost.style.translate = `${clientX}px ${clientY}px`;
    const over = this.under(event);
    for (const one of this.placing.strip.querySelectorAll("[data-chip], [data-gap]")) {
      one.toggleAttribute("data-over", one === over);
    }
  }

  begin() {
    const { placing } = this;
    placing.root.setPointerCapture(this.pointerId); // the chip itself is drawn anew
    placing.dragging = true; // the click that follows is none
    document.activeElement.blur();
    this.ghost = placing.span("chip ghost", [placing.ranking.letterOf(this.card)]);
    placing.root.append(this.ghost);
    placing.choose(this.card);
  }

  // The nearest place to the pointer, when it is on the strip or close by.
  under({ clientX: x, clientY: y }) {
    const away = (one) => {
      const { left, right, top, bottom } = one.getBoundingClientRect();
      return Math.hypot(Math.max(left - x, 0, x - right), Math.max(top - y, 0, y - bottom));
    };
    if (away(this.placing.strip) > NEAR) return null;
    const places = [...this.placing.strip.querySelectorAll("[data-gap], .group [data-chip]")];
    const other = places.filter((one) => this.placing.card(one.dataset.chip) !== this.card);
    return other.sort((a, b) => away(a) - away(b))[0];
  }

  drop(event) {
    const over = this.ghost && this.under(event);
    if (over) this.placing.put(this.card, over);
    this.end();
  }

  end() {
    this.control.abort();
    if (!this.ghost) return;
    this.ghost.remove();
    this.placing.choose(null);
    setTimeout(() => (this.placing.dragging = false));
  }
}
