"""Where a solution is cut into steps, and where never."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.steps import join_steps, split_steps

PIECES = ["Step 1: add\n", "**Step 2.** x\n", "1. one\n", "2) two\n", "- item\n", "\n", "\n\n", "  go on\n", "x = 1\n"]
PIECES += [
    "So it is.\n",
    "$$\n",
    "\\begin{align}\n",
    "\\end{align}\n",
    "```\n",
    "~~~py\n",
    "a\r\n",
    "| a | b |\n",
    "Thus:\n",
]

CUTS = {
    "headings that say step": [
        "First, the plan.\n\n",
        "Step 1: Buy.\n\nTwo apples.\n\n",
        "Step 2: Pay.\n",
        "Step 3 - Eat.\n\n",
        "**Answer:** two",
    ],
    "Markdown headings": ["## Step 1\n\nAdd.\n\n", "## Step 2\n\nDivide.\n"],
    "a numbered list": ["So:\n\n", "1. Add.\n   - twice\n\n", "2. Halve.\n\n   ```\n   3. no\n   ```\n\n", "So 7."],
    "bold numbers": ["**1.** Add.\n", "**2.** Divide."],
    "paragraphs": ["There are two.\nBoth are red.\n\n", "One is sold.\n\n\n", "One is left.\n"],
    "lines of calculation": ["48 / 2 = 24 in May\n", "48 + 24 = 72 in all\n", "#### 72"],
    "a paragraph of calculation among others": ["Solve for x.\n\n", "3x + 5 = 20\n", "3x = 15\n", "x = 5\n\n", "Done."],
}  # fmt: skip
WHOLE = {
    "a code block with blank lines": "```python\na = 1\n\nb = 2\n\n1. c\n2. d\n```\n",
    "a code block that is never closed": "```\na = 1\n\nb = 2\n",
    "a tilde block around backticks": "~~~\n```\n\nx\n~~~\n",
    "a LaTeX block": "\\[\nx = 1\n\ny = 2\n\\]\n",
    "a LaTeX environment": "\\begin{align*}\na &= 1\n\nb &= 2\n\\end{align*}\n",
    "dollars": "$$\na = 1\n\nb = 2\n$$\n",
    "a list": "- a = 1\n- b = 2\n\n- c = 3\n",
    "a table": "| a | b |\n|---|---|\n| 1 = 1 | 2 = 2 |\n",
    "what a sentence announces": "This gives:\n\n- one\n- two\n\n  of them\n",
    "a heading": "## Solution\n\nTwo.\n",
    "wrapped prose": "The number of apples left over,\nonce both have eaten, is two\nand so nobody goes hungry.",
    "one item": "1. Only one.\n\n   Two paragraphs of it.",
}


@pytest.mark.parametrize("steps", CUTS.values(), ids=CUTS)
def test_it_cuts_where_the_writer_put_the_steps(steps):
    assert split_steps("".join(steps)) == steps


@pytest.mark.parametrize("text", WHOLE.values(), ids=WHOLE)
def test_it_never_cuts_what_belongs_together(text):
    assert split_steps(text) == [text]


def test_it_finds_no_step_in_a_blank_text():
    assert [split_steps(text) for text in ("", " \n\n")] == [[], []]


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES)).map("".join)))
def test_it_loses_nothing_and_makes_no_blank_step(text):
    steps = split_steps(text)
    assert "".join(steps) == (text if text.strip() else "")
    assert all(step.strip() for step in steps)


@given(st.lists(st.text().filter(str.strip), min_size=1))
def test_it_joins_given_steps_with_a_blank_line(given_steps):
    steps = join_steps(given_steps)
    assert [step.strip() for step in steps] == [step.strip() for step in given_steps]
    assert "".join(steps) == "\n\n".join(step.strip() for step in given_steps)
