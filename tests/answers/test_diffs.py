"""The difference between two texts, by words."""

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.diffs import changed_words, unified, words

TEXT = st.text(alphabet=st.sampled_from("ab ,.\n*é漢"), max_size=60) | st.text(max_size=30)


def rebuilt(pieces, but: str) -> str:
    return "".join(text for op, text in pieces if op != but)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "", []),
        ("same", "same", [("equal", "same")]),
        ("", "new", [("insert", "new")]),
        ("old", "", [("delete", "old")]),
        (
            "Blow on it hard.",
            "Blow on it gently.",
            [("equal", "Blow on it "), ("delete", "hard"), ("insert", "gently"), ("equal", ".")],
        ),
        (
            "one two three four",
            "one 2 3 four",
            [("equal", "one "), ("delete", "two three"), ("insert", "2 3"), ("equal", " four")],
        ),
        ("Stop.", "Stop. Rinse it.", [("equal", "Stop."), ("insert", " Rinse it.")]),
        ("a\nb", "x\ny", [("delete", "a"), ("insert", "x"), ("equal", "\n"), ("delete", "b"), ("insert", "y")]),
    ],
)
def test_it_names_what_was_cut_and_added(old, new, expected):
    assert words(old, new) == expected


@settings(deadline=None)
@given(TEXT, TEXT)
def test_it_rebuilds_both_texts(old, new):
    pieces = words(old, new)
    assert rebuilt(pieces, "insert") == old
    assert rebuilt(pieces, "delete") == new
    assert all(text for _, text in pieces)
    order = [op for op, _ in pieces]
    neighbours = set(zip(order, order[1:], strict=False))
    assert neighbours <= {
        ("equal", "delete"),
        ("equal", "insert"),
        ("delete", "insert"),
        ("delete", "equal"),
        ("insert", "equal"),
    }


def test_it_finds_a_small_change_in_a_long_text():
    old = " ".join(f"word{number % 3000}" for number in range(6000))
    new = old.replace("word77 ", "changed ").replace("word2999", "end")
    assert changed_words(words(old, new)) == (4, 4)


@pytest.mark.parametrize("seed", [1, 2])
def test_it_takes_little_time_for_the_worst_texts(seed):
    chosen = random.Random(seed)
    old, new = (" ".join(chosen.choice("ab") for _ in range(10_000)) for _ in range(2))
    began = time.perf_counter()
    pieces = words(old, new)
    assert time.perf_counter() - began < 5  # 0.05 s on one quiet core
    assert rebuilt(pieces, "delete") == new


def test_it_counts_words_added_and_cut():
    assert changed_words(words("one two three", "one 2 3 and more")) == (4, 2)


def test_it_gives_a_unified_diff_by_lines():
    assert unified("a\nb", "a\nc") == "--- original\n+++ edited\n@@ -1,2 +1,2 @@\n a\n-b\n+c"
