"""The steps before the first task: what is asked, in which order, and what counts as done."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotate.errors import DomainError, NotAllowed, NotFound, StepMissing
from annotate.hashing import sha256_of
from annotate.models import Acknowledgement, Assignment, Campaign, Consent, Demographics, Expertise, Membership, Task
from annotate.services.claiming import claim_next_task
from annotate.services.judging import submit_ranking
from annotate.services.membership import reinstate, suspend, withdraw_consent
from annotate.services.onboarding import (
    Declared,
    acknowledge_guideline,
    declare_expertise,
    delete_demographics,
    domains_to_declare,
    give_consent,
    join,
    keep_demographics,
    last_read,
    next_step,
    standings,
    verify_expertise,
)
from annotate.services.people import create_annotator
from annotate.services.setup import change_campaign
from tests.world import add_guideline, set_onboarding

CONSENT = "We keep what you judge for ten years."


@pytest.fixture
def asking(world) -> Campaign:
    """The ranking campaign, which asks for everything but a qualification."""
    return ask(world, consent=CONSENT, demographics=True, expertise=True, acknowledge=True)


def ask(world, *, access: str = "everyone", **onboarding) -> Campaign:
    return set_onboarding(campaign=world.ranking, onboarding=onboarding, access=access)


def agree(user, campaign, text: str = CONSENT):
    return give_consent(user=user, campaign=campaign, text_sha256=sha256_of(text))


def know(user, campaign, level: str = "some", evidence: str = ""):
    declared = {domain.pk: Declared(level, evidence) for domain in domains_to_declare(campaign=campaign)}
    return declare_expertise(user=user, campaign=campaign, declared=declared)


def read(user, campaign):
    return acknowledge_guideline(user=user, campaign=campaign, guideline_id=campaign.guideline_id)


def test_it_asks_for_nothing_by_default(world):
    assert next_step(world.alice, world.ranking) is None
    assert claim_next_task(annotator=world.alice, campaign=world.ranking)
    assert not Membership.objects.exists()


def test_it_goes_through_the_steps_in_their_order(world, asking):
    seen = [next_step(world.alice, asking)]
    agree(world.alice, asking)
    seen.append(next_step(world.alice, asking))
    keep_demographics(user=world.alice, answers={}, campaign=asking)
    seen.append(next_step(world.alice, asking))
    know(world.alice, asking)
    seen.append(next_step(world.alice, asking))
    assert read(world.alice, asking).next_step is None
    assert seen == ["consent", "demographics", "expertise", "guideline"]
    assert Membership.objects.get(user=world.alice).state == "active"
    assert claim_next_task(annotator=world.alice, campaign=asking)


def test_it_names_the_missing_step_when_a_task_is_asked_for(world, asking):
    with pytest.raises(StepMissing, match="consent") as refused:
        claim_next_task(annotator=world.alice, campaign=asking)
    assert (refused.value.step, refused.value.campaign) == ("consent", "answers")
    assert not Assignment.objects.exists()


def test_it_asks_the_simulated_annotators_for_nothing(world, asking):
    robot = create_annotator(username="robot", simulated=True)
    assert claim_next_task(annotator=robot, campaign=asking)


def test_it_reads_any_number_of_campaigns_in_four_queries(world, asking):
    set_onboarding(campaign=world.writing, onboarding={"consent": "Other."}, access="members")
    ask(world, consent=CONSENT, demographics=True, expertise=True, acknowledge=True, qualification={})
    campaigns = list(Campaign.objects.all())
    with CaptureQueriesContext(connection) as captured:
        standings(user=world.alice, campaigns=campaigns)
    assert len(captured) == 4


# Consent


def test_it_keeps_the_words_that_were_agreed_to(world, asking):
    agree(world.alice, asking)
    agree(world.alice, asking)  # a second click
    assert Consent.objects.get().text == CONSENT


def test_it_asks_again_when_the_text_changes(world, asking):
    agree(world.alice, asking)
    changed = ask(world, consent="We keep it for ever.")
    assert next_step(world.alice, changed) == "consent"
    with pytest.raises(DomainError, match="has changed"):
        agree(world.alice, changed)
    assert agree(world.alice, changed, "We keep it for ever.").next_step is None


def test_it_stops_the_work_when_consent_is_withdrawn_and_keeps_what_was_judged(world):
    campaign = ask(world, consent=CONSENT)
    agree(world.alice, campaign)
    done = claim_next_task(annotator=world.alice, campaign=campaign)
    ranks = dict.fromkeys(done.shown_order, 1)
    judgement = submit_ranking(assignment_id=done.pk, annotator=world.alice, ranks=ranks, seconds=1)
    held = claim_next_task(annotator=world.alice, campaign=campaign)
    withdraw_consent(user=world.alice, campaign=campaign)
    held.refresh_from_db()
    judgement.refresh_from_db()
    assert (held.state, Task.objects.get(pk=held.task_id).reserved) == ("released", 0)
    with pytest.raises(StepMissing):
        claim_next_task(annotator=world.alice, campaign=campaign)
    ranks = dict.fromkeys(held.shown_order, 1)
    with pytest.raises(StepMissing):
        submit_ranking(assignment_id=held.pk, annotator=world.alice, ranks=ranks, seconds=1)
    with pytest.raises(DomainError, match="no consent"):
        withdraw_consent(user=world.alice, campaign=campaign)
    assert agree(world.alice, campaign).next_step is None


# Demographics


def test_it_keeps_answers_apart_from_the_account(world, asking):
    keep_demographics(user=world.alice, answers={"age": "25-34"}, campaign=asking)
    row = Demographics.objects.values().get()
    assert str(world.alice.pk) != row["key"]
    assert set(row) == {"key", "age", "gender", "education", "language", "region"}
    assert {name: value for name, value in row.items() if value and name != "key"} == {"age": "25-34"}


def test_it_keeps_nothing_of_who_would_rather_not_say(world, asking):
    keep_demographics(user=world.alice, answers={}, campaign=asking)
    assert not Demographics.objects.exists()
    assert "demographics" in standings(user=world.alice, campaigns=[asking])[asking.pk].done


def test_it_lets_people_change_and_delete_their_answers(world):
    keep_demographics(user=world.alice, answers={"age": "25-34"})
    keep_demographics(user=world.alice, answers={"gender": "woman"})
    assert Demographics.objects.values_list("age", "gender").get() == ("", "woman")
    delete_demographics(user=world.alice)
    assert not Demographics.objects.exists()


@pytest.mark.parametrize("answers", [{"age": "29"}, {"shoe": "42"}, {"age": "\0"}])
def test_it_refuses_an_answer_that_is_not_on_the_list(world, answers):
    with pytest.raises(DomainError, match="is not an answer"):
        keep_demographics(user=world.alice, answers=answers)


# Expertise


def test_it_asks_about_the_domains_of_the_campaign(world):
    assert [domain.slug for domain in domains_to_declare(campaign=world.ranking)] == ["art", "physics"]


def test_it_wants_evidence_for_a_high_level(world, asking):
    with pytest.raises(DomainError, match="what shows that you know Art"):
        know(world.alice, asking, "expert", "  ")
    assert not Expertise.objects.exists()


def test_it_wants_an_answer_for_every_domain(world, asking):
    with pytest.raises(DomainError, match="choose one of the levels"):
        declare_expertise(user=world.alice, campaign=asking, declared={})


def test_a_changed_answer_has_to_be_verified_anew(world, asking):
    know(world.alice, asking, "expert", "A degree.")
    said = Expertise.objects.first()
    verify_expertise(expertise_id=said.pk, by=world.carol, declared=Declared("expert", "A degree."))
    know(world.alice, asking, "expert", "A degree.")
    assert Expertise.objects.get(pk=said.pk).verified_by == world.carol
    know(world.alice, asking, "good", "A degree.")
    assert Expertise.objects.get(pk=said.pk).verified_by is None


def test_it_verifies_only_what_the_admin_saw(world, asking):
    know(world.alice, asking, "good", "Ten years.")
    with pytest.raises(DomainError, match="has changed"):
        verify_expertise(
            expertise_id=Expertise.objects.first().pk, by=world.carol, declared=Declared("good", "A year.")
        )


# The guideline


def test_it_asks_again_for_a_new_version(world):
    campaign = ask(world, acknowledge=True)
    read(world.alice, campaign)
    read(world.alice, campaign)  # a second click
    old = campaign.guideline
    change_campaign(campaign=campaign, by=world.carol, guideline=add_guideline("ranking", version=2))
    assert next_step(world.alice, campaign) == "guideline"
    assert last_read(user=world.alice, guideline=campaign.guideline) == old
    with pytest.raises(DomainError, match="newer version"):
        acknowledge_guideline(user=world.alice, campaign=campaign, guideline_id=old.pk)
    assert read(world.alice, campaign).next_step is None
    assert Acknowledgement.objects.count() == 2


# Members


def test_a_campaign_for_members_is_there_for_members_only(world):
    campaign = ask(world, access="members")
    with pytest.raises(NotFound):
        claim_next_task(annotator=world.alice, campaign=campaign)
    join(user=world.alice, campaign=campaign)
    assert claim_next_task(annotator=world.alice, campaign=campaign)
    assert Membership.objects.get().state == "active"


def test_a_suspended_member_gives_their_task_back_and_gets_none(world):
    held = claim_next_task(annotator=world.alice, campaign=world.ranking)
    member = join(user=world.alice, campaign=world.ranking)
    suspend(membership_id=member.pk)
    assert Task.objects.get(pk=held.task_id).reserved == 0
    with pytest.raises(NotAllowed, match="suspended"):
        claim_next_task(annotator=world.alice, campaign=world.ranking)
    with pytest.raises(DomainError, match="suspended already"):
        suspend(membership_id=member.pk)
    reinstate(membership_id=member.pk)
    assert claim_next_task(annotator=world.alice, campaign=world.ranking)


@pytest.mark.parametrize(
    ("onboarding", "access", "sentence"),
    [
        ({"consents": "x"}, "everyone", "no field 'consents'"),
        ({"qualification": {"pass": 2}}, "everyone", "pass is 2"),
        ({}, "nobody", "not a valid choice"),
        ([], "everyone", "JSON object"),
    ],
)
def test_it_refuses_settings_that_cannot_be_used(world, onboarding, access, sentence):
    with pytest.raises(DomainError, match=sentence):
        set_onboarding(campaign=world.ranking, onboarding=onboarding, access=access)


def test_it_refuses_a_qualification_for_what_people_write(world):
    with pytest.raises(DomainError, match="What people write"):
        set_onboarding(campaign=world.writing, onboarding={"qualification": {}}, access="everyone")
