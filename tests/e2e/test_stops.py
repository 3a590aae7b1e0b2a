"""Where work stops: the day's limit, nothing left, a campaign that is paused while somebody is at work."""

from playwright.sync_api import expect

from annotate.models import Judgement
from annotate.services.setup import change_campaign, move_campaign
from tests.e2e.test_look import examine_everywhere
from tests.e2e.test_next_task import rank, wait_for_ahead


def test_after_the_last_task_of_the_day_it_says_why_and_enter_leads_on(site):
    rules = {"needs": {"language": True}, "daily": {"judgements": 2, "hours": 6}}
    change_campaign(campaign=site.world.ranking, by=site.world.carol, assignment=rules)
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    expect(site.page.locator(".done")).to_have_text("0 of 2 today · 0.0 of 6 h")
    wait_for_ahead(site)
    rank(site)
    expect(site.page.locator("[data-done-line]")).to_have_text("1 of 2 today")
    rank(site)
    expect(site.page.get_by_role("heading", name="Nothing to do here right now")).to_be_visible()
    expect(site.page.locator(".reasons")).to_contain_text("You have done 2 tasks here today")
    examine_everywhere(site, "nothing to do")
    site.page.keyboard.press("Enter")
    expect(site.page.get_by_role("heading", name="Write answers")).to_be_visible()


def test_a_pause_says_what_becomes_of_the_task_on_screen(site):
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    wait_for_ahead(site)
    move_campaign(campaign=site.world.ranking, state="paused", by=site.world.carol)
    rank(site)
    expect(site.page.locator("[data-lost]")).to_contain_text("“Rank answers” is paused")
    rank(site)
    expect(site.page.locator(".reasons")).to_contain_text("An admin has paused this campaign")
    assert Judgement.objects.count() == 2
