"""LaTeX: what is drawn, against literal MathML, and what is shown as it was written."""

import pytest

from annotate.mathml import LatexError, to_mathml
from annotate.rendering import render_markdown
from tests.rendering.audit import Audit


def test_it_draws_inline_formulas():
    assert render_markdown("so $x^2$.") == (
        '<p>so <math display="inline" alttext="x^2"><mrow><msup><mi>x</mi><mn>2</mn></msup></mrow></math>.</p>\n'
    )


@pytest.mark.parametrize("text", ["$$x^2$$", "$$\nx^2\n$$", r"\[x^2\]", "\\[\nx^2\n\\]"])
def test_it_draws_display_formulas(text):
    assert render_markdown(text) == (
        '<div class="math-block"><math display="block" alttext="x^2"><mrow><msup><mi>x</mi><mn>2</mn></msup></mrow>'
        "</math></div>\n"
    )


def test_it_draws_formulas_in_brackets_within_a_sentence():
    assert render_markdown(r"so \(x^2\) and \[y\].").count("<math") == 2


def test_it_does_not_take_the_lines_of_a_display_formula_for_a_list():
    rendered = render_markdown("\\[\na\n= b\n- c\n\\]")
    assert "<li>" not in rendered
    assert "<mo>−</mo>" in rendered


@pytest.mark.parametrize(
    "text",
    [
        "it costs $5 and then $10",
        "from $20/month to $30/month",
        "5$ or 10$",
        "$HOME and $PATH",
        r"\$5 and \$6",
        "a $ b $ c",
    ],
)
def test_it_takes_no_price_for_a_formula(text):
    assert "<m" not in render_markdown(text)


def test_it_leaves_dollars_in_code_alone():
    assert render_markdown("`$x$`") == "<p><code>$x$</code></p>\n"


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        (r"\frac{a}", "has 1 parts instead of 2"),
        (r"\unknown{x}", "not known"),
        (r"x_1_2", "DoubleSubscripts"),
        (r"{x", "braces"),
        (r"x}", "braces"),
        (r"\left( x", "cannot be parsed"),
        (r"50% of x", "bare %"),
        (r"\phantom{x}", "mphantom"),
        (r"\href{https://example.org}{x}", "links"),
        (r"\newcommand{\a}{\b\b}\a", "macros"),
        (r"\def\a{b}\a", "macros"),
        ("{" * 500 + "}" * 500, "nested too deeply"),
        ("x" * 2_001, "2001 characters"),
    ],
)
def test_it_refuses_formulas_of_which_a_part_would_be_lost(formula, reason):
    with pytest.raises(LatexError, match=reason):
        to_mathml(formula, display=False)


def test_it_shows_bad_latex_as_it_was_written_and_says_why():
    assert render_markdown(r"so $\frac{a}$.") == (
        '<p>so <code class="math-source" title="Shown as written: &lt;mfrac&gt; has 1 parts instead of 2.">'
        "$\\frac{a}$</code>.</p>\n"
    )


@pytest.mark.parametrize("text", [r"$\foo$", r"$$\foo$$", r"\(\foo\)", r"\[\foo\]"])
def test_it_shows_the_delimiters_of_bad_latex(text):
    assert Audit(render_markdown(text)).text.strip() == text


@pytest.mark.parametrize(
    "formula",
    [r"\style{position:fixed}{x}", r"\class{btn}{x}", r"\color{white}x", r"\hspace{900em}x", r"\hspace{-9em}x"],
)
def test_it_drops_styles_classes_colours_and_moves_of_formulas(formula):
    drawn = to_mathml(formula, display=False).replace(f'alttext="{formula}"', "")
    assert "<mi>x</mi>" in drawn
    for word in ("style=", "class=", "color", "900", "-9"):
        assert word not in drawn


@pytest.mark.parametrize(
    ("formula", "symbol"),
    [(r"\{a\}", "{"), (r"\big\{a\big\}", "{"), (r"\big\|a\big\|", "‖"), (r"a\backslash b", "\\"), (r"a \le b", "≤")],
)
def test_it_draws_escaped_signs(formula, symbol):
    drawn = to_mathml(formula, display=False)
    assert f">{symbol}</m" in drawn


def test_it_draws_markup_in_text_as_text():
    assert "<mtext>&lt;b&gt;</mtext>" in to_mathml(r"\text{<b>}", display=False)


def test_it_draws_alignments_and_cases():
    for formula in (r"\begin{align*}a&=b\\c&=d\end{align*}", r"\begin{cases}1&x\\2&y\end{cases}"):
        assert to_mathml(formula, display=True).count("<mtr>") == 2
