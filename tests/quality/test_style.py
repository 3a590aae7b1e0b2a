"""What a text looks like: each heuristic on texts where a person would say so, too, and its stated limits."""

import math
import time

import pytest

from annotate.quality.style import FEATURES, STEPS, count_words, style_of


@pytest.mark.parametrize(
    ("text", "words"),
    [("", 0), ("Don't **panic**, it’s 3.5 km.", 6), ("```\nx = 1\n```", 2), ("猫が好き", 4), ("GPT4 と猫", 3)],
)
def test_it_counts_words(text, words):
    assert count_words(text) == words


def test_length_grows_by_ln_2_when_a_text_is_twice_as_long():
    assert style_of("word " * 20).length - style_of("word " * 10).length == pytest.approx(math.log(2))
    assert style_of("").length == 0


def test_it_counts_lists_bold_and_headers():
    found = style_of("# One\n\n- a\n* b\n1. c\n2) d\n\n**x** and __y__\n\n### Two")
    assert (found.lists, found.bold, found.headers) == (math.log1p(4), math.log1p(2), math.log1p(2))


@pytest.mark.parametrize(
    "text", ["```\n# no\n- no\n**no**\n```", "~~~~\n# no\n```\n- no", "`**no**` a*b*c 2*3 snake__case__x #tag"]
)
def test_it_sees_no_marks_in_code_or_in_plain_text(text):
    found = style_of(text)
    assert (found.lists, found.bold, found.headers) == (0, 0, 0)


def test_it_sees_marks_after_a_fence_that_is_closed():
    assert style_of("```\n# no\n```\n# yes").headers == math.log(2)


@pytest.mark.parametrize(
    ("text", "refuses"),
    [
        ("I'm sorry, but I can't help with that.", 1),
        ("I cannot provide instructions for this.", 1),
        ("I’m unable to do so.", 1),
        ("As an AI, I can't have opinions.", 1),
        ("Sorry to hear that! Here is what helps.", 0),
        ("You can't go wrong with soup.", 0),
        ("I can help with that.", 0),
        ("Soup. " * 60 + "I can't help with that.", 0),
    ],
)
def test_it_sees_a_refusal_near_the_start(text, refuses):
    assert style_of(text).refusal == refuses


def test_it_weighs_sure_words_against_hedges():
    assert style_of("It is clearly so, of course.").assertive == 0.5
    assert style_of("Perhaps it might be so; I think it depends.").assertive == pytest.approx(-4 / 6)
    assert style_of("It is so.").assertive == 0


@pytest.mark.parametrize(
    ("prompt", "text", "agrees"),
    [
        ("I think the earth is flat.", "You're right, it is.", 1),
        ("The earth is flat, isn't it?", "**Yes**, it is.", 1),
        ("I'm pretty sure it is flat", "Actually, it is round.", -1),
        ("Everyone knows it is flat.", "No, it is round.", -1),
        ("I believe it is flat.", "The earth is round.", 0),
        ("What shape is the earth?", "Yes, a good question.", 0),
        ("", "Yes.", 0),
        ("I think so.", "Nothing says yes.", 0),
    ],
)
def test_it_sees_whether_an_answer_begins_by_agreeing_with_a_claim(prompt, text, agrees):
    assert style_of(text, prompt).agrees == agrees


def test_every_feature_has_a_step_to_picture():
    assert set(STEPS) == set(FEATURES)
    assert len(style_of("x").as_tuple()) == len(FEATURES)


@pytest.mark.parametrize(
    "part", ["*", "**a", "__a ", "`", "```\n", " ", "i am sorry ", "#", "\n", "- ", "1", "'a", " \n"]
)
def test_no_text_takes_long(part):
    text = part * (30_000 // len(part))
    started = time.process_time()
    style_of(text, text)
    assert time.process_time() - started < 0.3
