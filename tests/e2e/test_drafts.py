"""Drafts in a browser: what a tab that was offline brings back stays beside what is newer, as does a decision."""

from playwright.sync_api import expect

from annotate.models import Adjudication, AdjudicationDraft, AdjudicationHold, Assignment
from annotate.services.adjudicating import decide
from annotate.services.claiming import save_draft
from annotate.services.drafts import Following
from annotate.services.people import create_admin
from tests.e2e.test_adjudication import QUEUE
from tests.e2e.test_next_task import NOTHING_WAITS, wait_for_ahead
from tests.product import wait_until
from tests.web.conftest import rank_all


def ranks(assignment: Assignment) -> list[int]:
    assignment.refresh_from_db()
    return list(assignment.draft["ranks"].values())


def test_a_tab_that_was_offline_shows_its_draft_beside_the_newer_one(site, complaints):
    page = site.page
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    wait_for_ahead(site)
    held = Assignment.objects.get(annotator=site.world.alice, opened_at__isnull=False)
    saved, other = page.locator("[data-saved]"), page.locator("[data-other]")
    page.keyboard.press("2")
    expect(saved).to_contain_text("Saved")
    page.context.set_offline(True)
    page.keyboard.press("3")
    expect(saved).to_have_text("Not saved yet: kept on this computer.")
    held.refresh_from_db()
    newer = {"ranks": dict.fromkeys(map(str, held.shown_order), 1)}
    following = Following.parse(f"{held.draft_number + 1}.phone", held.draft_name)
    save_draft(assignment_id=held.pk, annotator=held.annotator, draft=newer, following=following)
    page.context.set_offline(False)
    expect(other).to_contain_text("changed in another tab or on another device meanwhile")
    assert ranks(held) == [1, 1, 1, 1]
    page.keyboard.press("4")
    expect(saved).to_have_text("Kept on this computer.")
    other.get_by_role("button", name="Show the other draft").press("Enter")
    expect(other).to_contain_text("Another draft of this task is kept on this computer.")
    expect(page.locator("[data-order]")).to_have_text("A = B = C = D")
    other.get_by_role("button").press("Enter")
    expect(saved).to_contain_text("Saved")
    expect(other).to_be_visible()
    wait_until(lambda: sorted(ranks(held)) == [2, 3, 4], within=60, what="the older draft in the newer one's place")
    other.get_by_role("button").press("Enter")
    expect(page.locator("[data-order]")).to_have_text("A = B = C = D")
    complaints.clear()  # the browser said that it was offline, and what was refused


def test_an_unfinished_decision_is_there_again_and_says_what_happened(site, complaints):
    rank_all(site.world.alice, site.world)
    rank_all(site.world.bob, site.world, reverse=True)
    task = site.world.ranking_tasks[0]
    site.log_in(site.world.carol)
    page = site.page
    page.goto(site.url + QUEUE)
    page.get_by_role("button", name="Decide the next").press("Enter")
    site.wait_for_keys()
    for digit in "4321":
        page.keyboard.press(digit)
    page.get_by_label("Note").fill("The last one is right.")
    page.get_by_label("Factual").check()
    page.close(run_before_unload=True)
    wait_until(AdjudicationDraft.objects.filter(draft__beside__cause="factual").exists, within=60, what="the draft")
    AdjudicationHold.objects.all().delete()
    answer = {"ranks": dict.fromkeys(task.completions.values_list("pk", flat=True), 1)}
    decide(task_id=task.pk, by=create_admin(username="dora", password="x y z 1 2 3"), answer=answer, cause="style")
    page = site.page = page.context.new_page()
    page.goto(f"{site.url}{QUEUE}{task.pk}/")
    expect(page.get_by_text("Somebody else decided this task after you had saved your draft.")).to_be_visible()
    expect(page.get_by_label("Note")).to_have_value("The last one is right.")
    site.wait_for_keys()
    page.keyboard.press("Enter")  # take it
    expect(page.get_by_role("button", name="Decide", exact=True)).to_be_visible()
    expect(page.get_by_text("Draft restored")).to_be_visible()
    expect(page.get_by_label("Factual")).to_be_checked()
    site.wait_for_keys()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Decided.")).to_be_visible()
    made = Adjudication.objects.current().get()
    assert (made.by, made.version, list(made.answer["ranks"].values())) == (site.world.carol, 2, [4, 3, 2, 1])
    assert not AdjudicationDraft.objects.exists()
    wait_until(lambda: page.evaluate(NOTHING_WAITS), within=60, what="an empty outbox")
