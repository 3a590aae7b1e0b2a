"""What scripts write can be translated, too: after every key and dialog no word stands outside of the brackets."""

import pytest
from playwright.sync_api import Route, expect

from annotate.models import Campaign, Guideline
from tests.e2e.walk import enter_as
from tests.web.pseudo import CLOSE, OPEN, pseudo_language, untranslated

__all__ = ["pseudo_language"]
CATALOG = f"""
  const named = (text, values) => text.replace(/%\\((\\w+)\\)s/g, (_, name) => String(values[name]));
  const listed = (text, values) => text.replace(/%s/g, () => String(values.shift()));
  const inBrackets = (text) => `{OPEN}${{text}}{CLOSE}`;
  // The ordinals are one string, which the script takes apart.
  const each = (text) => text.split(" ").map(inBrackets).join(" ");
  globalThis.gettext = (text) => (text.startsWith("1st ") ? each(text) : inBrackets(text));
  globalThis.pgettext = (context, text) => gettext(text);
  globalThis.ngettext = (one, many, n) => gettext(n === 1 ? one : many);
  globalThis.interpolate = (text, values, byName) => (byName ? named : listed)(text, values);
"""


def serve_brackets(route: Route) -> None:
    route.fulfill(body=CATALOG, content_type="text/javascript")


def untranslated_now(site) -> str:
    """The words on the page as it is at this moment that stand outside of the brackets."""
    written = [*Campaign.objects.values_list("name", flat=True), *Guideline.objects.values_list("title", flat=True)]
    return untranslated(site.page.content(), written)


@pytest.fixture
def bracketed(site, pseudo_language):
    """Alice at her work in the language of brackets."""
    site.page.route("**/strings/*.js", serve_brackets)
    enter_as(site, site.world.alice, "en")
    site.page.goto(site.url)
    return site


def begin(site, campaign: str) -> None:
    site.page.get_by_role("button", name=campaign).click()
    site.page.locator("[data-needs-script]:not([hidden])").first.wait_for(state="attached")


def test_it_writes_nothing_in_a_ranking_that_cannot_be_translated(bracketed):
    begin(bracketed, "Rank answers")
    bracketed.page.keyboard.press("1")
    expect(bracketed.page.locator("[data-saved]")).to_contain_text(OPEN)
    for key in (
        "Enter",
        "2",
        "2",
        "u",
        "u",
        "u",
        "u",
        "a",
        "Shift+B",
        "?",
        "Escape",
        "x",
        "Escape",
        "n",
        "Escape",
        "s",
    ):
        bracketed.page.keyboard.press(key)
        assert untranslated_now(bracketed) == "", f"after {key}"


def test_it_writes_nothing_beside_a_text_that_cannot_be_translated(bracketed, complaints):
    begin(bracketed, "Write answers")
    bracketed.page.locator("#text").press_sequentially("Purse your lips.")
    expect(bracketed.page.locator("[data-saved]")).to_contain_text(OPEN)
    assert untranslated_now(bracketed) == ""
    bracketed.page.locator("#text").fill("")
    with bracketed.page.expect_response(lambda response: response.status == 422):
        bracketed.page.keyboard.press("Control+Enter")
    expect(bracketed.page.locator("#outbox")).to_contain_text(OPEN)
    assert untranslated_now(bracketed) == ""
    complaints.clear()  # the browser reports the refused request
