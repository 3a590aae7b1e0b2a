"""How tests leave the database: every table empty, but for what migrating fills.

Django's own way after a test that commits, `flush`, truncates all tables and then makes all permissions and content
types anew, which takes longer than most of these tests.
"""

from functools import cache

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.test import TransactionTestCase

FILLED_BY_MIGRATING = {model._meta.db_table for model in (ContentType, Permission)}


def empty_tables(case: TransactionTestCase) -> None:
    """After a test that commits, instead of `TransactionTestCase._fixture_teardown`."""
    quote = connection.ops.quote_name
    with transaction.atomic(), connection.cursor() as cursor:  # the database looks at foreign keys at the end
        cursor.execute(_which_have_rows())
        for (table,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM {quote(table)}")


def give_up_dead_rows() -> None:
    """PostgreSQL keeps every row that was deleted or rolled back, and reads past them: nothing vacuums here."""
    with connection.cursor() as cursor:
        names = "SELECT relname FROM pg_class WHERE relname = ANY(%s) AND pg_relation_size(oid) > 0"
        cursor.execute(names, [list(_tables())])
        if used := [connection.ops.quote_name(table) for (table,) in cursor.fetchall()]:
            cursor.execute(f"TRUNCATE {', '.join(used)} CASCADE")


@cache
def _tables() -> tuple[str, ...]:
    return tuple(sorted({*connection.introspection.django_table_names(only_existing=True)} - FILLED_BY_MIGRATING))


@cache
def _which_have_rows() -> str:
    quote = connection.ops.quote_name
    return " UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {quote(table)})" for table in _tables())
