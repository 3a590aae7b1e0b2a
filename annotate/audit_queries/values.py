"""Agreement on what is said of single completions: values on axes, flags and types of marked passages."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotate.audit_queries.inquiry import (
    AXIS,
    Answered,
    Inquiry,
    Question,
    ValueGroup,
    find_question,
)
from annotate.audit_queries.slices import Parts, Slice, parts_of, slot_of
from annotate.ledger.boards import Board
from annotate.ledger.columns import Rows
from annotate.ledger.live import ledger
from annotate.models import Campaign, Task
from annotate.quality.intervals import Estimate

WHOLE = Slice()
COLUMN_OF = {"domain": "domain", "version": "guideline", "week": "week"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with the agreement on it."""

    question: Question
    answered: Answered

    @property
    def measures(self) -> dict[str, Estimate]:
        """The figures that are shown, by name."""
        return {name: self.answered.measure(name) for name in self.question.measures}

    @property
    def is_given(self) -> bool:
        """Whether anybody said yes; an axis is always answered with something."""
        return self.question.kind == AXIS or bool(self.answered.prevalence.value)

    @property
    def shares(self) -> dict[str, Estimate]:
        """How often each value of an axis is given."""
        return {str(value): share for value, _name, share in self.usage}

    @property
    def usage(self) -> list[tuple[int, str, Estimate]]:
        """(value, name, share of the answers) of each level of an axis."""
        shares = [one.share for one in self.answered.found.usage]
        named = enumerate(self.question.levels, start=1)
        return [(value, name, share) for (value, name), share in zip(named, shares, strict=False)]


@dataclass(frozen=True, slots=True)
class ValueAudit:
    """How far the annotators of a campaign agree on single completions, in a slice of it."""

    campaign: Campaign
    chosen: Slice
    parts: Parts
    n_judgements: int
    n_annotators: int
    asked: list[Asked]
    """Every axis, flag and type of marked passage of the campaign."""
    of: Question | None
    """The question whose agreement is shown by domain, version and week; None where nothing is asked."""
    domains: list[ValueGroup]
    versions: list[ValueGroup]
    weeks: list[ValueGroup]
    n_raised: int
    """Tasks that more people judged because those before disagreed."""

    @property
    def groups(self) -> dict[str, list[ValueGroup]]:
        """The groups by what they are."""
        return {"domain": self.domains, "version": self.versions, "week": self.weeks}

    @property
    def figures(self) -> list[dict]:
        """Every figure that is shown, one dict each: scope, of, question, measure, value, lo, hi, n, reason, counts."""
        of = " ".join([self.campaign.slug, *self.chosen.given.values()])
        scope = "slice" if self.chosen.given else "campaign"
        rows = []
        for one in self.asked:
            shares = {f"share_of_{value}": share for value, share in one.shares.items()}
            rows += _rows(scope, of, one.question, one.answered, {**one.measures, **shares})
        for kind, groups in self.groups.items():
            for group in groups:
                rows += _rows(kind, group.key, group.question, group.answered, group.measures)
        return rows


def _rows(scope: str, of: str, question: Question, answered: Answered, named: dict[str, Estimate]) -> list[dict]:
    counts = {name: getattr(answered.found, name) for name in ("n_items", "n_annotators", "n_judgements")}
    return [
        {"scope": scope, "of": of, "question": question.key, "measure": name, **found.as_dict(), **counts}
        for name, found in named.items()
    ]


def value_audit(*, campaign: Campaign, chosen: Slice = WHOLE, of: str = "") -> ValueAudit:
    """The agreement on axes, flags and marked passages. Page, downloads and API show what this returns.

    `of` names the question, such as `axis/helpful`, that is shown by domain, version and week.
    Raises DomainError when nothing was judged in the slice, or nothing of that name is asked.
    """
    board = ledger().board(campaign.pk)
    parts = parts_of(board)
    slots = {name: slot_of(parts, name, key) for name, key in chosen.given.items()}
    inquiry = Inquiry.of(board, campaign, slots)
    asked = [Asked(one, inquiry.answered(one)) for one in inquiry.questions()]
    shown = _shown(asked, of)
    n_judgements, n_annotators = board.once(("inside", *sorted(slots.items())), lambda: _counts(board, slots))
    return ValueAudit(
        campaign=campaign,
        chosen=chosen,
        parts=parts,
        n_judgements=n_judgements,
        n_annotators=n_annotators,
        asked=asked,
        of=shown,
        domains=inquiry.groups(shown, "domain", parts.domain),
        versions=inquiry.groups(shown, "version", parts.version),
        weeks=inquiry.groups(shown, "week", parts.week),
        n_raised=Task.objects.filter(campaign=campaign, raised__gt=0).count(),
    )


def _shown(asked: Sequence[Asked], of: str) -> Question | None:
    """The question that is named, or else the first to which anybody said anything."""
    if not of:
        return next((one.question for one in asked if one.is_given), asked[0].question if asked else None)
    return find_question([one.question for one in asked], of)


def _counts(board: Board, slots: dict[str, int]) -> tuple[int, int]:
    """How many judgements there are in a slice, and of how many people."""

    def inside(rows: Rows) -> NDArray[np.bool_]:
        found = np.ones(len(rows), bool)
        for name, slot in slots.items():
            found &= getattr(rows, COLUMN_OF[name]) == slot
        return found

    of_people = np.bincount(board.pick(inside).annotator) if slots else board.counts("annotator")
    return int(of_people.sum()), int(np.count_nonzero(of_people))
