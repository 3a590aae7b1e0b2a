"""Placing completions in order without typing: dragged by mouse and by finger, tapped, moved by buttons."""

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.test_ranking import judgement, stored


@pytest.fixture
def strip(site) -> Locator:
    """The order strip of the first ranking task."""
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    return site.page.locator("[data-strip]")


def order(site) -> Locator:
    return site.page.locator("[data-order]")


def middle(locator: Locator) -> tuple[float, float]:
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def lift(site, what: Locator) -> None:
    """Press and move until it follows: the script of dragging comes with the first press."""
    x, y = middle(what)
    site.page.mouse.move(x, y)
    site.page.mouse.down()
    for step in range(100):
        site.page.mouse.move(x + 8 + step % 2, y + 8)
        if site.page.locator(".ghost").count():
            return
        site.page.wait_for_timeout(50)


def drag(site, what: Locator, where: Locator, dx: float = 0) -> None:
    """Drag by mouse; `where` may only appear once the drag has begun. `dx` = how far beside its middle to drop."""
    lift(site, what)
    x, y = middle(where)
    site.page.mouse.move(x + dx, y, steps=4)
    site.page.mouse.up()
    expect(site.page.locator(".ghost")).to_have_count(0)


def test_it_places_and_ties_by_dragging_and_undoes_it(site, strip):
    letters = site.letters()
    gaps = strip.locator("[data-gap]")
    drag(site, strip.locator("[data-chip=C]"), gaps.last)
    expect(order(site)).to_have_text("C")
    drag(site, site.page.locator("[data-completion=A] .letter"), strip.locator("[data-gap='0']"))
    expect(order(site)).to_have_text("A > C")
    drag(site, strip.locator("[data-chip=D]"), strip.locator("[data-chip=C]"))
    expect(site.page.locator("[data-live]")).to_have_text("D is 2nd, tied with C. Left: B.")
    drag(site, strip.locator("[data-chip=B]"), strip.locator("[data-gap='1']"))
    expect(order(site)).to_have_text("A > B > C = D")
    site.page.get_by_role("button", name="Undo").click()
    expect(order(site)).to_have_text("A > C = D")
    drag(site, strip.locator("[data-chip=A]"), strip.locator("[data-gap='out']"))
    expect(order(site)).to_have_text("C = D")
    for key in ("b", "a", "Enter"):
        site.page.keyboard.press(key)
    expect(site.page.locator(".done")).to_have_text("1 done today")
    assert stored(letters) == {"C": 1, "D": 1, "B": 2, "A": 3}


def test_it_leaves_everything_as_it_was_when_dropped_elsewhere_or_escaped(site, strip):
    drag(site, strip.locator("[data-chip=C]"), site.page.get_by_role("heading", name="Rank answers"))
    expect(order(site)).to_be_hidden()
    lift(site, strip.locator("[data-chip=C]"))
    expect(site.page.locator(".ghost")).to_be_visible()
    site.page.keyboard.press("Escape")
    expect(site.page.locator(".ghost")).to_have_count(0)
    site.page.mouse.up()
    expect(order(site)).to_be_hidden()


def test_it_places_by_the_buttons_of_each_completion(site, strip):
    def move(letter: str, way: str) -> None:
        site.page.get_by_role("button", name=f"Move {letter} {way}").click()

    for letter in "BACD":
        move(letter, "up")
    expect(order(site)).to_have_text("B > A > C > D")
    move("D", "up")
    move("B", "down")
    expect(order(site)).to_have_text("A > B > D > C")
    site.page.keyboard.press("Shift+ArrowUp")
    site.page.keyboard.press("Shift+ArrowUp")
    expect(site.page.locator("[data-live]")).to_have_text("B is first already.")
    expect(order(site)).to_have_text("B > A > D > C")


def test_it_places_by_tapping_and_by_keyboard_alone(site, strip):
    strip.locator("[data-chip=B]").focus()
    site.page.keyboard.press("Enter")
    expect(strip.get_by_role("button", name="Place B as 1st")).to_be_focused()
    site.page.keyboard.press("Enter")
    expect(order(site)).to_have_text("B")
    strip.get_by_role("button", name="D, not ranked").click()
    strip.get_by_role("button", name="Tie D with B").click()
    expect(order(site)).to_have_text("B = D")
    strip.get_by_role("button", name="D, 1st").click()
    site.page.keyboard.press("Escape")
    expect(strip.locator("[data-gap]")).to_have_count(0)


def test_it_places_by_finger_on_a_phone(browser, site):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    site.page = context.new_page()
    site.log_in(site.world.alice)
    site.page.get_by_role("button", name="Rank answers").click()
    strip = site.page.locator("[data-strip]")
    strip.locator("[data-chip=C]").tap()
    strip.get_by_role("button", name="Place C as 1st").tap()
    scrolled = site.page.evaluate("scrollY")
    expect(order(site)).to_have_text("C")
    finger = context.new_cdp_session(site.page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    x, y = middle(strip.locator("[data-chip=A]"))
    touch("touchStart", (x, y))
    for step in range(100):
        touch("touchMove", (x + 20 + step % 2, y - 8))
        if site.page.locator(".ghost").count():
            break
        site.page.wait_for_timeout(50)
    expect(site.page.locator(".ghost")).to_be_visible()
    touch("touchMove", middle(strip.locator("[data-gap='0']")))
    site.page.wait_for_timeout(
        200
    )  # a finger rests; let go in full swing it would fling, and the next tap only stop that
    touch("touchEnd")
    expect(order(site)).to_have_text("A > C")
    assert site.page.evaluate("scrollY") == scrolled
    for letter, said in {"B": "A > B = C", "D": "A > B = C = D"}.items():
        site.page.locator(f"[data-completion={letter}] .ranks label").nth(1).tap()
        expect(order(site)).to_have_text(said)  # a tap's click comes late: the page must not be scrolled on before it
    site.page.get_by_role("button", name="Submit").tap()
    expect(site.page.locator(".done")).to_have_text("1 done today")
    context.close()
    assert sorted(judgement().ranked.values_list("rank", flat=True)) == [1, 2, 2, 2]
