"""supervise() with small Python programs in the recipe's place. Times are upper bounds with room for a busy machine."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from annotate import processes
from training.supervise import read_progress, supervise

IGNORES_SIGTERM = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)


def run(directory: Path, program: str, *, cancel_after: float | None = None, **options):
    started = time.monotonic()
    return supervise(
        [sys.executable, "-c", program],
        run_directory=directory,
        on_heartbeat=lambda progress: None,
        should_cancel=lambda: cancel_after is not None and time.monotonic() - started >= cancel_after,
        **options,
    )


def gone(pid: int, *, within: float = 5.0) -> bool:
    """Whether the process ends (a zombie has ended) within so many seconds."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def wait_for_text(path: Path, *, within: float = 10.0) -> str:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if path.exists() and (text := path.read_text().strip()):
            return text
        time.sleep(0.02)
    raise AssertionError(f"{path} stayed empty for {within} s")


def test_it_reports_done(tmp_path):
    outcome = run(tmp_path, "print('hello')")
    assert (outcome.state, outcome.exit_code, outcome.message) == ("done", 0, "")


def test_it_writes_stdout_and_stderr_to_the_log(tmp_path):
    run(tmp_path, "import sys; print('to out', flush=True); print('to err', file=sys.stderr)")
    assert (tmp_path / "log.txt").read_text() == "to out\nto err\n"


def test_it_keeps_the_log_of_an_earlier_attempt(tmp_path):
    run(tmp_path, "print('first')")
    run(tmp_path, "print('second')")
    assert (tmp_path / "log.txt").read_text() == "first\nsecond\n"


def test_it_reports_a_failure_with_the_last_lines_of_the_log(tmp_path):
    outcome = run(tmp_path, "print('before'); raise SystemExit('The field steps must be a number.')")
    assert (outcome.state, outcome.exit_code) == ("failed", 1)
    assert outcome.message == "The process ended with exit code 1.\nbefore\nThe field steps must be a number."


def test_it_says_when_the_process_was_killed_from_outside(tmp_path):
    outcome = run(tmp_path, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert (outcome.state, outcome.exit_code) == ("failed", -9)
    assert "short of memory" in outcome.message


def test_it_hands_the_progress_to_the_heartbeat(tmp_path):
    beats: list[dict] = []
    write = "import sys, pathlib, time; pathlib.Path(sys.argv[1], 'progress.json').write_text('{\"fraction\": 0.5}')"
    supervise(
        [sys.executable, "-c", f"{write}; time.sleep(1)", str(tmp_path)],
        run_directory=tmp_path,
        on_heartbeat=beats.append,
        should_cancel=lambda: False,
        heartbeat_seconds=0.2,
    )
    assert beats[-1] == {"fraction": 0.5}
    assert 3 <= len(beats) <= 20


def test_it_reads_no_progress_where_none_is_written(tmp_path):
    (tmp_path / "progress.json").write_text('{"fraction": 0.')
    assert read_progress(tmp_path) == {}
    assert read_progress(tmp_path / "absent") == {}


def test_it_lays_env_on_top_of_its_own(tmp_path):
    run(tmp_path, "import os; print(os.environ['EXTRA'], 'PATH' in os.environ)", env={"EXTRA": "set"})
    assert (tmp_path / "log.txt").read_text() == "set True\n"


def test_it_cancels_within_three_seconds(tmp_path):
    started = time.monotonic()
    outcome = run(tmp_path, "import time; time.sleep(60)", cancel_after=0.0)
    assert (outcome.state, outcome.exit_code) == ("cancelled", -signal.SIGTERM)
    assert time.monotonic() - started < 3.0


def test_it_cancels_within_three_seconds_what_ignores_sigterm(tmp_path):
    started = time.monotonic()
    outcome = run(tmp_path, IGNORES_SIGTERM, cancel_after=0.0)
    assert (outcome.state, outcome.exit_code) == ("cancelled", -signal.SIGKILL)
    assert time.monotonic() - started < 3.0


def test_it_cancels_what_the_process_started_too(tmp_path):
    program = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', {IGNORES_SIGTERM!r}])\n"
        "print(child.pid, flush=True)\n"
        "child.wait()"
    )
    run(tmp_path, program, cancel_after=1.0, heartbeat_seconds=0.5)
    grandchild = int((tmp_path / "log.txt").read_text().split()[0])
    assert gone(grandchild)


def test_it_stops_the_process_when_a_heartbeat_fails(tmp_path):
    def fail(progress):
        raise RuntimeError("the database is gone")

    program = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    with pytest.raises(RuntimeError, match="the database is gone"):
        supervise(
            [sys.executable, "-c", program], run_directory=tmp_path, on_heartbeat=fail, should_cancel=lambda: False
        )
    assert gone(int((tmp_path / "log.txt").read_text()))


SUPERVISOR = """
import sys
from pathlib import Path
from training.supervise import supervise
child = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
argv = [sys.executable, "-c", child]
supervise(argv, run_directory=Path(sys.argv[1]), on_heartbeat=lambda p: None, should_cancel=lambda: False)
"""


def test_it_leaves_no_process_behind_when_it_is_killed(tmp_path):
    supervisor = subprocess.Popen([sys.executable, "-c", SUPERVISOR, str(tmp_path)])
    child = int(wait_for_text(tmp_path / "log.txt"))
    supervisor.kill()
    supervisor.wait()
    assert gone(child)


def test_it_does_not_start_a_child_whose_parent_is_gone_already(tmp_path):
    # The parent that the child is told is not its parent: exactly what it finds when the parent died after the fork.
    child = os.fork()
    if child == 0:
        processes.die_with_parent(parent=1 << 30)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 1


def test_it_kills_by_watching_where_the_kernel_cannot():
    target = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    parent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    watcher = processes.watch(target.pid, parent=parent.pid)
    parent.kill()
    parent.wait()
    assert target.wait(timeout=5) == -signal.SIGKILL
    assert watcher.wait(timeout=5) == 0


def test_it_ends_the_watching_with_the_process_it_watches():
    target = subprocess.Popen([sys.executable, "-c", "pass"], start_new_session=True)
    watcher = processes.watch(target.pid, parent=os.getpid())
    target.wait()
    assert watcher.wait(timeout=5) == 0
