"""What is asked of single completions in a campaign, and what was answered: values on axes, flags, marked passages.

An item is one completion in one task. Who was asked and did not say yes has said no: a flag has a value from everybody
whose form offered it, that is from whoever judged under a version of the guideline that has it. An axis has one from
those who gave it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from django.utils.translation import gettext as _

from annotate.errors import DomainError
from annotate.ledger.answers import (
    Asking,
    answers_of,
    changed_parts,
    is_said,
    n_before_and_after,
    sums_by_part,
    sums_of,
)
from annotate.ledger.boards import Board, Found
from annotate.models import Campaign, Guideline
from annotate.quality.intervals import Estimate, undefined
from annotate.quality.value_agreement import EMPTY, MEASURES, ValueAgreement
from annotate.quality.value_change import change_of
from annotate.quality.value_sums import Answers, ValueSums, scale_of
from annotate.quality.values import Level

AXIS, FLAG, SPAN = "axis", "flag", "span"
OF_AXES = ("alpha", "alpha_interval", "ac2", "percent_agreement")
OF_FLAGS = ("prevalence", "positive_agreement", "alpha", "ac1")
"""The measures that are shown of a scale, and of what is said or not."""
IN_GROUPS = {"percent_agreement", "alpha", "ac2", *OF_FLAGS}
CHARTED = {AXIS: "alpha", FLAG: "positive_agreement", SPAN: "positive_agreement"}
"""What charts show of each kind of question."""


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
    def level(self) -> Level:
        """What the values mean."""
        return "ordinal" if self.kind == AXIS else "nominal"

    @property
    def scale(self) -> Sequence[int]:
        """The values that an answer may have."""
        return range(1, len(self.levels) + 1) if self.kind == AXIS else (0, 1)

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
class Inquiry:
    """A slice of a campaign's judgements that count."""

    board: Board
    campaign: Campaign
    guidelines: Sequence[Guideline]
    slots: dict[str, int]

    @classmethod
    def of(cls, board: Board, campaign: Campaign, slots: dict[str, int] | None = None) -> Inquiry:
        """The slice with these ids, by what they are of; all judgements without any."""
        return cls(board, campaign, _guidelines(board, campaign), slots or {})

    def named(self, of: str) -> Question | None:
        """The question with a key, or else the first to which anybody said anything; None where nothing is asked.

        Raises DomainError when nothing of that name is asked.
        """
        questions = self.questions()
        if of:
            return find_question(questions, of)
        said = (one for one in questions if is_said(self.board, self.campaign.pk, one.key))
        return next(said, questions[0] if questions else None)

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
        return self._once_told("answered", question, lambda: self._answered(question))

    def _answered(self, question: Question) -> Answered:
        sums = sums_of(self.board, self.campaign.pk, self.asked(question), self.slots)
        found = self._told_by(sums, question)
        if "alpha_interval" not in question.measures:
            return Answered(found)
        return Answered(found, sums.agreement(scale_of(question.scale, "interval"), ["alpha"]).alpha)

    def changed(self, question: Question, before: int, after: int) -> tuple[dict[str, Estimate], int]:
        """By how much the agreement changed from one version to another, and how many completions both have."""
        asked = replace(self.asked(question), sides=(before, after))
        sums = sums_of(self.board, self.campaign.pk, asked, {})
        found = change_of(sums, scale_of(question.scale, question.level), question.coefficients)
        if "alpha_interval" in question.measures:
            found["alpha_interval"] = change_of(sums, scale_of(question.scale, "interval"), ["alpha"])["alpha"]
        return found, n_before_and_after(self.board, self.campaign.pk, asked)

    def answers(self, question: Question, people: Sequence[int]) -> Answers:
        """What some people said, by their ids; the code of a value is its place in the question's scale."""
        return answers_of(self.board, self.campaign.pk, self.asked(question), people)

    def asked(self, question: Question) -> Asking:
        """The question as the sums know it; all flags that nobody ever gave, and that were offered alike, are one."""
        never = question.kind != AXIS and not is_said(self.board, self.campaign.pk, question.key)
        return Asking("" if never else question.key, len(question.levels), self._offering(question))

    def _told_by(self, sums: ValueSums, question: Question) -> ValueAgreement:
        return sums.agreement(scale_of(question.scale, question.level), question.coefficients)

    def groups(self, question: Question | None, name: str, parts: Sequence[tuple[str, str, int]]) -> list[ValueGroup]:
        """The agreement on a question in each part of one kind; none where the slice has chosen one already."""
        if question is None or name in self.slots:
            return []
        found = self._once_told(("groups", name), question, lambda: self._by_part(question, name))
        return [ValueGroup(key, label, Answered(found[slot]), question) for key, label, slot in parts if slot in found]

    def _by_part(self, question: Question, name: str) -> dict[int, ValueAgreement]:
        """The agreement in each part of one kind, by id: that of the board's base where nothing changed since."""
        asked, campaign = self.asked(question), self.campaign.pk

        def of_base() -> dict[int, ValueAgreement]:
            found = sums_by_part(self.board, campaign, asked, self.slots, name)
            return {slot: self._told_by(sums, question) for slot, sums in found.items()}

        known = (self._told("parts", question), asked, name)
        found = dict(self.board.base.once(known, of_base))
        for slot in changed_parts(self.board, name).tolist():
            sums = sums_of(self.board, campaign, asked, {**self.slots, name: slot})
            found[slot] = self._told_by(sums, question)
        return {slot: one for slot, one in found.items() if one.n_judgements}

    def _offering(self, question: Question) -> tuple[int, ...] | None:
        """The versions of the guideline that offer a flag; None where all do."""
        if question.kind != FLAG or self.campaign.parsed_form.flags is not None:
            return None
        having = [one.pk for one in self.guidelines if question.name in {flag["name"] for flag in one.flags}]
        return tuple(having) if len(having) < len(self.guidelines) else None

    def once(self, what: Hashable, question: Question, compute: Callable[[], Found]) -> Found:
        """What `compute` returns, computed once while no judgement and no version of the guideline is added."""
        versions = tuple(one.pk for one in self.guidelines)
        return self.board.once((what, question.key, versions, *sorted(self.slots.items())), compute)

    def _once_told(self, what: Hashable, question: Question, compute: Callable[[], Found]) -> Found:
        """The same of figures alone."""
        return self.board.once(self._told(what, question), compute)

    def _told(self, what: Hashable, question: Question) -> tuple:
        """What figures are of: those on all that nobody ever said, and that was offered alike, are the same."""
        return (what, self.asked(question), tuple(one.pk for one in self.guidelines), *sorted(self.slots.items()))


def find_question(questions: Sequence[Question], key: str) -> Question:
    """The question with a key; raises DomainError when there is none."""
    found = next((one for one in questions if one.key == key), None)
    if found is None:
        words = {"name": key[:80]}
        raise DomainError(_("Nothing named %(name)s is asked in this campaign; choose one of the list.") % words)
    return found


def positive_of(question: Question) -> int | None:
    return None if question.kind == AXIS else 1


def _guidelines(board: Board, campaign: Campaign) -> list[Guideline]:
    """The versions under which somebody judged, and the one that is in force; the latest first."""
    used = np.flatnonzero(board.counts("guideline")).tolist()
    found = Guideline.objects.filter(pk__in={*used, campaign.guideline_id}).only("pk", "flags", "version")
    return sorted(found, key=lambda one: (one.pk == campaign.guideline_id, one.version), reverse=True)
