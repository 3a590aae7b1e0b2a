"""Products under load, one for each database, with people who have tokens; what a load of annotators costs there."""

import contextlib
import itertools
import json
import math
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import redis

from tests.bench._cpu import cpu_seconds, machine_seconds, parent_of
from tests.bench._load import Acknowledged, Load, Tally
from tests.bench._product import inside, running_servers
from tests.product import Product

numbers = itertools.count()
DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
WARM_UP_SECONDS = 0.7
"""Work that is not measured, at the begin of each window: connections are made, caches filled."""


@dataclass(frozen=True, slots=True)
class Window:
    """So many annotators in a closed loop, measured for some seconds."""

    trips: int
    seconds: float
    ms: list[float]
    """Of each trip."""
    requests_per_trip: float
    cpu_ms: dict[str, float]
    """Per trip: of the web server, the workers with the clock and what starts them all, the database, the broker."""
    client_cpu_ms_per_trip: float
    others_cores: float
    """Cores that were busy with something else meanwhile, on average."""
    errors: list[str]

    @property
    def cpu_ms_per_trip(self) -> float:
        return sum(self.cpu_ms.values())

    @property
    def trips_per_s(self) -> float:
        return self.trips / self.seconds

    @property
    def summary(self) -> str:
        return (
            f"{self.trips} trips in {self.seconds:.1f} s, {self.requests_per_trip:.1f} requests each,"
            f" p95 {self.percentile(0.95):.0f} ms, {len(self.errors)} errors,"
            f" {self.others_cores:.1f} cores busy with other things"
        )

    def percentile(self, share: float) -> float:
        return percentile(self.ms, share)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so many of them do not exceed (nearest rank); NaN when there are none."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)] if ranked else float("nan")


@dataclass
class Served:
    """A running product, the processes that it and its servers consist of, and everything that it acknowledged."""

    database: str
    product: Product
    roots: dict[str, int]
    """The process that started all of each part: product, web (which is within the product), database, broker."""
    tokens: list[str]
    gives_next: bool = False
    """Whether it answers a submission with the next task."""
    acknowledged: dict[str, list[Acknowledged]] = field(default_factory=dict)

    def inside(self, call: str, *, module: str = "_assignment_inside") -> Any:
        return inside(self.product, module, call)

    def load(self, campaign: str, annotators: int, *, one_request: bool = True) -> Load:
        return Load(self.product.port, self.tokens[:annotators], campaign, one_request=one_request)

    def remember(self, campaign: str, tally: Tally) -> None:
        self.acknowledged.setdefault(campaign, []).extend(tally.acknowledged)
        self.gives_next = self.gives_next or tally.gives_next

    def measure(self, campaign: str, annotators: int, seconds: float, *, one_request: bool) -> Window:
        """One window of load; it ends early when somebody has done every task."""
        load = self.load(campaign, annotators, one_request=one_request)
        load.begin()
        load.run(WARM_UP_SECONDS)
        used, everything, own = cpu_seconds(self.roots), machine_seconds(), time.process_time()
        began = time.perf_counter()
        load.run(seconds)
        ended = time.perf_counter()
        own, everything = time.process_time() - own, machine_seconds() - everything
        used = {name: seconds - used[name] for name, seconds in cpu_seconds(self.roots).items()}
        used["workers"] = used.pop("product") - used["web"]
        load.finish()
        self.remember(campaign, load.tally)
        errors = load.tally.errors + ["a broken connection"] * load.tally.broken
        trips = [trip for trip in load.tally.trips if began <= trip.ended <= ended]
        n = len(trips) or 1
        return Window(
            trips=len(trips),
            seconds=ended - began,
            ms=[trip.ms for trip in trips],
            requests_per_trip=sum(trip.requests for trip in trips) / n,
            cpu_ms={name: 1000 * seconds / n for name, seconds in used.items()},
            client_cpu_ms_per_trip=1000 * own / n,
            others_cores=max(0.0, everything - sum(used.values()) - own) / (ended - began),
            errors=errors,
        )

    def drain(self, campaign: str, annotators: int, *, within: float = 120.0) -> Tally:
        """Let so many annotators work until nothing is left for any of them."""
        load = self.load(campaign, annotators)
        load.begin()
        load.run(within, to_the_end=True)
        load.finish()
        self.remember(campaign, load.tally)
        return load.tally

    def report(self) -> dict[str, dict[str, int]]:
        """By campaign: judgements, and how many are beyond the overlap, doubled, or answered and not there."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            rows = {
                campaign: [[one.key, one.judgement, one.assignment] for one in found]
                for campaign, found in self.acknowledged.items()
            }
            json.dump(rows, file)
            file.flush()
            return self.inside(f"report({file.name!r})")


@contextlib.contextmanager
def serving(database: str, *, annotators: int) -> Iterator[Served]:
    """The product as shipped, on this database, in a folder of its own, with people who have tokens."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="concord-bench-")))
        servers: dict[str, str] = {}
        if database == "postgresql":
            servers = stack.enter_context(running_servers(folder, database=f"bench_{next(numbers)}"))
        roots = _durable(servers) if servers else {}
        product = Product(folder / "var", env=servers)
        stack.callback(product.stop)
        product.start_all()
        roots["product"] = product.process.pid
        roots["web"] = next(pid for pid in product.processes("gunicorn") if parent_of(pid) == product.process.pid)
        yield Served(database, product, roots, inside(product, "_assignment_inside", f"prepare({annotators=})"))


def _durable(servers: dict[str, str]) -> dict[str, int]:
    """The ids of the servers' processes; PostgreSQL keeps its promises again, which it need not where tests use it."""
    with psycopg.connect(servers["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("ALTER SYSTEM RESET ALL")
        connection.execute("SELECT pg_reload_conf()")
        postmaster = parent_of(connection.info.backend_pid)
    with redis.Redis.from_url(servers["CELERY_BROKER_URL"]) as broker:
        return {"database": postmaster, "broker": broker.info("server")["process_id"]}


def median(values: Sequence[float], digits: int = 1) -> float:
    return round(statistics.median(values), digits)
