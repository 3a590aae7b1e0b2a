"""Any JSON at all is an answer, or is refused with a sentence: never another exception."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.answers import AnswerError, Shown, check_answer
from annotate.forms import FormError, parse_form
from annotate.presets import AXES, FLAGS, SPANS

TEXTS = {7: "It is blue.", 8: "It is 😀 green."}
FORMS = {
    "ranking": {"strength": True, "axes": "hp5", "flags": "instruct", "spans": "errors", "behaviour": True},
    "rating": {"axes": "hth7", "flags": ["hallucination"], "spans": "errors", "rationale": "required"},
    "steps": {},
    "review": {},
    "demonstration": {},
}
WORDS = st.sampled_from(
    ["ranks", "verdict", "reason", "strength", "ratings", "flags", "spans", "behaviour", "rationale", "labels", "text",
     "start", "end", "type", "severity", "note", "helpful", "helpfulness", "untrue", "major", "hallucination", "answer",
     "cannot_rank", "good", "accept", "decision", "7", "8", "9", "", "\0", "²", *AXES, *FLAGS, *SPANS]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers(-2, 12) | st.floats() | WORDS | st.text(max_size=5)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=5), max_leaves=20
)
IDS = st.sampled_from(["7", "8"])
SPAN = st.fixed_dictionaries(
    {"start": st.integers(-1, 14), "end": st.integers(0, 14), "type": st.sampled_from(["untrue", "unsafe"]) | JSON},
    optional={"severity": st.sampled_from(["minor", "major"]) | JSON, "note": JSON},
)
NEARLY = st.fixed_dictionaries(
    {},
    optional={
        "ranks": st.dictionaries(IDS, st.integers(0, 3)),
        "verdict": st.sampled_from(["", "cannot_rank", "all_bad"]) | JSON,
        "reason": WORDS,
        "strength": st.sampled_from([None, 1, 3, 4, True, 2.0]),
        "ratings": st.dictionaries(IDS, st.dictionaries(st.sampled_from(["helpfulness", "presentation"]), SCALARS)),
        "flags": st.dictionaries(IDS, st.lists(st.sampled_from([*(flag["name"] for flag in FLAGS["instruct"]), "x"]))),
        "spans": st.dictionaries(IDS, st.lists(SPAN, max_size=3)),
        "behaviour": st.sampled_from(["", "answer", "careful"]) | JSON,
        "rationale": WORDS,
    },
)


@pytest.mark.parametrize("kind", FORMS)
@given(answer=JSON | NEARLY)
@settings(max_examples=300, deadline=None)
def test_it_is_normalised_or_refused_with_a_sentence(kind, answer):
    shown = Shown(
        kind=kind,
        completions=(7, 8) if kind in ("ranking", "rating") else (7,),
        texts=TEXTS,
        flags=frozenset(flag["name"] for flag in FLAGS["instruct"]),
        n_steps=3,
        form=parse_form(kind, FORMS[kind]),
    )
    refused = ""
    try:
        normalised = check_answer(answer, shown)
    except AnswerError as error:
        refused = str(error)
    assert refused.endswith((".", "?")) if refused else check_answer(normalised, shown) == normalised


@pytest.mark.parametrize("kind", FORMS)
@given(form=JSON | st.dictionaries(st.sampled_from(["axes", "flags", "spans", "rationale", "writing", "steps"]), JSON))
@settings(max_examples=200, deadline=None)
def test_any_form_is_read_or_refused_with_a_sentence(kind, form):
    refused = "."
    try:
        parse_form(kind, form)
    except FormError as error:
        refused = str(error)
    assert refused.endswith(".")
