// Reviewing: accept, edit or return by one key. The radio buttons are the state, and the style sheet shows what belongs
// to each decision; here are the keys, and where the focus goes.

import { parts } from "./parts.js";

class Review {
  constructor({ root, form, signal, announce, changed }) {
    Object.assign(this, { root, form, announce, changed });
    this.radios = [...root.querySelectorAll("[name=decision]")];
    for (const radio of this.radios) radio.addEventListener("change", () => this.decided(radio), { signal });
    this.actions = Object.fromEntries(this.radios.map((radio) => [radio.value, () => this.choose(radio)]));
  }

  choose(radio) {
    radio.checked = true;
    this.decided(radio);
  }

  decided(radio) {
    this.announce(radio.closest("label").querySelector("span").firstChild.textContent.trim());
    this.changed();
    if (radio.value === "edit") this.form.elements.text.focus();
    if (radio.value === "return") this.form.elements.reason.focus();
  }

  refusal() {
    const decision = this.radios.find((radio) => radio.checked)?.value;
    if (!decision) return { text: gettext("Decide first: accept, edit or return.") };
    if (decision === "accept" || this.form.elements.reason.value.trim()) return null;
    this.form.elements.reason.focus();
    return { text: gettext("Say why, in a few words; its author reads it.") };
  }
}

parts.push((workplace) => (workplace.root.querySelector("[name=decision]") ? new Review(workplace) : null));
