"""`manage.py up`: the whole product as processes, as its user has it, from its first page to its end.

All tests are of one product, in their order: each start of it costs seven processes that load all there is.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from annotate.management.commands.up import web
from tests.ops.test_refusals import refused
from tests.product import Product, command, wait_until

PARTS = {"gunicorn": 3, "-Q default": 1, "-Q train": 1, " beat ": 1}
"""Processes of each part: gunicorn and its two, the worker, the trainer, the clock."""
EVERYTHING = 1 + sum(PARTS.values())


def test_it_starts_as_many_web_processes_as_are_asked_for(settings):
    settings.WEB_WORKERS, settings.WEB_THREADS = 7, 3
    argv = list(web().argv)
    assert [argv[argv.index(name) + 1] for name in ("--workers", "--threads")] == ["7", "3"]


def test_it_refuses_to_run_twice_on_the_same_data(live_product):
    said = refused(CONCORD_VAR=str(live_product.var), PORT=str(live_product.port + 1))
    assert f"Concord already runs on {live_product.var} (process {live_product.process.pid})" in said


def test_it_serves_a_first_page(live_product):
    assert live_product.get("/") == 200


def test_it_prints_the_address_and_what_to_do_next(live_product):
    said = live_product.said()
    assert f"Concord is at {live_product.url}/" in said
    assert "createsuperuser" in said


@pytest.mark.parametrize(("part", "count"), PARTS.items())
def test_it_runs_web_workers_and_clock(live_product, part, count):
    assert len(live_product.processes(part)) == count


def test_it_keeps_torch_out_of_web_workers_and_clock(live_product):
    for path in ("/", "/admin/", "/healthz"):
        live_product.get(path)
    running = live_product.processes()
    assert len(running) >= EVERYTHING
    assert {command(pid) for pid in running if maps_torch(pid)} == set()


def test_it_would_notice_torch():
    program = "import torch; print('ready', flush=True); input()"
    argv = [sys.executable, "-c", program]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert maps_torch(process.pid)
        process.kill()


@pytest.mark.parametrize(("part", "count"), PARTS.items())
def test_it_restarts_what_is_killed_and_says_so(live_product, part, count):
    before = set(live_product.processes(part))
    os.kill(min(before), signal.SIGKILL)
    wait_until(
        lambda: len(now := set(live_product.processes(part))) == count and not now & before,
        within=300,
        what=lambda: f"{part} to be replaced; it said:\n{live_product.said()}",
    )
    assert "was killed by SIGKILL; it starts again in " in live_product.said()


def test_it_serves_again_after_that(live_product):
    wait_until(lambda: live_product.get("/healthz") == 200, within=300, what="the web server")


def test_it_stops_everything_when_told_to(live_product):
    live_product.interrupt()
    assert live_product.process.wait(timeout=300) == 0
    assert live_product.processes() == []
    assert live_product.said().rstrip().endswith("Stopped.")


def test_it_starts_again_on_the_same_data(live_product):
    live_product.start()
    assert live_product.get("/") == 200


def test_it_ends_everything_at_once_when_told_twice(live_product):
    stopped = live_product.said().count("Stopping.")
    live_product.interrupt()
    wait_until(lambda: live_product.said().count("Stopping.") > stopped, within=300, what="Ctrl-C to be noticed")
    live_product.interrupt()
    live_product.process.wait(timeout=300)
    wait_until(lambda: live_product.processes() == [], within=300, what="every process to end")


def test_it_leaves_no_orphan_when_it_is_killed(live_product):
    live_product.start_all()
    assert len(live_product.processes()) >= EVERYTHING
    live_product.process.kill()
    live_product.process.wait()
    wait_until(lambda: live_product.processes() == [], within=300, what=lambda: orphans(live_product))


def orphans(product: Product) -> str:
    return "these to end: " + "; ".join(f"{pid} {command(pid)}" for pid in product.processes())


def maps_torch(pid: int) -> bool:
    return "libtorch" in Path(f"/proc/{pid}/maps").read_text()
