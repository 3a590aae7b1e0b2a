"""Annotators who judge over HTTP and never give up: what was not answered is sent again, under the same key."""

import json
import random
import threading
import time
import urllib.error
import urllib.request
from typing import Any

PASSWORD = "correct horse battery"
GIVE_UP_AFTER = 120.0
"""Seconds without any answer after which the product counts as dead."""
SENT_TWICE = 0.2
"""Share of submissions that are sent once more although they were answered, as an impatient browser does."""


class Annotator(threading.Thread):
    """One person at work in the campaign `live`, in a thread of their own."""

    def __init__(self, name: str, *, url: str, pause: float):
        super().__init__(name=name, daemon=True)
        self.url, self.pause = url, pause
        self.done = threading.Event()
        self.acknowledged: dict[str, int] = {}
        """Idempotency key -> id of the judgement that the product answered with."""
        self.repeated = 0
        self.unanswered = 0
        self.finished_all = False
        self.problem = ""
        self._token = ""
        self._random = random.Random(name)

    def run(self) -> None:
        try:
            credentials = {"username": self.name, "password": PASSWORD}
            self._token = self._post("auth/login/", credentials)["token"]
            while not self.done.is_set():
                if not self._judge_one():
                    self.finished_all = True
                    return
                time.sleep(self.pause * self._random.uniform(0.5, 1.5))
        except (OSError, ValueError, KeyError) as error:
            self.problem = f"{self.name}: {error}"

    def _judge_one(self) -> bool:
        task = self._post("tasks/next/", {"campaign": "live"})
        if task is None:
            return False
        order = [completion["id"] for completion in task["completions"]]
        self._random.shuffle(order)
        ranks = {str(completion): rank for rank, completion in enumerate(order, start=1)}
        key = f"{self.name}/{task['id']}"
        body = {"ranks": ranks, "seconds": 5}
        answer = self._post(f"assignments/{task['id']}/submit/", body, key=key)
        self.acknowledged[key] = answer["judgement"]
        if self._random.random() < SENT_TWICE:
            self.repeated += 1
            again = self._post(f"assignments/{task['id']}/submit/", body, key=key)
            if again["judgement"] != answer["judgement"]:
                raise ValueError(f"the same key made judgement {answer['judgement']} and {again['judgement']}")
        return True

    def _post(self, path: str, body: dict[str, Any], *, key: str = "") -> Any:
        """The answer's JSON (None for 204), sent again until there is an answer."""
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Token {self._token}"
        if key:
            headers["Idempotency-Key"] = key
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", json.dumps(body).encode(), headers)
        deadline = time.monotonic() + GIVE_UP_AFTER
        while True:
            try:
                with urllib.request.urlopen(request, timeout=30) as response:
                    return json.loads(response.read() or "null")
            except urllib.error.HTTPError as error:
                if error.code < 500:
                    raise ValueError(f"{path} was answered with {error.code}: {error.read().decode()}") from error
                failure: Exception = error
            except (OSError, ValueError) as error:  # refused, reset, or cut off in the middle of the answer
                failure = error
            self.unanswered += 1
            if time.monotonic() > deadline:
                raise ValueError(f"{path} had no answer for {GIVE_UP_AFTER:.0f} s: {failure}")
            time.sleep(0.2)
