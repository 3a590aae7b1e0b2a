"""The pages from the invitation to the first task, and the admins' pages about people."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from annotate.models import Consent, Demographics, Expertise, Invitation, Membership, User
from annotate.services.invitations import invite
from annotate.services.setup import change_campaign
from tests.web.conftest import client_of
from tests.world import World, add_guideline, set_onboarding

CONSENT = "We keep **what you judge** for ten years."
ACCOUNT = {"username": "dora", "password": "seven green bottles", "again": "seven green bottles"}


def text(response) -> str:
    return " ".join(response.content.decode().split())


@pytest.fixture
def link(world) -> str:
    return f"/join/{invite(by=world.carol, campaigns=[world.ranking], name='Dora')[1]}/"


def ask(world: World, *, access: str = "everyone", **onboarding):
    return set_onboarding(campaign=world.ranking, onboarding=onboarding, access=access)


def hidden(page: str, name: str) -> str:
    return re.search(f'name="{name}" value="([^"]*)"', page)[1]


# Invitations


def test_it_shows_the_link_of_an_invitation_once(carol, world):
    response = carol.post("/people/invitations/", {"name": "Dora", "days": "7", "campaign": ["answers"]})
    link = re.search(r'value="http://testserver(/join/[^"]+/)"', text(response))[1]
    assert response.headers["Cache-Control"].count("no-store") == 1
    assert "invites you" in text(Client().get(link))
    assert "/join/" not in text(carol.get("/people/invitations/"))


def test_it_makes_the_account_and_logs_in(world, link):
    guest = Client()
    page = text(guest.get(link))
    assert "Rank answers" in page
    assert 'value="Dora"' in page
    response = guest.post(link, {**ACCOUNT, "first_name": "Dora"}, follow=True)
    assert response.redirect_chain == [("/", 302)]
    assert "Hello, Dora" in text(response)
    assert Membership.objects.get().user.username == "dora"


def test_looking_at_an_invitation_does_not_use_it_up(link):
    for _ in range(2):
        assert Client().get(link).status_code == 200
        assert Client().head(link).status_code == 200


def test_it_lets_a_person_with_an_account_accept(alice, world, link):
    assert "You are logged in as" in text(alice.get(link))
    assert alice.post(link).status_code == 302
    assert Membership.objects.get().user == world.alice


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"again": "other"}, "two passwords differ"),
        ({"username": "alice"}, "already an account"),
        ({"username": "a b\0"}, "valid username"),
        ({"password": "x", "again": "x"}, "too short"),
    ],
)
def test_it_says_what_is_wrong_with_an_account_and_keeps_what_was_typed(world, link, change, sentence):
    response = Client().post(link, {**ACCOUNT, "first_name": "Dörte", **change})
    assert response.status_code == 422
    assert sentence in text(response)
    assert 'value="Dörte"' in text(response)
    assert "seven green" not in text(response)


def test_a_link_that_never_was_is_not_found(world):
    for token in ("x", "a" * 43, "%00", "a" * 3000):
        response = Client().get(f"/join/{token}/")
        assert (response.status_code, "does not exist" in text(response)) == (404, True)


def test_a_link_that_is_over_is_gone(world, link):
    Client().post(link, ACCOUNT)
    for client in (Client(), client_of(world.bob)):
        response = client.post(link, {**ACCOUNT, "username": "elsa"})
        assert (response.status_code, "used already" in text(response)) == (410, True)
    Invitation.objects.update(accepted_at=None, accepted_by=None, expires_at=timezone.now() - timedelta(days=1))
    assert Client().get(link).status_code == 410
    assert User.objects.filter(username="elsa").count() == 0


def test_it_takes_an_invitation_back(carol, link):
    pk = Invitation.objects.get().pk
    carol.post(f"/people/invitations/{pk}/revoke/")
    assert Client().get(link).status_code == 410
    assert "already used or taken back" in text(carol.post(f"/people/invitations/{pk}/revoke/", follow=True))


@pytest.mark.parametrize("days", ["0", "9999999999", "x", "", "1.5"])
def test_it_refuses_a_time_that_is_none(carol, days):
    response = carol.post("/people/invitations/", {"days": days})
    assert (response.status_code, Invitation.objects.count()) == (422, 0)


@pytest.mark.parametrize("page", ["invitations", "members", "expertise", "about"])
def test_pages_about_people_are_for_admins(alice, page):
    assert alice.get(f"/people/{page}/").status_code == 403


# The steps


def test_it_leads_from_the_card_through_every_step_to_a_task(alice, world):
    ask(world, consent=CONSENT, demographics=True, expertise=True, acknowledge=True)
    assert "0 of 4 steps done" in text(alice.get("/"))
    way = "/campaigns/answers/onboarding"
    assert alice.post("/campaigns/answers/next/").url == f"{way}/consent/"
    page = text(alice.get(f"{way}/consent/"))
    assert "Step 1 of 4" in page
    assert "<strong>what you judge</strong>" in page
    assert alice.post(f"{way}/consent/", {"text": hidden(page, "text")}).url == f"{way}/about-you/"
    assert alice.post(f"{way}/about-you/", {"age": "25-34"}).url == f"{way}/expertise/"
    page = text(alice.get(f"{way}/expertise/"))
    levels = dict.fromkeys(re.findall(r'name="(level-\d+)"', page), "some")
    assert len(levels) == 2
    assert alice.post(f"{way}/expertise/", levels).url == f"{way}/guideline/"
    assert "3 of 4 steps done" in text(alice.get("/"))
    page = text(alice.get(f"{way}/guideline/"))
    assert "I have read version 1" in page
    response = alice.post(f"{way}/guideline/", {"guideline": hidden(page, "guideline")}, follow=True)
    assert "All set" in text(response)
    assert alice.post("/campaigns/answers/next/").url.startswith("/work/")
    assert "Your part in it" in text(alice.get("/"))


def test_it_sends_who_comes_too_early_to_the_step_that_is_next(alice, world):
    ask(world, consent=CONSENT, acknowledge=True)
    assert alice.get("/campaigns/answers/onboarding/guideline/").url == "/campaigns/answers/onboarding/consent/"
    assert alice.post("/campaigns/answers/onboarding/guideline/").status_code == 302
    assert alice.get("/campaigns/answers/onboarding/expertise/").status_code == 404


def test_it_keeps_nothing_of_who_would_rather_not_say(alice, world):
    ask(world, demographics=True)
    alice.post("/campaigns/answers/onboarding/about-you/", {"age": "25-34", "decline": "1"})
    assert not Demographics.objects.exists()
    assert alice.post("/campaigns/answers/next/").url.startswith("/work/")


def test_it_lets_people_change_and_delete_what_they_said(alice, world):
    alice.post("/about-you/", {"gender": "woman"})
    assert '<option value="woman" selected>' in text(alice.get("/about-you/"))
    assert "are deleted" in text(alice.post("/about-you/", {"gender": "woman", "decline": "1"}, follow=True))
    assert not Demographics.objects.exists()
    assert alice.post("/about-you/", {"gender": "\0"}).status_code == 302  # NUL is nothing
    assert alice.post("/about-you/", {"gender": "x"}).status_code == 422


def test_it_says_what_is_missing_in_expertise_and_keeps_what_was_typed(alice, world):
    ask(world, expertise=True)
    page = text(alice.get("/campaigns/answers/onboarding/expertise/"))
    first, second = dict.fromkeys(re.findall(r'name="level-(\d+)"', page))
    said = {f"level-{first}": "expert", f"level-{second}": "some", f"evidence-{second}": "I paint."}
    response = alice.post("/campaigns/answers/onboarding/expertise/", said)
    assert response.status_code == 422
    assert "what shows that you know" in text(response)
    assert "I paint." in text(response)
    assert not Expertise.objects.exists()


def test_it_asks_for_languages_where_the_campaign_needs_them(alice, world):
    ask(world, expertise=True)
    way = "/campaigns/answers/onboarding/expertise/"
    assert "Languages that you read" not in text(alice.get(way))
    change_campaign(campaign=world.ranking, by=world.carol, assignment={"needs": {"language": True}})
    page = text(alice.get(way))
    assert "Languages that you read" in page
    said = dict.fromkeys(re.findall(r'name="(level-\d+)"', page), "some") | {"language": ["de", "en"]}
    response = alice.post(way, said | {"other_languages": "elvish"})
    assert (response.status_code, "is no language tag" in text(response)) == (422, True)
    assert not Expertise.objects.exists()
    assert alice.post(way, said).status_code == 302
    assert world.alice.profile.languages == ["de", "en"]


def test_it_withdraws_consent(alice, world):
    ask(world, consent=CONSENT)
    page = text(alice.get("/campaigns/answers/onboarding/consent/"))
    alice.post("/campaigns/answers/onboarding/consent/", {"text": hidden(page, "text")})
    response = alice.post("/campaigns/answers/onboarding/consent/withdraw/", follow=True)
    assert "What you judged stays" in text(response)
    assert Consent.objects.get().withdrawn_at
    assert "no consent of yours" in text(alice.post("/campaigns/answers/onboarding/consent/withdraw/", follow=True))


def test_a_consent_to_a_text_that_changed_does_not_count(alice, world):
    ask(world, consent=CONSENT)
    page = text(alice.get("/campaigns/answers/onboarding/consent/"))
    ask(world, consent="Something else.")
    response = alice.post("/campaigns/answers/onboarding/consent/", {"text": hidden(page, "text")})
    assert (response.status_code, "has changed" in text(response)) == (422, True)


def test_it_shows_what_changed_in_the_guideline(alice, world):
    campaign = ask(world, acknowledge=True)
    way = "/campaigns/answers/onboarding/guideline/"
    alice.post(way, {"guideline": campaign.guideline_id})
    newer = add_guideline("ranking", version=2)
    newer.body = campaign.guideline.body.replace("true", "helpful")
    newer.save()
    change_campaign(campaign=campaign, by=world.carol, guideline=newer)
    page = text(alice.get(way))
    assert "One change since version 1" in page
    assert "Prefer what is <del>true</del><ins>helpful</ins>." in page
    assert alice.post(way, {"guideline": "9" * 30}).status_code == 422
    assert alice.post(way, {"guideline": newer.pk}).status_code == 302


def test_a_campaign_for_members_is_not_there_for_others(alice, carol, world):
    ask(world, access="members")
    assert "Rank answers" not in text(alice.get("/"))
    assert alice.get("/campaigns/answers/onboarding/").status_code == 404
    assert alice.post("/campaigns/answers/next/").status_code == 404
    assert "you see it as an admin" in text(carol.get("/"))


def test_an_admin_suspends_and_reinstates_a_member(alice, carol, world):
    Membership.objects.create(user=world.alice, campaign=world.ranking)
    pk = Membership.objects.get().pk
    carol.post(f"/people/members/{pk}/suspend/")
    assert "suspended your work" in text(alice.get("/"))
    assert "suspended your work" in text(alice.post("/campaigns/answers/next/", follow=True))
    assert "suspended" in text(alice.get("/campaigns/answers/onboarding/"))
    carol.post(f"/people/members/{pk}/reinstate/")
    assert alice.post("/campaigns/answers/next/").url.startswith("/work/")


def test_an_admin_verifies_expertise(alice, carol, world):
    ask(world, expertise=True)
    page = text(alice.get("/campaigns/answers/onboarding/expertise/"))
    ids = dict.fromkeys(re.findall(r'name="level-(\d+)"', page))
    said = {f"level-{pk}": "good" for pk in ids} | {f"evidence-{pk}": "Ten years & more." for pk in ids}
    alice.post("/campaigns/answers/onboarding/expertise/", said)
    page = text(carol.get("/people/expertise/"))
    assert "Ten years &amp; more." in page
    one = Expertise.objects.first()
    carol.post(f"/people/expertise/{one.pk}/verify/", {"level": "good", "evidence": "Ten years & more."})
    assert Expertise.objects.get(pk=one.pk).verified_by == world.carol
    carol.post(f"/people/expertise/{one.pk}/unverify/")
    assert Expertise.objects.get(pk=one.pk).verified_by is None


def test_it_shows_counts_of_answers_but_no_small_group(carol, world):
    for number in range(9):
        Demographics.objects.create(key=str(number), gender="woman" if number < 6 else "man")
    page = text(carol.get("/people/about/"))
    assert '<th scope="row">Woman</th><td class="num"><span class="muted">hidden</span>' in page
    assert '<th scope="row">Man</th><td class="num"><span class="muted">hidden</span>' in page
    assert "Non-binary" not in page
    assert '<th scope="row">No answer</th><td class="num">9</td>' in page


def test_the_api_names_the_step(world, alice):
    ask(world, acknowledge=True)
    response = alice.post("/api/v1/tasks/next/", {"campaign": "answers"}, content_type="application/json")
    problem = response.json()
    assert (response.status_code, problem["type"]) == (403, "urn:concord:problem:step-missing")
    assert (problem["step"], problem["campaign"]) == ("guideline", "answers")
