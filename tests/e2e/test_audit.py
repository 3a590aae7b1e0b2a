"""The audit in a browser, by keyboard alone: from the list of campaigns to one person, and through the bias page."""

import random

from playwright.sync_api import Locator, Page, expect

from annotate.services import claiming
from tests.web.conftest import rank_all
from tests.web.test_bias_page import love_length

STEPS = 120
"""Presses of Tab after which something counts as out of reach."""


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until it has the focus."""
    for _ in range(STEPS):
        if wanted.evaluate("one => one === document.activeElement"):
            return
        page.keyboard.press("Tab")
    expect(wanted).to_be_focused()


def test_it_leads_by_keyboard_from_the_campaigns_to_a_slice_a_pair_and_a_person(site):
    rank_all(site.world.alice, site.world)
    rank_all(site.world.bob, site.world, reverse=True)
    site.log_in(site.world.carol)
    page, keyboard = site.page, site.page.keyboard
    page.goto(f"{site.url}/agreement/")
    tab_to(page, page.get_by_role("link", name="Rank answers"))
    keyboard.press("Enter")
    page.wait_for_url("**/agreement/answers/")
    tab_to(page, page.get_by_role("combobox", name="Domain"))
    keyboard.type("Art")
    tab_to(page, page.get_by_role("button", name="Show"))
    keyboard.press("Enter")
    page.wait_for_url("**/?domain=art*")
    expect(page.get_by_role("link", name="Whole campaign")).to_be_visible()
    tab_to(page, page.get_by_role("link", name="Who agrees with whom"))
    keyboard.press("Enter")
    page.wait_for_url("**/pairs/")
    square = page.get_by_role("group", name="Heat map").get_by_role("row").filter(has_text="alice").last
    expect(square.get_by_role("cell", name="0", exact=True)).to_be_visible()
    tab_to(page, square.get_by_role("link", name="alice"))
    keyboard.press("Enter")
    page.wait_for_url("**/agreement/people/**")
    expect(page.get_by_role("heading", name="alice")).to_be_visible()


def test_it_chooses_a_feature_of_the_bias_page_by_keyboard(site, monkeypatch):
    monkeypatch.setattr(claiming, "shuffler", random.Random(4))  # not always the long one first
    love_length(site.world, 6)
    site.log_in(site.world.carol)
    page = site.page
    page.goto(f"{site.url}/campaigns/answers/bias/")
    position = page.get_by_role("navigation", name="Feature").get_by_role("link", name="Position")
    tab_to(page, position)
    page.keyboard.press("Enter")
    page.wait_for_url("**/?feature=position#people")
    expect(position).to_have_attribute("aria-current", "true")
    expect(page.get_by_role("columnheader", name="Position")).to_be_in_viewport()
