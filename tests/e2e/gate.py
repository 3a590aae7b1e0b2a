"""Between two tests the server takes no requests, and none is under way."""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Application = Callable[[dict[str, Any], Callable], Iterable[bytes]]


class Gate:
    """A WSGI application before the server's own, which hears of requests while the gate is open.

    A page that is left sends its draft, and would send it to a test's database while that is emptied, or to none.
    """

    def __init__(self, application: Application):
        self.application = application
        self._under_way = 0
        self._is_open = False
        self._changed = threading.Condition()

    def open(self) -> None:
        """Take requests."""
        self._is_open = True

    def close(self, seconds: float = 60) -> None:
        """Take no more requests and wait until there is none; AssertionError when one does not end."""
        with self._changed:
            self._is_open = False
            assert self._changed.wait_for(lambda: not self._under_way, seconds), "A request to the server does not end."

    def __call__(self, environ: dict[str, Any], start_response: Callable) -> Iterator[bytes]:
        with self._changed:
            is_open = self._is_open
            self._under_way += is_open
        if not is_open:
            start_response("503 Service Unavailable", [("Content-Type", "text/plain"), ("Content-Length", "0")])
            return
        try:
            response = self.application(environ, start_response)
            try:
                yield from response
            finally:
                response.close()
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()
