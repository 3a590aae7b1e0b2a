"""The supervisor's rules, with small Python programs as services."""

import signal
import sys
import time

import pytest

from annotate import supervisor as module
from annotate.supervisor import Service, Step, Supervisor
from tests.product import wait_until

SLEEPS = "import time; time.sleep(60)"


def program(text: str) -> list[str]:
    return [sys.executable, "-c", text]


@pytest.fixture
def supervise(tmp_path, monkeypatch):
    """Makes a supervisor whose delays are short; everything it started is gone after the test."""
    monkeypatch.setattr(module, "FIRST_DELAY", 0.05)
    made = []

    def make(*services: Service) -> Supervisor:
        said = []
        for service in services:
            service.delay = 0.05
        supervisor = Supervisor(list(services), log_directory=tmp_path / "logs", cwd=tmp_path, say=said.append)
        supervisor.said = said
        made.append(supervisor)
        return supervisor

    yield make
    for supervisor in made:
        supervisor.kill()


def tick_until(supervisor: Supervisor, condition, *, within: float = 10.0) -> None:
    def ticked() -> bool:
        supervisor.tick()
        return condition()

    wait_until(ticked, within=within, what=lambda: f"a condition; it said {supervisor.said}")


def test_it_writes_what_a_service_says_to_its_log(supervise):
    supervisor = supervise(Service("talker", program("print('out', flush=True); import time; time.sleep(60)")))
    tick_until(supervisor, lambda: supervisor.log_of("talker").exists())
    tick_until(supervisor, lambda: supervisor.log_of("talker").read_text() == "out\n")


def test_it_sets_a_large_log_aside(supervise, monkeypatch):
    monkeypatch.setattr(module, "LOG_LIMIT", 3)
    supervisor = supervise(Service("talker", program(SLEEPS)))
    supervisor.log_directory.mkdir()
    supervisor.log_of("talker").write_text("long")
    supervisor.tick()
    assert (supervisor.log_directory / "talker.log.1").read_text() == "long"
    assert supervisor.log_of("talker").read_text() == ""


def test_it_restarts_a_service_that_ends_and_says_so(supervise):
    service = Service("brief", program("import sys; sys.exit(3)"))
    supervisor = supervise(service)
    tick_until(supervisor, lambda: len(supervisor.said) >= 2)
    assert supervisor.said[0].startswith("brief ended with exit code 3; it starts again in 0.05 s.")


def test_it_waits_longer_after_each_death(supervise):
    service = Service("brief", program("pass"))
    supervisor = supervise(service)
    tick_until(supervisor, lambda: len(supervisor.said) >= 3)
    assert service.delay == pytest.approx(0.05 * 2**3)


def test_it_forgets_the_delay_of_a_service_that_ran_long(supervise, monkeypatch):
    monkeypatch.setattr(module, "HEALTHY_AFTER", 0.0)
    service = Service("brief", program("pass"))
    supervisor = supervise(service)
    tick_until(supervisor, lambda: len(supervisor.said) >= 3)
    assert service.delay == pytest.approx(0.05 * 2)


def test_it_runs_steps_one_after_the_other(supervise, tmp_path):
    write = "import sys, time; time.sleep(0.2); open('order', 'a').write(sys.argv[1])"
    supervisor = supervise()
    steps = [Step(name, [*program(write), name], begins=f"begin {name}", fails="") for name in "ab"]
    supervisor.run_steps(steps)
    tick_until(supervisor, lambda: supervisor.step_process is None)
    assert (tmp_path / "order").read_text() == "ab"
    assert supervisor.said == ["begin a", "begin b"]


def test_it_leaves_out_the_steps_after_one_that_fails(supervise):
    done = []
    supervisor = supervise()
    supervisor.run_steps(
        [
            Step("a", program("import sys; sys.exit(4)"), begins="begin a", fails="No a.", succeeds=done.clear),
            Step("b", program("pass"), begins="begin b", fails="No b.", succeeds=lambda: done.append("b")),
        ]
    )
    tick_until(supervisor, lambda: supervisor.step_process is None)
    assert supervisor.said == ["begin a", "No a. (a ended with exit code 4; see above.)"]
    assert done == []


def test_it_lets_a_service_finish(supervise):
    text = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *a: sys.exit(7)); print('ready', flush=True); "
    )
    service = Service("polite", program(text + "time.sleep(60)"))
    supervisor = supervise(service)
    log = supervisor.log_of("polite")
    tick_until(supervisor, lambda: log.exists() and log.read_text() != "")
    supervisor.stop()
    assert service.process.returncode == 7


def test_it_ends_what_does_not_stop_in_its_time(supervise):
    text = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    )
    services = [Service(name, program(text), grace_seconds=0.5) for name in ("deaf", "deafer")]
    supervisor = supervise(*services)
    tick_until(
        supervisor,
        lambda: all(supervisor.log_of(s.name).exists() and supervisor.log_of(s.name).stat().st_size for s in services),
    )
    started = time.monotonic()
    supervisor.stop()
    # Their times pass side by side: well below the sum and the 60 s of the programs.
    assert time.monotonic() - started < 5.0
    assert [service.process.returncode for service in services] == [-signal.SIGKILL, -signal.SIGKILL]
    assert supervisor.said[0].startswith("deaf did not finish within 0.5 s and is ended;")
