"""What holds for every page in a browser: its weight, its reach by keyboard, its look to axe, its width, its hosts."""

import pytest

from tests.e2e.test_look import examine
from tests.e2e.walk import LIMIT, night, walk

__all__ = ["night"]

WEIGHTS = """
() => Object.fromEntries(performance.getEntriesByType("resource")
  .filter(({ name }) => /\\.(js|css)(\\?|$)/.test(name) && !name.includes("/django_htmx/"))
  .map(({ name, decodedBodySize }) => [new URL(name).pathname, decodedBodySize]))
"""
# What Tab must reach: everything that takes input and is on the page, one of each group of radio buttons.
REACHABLE = """
() => {
  const groups = new Set();
  const all = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")];
  window.reachable = all.filter((one) => {
    if (!one.checkVisibility({ visibilityProperty: true }) || one.disabled || one.type === "hidden") return false;
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


def test_it_loads_less_than_sixty_kilobytes_of_our_own(site, night, complaints):
    weights = {}
    for name in walk(site, night, complaints):
        found = site.page.evaluate(WEIGHTS)
        assert all(found.values()), f"{name}: {found}"
        weights[name] = (sum(found.values()), found)
    heaviest = sorted(weights.items(), key=lambda item: -item[1][0])
    for name, (total, found) in heaviest[:5]:
        print(f"{name}: {total} bytes: {found}")
    too_heavy = {name: found for name, (total, found) in heaviest if total > LIMIT}
    assert too_heavy == {}


def test_it_can_be_used_by_keyboard_alone(site, night, complaints):
    for name in walk(site, night, complaints):
        count = site.page.evaluate(REACHABLE)
        order, unseen = [], []
        for _ in range(2 * count + 10):
            state = site.page.evaluate(FOCUSED)
            if order and state["at"] in (0, order[0]) and len(order) > 1:  # round the whole page
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


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light"), (390, "light"), (1440, "dark")])
def test_it_has_no_accessibility_violation_and_no_sideways_scroll(site, night, complaints, width, scheme):
    site.page.emulate_media(color_scheme=scheme)
    site.page.set_viewport_size({"width": width, "height": 844})
    for name in walk(site, night, complaints):
        examine(site, name)
