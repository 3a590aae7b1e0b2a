"""How long the audit's pages take where a campaign has a million judgements, and until a new one shows.

    ./run bench audit [--judgements 1000000] [--databases sqlite,postgresql] [--rounds 12] [--pages bias,week] [--json]

It starts the product as shipped, writes the judgements straight into the database (1,000 annotators, 4 judgements a
task, six flags, 20 weeks, 8 domains, 3 versions of the guideline; 2,000 tasks with a known answer), makes the ledger,
and asks for each page as a browser would: `first` of a web process that has just started, `again` while nothing
changes, and `after` another annotator submitted a judgement over the API a moment before. A page is ok where 95 % of
the looks take less than 200 ms, again and after; downloads that lack the new judgement count as errors.
"""

import argparse
import http.client
import json
import os
import signal
import statistics
import sys
import time
from collections.abc import Collection
from urllib.parse import urlsplit

from tests.bench._cpu import parent_of
from tests.bench._served import DATABASES, Served, serving
from tests.product import wait_until

PEOPLE = 1_000
JUDGES = 4
CAMPAIGN = "audit"
MOST_MS = 200.0
PAGES = {
    "campaign": f"/agreement/{CAMPAIGN}/",
    "slice": f"/agreement/{CAMPAIGN}/?domain=domain-3&version=ranking-2",
    "pairs": f"/agreement/{CAMPAIGN}/pairs/",
    "change": f"/agreement/{CAMPAIGN}/change/",
    "json": f"/agreement/{CAMPAIGN}/figures.json",
    "ratings": f"/agreement/{CAMPAIGN}/ratings/",
    "their change": f"/agreement/{CAMPAIGN}/ratings/change/",
    "their pairs": f"/agreement/{CAMPAIGN}/ratings/pairs/",
    "consensus": f"/campaigns/{CAMPAIGN}/consensus/",
    "producers": f"/campaigns/{CAMPAIGN}/producers/",
    "disputes": f"/campaigns/{CAMPAIGN}/disagreements/",
    "queue": f"/api/v1/campaigns/{CAMPAIGN}/disagreements/",
    "proposals": f"/campaigns/{CAMPAIGN}/gold/proposals/",
    "leaks": f"/campaigns/{CAMPAIGN}/gold/leaks/",
    "gold": f"/campaigns/{CAMPAIGN}/gold/",
    "time": f"/agreement/{CAMPAIGN}/time/",
    "who": f"/agreement/{CAMPAIGN}/composition/",
    "csv": f"/agreement/{CAMPAIGN}/figures.csv",
    "bias": f"/campaigns/{CAMPAIGN}/bias/",
    "domains": "/agreement/domains/",
    "domain": "/agreement/domains/domain-3/",
    "weeks": "/agreement/weeks/",
    "week": "/agreement/weeks/{week}/",
    "version": "/agreement/guidelines/ranking/2/",
    "person": "/agreement/people/{person}/",
    "task": "/agreement/tasks/{task}/",
    "all producers": "/agreement/producers/",
    "one producer": "/agreement/producers/{producer}/",
    "expertise": "/people/expertise/",
}
"""The addresses; {person}, {task}, {producer} and {week} stand for ids: of somebody who judged, what and when."""


class Browser:
    """One connection that is logged in as the admin."""

    def __init__(self, url: str, session: str):
        place = urlsplit(url)
        self.connection = http.client.HTTPConnection(place.hostname, place.port, timeout=300)
        self.cookie = f"sessionid={session}"

    def get(self, path: str) -> tuple[float, bytes]:
        """Milliseconds until the whole page is there, and the page."""
        began = time.perf_counter()
        self.connection.request("GET", path, headers={"Cookie": self.cookie})
        answer = self.connection.getresponse()
        page = answer.read()
        if answer.status != http.client.OK:
            raise AssertionError(f"{path} answered {answer.status}")
        return 1000 * (time.perf_counter() - began), page


class Annotator:
    """Somebody who submits judgements over the API."""

    def __init__(self, url: str, token: str):
        place = urlsplit(url)
        self.connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
        self.headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}

    def judge(self) -> None:
        """Take a task and submit a ranking."""
        task = self._post("tasks/next/", {"campaign": CAMPAIGN})
        ranks = {str(one["id"]): rank for rank, one in enumerate(task["completions"], start=1)}
        self._post(f"assignments/{task['id']}/submit/", {"ranks": ranks, "seconds": 20.0})

    def _post(self, path: str, body: dict) -> dict:
        self.connection.request("POST", f"/api/v1/{path}", json.dumps(body), self.headers)
        answer = self.connection.getresponse()
        said = answer.read()
        self.connection.close()  # the server would, if the look in between takes two seconds
        if answer.status >= http.client.BAD_REQUEST:
            raise AssertionError(f"{path} answered {answer.status}: {said[:300]!r}")
        return json.loads(said)


def n_shown(page: bytes) -> int:
    """How many ties or preferences the JSON counts: every judgement adds one."""
    rows = json.loads(page)["figures"]
    return next(row["n"] for row in rows if row["measure"] == "tie_rate")


def measure(served: Served, rounds: int, judgements: int, wanted: Collection[str]) -> dict:
    """Fill, make the ledger, and time the pages of one database."""
    filled = served.inside(f"fill({ {CAMPAIGN: judgements // JUDGES}!r}, overlap={JUDGES + 1})")
    filled += inside_audit(served, f"judge({CAMPAIGN!r}, people={PEOPLE})")
    filled += inside_audit(served, f"gold({CAMPAIGN!r})")
    built = inside_audit(served, "build()")
    weighed = inside_audit(served, f"weigh({CAMPAIGN!r})")
    ids = inside_audit(served, f"ids({CAMPAIGN!r})")
    pages = {name: path.format(**ids) for name, path in PAGES.items() if name in {*wanted, "json"}}
    session = inside_audit(served, "session()")
    browser = Browser(served.product.url, session)
    while b"not been looked at yet" in browser.get(PAGES["bias"])[1]:
        pass  # once in the life of a text, by whichever process comes first
    first = {name: first_look(served, session, path) for name, path in pages.items()}
    person = Annotator(served.product.url, served.tokens[0])
    for _connection in range(4):  # each web process has its own sums, and one of them answers a connection
        browser = Browser(served.product.url, session)
        for path in pages.values():
            browser.get(path)
    again = {name: [browser.get(path)[0] for _round in range(rounds)] for name, path in pages.items()}
    after: dict[str, list[float]] = {name: [] for name in pages}
    late, expected = 0, n_shown(browser.get(pages["json"])[1])
    for _round in range(rounds):
        for name, path in pages.items():
            person.judge()
            expected += 1
            took, page = browser.get(path)
            after[name].append(took)
            late += name == "json" and n_shown(page) != expected
    return {
        "database": served.database,
        "judgements": judgements,
        "fill_s": round(filled, 1),
        "ledger_s": built["seconds"],
        "ledger_mb": built["megabytes"],
        "weighed_s": weighed,
        "pages": {name: page_row(first[name], again[name], after[name]) for name in pages},
        "late": late,
    }


def first_look(served: Served, session: str, path: str) -> float:
    """Milliseconds that a page takes in a web process that has answered nothing but /healthz since it started."""
    web = served.roots["web"]

    def workers() -> set[int]:
        return {pid for pid in served.product.processes("gunicorn") if parent_of(pid) == web}

    old = workers()
    os.kill(web, signal.SIGHUP)
    wait_until(
        lambda: (now := workers()) and not now & old and len(now) == len(old), within=60, what="new web processes"
    )
    wait_until(served.product.answers, within=60, what="a new web process to answer")
    return Browser(served.product.url, session).get(path)[0]


def page_row(first: float, again: list[float], after: list[float]) -> dict:
    """The figures of one page, and whether it answers in time."""
    row = {"first_ms": round(first), "again_ms": summary(again), "after_ms": summary(after)}
    return row | {"ok": max(row["again_ms"]["p95"], row["after_ms"]["p95"]) < MOST_MS}


def inside_audit(served: Served, call: str):
    """Calls a function of _audit_inside in the product."""
    return served.inside(call, module="_audit_inside")


def summary(values: list[float]) -> dict:
    """Median and 95th percentile."""
    ranked = sorted(values)
    return {
        "p50": round(statistics.median(ranked), 1),
        "p95": round(ranked[min(len(ranked) - 1, round(0.95 * len(ranked)))], 1),
        "n": len(ranked),
    }


def print_row(row: dict) -> None:
    print(f"\n{DATABASES[row['database']]}, {row['judgements']:,} judgements in one campaign, {PEOPLE:,} annotators")
    print(f"  made in {row['fill_s']} s; the ledger of {row['ledger_mb']} MB in {row['ledger_s']} s,", end=" ")
    print(f"the queue of disagreements in {row['weighed_s']} s; ms of a page:")
    print(f"  {'':<16}{'first':>8}{'again p50':>12}{'p95':>8}{'after p50':>12}{'p95':>8}   below {MOST_MS:.0f}")
    for name, page in row["pages"].items():
        one, other = page["again_ms"], page["after_ms"]
        print(
            f"  {name:<16}{page['first_ms']:>8}{one['p50']:>12}{one['p95']:>8}{other['p50']:>12}{other['p95']:>8}",
            end="",
        )
        print("   ok" if page["ok"] else "   NOT")
    print(f"  downloads without the judgement submitted before: {row['late']}", flush=True)


def main(argv: list[str] | None = None) -> int:
    """Run it; 0 when 95 % of the looks at every page take less than 200 ms, and have the newest judgement."""
    parser = argparse.ArgumentParser(prog="./run bench audit", description=__doc__.split("\n")[0])
    parser.add_argument("--judgements", type=int, default=1_000_000)
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--pages", default=",".join(PAGES), help="names of the pages (default: all of them)")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    arguments = parser.parse_args(argv)
    wanted = arguments.pages.split(",")
    if unknown := sorted(set(wanted) - PAGES.keys()):
        parser.error(f"there is no page {unknown[0]!r}; choose some of {', '.join(PAGES)}")
    rows = []
    for database in arguments.databases.split(","):
        with serving(database, annotators=1) as served:
            rows.append(measure(served, arguments.rounds, arguments.judgements, wanted))
        print_row(rows[-1])
    print(f"\n{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    if arguments.json:
        print(json.dumps({"benchmark": "audit", "databases": rows, "load": round(os.getloadavg()[0], 1)}))
    ok = all(page["ok"] for row in rows for page in row["pages"].values()) and not any(row["late"] for row in rows)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
