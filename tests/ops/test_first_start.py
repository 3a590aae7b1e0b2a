"""The very first start, from nothing: the database, the demo and its first pipeline."""

import sqlite3
from contextlib import closing

from tests.product import Product, wait_until


def test_it_makes_the_demo_once_also_when_the_first_start_was_killed(tmp_path):
    product = Product(tmp_path / "var", empty=False)
    try:
        product.start()
        wait_until(lambda: "First start" in product.said(), within=300, what="the demo to be begun")
        product.process.kill()
        product.process.wait()
        product.start()
        wait_until(lambda: pipelines(product) == 1, within=300, what=lambda: f"a pipeline:\n{product.said()}")
        wait_until(lambda: not (product.var / "demo-unfinished").exists(), within=300, what="the steps to end")
        product.stop()
        product.start()
        assert product.said().count("First start") == 2
        assert f"Meanwhile, log in at\n{product.url}/ as an annotator" in product.said()
        assert "Demo accounts" in product.said().rpartition("Concord is at")[2]
        assert pipelines(product) == 1
    finally:
        product.stop()


def pipelines(product: Product) -> int:
    """Read from the file itself: a management command takes seconds, and this asks many times."""
    with closing(sqlite3.connect(product.var / "concord.sqlite3", timeout=60)) as database:
        return database.execute("SELECT count(*) FROM training_pipeline").fetchone()[0]
