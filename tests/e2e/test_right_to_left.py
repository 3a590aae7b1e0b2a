"""Arabic in the browser: everything mirrors, work goes by keys as ever, and what people wrote keeps its direction."""

import re

import pytest
from playwright.sync_api import expect

from annotate.models import Judgement
from tests.e2e.test_look import OF_LOOK, examine
from tests.e2e.walk import night, walk

__all__ = ["night"]


@pytest.fixture
def arabic(site):
    """Alice has logged in and changed the language with the button in the top bar."""
    site.log_in(site.world.alice)
    site.page.get_by_role("button", name="العربيّة").click()
    expect(site.page.locator("html")).to_have_attribute("dir", "rtl")
    return site


def begin(site) -> None:
    """Start by the button that has the focus and wait until its task takes keys."""
    expect(site.page.locator(".button.large")).to_be_focused()
    site.page.keyboard.press("Enter")
    site.page.locator("[data-completion]").first.wait_for()
    site.page.locator("[data-needs-script]:not([hidden])").first.wait_for(state="attached")


def box(site, selector: str) -> dict:
    return site.page.locator(selector).first.bounding_box()


def test_it_ranks_and_submits_by_keys(arabic):
    begin(arabic)
    letters = arabic.letters()
    for key in "2133":
        arabic.page.keyboard.press(key)
    arabic.page.keyboard.press("Enter")
    expect(arabic.page.locator(".done")).to_have_text(re.compile("1|واحد"))
    ranks = dict(Judgement.objects.get().ranked.values_list("completion_id", "rank"))
    assert {letter: ranks[pk] for letter, pk in letters.items()} == {"A": 2, "B": 1, "C": 3, "D": 3}


def test_it_mirrors_the_workplace(arabic):
    begin(arabic)
    panel, main = box(arabic, ".guideline-panel"), box(arabic, ".work-main")
    assert panel["x"] + panel["width"] <= main["x"]
    submit, state = box(arabic, ".judgement-bar #submit"), box(arabic, ".judgement-bar .state")
    assert submit["x"] + submit["width"] <= state["x"]
    first, second = (box(arabic, f"[data-completion={letter}]") for letter in "AB")
    assert (first["y"], first["x"] > second["x"]) == (second["y"], True)
    brand, out = box(arabic, ".brand"), box(arabic, ".top .who")
    assert out["x"] < brand["x"]


def test_the_arrows_follow_the_direction(arabic):
    begin(arabic)
    current = arabic.page.locator("[data-current]")
    arabic.page.keyboard.press("ArrowLeft")
    expect(current).to_have_attribute("data-completion", "B")
    arabic.page.keyboard.press("ArrowRight")
    expect(current).to_have_attribute("data-completion", "A")


def test_what_people_wrote_keeps_its_own_direction(arabic):
    begin(arabic)
    directions = arabic.page.eval_on_selector_all(
        ".prompt .prose, .completion .prose", "all => all.map((one) => getComputedStyle(one).direction)"
    )
    assert set(directions) == {"ltr"}
    arabic.page.goto(f"{arabic.url}/guidelines/ranking/")
    assert arabic.page.eval_on_selector("article.prose", "one => getComputedStyle(one).direction") == "ltr"
    assert arabic.page.eval_on_selector("h1", "one => getComputedStyle(one).direction") == "rtl"


def test_it_is_accessible_and_not_too_wide(site, night, complaints):
    site.page.set_viewport_size({"width": 390, "height": 844})
    for name in walk(site, night, complaints, language="ar"):
        expect(site.page.locator("html")).to_have_attribute("dir", "rtl")
        examine(site, f"{name} in Arabic", only=OF_LOOK)  # the rest of it is in test_every_page.py
        site.page.set_viewport_size({"width": 1440, "height": 844})
        assert site.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide"
        site.page.set_viewport_size({"width": 390, "height": 844})
