"""A pair: which of two is better, by one key, one click or one tap, and by how much where the campaign asks."""

import pytest
from playwright.sync_api import expect

from annotate.services.campaigns import create_campaign
from tests.e2e.test_ranking import judgement, pressed_keys, stored
from tests.world import add_ranking_task

PAIR = ["Because of **Rayleigh** scattering.", "Because the sea is blue."]


@pytest.fixture
def pairs(site):
    """Opens a campaign of two pairs, with the strength asked when told so."""

    def begin(*, strength: bool = False) -> None:
        world = site.world
        campaign = create_campaign(
            slug="pairs",
            name="Compare answers",
            kind="ranking",
            guideline_slug="ranking",
            overlap=1,
            form={"strength": strength} if strength else {},
            by=world.carol,
        )
        for n in range(2):
            add_ranking_task(campaign, question=f"Why is the sky blue, again? ({n})", answers=PAIR, by=world.carol)
        site.log_in(world.alice)
        site.begin("Compare answers")

    return begin


def ranks(site, letters) -> tuple[int, int]:
    expect(site.page.locator(".done")).to_have_text("1 done today")
    given = stored(letters)
    return given["A"], given["B"]


@pytest.mark.parametrize(("key", "expected"), [("1", (1, 2)), ("ArrowRight", (2, 1)), ("0", (1, 1))])
def test_it_takes_two_presses_with_submitting(site, pairs, key, expected):
    pairs()
    letters, presses = site.letters(), pressed_keys(site)
    site.page.keyboard.press(key)
    site.page.keyboard.press("Enter")
    assert ranks(site, letters) == expected
    assert presses() == 2


def test_it_raises_the_strength_by_the_same_key_and_undoes_it(site, pairs):
    pairs(strength=True)
    letters = site.letters()
    how = site.page.locator(".strength :checked")
    for key, strength in (("2", "slightly"), ("2", "clearly"), ("2", "much better"), ("u", "clearly")):
        site.page.keyboard.press(key)
        expect(how).to_have_attribute("data-label", strength)
    expect(site.page.locator("[data-live]")).to_have_text("Undone. All ranked. Enter submits.")
    site.page.keyboard.press("Enter")
    assert ranks(site, letters) == (2, 1)
    assert judgement().strength == 2


def test_it_is_judged_by_mouse(site, pairs):
    pairs(strength=True)
    letters = site.letters()
    site.page.get_by_role("button", name="Tie").click()
    expect(site.page.get_by_label("much better")).to_be_disabled()
    better = site.page.get_by_role("button", name="A is better")
    better.click()
    expect(better).to_have_attribute("aria-pressed", "true")
    site.page.get_by_label("much better").check()
    site.page.get_by_role("button", name="Submit").click()
    assert ranks(site, letters) == (1, 2)
    assert judgement().strength == 3
