"""How the pages look: the workplace in both themes and at two widths, columns, targets. More is in test_every_page."""

from axe_playwright_python.base import AXE_SCRIPT, AxeResults

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OF_LOOK = {
    "type": "rule",
    "values": [
        *("color-contrast", "target-size", "scrollable-region-focusable", "link-in-text-block", "heading-order"),
        *("page-has-heading-one", "aria-hidden-focus", "button-name", "link-name", "label"),
    ],
}
"""What may differ between widths, themes and languages: sizes, colours, and what is hidden."""


def examine(site, where: str, only: object = RULES) -> None:
    """Fail with the list of what axe finds on the page that is open, and when the page is wider than the window."""
    if not site.page.evaluate("'axe' in window"):  # half a megabyte, read once a page
        site.page.evaluate(AXE_SCRIPT)
    options = {"runOnly": only, "resultTypes": ["violations"]}
    violations = site.page.evaluate("async (options) => (await axe.run(options)).violations", options)
    assert violations == [], f"{where}:\n{AxeResults({'violations': violations}).generate_report()}"
    wide = site.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, f"{where} is {wide} px too wide"


def examine_in_both_themes(site, where: str, only: object = RULES) -> None:
    """These rules in the light, and again in the dark the only one that depends on it."""
    site.page.emulate_media(color_scheme="light", reduced_motion="reduce")
    examine(site, where, only)
    site.page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    examine(site, f"{where}, in the dark", only={"type": "rule", "values": ["color-contrast"]})


def examine_everywhere(site, where: str) -> None:
    """All rules on a desk, and what may differ from that on a phone, each in both themes."""
    for width, only in ((1440, RULES), (390, OF_LOOK)):
        site.page.set_viewport_size({"width": width, "height": 844})
        examine_in_both_themes(site, f"{where} at {width}", only)


def test_it_has_an_accessible_workplace(site):
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    site.page.keyboard.press("1")
    site.page.keyboard.press("Enter")  # shows the error too
    examine_everywhere(site, "ranking")
    site.page.keyboard.press("t")
    site.page.locator(".flags summary").first.click()
    examine_everywhere(site, "ranking with guideline and flags toggled")
    site.page.keyboard.press("s")
    examine_everywhere(site, "skip")
    site.page.keyboard.press("Escape")
    site.page.goto(f"{site.url}/")
    site.begin("Write answers")
    examine_everywhere(site, "writing")


def test_it_keeps_the_chosen_theme(site):
    site.page.emulate_media(color_scheme="light")
    site.log_in(site.world.alice)
    paper = "getComputedStyle(document.body).backgroundColor"
    light = site.page.evaluate(paper)
    site.page.get_by_role("button", name="Dark theme").click()
    dark = site.page.evaluate(paper)
    assert dark != light
    site.page.goto(f"{site.url}/guidelines/")
    assert site.page.evaluate(paper) == dark


def test_it_puts_four_completions_side_by_side_on_a_wide_screen(site):
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    site.page.locator(".guideline-panel").evaluate("panel => panel.removeAttribute('open')")
    tops = site.page.eval_on_selector_all(".completion", "cards => cards.map(card => card.getBoundingClientRect().top)")
    assert len(tops) == 4
    assert len(set(tops)) == 1


def test_it_has_targets_of_at_least_24_pixels(site):
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    small = site.page.eval_on_selector_all(
        "button, summary, .ranks span, select, input[type=checkbox]",
        "all => all.filter(one => one.checkVisibility()).filter(one => one.offsetHeight < 24 || one.offsetWidth < 24)"
        ".filter(one => !one.closest('label'))"
        ".map(one => one.outerHTML.slice(0, 80))",
    )
    assert small == []
