"""What formatted text looks like, against literal HTML."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from annotate.rendering import (
    MAX_CHARS,
    MAX_CODE_BLOCK,
    MAX_FORMULAS,
    heading_anchor,
    render_guideline,
    render_markdown,
    render_plain,
)
from tests.rendering.audit import Audit

REL = 'target="_blank" rel="noopener noreferrer nofollow"'


def test_it_formats_emphasis_code_and_strikethrough():
    assert render_markdown("a **b** *c* `d` ~~e~~") == (
        "<p>a <strong>b</strong> <em>c</em> <code>d</code> <s>e</s></p>\n"
    )


def test_it_keeps_single_line_breaks_of_completions():
    assert render_markdown("roses\nviolets") == "<p>roses<br>\nviolets</p>\n"


def test_it_joins_single_line_breaks_of_guidelines():
    assert render_guideline("roses\nviolets") == "<p>roses\nviolets</p>\n"


def test_it_puts_headings_of_completions_below_those_of_the_page():
    assert render_markdown("# a\n\n## b\n\n##### c") == "<h3>a</h3>\n<h4>b</h4>\n<h6>c</h6>\n"


def test_it_gives_headings_of_guidelines_anchors():
    assert render_guideline("## Wrong refusal\n\n## Wrong refusal") == (
        '<h3 id="guideline-wrong-refusal">Wrong refusal</h3>\n<h3 id="guideline-wrong-refusal-2">Wrong refusal</h3>\n'
    )
    assert heading_anchor("Wrong refusal") == "guideline-wrong-refusal"


def test_it_gives_completions_no_anchors_to_clobber_the_page_with():
    assert "id=" not in render_markdown("# submit")


def test_it_aligns_table_cells_with_classes_instead_of_styles():
    assert render_markdown("|a|b|\n|:-|-:|\n|1|2|") == (
        '<div class="table-scroll" tabindex="0"><table>\n<thead>\n<tr>\n'
        '<th class="align-left">a</th>\n<th class="align-right">b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n'
        '<td class="align-left">1</td>\n<td class="align-right">2</td>\n</tr>\n</tbody>\n</table></div>\n'
    )


def test_it_keeps_the_number_at_which_a_list_starts():
    assert '<ol start="3">' in render_markdown("3. c\n4. d")


def test_it_opens_links_in_a_new_tab_without_a_referrer():
    assert render_markdown("[x](https://example.org/a?b=1&c=2)") == (
        f'<p><a href="https://example.org/a?b=1&amp;c=2" {REL}>x</a></p>\n'
    )


@pytest.mark.parametrize(
    "address",
    ["/logout", "//evil.example", "#x", "javascript:alert(1)", "data:text/html,x", "ftp://x", "file:///etc/passwd"],
)
def test_it_shows_links_to_elsewhere_as_they_were_written(address):
    assert render_markdown(f"[x]({address})") == f"<p>[x]({address})</p>\n"


def test_it_does_not_swallow_a_list_of_sources():
    audit = Audit(render_markdown("See [1].\n\n[1]: https://example.org/paper\n[2]: https://example.org/other"))
    assert "[1]: https://example.org/paper" in audit.text
    assert "[2]: https://example.org/other" in audit.text


def test_it_names_images_without_loading_them():
    assert render_markdown("![a cat](https://example.org/cat.png)") == (
        f'<p><a class="image-link" href="https://example.org/cat.png" {REL}>[image not loaded: a cat]</a></p>\n'
    )


def test_it_names_an_image_inside_a_link_without_a_link_in_a_link():
    assert render_markdown("[![a](https://i.example/a.png)](https://l.example)") == (
        f'<p><a href="https://l.example" {REL}><span class="image-link">[image not loaded: a]</span></a></p>\n'
    )


def test_it_colours_code_with_classes():
    assert render_markdown("```python\nx = 'a'  # b\n```") == (
        '<pre class="code" data-language="python"><code>'
        '<span class="tok-n">x</span> <span class="tok-o">=</span> <span class="tok-s1">\'a\'</span>  '
        '<span class="tok-c1"># b</span>\n</code></pre>\n'
    )


@pytest.mark.parametrize("code", ["\n\n  x", "a\n\n\n", "\tif x:\n\t\ty", "x" * 600])
def test_it_keeps_blank_lines_and_indentation_of_code(code):
    assert Audit(render_markdown(f"```python\n{code}\n```")).text == f"{code}\n\n"


def test_it_shows_code_of_an_unknown_language_without_colours():
    assert render_markdown("```klingon\na < b\n```") == (
        '<pre class="code" data-language="klingon"><code>a &lt; b\n</code></pre>\n'
    )


def test_it_shows_all_that_stands_after_an_opening_fence():
    assert 'data-language="python hidden words"' in render_markdown("```python hidden words\nx\n```")


def test_it_does_not_colour_code_that_would_take_long():
    assert "tok-" in render_markdown("```java\n" + "a;\n" * (MAX_CODE_BLOCK // 3 - 1) + "```")
    assert "tok-" not in render_markdown("```java\n" + "a;\n" * (MAX_CODE_BLOCK // 3 + 1) + "```")


def test_it_says_that_there_is_no_text():
    assert render_markdown(" \n") == (
        '<p class="render-note">Empty: there is no text here.</p>\n<div class="plain-text"> \n</div>\n'
    )


@pytest.mark.parametrize(
    "text",
    [
        "x" * (MAX_CHARS + 1),
        ">" * 60 + "a",
        "- " * 60 + "a",
        "|a|\n|-|\n" + "|b|\n" * 9_000,
        "$x$ " * (MAX_FORMULAS + 1),
    ],
)
def test_it_shows_text_beyond_its_limits_as_it_was_written_and_says_so(text):
    audit = Audit(render_markdown(text))
    assert audit.text.startswith("Shown as plain text: ")
    assert audit.text.endswith(text + "\n")
    assert audit.tags == ["p", "div"]


def test_it_shows_plain_text_exactly():
    assert render_plain("a *b*\n  <c>") == '<div class="plain-text">a *b*\n  &lt;c&gt;</div>\n'


def test_it_renders_the_same_in_many_threads():
    texts = [f"**{n}** $x^{{{n}}}$ `c`\n\n```python\nx = {n}\n```" for n in range(50)]
    expected = [render_guideline(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(render_guideline, texts)) == expected
