"""Agreement on what is said of single completions: values on axes, flags and types of marked passages.

An item is one completion in one task. Who was asked and did not say yes has said no: a flag has a value from everybody
whose form offered it, that is from whoever judged under a version of the guideline that has it. An axis has one from
those who gave it.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from annotate.audit_queries.slices import Parts, Slice, parts_of, slot_of
from annotate.errors import DomainError
from annotate.ledger.boards import Board, Found, Sheet
from annotate.ledger.columns import Rows, empty
from annotate.ledger.live import ledger
from annotate.ledger.marks import Cells, cells_of
from annotate.models import Campaign, Guideline, Task
from annotate.quality.intervals import Estimate, undefined
from annotate.quality.value_agreement import EMPTY, MEASURES, ValueAgreement, agreement_by_slice, value_agreement
from annotate.quality.values import Level, ValueTable

AXIS, FLAG, SPAN = "axis", "flag", "span"
OF_AXES = ("alpha", "alpha_interval", "ac2", "percent_agreement")
OF_FLAGS = ("prevalence", "positive_agreement", "alpha", "ac1")
"""The measures that are shown of a scale, and of what is said or not."""
IN_GROUPS = {"percent_agreement", "alpha", "ac2", *OF_FLAGS}
CHARTED = {AXIS: "alpha", FLAG: "positive_agreement", SPAN: "positive_agreement"}
"""What charts show of each kind of question."""
FEW = 4
"""Parts of a kind that are counted anew one by one; where more have changed, all are, in one pass."""
WHOLE = Slice()
COLUMN_OF = {"domain": "domain", "version": "guideline", "week": "week"}


@dataclass(frozen=True, slots=True)
class Question:
    """Something that is asked about each completion."""

    kind: str
    """axis, flag or span: a type of marked passage, which a completion has or has not."""
    name: str
    label: str
    levels: tuple[str, ...] = ()
    """The names of the values of an axis, from 1."""

    @property
    def key(self) -> str:
        """How it is asked for, such as `axis/helpful`."""
        return f"{self.kind}/{self.name}"

    @property
    def measures(self) -> tuple[str, ...]:
        """What is shown of it. Distances between levels with names of their own mean nothing, so no interval alpha."""
        if self.kind != AXIS:
            return OF_FLAGS
        plain = all(level.isdecimal() for level in self.levels)
        return OF_AXES if plain else ("alpha", "ac2", "percent_agreement")

    @property
    def coefficients(self) -> list[str]:
        """Those of them that the kernel is asked for."""
        return [name for name in self.measures if name in MEASURES]


@dataclass(frozen=True, slots=True)
class Answered:
    """How far annotators agree on the answers to one question."""

    found: ValueAgreement
    alpha_interval: Estimate | None = None
    """Alpha for which the differences of values count; None where only their order is taken to mean anything."""

    @property
    def prevalence(self) -> Estimate:
        """The share of answers that say yes."""
        return self.found.usage[1].share if self.found.usage else undefined(EMPTY)

    def measure(self, name: str) -> Estimate:
        """The figure with a name."""
        return getattr(self if name in ("prevalence", "alpha_interval") else self.found, name)


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
class ValueGroup:
    """The agreement on one question in one domain, under one version or in one week."""

    key: str
    label: str
    answered: Answered
    question: Question

    @property
    def measures(self) -> dict[str, Estimate]:
        """The figures that are shown, by name."""
        return {name: self.answered.measure(name) for name in self.question.measures if name in IN_GROUPS}


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
    inquiry = _Inquiry(board, campaign, _guidelines(board, campaign), slots)
    questions = inquiry.questions()
    asked = [Asked(one, inquiry.answered(one)) for one in questions]
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
    found = next((one.question for one in asked if one.question.key == of), None)
    if found is None:
        words = {"name": of[:80]}
        raise DomainError(_("Nothing named %(name)s is asked in this campaign; choose one of the list.") % words)
    return found


def _counts(board: Board, slots: dict[str, int]) -> tuple[int, int]:
    """How many judgements there are in a slice, and of how many people."""

    def inside(rows: Rows) -> NDArray[np.bool_]:
        found = np.ones(len(rows), bool)
        for name, slot in slots.items():
            found &= getattr(rows, COLUMN_OF[name]) == slot
        return found

    of_people = np.bincount(board.pick(inside).annotator) if slots else board.counts("annotator")
    return int(of_people.sum()), int(np.count_nonzero(of_people))


def _guidelines(board: Board, campaign: Campaign) -> list[Guideline]:
    """The versions under which somebody judged, and the one that is in force; the latest first."""
    used = np.flatnonzero(board.counts("guideline")).tolist()
    found = Guideline.objects.filter(pk__in={*used, campaign.guideline_id}).only("pk", "flags", "version")
    return sorted(found, key=lambda one: (one.pk == campaign.guideline_id, one.version), reverse=True)


@dataclass(frozen=True, slots=True)
class _Inquiry:
    """A slice of a campaign's judgements that count."""

    board: Board
    campaign: Campaign
    guidelines: Sequence[Guideline]
    slots: dict[str, int]
    frames: dict[Hashable, tuple[NDArray[np.int64], ValueTable]] = field(default_factory=dict)
    """The answers to flags, all of them no: those of flags that were offered alike differ in nothing else."""

    def questions(self) -> list[Question]:
        """All that the campaign asks about each completion; labels in the reader's language where they are ours."""
        form = self.campaign.parsed_form
        axes = [Question(AXIS, one.name, _(one.label), tuple(map(_, one.levels))) for one in form.axes]
        if form.flags is None:
            labels = {flag["name"]: flag["label"] for one in reversed(self.guidelines) for flag in one.flags}
            flags = [Question(FLAG, name, label) for name, label in labels.items()]
        else:
            flags = [Question(FLAG, one.name, _(one.label)) for one in form.flags]
        return axes + flags + [Question(SPAN, one.name, _(one.label)) for one in form.spans]

    def answered(self, question: Question) -> Answered:
        """The agreement on a question."""
        return self._once("answered", question, lambda: self._answered(question))

    def _answered(self, question: Question) -> Answered:
        table = self._answers(question)[1]
        found = value_agreement(table, positive=_positive(question), measures=question.coefficients)
        if "alpha_interval" not in question.measures:
            return Answered(found)
        return Answered(found, value_agreement(replace(table, level="interval"), measures=["alpha"]).alpha)

    def groups(self, question: Question | None, name: str, parts: Sequence[tuple[str, str, int]]) -> list[ValueGroup]:
        """The agreement on a question in each part of one kind; none where the slice has chosen one already."""
        if question is None or name in self.slots:
            return []
        found = self._once("groups", question, lambda: self._by_part(question))[name]
        return [ValueGroup(key, label, Answered(found[slot]), question) for key, label, slot in parts if slot in found]

    def _by_part(self, question: Question) -> dict[str, dict[int, ValueAgreement]]:
        """The agreement in each part of every kind that the slice leaves open, by id.

        A part that nothing has changed in since the board's base was made is as it was then.
        """
        chosen, table = self._answers(question)
        wanted = {"positive": _positive(question), "measures": question.coefficients}
        before = self._before(question)
        found = {}
        for name, column in COLUMN_OF.items():
            if name in self.slots:
                continue
            slices = self._cells.part(column)[chosen]
            changed = self._changed(column)
            if not before or changed.size > FEW:
                found[name] = agreement_by_slice(table, slices, **wanted)
                continue
            found[name] = {slot: one for slot, one in before[name].items() if slot not in changed}
            for slot in changed.tolist():
                inside = slices == slot
                if inside.any():
                    found[name][slot] = value_agreement(table, inside, **wanted)
        return found

    def _before(self, question: Question) -> dict[str, dict[int, ValueAgreement]]:
        """What `_by_part` says of the board's base; nothing where the board is new."""
        base = self.board.base
        if not len(base.rows) or not (self.board.gone.size or len(self.board.now.rows)):
            return {}
        whole = base.once("whole", lambda: Board(base, np.zeros(0, np.int64), Sheet.of(empty())))
        asked = replace(self, board=whole, frames={})
        return asked._once("groups", question, lambda: asked._by_part(question))

    def _changed(self, column: str) -> NDArray[np.int64]:
        """The ids in a column of what the board has beyond its base, or no more."""
        gone, now = getattr(self.board.base.rows, column)[self.board.gone], getattr(self.board.now.rows, column)
        return np.union1d(gone, now)

    def _answers(self, question: Question) -> tuple[NDArray[np.int64], ValueTable]:
        """Which cells have an answer to a question, and the table of these."""
        said = self._cells.said(question.key)
        if question.kind == AXIS:
            return self._table(said > 0, said, range(1, len(question.levels) + 1), "ordinal")
        offering = None
        if question.kind == FLAG and self.campaign.parsed_form.flags is None:
            having = [one.pk for one in self.guidelines if question.name in {flag["name"] for flag in one.flags}]
            offering = tuple(having) if len(having) < len(self.guidelines) else None
        if offering not in self.frames:
            versions = self._cells.part("guideline") if offering is not None else None
            inside = np.ones(said.size, bool) if versions is None else np.isin(versions, offering)
            self.frames[offering] = self._table(inside, np.zeros(said.size, np.int8), (0, 1), "nominal")
        chosen, table = self.frames[offering]
        return chosen, replace(table, code=table.in_order("answers", said[chosen].astype(np.int32)))

    def _table(
        self, inside: NDArray[np.bool_], said: NDArray[np.int8], scale: Sequence[int], level: Level
    ) -> tuple[NDArray[np.int64], ValueTable]:
        """The cells that are inside the slice, too, and the table of what is said in them."""
        cells = self._cells
        for name, slot in self.slots.items():
            inside &= cells.part(COLUMN_OF[name]) == slot
        chosen = np.flatnonzero(inside)
        columns = cells.unit[chosen], cells.part("annotator")[chosen], said[chosen]
        return chosen, ValueTable.from_arrays(*columns, level, categories=scale)

    @property
    def _cells(self) -> Cells:
        return cells_of(self.board, self.campaign.pk)

    def _once(self, what: Hashable, question: Question, compute: Callable[[], Found]) -> Found:
        """What `compute` returns, computed once while no judgement and no version of the guideline is added."""
        versions = tuple(one.pk for one in self.guidelines)
        return self.board.once((what, question.key, versions, *sorted(self.slots.items())), compute)


def _positive(question: Question) -> int | None:
    return None if question.kind == AXIS else 1
