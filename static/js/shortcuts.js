// Which key does what. The server has the table (annotate/shortcuts.py) and each person's changes; the help changes them.

const TYPED = "textarea, select, [contenteditable], [popover], input:not([type=radio], [type=checkbox])";

export class Shortcuts {
  constructor({ root, form, announce, signal }) {
    Object.assign(this, { root, form, announce });
    Object.assign(this, JSON.parse(root.dataset.shortcuts)); // off, keys
    this.help = root.querySelector("#help");
    this.note = this.help.querySelector("[data-shortcuts-note]");
    this.switch = this.help.querySelector("[data-shortcuts]");
    this.switch.addEventListener("change", () => this.save({ off: !this.switch.checked, keys: {} }), { signal });
    this.help.addEventListener("click", (event) => this.onClick(event), { signal });
    this.help.addEventListener("keydown", (event) => this.onKey(event), { signal });
    this.show();
  }

  // The name of the action that a key event asks for, if any; no shortcut fires while somebody types.
  allowed(event) {
    return !this.off && !event.ctrlKey && !event.metaKey && !event.altKey && !event.target.closest(TYPED);
  }

  // What was pressed: on a keyboard of another script, the Latin letter printed on the same key counts, too.
  actionOf(event) {
    const latin = /^Key[A-Z]$/.test(event.code) && event.key > "~" ? event.code.at(-1) : event.key;
    return [event.key, latin].map((key) => this.named(key.toLowerCase())).find(Boolean);
  }

  named(key) {
    return Object.keys(this.keys).find((name) => this.keys[name] === key);
  }

  show() {
    this.switch.checked = !this.off;
    this.root.toggleAttribute("data-keys-off", this.off);
    for (const hint of this.root.querySelectorAll("[data-key]")) {
      const key = this.keys[hint.dataset.key];
      const changing = hint.parentElement === this.changing;
      hint.textContent = changing ? "…" : key?.toUpperCase() || "–";
      hint.hidden = !key && !hint.closest("[data-remap]");
    }
  }

  onClick(event) {
    if (event.target.closest("[data-reset]")) return this.save({ off: false });
    const button = event.target.closest("[data-remap]");
    if (this.changing) this.stop();
    if (!button) return;
    const { remap, default: usual } = button.dataset;
    if (usual.length > 1) return this.save({ off: this.off, keys: { [remap]: this.keys[remap] ? "" : usual } });
    this.changing = button;
    this.say(gettext("Press the new key. Delete switches it off, Escape keeps it."));
    this.show();
  }

  onKey(event) {
    if (!this.changing || event.key === "Tab") return;
    if (["Shift", "Control", "Alt", "Meta", "AltGraph", "Dead"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    const name = this.changing.dataset.remap;
    this.stop();
    if (event.key === "Escape") return;
    const gone = event.key === "Delete" || event.key === "Backspace";
    this.save({ off: this.off, keys: { [name]: gone ? "" : event.key.toLowerCase() } });
  }

  stop() {
    this.changing = null;
    this.say("");
    this.show();
  }

  say(text) {
    this.note.textContent = text;
  }

  async save(changes) {
    const body = new FormData();
    body.set("csrfmiddlewaretoken", this.form.elements.csrfmiddlewaretoken.value);
    body.set("shortcuts", JSON.stringify(changes));
    const answer = await fetch(this.root.dataset.shortcutsUrl, { method: "POST", body }).catch(() => null);
    if (answer?.ok) {
      this.off = changes.off;
      for (const { dataset } of this.help.querySelectorAll("[data-remap]")) {
        const before = changes.keys ? this.keys[dataset.remap] : dataset.default;
        this.keys[dataset.remap] = changes.keys?.[dataset.remap] ?? before;
      }
    }
    const failed = gettext("Not saved: the server does not answer. Try again in a moment.");
    this.say(answer?.ok ? gettext("Saved.") : answer?.status === 422 ? await answer.text() : failed);
    this.show();
  }
}
