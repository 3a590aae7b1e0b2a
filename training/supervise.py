"""Runs one recipe as a subprocess: log, heartbeat, cancel, outcome. Standard library only.

Training runs in a process of its own because a fork after torch has worked hangs, because its memory (and a GPU's) is
then surely given back, and because it can be stopped at any moment. The supervised process is killed with the process
that supervises it, so that a lost worker leaves no training behind.
"""

import json
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from annotate.processes import start, stop

LOG = "log.txt"
PROGRESS = "progress.json"
MESSAGE_LINES = 15


@dataclass(frozen=True)
class Outcome:
    """How a supervised process ended."""

    state: Literal["done", "failed", "cancelled"]
    exit_code: int
    """The process's exit code; negative: the number of the signal that ended it."""
    message: str
    """Empty when done; else why, with the last lines of the log after a failure."""


def supervise(
    argv: Sequence[str],
    *,
    run_directory: Path,
    env: Mapping[str, str] | None = None,
    on_heartbeat: Callable[[dict[str, Any]], None],
    should_cancel: Callable[[], bool],
    heartbeat_seconds: float = 1.0,
    grace_seconds: float = 1.5,
) -> Outcome:
    """Runs `argv` until it ends or `should_cancel()` says so; blocks meanwhile.

    Output is appended to `run_directory/log.txt`. Every `heartbeat_seconds` it calls `on_heartbeat` with what stands in
    `run_directory/progress.json` ({} while there is none), and then asks `should_cancel`. Cancelling sends SIGTERM to
    the process and all that it started, and SIGKILL `grace_seconds` later: with the defaults a cancel takes less than
    3 seconds even when the process ignores SIGTERM. An exception in a callback stops the process and is raised.
    `env` is laid on top of this process's environment.
    """
    run_directory.mkdir(parents=True, exist_ok=True)
    with (run_directory / LOG).open("ab") as log:
        process = start(argv, env=env, output=log)
    try:
        while not _ended(process, within=heartbeat_seconds):
            on_heartbeat(read_progress(run_directory))
            if should_cancel():
                exit_code = stop(process, grace_seconds=grace_seconds)
                return Outcome("cancelled", exit_code, "Cancelled on request.")
    finally:
        stop(process, grace_seconds=grace_seconds)
    on_heartbeat(read_progress(run_directory))
    if process.returncode == 0:
        return Outcome("done", 0, "")
    return Outcome("failed", process.returncode, _why(process.returncode, run_directory / LOG))


def read_progress(run_directory: Path) -> dict[str, Any]:
    """What the recipe last wrote to progress.json, or {} when it has written nothing readable yet."""
    try:
        progress = json.loads((run_directory / PROGRESS).read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return progress if isinstance(progress, dict) else {}


def _ended(process: subprocess.Popen[bytes], *, within: float) -> bool:
    try:
        process.wait(timeout=within)
    except subprocess.TimeoutExpired:
        return False
    return True


def _why(exit_code: int, log: Path) -> str:
    """One sentence on the exit, then the last lines that the process wrote."""
    if exit_code == -signal.SIGKILL:
        reason = "The process was killed from outside (SIGKILL); a system that is short of memory does that."
    elif exit_code < 0:
        reason = f"The process was ended by {signal.Signals(-exit_code).name}."
    else:
        reason = f"The process ended with exit code {exit_code}."
    with log.open(errors="replace") as lines:
        last = deque((line.rstrip() for line in lines if line.strip()), maxlen=MESSAGE_LINES)
    return "\n".join([reason, *last])
