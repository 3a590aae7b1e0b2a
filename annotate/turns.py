"""Few requests at a time in each process of the web server, as long as they are short.

Python runs one thread at a time anyway. Threads that compete for it cost every judgement a fourth more CPU time and
make the slowest ones wait twice as long; threads that stand in line do not. But a request that waits for something (a
database that is busy, a chart that is drawn) is overtaken, so that it never holds the others up for long.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

PATIENCE = 0.1
"""Seconds that a request waits for its turn: some twenty times what the requests of work take."""

Application = Callable[[dict[str, Any], Callable], Iterable[bytes]]


class InTurn:
    """A WSGI application whose requests take turns, `at_once` at a time, first come, first served.

    What a response streams is read outside of its turn.
    """

    def __init__(self, application: Application, *, at_once: int = 1, patience: float = PATIENCE):
        self.application = application
        self.patience = patience
        self._line: deque[threading.Lock] = deque()
        self._free = at_once
        self._inner = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
        mine = self._wait()
        try:
            return self.application(environ, start_response)
        finally:
            if mine:
                self._pass_on()

    def _wait(self) -> bool:
        """Whether it is this request's turn; False when it goes ahead without."""
        with self._inner:
            if self._free:
                self._free -= 1
                return True
            called = threading.Lock()
            called.acquire()
            self._line.append(called)
        if called.acquire(timeout=self.patience):
            return True
        with self._inner:
            if called in self._line:
                self._line.remove(called)
                return False
        return True  # it was called in this moment

    def _pass_on(self) -> None:
        with self._inner:
            if self._line:
                self._line.popleft().release()
            else:
                self._free += 1
