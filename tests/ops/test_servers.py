"""The same product on a PostgreSQL server and a Redis server: only two settings differ."""

import os
import signal

import pytest

from tests.environment import new_postgres_database
from tests.product import Product, wait_until


@pytest.fixture(scope="module")
def product(redis_url, tmp_path_factory):
    env = {"DATABASE_URL": new_postgres_database("product"), "CELERY_BROKER_URL": redis_url}
    product = Product(tmp_path_factory.mktemp("servers") / "var", env=env)
    product.start_all()
    yield product
    product.stop()


def reaped(product: Product) -> int:
    """How many times the worker has done what the clock sends every ten seconds."""
    return (product.var / "logs" / "worker.log").read_text().count("Task training.tasks.reap")


def test_it_serves(product):
    assert product.get("/") == 200


def test_it_writes_to_postgresql_and_to_no_file(product):
    shown = product.manage("shell", "-v0", "-c", "from django.db import connection as c; print(c.vendor)")
    assert shown.strip() == "postgresql"
    assert not (product.var / "concord.sqlite3").exists()


def test_it_gets_the_clocks_messages_through_redis(product):
    assert not (product.var / "broker").exists()
    wait_until(lambda: reaped(product) > 0, within=300, what="the clock's message to arrive")


def test_it_works_on_after_its_worker_was_killed(product):
    os.kill(product.processes("-Q default")[0], signal.SIGKILL)
    before = reaped(product)
    wait_until(lambda: reaped(product) > before, within=300, what="the new worker to get a message")


def test_it_stops_everything_when_the_system_tells_it_to(product):
    product.process.send_signal(signal.SIGTERM)
    assert product.process.wait(timeout=300) == 0
    assert product.processes() == []
    assert product.said().rstrip().endswith("Stopped.")
