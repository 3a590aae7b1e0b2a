"""With a real Redis and real workers: messages arrive; a killed worker loses nothing and doubles nothing."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from annotate import processes
from tests.product import ROOT, command, wait_until
from tests.training.conftest import judge_everything
from training.models import Checkpoint, Run, Snapshot

TINY_BASE = {"corpus": "world", "documents": 200, "vocab_size": 320, "hidden_size": 32, "layers": 1, "heads": 2}
QUEUE_A_RUN = f"""
from training.services.runs import create_run
create_run(recipe="base", config={TINY_BASE!r}, snapshot=None, inputs={{}}, seed=1, by=None)
"""
REQUEST_A_SNAPSHOT = """
from annotate.models import Campaign
from training.services.snapshots import request_snapshot
request_snapshot(campaigns=Campaign.objects.all(), by=None)
"""


class Workers:
    """Worker processes on the test's database and Redis, with a var folder of their own."""

    def __init__(self, env: dict[str, str], folder: Path):
        self.env = env
        self.log = folder / "workers.txt"
        self.started: list[subprocess.Popen] = []

    def start(self, *options: str) -> subprocess.Popen:
        """A worker on both queues."""
        argv = [sys.executable, "-m", "celery", "-A", "config", "worker", "-Q", "default,train", "-c", "2", *options]
        with self.log.open("ab") as output:
            worker = processes.start(argv, cwd=ROOT, env=self.env, output=output)
        self.started.append(worker)
        return worker

    def shell(self, program: str) -> None:
        """Run a few lines as another process of the product does: the web, say."""
        argv = [sys.executable, str(ROOT / "manage.py"), "shell", "-c", program]
        done = subprocess.run(argv, cwd=ROOT, env={**os.environ, **self.env}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def wait(self, condition: Callable[[], bool], what: str, *, within: float = 300.0) -> None:
        wait_until(condition, within=within, what=lambda: f"{what}; the workers said:\n{self.log.read_text()[-3000:]}")


def database_url() -> str:
    """The address of the test's database, for another process."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    address, _, query = os.environ["DATABASE_URL"].partition("?")
    return f"{address.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")


@pytest.fixture
def workers(transactional_db, redis_url, var) -> Iterator[Workers]:
    env = {
        "DATABASE_URL": database_url(),
        "CELERY_BROKER_URL": redis_url,
        "CONCORD_VAR": str(var),
        "LOST_AFTER_SECONDS": "5",
    }
    found = Workers(env, var)
    yield found
    for worker in found.started:
        processes.stop(worker, grace_seconds=10)


def state(run: Run) -> str:
    return Run.objects.values_list("state", flat=True).get(pk=run.pk)


def trainers(run: Run) -> list[int]:
    """Ids of the processes that train this run."""
    mark = str(run.path.parent)
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and "training.recipes" in (line := command(int(entry.name))) and mark in line:
                found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def test_it_freezes_and_trains_by_message(workers, committed_world):
    judge_everything(committed_world)
    workers.start()
    workers.shell(REQUEST_A_SNAPSHOT + QUEUE_A_RUN)
    workers.wait(lambda: Snapshot.objects.get().state == "ready", "the snapshot to be ready")
    run = Run.objects.get()
    workers.wait(lambda: state(run) == "done", "the run to be done")
    assert Checkpoint.objects.get().run == run
    assert (run.path / "metrics.jsonl").stat().st_size > 0


def test_it_loses_and_doubles_nothing_when_a_worker_is_killed(workers):
    worker = workers.start()
    workers.shell(QUEUE_A_RUN)
    run = Run.objects.get()
    workers.wait(lambda: bool(trainers(run)), "the recipe to start")
    worker.kill()
    workers.wait(lambda: not trainers(run), "the recipe to die with its worker")
    assert state(run) == "running"
    workers.start("-B")
    workers.wait(lambda: state(run) == "done", "another worker to finish the run")
    run.refresh_from_db()
    assert run.attempt == 2
    assert Checkpoint.objects.get().location.endswith("attempt-2")
    assert not (run.path.parent / "attempt-1" / "MANIFEST.json").exists()
