// The task after the one on screen: leased, fetched and parsed while that one is worked on, so that it can be shown at once.
import { csrf, post } from "./outbox.js";

export class Ahead {
  constructor(url) {
    this.url = url;
    this.page = null;
    this.held = ""; // the address of what is leased, also of what needs a page load first
    addEventListener("pagehide", () => this.release());
  }

  // Asks for the page after `shown`, which has been on screen for so many seconds.
  fetch(shown, seconds) {
    this.coming ??= this.ask(shown, seconds).finally(() => (this.coming = null));
    return this.coming;
  }

  async ask(shown, seconds) {
    const answer = await post(this.url, "", headers(shown, seconds));
    return this.take(answer);
  }

  // Keeps the page that an answer brings, if it brings one; the answer.
  async take(answer) {
    if (answer?.status !== 200) return answer;
    this.held = answer.headers.get("X-Concord-Ahead");
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const root = page.querySelector("[data-work]"); // none in a warning before distressing content
    if (root) this.keep({ main: document.adoptNode(page.getElementById("main")), title: page.title, ...root.dataset });
    return answer;
  }

  keep(page) {
    this.page = page;
    if (page) this.held = page.url;
    document.body.toggleAttribute("data-ahead", Boolean(page));
  }

  give() {
    const page = this.page;
    if (page) this.held = "";
    this.keep(null);
    return page;
  }

  release() {
    if (this.held) navigator.sendBeacon(`${this.held}release-ahead/`, new URLSearchParams({ csrfmiddlewaretoken: csrf() }));
    this.held = "";
  }
}

export const headers = (shown, seconds = 0) => ({ "X-Concord-Shown": shown ?? "none", "X-Concord-Shown-For": String(seconds) });
