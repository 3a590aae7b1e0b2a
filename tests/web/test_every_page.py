"""What holds for all pages: no inline script or style, nothing from elsewhere, and a known number of queries."""

import json
import re
from pathlib import Path

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.web.pages import every_page

BASELINE = Path(__file__).with_name("query_counts.json")
INLINE = re.compile(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son[a-z]+=|javascript:|hx-on", re.IGNORECASE)
ELSEWHERE = re.compile(r"""(?:src|href|action|hx-[a-z]+)=["'](?:https?:)?//""", re.IGNORECASE)


def test_it_has_no_inline_script_or_style(world):
    for name, response in every_page(world):
        assert not INLINE.search(response.content.decode()), name


def test_it_asks_nothing_of_another_host(world):
    for name, response in every_page(world):
        assert not ELSEWHERE.search(response.content.decode()), name


def test_it_sends_a_strict_content_security_policy(world):
    for name, response in every_page(world):
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy, name
        assert "unsafe" not in policy, name


def test_it_makes_no_more_queries_than_recorded(world):
    """query_counts.json is the baseline: raise a number only with a reason, lower it when a page got cheaper."""
    counts = {}
    pages = every_page(world)
    while True:
        with CaptureQueriesContext(connection) as captured:
            name, _ = next(pages, (None, None))
        if name is None:
            break
        counts[name] = len(captured)
    for name in ("home", "finished_writing", "join", "qualification"):  # their blocks also prepare the world
        counts.pop(name)
    counts.pop("bias_first")  # it depends on which texts were looked at before
    assert counts == json.loads(BASELINE.read_text())
