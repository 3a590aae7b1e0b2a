"""Tables that the database itself refuses to change: code that bypasses the ORM's guard fails too."""

from django.db import migrations

POSTGRES_FUNCTION = """
    CREATE OR REPLACE FUNCTION concord_append_only() RETURNS trigger AS $$
    BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation'; END
    $$ LANGUAGE plpgsql
"""


def append_only(table: str, message: str) -> migrations.RunPython:
    """An operation: from here on `table` refuses every UPDATE, saying `message`.

    SQLite makes a table anew for many a later change of it, and its trigger is lost with the old one:
    the migration that does so ends with this operation again (tests/services/test_append_only.py tells).
    """

    def add(apps, schema_editor):
        drop(apps, schema_editor)
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(POSTGRES_FUNCTION, params=None)
            action = f"EXECUTE FUNCTION concord_append_only('{message}')"
        else:
            action = f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
        schema_editor.execute(f"CREATE TRIGGER {table}_append_only BEFORE UPDATE ON {table} FOR EACH ROW {action}")

    def drop(apps, schema_editor):
        on_table = f" ON {table}" if schema_editor.connection.vendor == "postgresql" else ""
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {table}_append_only{on_table}")

    return migrations.RunPython(add, drop)
