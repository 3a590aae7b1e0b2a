"""The first page."""

from annotate.services.campaigns import set_campaign_state
from annotate.services.claiming import claim_next_task
from tests.web.conftest import client_of, rank_all


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


def test_it_puts_the_focus_on_the_first_campaign_with_work(alice, world):
    rank_all(world.alice, world)
    page = text(alice.get("/"))
    assert page.count("autofocus") == 1
    assert 'autofocus>Start<span class="visually-hidden"> <bdi>Write answers' in page


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
