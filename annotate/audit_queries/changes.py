"""Agreement before and after a change of the guideline."""

from dataclasses import dataclass

import numpy as np
from django.utils.translation import gettext as _

from annotate.audit_queries.slices import parts_of
from annotate.errors import DomainError
from annotate.ledger.boards import Board, table_of
from annotate.ledger.columns import Rows
from annotate.ledger.live import ledger
from annotate.models import Campaign
from annotate.quality.agreement import RankingAgreement
from annotate.quality.change import MEASURES, agreement_change
from annotate.quality.intervals import Estimate
from annotate.quality.table import RankingTable

FEWEST = 2


@dataclass(frozen=True, slots=True)
class Compared:
    """A measure under the earlier and the later version, and the difference."""

    measure: str
    before: Estimate
    after: Estimate
    change: Estimate


@dataclass(frozen=True, slots=True)
class GuidelineChange:
    """The agreement under two versions of a campaign's guideline; nothing to compare where there are no two."""

    campaign: Campaign
    versions: list[tuple[str, str]]
    """(key, label) of each under which somebody judged."""
    before: str
    after: str
    n_in_both: int
    """Tasks that were judged under both."""
    compared: list[Compared]

    @property
    def figures(self) -> list[dict]:
        """Every figure that is shown, one dict each: measure, of, value, lo, hi, n, reason."""
        return [
            {"measure": one.measure, "of": of, **found.as_dict()}
            for one in self.compared
            for of, found in ((self.before, one.before), (self.after, one.after), ("change", one.change))
        ]


def guideline_change(*, campaign: Campaign, before: str = "", after: str = "") -> GuidelineChange:
    """The agreement before and after: under the two versions that are named, or under the last two.

    Raises DomainError when nobody judged under a version that is named, or both are the same.
    """
    board = ledger().board(campaign.pk)
    slots = {key: slot for key, _label, slot in parts_of(board).version}
    versions = [(key, label) for key, label, _slot in parts_of(board).version]
    for key in filter(None, (before, after)):
        if key not in slots:
            raise DomainError(_("Nothing was judged in %(part)s here; choose one of the list.") % {"part": key[:80]})
    if before and before == after:
        raise DomainError(_("Choose two different versions to compare."))
    after = after or next((key for key in reversed(slots) if key != before), "")
    before = before or next((key for key in reversed(slots) if key != after), "")
    if len(slots) < FEWEST:
        return GuidelineChange(campaign, versions, before, after, 0, [])
    old, new = (board.agreement(version=slots[key]) for key in (before, after))
    changes, n_in_both = board.once(("change", before, after), lambda: _changes(board, slots[before], slots[after]))
    compared = [Compared(name, _of(old, name), _of(new, name), changes[name]) for name in MEASURES]
    return GuidelineChange(campaign, versions, before, after, n_in_both, compared)


def _of(found: RankingAgreement, measure: str) -> Estimate:
    return getattr(found, measure)


def _changes(board: Board, before: int, after: int) -> tuple[dict[str, Estimate], int]:
    """The differences, and how many tasks were judged under both versions."""
    in_both, n = _judged_in_both(board, before, after)
    found = agreement_change(board.sums(version=before), board.sums(version=after), in_both=in_both)
    return found, n


def _judged_in_both(board: Board, before: int, after: int) -> tuple[tuple[RankingTable, RankingTable], int]:
    """The rankings before and after of the tasks that were judged under both versions, and how many tasks these are."""
    tasks = [
        np.unique(board.pick(lambda rows, version=version: rows.guideline == version).task)
        for version in (before, after)
    ]
    common = np.intersect1d(*tasks, assume_unique=True)
    rows = board.pick(lambda rows: np.isin(rows.task, common) if common.size else np.zeros(len(rows), bool))

    def under(version: int) -> Rows:
        return rows.take(rows.guideline == version)

    return (table_of(under(before)), table_of(under(after))), int(common.size)
