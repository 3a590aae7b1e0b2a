"""Agreement on single completions before and after a change of the guideline."""

from dataclasses import dataclass, replace

from annotate.audit_queries.changes import FEWEST, Compared, two_versions
from annotate.audit_queries.inquiry import Inquiry, Question
from annotate.audit_queries.slices import parts_of
from annotate.ledger.live import ledger
from annotate.models import Campaign


@dataclass(frozen=True, slots=True)
class ValueChange:
    """The agreement on one question under two versions of a guideline; nothing to compare where there are no two."""

    campaign: Campaign
    questions: list[Question]
    of: Question | None
    """The one that is shown; None where nothing is asked."""
    versions: list[tuple[str, str]]
    """(key, label) of each under which somebody judged."""
    before: str
    after: str
    n_in_both: int
    """Completions that were judged under both."""
    compared: list[Compared]

    @property
    def figures(self) -> list[dict]:
        """Every figure that is shown, one dict each: question, measure, of, value, lo, hi, n, reason."""
        return [
            {"question": self.of.key, "measure": one.measure, "of": of, **found.as_dict()}
            for one in self.compared
            for of, found in ((self.before, one.before), (self.after, one.after), ("change", one.change))
        ]


def question_change(*, campaign: Campaign, of: str = "", before: str = "", after: str = "") -> ValueChange:
    """The agreement on a question before and after: under the two versions that are named, or under the last two.

    Without `of`, a key such as `axis/helpful`, it is the first question to which anybody said anything.
    Raises DomainError when nothing of that name is asked, nobody judged under a version that is named, or both are the
    same.
    """
    board = ledger().board(campaign.pk)
    known = {key: (label, slot) for key, label, slot in parts_of(board).version}
    before, after = two_versions(list(known), before, after)
    inquiry = Inquiry.of(board, campaign)
    question, versions = inquiry.named(of), [(key, label) for key, (label, _slot) in known.items()]
    found = ValueChange(campaign, inquiry.questions(), question, versions, before, after, 0, [])
    if question is None or len(known) < FEWEST:
        return found
    slots = known[before][1], known[after][1]
    changes, n_in_both = inquiry.once(("change", *slots), question, lambda: inquiry.changed(question, *slots))
    old, new = (Inquiry.of(board, campaign, {"version": slot}).answered(question) for slot in slots)
    compared = [Compared(name, old.measure(name), new.measure(name), changes[name]) for name in question.measures]
    return replace(found, n_in_both=n_in_both, compared=compared)
