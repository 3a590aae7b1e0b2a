"""Statements that every judgement waits for, written out: compiling them anew takes longer than the database does.

Everything else goes through the ORM. What these read are model instances all the same, with the columns that were
asked for (another one is loaded when it is looked at), and what these write goes through the fields of the models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache, partial
from itertools import islice
from threading import local
from typing import Any

from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connection, models
from django.db.backends.utils import CursorWrapper
from django.db.models.expressions import Col
from psycopg import Cursor

Params = Mapping[str, Any] | Sequence[Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a statement did: how many rows it changed or found, and those that it returned."""

    n: int
    rows: list[tuple]


def run(sql: str, params: Params = ()) -> list[tuple]:
    """The rows of a statement; none for one that returns nothing. Prepared on PostgreSQL when it comes often."""
    return run_all((sql, params))[0].rows


def change(sql: str, params: Params = ()) -> int:
    """Run a statement that changes rows; returns how many."""
    return run_all((sql, params))[0].n


def run_all(*statements: tuple[str, Params]) -> list[Outcome]:
    """Run statements that do not need each other's results: on PostgreSQL in one trip to the server and back.

    The first one of a request finds out whether the server is still there, and connects anew if not: nothing has
    happened yet that could be lost.
    """
    untried = connection.connection and connection.health_check_enabled and not connection.health_check_done
    if not untried or connection.in_atomic_block:
        return _run_all(statements)
    connection.health_check_done = True
    try:
        return _run_all(statements)
    except (OperationalError, InterfaceError):
        connection.close()
        return _run_all(statements)


_running = local()
"""The pipeline of this thread's connection, inside `together`."""


@contextmanager
def together() -> Iterator[None]:
    """Inside, PostgreSQL is asked before it is waited for: what nobody reads travels with what is asked next.

    So an error may come later than what caused it, but inside: wrap it around a transaction whose first statement reads
    something. What is asked through the ORM is waited for as ever.
    """
    connection.ensure_connection()
    if connection.vendor != "postgresql":
        yield
        return
    with connection.wrap_database_errors, connection.connection.pipeline() as _running.pipeline:
        try:
            with connection.execute_wrapper(_wait_for_the_orm):
                yield
        finally:
            _running.pipeline = None


def _wait_for_the_orm(execute: Callable, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """It reads how many rows an UPDATE changed right after it, which nobody knows before the server has answered."""
    result = execute(sql, params, many, context)
    if type(context["cursor"].cursor) is not Cursor:
        _running.pipeline.sync()
    return result


def _run_all(statements: Sequence[tuple[str, Params]]) -> list[Outcome]:
    connection.ensure_connection()
    pipeline = getattr(_running, "pipeline", None)
    many = len(statements) > 1 and connection.vendor == "postgresql" and not pipeline
    with connection.wrap_database_errors, connection.connection.pipeline() if many else nullcontext():
        cursors = [_execute(sql, params) for sql, params in statements]
        if pipeline:
            pipeline.sync()
    return [_outcome(cursor) for cursor in cursors]


def _execute(sql: str, params: Params) -> CursorWrapper:
    if connection.vendor == "postgresql":
        # Django's own cursors put the values into the text of the statement, so that each one is planned anew.
        cursor = connection._prepare_cursor(Cursor(connection.connection))
    else:
        cursor = connection.cursor()
    try:
        cursor.execute(sql, params)
    except Exception:
        # Left to the garbage collector it might be closed by another thread. That one would wait on SQLite for this
        # thread's connection, and this thread for the lock of that one: until one of them is told so after 20 seconds.
        cursor.close()
        raise
    return cursor


def _outcome(cursor: CursorWrapper) -> Outcome:
    with cursor:
        rows = cursor.fetchall() if cursor.description else []
        return Outcome(cursor.rowcount, rows)


Converter = Callable[[Any], Any]


class Columns:
    """Columns of a model in a written-out SELECT: their SQL, and the way back into an instance."""

    def __init__(self, model: type[models.Model], alias: str, *names: str, leave_out: Sequence[str] = ()):
        fields = [model._meta.get_field(name) for name in names] or model._meta.concrete_fields
        self.model = model
        self.fields = [field for field in fields if field.name not in leave_out]
        self.names = [field.attname for field in self.fields]
        self.sql = ", ".join(f'{alias}."{field.column}"' for field in self.fields)
        self._converters: dict[str, list[tuple[int, Converter]]] = {}

    def read(self, values: Iterator[Any]) -> Any:
        """The instance of the next values of a row."""
        own = list(islice(values, len(self.fields)))
        for place, convert in self._of_database():
            own[place] = convert(own[place])
        return self.model.from_db(DEFAULT_DB_ALIAS, self.names, own)

    def _of_database(self) -> list[tuple[int, Converter]]:
        """What turns the database's values into Python's: (place, function)."""
        vendor = connection.vendor
        if vendor not in self._converters:
            self._converters[vendor] = [
                (place, partial(_convert, converters, column))
                for place, field in enumerate(self.fields)
                if (column := Col("", field))
                and (converters := [*connection.ops.get_db_converters(column), *column.get_db_converters(connection)])
            ]
        return self._converters[vendor]


def _convert(converters: Sequence[Callable], column: Col, value: Any) -> Any:
    for convert in converters:
        value = convert(value, column, connection)
    return value


def insertion(*rows: models.Model) -> tuple[str, Params]:
    """The statement that inserts new rows of one model, and gives back their primary keys."""
    sql, fields = _insertion(type(rows[0]), len(rows))
    values = [field.get_db_prep_save(field.pre_save(row, add=True), connection) for row in rows for field in fields]
    return f'{sql} RETURNING "{rows[0]._meta.pk.column}"', values


def inserted(rows: Sequence[models.Model], keys: Sequence[tuple]) -> None:
    """The rows are in the database, under these keys."""
    for row, (key,) in zip(rows, keys, strict=True):
        row.pk = row._meta.pk.to_python(key)
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


def insert(*rows: models.Model) -> None:
    """Insert new rows of one model in one statement; they are given their primary keys."""
    if rows:
        inserted(rows, run(*insertion(*rows)))


def insert_unread(*rows: models.Model) -> None:
    """Insert new rows of one model whose primary keys nobody asks for, or that have them: see `together`."""
    if not rows:
        return
    sql, values = insertion(*rows)
    sql = sql.rpartition(" RETURNING ")[0]
    if getattr(_running, "pipeline", None):
        with connection.wrap_database_errors:
            _execute(sql, values)
    else:
        run(sql, values)
    for row in rows:
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


@cache
def _insertion(model: type[models.Model], n: int) -> tuple[str, list[models.Field]]:
    fields = [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    places = ", ".join(["(" + ", ".join(["%s"] * len(fields)) + ")"] * n)
    return f"INSERT INTO {model._meta.db_table} ({columns}) VALUES {places}", fields


def prepared(field: models.Field, value: Any) -> Any:
    """A Python value as the database takes it in a column: identifiers and times differ."""
    return field.get_db_prep_save(value, connection)
