"""Who agrees with whom on single completions."""

from dataclasses import dataclass, replace

import numpy as np

from annotate.audit_queries.inquiry import AXIS, FLAG, SPAN, Inquiry, Question, positive_of
from annotate.audit_queries.pairs import busiest
from annotate.ledger.live import ledger
from annotate.models import Campaign
from annotate.quality.value_pairs import ValuePair, agreement_by_pair
from annotate.quality.values import ValueTable

IN_PAIRS = {
    AXIS: ("percent_agreement", "difference"),
    FLAG: ("positive_agreement", "percent_agreement"),
    SPAN: ("positive_agreement", "percent_agreement"),
}
"""What is shown of each two annotators; the heat map shows the first."""


@dataclass(frozen=True, slots=True)
class ValuePairs:
    """Some annotators of a campaign, those with the most judgements first, and how far each two agree on a question."""

    campaign: Campaign
    questions: list[Question]
    of: Question | None
    """The one that is shown; None where nothing is asked."""
    page: int
    n_pages: int
    n_annotators: int
    """In all."""
    annotators: list[tuple[str, int]]
    """(username, judgements)"""
    pairs: list[ValuePair]
    """Of those who share a completion; those who share most first. The names are usernames."""
    ids: dict[str, int]
    """Of these annotators, by username."""

    @property
    def measures(self) -> tuple[str, ...]:
        """What is shown of each pair."""
        return IN_PAIRS[self.of.kind] if self.of else ()

    @property
    def figures(self) -> list[dict]:
        """Every figure that is shown: question, first, second, n_items, measure, value, lo, hi, n, reason."""
        return [
            {"question": self.of.key, "first": pair.first, "second": pair.second, "n_items": pair.n_items}
            | {"measure": name, **getattr(pair, name).as_dict()}
            for pair in self.pairs
            for name in self.measures
        ]


def question_pairs(*, campaign: Campaign, of: str = "", page: int = 1) -> ValuePairs:
    """The agreement on a question of each two of the annotators on one page of the heat map.

    Without `of`, a key such as `axis/helpful`, it is the first question to which anybody said anything.
    Raises DomainError when nothing of that name is asked.
    """
    board = ledger().board(campaign.pk)
    inquiry = Inquiry.of(board, campaign)
    question, shown = inquiry.named(of), busiest(board, page)
    pairs: list[ValuePair] = []
    if question:
        people = tuple(shown.ids.values())
        pairs = inquiry.once(("pairs", people), question, lambda: _pairs(inquiry, question, people))
    names = {person: name for name, person in shown.ids.items()}
    return ValuePairs(
        campaign=campaign,
        questions=inquiry.questions(),
        of=question,
        page=shown.page,
        n_pages=shown.n_pages,
        n_annotators=shown.n_annotators,
        annotators=shown.people,
        pairs=[replace(one, first=names[one.first], second=names[one.second]) for one in pairs],
        ids=shown.ids,
    )


def _pairs(inquiry: Inquiry, question: Question, people: tuple[int, ...]) -> list[ValuePair]:
    """Of these people, by their ids. The completions of a task are one cluster."""
    said = inquiry.answers(question, people)
    values = np.array(question.scale)[said.code]
    table = ValueTable.from_arrays(said.item, said.annotator, values, question.level, categories=question.scale)
    return agreement_by_pair(table, said.cluster, positive=positive_of(question))
