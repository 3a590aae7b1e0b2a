"""Annotators who judge over HTTP as fast as they are answered: one light process, raw sockets, one selector.

It shares the machine's cores with what it measures, so it does next to nothing: requests are bytes made by hand, and of
an answer only the JSON is read. A *trip* is getting the next task with its content and storing the judgement. It takes
two requests, or one where the server gives the next task with the answer to a submission (`?next=1`).
"""

import contextlib
import json
import random
import selectors
import socket
import time
from dataclasses import dataclass, field

SECONDS = 4
"""The active seconds that each annotator claims to have spent."""
GIVE_UP_AFTER = 120.0
"""Seconds without any answer after which the product counts as dead."""
AGAIN_AFTER = 0.1
"""Seconds from a broken connection until the same request is sent again."""


@dataclass(frozen=True, slots=True)
class Trip:
    """A task that came and a judgement that was stored."""

    ended: float
    """time.perf_counter()"""
    ms: float
    requests: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A judgement that the server said it has stored."""

    key: str
    judgement: int
    assignment: str


@dataclass
class Tally:
    """What a load of annotators met."""

    trips: list[Trip] = field(default_factory=list)
    acknowledged: list[Acknowledged] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    broken: int = 0
    """Connections that ended in the middle of a request, which was then sent again."""
    gives_next: bool = False
    """Whether a submission was answered with the next task."""


def http_request(path: str, token: str, body: bytes, *, key: str = "") -> bytes:
    """A POST of JSON to the API, as bytes."""
    lines = f"POST /api/v1/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Token {token}\r\n"
    lines += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"{lines}Idempotency-Key: {key}\r\n\r\n".encode() + body if key else f"{lines}\r\n".encode() + body


def http_answer(received: bytes) -> tuple[int, bytes] | None:
    """The status and the body of an HTTP/1.1 answer with a length; None while some of it is missing."""
    head, found, body = received.partition(b"\r\n\r\n")
    if not found:
        return None
    status = int(head[9:12])
    _before, named, after = head.lower().partition(b"\r\ncontent-length:")
    length = int(after.partition(b"\r\n")[0]) if named else 0
    if not named and status not in (204, 304):
        raise ValueError(f"an answer without a length: {head[:200]!r}")
    return (status, body[:length]) if len(body) >= length else None


def whats_missing(assignment: dict) -> str:
    """Why nobody could judge the pair in this assignment; empty when everything is there."""
    if not all(message["content"] for message in assignment["prompt"]) or not assignment["prompt"]:
        return "an assignment without a prompt"
    if len(assignment["completions"]) != 2 or not all(one["text"] for one in assignment["completions"]):
        return "an assignment without two completions"
    return ""


class Annotator:
    """One person with one connection: asks for a task, answers it, and so on until there is none."""

    def __init__(self, token: str, *, load: "Load", number: int):
        self.token, self.load = token, load
        self.random = random.Random(number)
        self.connection: socket.socket | None = None
        self.request, self.received = b"", b""
        self.assignment = ""
        """The one that is being submitted; empty while the next is asked for."""
        self.key = ""
        self.began, self.requests = 0.0, 0
        self.waiting_since = self.send_at = 0.0
        self.done = False

    def ask(self) -> None:
        self.assignment, self.key = "", ""
        self.began, self.requests = time.perf_counter(), 0
        self.send(self.load.asking[self.token])

    def submit(self, assignment: dict) -> None:
        self.assignment = assignment["id"]
        self.key = f"bench-{self.assignment}"
        first, second = (completion["id"] for completion in assignment["completions"])
        ranks = self.random.choice(((1, 2), (2, 1), (1, 1)))
        body = b'{"ranks":{"%d":%d,"%d":%d},"seconds":%d}' % (first, ranks[0], second, ranks[1], SECONDS)
        wish = "?next=1" if self.load.one_request else ""
        self.send(http_request(f"assignments/{self.assignment}/submit/{wish}", self.token, body, key=self.key))

    def send(self, request: bytes) -> None:
        self.request, self.received = request, b""
        self.requests += 1
        self.waiting_since = time.perf_counter()
        self.transmit()

    def transmit(self) -> None:
        """Send the request, over a new connection where there is none; when that breaks, again in a moment."""
        self.send_at = 0.0
        try:
            if self.connection is None:
                self.connection = socket.create_connection(self.load.address, timeout=5)
                self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connection.setblocking(False)
                self.load.selector.register(self.connection, selectors.EVENT_READ, self)
            self.connection.sendall(self.request)
        except OSError:
            self.broke()

    def broke(self) -> None:
        self.load.tally.broken += 1
        self.hang_up()
        self.received = b""
        self.send_at = time.perf_counter() + AGAIN_AFTER

    def hang_up(self) -> None:
        if self.connection is not None:
            with contextlib.suppress(KeyError):
                self.load.selector.unregister(self.connection)
            self.connection.close()
            self.connection = None

    def hear(self) -> None:
        try:
            received = self.connection.recv(1 << 18)
        except OSError:
            received = b""
        if not received:
            if self.waiting_since:
                self.broke()
            else:  # the server ends connections on which nothing happens
                self.hang_up()
            return
        self.received += received
        if answer := http_answer(self.received):
            self.waiting_since = 0.0
            self.answered(*answer)

    def answered(self, status: int, body: bytes) -> None:
        if not self.assignment:
            if status == 204:
                self.done = True
            elif status == 200:
                self.take(json.loads(body))
            else:
                self.went_wrong(f"tasks/next/ was answered with {status}: {body[:300].decode(errors='replace')}")
            return
        if status != 201:
            self.went_wrong(f"submit/ was answered with {status}: {body[:300].decode(errors='replace')}")
            return
        answer = json.loads(body)
        self.load.tally.acknowledged.append(Acknowledged(self.key, answer["judgement"], self.assignment))
        if "next" not in answer:
            self.count_trip()
            self.go_on(None)
            return
        self.load.tally.gives_next = True
        self.count_trip()
        if answer["next"] is None:
            self.assignment, self.done = "", True
        else:
            self.go_on(answer["next"])

    def count_trip(self) -> None:
        now = time.perf_counter()
        self.load.tally.trips.append(Trip(now, 1000 * (now - self.began), self.requests))

    def go_on(self, assignment: dict | None) -> None:
        """Begin the next trip, unless it is time to stop."""
        self.began, self.requests = time.perf_counter(), 0
        if self.load.stopping:
            self.assignment = ""
        elif assignment is None:
            self.ask()
        else:
            self.take(assignment)

    def take(self, assignment: dict) -> None:
        if missing := whats_missing(assignment):
            self.went_wrong(missing)
        elif not self.load.stopping:
            self.submit(assignment)

    def went_wrong(self, what: str) -> None:
        self.load.tally.errors.append(what)
        if len(self.load.tally.errors) > 1000:
            raise AssertionError(f"more than 1,000 errors, the last: {what}")
        if not self.load.stopping:
            self.ask()


class Load:
    """So many annotators at work in a campaign, each in a closed loop without a pause."""

    def __init__(self, port: int, tokens: list[str], campaign: str, *, one_request: bool):
        self.address = ("127.0.0.1", port)
        self.one_request = one_request
        self.selector = selectors.DefaultSelector()
        self.tally = Tally()
        self.stopping = False
        wish = json.dumps({"campaign": campaign}).encode()
        self.asking = {token: http_request("tasks/next/", token, wish) for token in tokens}
        self.people = [Annotator(token, load=self, number=number) for number, token in enumerate(tokens)]

    @property
    def out_of_tasks(self) -> bool:
        """Whether somebody was told that there is nothing left for them."""
        return any(person.done for person in self.people)

    def begin(self) -> None:
        for person in self.people:
            person.ask()

    def run(self, seconds: float, *, most: int | None = None, to_the_end: bool = False) -> None:
        """Let them work so long, or for so many trips at `most`.

        It ends early when somebody runs out of tasks, or everybody where it goes `to_the_end`.
        """
        until = time.perf_counter() + seconds
        before = len(self.tally.trips)
        while (now := time.perf_counter()) < until:
            if all(person.done for person in self.people) if to_the_end else self.out_of_tasks:
                return
            if most is not None and len(self.tally.trips) - before >= most:
                return
            self._turn(min(until - now, 0.05))

    def finish(self) -> None:
        """Let every request that is under way be answered, and hang up."""
        self.stopping = True
        while any(person.waiting_since for person in self.people):
            self._turn(0.05)
        self.abandon()

    def abandon(self) -> None:
        """Hang up at once, whatever is under way."""
        for person in self.people:
            person.hang_up()
        self.selector.close()

    def _turn(self, timeout: float) -> None:
        for key, _events in self.selector.select(timeout):
            key.data.hear()
        now = time.perf_counter()
        for person in self.people:
            if person.send_at and person.send_at <= now:
                person.transmit()
            if person.waiting_since and now - person.waiting_since > GIVE_UP_AFTER:
                raise AssertionError(f"no answer for {GIVE_UP_AFTER:.0f} s to {person.request[:80]!r}")
