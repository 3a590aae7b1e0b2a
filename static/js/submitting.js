// From one task to the next: what is submitted or skipped goes into the outbox, the task ahead is shown at once, and the
// answer brings the one after that. Without script, the forms do the same with a page load each.
import { Ahead, headers } from "./ahead.js";
import { aside, bodyOf, csrf, drop, find, isGoing, keep, send } from "./outbox.js";

const TIME = new Intl.DateTimeFormat(`${document.documentElement.lang}-u-nu-latn`, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
export const clock = (time) => TIME.format(time); // as the server writes it

export class Shell {
  constructor(Workplace) {
    this.Workplace = Workplace;
    const root = document.querySelector("[data-work]");
    const { url, draftUrl, assignment, aheadUrl } = root.dataset;
    const kept = find(url ?? location.pathname.replace(/correct\/$/, "")) ?? find(draftUrl);
    const form = root.querySelector("#judgement");
    const other = find(aside(draftUrl));
    const swapped = other?.shown && !kept;
    if (swapped) keep({ ...other, body: bodyOf(form), shown: false });
    if (kept) fill(form, kept.body);
    else if (swapped) fill(form, other.body, true);
    this.current = new Workplace(root, this);
    if (other) this.current.tellOther(gettext("Another draft of this task is kept on this computer."));
    if (swapped) this.current.touch();
    this.done = Number(root.dataset.done);
    document.addEventListener("submit", (event) => this.onSubmit(event), { capture: true });
    if (!url) return; // a correction or a qualification task: a page comes after it, and no task is ahead
    this.ahead = new Ahead(aheadUrl);
    document.addEventListener("outbox:taken", (event) => this.count(event.detail));
    document.addEventListener("outbox:sent", () => this.onSent());
    document.addEventListener("click", (event) => event.target.closest("[data-undo-submit]") && this.undo(event));
    addEventListener("popstate", () => location.pathname === this.current.root.dataset.url || location.reload());
    addEventListener("pageshow", (event) => event.persisted && location.reload());
    if (kept && !kept.refused && !kept.draft) this.wait();
    else this.look(this.ahead.fetch(assignment, 0));
  }

  onSubmit(event) {
    const { form } = this.current;
    const skipping = event.target.closest("#skip") && !event.submitter?.hasAttribute("formaction");
    if (event.target !== form && !skipping) return;
    if (!skipping && !this.current.mayLeave()) event.preventDefault();
    else if (!this.ahead) drop(location.pathname.replace(/correct\/$/, ""));
    else if (this.busy || this.waiting) event.preventDefault(); // it is on its way
    else if (this.submit(event.target, skipping)) event.preventDefault();
  }

  // Whether the script has taken it over: a browser that keeps nothing submits as it does without script.
  submit(form, skipping) {
    this.current.nameDraft();
    const entry = { url: form.getAttribute("action"), body: bodyOf(form), key: `:${Math.random().toString(36).slice(2)}` };
    if (!keep(entry)) return false;
    this.current.settled();
    this.deliver(entry, skipping);
    return true;
  }

  async deliver(entry, skipping) {
    this.busy = true;
    const { draftUrl } = this.current.root.dataset;
    let next = this.ahead.give();
    if (!next && this.ahead.coming) {
      await this.ahead.coming;
      next = this.ahead.give();
    }
    drop(draftUrl);
    drop(aside(draftUrl));
    this.last = skipping ? this.last : { url: this.current.root.dataset.url, at: Date.now(), page: this.page() };
    if (next) this.show(next);
    else this.wait();
    this.busy = false;
    const sent = send(entry, headers(next?.assignment));
    const answer = await sent;
    if (next) this.look(answer?.ok ? this.ahead.take(answer) : answer && this.ahead.fetch(next.assignment, this.seconds()));
    else if (answer?.ok) this.goOn();
    else if (answer) this.stay(entry);
  }

  // What became of the task on screen, as the answer that brings the next one says.
  async look(coming) {
    const { current } = this;
    const answer = await coming;
    const lost = answer?.headers.get("X-Concord-Lost");
    if (lost) current.lost(decodeURIComponent(lost));
    else if (answer?.ok) current.renewed();
  }

  seconds() {
    return (Date.now() - this.current.shownAt) / 1000;
  }

  // Everything that waited is sent: the next one can come, and the task on screen can be opened.
  async onSent() {
    if (this.waiting) return find(this.current.root.dataset.url) ? null : this.goOn();
    await this.ahead.coming;
    if (!this.busy && !this.waiting) this.look(this.ahead.fetch(this.current.root.dataset.assignment, this.seconds()));
  }

  // No task is ahead: the next one, or the thanks when there is none, comes as a page once this one is sent.
  wait() {
    this.waiting = true;
    this.current.pause(true);
  }

  stay(entry) {
    const { refused } = find(entry.url) ?? {};
    drop(entry.url);
    this.waiting = false;
    this.current.pause(false);
    this.current.complain({ text: refused });
  }

  goOn() {
    const form = document.createElement("form");
    const token = Object.assign(document.createElement("input"), { type: "hidden", name: "csrfmiddlewaretoken", value: csrf() });
    Object.assign(form, { method: "post", action: this.current.root.dataset.nextUrl, hidden: true }).append(token);
    document.body.append(form);
    form.submit();
  }

  page() {
    return { main: document.getElementById("main"), title: document.title, ...this.current.root.dataset };
  }

  show(page) {
    const open = this.current.root.querySelector(".guideline-panel")?.open;
    this.current.leave();
    const root = page.main.querySelector("[data-work]");
    const panel = root.querySelector(".guideline-panel");
    if (panel) panel.open = open;
    this.tellLast(root);
    if (scrollY) scrollTo({ top: 0, behavior: "instant" }); // before the change: afterwards it would cost a layout
    document.getElementById("main").replaceWith(page.main);
    document.title = page.title;
    history.pushState(null, "", page.url);
    this.current = new this.Workplace(root, this);
    this.current.renewed();
    (root.querySelector("#judgement [autofocus]") ?? page.main).focus({ preventScroll: true });
    requestAnimationFrame(() => htmx.process(page.main));
  }

  // What the server has taken counts, and nothing else.
  count({ url }) {
    if (!url.endsWith("skip/")) this.done += 1;
    this.tellDone(this.current.root);
  }

  tellDone(root) {
    const { daily } = root.dataset;
    const text = daily ? gettext("%s of %s today") : ngettext("%s done today", "%s done today", this.done);
    root.querySelector("[data-done-line]").textContent = interpolate(text, [this.done, daily]);
  }

  tellLast(root) {
    this.tellDone(root);
    const minutes = Number(root.dataset.correctionMinutes);
    const line = root.querySelector("[data-last]");
    line.hidden = !this.last || !minutes;
    if (line.hidden) return;
    line.querySelector("[data-undo-submit]").href = `${this.last.url}correct/`;
    line.querySelector("[data-until]").textContent = interpolate(gettext("until %s"), [clock(this.last.at + minutes * 60_000)]);
  }

  // Takes back what is not sent yet; opens a correction of what is.
  async undo(event) {
    event?.preventDefault();
    const link = this.current.root.querySelector("[data-undo-submit]");
    const { last } = this;
    if (last) await isGoing(last.url);
    const entry = last && find(last.url);
    if (!entry || entry.refused) {
      if (link.href) location.assign(link.href);
      return;
    }
    drop(last.url);
    this.last = null;
    if (this.waiting) {
      this.waiting = false;
      this.current.pause(false);
      return;
    }
    if (!this.ahead.page) this.ahead.keep(this.page());
    this.show(last.page);
  }
}

// Puts kept work back into a form. What the page itself says stays: which judgement it corrects, since when, what was
// decided; and, of a draft that is put in the place of another one, which one that is.
const OWN = ["csrfmiddlewaretoken", "judgement", "opened", "supersedes", "key"];
function fill(form, body, other) {
  const data = new URLSearchParams(body);
  for (const field of form.elements) {
    if (!field.name || OWN.includes(field.name) || (other && field.name.startsWith("draft_"))) continue;
    const values = data.getAll(field.name);
    if (["radio", "checkbox"].includes(field.type)) field.checked = values.includes(field.value);
    else field.value = values[0] ?? "";
  }
}
