"""Whatever is sent to the calls of assignment, the answer is a problem document, and nothing is half-done."""

import json

import pytest

from annotate.models import Judgement
from tests.api.calls import Client, address, problem

NEXT = "/api/v1/tasks/next/"
VERBS = {"submit": "POST", "correct": "POST", "skip": "POST", "draft": "PUT"}
WITHOUT_BODY = {"": "GET", "release": "POST", "heartbeat": "POST"}
DEEP = "[" * 400 + "]" * 400
BODIES = {
    "nothing": b"",
    "no JSON": b"{",
    "no UTF-8": b'{"reason": "\xff"}',
    "null": b"null",
    "a number": b"7",
    "a text": b'"submit"',
    "a list": b"[]",
    "a deep list": DEEP.encode(),
    "an unknown field": b'{"unknown": 1}',
    "a nameless field": b'{"": 1}',
    "not a number": b'{"seconds": NaN}',
    "infinity": b'{"seconds": 1e999}',
    "a huge number": b'{"seconds": 1' + b"0" * 5000 + b"}",
    "numbers in the place of texts": b'{"campaign": 7.5, "reason": {}, "rationale": [], "seconds": "x"}',
    "half a character": rb'{"reason": "\ud800", "rationale": "\ud800", "seconds": 1, "campaign": "\ud800"}',
    "a NUL": rb'{"reason": "a\u0000", "rationale": "a\u0000", "seconds": 1, "campaign": "a\u0000"}',
    "an empty reason": b'{"reason": "", "seconds": -1, "campaign": ""}',
    "a list of objects": b'[{"ranks": {}}]',
    "ids beyond the database": b'{"ranks": {"99999999999999999999": 1}, "reason": " ", "campaign": " ", "seconds": 1}',
    "ids of nobody": b'{"ranks": {"1234567": 1}, "seconds": 1, "campaign": "none", "reason": false}',
    "deep ranks": b'{"seconds": 1, "ranks": {"1": ' + DEEP.encode() + b'}, "reason": [], "campaign": []}',
}
MAY_PASS = {("next", "nothing"), ("draft", "nothing"), ("draft", "ids of nobody")}


def send(client, verb: str, held, body: bytes, content_type: str = "application/json"):
    where = NEXT if verb == "next" else address(held, verb)
    method = VERBS.get(verb) or WITHOUT_BODY.get(verb, "POST")
    return client.generic(method, where, body, content_type=content_type)


def check_untouched(held) -> None:
    held.refresh_from_db()
    assert held.state == "claimed"
    assert Judgement.objects.count() == 0


@pytest.mark.parametrize("verb", ["next", *VERBS])
def test_a_body_that_makes_no_sense_is_refused(alice, held, verb):
    for name, body in BODIES.items():
        response = send(alice, verb, held, body)
        if response.status_code == 200:
            assert (verb, name) in MAY_PASS, (verb, name, response.content)
        else:
            assert 400 <= response.status_code < 500, (verb, name, response.content)
            problem(response, response.status_code)
    check_untouched(held)


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x", ""])
def test_another_content_type_is_refused(alice, held, content_type):
    for verb in ("next", "submit", "skip", "draft"):
        problem(send(alice, verb, held, b'{"reason": "Why."}', content_type), 415)
    check_untouched(held)


def test_a_huge_body_is_refused(alice, held, settings):
    body = json.dumps({"reason": "x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE}).encode()
    for verb in ("next", "submit", "skip", "draft"):
        assert "at most 2.5 MB" in problem(send(alice, verb, held, body), 413)["detail"]
    check_untouched(held)


def test_it_asks_who_calls(held):
    strangers = [Client(), *(Client(headers={"Authorization": f"Token {token}"}) for token in ("wrong", "\xff \x00 x"))]
    for verb in ("next", *VERBS, *WITHOUT_BODY):
        for stranger in strangers:
            problem(send(stranger, verb, held, b"{}"), 401)
    check_untouched(held)


def test_there_is_no_such_assignment(alice):
    for key in ("7", "x", "00000000-0000-0000-0000-000000000000", "%00", "..", "a" * 3000):
        for verb, method in {**VERBS, **WITHOUT_BODY}.items():
            body = {"skip": {"reason": "Why."}, "submit": {"seconds": 1}}.get(verb, {})
            where = f"/api/v1/assignments/{key}/{verb + '/' if verb else ''}"
            problem(alice.generic(method, where, json.dumps(body), content_type="application/json"), 404)


def test_another_method_is_refused(alice, held):
    for verb in ("next", *VERBS, *WITHOUT_BODY):
        problem(alice.generic("DELETE", NEXT if verb == "next" else address(held, verb)), 405)
    check_untouched(held)


def test_a_body_where_none_is_asked_for_changes_nothing(alice, held):
    assert send(alice, "heartbeat", held, b'{"state": "submitted"').status_code == 200
    check_untouched(held)
