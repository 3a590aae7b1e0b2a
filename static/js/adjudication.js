// Deciding a disagreement: the widget is the annotators' own. Enter leads to the cause, a digit there chooses it, and
// Enter again decides. A task that nobody holds yet is taken by Enter first.
import { bodyOf, keep } from "./outbox.js";
import { parts } from "./parts.js";

class Cause {
  constructor(workplace) {
    const { root, form, announce, shortcuts, signal } = workplace;
    Object.assign(this, { root, form, announce });
    // The decision is posted as a page: until the server has it, a copy stays here. What was decided keeps no draft.
    const copy = (event) => {
      if (event.defaultPrevented || !root.dataset.draftUrl) return;
      workplace.nameDraft();
      if (keep({ url: root.dataset.draftUrl, body: bodyOf(form), draft: true })) workplace.settled();
    };
    form.addEventListener("submit", copy, { signal });
    this.field = form.querySelector(".cause");
    this.take = document.querySelector("#take:not([data-idle])");
    this.field.addEventListener("keydown", (event) => this.digit(event), { signal });
    const skip = (event) => {
      if (!shortcuts.allowed(event) || shortcuts.actionOf(event) !== "skip") return;
      event.preventDefault();
      document.getElementById("pass").requestSubmit();
    };
    document.addEventListener("keydown", skip, { capture: true, signal });
    const explained = ({ target }) => (form.elements.gold.checked ||= Boolean(target.value.trim()));
    form.elements.explanation.addEventListener("change", explained, { signal });
  }

  digit(event) {
    const digit = event.code?.match(/^(?:Digit|Numpad)(\d)$/)?.[1];
    const input = digit && !event.ctrlKey && !event.metaKey && !event.altKey && this.field.querySelector(`[data-digit="${digit}"]`);
    if (!input) return;
    event.preventDefault();
    input.checked = true;
    input.focus();
    this.announce(input.nextElementSibling.textContent.trim());
  }

  refusal() {
    if (this.take) {
      this.take.requestSubmit();
      return { text: gettext("One moment: this task becomes yours to decide.") };
    }
    if (!this.root.querySelector("#submit")) return { text: gettext("You cannot decide this task.") };
    if (this.form.elements.cause.value) return null;
    const text = gettext("Why did they disagree? Press a digit, then Enter.");
    // Only where nothing else stands in the way: what does is said first.
    queueMicrotask(() => this.root.querySelector("[data-error]").textContent === text && this.field.querySelector("input").focus());
    return { text };
  }
}

parts.push((workplace) => workplace.root.querySelector(".cause") && new Cause(workplace));
