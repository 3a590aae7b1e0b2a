"""Messages leave when the transaction commits, and nobody depends on their arrival."""

import pytest
from celery import current_app
from django.db import transaction

from training.services.messages import no_messages, send
from training.version import code_version


@pytest.fixture
def posted(monkeypatch) -> list[tuple]:
    found = []

    def send_task(name, *, args, expires):
        found.append((name, args, expires))

    monkeypatch.setattr(current_app, "send_task", send_task)
    return found


@pytest.mark.django_db(transaction=True)
def test_it_sends_the_id_after_the_commit(posted):
    with transaction.atomic():
        send("execute_run", 7, expires=30.0)
        assert posted == []
    assert posted == [("training.tasks.execute_run", [7], 30.0)]


@pytest.mark.django_db(transaction=True)
def test_it_sends_nothing_of_what_was_rolled_back(posted):
    with transaction.atomic():
        send("execute_run", 7)
        transaction.set_rollback(True)
    assert posted == []


@pytest.mark.django_db(transaction=True)
def test_it_sends_nothing_where_the_process_does_the_work_itself(posted):
    with no_messages():
        send("execute_run", 7)
    send("execute_run", 8)
    assert [args for _, args, _ in posted] == [[8]]


@pytest.mark.django_db(transaction=True)
def test_it_lets_the_request_succeed_when_the_broker_is_down(monkeypatch, caplog):
    def refuse(*args, **options):
        raise ConnectionRefusedError("Redis is not there")

    monkeypatch.setattr(current_app, "send_task", refuse)
    send("execute_run", 7)
    assert "Redis is not there" in caplog.text


def test_it_knows_every_task_that_is_sent():
    current_app.loader.import_default_modules()
    for name in ("execute_run", "freeze_snapshot", "advance_pipeline"):
        assert f"training.tasks.{name}" in current_app.tasks


def test_it_knows_every_task_of_the_beat(settings):
    current_app.loader.import_default_modules()
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert scheduled <= set(current_app.tasks)


def test_it_names_the_version_alone_where_there_is_no_git(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n')
    monkeypatch.setattr("training.version.ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert code_version.__wrapped__() == "1.2.3"
