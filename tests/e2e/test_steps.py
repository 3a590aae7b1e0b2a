"""Labelling the steps of a solution: by one key a step, by mouse, by touch, and without script."""

import pytest
from playwright.sync_api import expect

from annotate.models import Judgement
from annotate.services.campaigns import create_campaign
from tests.e2e.test_look import examine_everywhere
from tests.services.test_step_labels import add_solution
from tests.world import add_guideline


@pytest.fixture
def proofs(site):
    add_guideline("steps")
    carol = site.world.carol
    campaign = create_campaign(slug="proofs", name="Proofs", kind="steps", guideline_slug="steps", overlap=2, by=carol)
    add_solution(campaign)
    site.log_in(site.world.alice)
    return campaign


def stored() -> list[str]:
    return list(Judgement.objects.get().step_labels.values_list("label", flat=True))


def current(site) -> str:
    return site.page.locator("[data-current] .step-number").inner_text()


def test_it_labels_by_one_key_a_step_and_stops_at_the_first_error(site, proofs):
    site.begin("Proofs")
    page, task = site.page, site.page.url
    page.keyboard.press("n")
    expect(page.locator("[data-live]")).to_have_text("Step 1: Neutral. Now step 2: Halve.")
    page.keyboard.press("b")
    expect(page.locator("[data-count]")).to_have_text("First error in step 2")
    expect(page.get_by_text("This is the first error.")).to_be_visible()
    assert page.locator("[data-after]").count() == 1
    page.keyboard.press("Enter")  # three presses for two labels
    expect(page).not_to_have_url(task)
    assert stored() == ["neutral", "bad"]


def test_it_goes_back_and_undoes(site, proofs):
    site.begin("Proofs")
    page = site.page
    for key in ("g", "b", "u"):
        page.keyboard.press(key)
    expect(page.locator("[data-count]")).to_have_text("1 of 3 steps labelled")
    assert current(site) == "2"
    for key in ("ArrowUp", "2"):  # step 1 again, neutral by its digit
        page.keyboard.press(key)
    assert current(site) == "2"
    page.keyboard.press("g")
    page.keyboard.press("Enter")
    expect(page.locator("[data-error]")).to_have_text("Step 3 has no label yet.")
    for key in ("g", "Enter"):
        page.keyboard.press(key)
    page.wait_for_url("**/waiting/")
    assert stored() == ["neutral", "good", "good"]


def test_it_labels_by_mouse_and_by_tab(site, proofs):
    site.begin("Proofs")
    page = site.page
    page.locator(".step").nth(0).get_by_role("radio", name="Good").click()
    page.locator(".step").nth(1).get_by_role("radio", name="Neutral").focus()
    page.keyboard.press("Space")
    expect(page.locator(".step").nth(2).get_by_role("radio", name="Good")).to_be_focused()
    page.keyboard.press("b")
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url("**/waiting/")
    assert stored() == ["good", "neutral", "bad"]


def test_it_labels_without_script(browser, site, proofs):
    state = site.page.context.storage_state()
    context = browser.new_context(
        java_script_enabled=False, storage_state=state, viewport={"width": 390, "height": 844}
    )
    page = context.new_page()
    page.goto(f"{site.url}/")
    page.get_by_role("button", name="Proofs").click()
    for step in range(3):
        page.locator(".step").nth(step).get_by_role("radio", name="Good").click()
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url("**/waiting/")
    context.close()
    assert stored() == ["good", "good", "good"]


def test_it_is_accessible_on_a_desk_and_on_a_phone(site, proofs):
    site.begin("Proofs")
    examine_everywhere(site, "steps")
    site.page.locator(".step").nth(1).get_by_role("radio", name="Bad").click()
    examine_everywhere(site, "steps, stopped")
    for width in (390, 1440):
        site.page.set_viewport_size({"width": width, "height": 844})
        targets = site.page.eval_on_selector_all(
            ".labels span", "all => all.filter(one => one.checkVisibility()).map(one => one.offsetHeight)"
        )
        assert min(targets) >= 40
