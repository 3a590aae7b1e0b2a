"""`manage.py up` ends: everything that it started ends with it, and it starts again."""

import signal

import pytest

from tests.ops.test_up import EVERYTHING
from tests.product import Product, command, wait_until


@pytest.fixture
def product(tmp_path):
    product = Product(tmp_path / "var")
    yield product
    product.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_everything_when_told_to(product, number):
    product.start_all()
    product.process.send_signal(number)
    assert product.process.wait(timeout=300) == 0
    assert product.processes() == []
    assert product.said().rstrip().endswith("Stopped.")


def test_it_ends_everything_at_once_when_told_twice(product):
    product.start()
    product.interrupt()
    wait_until(lambda: "Stopping." in product.said(), within=300, what="the first Ctrl-C to be noticed")
    product.interrupt()
    product.process.wait(timeout=300)
    wait_until(lambda: product.processes() == [], within=300, what="every process to end")


def test_it_leaves_no_orphan_when_it_is_killed(product):
    product.start_all()
    assert len(product.processes()) >= EVERYTHING
    product.process.kill()
    product.process.wait()
    wait_until(lambda: product.processes() == [], within=300, what=lambda: orphans(product))


def test_it_starts_again_on_the_same_data(product):
    product.start()
    product.stop()
    product.start()
    assert product.get("/") == 200


def orphans(product: Product) -> str:
    return "these to end: " + "; ".join(f"{pid} {command(pid)}" for pid in product.processes())
