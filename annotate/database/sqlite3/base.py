"""Django's SQLite backend, with a line in which transactions wait for their turn to write.

SQLite lets one transaction write at a time. Whoever finds it busy sleeps, longer each time, and then looks again: under
load the quick overtake the patient, and a write that takes two milliseconds waits for fifty. So a transaction first
takes a lock of the operating system, which wakes the next in line at once, in whatever thread or process it is.

Only the order rests on this lock. A statement outside of a transaction does without it, and SQLite keeps the two apart.
"""

import fcntl
import os

from django.db.backends.sqlite3 import base


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that holds its turn from the beginning of a transaction to its end."""

    _line: int | None = None
    """The descriptor of the lock's file: one for each connection, so that threads wait for each other, too."""

    def _start_transaction_under_autocommit(self) -> None:
        if self._line is None and not self.is_in_memory_db():
            self._line = os.open(f"{self.settings_dict['NAME']}-turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if self._line is not None:
            fcntl.flock(self._line, fcntl.LOCK_EX)
        try:
            super()._start_transaction_under_autocommit()
        except BaseException:
            self._end_turn()
            raise

    def _commit(self) -> None:
        try:
            super()._commit()
        finally:
            if not self.connection.in_transaction:
                self._end_turn()

    def _rollback(self) -> None:
        try:
            super()._rollback()
        finally:
            self._end_turn()

    def _close(self) -> None:
        try:
            super()._close()
        finally:
            if self._line is not None:
                os.close(self._line)  # which ends a turn, too
                self._line = None

    def _end_turn(self) -> None:
        if self._line is not None:
            fcntl.flock(self._line, fcntl.LOCK_UN)
