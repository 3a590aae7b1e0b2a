"""What holds for all pages: no inline script or style, nothing from elsewhere, and a known number of queries."""

import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest
from django.db import connection, transaction
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext

from tests.web.pages import every_page

pytestmark = pytest.mark.django_db  # else there is no database to walk through
BASELINE = Path(__file__).with_name("query_counts.json")
INLINE = re.compile(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son[a-z]+=|javascript:|hx-on", re.IGNORECASE)
ELSEWHERE = re.compile(r"""(?:src|href|action|hx-[a-z]+)=["'](?:https?:)?//""", re.IGNORECASE)


class Visited(NamedTuple):
    """A page, and how many queries it took."""

    name: str
    response: HttpResponse
    queries: int


@pytest.fixture(scope="module")
def pages(kept_world, django_db_blocker) -> list[Visited]:
    """Every page, opened once for all tests of this module; the database is as before."""
    visited = []
    with django_db_blocker.unblock(), transaction.atomic():
        opened = every_page(kept_world.put_back())
        while True:
            with CaptureQueriesContext(connection) as captured:
                page = next(opened, None)
            if page is None:
                break
            visited.append(Visited(*page, len(captured)))
        transaction.set_rollback(True)
    return visited


def test_it_has_no_inline_script_or_style(pages):
    for page in pages:
        assert not INLINE.search(page.response.content.decode()), page.name


def test_it_asks_nothing_of_another_host(pages):
    for page in pages:
        assert not ELSEWHERE.search(page.response.content.decode()), page.name


def test_it_sends_a_strict_content_security_policy(pages):
    for page in pages:
        policy = page.response.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy, page.name
        assert "unsafe" not in policy, page.name


def test_it_makes_no_more_queries_than_recorded(pages):
    """query_counts.json is the baseline: raise a number only with a reason, lower it when a page got cheaper."""
    counts = {page.name: page.queries for page in pages}
    for name in ("home", "finished_writing", "join", "qualification"):  # their blocks also prepare the world
        counts.pop(name)
    counts.pop("bias_first")  # it depends on which texts were looked at before
    if connection.vendor == "postgresql":
        counts["ahead"] -= 1  # a savepoint: an attempt in vain lets go of what it locked
    assert counts == json.loads(BASELINE.read_text())
