"""What a snapshot says about one judgement, and about the decision of an expert that stands in for a task's."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from django.db.models import Prefetch

from annotate.adjudication_queries import with_ids
from annotate.models import Adjudication, Campaign, Judgement, Prompt, Review, Task, TaskCompletion
from annotate.services.records import answer_of
from training.exporting import ExportedJudgement, LabelledSteps, Ranked, Rated
from training.weighing import Votes

COMPLETIONS = Prefetch("task__task_completions", TaskCompletion.objects.select_related("completion__producer"))
ON_THE_WHOLE = ("verdict", "reason", "strength", "behaviour", "rationale")
SETTLED = (Adjudication.Cause.FACTUAL, Adjudication.Cause.SAFETY)
"""Causes with which one answer is right, and a decision says which. Of the others it is one vote: nobody was wrong."""


def exported(judgement: Judgement, votes: Votes) -> ExportedJudgement | None:
    """What a snapshot says about a judgement: the annotator only by pseudonym. None when it gives no rows."""
    written = getattr(judgement, "demonstration", None)
    fields = {
        "judgement": str(judgement.pk),
        "annotator": judgement.annotator.pseudonym,
        "guideline_sha256": judgement.guideline.sha256,
        "seconds": judgement.seconds,
        **_about(judgement.task, written.completion.prompt if written else judgement.task.prompt),
    }
    if written:
        revision = getattr(written, "revision", None)
        return ExportedJudgement(
            **fields,
            demonstration=written.completion.text,
            reasoning=written.reasoning,
            original=revision.original.text if revision else "",
            sureness=(votes.of_one,),
        )
    answer = answer_of(judgement)
    fields |= _said(judgement.task, answer)
    if ranked := fields.get("ranked"):
        fields["weight"] = votes.weight(judgement.annotator_id)
        fields["sureness"] = votes.sureness(judgement.task_id, sorted(answer["ranks"]))
    return _with_rows(fields, ranked)


def exported_decision(decision: Adjudication, votes: Votes, annotators: Collection[int]) -> ExportedJudgement | None:
    """What a snapshot says about a decided task, whose rankings by these annotators it stands in for.

    None where the decision is that the completions cannot be ranked, and nothing else is said about them.
    """
    fields = _by_expert(decision) | _about(decision.task, decision.task.prompt)
    fields |= _said(decision.task, with_ids(decision.answer))
    if ranked := fields.get("ranked"):
        fields["weight"] = votes.together(annotators) if decision.cause in SETTLED else 1.0
        ranks = [one.rank for one in ranked]
        fields["sureness"] = votes.decided(fields["weight"], ranks, len(annotators))
    return _with_rows(fields, ranked)


def exported_after(decision: Adjudication, judgement: Judgement, votes: Votes) -> ExportedJudgement | None:
    """What a snapshot says about a demonstration of whose reviews an expert decided. None when it was returned."""
    row, said = exported(judgement, votes), decision.answer
    if said["decision"] == Review.Decision.RETURN or row is None:
        return None
    if said["decision"] == Review.Decision.ACCEPT:
        return replace(row, decision=decision.cause)
    return replace(row, **_by_expert(decision), demonstration=said["text"], reasoning="", original=row.demonstration)


def _by_expert(decision: Adjudication) -> dict[str, Any]:
    return {
        "judgement": f"decision-{decision.pk}",
        "annotator": decision.by.pseudonym,
        "guideline_sha256": decision.guideline.sha256,
        "seconds": None,
        "decision": decision.cause,
    }


def _about(task: Task, prompt: Prompt) -> dict[str, Any]:
    return {
        "domain": prompt.domain.slug if prompt.domain else "",
        "campaign": task.campaign.slug,
        "prompt": prompt.messages,
        "prompt_sha256": prompt.sha256,
    }


def _said(task: Task, answer: Mapping[str, Any]) -> dict[str, Any]:
    """An answer as the fields of an ExportedJudgement."""
    shown = [row.completion for row in sorted(task.task_completions.all(), key=lambda row: row.completion_id)]
    if task.campaign.kind == Campaign.Kind.STEPS:
        (one,) = shown
        steps, labels = tuple(task.steps), tuple(answer["labels"])
        return {"solution": LabelledSteps(steps, labels, one.sha256, one.producer.name)}
    ranks = answer.get("ranks") or {}
    ranked = [Ranked(one.text, one.sha256, one.producer.name, ranks[one.pk]) for one in shown if one.pk in ranks]
    beside = {name: answer[name] for name in ON_THE_WHOLE if name in answer}
    return {"ranked": tuple(ranked), "rated": tuple(_rated(shown, answer)), **beside}


def _rated(shown: Collection, answer: Mapping[str, Any]) -> Iterator[Rated]:
    """The completions of an answer that says more than ranks, or gives none: also those that nothing is said of."""
    ratings, flags, spans = (answer.get(name) or {} for name in ("ratings", "flags", "spans"))
    if not (ratings or flags or spans) and answer.get("ranks"):
        return
    for one in shown:
        yield Rated(
            one.text,
            one.sha256,
            one.producer.name,
            ratings=tuple(sorted(ratings.get(one.pk, {}).items())),
            flags=tuple(sorted(flags.get(one.pk, ()))),
            spans=tuple(spans.get(one.pk, ())),
        )


def _with_rows(fields: dict[str, Any], ranked: tuple[Ranked, ...] | None) -> ExportedJudgement | None:
    said = ranked or fields.get("rated") or fields.get("solution")
    return ExportedJudgement(**fields) if said else None
