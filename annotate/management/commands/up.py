"""`manage.py up`: the whole product as children of this one process. See annotate/supervisor.py."""

import contextlib
import fcntl
import http.client
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, CommandError, call_command
from django.db import OperationalError, connection, connections

from annotate.ledger.live import ledger
from annotate.models import Judgement
from annotate.quality.sources import is_compiled
from annotate.supervisor import Service, Step, Supervisor

PYTHON = [sys.executable, "-u"]
MANAGE = [*PYTHON, str(settings.BASE_DIR / "manage.py")]
TICK_SECONDS = 0.2
MANY_JUDGEMENTS = 20_000
"""Fewer are read in about a second, by the first page that needs them."""
CELERY = [*PYTHON, "-m", "celery", "-A", "config"]
WORKER = [*CELERY, "worker", "-l", settings.LOG_LEVEL]
# One machine, one worker a queue: nobody to gossip with.
WORKER += ["--without-gossip", "--without-mingle", "--without-heartbeat"]


class Command(BaseCommand):
    help = "Starts the product: web server, workers and the clock of the nightly pipeline. Ctrl-C stops everything."

    def add_arguments(self, parser):
        parser.add_argument("--empty", action="store_true", help="start without the demo's data")

    def handle(self, *, empty, **options):
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:  # nohup
                signal.signal(number, signal.default_int_handler)
        with held_alone(settings.VAR_DIR / "up.lock"):
            check_port(settings.HOST, settings.PORT)
            supervisor = Supervisor(
                [web()], log_directory=settings.VAR_DIR / "logs", cwd=settings.BASE_DIR, say=self.say
            )
            try:
                migrate()
                call_command("sync_guidelines")
                seeding = [] if empty else demo_steps()
                steps = [*seeding, *compile_steps(), *ledger_steps()]
                connections.close_all()  # this process only watches from here on
                self.run(supervisor, steps=steps, seeding=bool(seeding))
            except KeyboardInterrupt:
                self.stop(supervisor)
            finally:
                supervisor.kill()

    def run(self, supervisor, *, steps, seeding):
        announced = False
        while True:
            supervisor.tick()
            if not announced and answers(settings.HOST, settings.PORT):
                announced = True
                self.announce(seeding=seeding)
                supervisor.services += workers()  # only now: the first page should not wait for them
                supervisor.run_steps(steps)
            time.sleep(TICK_SECONDS)

    def stop(self, supervisor):
        self.say("Stopping. (Ctrl-C again ends everything at once.)")
        try:
            supervisor.stop()
        except KeyboardInterrupt:
            supervisor.kill()
        self.say("Stopped.")

    def announce(self, *, seeding):
        self.say(f"\nConcord is at {url()}   (Ctrl-C stops it)")
        accounts = settings.VAR_DIR / "demo-accounts.txt"
        if accounts.exists():
            self.say(accounts.read_text().rstrip())
        elif not seeding and not get_user_model().objects.exists():
            self.say("There is no account yet. For an admin's, in another terminal: ./run manage createsuperuser")
        self.say(f"Logs are in {settings.VAR_DIR / 'logs'}\n")

    def say(self, line):
        self.stdout.write(line)
        self.stdout.flush()


def migrate() -> None:
    """Brings the database up to date; it is also the first to need one."""
    try:
        connection.ensure_connection()
    except OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        raise CommandError(f"The database cannot be opened: {reason}. Start it, or correct DATABASE_URL.") from error
    call_command("migrate", verbosity=0, interactive=False)


def web() -> Service:
    argv = [*PYTHON, "-m", "gunicorn", "config.wsgi", "--bind", address(settings.HOST, settings.PORT)]
    argv += ["--worker-class", "gthread", "--timeout", "60"]
    argv += ["--workers", str(settings.WEB_WORKERS), "--threads", str(settings.WEB_THREADS)]
    argv += ["--graceful-timeout", "5", "--no-control-socket", "--log-level", settings.LOG_LEVEL.lower()]
    return Service("web", argv)


def workers() -> list[Service]:
    """The clock of everything that is due at a time, the worker of short tasks, and the worker of training runs.

    Each is one process: the children of Celery's prefork pool share a lock, and one that is killed while it holds the
    lock leaves a worker that looks alive and never works again. Nor would a worker miss a clock inside it (-B).
    """
    beat = [*CELERY, "beat", "-l", settings.LOG_LEVEL]
    short = [*WORKER, "-n", "default@%h", "-Q", "default", "-P", "threads", "-c", "2"]
    train = [*WORKER, "-n", "train@%h", "-Q", "train", "-P", "solo", "--prefetch-multiplier", "1"]
    return [
        Service("clock", beat),
        Service("worker", short),
        # A run may take hours and is not waited for: the next start resumes it.
        Service("trainer", train, grace_seconds=5.0),
    ]


def demo_steps() -> list[Step]:
    """On the very first start: the demo's data, and then its first pipeline. Again when they did not finish."""
    unfinished = settings.VAR_DIR / "demo-unfinished"
    if get_user_model().objects.exists() and not unfinished.exists():
        return []
    unfinished.touch()
    return [
        Step(
            "seed_demo",
            [*MANAGE, "seed_demo"],
            begins="First start: making the demo's data. You can look around meanwhile.",
            fails="The demo's data could not be made; the next start tries again, `./run --empty` does without.",
        ),
        Step(
            "nightly",
            [*MANAGE, "nightly"],
            begins="Starting the first nightly pipeline, so that there is training to watch. Meanwhile, log in at\n"
            f"{url()} as an annotator to rank answers, or as the admin to see agreement and training.",
            fails="The first pipeline could not be started; the next start tries again.",
            succeeds=lambda: unfinished.unlink(missing_ok=True),
        ),
    ]


def compile_steps() -> list[Step]:
    """Where they are new: compile the measures of the audit before somebody waits for a page that needs them."""
    if is_compiled():
        return []
    return [
        Step(
            "compile",
            [*PYTHON, "-m", "annotate.quality.compiled"],
            begins="Compiling the measures of the audit, once, for half a minute. Everything else works meanwhile.",
            fails="The measures of the audit could not be compiled; the first of its pages tries again.",
        )
    ]


def ledger_steps() -> list[Step]:
    """Where there are many judgements and no ledger of them: make it before somebody waits for a page that needs it."""
    newest = Judgement.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    if newest < MANY_JUDGEMENTS or ledger().store.opened():
        return []
    return [
        Step(
            "ledger",
            [*MANAGE, "ledger"],
            begins="Reading all judgements, once, for the audit's pages. Everything else works meanwhile.",
            fails="The judgements could not be read for the audit; the first of its pages tries again.",
        )
    ]


@contextlib.contextmanager
def held_alone(path: Path) -> Iterator[None]:
    """Refuses a second `up` on the same data: two clocks and two trainers would do everything twice."""
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CommandError(
                f"Concord already runs on {path.parent} (process {path.read_text().strip()}). "
                "Stop that one first, or name another folder in CONCORD_VAR."
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def check_port(host: str, port: int) -> None:
    """Refuses to start where the web server could not listen."""
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except socket.gaierror as error:
        raise CommandError(f"HOST is {host!r}, which is no address of this machine. Correct or unset HOST.") from error
    except OSError as error:
        raise CommandError(
            f"Port {port} on {host} cannot be used ({os.strerror(error.errno)}). "
            f"Stop what uses it, or choose another: PORT={port + 1} ./run"
        ) from error


def url() -> str:
    return f"http://{address(settings.HOST, settings.PORT)}/"


def address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def answers(host: str, port: int) -> bool:
    """Whether the web server serves; a redirect or a refused host name is an answer too."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    connection = http.client.HTTPConnection(reachable, port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
