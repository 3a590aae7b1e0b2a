"""Requests of one process stand in line, and none is held up by one that takes long."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from annotate.turns import InTurn

PATIENT, IMPATIENT = 60.0, 0.01


def start(status, headers):
    """A server's start_response."""


def test_it_serves_one_after_the_other_in_the_order_in_which_they_came():
    inside, order, may_go = [], [], threading.Event()

    def application(environ, start_response):
        inside.append(environ["n"])
        assert len(inside) == 1
        may_go.wait()
        order.append(environ["n"])
        inside.remove(environ["n"])
        return [b""]

    served = InTurn(application, patience=PATIENT)
    with ThreadPoolExecutor(5) as pool:
        asked = []
        for n in range(5):
            asked.append(pool.submit(served, {"n": n}, start))
            while len(inside) + len(served._line) <= n:
                pass
        may_go.set()
        assert [list(one.result()) for one in asked] == [[b""]] * 5
    assert order == [0, 1, 2, 3, 4]


def test_a_short_request_overtakes_one_that_takes_long():
    may_go = threading.Event()

    def application(environ, start_response):
        if environ["long"]:
            may_go.wait()
        return [b""]

    served = InTurn(application, patience=IMPATIENT)
    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(served, {"long": True}, start)
        while served._free:
            pass
        assert [list(served({"long": False}, start)) for _ in range(3)] == [[b""]] * 3
        assert not long.done()
        may_go.set()
        long.result()
    assert served._free == 1
    assert not served._line


def test_a_request_that_fails_passes_its_turn_on():
    def application(environ, start_response):
        if environ["wrong"]:
            raise ValueError("wrong")
        return [b""]

    served = InTurn(application, patience=PATIENT)
    with pytest.raises(ValueError, match="wrong"):
        served({"wrong": True}, start)
    assert list(served({"wrong": False}, start)) == [b""]
