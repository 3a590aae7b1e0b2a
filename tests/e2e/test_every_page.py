"""What holds for every page in a browser: its weight, its reach by keyboard, its look to axe, its width, its hosts."""

from functools import cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.test import Client

from tests.e2e.test_look import OF_LOOK, examine
from tests.e2e.walk import LIMIT, night, walk

__all__ = ["night"]

LOADED = """
() => performance.getEntriesByType("resource")
  .map(({ name }) => new URL(name).pathname)
  .filter((path) => /\\.(js|css)$/.test(path) && !path.includes("/django_htmx/"))
"""
# What Tab must reach: everything that takes input and is on the page, one of each group of radio buttons.
REACHABLE = """
() => {
  const groups = new Set();
  const all = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")];
  const reachable = all.filter((one) => {
    if (!one.checkVisibility({ visibilityProperty: true }) || one.matches(":disabled, [type=hidden]")) return false;
    if (one.tabIndex < 0 || one.closest("[inert]")) return false;
    if (one.type !== "radio") return true;
    const group = one.name + (one.form?.id ?? "");
    return !groups.has(group) && groups.add(group);
  });
  // Which of them has the focus now, as its place in the document, and whether anybody can see that.
  const focused = () => {
    const one = document.activeElement;
    let at = reachable.indexOf(one);
    if (at < 0 && one.type === "radio") at = reachable.findIndex((other) => other.name === one.name);
    const outlined = [one, one.nextElementSibling, one.parentElement, one.closest("label")].some((near) => {
      const { outlineStyle, outlineWidth } = near ? getComputedStyle(near) : {};
      return near && outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
    });
    const { left, top, width, height } = one.getBoundingClientRect();
    const spots = [[0.5, 0.5], [0.1, 0.1], [0.9, 0.1], [0.1, 0.9], [0.9, 0.9]];
    const shown = spots.some(([x, y]) => {
      const hit = document.elementFromPoint(left + width * x, top + height * y);
      return hit && (one.contains(hit) || hit.contains(one) || hit.closest("label")?.contains(one));
    });
    return { at, seen: outlined && shown, html: one.outerHTML.slice(0, 120) };
  };
  document.querySelector(".skip-link").focus();
  Object.assign(window, { reachable, visited: [focused()] });
  addEventListener("keyup", () => visited.push(focused()), true);  // when Tab is let go, it has moved the focus
  return reachable.length;
}
"""


@cache
def weigh(path: str) -> int:
    """Bytes of a script or style over the wire. (The test server compresses nothing.)"""
    if path.startswith("/static/"):
        return Path(f"{finders.find(path.removeprefix('/static/'))}.gz").stat().st_size
    return len(Client().get(path, headers={"Accept-Encoding": "gzip"}).content)


def weigh_page(page) -> int:
    """Bytes over the wire of all that the open page loads of ours."""
    loaded = [weigh(path) for path in page.evaluate(LOADED)]
    assert loaded, page.url
    return sum(loaded)


def went_to(page, count: int) -> tuple[list[int], list[str]]:
    """Where Tab leads, once round the page, and at which of these nobody sees it."""
    order, unseen = [], []
    for presses in (count, *[5] * (count // 5 + 3)):  # first as many as should be enough: asking takes time
        for _ in range(presses):
            page.keyboard.press("Tab")
        for state in page.evaluate("window.visited.splice(0)"):
            if state["at"] in order and state["at"] != order[-1]:
                return order, unseen
            if state["at"] >= 0:
                order.append(state["at"])
                if not state["seen"]:
                    unseen.append(state["html"])
    return order, unseen


def tab_through(page, name: str) -> None:
    """Tab goes to everything that takes input, in the order of the page, and one sees where one is."""
    count = page.evaluate(REACHABLE)
    order, unseen = went_to(page, count)
    assert order == sorted(order), f"{name}: the focus jumps: {order}"
    missed = sorted(set(range(count)) - set(order))
    names = page.evaluate("places => places.map((at) => window.reachable[at].outerHTML.slice(0, 120))", missed)
    assert names == [], f"{name}: Tab does not reach {names}"
    assert unseen == [], f"{name}: nobody sees the focus on {unseen}"


def show(page, *, width: int, height: int = 844, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")


def test_it_is_light_accessible_and_not_too_wide_and_can_be_used_by_keyboard_alone(site, night, complaints):
    """Each page is opened once for all of this: opening it takes longer than most of what is looked at."""
    page, weights = site.page, {}
    for name in walk(site, night, complaints):
        weights[name] = weigh_page(page)
        show(page, width=1440, scheme="light")
        examine(site, f"{name}, wide and light")
        show(page, width=390, scheme="dark")
        examine(site, f"{name}, narrow and dark", only=OF_LOOK)
        show(page, width=1440, height=900, scheme="light")
        tab_through(page, name)
    for name, weight in sorted(weights.items(), key=lambda item: -item[1])[:5]:
        print(f"{name}: {weight} bytes over the wire")
    assert {name: weight for name, weight in weights.items() if weight > LIMIT} == {}
