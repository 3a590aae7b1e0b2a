// Changing keys in the help. The server checks a change and says what is wrong with it.

export class Remap {
  constructor(shortcuts) {
    const { root, signal } = shortcuts;
    this.shortcuts = shortcuts;
    this.help = root.querySelector("#help");
    this.note = this.help.querySelector("[data-shortcuts-note]");
    this.switch = this.help.querySelector("[data-shortcuts]");
    this.switch.checked = !shortcuts.off;
    this.switch.addEventListener("change", () => this.save({ off: !this.switch.checked, keys: {} }), { signal });
    this.help.addEventListener("click", (event) => this.onClick(event), { signal });
    this.help.addEventListener("keydown", (event) => this.onKey(event), { signal });
  }

  onClick(event) {
    if (this.changing) this.change(null);
    if (event.target.closest("[data-reset]")) this.save({ off: false });
    const button = event.target.closest("[data-remap]");
    if (!button) return;
    const { remap, default: usual } = button.dataset;
    const { off, keys } = this.shortcuts;
    if (usual.length > 1) this.save({ off, keys: { [remap]: keys[remap] ? "" : usual } });
    else this.change(button, gettext("Press the new key. Delete switches it off, Escape keeps it."));
  }

  onKey(event) {
    if (!this.changing || ["Tab", "Shift", "Control", "Alt", "Meta", "AltGraph", "Dead"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    const name = this.changing.dataset.remap;
    this.change(null);
    if (event.key === "Escape") return;
    const key = ["Delete", "Backspace"].includes(event.key) ? "" : event.key.toLowerCase();
    this.save({ off: this.shortcuts.off, keys: { [name]: key } });
  }

  change(button, text = "") {
    this.changing = button;
    this.note.textContent = text;
    this.shortcuts.show(button);
  }

  // Without `keys` all of them go back to their defaults.
  async save({ off, keys }) {
    const { root, form } = this.shortcuts;
    const body = new FormData();
    body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    body.set("shortcuts", JSON.stringify({ off, keys }));
    const answer = await fetch(root.dataset.shortcutsUrl, { method: "POST", body }).catch(() => null);
    if (answer?.ok) {
      this.shortcuts.off = off;
      for (const { dataset } of this.help.querySelectorAll("[data-remap]")) {
        const before = keys ? this.shortcuts.keys[dataset.remap] : dataset.default;
        this.shortcuts.keys[dataset.remap] = keys?.[dataset.remap] ?? before;
      }
      this.note.textContent = gettext("Saved.");
    } else {
      const failed = gettext("Not saved: the server does not answer. Try again in a moment.");
      this.note.textContent = answer?.status === 422 ? await answer.text() : failed;
    }
    this.switch.checked = !this.shortcuts.off;
    this.shortcuts.show();
  }
}
