// Which key does what. The server has the table (annotate/shortcuts.py) and each person's changes; remap.js makes them.

const TYPED = "textarea, select, [contenteditable], [popover], input:not([type=radio], [type=checkbox])";

export class Shortcuts {
  constructor({ root, form, signal }) {
    Object.assign(this, { root, form, signal, ...JSON.parse(root.dataset.shortcuts) }); // off, keys: {name: key}
    const opened = async (event) => event.newState === "open" && new (await import("./remap.js")).Remap(this);
    root.querySelector("#help").addEventListener("beforetoggle", opened, { signal, once: true });
    this.show();
  }

  // No shortcut fires while somebody types.
  allowed(event) {
    return !this.off && !event.ctrlKey && !event.metaKey && !event.altKey && !event.target.closest(TYPED);
  }

  // The name of the action that was asked for. On a keyboard of another script, a key's Latin letter counts, too.
  actionOf(event) {
    return Object.keys(this.keys).find((name) => [event.key.toLowerCase(), latin(event)].includes(this.keys[name]));
  }

  // The keys on buttons and in the help, as they are now.
  show(changing) {
    this.root.toggleAttribute("data-keys-off", Boolean(this.off));
    for (const hint of this.root.querySelectorAll("[data-key]")) {
      const key = this.keys[hint.dataset.key];
      hint.textContent = hint.parentElement === changing ? "…" : key?.toUpperCase() || "–";
      hint.hidden = !key && !hint.closest("[data-remap]");
    }
  }
}

export function latin(event) {
  return event.key > "~" && /^Key[A-Z]$/.test(event.code) ? event.code.at(-1).toLowerCase() : event.key.toLowerCase();
}
