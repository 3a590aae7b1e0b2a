"""The new tables of judgements refuse an UPDATE, too; and so do the old ones again.

SQLite makes a table anew when a column is added, and its triggers are lost with the old one.
"""

from django.db import migrations
from django.db.models import F

TABLES = [
    "annotate_judgement",
    "annotate_rankedcompletion",
    "annotate_flag",
    "annotate_demonstration",
    "annotate_rating",
    "annotate_span",
    "annotate_steplabel",
    "annotate_revision",
    "annotate_review",
]
MESSAGE = "judgements are append-only: submit a correction, which supersedes"


def open_what_was_claimed(apps, schema_editor):
    """Until now nothing was leased ahead: every assignment was seen when it was claimed."""
    apps.get_model("annotate", "Assignment").objects.update(opened_at=F("claimed_at"))


def add_triggers(apps, schema_editor):
    postgres = schema_editor.connection.vendor == "postgresql"
    for table in TABLES:
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {table}_append_only" + (f" ON {table}" if postgres else ""))
        schema_editor.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE ON {table} FOR EACH ROW "
            + ("EXECUTE FUNCTION concord_append_only()" if postgres else f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END")
        )


def drop_triggers(apps, schema_editor):
    postgres = schema_editor.connection.vendor == "postgresql"
    for table in TABLES[4:]:
        schema_editor.execute(f"DROP TRIGGER {table}_append_only" + (f" ON {table}" if postgres else ""))


class Migration(migrations.Migration):
    dependencies = [("annotate", "0003_workplace")]
    operations = [
        migrations.RunPython(open_what_was_claimed, migrations.RunPython.noop),
        migrations.RunPython(add_triggers, drop_triggers),
    ]
