"""The guidelines that come with the product hold what annotators need, and render whole."""

import re
from pathlib import Path

import pytest

from annotate.guideline_files import KINDS, GuidelineFile, load_guidelines
from annotate.rendering import heading_anchor, render_guideline
from tests.rendering.audit import Audit

GUIDELINES = load_guidelines(Path(__file__).parents[2] / "guidelines")
EDGE_CASES = {
    "ranking": ["Ambiguous prompt", "false premise", "refusal that is due", "refusal that is not due", "Citations",
                "long but empty", "Format against substance", "Flattery", "Code that you cannot run", "Ties"],
    "demonstration": ["Ambiguous prompt", "false premise", "refusal that is due", "refusal that would be wrong",
                      "Length", "Sources", "reasoning field", "opinion"],
    "rating": ["Ambiguous prompt", "False premise", "refusal that is due", "source that does not exist",
               "Long but empty", "Format against substance", "Flattery", "Code that you cannot run", "Equal values"],
    "revision": ["good already", "start over", "refusal that was right", "False premise", "Sources",
                 "Code that you cannot run", "Another language", "length that was asked", "Opinion stated as fact"],
    "review": ["Ambiguous prompt", "False premise", "refusal that is due", "refusal that would be wrong",
               "cannot check it", "Sources that do not say so", "Copied text", "came back", "prompt was written"],
    "steps": ["Ambiguous prompt", "False premise", "refusal that is due", "refusal that is not", "missing step",
              "step that you cannot check", "cut badly", "error that cancels", "Several ways", "Going on after"],
}  # fmt: skip

each = pytest.mark.parametrize("guideline", GUIDELINES, ids=lambda guideline: guideline.slug)


def headings(guideline: GuidelineFile) -> list[str]:
    return re.findall(r"^## (.+)$", guideline.body, flags=re.MULTILINE)


def test_it_ships_one_guideline_for_each_kind():
    assert sorted(guideline.kind for guideline in GUIDELINES) == sorted(KINDS)


def test_it_has_a_checklist_wherever_somebody_writes():
    assert {guideline.kind for guideline in GUIDELINES if guideline.checklist} == {"demonstration", "revision"}


@each
def test_it_defines_the_three_questions_and_their_order(guideline):
    for word in ("helpful", "truthful", "harmless"):
        assert word in guideline.body.lower()
    assert "usually come before helpful" in " ".join(guideline.body.split()).lower()


@each
def test_it_has_the_sections_that_an_annotator_looks_for(guideline):
    found = headings(guideline)
    assert {"The task in one minute", "Worked examples", "Edge cases"} <= set(found)
    assert len(re.findall(r"^### ", guideline.body, flags=re.MULTILINE)) >= 3


@each
def test_it_covers_the_edge_cases(guideline):
    text = " ".join(guideline.body.split()).lower()
    for case in EDGE_CASES[guideline.kind]:
        assert case.lower() in text, case


def test_it_has_flags_wherever_completions_of_others_are_judged():
    assert {guideline.kind for guideline in GUIDELINES if guideline.flags} == {"ranking", "rating"}


@each
def test_it_explains_every_flag_with_an_example_and_a_counterexample(guideline):
    section = guideline.body.partition("## Flags\n")[2].partition("\n## ")[0]
    for flag in guideline.flags:
        row = re.search(rf"^\| \*\*{re.escape(flag.label)}\*\* \| (.+) \| (.+) \|$", section, flags=re.MULTILINE)
        assert row, flag.label


@each
def test_it_has_a_length_that_is_read(guideline):
    assert 900 <= len(re.findall(r"[^\W_]+", guideline.body)) <= 1_800


@each
def test_it_renders_whole_and_with_anchors(guideline):
    rendered = render_guideline(guideline.body)
    audit = Audit(rendered)
    assert audit.faults == []
    assert "render-note" not in audit.classes
    assert "math-source" not in audit.classes
    for heading in headings(guideline):
        assert f'id="{heading_anchor(heading)}"' in rendered


def test_it_anchors_every_value_of_the_rating_scales():
    (rating,) = (guideline for guideline in GUIDELINES if guideline.kind == "rating")
    assert re.findall(r"^\| ([1-7]) \| ", rating.body, flags=re.MULTILINE) == list("7654321") * 4
