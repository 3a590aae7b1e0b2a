"""How a test that commits leaves the database: every table empty, but for what migrating fills.

Django's own way, `flush`, truncates all tables and then makes all permissions and content types anew, which takes
longer than most of these tests.
"""

from functools import cache

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.test import TransactionTestCase

FILLED_BY_MIGRATING = {model._meta.db_table for model in (ContentType, Permission)}


def empty_tables(case: TransactionTestCase) -> None:
    """Instead of `TransactionTestCase._fixture_teardown`."""
    quote = connection.ops.quote_name
    with transaction.atomic(), connection.cursor() as cursor:  # the database looks at foreign keys at the end
        cursor.execute(_which_have_rows())
        for (table,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM {quote(table)}")


@cache
def _which_have_rows() -> str:
    tables = sorted({*connection.introspection.django_table_names(only_existing=True)} - FILLED_BY_MIGRATING)
    quote = connection.ops.quote_name
    return " UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {quote(table)})" for table in tables)
