"""Who agrees with whom."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from annotate.ledger.boards import Board, table_of
from annotate.ledger.live import ledger
from annotate.models import Campaign, User
from annotate.quality.slices import PairAgreement, agreement_by_annotator_pair

MOST_SHOWN = 24
"""Annotators in one heat map: more cells could not be told apart."""
IN_PAIRS = ("strict_agreement", "tau_b")


@dataclass(frozen=True, slots=True)
class Pairs:
    """Some annotators of a campaign, those with the most judgements first, and how far each two of them agree."""

    campaign: Campaign
    page: int
    n_pages: int
    n_annotators: int
    """In all."""
    annotators: list[tuple[str, int]]
    """(username, judgements)"""
    pairs: list[PairAgreement]
    """Of those who share a task; those who share most first. The names are usernames."""
    ids: dict[str, int]
    """Of these annotators, by username."""

    @property
    def figures(self) -> list[dict]:
        """Every figure that is shown, one dict each: first, second, n_items, measure, value, lo, hi, n, reason."""
        return [
            {"first": pair.first, "second": pair.second, "n_items": pair.n_items, "measure": name}
            | getattr(pair, name).as_dict()
            for pair in self.pairs
            for name in IN_PAIRS
        ]


def annotator_pairs(*, campaign: Campaign, page: int = 1) -> Pairs:
    """The agreement of each two of the annotators on one page of the heat map."""
    board = ledger().board(campaign.pk)
    shown = busiest(board, page)
    rows, names = board.of_annotators(list(shown.ids.values())), {one: name for name, one in shown.ids.items()}
    of = rows.id.tobytes()
    pairs = board.base.latest(("pairs", shown.page), of, lambda: agreement_by_annotator_pair(table_of(rows)))
    named = [replace(one, first=names[one.first], second=names[one.second]) for one in pairs]
    return Pairs(campaign, shown.page, shown.n_pages, shown.n_annotators, shown.people, named, shown.ids)


@dataclass(frozen=True, slots=True)
class Busiest:
    """Some annotators of a campaign, those with the most judgements first."""

    page: int
    n_pages: int
    n_annotators: int
    """In all."""
    people: list[tuple[str, int]]
    """(username, judgements)"""
    ids: dict[str, int]
    """Of these annotators, by username."""


def busiest(board: Board, page: int) -> Busiest:
    """The annotators of one page of a heat map."""
    counts = board.counts("annotator")
    n_annotators = int(np.count_nonzero(counts))
    n_pages = max(1, -(-n_annotators // MOST_SHOWN))
    page = min(max(page, 1), n_pages)
    shown = np.argsort(-counts, kind="stable")[:n_annotators][(page - 1) * MOST_SHOWN : page * MOST_SHOWN].tolist()
    names = usernames(shown)
    people = [(names[one], int(counts[one])) for one in shown]
    return Busiest(page, n_pages, n_annotators, people, {names[one]: one for one in shown})


def usernames(ids: Sequence[int]) -> dict[int, str]:
    """The names of people by their ids."""
    return dict(User.objects.filter(pk__in=ids).values_list("pk", "username"))
