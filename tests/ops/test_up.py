"""`manage.py up`: the whole product as processes, as its user has it."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from annotate.management.commands.up import web
from tests.product import ROOT, Product, command, free_port, wait_until

PARTS = {"gunicorn": 3, "-Q default": 1, "-Q train": 1, " beat ": 1}
"""Processes of each part: gunicorn and its two, the worker, the trainer, the clock."""
EVERYTHING = 1 + sum(PARTS.values())


def refused(**env: str) -> str:
    """What `up` says when it refuses to start; it must be one sentence (or two), and no traceback."""
    argv = [sys.executable, str(ROOT / "manage.py"), "up", "--empty"]
    done = subprocess.run(
        argv, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    return done.stderr


def test_it_starts_as_many_web_processes_as_are_asked_for(settings):
    settings.WEB_WORKERS, settings.WEB_THREADS = 7, 3
    argv = list(web().argv)
    assert [argv[argv.index(name) + 1] for name in ("--workers", "--threads")] == ["7", "3"]


@pytest.fixture
def product(tmp_path):
    product = Product(tmp_path / "var")
    yield product
    product.stop()


class TestRefusals:
    def test_it_names_a_port_that_is_in_use(self, tmp_path):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            said = refused(CONCORD_VAR=str(tmp_path), PORT=str(port))
        assert said.startswith(f"CommandError: Port {port} on 127.0.0.1 cannot be used (Address already in use).")
        assert f"PORT={port + 1} ./run" in said

    def test_it_names_a_host_that_is_none(self, tmp_path):
        assert "HOST is 'no.such.host.invalid'" in refused(CONCORD_VAR=str(tmp_path), HOST="no.such.host.invalid")

    def test_it_names_a_folder_that_cannot_be_written(self, tmp_path):
        (tmp_path / "file").touch()
        said = refused(CONCORD_VAR=str(tmp_path / "file" / "var"))
        assert "CONCORD_VAR" in said
        assert "must be a folder that can be written (Not a directory)" in said

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("PORT", "eighty"),
            ("PORT", "70000"),
            ("WEB_WORKERS", "0"),
            ("DEBUG", "perhaps"),
            ("NIGHTLY_AT", "at night"),
            ("DATABASE_URL", "mysql://localhost/concord"),
            ("CELERY_BROKER_URL", "amqp://localhost"),
            ("LOG_LEVEL", "LOUD"),
            ("SECRET_KEY_FILE", "/no/such/file"),
            ("SECRET_KEY_FILE", sys.executable),
            ("PORT", "٣"),
            ("DATABASE_URL", "sqlite:///"),
            ("DATABASE_URL", "sqlite:////no/such/folder/concord.sqlite3"),
            ("DATABASE_URL", "postgresql://me:a/b@localhost/concord"),
            ("CELERY_BROKER_URL", "redis://localhost:port/0"),
            ("TIME_ZONE", "Mars/Phobos"),
            ("BASE_MODEL", "/no/such/model"),
        ],
    )
    def test_it_names_a_bad_setting(self, tmp_path, name, value):
        said = refused(CONCORD_VAR=str(tmp_path), **{name: value})
        assert said.startswith(f"Error: The setting {name} is ")
        assert "but must be " in said

    def test_it_says_that_the_database_does_not_answer(self, tmp_path):
        said = refused(CONCORD_VAR=str(tmp_path), PORT=str(free_port()), DATABASE_URL="postgres://me:pw@127.0.0.1:1/x")
        assert said.startswith("CommandError: The database cannot be opened: ")
        assert "correct DATABASE_URL" in said

    def test_it_refuses_to_run_twice_on_the_same_data(self, live_product):
        said = refused(CONCORD_VAR=str(live_product.var), PORT=str(live_product.port + 1))
        assert f"Concord already runs on {live_product.var} (process {live_product.process.pid})" in said


class TestRunning:
    def test_it_serves_a_first_page(self, live_product):
        assert live_product.get("/") == 200

    def test_it_prints_the_address_and_what_to_do_next(self, live_product):
        said = live_product.said()
        assert f"Concord is at {live_product.url}/" in said
        assert "createsuperuser" in said

    @pytest.mark.parametrize(("part", "count"), PARTS.items())
    def test_it_runs_web_workers_and_clock(self, live_product, part, count):
        assert len(live_product.processes(part)) == count

    def test_it_keeps_torch_out_of_web_workers_and_clock(self, live_product):
        for path in ("/", "/admin/", "/healthz"):
            live_product.get(path)
        running = live_product.processes()
        assert len(running) >= EVERYTHING
        assert {command(pid) for pid in running if maps_torch(pid)} == set()

    def test_it_would_notice_torch(self):
        program = "import torch; print('ready', flush=True); input()"
        argv = [sys.executable, "-c", program]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            assert maps_torch(process.pid)
            process.kill()

    @pytest.mark.parametrize(("part", "count"), PARTS.items())
    def test_it_restarts_what_is_killed_and_says_so(self, live_product, part, count):
        before = set(live_product.processes(part))
        os.kill(min(before), signal.SIGKILL)
        wait_until(
            lambda: len(now := set(live_product.processes(part))) == count and not now & before,
            within=30,
            what=lambda: f"{part} to be replaced; it said:\n{live_product.said()}",
        )
        assert "was killed by SIGKILL; it starts again in " in live_product.said()

    def test_it_serves_again_after_that(self, live_product):
        wait_until(lambda: live_product.get("/healthz") == 200, within=20, what="the web server")


class TestStopping:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_it_stops_everything_when_told_to(self, product, number):
        product.start_all()
        product.process.send_signal(number)
        assert product.process.wait(timeout=20) == 0
        assert product.processes() == []
        assert product.said().rstrip().endswith("Stopped.")

    def test_it_ends_everything_at_once_when_told_twice(self, product):
        product.start()
        product.interrupt()
        wait_until(lambda: "Stopping." in product.said(), within=5, what="the first Ctrl-C to be noticed")
        product.interrupt()
        product.process.wait(timeout=5)
        wait_until(lambda: product.processes() == [], within=3, what="every process to end")

    def test_it_leaves_no_orphan_when_it_is_killed(self, product):
        product.start_all()
        assert len(product.processes()) >= EVERYTHING
        product.process.kill()
        product.process.wait()
        wait_until(lambda: product.processes() == [], within=10, what=lambda: orphans(product))

    def test_it_starts_again_on_the_same_data(self, product):
        product.start()
        product.stop()
        product.start()
        assert product.get("/") == 200


class TestFirstStart:
    def test_it_makes_the_demo_once_also_when_the_first_start_was_killed(self, tmp_path):
        product = Product(tmp_path / "var", empty=False)
        try:
            product.start()
            wait_until(lambda: "First start" in product.said(), within=20, what="the demo to be begun")
            product.process.kill()
            product.process.wait()
            product.start()
            wait_until(lambda: pipelines(product) == 1, within=120, what=lambda: f"a pipeline:\n{product.said()}")
            wait_until(lambda: not (product.var / "demo-unfinished").exists(), within=20, what="the steps to end")
            product.stop()
            product.start()
            assert product.said().count("First start") == 2
            assert f"Meanwhile, log in at\n{product.url}/ as an annotator" in product.said()
            assert "Demo accounts" in product.said().rpartition("Concord is at")[2]
            assert pipelines(product) == 1
        finally:
            product.stop()


def pipelines(product: Product) -> int:
    program = "from training.models import Pipeline; print(Pipeline.objects.count())"
    return int(product.manage("shell", "-v0", "-c", program))


def maps_torch(pid: int) -> bool:
    return "libtorch" in Path(f"/proc/{pid}/maps").read_text()


def orphans(product: Product) -> str:
    return "these to end: " + "; ".join(f"{pid} {command(pid)}" for pid in product.processes())
