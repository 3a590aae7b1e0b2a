"""Child processes that never outlive their parent, and that stop when asked. Standard library only.

Used by `manage.py up` (web, workers) and by training/supervise.py (recipes). The kernel does the watching on Linux
(PR_SET_PDEATHSIG, prctl(2)); elsewhere a small watching process does, within about a second.

PR_SET_PDEATHSIG fires when the *thread* that started the child ends, so start children from a thread that lives as
long as they should.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1
# Loaded here, and not in the child: between fork and exec a child may do next to nothing safely.
LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

WATCH = """
import os, signal, sys, time
target, parent = int(sys.argv[1]), int(sys.argv[2])
def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
while alive(target) and alive(parent):
    time.sleep(0.5)
if alive(target):
    os.killpg(target, signal.SIGKILL) if os.getpgid(target) == target else os.kill(target, signal.SIGKILL)
"""


def die_with_parent(parent: int | None = None) -> None:
    """Ties the calling process to its parent: when the parent ends, however it ends, this process is killed.

    `parent` is the process id that the caller believes its parent has; when the parent is gone already, and the
    kernel would never tell, this process ends at once.
    """
    expected = os.getppid() if parent is None else parent
    if LIBC is None:
        watch(os.getpid(), parent=expected)
        return
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != expected:
        os._exit(1)


def watch(target: int, *, parent: int) -> subprocess.Popen[bytes]:
    """Starts a process that kills `target` (its whole group, when it leads one) once `parent` is gone."""
    return subprocess.Popen([sys.executable, "-S", "-E", "-c", WATCH, str(target), str(parent)], start_new_session=True)


def start(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    output: IO[bytes] | None = None,
) -> subprocess.Popen[bytes]:
    """Starts `argv` as the leader of its own session, so that it dies with this process and can be stopped as a group.

    `env` is laid on top of this process's environment. `output` takes stdout and stderr; without it they stay where
    this process's go. Standard input is empty: nothing that runs in the background may wait for a keyboard.
    """
    process = subprocess.Popen(
        list(argv),
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
        start_new_session=True,
        preexec_fn=partial(die_with_parent, os.getpid()) if LIBC else None,
    )
    if LIBC is None:
        watch(process.pid, parent=os.getpid())
    return process


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kills the process and whatever it started in its group; what is gone already is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def stop(process: subprocess.Popen[bytes], *, grace_seconds: float) -> int:
    """Sends SIGTERM to the process and its group, and SIGKILL to whatever is left of them after `grace_seconds`.

    Returns the exit code of the process (negative: the signal that ended it).
    """
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=grace_seconds)
    # Also when the leader ended by itself: what it started in its group may still be there.
    kill(process)
    return process.wait()
