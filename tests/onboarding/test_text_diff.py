"""What changed between two versions of a guideline."""

import random
import time

from annotate.text_diff import changes_between

OLD = """# Rank

Prefer what is true.
Say so when you cannot tell.

Look things up.

The end."""


def both(changes) -> tuple[list[str], list[str]]:
    """The removed and the added stretches."""
    pieces = [piece for change in changes for line in change.lines for piece in line.pieces]
    return tuple([text for op, text in pieces if op == wanted and text] for wanted in ("delete", "insert"))


def test_it_finds_nothing_in_the_same_text():
    assert changes_between(OLD, OLD) == []


def test_it_marks_words_within_a_line():
    changes = changes_between(OLD, OLD.replace("what is true", "what is helpful"))
    assert both(changes) == (["true"], ["helpful"])
    assert len(changes) == 1


def test_it_marks_lines_that_came_and_went():
    assert both(changes_between(OLD, OLD.replace("Look things up.\n", ""))) == (["Look things up."], [])
    assert both(changes_between(OLD, OLD + "\nReally.")) == ([], ["Really."])


def test_lines_that_have_nothing_in_common_are_gone_and_new():
    assert both(changes_between("Cats purr.", "12 + 30 = 42")) == (["Cats purr."], ["12 + 30 = 42"])


def test_it_shows_two_lines_around_and_no_more():
    text = [f"line number {n}" for n in range(30)]
    changed = [*text[:15], "line number fifteen", *text[16:]]
    [change] = changes_between("\n".join(text), "\n".join(changed))
    assert len(change.lines) == 5


def test_changes_far_apart_stand_alone():
    text = [f"line number {n}" for n in range(40)]
    changed = [line.replace("5", "five") if line in ("line number 5", "line number 35") else line for line in text]
    assert len(changes_between("\n".join(text), "\n".join(changed))) == 2


def test_it_loses_no_word_of_either_text():
    chance = random.Random(3)
    words = ["rank", "tie", "flag", "true", "harm", "**bold**", "1.", "é"]
    for _ in range(60):
        old, new = (
            [" ".join(chance.choices(words, k=chance.randint(0, 6))) for _ in range(chance.randint(0, 12))]
            for _ in range(2)
        )
        lines = [line for change in changes_between("\n".join(old), "\n".join(new)) for line in change.lines]
        removed = [text for line in lines for op, text in line.pieces if op == "delete"]
        added = [text for line in lines for op, text in line.pieces if op == "insert"]
        letters = sorted("".join(new).replace(" ", "")) + sorted("".join(removed).replace(" ", ""))
        others = sorted("".join(old).replace(" ", "")) + sorted("".join(added).replace(" ", ""))
        assert sorted(letters) == sorted(others)


def test_it_is_quick_on_the_longest_guideline():
    old = "\n".join(f"Sentence {n} " + "word " * 30 for n in range(1300))
    began = time.monotonic()
    changes_between(old, old.replace("Sentence 7", "Phrase 7"))
    assert time.monotonic() - began < 5
    began = time.monotonic()
    changes_between("word " * 50_000, "other " * 40_000)
    assert time.monotonic() - began < 5
