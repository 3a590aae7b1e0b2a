"""Nothing is lost: without a connection, without a session, with a closed tab, on a shared computer."""

from playwright.sync_api import expect

from annotate.models import Assignment, Judgement
from tests.e2e.test_next_task import NOTHING_WAITS, held, more_tasks, rank, wait_for_ahead
from tests.product import wait_until
from tests.world import PASSWORD


def test_it_works_on_offline_and_sends_everything_when_the_connection_is_back(site, complaints):
    more_tasks(site.world, 2)
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    wait_for_ahead(site)
    site.page.context.set_offline(True)
    rank(site)
    expect(site.page.locator("#outbox")).to_contain_text("Offline: 1 answer waits here.")
    expect(site.page.locator(".prompt")).to_contain_text("(1)")
    rank(site)
    expect(site.page.locator("#outbox")).to_contain_text(
        "Offline: 2 answers wait here. They are sent as soon as the connection is back."
    )
    assert not Judgement.objects.exists()
    site.page.context.set_offline(False)
    expect(site.page.locator(".done")).to_have_text("2 done today")
    expect(site.page.locator(".prompt")).to_contain_text("(2)")
    expect(site.page.locator("#outbox")).to_be_hidden()
    assert Judgement.objects.count() == 2
    complaints.clear()  # the browser said that it was offline


def test_it_takes_back_what_is_not_sent_yet(site, complaints):
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    wait_for_ahead(site)
    site.page.context.set_offline(True)
    rank(site)
    expect(site.page.locator("#outbox")).to_contain_text("1 answer waits here")
    site.page.keyboard.press("Backspace")
    expect(site.page.locator("[data-order]")).to_have_text("B > A > C > D")
    expect(site.page.locator("#outbox")).to_be_hidden()
    site.page.context.set_offline(False)
    letters = site.letters()
    for key in ("a", "4", "Enter"):
        site.page.keyboard.press(key)
    expect(site.page.locator(".prompt")).to_contain_text("(1)")
    expect(site.page.locator(".done")).to_have_text("1 done today")
    ranks = dict(Judgement.objects.get().ranked.values_list("completion_id", "rank"))
    assert ranks[letters["A"]] == ranks[letters["D"]]
    complaints.clear()


def test_a_closed_tab_loses_nothing(site, complaints):
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    wait_for_ahead(site)
    context = site.page.context
    context.set_offline(True)
    rank(site)
    expect(site.page.locator("#outbox")).to_contain_text("1 answer waits here")
    site.page.keyboard.press("2")
    expect(site.page.locator("[data-saved]")).to_have_text("Not saved yet: kept on this computer.")
    site.page.close()
    context.set_offline(False)
    again = context.new_page()
    again.goto(f"{site.url}/")
    wait_until(lambda: again.evaluate(NOTHING_WAITS), within=60, what="the outbox to be sent")
    assert Judgement.objects.count() == 1
    assert len(Assignment.objects.get(task=site.world.ranking_tasks[1]).draft["ranks"]) == 1
    complaints.clear()


def test_a_lost_session_keeps_the_work_and_goes_on_after_logging_in(site, complaints):
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    wait_for_ahead(site)
    site.page.context.clear_cookies(name="sessionid")
    rank(site)
    strip = site.page.locator("#outbox")
    expect(strip).to_contain_text("You are logged out. 1 answer waits here.")
    task = site.page.url
    strip.get_by_role("link", name="Log in and go on").click()
    expect(site.page.get_by_label("Username")).to_be_focused()
    site.page.keyboard.type("alice")
    site.page.keyboard.press("Tab")
    site.page.keyboard.type(PASSWORD)
    site.page.keyboard.press("Enter")
    site.page.wait_for_url(task)
    expect(site.page.locator(".done")).to_have_text("1 done today")
    assert Judgement.objects.count() == 1
    wait_until(lambda: "open" in held(site.world), within=60, what="the task on screen to be open")
    complaints.clear()


def test_nobody_sees_or_sends_anothers_work_on_a_shared_computer(site, complaints):
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    wait_for_ahead(site)
    site.page.context.clear_cookies(name="sessionid")
    rank(site)
    expect(site.page.locator("#outbox")).to_contain_text("1 answer waits here")
    site.page.context.clear_cookies()
    site.log_in(site.world.bob)
    expect(site.page.locator("#outbox")).to_be_hidden()
    site.page.get_by_role("button", name="Log out").click()
    site.log_in(site.world.alice)
    wait_until(Judgement.objects.exists, within=60, what="Alice's answer")
    assert Judgement.objects.get().annotator == site.world.alice
    wait_until(lambda: site.page.evaluate(NOTHING_WAITS), within=60, what="the outbox to be empty")
    complaints.clear()
