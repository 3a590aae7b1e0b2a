"""Full garbage collections look once through what stays."""

import gc

import pytest

from annotate import collecting


@pytest.fixture
def watched(monkeypatch):
    """Collections are watched for one test, and 1,000 objects are many."""
    monkeypatch.setattr(collecting, "MOST", 1_000)
    collecting.keep_full_collections_short()
    gc.collect()
    yield
    gc.callbacks.remove(collecting._set_aside)
    gc.unfreeze()


def test_what_survived_a_full_collection_is_set_aside_when_it_is_much(watched):
    before = gc.get_freeze_count()
    held = [[number] for number in range(2_000)]
    gc.collect()
    assert gc.get_freeze_count() >= before + len(held)
    assert len(gc.get_objects(generation=2)) < len(held)


def test_little_stays_where_it_can_be_collected(watched):
    before = gc.get_freeze_count()
    held = [[number] for number in range(100)]
    gc.collect()
    assert gc.get_freeze_count() <= before  # of what was set aside some may be let go of meanwhile
    assert len(held) == 100


def test_it_is_asked_for_once_however_often(watched):
    collecting.keep_full_collections_short()
    assert gc.callbacks.count(collecting._set_aside) == 1
