"""What the audit's pages show after anything that may happen is what they would show from scratch."""

from collections.abc import Callable
from dataclasses import asdict, fields, is_dataclass

import numpy as np
import pytest

from annotate import consensus_queries, score_queries
from annotate.audit_queries import compositions, domain, examples, manner, producer, times
from annotate.consensus_queries import CampaignConsensus, _ballots, campaign_consensus
from annotate.ledger import live
from annotate.ledger.live import Ledger
from annotate.ledger.store import Store
from annotate.models import Completion, Flag, Judgement, Producer, TaskCompletion
from annotate.quality.consensus import consensus
from annotate.quality.intervals import Estimate, clustered_ratio
from annotate.services.claiming import claim_task
from annotate.services.gold import make_gold, mix_in
from annotate.services.judging import correct, may_correct, submit
from annotate.services.people import create_annotator
from tests.world import World, add_ranking_task

TASKS, PEOPLE, STEPS = 9, 6, 36


class Happenings:
    """People who judge, correct themselves and cannot rank, and tasks that become gold, by chance."""

    def __init__(self, world: World, seed: int):
        self.rng, self.world = np.random.default_rng(seed), world
        self.people = [create_annotator(username=f"judge-{n}") for n in range(PEOPLE)]
        self.tasks = [
            add_ranking_task(
                world.ranking,
                question=f"Question {n}?",
                answers=[f"{letter}{n}" * (1 + n * place % 5) for place, letter in enumerate("abcd"[: 2 + n % 3])],
                by=world.carol,
            )
            for n in range(TASKS)
        ]
        world.ranking.tasks.update(target=PEOPLE)
        self.free = [(task, who) for task in self.tasks for who in self.people]
        self.rng.shuffle(self.free)
        self.judged: list[Judgement] = []

    def go_on(self, steps: int) -> None:
        """Let so many things happen."""
        kinds = self.rng.choice([self.judge, self.correct, self.mark], steps, p=[0.75, 0.2, 0.05])
        for one in kinds:
            one()

    def judge(self) -> None:
        task, who = self.free.pop()
        task.refresh_from_db()
        held = claim_task(task=task, annotator=who, guideline=task.campaign.guideline)
        ranked = {"ranks": self.ranks(task), "flags": self.flags(task)}
        answer = ranked if self.rng.random() < 0.9 else {"verdict": "cannot_rank", "reason": "No."}
        seconds = float(self.rng.integers(5, 90))
        self.judged.append(submit(assignment_id=held.pk, annotator=who, answer=answer, seconds=seconds))

    def correct(self) -> None:
        one = self.judged[int(self.rng.integers(len(self.judged)))] if self.judged else None
        if one and may_correct(one):
            answer = {"ranks": self.ranks(one.task), "flags": self.flags(one.task)}
            self.judged.remove(one)
            self.judged.append(correct(judgement_id=one.pk, annotator=one.annotator, answer=answer, seconds=9.0))

    def mark(self) -> None:
        task = self.tasks[int(self.rng.integers(TASKS))]
        task.refresh_from_db()
        if task.purpose == "work":
            ranks = dict(zip(self.ranks(task), range(1, 9), strict=False))
            make_gold(task=task, answer={"ranks": ranks}, explanation="So.", by=self.world.carol)
            mix_in(task=task, by=self.world.carol)

    def flags(self, task) -> dict[str, list[str]]:
        names = [flag["name"] for flag in task.campaign.guideline.flags]
        places = task.task_completions.values_list("completion_id", flat=True)
        return {str(place): [str(self.rng.choice(names))] for place in places if self.rng.random() < 0.3}

    def ranks(self, task) -> dict[int, int]:
        places = task.task_completions.order_by("position").values_list("completion_id", flat=True)
        ranks = self.rng.integers(1, 4, len(places))
        return dict(zip(places, (np.unique(ranks, return_inverse=True)[1] + 1).tolist(), strict=True))


def flat(value) -> list:
    """The numbers and words in a value."""
    if is_dataclass(value):
        return [one for field in fields(value) for one in flat(getattr(value, field.name))]
    if isinstance(value, dict):
        return [one for pair in value.items() for part in pair for one in flat(part)]
    if isinstance(value, list | tuple):
        return [one for part in value for one in flat(part)]
    return [value]


def same(one, other, *, within: float = 1e-9) -> bool:
    first, second = flat(one), flat(other)
    return len(first) == len(second) and all(
        a == b or (isinstance(a, float) and isinstance(b, float) and a == pytest.approx(b, abs=within))
        for a, b in zip(first, second, strict=True)
    )


@pytest.fixture
def anew(tmp_path, monkeypatch) -> Callable:
    """Calls a function of a module with a ledger that was never used before."""

    def call(module, function, **arguments):
        with monkeypatch.context() as patch:
            patch.setattr(module, "ledger", lambda: Ledger(Store(tmp_path / "anew", database="anew")))
            return function(**arguments)

    return call


@pytest.fixture
def happenings(world, tmp_path, monkeypatch, request) -> Happenings:
    """Half of it is in the ledger, and what follows is not yet."""
    found = Happenings(world, request.param)
    found.go_on(STEPS // 2)
    with monkeypatch.context() as patch:
        patch.setattr(live, "OLD", -5.0)
        Store(tmp_path / "anew", database="anew")
        Ledger(Store(tmp_path / "kept", database="kept")).build()
    kept = Ledger(Store(tmp_path / "kept", database="kept"))
    assert len(kept.look().stored.rows)
    for module in (consensus_queries, score_queries, times, compositions, domain):
        monkeypatch.setattr(module, "ledger", lambda: kept)
    return found


def shown_of(found: CampaignConsensus) -> list:
    """All that the page and the downloads show."""
    voters = [asdict(one) for one in found.voters]
    return [found.tasks[0:1000], voters, found.n_tasks, found.n_cyclic, found.weights.scale]


@pytest.mark.parametrize("happenings", [0, 1], indirect=True)
def test_the_consensus_follows(happenings, anew):
    campaign = happenings.world.ranking
    for _round in range(6):
        happenings.go_on(STEPS // 12)
        found = campaign_consensus(campaign=campaign)
        assert same(shown_of(found), shown_of(anew(consensus_queries, campaign_consensus, campaign=campaign)))
        whole = consensus(_ballots(found.board.rows), found.weights.weight[found.people.argsort()])
        assert [one.task for one in found.tasks[0:1000]] == whole.item_labels[whole.most_contested].tolist()
        assert [one.contest for one in found.tasks[0:1000]] == whole.contest[whole.most_contested].tolist()
        assert found.n_cyclic == whole.cyclic.sum()


@pytest.mark.parametrize("happenings", [2, 3], indirect=True)
@pytest.mark.parametrize("styled", [5_000, 3])
def test_the_producers_follow(happenings, anew, styled, monkeypatch):
    monkeypatch.setattr(score_queries, "MOST_STYLED", styled)
    campaign = happenings.world.ranking
    for baseline in ("model-0", "model-1", "model-0", "model-0"):
        happenings.go_on(STEPS // 12)
        asked = {"campaign": campaign, "baseline": baseline}
        found = score_queries.producer_scores(**asked)
        wanted = anew(score_queries, score_queries.producer_scores, **asked)
        assert same(found.figures, wanted.figures, within=1e-6)
        assert (found.n_tasks, found.n_annotators) == (wanted.n_tasks, wanted.n_annotators)
        assert len(found.style) == (4 if styled > TASKS else 1)


@pytest.mark.parametrize("happenings", [9], indirect=True)
def test_producers_that_come_and_go_are_scored_like_the_others(happenings, anew):
    """One of whom every task becomes gold, and one that nobody had compared when the others were summed."""
    world = happenings.world

    def producers() -> list[str]:
        asked = {"campaign": world.ranking, "baseline": "model-0"}
        found = score_queries.producer_scores(**asked)
        wanted = anew(score_queries, score_queries.producer_scores, **asked)
        assert same(found.figures, wanted.figures, within=1e-6)
        assert (found.n_tasks, found.n_annotators) == (wanted.n_tasks, wanted.n_annotators)
        return sorted(one.name for one in found.producers)

    happenings.go_on(STEPS // 6)
    everybody = producers()
    last = Completion.objects.filter(producer__name=everybody[-1]).values("task_completions__task")
    for task in world.ranking.tasks.filter(pk__in=last, purpose="work"):
        make_gold(task=task, answer={"ranks": happenings.ranks(task)}, explanation="So.", by=world.carol)
        mix_in(task=task, by=world.carol)
    assert producers() == everybody[:-1]
    again = add_ranking_task(world.ranking, question="New?", answers=["A.", "B.", "C.", "D.", "E."], by=world.carol)
    happenings.free += [(again, who) for who in happenings.people[:2]]
    happenings.judge()
    happenings.judge()
    assert producers() == [*everybody, "model-4"]


@pytest.mark.parametrize("happenings", [4, 5], indirect=True)
def test_time_and_composition_follow(happenings, anew):
    """The texts whose reading time is estimated are a sample, which stays the same while little changes."""
    campaign = happenings.world.ranking
    for _round in range(6):
        happenings.go_on(STEPS // 12)
        for module, function in ((times, times.time_and_pay), (compositions, compositions.pool_composition)):
            found, wanted = function(campaign=campaign), anew(module, function, campaign=campaign)
            assert same(
                *([one for one in each.figures if one["measure"] != "reading_seconds"] for each in (found, wanted))
            )


def without_reading(figures: list[dict]) -> list[dict]:
    return [one for one in figures if one["measure"] != "reading_seconds"]


def shares(of: str, one: Producer) -> dict[str, Estimate]:
    """How often each flag is set on its "own" completions or on the "others" beside them, read from the database."""
    judged = Judgement.objects.filter(task__campaign__kind="ranking", task__purpose="work", superseded_by__isnull=True)
    places = TaskCompletion.objects.filter(task__in=judged.values("task")).select_related("completion")
    names = [flag["name"] for flag in judged.first().guideline.flags]
    found: dict[str, list[tuple[int, int]]] = {}
    for task in {place.task_id for place in places if place.completion.producer_id == one.pk}:
        whose = [
            (place.completion_id, place.completion.producer_id == one.pk) for place in places if place.task_id == task
        ]
        side = [pk for pk, own in whose if own == (of == "own")]
        of_task = judged.filter(task=task)
        for flag in names:
            n = Flag.objects.filter(judgement__in=of_task, completion__in=side, name=flag).count()
            found.setdefault(flag, []).append((n, of_task.count() * len(side)))
    columns = {flag: np.array([row for row in rows if row[1]]).T for flag, rows in found.items()}
    return {flag: clustered_ratio(x, d, np.arange(x.size), n=d.sum()) for flag, (x, d) in columns.items()}


@pytest.mark.parametrize("happenings", [6, 7, 8], indirect=True)
@pytest.mark.parametrize("most", [20_000, 2])
def test_one_producer_follows(happenings, anew, most, monkeypatch):
    """Where few texts, pairs and examples are kept, too."""
    for module, name in ((manner, "TEXTS_READ"), (producer, "MOST_LEVELLED"), (examples, "KEPT")):
        monkeypatch.setattr(module, name, most)
    models = [Producer.objects.get(name=f"model-{number}") for number in (0, 3)]
    for _round in range(4):
        happenings.go_on(STEPS // 8)
        for one in models:
            found, wanted = producer.producer_audit(pk=one.pk), anew(domain, producer.producer_audit, pk=one.pk)
            assert same(found.figures, wanted.figures, within=1e-6)
            for kind in ("best", "worst", "disputed"):
                assert getattr(found, kind) == getattr(wanted, kind)
            for of in ("own", "others"):
                assert {flag.name for flag in found.flags} == set(shares(of, one))
                assert all(same(getattr(flag, of), shares(of, one)[flag.name]) for flag in found.flags)
        listed = [row for each in producer.audited_producers() for row in each.figures]
        assert same(listed, [row for each in anew(domain, producer.audited_producers) for row in each.figures])
