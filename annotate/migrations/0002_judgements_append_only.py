"""The database itself refuses to change a judgement: code that bypasses the ORM's guard fails too."""

from django.db import migrations

TABLES = ["annotate_judgement", "annotate_rankedcompletion", "annotate_flag", "annotate_demonstration"]
MESSAGE = "judgements are append-only: submit a correction, which supersedes"


def add_triggers(apps, schema_editor):
    postgres = schema_editor.connection.vendor == "postgresql"
    if postgres:
        schema_editor.execute(
            "CREATE FUNCTION concord_append_only() RETURNS trigger AS $$ "
            f"BEGIN RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'integrity_constraint_violation'; END $$ LANGUAGE plpgsql"
        )
    for table in TABLES:
        schema_editor.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE ON {table} FOR EACH ROW "
            + ("EXECUTE FUNCTION concord_append_only()" if postgres else f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END")
        )


def drop_triggers(apps, schema_editor):
    postgres = schema_editor.connection.vendor == "postgresql"
    for table in TABLES:
        schema_editor.execute(f"DROP TRIGGER {table}_append_only" + (f" ON {table}" if postgres else ""))
    if postgres:
        schema_editor.execute("DROP FUNCTION concord_append_only()")


class Migration(migrations.Migration):
    dependencies = [("annotate", "0001_initial")]
    operations = [migrations.RunPython(add_triggers, drop_triggers)]
