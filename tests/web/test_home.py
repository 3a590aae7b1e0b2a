"""The first page."""

from annotate.models import Assignment, Campaign
from annotate.services.campaigns import set_campaign_state
from annotate.services.claiming import claim_next_task
from tests.web.conftest import client_of, rank_all
from tests.world import set_onboarding


def text(response) -> str:
    return " ".join(response.content.decode().split())


def test_it_shows_campaigns_with_progress(alice, world):
    rank_all(world.alice, world)
    page = text(alice.get("/"))
    assert "3 of 6 judgements on 3 tasks" in page
    assert "3 by you" in page
    assert 'You have done <strong class="num">3</strong> today.' in page


def test_it_offers_to_start_what_is_new_and_to_continue_what_is_held(alice, world):
    claim_next_task(annotator=world.alice, campaign=world.writing)
    page = text(alice.get("/"))
    assert 'Start<span class="visually-hidden"> <bdi>Rank answers</bdi></span>' in page
    assert 'Continue<span class="visually-hidden"> <bdi>Write answers</bdi></span>' in page


def test_its_focus_is_on_the_button_that_starts_anywhere(alice, world):
    page = text(alice.get("/"))
    assert page.count("autofocus") == 1
    assert "autofocus>Start working" in page
    claim_next_task(annotator=world.alice, campaign=world.writing)
    assert "autofocus>Go on working" in text(alice.get("/"))


def test_it_starts_nothing_where_there_is_nothing(alice, world):
    for campaign in (world.ranking, world.writing):
        set_campaign_state(campaign=campaign, state="paused")
    assert "Start working" not in text(alice.get("/"))
    assert alice.post("/next/").url == "/"


def test_starting_opens_the_most_needed_task(alice, world):
    Campaign.objects.filter(pk=world.writing.pk).update(priority=1)
    opened = alice.post("/next/")
    assert Assignment.objects.get(campaign=world.writing).pk.hex in opened.url.replace("-", "")


def test_starting_leads_to_the_steps_before_the_only_work(alice, world):
    set_campaign_state(campaign=world.writing, state="paused")
    set_onboarding(campaign=world.ranking, onboarding={"acknowledge": True}, access="everyone")
    assert alice.post("/next/").url == "/campaigns/answers/onboarding/"


def test_it_says_why_a_paused_campaign_has_no_button(alice, world):
    set_campaign_state(campaign=world.ranking, state="paused")
    page = text(alice.get("/"))
    assert "An admin has paused this campaign" in page
    assert f"/campaigns/{world.ranking.slug}/next/" not in page


def test_it_says_what_to_do_when_no_campaign_is_open(alice, world):
    for campaign in (world.ranking, world.writing):
        set_campaign_state(campaign=campaign, state="closed")
    assert "an admin has not opened one yet" in text(alice.get("/"))
    assert "manage.py import_prompts FILE" in text(client_of(world.carol).get("/"))


def test_it_shows_the_audit_links_to_admins_only(alice, carol):
    assert "/agreement/" not in text(alice.get("/"))
    assert "/agreement/" in text(carol.get("/"))
