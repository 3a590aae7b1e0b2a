"""Every table of judgements refuses an UPDATE in the database itself, whatever later migrations did to it."""

import pytest
from django.apps import apps
from django.db import DatabaseError, connection

from annotate.models import CampaignChange
from annotate.models.judgements import AppendOnly

TABLES = [
    model._meta.db_table for model in apps.get_app_config("annotate").get_models() if issubclass(model, AppendOnly)
]
TRIGGERS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s",
    "postgresql": "SELECT trigger_name FROM information_schema.triggers WHERE event_object_table = %s",
}


@pytest.mark.parametrize("table", TABLES)
def test_it_has_a_trigger_on_every_append_only_table(db, table):
    """SQLite makes a table anew when a column is added, and silently loses its triggers."""
    with connection.cursor() as cursor:
        cursor.execute(TRIGGERS[connection.vendor], [table])
        assert (f"{table}_append_only",) in cursor.fetchall()


def test_it_says_why_a_change_on_record_is_not_edited(world):
    CampaignChange.objects.create(campaign=world.ranking, field="name")
    with pytest.raises(DatabaseError, match="what was changed stays on record"), connection.cursor() as cursor:
        cursor.execute("UPDATE annotate_campaignchange SET field = 'overlap'")
