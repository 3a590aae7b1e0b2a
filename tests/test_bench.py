"""What the benchmark of assignment reads and computes by itself: answers, CPU times, percentiles."""

import math

import pytest

from tests.bench._cpu import stat_fields, tree
from tests.bench._load import http_answer, http_request, whats_missing
from tests.bench._served import percentile

ANSWER = b'HTTP/1.1 201 Created\r\nServer: x\r\nContent-Length: 7\r\n\r\n{"a":1}'


def test_it_reads_an_answer():
    assert http_answer(ANSWER) == (201, b'{"a":1}')


@pytest.mark.parametrize("missing", range(1, len(ANSWER), 9))
def test_it_waits_for_the_rest_of_an_answer(missing):
    assert http_answer(ANSWER[:-missing]) is None


def test_an_answer_without_content_needs_no_length():
    assert http_answer(b"HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n") == (204, b"")


def test_it_refuses_to_guess_where_an_answer_ends():
    with pytest.raises(ValueError, match="without a length"):
        http_answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7")


def test_it_says_how_long_a_request_is():
    head, _, body = http_request("tasks/next/", "secret", b'{"campaign":"pairs"}', key="one").partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /api/v1/tasks/next/ HTTP/1.1"
    assert {b"Content-Length: 20", b"Idempotency-Key: one", b"Authorization: Token secret"} < set(lines)
    assert body == b'{"campaign":"pairs"}'


def test_it_notices_a_pair_that_nobody_could_judge():
    whole = {"prompt": [{"role": "user", "content": "Which?"}], "completions": [{"text": "a"}, {"text": "b"}]}
    assert whats_missing(whole) == ""
    assert whats_missing({**whole, "prompt": []}) == "an assignment without a prompt"
    assert whats_missing({**whole, "completions": [{"text": "a"}]}) == "an assignment without two completions"
    assert whats_missing({**whole, "completions": [{"text": "a"}, {"text": ""}]})


def test_it_counts_the_cpu_time_of_children_that_ended(monkeypatch):
    monkeypatch.setattr("tests.bench._cpu.TICKS", 100)
    line = "42 (a name) with ) R 7 42 42 0 -1 4194560 1 0 0 0 100 20 3 4 20 0 1 0 5 6 7"
    assert stat_fields(line) == (7, 1.27)


def test_it_finds_everything_below_a_process():
    assert tree({2: 1, 3: 2, 4: 3, 5: 1, 6: 9}, 2) == {2, 3, 4}


def test_percentiles_are_values_that_were_measured():
    values = [float(n) for n in range(100, 0, -1)]
    assert (percentile(values, 0.5), percentile(values, 0.95), percentile([7.0], 0.95)) == (50.0, 95.0, 7.0)
    assert math.isnan(percentile([], 0.95))
