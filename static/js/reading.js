// Reading: source text or how it reads, the prompt folded or whole, the columns scrolling together. The check boxes are
// the state and the style sheet acts on them (so they work without this); here are their keys and what lasts.

const LASTING = ["raw", "together"]; // the rest starts anew with each task

export class Reading {
  constructor({ root, announce, signal }) {
    this.root = root;
    this.announce = announce;
    this.boxes = Object.fromEntries([...root.querySelectorAll("[data-reading]")].map((box) => [box.dataset.reading, box]));
    this.columns = [...root.querySelectorAll(".completion > .text")];
    this.expected = new Map();
    this.actions = {};
    for (const [name, box] of Object.entries(this.boxes)) {
      if (LASTING.includes(name)) box.checked = localStorage.getItem(`reading-${name}`) === "on";
      box.addEventListener("change", () => this.changed(name, box), { signal });
      this.actions[name] = () => box.click();
    }
    for (const column of this.columns) column.addEventListener("scroll", () => this.onScroll(column), { signal });
    const turns = root.querySelector(".turns");
    this.boxes.whole.parentElement.hidden = turns.scrollHeight <= turns.clientHeight + 4;
  }

  changed(name, box) {
    if (LASTING.includes(name)) localStorage.setItem(`reading-${name}`, box.checked ? "on" : "off");
    this.announce(interpolate(box.checked ? gettext("%s: on.") : gettext("%s: off."), [box.dataset.label]));
    if (name === "together" && box.checked && this.columns.length) this.follow(this.columns[0]);
  }

  onScroll(column) {
    const ours = Math.abs((this.expected.get(column) ?? -9) - column.scrollTop) < 2;
    this.expected.delete(column);
    if (!ours && this.boxes.together?.checked) this.follow(column);
  }

  // The others go as far, as a share of what each has to scroll.
  follow(column) {
    const share = column.scrollTop / (column.scrollHeight - column.clientHeight || 1);
    for (const other of this.columns) {
      if (other === column) continue;
      const top = Math.round(share * (other.scrollHeight - other.clientHeight));
      if (Math.abs(other.scrollTop - top) < 1) continue;
      this.expected.set(other, top);
      other.scrollTop = top;
    }
  }
}
