"""How long the audit's pages take where a campaign has a million judgements, and until a new one shows.

    ./run bench audit [--judgements 1000000] [--databases sqlite,postgresql] [--rounds 20] [--json]

It starts the product as shipped, writes the judgements straight into the database (1,000 annotators, 4 judgements a
task, 20 weeks, 8 domains, 3 versions of the guideline; 2,000 tasks with a known answer), makes the ledger, and asks for
each page as a browser would: `again` while nothing changes, and `after` another annotator submitted a judgement over
the API a moment before. A page that then does not have that judgement counts as an error. `first` is what the first
page costs each web process.
"""

import argparse
import http.client
import json
import os
import statistics
import sys
import time
from urllib.parse import urlsplit

from tests.bench._served import DATABASES, Served, serving

PEOPLE = 1_000
JUDGES = 4
CAMPAIGN = "audit"
MOST_MS, MOST_SHOWN_MS = 200.0, 1_000.0
PAGES = {
    "campaign": f"/agreement/{CAMPAIGN}/",
    "slice": f"/agreement/{CAMPAIGN}/?domain=domain-3&version=ranking-2",
    "pairs": f"/agreement/{CAMPAIGN}/pairs/",
    "change": f"/agreement/{CAMPAIGN}/change/",
    "json": f"/agreement/{CAMPAIGN}/figures.json",
    "consensus": f"/campaigns/{CAMPAIGN}/consensus/",
    "producers": f"/campaigns/{CAMPAIGN}/producers/",
    "disputes": f"/campaigns/{CAMPAIGN}/disagreements/",
    "queue": f"/api/v1/campaigns/{CAMPAIGN}/disagreements/",
    "proposals": f"/campaigns/{CAMPAIGN}/gold/proposals/",
    "leaks": f"/campaigns/{CAMPAIGN}/gold/leaks/",
    "time": f"/agreement/{CAMPAIGN}/time/",
    "who": f"/agreement/{CAMPAIGN}/composition/",
    "bias": f"/campaigns/{CAMPAIGN}/bias/",
    "person": "/agreement/people/{person}/",
    "expertise": "/people/expertise/",
}


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
        if answer.status >= http.client.BAD_REQUEST:
            raise AssertionError(f"{path} answered {answer.status}: {said[:300]!r}")
        return json.loads(said)


def n_shown(page: bytes) -> int:
    """How many ties or preferences the JSON counts: every judgement adds one."""
    rows = json.loads(page)["figures"]
    return next(row["n"] for row in rows if row["measure"] == "tie_rate")


def measure(served: Served, rounds: int, judgements: int) -> dict:
    """Fill, make the ledger, and time the pages of one database."""
    inside = served.inside
    filled = inside(f"fill({ {CAMPAIGN: judgements // JUDGES}!r}, overlap={JUDGES + 1})")
    filled += inside_audit(served, f"judge({CAMPAIGN!r}, people={PEOPLE})")
    filled += inside_audit(served, f"gold({CAMPAIGN!r})")
    built = inside_audit(served, "build()")
    weighed = inside_audit(served, f"weigh({CAMPAIGN!r})")
    browser = Browser(served.product.url, inside_audit(served, "session()"))
    person = Annotator(served.product.url, served.tokens[0])
    somebody = inside_audit(served, "somebody()")
    pages = {name: path.format(person=somebody) for name, path in PAGES.items()}
    while b"not been looked at yet" in browser.get(pages["bias"])[1]:
        pass  # once in the life of a text, by whichever process comes first
    first = max(browser.get(path)[0] for _again in range(4) for path in pages.values())
    again = {name: [browser.get(path)[0] for _round in range(rounds)] for name, path in pages.items()}
    after: dict[str, list[float]] = {name: [] for name in PAGES}
    late, shown = 0, []
    expected = n_shown(browser.get(pages["json"])[1])
    for _round in range(rounds):
        for name, path in pages.items():
            person.judge()
            expected += 1
            took, page = browser.get(path)
            after[name].append(took)
            if name == "json":
                shown.append(took)
                late += n_shown(page) != expected
    return {
        "database": served.database,
        "judgements": judgements,
        "fill_s": round(filled, 1),
        "ledger_s": built["seconds"],
        "ledger_mb": built["megabytes"],
        "weighed_s": weighed,
        "first_ms": round(first),
        "again_ms": {name: summary(values) for name, values in again.items()},
        "after_ms": {name: summary(values) for name, values in after.items()},
        "submit_to_shown_ms": summary(shown),
        "late": late,
    }


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
    print(f"  made in {row['fill_s']} s; the ledger of {row['ledger_mb']} MB in {row['ledger_s']} s;", end=" ")
    print(f"the first page of a process at most {row['first_ms']} ms")
    print(f"  {'':<10}{'again p50':>12}{'p95':>8}{'after p50':>12}{'p95':>8}   ms")
    for name in PAGES:
        one, other = row["again_ms"][name], row["after_ms"][name]
        print(f"  {name:<10}{one['p50']:>12}{one['p95']:>8}{other['p50']:>12}{other['p95']:>8}")
    print(f"  shown after submitting: p95 {row['submit_to_shown_ms']['p95']} ms; not shown at once: {row['late']}")


def main(argv: list[str] | None = None) -> int:
    """Run it; 0 when every page's median is below 200 ms, and a new judgement shows within a second."""
    parser = argparse.ArgumentParser(prog="./run bench audit", description=__doc__.split("\n")[0])
    parser.add_argument("--judgements", type=int, default=1_000_000)
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    arguments = parser.parse_args(argv)
    rows = []
    for database in arguments.databases.split(","):
        with serving(database, annotators=1) as served:
            rows.append(measure(served, arguments.rounds, arguments.judgements))
        print_row(rows[-1])
    print(f"\n{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    quick = all(one["p50"] < MOST_MS for row in rows for kind in ("again_ms", "after_ms") for one in row[kind].values())
    shown = all(row["submit_to_shown_ms"]["p95"] < MOST_SHOWN_MS and not row["late"] for row in rows)
    if arguments.json:
        print(json.dumps({"benchmark": "audit", "databases": rows, "load": round(os.getloadavg()[0], 1)}))
    return 0 if quick and shown else 1


if __name__ == "__main__":
    sys.exit(main())
