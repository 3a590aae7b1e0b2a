"""What is selected on the page is found in the source, whatever the markup between."""

import gzip
import json
import time
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from annotate.passages import runs_of, shown_text
from tests.rendering.passages import known_place, located, random_passages


def source_of(text: str, quote: str, nth: int = 1) -> str:
    """The source under the n-th place at which the page shows this quote."""
    shown, start = shown_text(text), -1
    for _ in range(nth):
        start = shown.index(quote, start + 1)
    found = located(runs_of(text), start, start + len(quote))
    return text[slice(*found)] if found else ""


@pytest.mark.parametrize(
    ("text", "quote", "source"),
    [
        ("The sky is **very** blue.", "is very blue", "is **very** blue"),
        ("un*frigging*believable", "unfrigging", "un*frigging"),
        ("See [the docs](https://docs.example/see) or see them.", "or see", "or see"),
        ("See [the docs](https://docs.example/see) or see.", "docs or", "docs](https://docs.example/see) or"),
        ("[local](docs/x.md) stays", "(docs/x.md) stays", "(docs/x.md) stays"),
        ("```python\npython x\n```\nThen.", "python x", "python x"),
        ("```\r\n1. one\r\n```\r\n1. two", "1. one", "1. one"),
        ("1. 10 apples\n2. 20 pears", "20 pears", "20 pears"),
        ("| a | b |\n|---|---|\n| one | two |", "one", "one"),
        ("> quoted\n> text", "quoted\ntext", "quoted\n> text"),
        ("A formula $\\frac{a}{b}$ here", "a", "A"),
        ("So $\\alpha + 1$ it is", "α", "$\\alpha + 1$"),
        ("So \\(\\alpha\\) and \\[x^2\\]", "x", "\\[x^2\\]"),
        ("Fish &amp; chips", "Fish & chips", "Fish &amp; chips"),
        ("a \\* b", "a * b", "a \\* b"),
        ("snake_case_name = 1", "case_name", "case_name"),
        ("Ärger, 漢字 und 😀 dann *mehr*", "😀 dann mehr", "😀 dann *mehr"),
        ("<b>raw</b> html", "<b>raw</b>", "<b>raw</b>"),
    ],
)
def test_it_finds_a_quote_in_the_source(text, quote, source):
    shown = shown_text(text)
    nth = 1 if source != "A" else 1 + shown[: shown.index("A formula")].count("a")
    assert source_of(text, quote if source != "A" else "A", nth) == source


def test_it_tells_equal_words_apart():
    text = "[word](https://word.example/word) word **word** word"
    runs, shown = runs_of(text), shown_text(text)
    places = [located(runs, at, at + 4)[0] for at in range(len(shown)) if shown.startswith("word", at)]
    assert places == [1, 34, 41, 48]


def test_it_finds_nothing_where_there_is_nothing():
    assert runs_of("   ") == ()
    assert located(runs_of("   "), 0, 5) is None


MARKUP = st.sampled_from(
    ["**{}**", "*{}*", "~~{}~~", "`{}`", "[{}](https://e.org/a_b)", "{}", "{}", "{}\n", "- {}\n", "1. {}\n", "> {}\n",
     "# {}\n", "\n\n{}", "| {} | x |\n|--|--|\n| {} | y |\n\n", "```py\n{}\n```\n", "${}$", "\\({}\\)", "\\[{}\\]",
     "&amp;{}", "![{}](https://e.org/i.png)", "<{}>", "\\*{}", "{}_x_", "https://e.org/{}"]
)  # fmt: skip
WORDS = st.text(st.sampled_from("abcxyzÄß漢😀 19"), min_size=1, max_size=12)
MARKDOWN = st.lists(st.builds(lambda markup, words: markup.replace("{}", words), MARKUP, WORDS), max_size=12).map(
    " ".join
)


@given(MARKDOWN | st.text(max_size=200))
@settings(max_examples=300, deadline=None)
def test_runs_rise_and_say_the_same_on_both_sides(text):
    runs, shown = runs_of(text), shown_text(text)
    a = b = 0
    for run in runs:
        assert run.shown >= a
        assert run.source >= b
        assert run.length > 0
        a, b = run.shown + run.length, run.source + run.source_length
        if run.length == run.source_length:
            assert shown[run.shown : a].replace("\ufffd", "\0") == text[run.source : b]
    assert a <= len(shown)
    assert b <= len(text)


@given(MARKDOWN, st.integers(0, 1000))
@example("**1** ```py\n1\n```\n $1$ ```py\n1\n```\n $1$", 0)  # one $1$ is in code, the other a formula
@example("**1** ```py\n1\n```\n 1. 1\n [1](https://e.org/a_b)", 0)  # neither a list nor a link: code
@settings(max_examples=200, deadline=None)
def test_what_is_located_has_the_letters_of_the_selection(text, seed):
    for start, end in random_passages(text, Random(seed), 3):
        if place := known_place(text, start, end):
            found = located(runs_of(text), *place)
            assert found is not None
            assert "$" in text or "\\" in text or text[slice(*found)] == text[start:end]


@pytest.mark.parametrize(
    "text",
    ["![a](http://x.y/z)" * 2000, "[a](javascript:b) " * 2200, "&copy;&alpha;a " * 2600, "`" * 20_000, "```a\n" * 8000,
     "](http://" * 4400, "1. " * 13_000, "$\\alpha_{1}$ x " * 490],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_it_takes_hostile_text_in_a_moment(text):
    begun = time.process_time()
    runs_of.__wrapped__(text)
    assert time.process_time() - begun < 5


def test_it_locates_what_people_select_in_real_completions(shared_data):
    random, exact, formulas, n = Random(3), 0, 0, 0
    with gzip.open(shared_data / "alpacaeval-completions.jsonl.gz", "rt") as lines:
        for line in list(lines)[::10]:
            for completion in json.loads(line)["completions"]:
                text = completion["text"]
                for start, end in random_passages(text, random, 3):
                    if place := known_place(text, start, end):
                        found = located(runs_of(text), *place)
                        n += 1
                        exact += found == (start, end)
                        formulas += bool(found) and found != (start, end) and found[0] <= start and found[1] >= end
    assert n > 500
    assert exact + formulas == n  # a selection that ends within a formula takes it whole
    assert exact / n > 0.995
