"""Agreement before and after a change of the guideline."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from annotate.audit_queries.slices import parts_of
from annotate.errors import DomainError
from annotate.ledger.boards import Board, Slots
from annotate.ledger.crossed import items_in_both, pairs_in_both
from annotate.ledger.live import ledger
from annotate.models import Campaign
from annotate.quality.agreement import RankingAgreement
from annotate.quality.change import MEASURES, agreement_change
from annotate.quality.intervals import Estimate

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
    known = parts_of(board).version
    slots, versions = {key: slot for key, _label, slot in known}, [(key, label) for key, label, _slot in known]
    before, after = two_versions(list(slots), before, after)
    if len(slots) < FEWEST:
        return GuidelineChange(campaign, versions, before, after, 0, [])
    compared, n_in_both = version_change(board=board, before=slots[before], after=slots[after])
    return GuidelineChange(campaign, versions, before, after, n_in_both, compared)


def two_versions(known: Sequence[str], before: str, after: str) -> tuple[str, str]:
    """The keys of the versions that are named, or the last two; empty where there are no two.

    Raises DomainError when nobody judged under a version that is named, or both are the same.
    """
    for key in filter(None, (before, after)):
        if key not in known:
            raise DomainError(_("Nothing was judged in %(part)s here; choose one of the list.") % {"part": key[:80]})
    if before and before == after:
        raise DomainError(_("Choose two different versions to compare."))
    after = after or next((key for key in reversed(known) if key != before), "")
    return before or next((key for key in reversed(known) if key != after), ""), after


def version_change(*, board: Board, before: int, after: int) -> tuple[list[Compared], int]:
    """The measures under two versions, by their ids, that were judged under; and how many tasks under both."""
    return slice_change(board=board, before={"version": before}, after={"version": after})


def slice_change(*, board: Board, before: Slots, after: Slots) -> tuple[list[Compared], int]:
    """The measures in two slices that have no judgement in common; and how many tasks have judgements in both."""
    old, new = (board.agreement(**slots) for slots in (before, after))
    name = ("change", *sorted(before.items()), "and", *sorted(after.items()))
    changes, n_in_both = board.once(name, lambda: _changes(board, before, after))
    return compared(old, new, changes), n_in_both


def compared(before: RankingAgreement, after: RankingAgreement, changes: dict[str, Estimate]) -> list[Compared]:
    """The measures whose change is known, beside it."""
    return [Compared(name, _of(before, name), _of(after, name), changes[name]) for name in MEASURES]


def _of(found: RankingAgreement, measure: str) -> Estimate:
    return getattr(found, measure)


def _changes(board: Board, before: Slots, after: Slots) -> tuple[dict[str, Estimate], int]:
    """The differences, and how many tasks were judged in both."""
    items, (old, new) = items_in_both(board, before, after), (board.corrected(one).sums() for one in (before, after))
    return agreement_change(old, new, items=items, dyads=pairs_in_both(board, before, after)), items.items
