"""What holds for every page in a browser: its weight, its reach by keyboard, its look to axe, its width, its hosts."""

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
  window.reachable = all.filter((one) => {
    if (!one.checkVisibility({ visibilityProperty: true }) || one.matches(":disabled, [type=hidden]")) return false;
    if (one.tabIndex < 0 || one.closest("[inert]")) return false;
    if (one.type !== "radio") return true;
    const group = one.name + (one.form?.id ?? "");
    return !groups.has(group) && groups.add(group);
  });
  document.querySelector(".skip-link").focus();
  return window.reachable.length;
}
"""
# Which of them has the focus now, as its place in the document, and whether anybody can see that.
FOCUSED = """
() => {
  const one = document.activeElement;
  let at = window.reachable.indexOf(one);
  if (at < 0 && one.type === "radio") at = window.reachable.findIndex((other) => other.name === one.name);
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
}
"""


def weigh(path: str) -> tuple[int, int]:
    """Bytes of a script or style over the wire, and as written. (The test server compresses nothing.)"""
    if path.startswith("/static/"):
        written = Path(finders.find(path.removeprefix("/static/")))
        return Path(f"{written}.gz").stat().st_size, written.stat().st_size
    sent = Client().get(path, headers={"Accept-Encoding": "gzip"})
    return len(sent.content), len(Client().get(path).content)


def test_it_loads_less_than_sixty_kilobytes_of_our_own(site, night, complaints):
    weights = {}
    for name in walk(site, night, complaints):
        loaded = {path: weigh(path) for path in site.page.evaluate(LOADED)}
        assert loaded, name
        weights[name] = tuple(sum(column) for column in zip(*loaded.values(), strict=True))
    for name, (wire, written) in sorted(weights.items(), key=lambda item: -item[1][0])[:5]:
        print(f"{name}: {wire} bytes over the wire, {written} as written")
    assert {name: wire for name, (wire, _) in weights.items() if wire > LIMIT} == {}


def test_it_can_be_used_by_keyboard_alone(site, night, complaints):
    for name in walk(site, night, complaints):
        count = site.page.evaluate(REACHABLE)
        order, unseen = [], []
        for _ in range(2 * count + 10):
            state = site.page.evaluate(FOCUSED)
            if state["at"] in order and state["at"] != order[-1]:  # round the whole page
                break
            if state["at"] >= 0:
                order.append(state["at"])
                if not state["seen"]:
                    unseen.append(state["html"])
            site.page.keyboard.press("Tab")
        assert order == sorted(order), f"{name}: the focus jumps: {order}"
        missed = sorted(set(range(count)) - set(order))
        names = site.page.evaluate("places => places.map((at) => window.reachable[at].outerHTML.slice(0, 120))", missed)
        assert names == [], f"{name}: Tab does not reach {names}"
        assert unseen == [], f"{name}: nobody sees the focus on {unseen}"


def test_it_has_no_accessibility_violation_and_no_sideways_scroll(site, night, complaints):
    for name in walk(site, night, complaints):
        site.page.set_viewport_size({"width": 1440, "height": 844})
        site.page.emulate_media(color_scheme="light", reduced_motion="reduce")
        examine(site, f"{name}, wide and light")
        site.page.set_viewport_size({"width": 390, "height": 844})
        site.page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        examine(site, f"{name}, narrow and dark", only=OF_LOOK)
