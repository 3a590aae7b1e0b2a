"""Deciding disagreements in a browser: by keyboard alone, and by mouse without script."""

from playwright.sync_api import Browser, expect

from annotate.models import Adjudication
from annotate.services.claiming import claim_next_task
from tests.web.conftest import client_of, rank_all
from tests.world import PASSWORD

QUEUE = "/campaigns/answers/disagreements/"


def test_it_decides_by_keyboard_alone(site):
    rank_all(site.world.alice, site.world)
    rank_all(site.world.bob, site.world, reverse=True)
    first, second = site.world.ranking_tasks[:2]
    site.log_in(site.world.carol)
    page, keyboard = site.page, site.page.keyboard
    page.goto(site.url + QUEUE)
    expect(page.get_by_role("button", name="Decide the next")).to_be_focused()
    keyboard.press("Enter")
    site.wait_for_keys()
    for digit in "4321":
        keyboard.press(digit)
    keyboard.press("Enter")
    expect(page.get_by_text("Press a digit, then Enter.")).to_be_visible()
    expect(page.get_by_label("Style: a matter of taste")).to_be_focused()
    keyboard.press("3")
    expect(page.get_by_label("Factual")).to_be_checked()
    keyboard.press("Enter")
    expect(page.get_by_text("Decided.")).to_be_visible()
    made = Adjudication.objects.get()
    assert (made.task, made.cause) == (first, "factual")
    assert list(made.answer["ranks"].values()) == [4, 3, 2, 1]
    assert f"/{second.pk}/" in page.url
    site.wait_for_keys()
    keyboard.press("s")
    page.wait_for_url(f"**/{site.world.ranking_tasks[2].pk}/**")
    site.wait_for_keys()
    keyboard.press("z")
    page.wait_for_url(f"**/{first.pk}/**")
    expect(page.get_by_text("Cause: Factual")).to_be_visible()
    site.wait_for_keys()
    keyboard.press("Enter")  # takes it, to decide anew
    expect(page.get_by_role("button", name="Decide", exact=True)).to_be_visible()


def test_it_decides_by_mouse_without_script(site, browser: Browser):
    held = claim_next_task(annotator=site.world.alice, campaign=site.world.ranking)
    client_of(site.world.alice).post(f"/work/{held.pk}/", {f"rank-{pk}": 1 for pk in held.shown_order})
    rank_all(site.world.alice, site.world)
    rank_all(site.world.bob, site.world)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.url}/login/")
    page.get_by_label("Username").fill("carol")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.goto(site.url + QUEUE)
    page.get_by_role("link", name=f"Task {held.task_id}").click()
    page.get_by_role("button", name="Decide this one").click()
    for card in page.locator(".completion").all():
        card.locator(".ranks input[value='1']").check()
    page.get_by_label("Underspecified").check()
    page.get_by_label("Note").fill("Nobody can say.")
    page.get_by_label("Make this gold").check()
    page.get_by_label("Explanation for annotators").fill("All the same.")
    page.get_by_role("button", name="Decide", exact=True).click()
    expect(page.get_by_text("Nothing is left here that you could decide.")).to_be_visible()
    made = Adjudication.objects.get()
    assert (made.cause, made.note, made.task.gold.explanation) == ("underspecified", "Nobody can say.", "All the same.")
    context.close()
