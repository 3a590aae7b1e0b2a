// The task after the one on screen: leased, fetched and parsed while that one is worked on, so that it can be shown at once.
import { csrf, post } from "./outbox.js";

export class Ahead {
  constructor(url) {
    this.url = url;
    this.page = null;
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
    const html = await answer.text();
    const page = new DOMParser().parseFromString(html, "text/html");
    const main = document.adoptNode(page.getElementById("main"));
    this.keep({ main, title: page.title, ...main.querySelector("[data-work]").dataset });
    return answer;
  }

  keep(page) {
    this.page = page;
    document.body.toggleAttribute("data-ahead", Boolean(page));
  }

  give() {
    const page = this.page;
    this.keep(null);
    return page;
  }

  release() {
    if (this.page) navigator.sendBeacon(`${this.page.url}release-ahead/`, new URLSearchParams({ csrfmiddlewaretoken: csrf() }));
    this.page = null;
  }
}

export const headers = (shown, seconds = 0) => ({ "X-Concord-Shown": shown ?? "none", "X-Concord-Shown-For": String(seconds) });
