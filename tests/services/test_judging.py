"""Submitting judgements: whole or not at all, once, never edited."""

import math
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from annotate.errors import DomainError, LeaseLost
from annotate.models import AppendOnlyError, Assignment, Demonstration, Flag, Judgement, RankedCompletion, Task
from annotate.services.claiming import claim_next_task
from annotate.services.expiring import expire_leases
from annotate.services.judging import correct, submit_demonstration, submit_ranking
from annotate.services.releasing import skip_assignment


@pytest.fixture
def held(world):
    """Alice's claimed ranking assignment."""
    return claim_next_task(annotator=world.alice, campaign=world.ranking)


def ranks_of(assignment, *ranks):
    return dict(zip(assignment.shown_order, ranks, strict=True))


def submit(assignment, *ranks, **fields):
    fields = {"seconds": 30.0, "ranks": ranks_of(assignment, *(ranks or (1, 2, 2, 3))), **fields}
    return submit_ranking(assignment_id=assignment.pk, annotator=assignment.annotator, **fields)


def test_it_stores_the_ranking_with_ties(held):
    judgement = submit(held, 1, 2, 2, 3)
    stored = dict(RankedCompletion.objects.filter(judgement=judgement).values_list("completion_id", "rank"))
    assert stored == ranks_of(held, 1, 2, 2, 3)


def test_it_stores_competition_ranks_densely(held):
    judgement = submit(held, 1, 2, 2, 4)
    assert sorted(judgement.ranked.values_list("rank", flat=True)) == [1, 2, 2, 3]


def test_it_counts_the_place_as_submitted(held):
    submit(held)
    task = Task.objects.get(pk=held.task_id)
    assert (task.reserved, task.submitted) == (1, 1)


def test_it_refuses_an_incomplete_ranking_whole(held):
    with pytest.raises(DomainError, match="No rank for"):
        submit(held, ranks=dict(list(ranks_of(held, 1, 2, 3, 4).items())[:3]))
    assert Judgement.objects.count() == 0
    assert Assignment.objects.get(pk=held.pk).state == "claimed"


@pytest.mark.parametrize("seconds", [-1, math.nan, math.inf, 100_000])
def test_it_refuses_an_impossible_time(held, seconds):
    with pytest.raises(DomainError, match="seconds"):
        submit(held, seconds=seconds)


def test_it_stores_flags(held):
    first = held.shown_order[0]
    judgement = submit(held, flags={first: ["hallucination", "hallucination"]})
    assert list(Flag.objects.values_list("judgement", "completion", "name")) == [(judgement.pk, first, "hallucination")]


def test_it_refuses_a_flag_that_the_guideline_does_not_have(held):
    with pytest.raises(DomainError, match="no flag named 'boring'"):
        submit(held, flags={held.shown_order[0]: ["boring"]})
    assert Judgement.objects.count() == 0


def test_the_same_key_is_one_judgement(held):
    assert submit(held, idempotency_key="k1") == submit(held, idempotency_key="k1")
    assert Judgement.objects.count() == 1


def test_a_second_submission_without_the_key_is_refused(held):
    submit(held)
    with pytest.raises(DomainError, match="already submitted"):
        submit(held)


def test_a_key_of_another_task_is_refused(world, held):
    submit(held, idempotency_key="k1")
    with pytest.raises(DomainError, match="another task"):
        submit(claim_next_task(annotator=world.alice, campaign=world.ranking), idempotency_key="k1")


def lose(assignment):
    Assignment.objects.filter(pk=assignment.pk).update(lease_expires_at=timezone.now() - timedelta(minutes=1))
    expire_leases()


def test_a_late_submission_counts_while_the_place_is_free(held):
    lose(held)
    submit(held)
    task = Task.objects.get(pk=held.task_id)
    assert (task.reserved, task.submitted) == (1, 1)


def test_a_late_submission_to_a_taken_place_is_kept_as_a_draft(world, held):
    lose(held)
    Task.objects.filter(pk=held.task_id).update(reserved=2, submitted=2)
    with pytest.raises(LeaseLost, match="kept as a draft"):
        submit(held, 1, 2, 3, 4)
    held.refresh_from_db()
    assert held.draft["ranks"] == {str(key): rank for key, rank in ranks_of(held, 1, 2, 3, 4).items()}


def test_a_late_submission_beside_a_new_claim_is_refused(world, held):
    lose(held)
    claim_next_task(annotator=world.alice, campaign=world.ranking)
    with pytest.raises(LeaseLost):
        submit(held)


def test_a_skipped_task_cannot_be_submitted(held):
    skip_assignment(assignment_id=held.pk, annotator=held.annotator, reason="broken")
    with pytest.raises(DomainError, match="already skipped"):
        submit(held)


def test_a_correction_supersedes(held):
    old = submit(held, 1, 2, 3, 4)
    new = correct(
        judgement_id=old.pk, annotator=held.annotator, answer={"ranks": ranks_of(held, 4, 3, 2, 1)}, seconds=5
    )
    assert (new.version, new.supersedes) == (2, old)
    assert list(Judgement.objects.current()) == [new]


def test_only_the_newest_version_can_be_corrected(held):
    old = submit(held)
    change = {"judgement_id": old.pk, "annotator": held.annotator, "answer": {"ranks": ranks_of(held, 1, 1, 1, 1)}}
    change["seconds"] = 5
    correct(**change)
    with pytest.raises(DomainError, match="already corrected"):
        correct(**change)


def test_nobody_corrects_another_ones_judgement(world, held):
    judgement = submit(held)
    with pytest.raises(DomainError, match="of yours"):
        correct(judgement_id=judgement.pk, annotator=world.bob, answer={"ranks": ranks_of(held, 1, 1, 1, 1)}, seconds=5)


def test_a_judgement_cannot_be_edited_or_deleted(held):
    judgement = submit(held)
    with pytest.raises(AppendOnlyError):
        judgement.save()
    with pytest.raises(AppendOnlyError):
        judgement.delete()
    with pytest.raises(AppendOnlyError):
        RankedCompletion.objects.update(rank=1)


def test_the_database_refuses_an_edit_that_bypasses_the_orm(held):
    submit(held)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE annotate_rankedcompletion SET rank = 1")


def test_it_stores_a_demonstration_as_the_persons_completion(world):
    assignment = claim_next_task(annotator=world.alice, campaign=world.writing)
    judgement = submit_demonstration(
        assignment_id=assignment.pk, annotator=world.alice, text="  Wet your lips.  ", reasoning="I can.", seconds=60
    )
    demonstration = Demonstration.objects.get(judgement=judgement)
    assert (demonstration.completion.text, demonstration.reasoning) == ("Wet your lips.", "I can.")
    assert demonstration.completion.producer.user == world.alice


def test_a_corrected_demonstration_supersedes(world):
    assignment = claim_next_task(annotator=world.alice, campaign=world.writing)
    old = submit_demonstration(assignment_id=assignment.pk, annotator=world.alice, text="Blow.", seconds=60)
    new = correct(judgement_id=old.pk, annotator=world.alice, answer={"text": "Purse your lips."}, seconds=5)
    assert (new.version, new.supersedes, new.demonstration.completion.text) == (2, old, "Purse your lips.")
    assert list(Judgement.objects.current()) == [new]


def test_an_empty_correction_is_refused(world):
    assignment = claim_next_task(annotator=world.alice, campaign=world.writing)
    old = submit_demonstration(assignment_id=assignment.pk, annotator=world.alice, text="Blow.", seconds=60)
    with pytest.raises(DomainError, match="is empty"):
        correct(judgement_id=old.pk, annotator=world.alice, answer={"text": " "}, seconds=5)


@pytest.mark.parametrize(("text", "sentence"), [("  ", "is empty"), ("x" * 20_001, "20001 characters")])
def test_it_refuses_an_unusable_demonstration(world, text, sentence):
    assignment = claim_next_task(annotator=world.alice, campaign=world.writing)
    with pytest.raises(DomainError, match=sentence):
        submit_demonstration(assignment_id=assignment.pk, annotator=world.alice, text=text, seconds=60)


def test_it_refuses_a_ranking_in_a_demonstration_campaign(world):
    assignment = claim_next_task(annotator=world.alice, campaign=world.writing)
    with pytest.raises(DomainError, match="no field 'ranks'"):
        submit_ranking(assignment_id=assignment.pk, annotator=world.alice, ranks={}, seconds=1)
