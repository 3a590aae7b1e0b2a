"""What scripts write can be translated, too: after every key and dialog no word stands outside of the brackets."""

from playwright.sync_api import Route, expect

from annotate.models import Campaign, Guideline
from tests.web.pseudo import CLOSE, OPEN, pseudo_language, untranslated

__all__ = ["pseudo_language"]
CATALOG = f"""
  const named = (text, values) => text.replace(/%\\((\\w+)\\)s/g, (_, name) => String(values[name]));
  const listed = (text, values) => text.replace(/%s/g, () => String(values.shift()));
  const inBrackets = (text) => `{OPEN}${{text}}{CLOSE}`;
  // The ordinals are one string, which the script takes apart.
  globalThis.gettext = (text) => (text.startsWith("1st ") ? text.split(" ").map(inBrackets).join(" ") : inBrackets(text));
  globalThis.pgettext = (context, text) => gettext(text);
  globalThis.ngettext = (one, many, n) => gettext(n === 1 ? one : many);
  globalThis.interpolate = (text, values, byName) => (byName ? named : listed)(text, values);
"""


def serve_brackets(route: Route) -> None:
    route.fulfill(body=CATALOG, content_type="text/javascript")


def test_it_writes_nothing_that_cannot_be_translated(site, pseudo_language):
    site.page.route("**/strings/*.js", serve_brackets)
    written = [*Campaign.objects.values_list("name", flat=True), *Guideline.objects.values_list("title", flat=True)]
    site.page.goto(f"{site.url}/login/")
    site.page.locator("#id_username").fill("alice")
    site.page.locator("#id_password").fill("correct horse battery")
    site.page.keyboard.press("Enter")
    site.page.get_by_role("button", name="Rank answers").click()
    site.page.locator("[data-needs-script]:not([hidden])").first.wait_for(state="attached")
    site.page.keyboard.press("1")
    expect(site.page.locator("[data-saved]")).to_contain_text(OPEN)
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
        site.page.keyboard.press(key)
        left = untranslated(site.page.content(), written)
        assert left == "", f"after {key}: {left}"
