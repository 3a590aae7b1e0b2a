"""Who agrees with whom."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from annotate.ledger.boards import Board
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
    n_pages = max(1, -(-board.annotators.size // MOST_SHOWN))
    page = min(max(page, 1), n_pages)
    return board.once(("pairs", page), lambda: _pairs(campaign, board, page, n_pages))


def _pairs(campaign: Campaign, board: Board, page: int, n_pages: int) -> Pairs:
    counts = np.bincount(board.annotator, minlength=board.annotators.size)
    shown = np.argsort(-counts, kind="stable")[(page - 1) * MOST_SHOWN : page * MOST_SHOWN]
    names = usernames(board.annotators[shown].tolist())
    chosen = np.zeros(board.annotators.size, bool)
    chosen[shown] = True
    found = agreement_by_annotator_pair(board.table(chosen[board.annotator]))
    pairs = [
        PairAgreement(names[one.first], names[one.second], one.n_items, one.n_pairs, one.strict_agreement, one.tau_b)
        for one in found
    ]
    people = [(names[int(board.annotators[place])], int(counts[place])) for place in shown]
    return Pairs(campaign, page, n_pages, board.annotators.size, people, pairs)


def usernames(ids: Sequence[int]) -> dict[int, str]:
    """The names of people by their ids."""
    return dict(User.objects.filter(pk__in=ids).values_list("pk", "username"))
