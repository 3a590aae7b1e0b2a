"""Keeps the product's processes running: starts them, restarts what dies, stops them in order. Standard library only.

A service runs for ever; a step runs once, after the one before it has succeeded. Each writes to its own log.
"""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from annotate import processes

FIRST_DELAY = 1.0
LONGEST_DELAY = 30.0
HEALTHY_AFTER = 60.0
"""Seconds: a service that ran for so long is restarted without the delay of earlier deaths."""
LOG_LIMIT = 10 * 1024 * 1024
"""Bytes after which a log is set aside (one earlier log is kept) when its process starts."""


@dataclass
class Service:
    """A process that should always run."""

    name: str
    argv: Sequence[str]
    grace_seconds: float = 8.0
    """How long it may take to finish what it does when the product stops."""
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    delay: float = FIRST_DELAY
    due: float = 0.0
    """When to start it again (monotonic seconds), while it is not running."""


@dataclass
class Step:
    """A process that runs once; its output is the person's to see, and goes to the console."""

    name: str
    argv: Sequence[str]
    begins: str
    """What to say when it begins."""
    fails: str
    """What to say when it fails; the steps after it are then left out."""
    succeeds: Callable[[], None] = lambda: None


@dataclass
class Supervisor:
    """Runs the services and the steps; `tick` several times a second, `stop` at the end."""

    services: list[Service]
    log_directory: Path
    cwd: Path
    say: Callable[[str], None]
    env: Mapping[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    step_process: subprocess.Popen[bytes] | None = None

    def tick(self) -> None:
        """Starts every service that is due, notices deaths, and moves the steps on."""
        for service in self.services:
            if service.process is None:
                if time.monotonic() >= service.due:
                    self._start(service)
            elif (exit_code := service.process.poll()) is not None:
                self._bury(service, exit_code)
        if self.step_process is not None and (exit_code := self.step_process.poll()) is not None:
            self._finish_step(exit_code)

    def run_steps(self, steps: Sequence[Step]) -> None:
        """Begins the steps, one after the other, beside the services."""
        self.steps = list(steps)
        self._begin_step()

    def log_of(self, name: str) -> Path:
        return self.log_directory / f"{name}.log"

    def stop(self) -> None:
        """Stops the steps, then the services in their order, each given its time to finish."""
        if self.step_process is not None:
            processes.stop(self.step_process, grace_seconds=2.0)
        running = [service for service in self.services if service.process is not None]
        # All are told at once, and then waited for in order: their times to finish pass side by side.
        for service in running:
            if service.process.poll() is None:
                service.process.terminate()
        told = time.monotonic()
        for service in running:
            left = max(0.0, service.grace_seconds - (time.monotonic() - told))
            try:
                service.process.wait(timeout=left)
            except subprocess.TimeoutExpired:
                self.say(
                    f"{service.name} did not finish within {service.grace_seconds:g} s and is ended; "
                    "the next start goes on with what it was doing."
                )
            processes.kill(service.process)
            service.process.wait()

    def kill(self) -> None:
        """Ends everything at once."""
        for process in [self.step_process, *(service.process for service in self.services)]:
            if process is not None and process.poll() is None:
                processes.kill(process)

    def _start(self, service: Service) -> None:
        self.log_directory.mkdir(parents=True, exist_ok=True)
        path = self.log_of(service.name)
        if path.exists() and path.stat().st_size > LOG_LIMIT:
            path.replace(path.with_suffix(".log.1"))
        with path.open("ab") as log:
            service.process = processes.start(service.argv, cwd=self.cwd, env=self.env, output=log)
        service.started_at = time.monotonic()

    def _bury(self, service: Service, exit_code: int) -> None:
        processes.kill(service.process)  # what it started in its group must not meet its successor
        service.process = None
        if time.monotonic() - service.started_at > HEALTHY_AFTER:
            service.delay = FIRST_DELAY
        service.due = time.monotonic() + service.delay
        how = (
            f"was killed by {signal.Signals(-exit_code).name}" if exit_code < 0 else f"ended with exit code {exit_code}"
        )
        log = self.log_of(service.name)
        self.say(f"{service.name} {how}; it starts again in {service.delay:g} s. Its log: {log}")
        service.delay = min(service.delay * 2, LONGEST_DELAY)

    def _begin_step(self) -> None:
        if self.steps:
            self.say(self.steps[0].begins)
            self.step_process = processes.start(self.steps[0].argv, cwd=self.cwd, env=self.env)

    def _finish_step(self, exit_code: int) -> None:
        self.step_process = None
        step = self.steps.pop(0)
        if exit_code == 0:
            step.succeeds()
            self._begin_step()
        else:
            self.steps.clear()
            self.say(f"{step.fails} ({step.name} ended with exit code {exit_code}; see above.)")
