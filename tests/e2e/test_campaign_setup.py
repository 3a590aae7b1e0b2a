"""Setting a campaign up by keyboard, filling it, and looking at its task page."""

import json

from playwright.sync_api import expect

from annotate.models import Campaign
from annotate.services.campaigns import create_campaign
from tests.e2e.test_look import examine_everywhere, examine_in_both_themes
from tests.services.test_step_labels import add_solution, labelled
from tests.world import add_guideline


def press(page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_it_sets_a_campaign_up_by_keyboard_and_shows_its_task_page(site, tmp_path):
    add_guideline("steps")
    site.log_in(site.world.carol)
    page = site.page
    page.goto(f"{site.url}/campaigns/")
    page.get_by_role("link", name="New campaign").focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Step labels").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.type("Proofs")
    page.get_by_label("Stop at the first error").focus()
    page.keyboard.press("Space")
    page.get_by_label("People per task").focus()
    page.keyboard.type("2")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Proofs", level=1)).to_be_visible()
    campaign = Campaign.objects.get(slug="proofs")
    assert not campaign.parsed_form.stop_at_first_error
    file = tmp_path / "proofs.jsonl"
    file.write_text(json.dumps({"prompt": "Half of 4?", "steps": ["Four.", "Half is 2."]}))
    page.get_by_label("File of prompts").set_input_files(file)
    page.get_by_role("button", name="Upload").press("Enter")
    expect(page.get_by_text("1 new tasks of 1 prompts")).to_be_visible()
    page.get_by_role("link", name="Preview the task page").press("Enter")
    site.wait_for_keys()
    press(page, "b", "g", "Enter")
    expect(page.locator("[data-count]")).to_have_text("2 of 2 steps labelled")
    expect(page.get_by_text("This is a preview")).to_be_visible()
    assert not campaign.tasks.filter(reserved__gt=0).exists()


def test_who_is_given_what_is_set_by_keyboard_and_comes_back(site):
    site.log_in(site.world.carol)
    page = site.page
    page.goto(f"{site.url}/campaigns/answers/settings/")
    page.get_by_label("Order", exact=True).focus()
    page.keyboard.type("First")
    press(page, "Tab")
    page.keyboard.type("What people")
    press(page, "Tab", "Control+a")
    page.keyboard.type("15")
    press(page, "Tab", "Enter", "Tab")  # opens the known answers
    expect(page.get_by_label("First tasks of new people")).to_be_focused()
    press(page, "Control+a")
    page.keyboard.type("3")
    press(page, "Enter")
    expect(page.get_by_text("Saved: Who is given what")).to_be_visible()
    expect(page.get_by_label("Order", exact=True)).to_have_value("breadth")
    expect(page.get_by_label("Before that order")).to_have_value("disagreement")
    expect(page.get_by_label("Drawn at random, %")).to_have_value("15")
    expect(page.get_by_text("The first 3 tasks of new people · 10\u00a0% of what is given")).to_be_visible()
    page.get_by_role("link", name="Who is given what").press("Enter")
    expect(page.get_by_role("heading", name="Rules in force")).to_be_visible()
    expect(page.get_by_role("row", name="Physics Any")).to_be_visible()
    stored = Campaign.objects.get(slug="answers").assignment
    assert stored == {
        "order": "breadth",
        "first": "disagreement",
        "random_share": 0.15,
        "gold": {"first": 3},
    }


def test_it_asks_before_it_closes_a_campaign(site):
    site.log_in(site.world.carol)
    page = site.page
    page.goto(f"{site.url}/campaigns/")
    page.get_by_role("button", name="Close Rank answers").click()
    page.get_by_role("button", name="Keep it").click()
    page.get_by_role("button", name="Pause Rank answers").click()
    expect(page.get_by_text("is paused")).to_be_visible()
    page.get_by_role("button", name="Close Rank answers").click()
    page.get_by_role("button", name="Close it for good").click()
    expect(page.get_by_text("is closed for good")).to_be_visible()
    assert Campaign.objects.get(slug="answers").state == "closed"


def test_it_is_accessible_on_a_desk_and_on_a_phone(site):
    site.log_in(site.world.carol)
    add_guideline("steps")
    proofs = create_campaign(slug="proofs", name="P", kind="steps", guideline_slug="steps", overlap=2, by=None)
    add_solution(proofs)
    labelled(proofs, site.world.alice, "good", "bad")
    labelled(proofs, site.world.bob, "good", "neutral", "good")
    for address in (
        "",
        "new/",
        "new/?kind=ranking",
        "new/?kind=demonstration",
        "answers/settings/",
        "answers/overlap/",
        "answers/queues/",
    ):
        site.page.goto(f"{site.url}/campaigns/{address}")
        site.page.evaluate("document.querySelectorAll('details').forEach(one => one.setAttribute('open', ''))")
        examine_everywhere(site, f"campaigns/{address}")
    site.page.goto(f"{site.url}/agreement/proofs/steps/")
    examine_in_both_themes(site, "agreement on steps")
    site.page.goto(f"{site.url}/campaigns/answers/preview/")
    site.wait_for_keys()
    examine_in_both_themes(site, "preview")
