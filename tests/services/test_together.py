"""Statements that travel together: nothing that somebody reads is read before the server has answered."""

import pytest
from django.db import IntegrityError, transaction

from annotate.models import Task
from annotate.statements import change, insert_unread, run, together
from tests.world import World

RESERVED = "SELECT reserved FROM annotate_task WHERE id = %s"


def test_the_orm_knows_how_many_rows_it_changed(committed_world: World):
    task = committed_world.ranking_tasks[0]
    with together(), transaction.atomic():
        assert run(RESERVED, [task.pk]) == [(0,)]
        assert Task.objects.filter(pk=task.pk, reserved=0).update(reserved=1) == 1
        assert Task.objects.filter(pk=task.pk, reserved=0).update(reserved=2) == 0
        assert change("UPDATE annotate_task SET reserved = 2 WHERE id = %s", [task.pk]) == 1
        assert Task.objects.get(pk=task.pk).reserved == 2
    task.refresh_from_db()
    assert task.reserved == 2


def test_an_error_that_nobody_waited_for_undoes_everything(committed_world: World):
    task = committed_world.ranking_tasks[0]
    twin = Task.objects.get(pk=task.pk)
    twin.pk = None  # its content is there already

    def write_both() -> None:
        with together(), transaction.atomic():
            assert change("UPDATE annotate_task SET reserved = 1 WHERE id = %s", [task.pk]) == 1
            insert_unread(twin)

    with pytest.raises(IntegrityError):
        write_both()
    task.refresh_from_db()
    assert task.reserved == 0
    assert run(RESERVED, [task.pk]) == [(0,)]
