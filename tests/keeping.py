"""What many tests begin with is made once in a test process; its rows come back in one statement a table.

The services make it, in a transaction that is rolled back. Each test that asks gets the same rows, and copies of the
objects. Their ids are those of the first time, which no sequence hands out again.
"""

import copy
from collections.abc import Callable
from typing import Generic, TypeVar

from django.apps import apps
from django.db import connection, transaction

Made = TypeVar("Made")


class Kept(Generic[Made]):
    """What `make` returned, and the rows that it added to the database."""

    def __init__(self, make: Callable[[], Made]):
        with transaction.atomic():
            before = {table: set(rows) for table, (_, rows) in _everything().items()}
            self.made = make()
            self.statements = [
                _insert(table, columns, added)
                for table, (columns, rows) in _everything().items()
                if (added := [row for row in rows if row not in before[table]])
            ]
            transaction.set_rollback(True)

    def put_back(self) -> Made:
        """The rows are in the database again; returns a copy of what was made."""
        with transaction.atomic(), connection.cursor() as cursor:  # the database looks at foreign keys at the end
            for statement, values in self.statements:
                cursor.execute(statement, values)
        return copy.deepcopy(self.made)


def _everything() -> dict[str, tuple[list[str], list[tuple]]]:
    """{table: (names of its columns, rows)} of every model."""
    found = {}
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            table = model._meta.db_table
            cursor.execute(f"SELECT * FROM {table}")
            found[table] = ([column[0] for column in cursor.description], cursor.fetchall())
    return found


def _insert(table: str, columns: list[str], rows: list[tuple]) -> tuple[str, list]:
    """A statement that adds these rows, and its parameters."""
    names = ", ".join(map(connection.ops.quote_name, columns))
    places = f"({', '.join(['%s'] * len(columns))})"
    statement = f"INSERT INTO {table} ({names}) VALUES {', '.join([places] * len(rows))}"
    return statement, [value for row in rows for value in row]
