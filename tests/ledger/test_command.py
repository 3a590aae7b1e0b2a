"""`manage.py ledger`, and the check by the clock: a ledger that is not what the database says is made anew."""

import io

import pytest
from django.core.management import call_command
from django.db import connection

from annotate import tasks
from annotate.ledger import live
from annotate.ledger.live import Ledger
from annotate.ledger.store import Store
from annotate.management.commands import up
from tests.web.conftest import rank_all


@pytest.fixture
def ledger(tmp_path, monkeypatch) -> Ledger:
    """The product's ledger for the time of the test, in which everything is old enough to be stored."""
    monkeypatch.setattr(live, "OLD", -5.0)
    monkeypatch.setattr(live, "ENOUGH", 1)
    monkeypatch.setattr(live, "_of", lambda folder, database: own)
    own = Ledger(Store(tmp_path / "ledger", database="test"))
    return own


def said(*arguments: str) -> str:
    out = io.StringIO()
    call_command("ledger", *arguments, stdout=out)
    return out.getvalue()


def test_it_leaves_a_right_ledger_alone(ledger, world):
    rank_all(world.alice, world)
    generation = ledger.look().stored.meta.generation
    assert "holds all 3 judgements" in said()
    assert ledger.look().stored.meta.generation == generation


def test_it_makes_one_where_there_is_none_and_says_how_far_it_is(ledger, world):
    rank_all(world.alice, world)
    assert said() == "3 of 3 judgements\nThe ledger was made anew.\n"
    assert len(ledger.look().stored.rows) == 3


def test_it_makes_it_anew_when_asked_to(ledger, world):
    rank_all(world.alice, world)
    generation = ledger.look().stored.meta.generation
    assert "made anew" in said("--anew")
    assert ledger.look().stored.meta.generation != generation


def test_the_clock_notices_a_domain_that_somebody_changed_in_the_database(ledger, world):
    rank_all(world.alice, world)
    physics, art = (task.prompt.domain_id for task in world.ranking_tasks[:2])
    assert ledger.look().rows.domain.tolist() == [physics, art, physics]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE annotate_prompt SET domain_id = %s WHERE domain_id = %s", [physics, art])
    tasks.check_ledger()
    assert ledger.look().rows.domain.tolist() == [physics] * 3


def test_the_clock_notices_a_judgement_that_is_gone(ledger, world):
    gone = rank_all(world.alice, world)[0]
    ledger.look()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM annotate_rankedcompletion WHERE judgement_id = %s", [gone.pk])
        cursor.execute("DELETE FROM annotate_judgement WHERE id = %s", [gone.pk])
    tasks.check_ledger()
    assert gone.pk not in ledger.look().rows.id.tolist()


def test_the_start_reads_many_judgements_before_a_page_needs_them(ledger, world, monkeypatch):
    assert up.ledger_steps() == []
    rank_all(world.alice, world)
    monkeypatch.setattr(up, "MANY_JUDGEMENTS", 1)
    assert [step.name for step in up.ledger_steps()] == ["ledger"]
    ledger.look()
    assert up.ledger_steps() == []
