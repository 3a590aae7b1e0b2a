"""What tasks show is the same from the campaign's file, from the database, and from a part of either."""

import numpy as np
import pytest

from annotate.ledger import contents
from annotate.ledger.live import ledger
from annotate.models import TaskCompletion


def rows(shown: contents.Shown) -> list[tuple[int, ...]]:
    return list(zip(shown.task.tolist(), shown.position.tolist(), shown.completion.tolist(), strict=True))


def said(tasks) -> list[tuple[int, ...]]:
    found = TaskCompletion.objects.filter(task__in=tasks).order_by("task", "position")
    return list(found.values_list("task_id", "position", "completion_id"))


@pytest.mark.parametrize("dense", [0, 10**6], ids=["one by one", "from the first to the last"])
def test_it_reads_what_tasks_show(world, monkeypatch, dense):
    monkeypatch.setattr(contents, "DENSE", dense)
    tasks = [task.pk for task in world.ranking_tasks]
    found = contents.read(np.array(tasks[::2]))
    assert rows(found) == said(tasks[::2])
    lengths = [
        len(text)
        for text in TaskCompletion.objects.filter(task=tasks[0])
        .order_by("position")
        .values_list("completion__text", flat=True)
    ]
    assert found.letters.tolist()[: len(lengths)] == lengths


def test_it_keeps_them_in_a_file_and_reads_what_is_not_there(world, monkeypatch):
    monkeypatch.setattr(contents, "WORTH_A_FILE", 1)
    tasks = np.array(sorted(task.pk for task in world.ranking_tasks))
    first = contents.contents(world.ranking.pk, tasks[1:])
    assert rows(first) == said(tasks[1:])
    asked = []
    read = contents.read
    monkeypatch.setattr(contents, "read", lambda some: asked.append(some.tolist()) or read(some))
    assert rows(contents.contents(world.ranking.pk, tasks)) == said(tasks)
    assert rows(contents.contents(world.ranking.pk, tasks[:1])) == said(tasks[:1])
    assert asked == [tasks[:1].tolist()]


def test_a_torn_file_is_read_anew(world, monkeypatch):
    monkeypatch.setattr(contents, "WORTH_A_FILE", 1)
    tasks = np.array(sorted(task.pk for task in world.ranking_tasks))
    contents.contents(world.ranking.pk, tasks)
    path = ledger().folder() / f"contents-{world.ranking.pk}.npy"
    path.write_bytes(path.read_bytes()[:-7])
    assert rows(contents.contents(world.ranking.pk, tasks)) == said(tasks)
