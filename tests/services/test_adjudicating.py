"""Deciding disagreements: who may, one expert at a time, each decision on record; and what a decision leaves alone."""

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from annotate import adjudication_queries
from annotate.adjudication_queries import Filters, decisions, listed, next_open, queue
from annotate.audit_queries.slices import campaign_audit
from annotate.errors import DomainError, LeaseLost, NotAllowed, NotFound
from annotate.models import Adjudication, AdjudicationHold, CampaignChange, Domain, Expertise, Task, User
from annotate.services.adjudicating import AsGold, allow, decide, disallow, let_go, take, take_back
from annotate.services.claiming import claim_next_task
from annotate.services.corpus import person_as_producer
from annotate.services.disputes import weigh
from annotate.services.judging import correct, submit_ranking
from annotate.services.people import create_admin
from tests.web.conftest import rank_all
from tests.world import World


@pytest.fixture
def disputed(world) -> World:
    """Alice and Bob have ranked everything, in opposite orders."""
    rank_all(world.alice, world)
    rank_all(world.bob, world, reverse=True)
    weigh(campaign=world.ranking)
    return world


def answer(task: Task, **fields) -> dict:
    ids = task.completions.order_by("pk").values_list("pk", flat=True)
    return {"ranks": {pk: rank for rank, pk in enumerate(ids, 1)}, **fields}


def settle(task: Task, by: User, **fields) -> Adjudication:
    return decide(task_id=task.pk, by=by, answer=answer(task), **{"cause": "style", **fields})


def open_tasks(world: World, **filters) -> list[int]:
    return [row.task.pk for row in listed(queue(campaign=world.ranking, filters=Filters(**filters)))]


def verify(world: World, user: User, domain: str, *, level: str = "expert") -> None:
    Expertise.objects.create(
        user=user,
        domain=Domain.objects.get(slug=domain),
        level=level,
        evidence="Ten years.",
        declared_at=timezone.now(),
        verified_by=world.carol,
        verified_at=timezone.now(),
    )


def test_it_lists_the_most_disputed_first(world):
    rank_all(world.alice, world)
    first = claim_next_task(annotator=world.bob, campaign=world.ranking)
    same = sorted(first.shown_order)
    ranks = dict(zip(same, (2, 1, 3, 4), strict=True))  # one pair of six the other way round
    submit_ranking(assignment_id=first.pk, annotator=world.bob, ranks=ranks, seconds=1)
    rank_all(world.bob, world, reverse=True)
    weigh(campaign=world.ranking)
    rows = listed(queue(campaign=world.ranking, filters=Filters()))
    assert [row.score for row in rows] == pytest.approx([1, 1, 1 / 6])
    assert rows[-1].task.pk == first.task_id
    assert {row.n for row in rows} == {2}


def test_it_leaves_out_what_all_agree_on(world):
    rank_all(world.alice, world)
    rank_all(world.bob, world)
    weigh(campaign=world.ranking)
    assert open_tasks(world, state="all") == []


def test_it_lists_by_domain_and_only_what_everybody_has_judged(disputed):
    art = disputed.ranking_tasks[1]
    assert open_tasks(disputed, domain="art") == [art.pk]
    Task.objects.filter(pk=art.pk).update(target=3)
    assert art.pk not in open_tasks(disputed)
    assert art.pk in open_tasks(disputed, unfinished=True)


@pytest.mark.parametrize("few", [0, 100])
def test_it_lists_the_same_whether_few_tasks_are_finished_or_many(disputed, monkeypatch, few):
    monkeypatch.setattr(adjudication_queries, "FEW", few)
    first, withdrawn, *_others, unfinished = disputed.ranking_tasks
    Task.objects.filter(pk=unfinished.pk).update(target=3)
    Task.objects.filter(pk=withdrawn.pk).update(withdrawn=True)
    assert open_tasks(disputed) == open_tasks(disputed, state="all") == [first.pk]
    settle(first, disputed.carol)
    assert open_tasks(disputed) == []
    assert open_tasks(disputed, state="decided") == [first.pk]


def test_a_new_judgement_and_a_correction_count_at_the_next_look(world):
    rank_all(world.alice, world)
    weigh(campaign=world.ranking)
    assert open_tasks(world, unfinished=True) == []
    judgement = rank_all(world.bob, world, reverse=True)[0]
    weigh(campaign=world.ranking)
    assert len(open_tasks(world)) == 3
    right = answer(judgement.task)
    correct(judgement_id=judgement.pk, annotator=world.bob, answer=right, seconds=1)
    weigh(campaign=world.ranking)
    assert judgement.task_id not in open_tasks(world)


def test_it_weighs_a_backlog_in_parts(world):
    rank_all(world.alice, world)
    rank_all(world.bob, world, reverse=True)
    left = [weigh(campaign=world.ranking, at_once=2) for _ in range(3)]
    assert left == [4, 2, 0]
    assert len(open_tasks(world)) == 3


def test_a_decision_is_on_record_and_ends_the_hold(disputed):
    task = disputed.ranking_tasks[0]
    take(task_id=task.pk, by=disputed.carol)
    made = settle(task, disputed.carol, cause="factual", note=" The first is right. ")
    assert (made.version, made.cause, made.note, made.by) == (1, "factual", "The first is right.", disputed.carol)
    assert made.guideline == disputed.ranking.guideline
    assert not AdjudicationHold.objects.exists()
    assert decisions(disputed.ranking)[task.pk]["ranks"] == answer(task)["ranks"]
    assert task.pk not in open_tasks(disputed)
    assert open_tasks(disputed, state="decided") == open_tasks(disputed, state="all", cause="factual") == [task.pk]
    assert open_tasks(disputed, state="decided", cause="style") == []


def test_it_changes_no_agreement(disputed):
    before = campaign_audit(campaign=disputed.ranking)
    settle(disputed.ranking_tasks[0], disputed.carol)
    after = campaign_audit(campaign=disputed.ranking)
    assert (after.overall, after.by_domain) == (before.overall, before.by_domain)


def test_a_later_decision_supersedes_and_both_stay(disputed):
    task = disputed.ranking_tasks[0]
    first = settle(task, disputed.carol)
    second = settle(task, disputed.carol, cause="safety", supersedes=first.pk)
    assert (second.version, second.supersedes) == (2, first)
    assert list(Adjudication.objects.current()) == [second]
    assert task.adjudications.count() == 2


def test_nobody_replaces_a_decision_that_they_have_not_seen(disputed):
    task = disputed.ranking_tasks[0]
    settle(task, disputed.carol)
    with pytest.raises(DomainError, match="decided this task meanwhile"):
        settle(task, disputed.carol)
    assert task.adjudications.count() == 1


def test_it_takes_a_decision_back_with_a_reason(disputed):
    task = disputed.ranking_tasks[0]
    made = settle(task, disputed.carol)
    with pytest.raises(DomainError, match="Say why"):
        take_back(adjudication_id=made.pk, by=disputed.carol, note=" ")
    take_back(adjudication_id=made.pk, by=disputed.carol, note="I misread it.")
    assert decisions(disputed.ranking) == {}
    assert task.pk in open_tasks(disputed)
    assert settle(task, disputed.carol).version == 3


def test_the_same_request_twice_is_one_decision(disputed):
    one, other = disputed.ranking_tasks[:2]
    made = settle(one, disputed.carol, idempotency_key="k")
    assert settle(one, disputed.carol, idempotency_key="k") == made
    with pytest.raises(DomainError, match="another task"):
        settle(other, disputed.carol, idempotency_key="k")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"cause": "mood"}, "cause is 'mood'"),
        ({"cause": ""}, "Say why they disagreed"),
        ({"answer": {"ranks": {}}}, "rank"),
        ({"answer": {"ranks": {"0": 1}}}, "does not show"),
        ({"note": "x" * 20_001}, "at most 20000"),
    ],
)
def test_it_refuses_what_is_no_whole_decision(disputed, fields, says):
    task = disputed.ranking_tasks[0]
    with pytest.raises(DomainError, match=says):
        decide(**{"task_id": task.pk, "by": disputed.carol, "answer": answer(task), "cause": "style"} | fields)
    assert not Adjudication.objects.exists()


def test_it_makes_a_decision_gold_with_its_explanation(disputed):
    task = disputed.ranking_tasks[0]
    settle(task, disputed.carol, gold=AsGold("Only A says why."))
    task.refresh_from_db()
    assert (task.gold.explanation, task.purpose) == ("Only A says why.", "work")
    assert task.gold.answer["ranks"] == {str(pk): rank for pk, rank in answer(task)["ranks"].items()}


def test_what_cannot_be_gold_is_not_decided_either(disputed):
    task = disputed.ranking_tasks[0]
    disputed.ranking.refresh_from_db()
    with pytest.raises(DomainError):
        decide(
            task_id=task.pk,
            by=disputed.carol,
            answer={"verdict": "cannot_rank"},  # without a reason
            cause="style",
            gold=AsGold(""),
        )
    assert not Adjudication.objects.exists()


def test_annotators_may_not_decide_and_judges_not_their_own_task(disputed):
    task = disputed.ranking_tasks[0]
    with pytest.raises(NotAllowed, match="by admins and by those"):
        settle(task, disputed.outsider)
    allow(campaign=disputed.ranking, username="alice", by=disputed.carol)
    with pytest.raises(NotAllowed, match="judged this task yourself"):
        settle(task, disputed.alice)


def test_an_expert_needs_the_right_and_a_verified_domain(disputed):
    physics, art = disputed.ranking_tasks[:2]
    expert = disputed.outsider
    verify(disputed, expert, "physics")
    with pytest.raises(NotAllowed, match="by admins and by those"):
        settle(physics, expert)
    allow(campaign=disputed.ranking, username="outsider", by=disputed.carol)
    settle(physics, expert)
    with pytest.raises(NotAllowed, match="whose knowledge of Art"):
        settle(art, expert)
    verify(disputed, expert, "art", level="some")
    with pytest.raises(NotAllowed, match="whose knowledge of Art"):
        settle(art, expert)
    disallow(campaign=disputed.ranking, username="outsider", by=disputed.carol)
    with pytest.raises(NotAllowed, match="by admins and by those"):
        settle(physics, expert)
    changes = CampaignChange.objects.filter(campaign=disputed.ranking, field__startswith="adjudicator")
    assert [change.field for change in changes] == ["adjudicator_out", "adjudicator"]


def test_nobody_decides_about_a_completion_of_their_own(disputed):
    task = disputed.ranking_tasks[0]
    producer = person_as_producer(user=disputed.carol)
    task.completions.filter(pk=task.completions.first().pk).update(producer=producer)
    with pytest.raises(NotAllowed, match="is yours"):
        settle(task, disputed.carol)
    assert next_open(campaign=disputed.ranking, user=disputed.carol, filters=Filters()) != task.pk


def test_who_holds_the_task_as_annotator_does_not_decide_it(disputed):
    task = disputed.ranking_tasks[0]
    Task.objects.filter(pk=task.pk).update(target=3)
    claim_next_task(annotator=disputed.carol, campaign=disputed.ranking)
    with pytest.raises(NotAllowed, match="hold this task as an annotator"):
        take(task_id=task.pk, by=disputed.carol)


def test_only_work_is_decided(disputed):
    task = disputed.ranking_tasks[0]
    Task.objects.filter(pk=task.pk).update(withdrawn=True)
    assert task.pk not in open_tasks(disputed)
    with pytest.raises(NotAllowed, match="no ordinary work"):
        settle(task, disputed.carol)
    with pytest.raises(NotFound):
        take(task_id=2**60, by=disputed.carol)
    with pytest.raises(DomainError, match="cannot disagree"):
        take(task_id=disputed.writing_tasks[0].pk, by=disputed.carol)


def test_one_expert_at_a_time_holds_a_task_until_the_lease_ends(disputed):
    task, dora = disputed.ranking_tasks[0], create_admin(username="dora", password="correct horse battery")
    take(task_id=task.pk, by=disputed.carol)
    with pytest.raises(LeaseLost, match="Somebody else is deciding"):
        settle(task, dora)
    assert next_open(campaign=disputed.ranking, user=dora, filters=Filters()) == disputed.ranking_tasks[1].pk
    AdjudicationHold.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    settle(task, dora)
    with pytest.raises(DomainError, match="meanwhile"):
        settle(task, disputed.carol)


def test_whoever_passes_a_task_over_comes_to_the_one_below_and_then_around(disputed):
    tasks, dora = disputed.ranking_tasks, create_admin(username="dora", password="correct horse battery")
    take(task_id=tasks[0].pk, by=disputed.carol)
    assert let_go(task_id=tasks[0].pk, by=disputed.carol)
    assert not let_go(task_id=tasks[0].pk, by=disputed.carol)
    order = [next_open(campaign=disputed.ranking, user=dora, filters=Filters(), after=task.pk) for task in tasks]
    assert order == [tasks[1].pk, tasks[2].pk, tasks[0].pk]


@pytest.mark.parametrize(
    "broken",
    [
        {"cause": "mood"},
        {"cause": ""},
        {"answer": None},
        {"version": 2},
        {"answer": None, "cause": "", "note": "Why."},
    ],
)
def test_the_database_refuses_what_is_no_decision(disputed, broken):
    task = disputed.ranking_tasks[0]
    fields = {"task": task, "by": disputed.carol, "guideline": disputed.ranking.guideline}
    fields |= {"answer": {}, "cause": "style"}
    with pytest.raises(IntegrityError), transaction.atomic():
        Adjudication.objects.create(**fields | broken)


def test_of_many_who_decide_at_once_one_wins(committed_world):
    world = committed_world
    rank_all(world.alice, world)
    rank_all(world.bob, world, reverse=True)
    task = world.ranking_tasks[0]
    people = [create_admin(username=f"admin{n}", password="correct horse battery") for n in range(4)]
    ready, refused = threading.Barrier(len(people)), []

    def go(user: User) -> None:
        try:
            ready.wait()
            settle(task, user)
        except DomainError as error:
            refused.append(str(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=go, args=[user]) for user in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert task.adjudications.count() == 1
    assert len(refused) == 3


def test_tasks_of_equal_score_come_by_number_whatever_their_position(disputed):
    tasks = disputed.ranking_tasks
    for task, position in zip(tasks, (102, 101, 100), strict=True):
        Task.objects.filter(pk=task.pk).update(position=position)
    assert open_tasks(disputed) == [task.pk for task in tasks]
    seen = [
        next_open(campaign=disputed.ranking, user=disputed.carol, filters=Filters(), after=task.pk) for task in tasks
    ]
    assert seen == [tasks[1].pk, tasks[2].pk, tasks[0].pk]
