"""Answers: what an annotator says about a task, as one JSON shape per kind of campaign. Pure.

The same shape is the body of the API's submit, the draft, the gold answer and what the page's form posts.
`check_answer` reads it strictly: it returns the answer complete and normalised, or raises AnswerError with a sentence.
"""

from annotate.answers.base import MAX_NOTE, MAX_TEXT, AnswerError, Shown, count_words
from annotate.answers.comparing import check_ranking, check_rating
from annotate.answers.labelling import check_steps
from annotate.answers.reviewing import check_review
from annotate.answers.writing import MAX_CITATIONS, check_writing

__all__ = ["MAX_CITATIONS", "MAX_NOTE", "MAX_TEXT", "AnswerError", "Shown", "check_answer", "count_words"]

CHECKS = {
    "ranking": check_ranking,
    "rating": check_rating,
    "demonstration": check_writing,
    "revision": check_writing,
    "review": check_review,
    "steps": check_steps,
}


def check_answer(answer, shown: Shown) -> dict:
    """The answer to what was shown, normalised, with completion ids as integers. Raises AnswerError."""
    return CHECKS[shown.kind](answer, shown)
