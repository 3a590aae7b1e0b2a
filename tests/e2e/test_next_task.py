"""From one task to the next without a page load; undo; two devices; the lease; a closed tab."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

from django.utils import timezone
from playwright.sync_api import expect

from annotate.models import Assignment, Campaign, Judgement
from annotate.services.expiring import expire_leases
from tests.product import wait_until
from tests.world import add_ranking_task

MARK = "window.sameDocument = true"
SAME = "window.sameDocument === true"
NOTHING_WAITS = "!Object.keys(localStorage).some((key) => key.startsWith('outbox:'))"


def more_tasks(world, n: int) -> None:
    """Tasks enough to go on for a while."""
    for number in range(n):
        add_ranking_task(
            world.ranking,
            question=f"More? ({number})",
            answers=[f"Answer {letter}." for letter in "abcd"],
            by=world.carol,
        )


def wait_for_ahead(site) -> None:
    """Until the next task is held for Alice and fetched."""
    site.page.locator("body[data-ahead]").wait_for()


def rank(site) -> None:
    for key in ("2", "1", "3", "4", "Enter"):
        site.page.keyboard.press(key)


def held(world) -> dict:
    """Which of Alice's tasks are open and ahead."""
    found = Assignment.objects.filter(annotator=world.alice, state="claimed").select_related("task")
    return {"ahead" if one.opened_at is None else "open": one for one in found}


def test_it_goes_from_task_to_task_without_a_page_load(site):
    more_tasks(site.world, 4)
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    site.page.evaluate(MARK)
    wait_for_ahead(site)
    asked: list[str] = []
    site.page.on("request", lambda request: asked.append(f"{request.method} {urlsplit(request.url).path}"))
    answered = []
    for n in range(1, 6):
        wait_for_ahead(site)
        before = site.page.url
        answered.append(f"POST {urlsplit(before).path}")
        rank(site)
        assert site.page.url != before  # at once: the address has changed when the key press returns
        expect(site.page.locator(".done")).to_have_text(f"{n} done today")
    assert site.page.evaluate(SAME)
    assert Judgement.objects.count() == 5
    assert [one for one in asked if "/static/" not in one] == answered  # one request for each judgement
    assert site.page.url.endswith(f"{held(site.world)['open'].pk}/")
    site.page.reload()
    expect(site.page.locator(".prompt")).to_contain_text("More? (2)")
    site.page.go_back()
    expect(site.page.get_by_role("heading", name="You have submitted this task")).to_be_visible()


def test_it_undoes_the_last_answer_by_a_key(site):
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    wait_for_ahead(site)
    first = site.page.url
    rank(site)
    expect(site.page.locator("[data-last]")).to_contain_text(re.compile(r"Submitted\..*until \d\d:\d\d"))
    expect(site.page.locator(".done")).to_have_text("1 done today")
    site.page.keyboard.press("z")
    site.page.wait_for_url(f"{first}correct/")
    site.wait_for_keys()
    for key in ("a", "4", "Enter"):
        site.page.keyboard.press(key)
    expect(site.page.get_by_text("Corrected.")).to_be_visible()
    assert sorted(Judgement.objects.values_list("version", flat=True)) == [1, 2]
    assert Judgement.objects.current().get().seconds < 30


def test_it_releases_the_task_ahead_when_the_tab_closes(site):
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    wait_for_ahead(site)
    assert set(held(site.world)) == {"open", "ahead"}
    site.page.close(run_before_unload=True)
    wait_until(lambda: set(held(site.world)) == {"open"}, within=60, what="the task ahead to be released")


def test_two_devices_share_the_draft_and_never_double_a_task(site, browser, complaints):
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    wait_for_ahead(site)
    site.page.keyboard.press("3")
    site.page.keyboard.press("1")
    expect(site.page.locator("[data-saved]")).to_have_text(re.compile(r"Saved \d"))
    context = browser.new_context(storage_state=site.page.context.storage_state())
    other = context.new_page()
    other.goto(site.page.url)
    expect(other.locator("[data-order]")).to_have_text("B > A")
    other.locator("body[data-ahead]").wait_for()
    assert Assignment.objects.filter(annotator=site.world.alice).count() == 2
    for key in ("2", "4", "Enter"):
        other.keyboard.press(key)
    expect(other.locator(".done")).to_have_text("1 done today")
    for key in ("4", "4", "Enter"):
        site.page.keyboard.press(key)
    expect(site.page.locator("#outbox")).to_contain_text("not taken: This task is already submitted")
    assert Judgement.objects.count() == 1
    assert {name: one.task for name, one in held(site.world).items()} == {
        "open": site.world.ranking_tasks[1],
        "ahead": site.world.ranking_tasks[2],
    }
    site.page.get_by_role("button", name="Dismiss").click()
    expect(site.page.locator("#outbox")).to_be_hidden()
    complaints.clear()  # the browser reports the refused request
    context.close()


def test_it_asks_before_the_lease_ends_and_one_key_keeps_it(site):
    Campaign.objects.update(lease_minutes=1)
    site.page.clock.install()
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    wait_for_ahead(site)
    soon = timezone.now() + timedelta(seconds=20)
    Assignment.objects.update(lease_expires_at=soon)
    site.page.clock.run_for(45_000)
    expect(site.page.locator("[data-ending]")).to_contain_text("This task goes back to the queue at")
    site.page.get_by_role("button", name="I am still here").click()
    expect(site.page.locator("[data-ending]")).to_be_hidden()
    wait_until(
        lambda: all(one.lease_expires_at > soon + timedelta(seconds=20) for one in held(site.world).values()),
        within=5,
        what="both leases to be renewed",
    )


def test_a_heartbeat_goes_on_only_while_somebody_works(site):
    Campaign.objects.update(lease_minutes=1)
    site.page.clock.install()
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    wait_for_ahead(site)
    beats: list[str] = []
    site.page.on("request", lambda request: request.url.endswith("/heartbeat/") and beats.append(request.url))
    site.page.clock.run_for(40_000)  # a beat is due every 18 s: nobody touches anything
    beats.clear()  # the first one may still speak for the click that began
    site.page.clock.run_for(10_000)
    assert beats == []
    site.page.keyboard.press("Escape")  # also the answer to whether somebody is still there
    site.page.clock.run_for(20_000)
    wait_until(lambda: beats, within=60, what="a heartbeat")
    beats.clear()
    site.page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true })")
    site.page.mouse.move(5, 5)
    site.page.clock.run_for(20_000)
    assert beats == []


def test_what_was_lost_is_told_after_it_left_the_screen_and_can_be_opened_again(site, complaints):
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    wait_for_ahead(site)
    mine = held(site.world)["open"]
    Assignment.objects.filter(pk=mine.pk).update(lease_expires_at=timezone.now() - timedelta(minutes=1))
    expire_leases()
    mine.task.refresh_from_db()
    mine.task.reserved = mine.task.target  # others took the places
    mine.task.save()
    rank(site)
    strip = site.page.locator("#outbox")
    expect(strip).to_contain_text("The task before this one was not taken: The time for this task ran out")
    expect(site.page.locator(".prompt")).to_contain_text("(1)")
    complaints.clear()
    strip.get_by_role("link", name="Open it again").click()
    expect(site.page.locator("[data-order]")).to_have_text("B > A > C > D")
    assert Assignment.objects.get(pk=mine.pk).draft["ranks"]
    expect(strip).to_be_hidden()
