"""Reads about reviews: what came back to whom, and why."""

from django.db.models import OuterRef, QuerySet, Subquery

from annotate.models import Demonstration, Review, User


def reviews_that_count() -> QuerySet[Review]:
    """The reviews that no correction of the reviewer's supersedes, newest first."""
    return Review.objects.filter(judgement__superseded_by__isnull=True).order_by("-judgement_id")


def reviews_of(*, author: User) -> QuerySet[Review]:
    """What others said about this person's demonstrations, older versions included, newest first.

    Each has `.decision`, `.reason`, `.judgement.created_at`, and the campaign and the assignment of what was reviewed.
    """
    return (
        reviews_that_count()
        .filter(demonstration__judgement__annotator=author)
        .select_related(
            "judgement",
            "demonstration__judgement__task__campaign",
            "demonstration__judgement__assignment",
            "demonstration__completion",
        )
    )


def returned_to(*, annotator: User) -> list[Review]:
    """The returns that wait for this person's correction: of their newest versions, the newest review says so."""
    newest = Demonstration.objects.filter(pk=OuterRef("demonstration"), judgement__superseded_by__isnull=True).annotate(
        said=Subquery(reviews_that_count().filter(demonstration=OuterRef("pk")).values("pk")[:1])
    )
    return list(
        reviews_of(author=annotator).filter(decision=Review.Decision.RETURN, pk=Subquery(newest.values("said")))
    )


def reviews_of_judgement(*, judgement_id: int) -> QuerySet[Review]:
    """What was said about the demonstration of one judgement, newest first."""
    return reviews_that_count().filter(demonstration__judgement=judgement_id).select_related("judgement__annotator")
