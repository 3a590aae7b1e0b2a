"""The rows of a judgement: one writer for each kind of answer, and one reader back into the answer's shape."""

from collections.abc import Callable

from django.db.models import QuerySet

from annotate.diffs import unified
from annotate.models import (
    Demonstration,
    Flag,
    Judgement,
    RankedCompletion,
    Rating,
    Review,
    Revision,
    Span,
    StepLabel,
)
from annotate.services.corpus import add_completion, add_prompt, person_as_producer, say_language
from annotate.services.reviewing import send_to_review
from annotate.statements import insert_unread


def write_comparison(judgement: Judgement, answer: dict) -> None:
    """The rows of a ranking or a rating."""
    insert_unread(
        *(
            RankedCompletion(judgement=judgement, completion_id=pk, rank=rank)
            for pk, rank in answer.get("ranks", {}).items()
        )
    )
    insert_unread(
        *(
            Rating(judgement=judgement, completion_id=pk, axis=axis, value=value)
            for pk, values in answer["ratings"].items()
            for axis, value in values.items()
        )
    )
    insert_unread(
        *(
            Flag(judgement=judgement, completion_id=pk, name=name)
            for pk, names in answer["flags"].items()
            for name in names
        )
    )
    insert_unread(
        *(
            Span(judgement=judgement, completion_id=pk, **span)
            for pk, spans in answer["spans"].items()
            for span in spans
        )
    )


def write_demonstration(judgement: Judgement, answer: dict) -> Demonstration:
    """What was written, as a completion of this person's; it goes to whoever reviews the campaign."""
    author, prompt = judgement.annotator, judgement.task.prompt
    if "messages" in answer:  # the task's prompt is the brief; a written prompt is in the same domain and language
        domain = prompt.domain.slug if prompt.domain else ""
        brief, prompt = prompt, add_prompt(messages=answer["messages"], domain=domain, by=author)
        if brief.language and not prompt.language:
            say_language(prompt=prompt, language=brief.language)
    completion = add_completion(prompt=prompt, producer=person_as_producer(user=author), text=answer["text"], by=author)
    beside = {name: answer[name] for name in ("reasoning", "checklist", "citations") if name in answer}
    demonstration = Demonstration.objects.create(judgement=judgement, completion=completion, **beside)
    send_to_review(demonstration=demonstration)
    return demonstration


def write_revision(judgement: Judgement, answer: dict) -> None:
    """The edited completion, beside the one that was edited."""
    original = judgement.task.completions.get()
    Revision.objects.create(
        demonstration=write_demonstration(judgement, answer),
        original=original,
        diff=unified(original.text, answer["text"]),
    )


def write_review(judgement: Judgement, answer: dict) -> None:
    """The decision; an edit is a revision, too."""
    Review.objects.create(
        judgement=judgement,
        demonstration=judgement.task.demonstration,
        decision=answer["decision"],
        reason=answer["reason"],
    )
    if answer["decision"] == Review.Decision.EDIT:
        write_revision(judgement, answer)


def write_step_labels(judgement: Judgement, answer: dict) -> None:
    """A row for each step that was labelled."""
    StepLabel.objects.bulk_create(
        StepLabel(judgement=judgement, step=step, label=label) for step, label in enumerate(answer["labels"])
    )


WRITERS: dict[str, Callable[[Judgement, dict], object]] = {
    "ranking": write_comparison,
    "rating": write_comparison,
    "demonstration": write_demonstration,
    "revision": write_revision,
    "review": write_review,
    "steps": write_step_labels,
}
COLUMNS = ("verdict", "reason", "strength", "behaviour", "rationale")


def columns_of(kind: str, answer: dict) -> dict:
    """What of an answer is stored in the judgement's own row. (A review's reason is the review's.)"""
    return {} if kind == "review" else {name: answer[name] for name in COLUMNS if name in answer}


def with_answers(judgements: QuerySet[Judgement]) -> QuerySet[Judgement]:
    """With all that `answer_of` reads of what is judged; not of what is written."""
    return judgements.prefetch_related("ranked", "ratings", "flags", "spans", "step_labels").select_related("review")


def answer_of(judgement: Judgement) -> dict:
    """A judgement as the answer that was submitted: the inverse of the writers."""
    kind = judgement.task.campaign.kind
    if kind in ("demonstration", "revision"):
        return _written_in(judgement)
    if kind == "review":
        edited = getattr(judgement, "demonstration", None)
        review = judgement.review
        return {
            "decision": review.decision,
            "reason": review.reason,
            "text": edited.completion.text if edited else "",
        }
    if kind == "steps":
        return {"labels": [row.label for row in judgement.step_labels.all()], "rationale": judgement.rationale}
    return _comparison_of(judgement)


def _written_in(judgement: Judgement) -> dict:
    written = judgement.demonstration
    answer = {"text": written.completion.text, "reasoning": written.reasoning}
    if judgement.task.campaign.parsed_form.writing.prompt == "written":
        answer["messages"] = written.completion.prompt.messages
    return answer | {"checklist": written.checklist, "citations": written.citations}


def _comparison_of(judgement: Judgement) -> dict:
    ratings: dict[int, dict[str, int]] = {}
    for rating in judgement.ratings.all():
        ratings.setdefault(rating.completion_id, {})[rating.axis] = rating.value
    flags: dict[int, list[str]] = {}
    for flag in judgement.flags.all():
        flags.setdefault(flag.completion_id, []).append(flag.name)
    spans: dict[int, list[dict]] = {}
    for span in judgement.spans.all():
        marked = {name: getattr(span, name) for name in ("start", "end", "type", "severity", "note")}
        spans.setdefault(span.completion_id, []).append(marked)
    return {
        "ranks": {ranked.completion_id: ranked.rank for ranked in judgement.ranked.all()},
        "ratings": ratings,
        "flags": flags,
        "spans": spans,
        **{name: getattr(judgement, name) for name in COLUMNS},
    }
