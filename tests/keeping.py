"""What many tests begin with is made once in a test process; its rows come back in one statement a table.

The services make it, in a transaction that is rolled back. Each test that asks gets the same rows, and copies of the
objects. Their ids are those of the first time, which no sequence hands out again.
"""

import copy
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from django.apps import apps
from django.db import connection, transaction

Made = TypeVar("Made")


class Kept(Generic[Made]):
    """What `make` returned, and what it changed in the database."""

    def __init__(self, make: Callable[[], Made]):
        self.statements: list[tuple[str, list | None]] = []
        with transaction.atomic():
            before = _everything()
            self.made = make()
            for table, (columns, rows) in _everything().items():
                _, old = before[table]
                if gone := [key for key, row in old.items() if rows.get(key) != row]:
                    self.statements.append(_delete(table, columns[0], gone))
                if added := [row for key, row in rows.items() if old.get(key) != row]:
                    self.statements.append(_insert(table, columns, added))
            transaction.set_rollback(True)
        if connection.vendor == "postgresql":  # one message to the server, and values that are written out once
            whole = ";\n".join(connection.ops.compose_sql(*statement) for statement in self.statements)
            self.statements = [(whole, None)] if whole else []

    def put_back(self) -> Made:
        """The rows are in the database again; returns a copy of what was made."""
        with transaction.atomic(), connection.cursor() as cursor:  # the database looks at foreign keys at the end
            for statement, values in self.statements:
                cursor.execute(statement, values)
        return copy.deepcopy(self.made)


def keep_on(base: Kept[Made], change: Callable[[Made], Any]) -> Kept[None]:
    """What `change` does to what `base` made: to be put back where `base` is in the database already."""
    with transaction.atomic():
        world = base.put_back()
        kept = Kept(lambda: change(world) and None)
        transaction.set_rollback(True)
    return kept


def _everything() -> dict[str, tuple[list[str], dict[Any, tuple]]]:
    """{table: (names of its columns, the key's first; {key: row})} of every model."""
    found = {}
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            table, key = model._meta.db_table, model._meta.pk.column
            cursor.execute(f"SELECT {key}, * FROM {table}")
            columns = [column[0] for column in cursor.description]
            assert columns.count(key) == 2
            at = columns.index(key, 1)
            rest = [place for place in range(1, len(columns)) if place != at]
            rows = {row[0]: (row[0], *(row[place] for place in rest)) for row in cursor.fetchall()}
            found[table] = ([key, *(columns[place] for place in rest)], rows)
    return found


def _delete(table: str, key: str, keys: list) -> tuple[str, list]:
    """A statement that takes these rows away, and its parameters."""
    return f"DELETE FROM {table} WHERE {key} IN ({', '.join(['%s'] * len(keys))})", keys


def _insert(table: str, columns: list[str], rows: list[tuple]) -> tuple[str, list]:
    """A statement that adds these rows, and its parameters."""
    names = ", ".join(map(connection.ops.quote_name, columns))
    places = f"({', '.join(['%s'] * len(columns))})"
    statement = f"INSERT INTO {table} ({names}) VALUES {', '.join([places] * len(rows))}"
    return statement, [value for row in rows for value in row]
