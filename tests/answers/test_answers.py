"""Answers are normalised, or refused with a sentence."""

import pytest

from annotate.answers import AnswerError, Shown, check_answer
from annotate.forms import parse_form

AXES = {"axes": [{"name": "helpful", "label": "Helpful"}], "spans": [{"name": "false", "label": "False"}]}
TEXTS = {7: "It is blue.", 8: "It is green."}


def shown(kind: str, **form) -> Shown:
    return Shown(
        kind=kind,
        completions=(7, 8),
        texts=TEXTS,
        flags=frozenset({"wrong"}),
        n_steps=3,
        form=parse_form(kind, form),
    )


def test_a_ranking_comes_back_complete_with_integer_ids():
    assert check_answer({"ranks": {"7": 2, "8": 1}, "flags": {"7": ["wrong", "wrong"]}}, shown("ranking")) == {
        "ranks": {7: 2, 8: 1},
        "verdict": "",
        "reason": "",
        "strength": None,
        "ratings": {},
        "flags": {7: ["wrong"]},
        "spans": {},
        "behaviour": "",
        "rationale": "",
    }


def test_cannot_rank_needs_no_ranks_but_a_reason():
    answer = check_answer({"verdict": "cannot_rank", "reason": "Both are in Greek."}, shown("ranking"))
    assert (answer["ranks"], answer["reason"]) == ({}, "Both are in Greek.")


def test_all_bad_may_carry_a_ranking():
    answer = check_answer({"verdict": "all_bad", "reason": "No.", "ranks": {7: 1, 8: 2}}, shown("ranking"))
    assert answer["ranks"] == {7: 1, 8: 2}


def test_strength_is_dropped_from_a_tie():
    assert check_answer({"ranks": {7: 1, 8: 1}, "strength": 3}, shown("ranking", strength=True))["strength"] is None
    assert check_answer({"ranks": {7: 1, 8: 2}, "strength": 3}, shown("ranking", strength=True))["strength"] == 3


def test_a_rating_keeps_values_and_passages():
    span = {"start": 6, "end": 10, "type": "false", "severity": "minor", "note": " Not blue "}
    answer = check_answer(
        {"ratings": {7: {"helpful": 7}, 8: {"helpful": 1}}, "spans": {"7": [span]}}, shown("rating", **AXES)
    )
    assert answer["ratings"] == {7: {"helpful": 7}, 8: {"helpful": 1}}
    assert answer["spans"] == {7: [{**span, "note": "Not blue"}]}


def test_steps_end_at_the_first_error():
    answer = check_answer({"labels": ["good", "bad", "good"]}, shown("steps"))
    assert answer["labels"] == ["good", "bad"]


def test_a_review_that_accepts_needs_no_reason():
    assert check_answer({"decision": "accept"}, shown("review"))["decision"] == "accept"


@pytest.mark.parametrize(
    ("kind", "form", "answer", "sentence"),
    [
        ("ranking", {}, [], "must be an object"),
        ("ranking", {}, {"ranking": {}}, "no field 'ranking'"),
        ("ranking", {}, {"ranks": {"7": 1}}, "No rank for completion 8"),
        ("ranking", {}, {"ranks": {"7": 1, "9": 1}}, "completion 9, which this task does not show"),
        ("ranking", {}, {"verdict": "all_bad"}, "Say in a few words why"),
        ("ranking", {}, {"verdict": "boring", "reason": "x"}, "verdict is 'boring'"),
        ("ranking", {}, {"ranks": {7: 1, 8: 2}, "strength": 2}, "does not ask how much better"),
        ("ranking", {"strength": True}, {"ranks": {7: 1, 8: 2}, "strength": 4}, "must be 1, 2 or 3"),
        ("ranking", {}, {"ranks": {7: 1, 8: 2}, "flags": {7: ["dull"]}}, "no flag named 'dull'; it has wrong"),
        ("ranking", {"rationale": "required"}, {"ranks": {7: 1, 8: 2}}, "Give your rationale"),
        ("ranking", {"behaviour": True}, {"ranks": {7: 1, 8: 2}}, "Say what the assistant should do"),
        ("rating", AXES, {"ratings": {7: {"helpful": 3}}}, "No value for “Helpful” on completion 2"),
        ("rating", AXES, {"ratings": {7: {"helpful": 8}, 8: {"helpful": 1}}}, "from 1 to 7"),
        ("rating", AXES, {"ratings": {7: {"kind": 1}}}, "no axis 'kind'; it has helpful"),
        ("demonstration", {}, {"text": " "}, "is empty"),
        (
            "demonstration",
            {"writing": {"min_words": 3}},
            {"text": "Two words"},
            "too short: 2 of at least 3 words",
        ),
        ("demonstration", {"writing": {"reasoning": "required"}}, {"text": "Yes."}, "Add your reasoning"),
        ("review", {}, {}, "Decide first"),
        ("review", {}, {"decision": "return"}, "Say why"),
        ("review", {}, {"decision": "edit", "reason": "Short", "text": "It is blue."}, "The text is as it was"),
        ("steps", {}, {"labels": ["good"]}, "Labels for 1 of 3 steps"),
        ("steps", {}, {"labels": ["fine"]}, "good, neutral and bad"),
    ],
)
def test_it_refuses_with_a_sentence(kind, form, answer, sentence):
    with pytest.raises(AnswerError, match=sentence):
        check_answer(answer, shown(kind, **form))


@pytest.mark.parametrize(
    "span",
    [
        {"start": 0, "end": 99, "type": "false"},
        {"start": 5, "end": 5, "type": "false"},
        {"start": "0", "end": 5, "type": "false"},
        {"start": 0, "end": 5, "type": "odd"},
        {"start": 0, "end": 5, "type": "false", "severity": "mild"},
    ],
)
def test_it_refuses_a_passage_that_is_none(span):
    with pytest.raises(AnswerError):
        check_answer({"ratings": {7: {"helpful": 1}, 8: {"helpful": 1}}, "spans": {7: [span]}}, shown("rating", **AXES))
