// Marked passages: select text in a completion, or step through its sentences, then say what is wrong there. The hidden
// field of each completion holds the list; offsets count code points of the completion's text, not of the page.
import { parts } from "./parts.js";
import { PAGE, TEXT, across } from "./passages.js";

const SETTLED = 350; // ms after the last change of a touch selection
const LEVELS = ["minor", "major", "critical"];

// Where the marker stands: a style attribute would be refused by the content security policy once htmx copies it.
const PLACE = new CSSStyleSheet();
document.adoptedStyleSheets.push(PLACE);

const points = (text) => [...text].length; // JavaScript counts UTF-16 units, the product code points
const units = (text, n) => [...text].slice(0, n).join("").length;

class Spans {
  constructor(workplace) {
    this.workplace = workplace;
    const { root, announce, signal } = workplace;
    Object.assign(this, { root, announce });
    this.marker = root.querySelector("#marker");
    this.fields = this.marker.firstElementChild.elements;
    this.types = [...this.marker.querySelectorAll('[name="type"]')];
    this.cards = [...root.querySelectorAll("[data-completion]")];
    this.severities = this.marker.dataset.severities.split("|");
    const on = (target, type, handler) => target.addEventListener(type, handler, { signal });
    on(document, "pointerup", (event) => event.pointerType === "touch" || setTimeout(() => this.onSelect(true)));
    on(document, "selectionchange", () => this.onTouch());
    on(root, "click", (event) => this.onClick(event));
    on(root, "change", (event) => event.target.dataset.reading === "raw" && (this.close(), this.paint()));
    on(this.marker, "submit", (event) => this.onSubmit(event));
    on(this.marker, "keydown", (event) => this.onKey(event));
    this.actions = { mark: () => this.step(this.current()) };
    for (const card of this.cards) this.list(card);
    this.paint();
  }

  current() {
    return document.activeElement.closest("[data-completion]") ?? this.root.querySelector("[data-current][data-completion]") ?? this.cards[0];
  }

  // What of a completion is on screen: how it reads, or its source text.
  view(card) {
    return this.root.querySelector('[data-reading="raw"]').checked ? card.querySelector(".raw") : card.querySelector(".prose");
  }

  field(card) {
    return card.querySelector("[data-passages] input");
  }

  spans(card) {
    return JSON.parse(this.field(card).value);
  }

  // Places: UTF-16 units of what is on screen <-> code points of the completion's text

  toText(card, { start, end }) {
    const view = this.view(card);
    const text = view.textContent;
    const place = [points(text.slice(0, start)), points(text.slice(0, end))];
    return view.matches(".raw") ? place : across(this.runs(card), ...place, PAGE);
  }

  toPage(card, span) {
    const view = this.view(card);
    const place = view.matches(".raw") ? [span.start, span.end] : across(this.runs(card), span.start, span.end, TEXT);
    return place && { start: units(view.textContent, place[0]), end: units(view.textContent, place[1]) };
  }

  runs(card) {
    return JSON.parse(card.querySelector("[data-passages]").dataset.runs);
  }

  range(card, { start, end }) {
    const range = new Range();
    const walker = document.createTreeWalker(this.view(card), NodeFilter.SHOW_TEXT);
    let at = 0;
    let open = false;
    for (let node = walker.nextNode(); node; at += node.length, node = walker.nextNode()) {
      if (!open && start < at + node.length) {
        range.setStart(node, start - at);
        open = true;
      }
      if (open && end <= at + node.length) {
        range.setEnd(node, end - at);
        break;
      }
    }
    return range;
  }

  // Choosing a passage

  onTouch() {
    clearTimeout(this.settling);
    if (matchMedia("(pointer: coarse)").matches) this.settling = setTimeout(() => this.onSelect(false), SETTLED);
  }

  onSelect(focus) {
    const selection = getSelection();
    if (selection.isCollapsed || !selection.rangeCount) return;
    const range = selection.getRangeAt(0);
    const card = this.cards.find((one) => this.view(one).contains(range.startContainer) && this.view(one).contains(range.endContainer));
    if (!card) return;
    const before = new Range();
    before.setStart(this.view(card), 0);
    before.setEnd(range.startContainer, range.startOffset);
    const chosen = range.toString();
    const start = before.toString().length + chosen.length - chosen.trimStart().length;
    if (chosen.trim()) this.choose(card, { start, end: start + chosen.trim().length }, { focus });
  }

  sentences(card) {
    const text = this.view(card).textContent;
    const found = globalThis.Intl?.Segmenter
      ? [...new Intl.Segmenter(undefined, { granularity: "sentence" }).segment(text)].map(({ index, segment }) => [index, segment])
      : [...text.matchAll(/[^.!?\n]+[.!?]*\n?/g)].map((match) => [match.index, match[0]]);
    return found
      .filter(([, sentence]) => sentence.trim())
      .map(([at, sentence]) => {
        const start = at + sentence.length - sentence.trimStart().length;
        return { start, end: start + sentence.trim().length };
      });
  }

  step(card) {
    const [first] = this.sentences(card);
    if (first) this.choose(card, first, { focus: true });
  }

  // `edited` is the number of the passage that is being changed, if it is an old one.
  choose(card, place, { focus, edited = null }) {
    if (this.card !== card || edited !== null || !this.marker.matches(":popover-open")) {
      this.back = document.activeElement;
      this.card = card;
      this.edited = edited;
      const span = edited === null ? { severity: "major", note: "" } : this.spans(card)[edited];
      for (const radio of this.types) radio.checked = radio.value === span.type;
      this.fields.severity.value = span.severity;
      this.fields.note.value = span.note;
    }
    this.complain("");
    this.place = place;
    this.marker.showPopover();
    this.show();
    if (focus) this.marker.querySelector("[data-quote]").focus({ preventScroll: true });
  }

  show() {
    const text = this.view(this.card).textContent.slice(this.place.start, this.place.end);
    this.marker.querySelector("[data-quote]").textContent = text;
    this.announce(text);
    this.paint();
    const range = this.range(this.card, this.place);
    const column = this.card.querySelector(".text");
    const [{ top, bottom }, frame] = [range.getBoundingClientRect(), column.getBoundingClientRect()];
    if (top < frame.top || bottom > frame.bottom) column.scrollBy({ top: top - frame.top - 40 });
    const at = range.getBoundingClientRect();
    const room = innerHeight - (this.marker.offsetWidth > innerWidth - 24 ? this.marker.offsetHeight : 0); // a sheet on a phone
    if (at.top < 0 || at.bottom > room) scrollBy({ top: at.top - room / 2 });
    this.put(range.getBoundingClientRect(), frame);
  }

  // Below the passage, else above it, else beside its column; never upon it.
  put(at, column) {
    const { offsetWidth: width, offsetHeight: height } = this.marker;
    const below = at.bottom + height + 16 < innerHeight;
    const above = at.top > height + 16;
    const beside = column.right + width + 16 < innerWidth ? column.right + 8 : column.left - width - 8;
    const x = below || above ? at.left : beside;
    const y = below ? at.bottom + 8 : above ? at.top - height - 8 : at.top;
    const within = (value, room) => `${Math.max(8, Math.min(value, room - 8))}px`;
    const inline = within(document.dir === "rtl" ? innerWidth - x - width : x, innerWidth - width);
    PLACE.replaceSync(`.marker { --x: ${inline}; --y: ${within(y, innerHeight - height)} }`);
  }

  nudge(what, by) {
    const { start, end } = this.place;
    const text = this.view(this.card).textContent;
    if (what === "sentence") {
      const all = this.sentences(this.card);
      const at = all.findLastIndex((sentence) => sentence.start <= start);
      this.place = all[Math.max(0, Math.min(all.length - 1, at + by))];
    } else {
      const edges = [...text.matchAll(/\S+/g)].map((word) => (what === "start" ? word.index : word.index + word[0].length));
      const edge = by > 0 ? edges.find((one) => one > this.place[what]) : edges.findLast((one) => one < this.place[what]);
      const place = { start, end, [what]: edge };
      if (edge !== undefined && place.start < place.end) this.place = place;
    }
    this.show();
  }

  // Marking

  onKey(event) {
    if (event.key === "Escape") {
      event.preventDefault();
      return this.close();
    }
    const { target } = event;
    const arrow = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (target.matches("[data-quote]") && arrow) {
      const sideways = event.key === "ArrowLeft" || event.key === "ArrowRight";
      const by = sideways && document.dir === "rtl" ? -arrow : arrow;
      this.nudge(sideways ? (event.shiftKey ? "end" : "sentence") : "start", by);
    } else if (target.matches("[data-quote]") && event.key === "Enter") this.marker.firstElementChild.requestSubmit();
    else if (/^[1-9]$/.test(event.key) && target !== this.fields.note && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const radio = this.types[event.key - 1];
      if (!radio) return;
      radio.checked = true;
      this.announce(radio.dataset.label);
    } else return;
    event.preventDefault();
  }

  onClick(event) {
    const { target } = event;
    const card = target.closest("[data-completion]");
    const nudge = target.closest("[data-nudge]");
    const old = target.closest("[data-edit], [data-remove]");
    if (nudge) this.nudge(nudge.dataset.nudge, Number(nudge.dataset.by));
    else if (target.closest("[data-cancel]")) this.close();
    else if (target.closest("[data-mark]")) this.step(card);
    else if (old?.dataset.edit) {
      const place = this.toPage(card, this.spans(card)[old.dataset.edit]);
      if (place) this.choose(card, place, { focus: true, edited: Number(old.dataset.edit) });
    } else if (old) {
      this.write(card, this.spans(card).toSpliced(Number(old.dataset.remove), 1));
      this.announce(gettext("Mark removed."));
      card.querySelector("[data-mark]").focus();
    }
  }

  onSubmit(event) {
    event.preventDefault();
    const place = this.toText(this.card, this.place);
    const type = this.types.find((radio) => radio.checked)?.value;
    if (!type) return this.complain(gettext("Choose what is wrong with it."));
    if (!place) return this.complain(gettext("This cannot be found in the text. Show the source text, and mark it there."));
    const span = { start: place[0], end: place[1], type, severity: this.fields.severity.value, note: this.fields.note.value.trim() };
    const others = this.spans(this.card).filter((_, number) => number !== this.edited);
    this.write(this.card, [...others, span].sort((a, b) => a.start - b.start || a.end - b.end));
    this.announce(gettext("Marked."));
    this.close();
  }

  complain(text) {
    const line = this.marker.querySelector("[data-marker-error]");
    line.textContent = text;
    line.hidden = !text;
  }

  close() {
    if (!this.marker.matches(":popover-open")) return;
    this.marker.hidePopover();
    this.card = null;
    getSelection().removeAllRanges();
    this.back === document.body ? document.activeElement.blur() : this.back.focus({ preventScroll: true });
    this.paint();
  }

  write(card, spans) {
    this.field(card).value = JSON.stringify(spans);
    this.list(card);
    this.paint();
    this.workplace.changed();
  }

  // Showing

  list(card) {
    const list = card.querySelector("[data-passages] ul");
    const text = [...card.querySelector(".raw").textContent];
    const button = (name, number, words, label) => {
      const made = Object.assign(document.createElement("button"), { type: "button", className: name, ariaLabel: label });
      made.dataset[name] = number;
      made.append(...words);
      return made;
    };
    list.replaceChildren(
      ...this.spans(card).map((span, number) => {
        const quote = text.slice(span.start, span.end).join("");
        const severity = this.severities[LEVELS.indexOf(span.severity)];
        const type = this.types.find((radio) => radio.value === span.type)?.dataset.label ?? span.type;
        const said = Object.assign(document.createElement("span"), { className: `badge ${span.severity}`, textContent: `${type} · ${severity}` });
        const cited = Object.assign(document.createElement("q"), { dir: "auto", textContent: quote.length > 90 ? `${quote.slice(0, 90)}…` : quote });
        const item = document.createElement("li");
        item.append(
          button("edit", number, [said, cited, span.note && ` ${span.note}`], ""),
          button("remove", number, ["×"], interpolate(gettext("Remove the mark on “%s”"), [quote.slice(0, 40)])),
        );
        item.firstChild.removeAttribute("aria-label");
        return item;
      }),
    );
  }

  // Colours come by the Custom Highlight API, which leaves the text as it is; without it, the list alone shows them.
  paint() {
    if (!CSS.highlights) return;
    for (const level of LEVELS) {
      const ranges = this.cards.flatMap((card) =>
        this.spans(card)
          .filter((span) => span.severity === level)
          .map((span) => this.toPage(card, span))
          .filter(Boolean)
          .map((place) => this.range(card, place)),
      );
      CSS.highlights.set(`span-${level}`, new Highlight(...ranges));
    }
    CSS.highlights.set("span-now", this.card ? new Highlight(this.range(this.card, this.place)) : new Highlight());
  }
}

parts.push((workplace) => (workplace.root.querySelector("#marker") ? new Spans(workplace) : null));
