"""Reading guideline files: what is accepted, what is hashed, and what is said about files that cannot be used."""

import hashlib
from pathlib import Path

import pytest

from annotate.guideline_files import (
    MAX_BYTES,
    ChecklistItem,
    FlagDefinition,
    GuidelineError,
    GuidelineFile,
    load_guidelines,
    parse_guideline,
    parse_guideline_text,
)

GOOD = """---
slug: short-answers
title: "Short: answers"
kind: ranking
language: pt-BR
summary: >
  Order answers,
  shortest first.
flags:
  - name: too_long
    label: Too long
    meaning: More than ten words.
---

## Task

Rank.
"""
FLAG = "  - name: too_long\n    label: Too long\n    meaning: More than ten words.\n"


def written(tmp_path: Path, content: str | bytes, *, name: str = "a.md") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(text: str) -> str:
    with pytest.raises(GuidelineError) as caught:
        parse_guideline_text(text, name="a.md")
    return str(caught.value)


def test_it_reads_every_field(tmp_path):
    assert parse_guideline(written(tmp_path, GOOD)) == GuidelineFile(
        slug="short-answers",
        kind="ranking",
        title="Short: answers",
        summary="Order answers, shortest first.",
        flags=(FlagDefinition(name="too_long", label="Too long", meaning="More than ten words."),),
        checklist=(),
        language="pt-BR",
        body="## Task\n\nRank.\n",
        sha256=hashlib.sha256(GOOD.encode()).hexdigest(),
    )


def test_it_needs_neither_flags_nor_language():
    guideline = parse_guideline_text("---\nslug: a\ntitle: A\nkind: rating\nsummary: S.\n---\nText", name="a.md")
    assert (guideline.flags, guideline.language) == ((), "en")


@pytest.mark.parametrize(
    "variant",
    [GOOD.replace("\n", "\r\n"), GOOD.replace("\n", "\r"), "\ufeff" + GOOD, GOOD.rstrip("\n"), GOOD + "\n\n"],
    ids=["crlf", "cr", "byte-order mark", "no last newline", "more last newlines"],
)
def test_it_hashes_the_text_and_not_its_encoding(tmp_path, variant):
    assert parse_guideline(written(tmp_path, variant)) == parse_guideline(written(tmp_path, GOOD, name="b.md"))


@pytest.mark.parametrize(
    ("old", "new"), [("Rank.", "Rank!"), ("More than ten words.", "More than nine words."), ("Rank.", "Rank.  ")]
)
def test_it_gives_changed_text_another_hash(old, new):
    changed = parse_guideline_text(GOOD.replace(old, new), name="a.md")
    assert changed.sha256 != parse_guideline_text(GOOD, name="a.md").sha256


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("---\nslug", "slug", "a.md: does not begin with front matter. The first line must be ---."),
        ("---\n\n## Task", "\n## Task", "a.md: the front matter is not closed. Put a line --- after its last field."),
        ("slug: short-answers\n", "", "a.md: slug is missing. Add a line `slug: ...`."),
        ("short-answers", "Short Answers", "a.md: slug is 'Short Answers'. Use lower-case letters, digits and single"),
        ("short-answers", "2026", "a.md: slug is read as int, not as text. Put the value in quotes."),
        ('"Short: answers"', "Short: answers", "a.md: the front matter is wrong at line 3: mapping values are not"),
        ('"Short: answers"', '""', "a.md: title is empty. Fill it in."),
        ('"Short: answers"', "x" * 201, "a.md: title has 201 characters, at most 200 are allowed. Shorten it."),
        ("kind: ranking", "kind: ranked", "a.md: kind is 'ranked'. Use one of: ranking, rating,"),
        ("kind: ranking", "kind: ranking\nkind: rating", "a.md: the front matter is wrong at line 5: the field 'kind'"),
        ("language: pt-BR", "language: no", "a.md: language is read as bool, not as text. Put the value in quotes."),
        ("language: pt-BR", "language: English!", "a.md: language is 'English!'. Use a tag such as en, de or pt-BR."),
        ("language:", "lang:", "a.md: unknown field lang. Known: checklist, flags, kind, language, slug, summary,"),
        ("summary: >\n  Order answers,\n  shortest first.", "summary: [a]", "a.md: summary is read as list, not"),
        (FLAG, "  x\n", "a.md: flags is not a list. Write entries that begin with `- name: ...`."),
        (FLAG, "  - too_long\n", "a.md: flags, entry 1: is not a set of fields. Give it name, label and meaning."),
        ("    label: Too long\n", "", "a.md: flags, entry 1: label is missing. Add a line `label: ...`."),
        ("label:", "caption:", "a.md: flags, entry 1: unknown field caption. Known: label, meaning, name."),
        ("too_long", "too-long", "a.md: flags, entry 1: name is 'too-long'. Use lower-case letters, digits and under"),
        ("Rank.", "Ra\0nk.", "a.md: holds a NUL character, which databases refuse. Remove it."),
        ("\n## Task\n\nRank.\n", "", "a.md: has no text below the front matter. Write the guideline there,"),
    ],
)  # fmt: skip
def test_it_says_what_is_wrong_where_and_what_to_do(old, new, said):
    assert old in GOOD
    assert refusal(GOOD.replace(old, new)).startswith(said)


@pytest.mark.parametrize(
    "front", ["- a\n- b", "just text", "", "2026-99-99: x", "? [a]\n: b", "a: &x [*x]", "!!python/name:os.system x"]
)
def test_it_refuses_front_matter_that_is_no_set_of_fields(front):
    assert refusal(f"---\n{front}\n---\nText").startswith("a.md: ")


CHECKLIST = "checklist:\n  - name: aloud\n    label: I read it aloud\n---"


def test_it_reads_a_checklist_for_writers():
    text = GOOD.replace("kind: ranking", "kind: demonstration").replace("---\n\n## Task", CHECKLIST + "\n\n## Task")
    assert parse_guideline_text(text, name="a.md").checklist == (ChecklistItem("aloud", "I read it aloud"),)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "kind: demonstration",
            "kind: ranking",
            "a.md: checklist belongs to guidelines of the kinds demonstration and",
        ),
        ("    label: I read it aloud\n", "", "a.md: checklist, entry 1: label is missing."),
        ("  - name: aloud\n    label: I read it aloud", "  - aloud", "is not a set of fields. Give it name and label."),
    ],
)
def test_it_says_what_is_wrong_with_a_checklist(old, new, said):
    text = GOOD.replace("kind: ranking", "kind: demonstration").replace("---\n\n## Task", CHECKLIST + "\n\n## Task")
    assert old in text
    assert said in refusal(text.replace(old, new))


def test_it_refuses_two_flags_of_one_name():
    assert refusal(GOOD.replace(FLAG, FLAG + FLAG)) == (
        "a.md: flags, entry 2: name 'too_long' is used by an earlier entry. Rename one of them."
    )


def test_it_refuses_files_that_are_not_utf_8(tmp_path):
    path = written(tmp_path, GOOD.encode() + b"\xff")
    with pytest.raises(GuidelineError, match=rf"a\.md: is not UTF-8 \(byte {len(GOOD)}\)\. Save the file as UTF-8\."):
        parse_guideline(path)


def test_it_refuses_files_that_are_far_too_long(tmp_path):
    path = written(tmp_path, GOOD + "x" * MAX_BYTES)
    with pytest.raises(GuidelineError, match="more than the 262,144 a guideline may have"):
        parse_guideline(path)


def test_it_names_a_file_that_is_not_there(tmp_path):
    with pytest.raises(GuidelineError, match=r"b\.md: cannot be read \(No such file or directory\)"):
        parse_guideline(tmp_path / "b.md")


def test_it_loads_a_folder_in_the_order_of_file_names(tmp_path):
    written(tmp_path, GOOD.replace("short-answers", "one"), name="b.md")
    written(tmp_path, GOOD.replace("short-answers", "two"), name="a.md")
    written(tmp_path, "not a guideline", name="notes.txt")
    assert [guideline.slug for guideline in load_guidelines(tmp_path)] == ["two", "one"]


def test_it_refuses_two_files_of_one_slug(tmp_path):
    written(tmp_path, GOOD, name="a.md")
    written(tmp_path, GOOD, name="b.md")
    with pytest.raises(GuidelineError, match=r"b\.md: slug 'short-answers' is already used by .*a\.md"):
        load_guidelines(tmp_path)


def test_it_refuses_a_folder_without_guidelines(tmp_path):
    with pytest.raises(GuidelineError, match=r"holds no \.md file"):
        load_guidelines(tmp_path)
    with pytest.raises(GuidelineError, match="is not a folder"):
        load_guidelines(tmp_path / "missing")
