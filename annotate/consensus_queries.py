"""What the rankings of a campaign's tasks add up to, weighted by what their annotators have shown on gold."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from string import ascii_uppercase

import numpy as np
from django.db.models import Count
from numpy.typing import NDArray

from annotate.adjudication_queries import with_ids
from annotate.audit_queries.contests import Contested, contested, strict_pairs_of
from annotate.ledger.boards import Board
from annotate.ledger.columns import Rows
from annotate.ledger.live import ledger
from annotate.models import Adjudication, Campaign, Judgement, Task, TaskCompletion, User
from annotate.quality.consensus import Ballots, Consensus, consensus
from annotate.quality.intervals import Estimate
from annotate.quality.weights import Weights, annotator_weight, equal_weights, export_weights, soft_posterior
from annotate.weight_queries import PairAccuracy, pair_accuracy


@dataclass(frozen=True, slots=True)
class Place:
    """A completion in its task's consensus; the letter is that of the task's page."""

    letter: str
    completion: int
    rank: int
    """1 = best, equal = tie."""
    score: float
    """The share of the others that it beats, 0 to 1."""
    in_cycle: bool


@dataclass(frozen=True, slots=True)
class Pair:
    """The votes on two completions of a task; everybody counts 1, and the posterior weighs them."""

    first: str
    second: str
    for_first: int
    tied: int
    for_second: int
    posterior: float
    """How sure the weighted votes make one that the first is better."""

    @property
    def n(self) -> int:
        """Votes, ties included."""
        return self.for_first + self.tied + self.for_second


@dataclass(frozen=True, slots=True)
class TaskConsensus:
    """What the rankings of a task add up to, or what an expert decided about it."""

    task: int
    prompt: str
    """What the user last says."""
    places: list[Place]
    """Best first."""
    pairs: list[Pair]
    n_rankings: int
    n_cannot_rank: int
    """Annotators who said that these cannot be ranked; they have no vote."""
    contest: float
    """How evenly the votes are split, over the pairs: 0 nobody dissents, 1 as many on either side."""
    cyclic: bool
    """The majorities contradict each other."""
    decided: bool
    """An expert decided: the ranks are theirs. Scores, votes and circles are still the annotators'."""

    @property
    def groups(self) -> list[list[Place]]:
        """The places by rank, best first."""
        found: dict[int, list[Place]] = {}
        for place in self.places:
            found.setdefault(place.rank, []).append(place)
        return [sorted(found[rank], key=lambda place: place.letter) for rank in sorted(found)]


@dataclass(frozen=True, slots=True)
class Voter:
    """An annotator of a campaign: how often they are right on gold, and what their votes weigh."""

    username: str
    accuracy: Estimate
    """n counts gold rankings."""
    weight: float
    n_pairs: int


@dataclass(frozen=True, eq=False)
class CampaignConsensus:
    """The consensus of every task of a campaign that somebody ranked. Page, CSV and API show what this holds."""

    campaign: Campaign
    board: Board
    contested: Contested
    accuracy: PairAccuracy
    weights: Weights
    people: NDArray[np.int64]
    n_pairs: NDArray[np.int64]

    @property
    def n_tasks(self) -> int:
        """Tasks that somebody ranked."""
        return self.contested.tasks.size

    @property
    def n_cyclic(self) -> int:
        """Of these, the ones whose majorities contradict each other."""
        return self.contested.n_cyclic

    @property
    def by_gold(self) -> bool:
        """Whether the weights rest on gold; else all weigh the same."""
        return self.accuracy.n_gold > 0

    @cached_property
    def voters(self) -> list[Voter]:
        """Everybody who ranked, those whose votes weigh most first."""
        names = dict(User.objects.filter(pk__in=self.people.tolist()).values_list("pk", "username"))
        columns = zip(self.people.tolist(), self.weights.weight.tolist(), self.n_pairs.tolist(), strict=True)
        voters = [Voter(names[one], self.accuracy.of(one), weight, n) for one, weight, n in columns]
        return sorted(voters, key=lambda voter: (-voter.weight, voter.username))

    @cached_property
    def tasks(self) -> "MostContested":
        """The tasks, most contested first, read as they are asked for."""
        return MostContested(self)


class MostContested(Sequence):
    """The tasks of a consensus, most contested first; a slice is a list of TaskConsensus, in four queries.

    The consensus is computed of the tasks of the slice alone.
    """

    def __init__(self, whole: CampaignConsensus):
        self._whole, self._tasks = whole, whole.contested.tasks

    def __len__(self) -> int:
        return self._tasks.size

    def __getitem__(self, chosen: int | slice) -> "TaskConsensus | list[TaskConsensus]":
        if not isinstance(chosen, slice):
            return self[chosen : chosen + 1 or None][0]
        tasks = self._tasks[chosen]
        if not tasks.size:
            return []
        ballots = _ballots(self._whole.board.of_tasks(tasks))
        weight = self._whole.weights.weight[np.searchsorted(self._whole.people, ballots.annotator_labels)]
        found = consensus(ballots, weight)
        beside = _read_beside(tasks.tolist())
        items = np.searchsorted(found.item_labels, tasks)
        return [_task(found, item, beside, self._whole.weights.scale) for item in items.tolist()]


def _task(found: Consensus, item: int, beside: "_Beside", scale: float) -> TaskConsensus:
    task = int(found.item_labels[item])
    shown, decided = beside.shown[task], beside.decided.get(task)
    rows = slice(*np.searchsorted(found.item, [item, item + 1]))
    columns = (found.completion, found.rank, found.score, found.in_cycle)
    places = [
        Place(*shown[code], *said) for code, *said in zip(*(column[rows].tolist() for column in columns), strict=True)
    ]
    if decided is not None:
        ranks = with_ids(decided).get("ranks") or {}
        places = [replace(one, rank=ranks[one.completion]) for one in places if one.completion in ranks]
    return TaskConsensus(
        task=task,
        prompt=beside.prompts[task][-1]["content"],
        places=sorted(places, key=lambda place: (place.rank, place.letter)),
        pairs=_pairs(found, item, shown, scale),
        n_rankings=int(found.n_rankings[item]),
        n_cannot_rank=beside.n_refused.get(task, 0),
        contest=float(found.contest[item]),
        cyclic=bool(found.cyclic[item]),
        decided=decided is not None,
    )


def _pairs(found: Consensus, item: int, shown: list[tuple[str, int]], scale: float) -> list[Pair]:
    pairs = found.pairs
    rows = slice(*np.searchsorted(pairs.item, [item, item + 1]))
    sure = soft_posterior(pairs.margin[rows], scale).tolist()
    codes = zip(pairs.first[rows].tolist(), pairs.second[rows].tolist(), strict=True)
    made = []
    for (one, other), votes, posterior in zip(codes, pairs.votes[rows].tolist(), sure, strict=True):
        if sum(votes):
            made.append(Pair(shown[one][0], shown[other][0], *votes, posterior))
    return made


def campaign_consensus(*, campaign: Campaign) -> CampaignConsensus:
    """The consensus of a ranking campaign, by the judgements that count."""
    board = ledger().board(campaign.pk)
    accuracy = pair_accuracy()
    people = board.annotators
    n_pairs = board.once("strict pairs", lambda: strict_pairs_of(board))[people]
    worth = [accuracy.of(one).value for one in people.tolist()] if accuracy.n_gold else []
    weights = export_weights(worth, n_pairs) if worth else equal_weights(people.size)
    # Whether majorities run in a circle does not depend on the unit of the weights, which each judgement changes.
    raw = annotator_weight(worth) if worth and weights.scale else np.ones(people.size)
    return CampaignConsensus(campaign, board, contested(board, raw), accuracy, weights, people, n_pairs)


def _ballots(rows: Rows) -> Ballots:
    """The rankings of judgements that are sorted by task: completions are coded by their position."""
    judgement, completion = np.nonzero(rows.ranks)
    tasks, item = np.unique(rows.task[judgement], return_inverse=True)
    people, annotator = np.unique(rows.annotator[judgement], return_inverse=True)
    rank = rows.ranks[judgement, completion].astype(np.int64)
    return Ballots(item, annotator, completion, rank, item_labels=tasks, annotator_labels=people)


@dataclass(frozen=True, slots=True)
class _Beside:
    """What is shown of some tasks beside their votes, by task."""

    shown: dict[int, list[tuple[str, int]]]
    """(letter, id) of the completions, by their position."""
    prompts: dict[int, list[dict]]
    n_refused: dict[int, int]
    decided: dict[int, dict]
    """The answers that experts decided on."""


def _read_beside(tasks: Sequence[int]) -> _Beside:
    shown: dict[int, list[tuple[str, int]]] = {task: [] for task in tasks}
    links = TaskCompletion.objects.filter(task__in=tasks).order_by("position")
    for task, completion, position in links.values_list("task_id", "completion_id", "position"):
        shown[task].append((ascii_uppercase[position], completion))
    refused = Judgement.objects.current().filter(task__in=tasks, verdict=Judgement.Verdict.CANNOT_RANK).order_by()
    return _Beside(
        shown=shown,
        prompts=dict(Task.objects.filter(pk__in=tasks).values_list("pk", "prompt__messages")),
        n_refused=dict(refused.values("task").annotate(n=Count("pk")).values_list("task", "n")),
        decided=dict(Adjudication.objects.current().filter(task__in=tasks).values_list("task", "answer")),
    )
