"""From an invitation to the first real task, by keyboard alone."""

from playwright.sync_api import expect

from annotate.models import Membership
from annotate.services.invitations import invite
from tests.e2e.test_look import examine
from tests.world import ask_for_qualification, set_onboarding

CONSENT = "## What happens to your judgements\n\nThey are kept for ten years."
EVERYTHING = {"consent": CONSENT, "demographics": True, "expertise": True, "acknowledge": True}


def ask_for_everything(world, **qualification) -> None:
    ask_for_qualification(world, made=2, tasks=2, **qualification)
    onboarding = {**EVERYTHING, **world.ranking.onboarding}
    world.ranking = set_onboarding(campaign=world.ranking, onboarding=onboarding, access="members")


def reach(page, name: str, role: str = "button") -> None:
    """Tab until the control with this name has the focus."""
    target = page.get_by_role(role, name=name).first
    for _ in range(60):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{name} cannot be reached by Tab")


def press_focused(page, name: str, role: str = "button") -> None:
    """Press Enter on the control that has the focus when the page opens."""
    expect(page.get_by_role(role, name=name)).to_be_focused()
    page.keyboard.press("Enter")


def rank_rightly(page) -> None:
    """Give the known answer (0a before 0b before 0c) by digits, in the order of the cards, and submit it."""
    texts = [text.strip() for text in page.locator("[data-completion] .prose").all_inner_texts()]
    for text in texts:
        page.keyboard.press(str("abc".index(text[-1]) + 1))
    page.keyboard.press("Enter")
    if texts == sorted(texts):  # the order as shown has to be meant
        expect(page.get_by_text("This is exactly the order")).to_be_visible()
        page.keyboard.press("Enter")


def test_it_leads_from_the_invitation_to_the_first_task_by_keyboard_alone(site):
    page, keys = site.page, site.page.keyboard
    ask_for_everything(site.world)
    token = invite(by=site.world.carol, campaigns=[site.world.ranking], name="Dora")[1]
    page.goto(f"{site.url}/join/{token}/")
    expect(page.get_by_label("Username")).to_be_focused()
    keys.type("dora")
    keys.press("Tab")
    keys.press("Tab")
    keys.type("seven green bottles")
    keys.press("Tab")
    keys.type("seven green bottles")
    keys.press("Enter")
    page.wait_for_url(f"{site.url}/")
    expect(page.get_by_text("0 of 5 steps done")).to_be_visible()
    reach(page, "Begin Rank answers", "link")
    keys.press("Enter")
    press_focused(page, "Go on Consent", "link")
    expect(page.get_by_text("Step 1 of 5")).to_be_visible()
    reach(page, "I agree")
    keys.press("Enter")
    expect(page.get_by_text("Step 2 of 5")).to_be_visible()
    reach(page, "I would rather not say")
    keys.press("Enter")
    expect(page.get_by_text("Step 3 of 5")).to_be_visible()
    reach(page, "None", "radio")
    for _ in range(3):
        keys.press("ArrowRight")  # to Expert
    keys.press("Tab")
    keys.type("Ten years in a museum.")
    reach(page, "Go on")
    keys.press("Enter")
    expect(page.get_by_text("Step 4 of 5")).to_be_visible()
    reach(page, "I have read version 1")
    keys.press("Enter")
    expect(page.get_by_text("Step 5 of 5")).to_be_visible()
    press_focused(page, "Begin")
    for number in (1, 2):
        site.wait_for_keys()
        rank_rightly(page)
        expect(page.get_by_text(f"Task {number} of 2: all right")).to_be_visible()
        expect(page.get_by_text(f"Because of {number - 1}.")).to_be_visible()
        press_focused(page, *(("Next task",) if number == 1 else ("See the result", "link")))
    expect(page.get_by_role("heading", name="Passed")).to_be_visible()
    assert Membership.objects.get().state == "active"
    press_focused(page, "Open the first task")
    site.wait_for_keys()
    assert "Why is the sky blue?" in page.locator(".prompt").inner_text()


def test_it_explains_a_failed_qualification(site):
    page = site.page
    world = site.world
    ask_for_qualification(world, made=1, tasks=1)
    site.log_in(world.alice)
    page.get_by_role("link", name="Begin Rank answers").click()
    page.get_by_role("link", name="Go on Qualification").click()
    page.get_by_role("button", name="Begin").click()
    site.wait_for_keys()
    for _ in range(3):
        page.keyboard.press("1")  # all tied: half of it right
    page.keyboard.press("Enter")
    expect(page.get_by_text("Task 1 of 1: 50.0")).to_be_visible()
    expect(page.get_by_text("1.5 of 3 right")).to_be_visible()
    page.get_by_role("link", name="See the result").click()
    expect(page.get_by_text("Not passed this time")).to_be_visible()
    expect(page.get_by_text("You can try again from")).to_be_visible()


def test_it_shows_the_link_of_an_invitation_to_copy(site):
    page = site.page
    site.log_in(site.world.carol)
    page.get_by_role("link", name="People").click()
    page.get_by_label("Name").fill("Dora")
    page.get_by_label("Rank answers").check()
    page.get_by_role("button", name="Make the link").click()
    link = page.get_by_label("Invitation link")
    expect(link).to_be_focused()
    examine(site, "the link")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == link.input_value()
    page.get_by_role("button", name="Log out").click()
    page.goto(copied)
    expect(page.get_by_role("heading", name="You are invited")).to_be_visible()
