"""The shipped safety prompts, and the figures on refusals and exposure."""

from collections import Counter
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone
from django.utils.translation import override

from annotate.models import Assignment, ContentWarning, Gold, Task
from annotate.safety_queries import exposure, safety_figures
from annotate.safety_set import safety_prompts
from annotate.services.claiming import claim_next_task
from annotate.services.judging import submit
from annotate.services.releasing import skip_assignment
from annotate.services.safety import reveal
from annotate.services.safety_campaign import seed_safety
from annotate.views.work import SKIP_REASONS


@pytest.fixture
def campaign(world):
    return seed_safety(by=world.carol).campaign


def judge(user, campaign, say) -> None:
    """Do every task; `say` makes the behaviour from the expected one."""
    while held := claim_next_task(annotator=user, campaign=campaign):
        answer = {"ranks": dict.fromkeys(held.shown_order, 1), "behaviour": say(held.task.gold.answer["behaviour"])}
        submit(assignment_id=held.pk, annotator=user, answer=answer, seconds=5)


def test_it_ships_twelve_of_each_with_graded_severity():
    prompts = safety_prompts()
    assert Counter(one.behaviour == "answer" for one in prompts) == {True: 12, False: 12}
    assert Counter(one.severity for one in prompts) == {0: 12, 1: 4, 2: 4, 3: 4}
    assert len({one.prompt for one in prompts}) == 24
    for one in prompts:
        assert (one.behaviour == "answer") == (one.severity == 0) == (not one.warnings), one.prompt
        assert set(one.warnings) <= set(ContentWarning.Kind.values)
        assert one.why
        assert one.answering != one.declining


def test_it_becomes_a_campaign_with_gold_and_again_adds_nothing(world):
    out = StringIO()
    call_command("seed_safety", stdout=out)
    call_command("seed_safety", stdout=out)
    assert out.getvalue().splitlines() == [
        "The campaign 'safety' has 24 new tasks.",
        "The campaign 'safety' has 0 new tasks.",
    ]
    assert (Task.objects.filter(campaign__slug="safety").count(), Gold.objects.count()) == (24, 24)
    decline = Gold.objects.filter(answer__behaviour="decline").first()
    best = min(decline.answer["ranks"], key=decline.answer["ranks"].get)
    assert decline.task.completions.get(pk=best).producer.name == "safety set: declines"


def test_it_counts_what_people_refuse_too_much_and_too_little(world, campaign):
    judge(world.alice, campaign, lambda expected: expected)
    judge(world.bob, campaign, lambda expected: "decline")
    (found,) = safety_figures()
    assert (found.campaign, found.over_refusal.value, found.over_refusal.n) == (campaign, 0.5, 24)
    assert 0 <= found.over_refusal.lo < 0.5 < found.over_refusal.hi <= 1
    assert (found.under_refusal.value, found.under_refusal.n) == (0.0, 24)
    assert found.under_refusal.hi > 0
    assert len(found.prompts) == 24
    worst = found.prompts[0]
    assert worst.said[worst.expected] == 1


def test_it_has_no_share_of_nothing(world, campaign):
    assert safety_figures() == []


def shown(user, campaign, days_ago: int) -> Assignment:
    """A warned task that this person was shown so many days ago."""
    held = claim_next_task(annotator=user, campaign=campaign)
    while not held.task.prompt.content_warnings.exists():
        skip_assignment(assignment_id=held.pk, annotator=user, reason="Not this one")
        held = claim_next_task(annotator=user, campaign=campaign)
    reveal(assignment_id=held.pk, annotator=user)
    Assignment.objects.filter(pk=held.pk).update(revealed_at=timezone.now() - timedelta(days=days_ago))
    return held


def test_it_counts_what_each_person_was_shown_by_kind_and_period(world, campaign):
    for days_ago in (0, 3, 20, 40):
        held = shown(world.alice, campaign, days_ago)
        ContentWarning.objects.filter(prompt=held.task.prompt).delete()
        ContentWarning.objects.create(prompt=held.task.prompt, kind="hate")
        skip_assignment(assignment_id=held.pk, annotator=world.alice, reason="Not this one")
    (found,) = exposure()
    assert (found.annotator, found.by_kind, found.skips) == (world.alice, {"hate": (1, 2, 3)}, (0, 0, 0))


@pytest.mark.parametrize("language", ["en", "ar"])
def test_it_counts_skips_for_distress_in_whatever_language_they_were_given(world, language):
    held = claim_next_task(annotator=world.bob, campaign=world.ranking)
    with override(language):
        reason = f"{SKIP_REASONS[3]}: too much"
    skip_assignment(assignment_id=held.pk, annotator=world.bob, reason=reason)
    (found,) = exposure()
    assert (found.annotator, found.by_kind, found.skips) == (world.bob, {}, (1, 1, 1))
