"""The pages on which admins keep gold in order."""

import csv
import io

import pytest

from annotate.models import Gold
from annotate.views import gold_keeping
from tests.gold import add_gold
from tests.services.test_gold_keeping import rank
from tests.web.conftest import rank_all

PROPOSALS = "/campaigns/answers/gold/proposals/"
LEAKS = "/campaigns/answers/gold/leaks/"


def text(response) -> str:
    return " ".join(response.content.decode().split())


@pytest.fixture
def unanimous(world):
    rank_all(world.alice, world)
    rank_all(world.bob, world)
    return world


def test_it_shows_proposals_with_their_evidence_and_accepts_those_that_are_chosen(carol, unanimous):
    one, other = unanimous.ranking_tasks[:2]
    assert "No task has so many annotators who all agree" in text(carol.get(PROPOSALS))
    page = text(carol.get(PROPOSALS, {"least": "2"}))
    assert "3 of 3 proposals." in page
    assert '<span class="muted">A · Rank</span> <bdi>1</bdi>' in page
    assert "None of them has answered gold yet." in page
    chosen = {"task": [one.pk, other.pk], "least": "2", "explanation": "All agree."}
    page = text(carol.post(PROPOSALS, chosen, follow=True))
    assert "2 tasks are gold now." in page
    assert "1 proposal." in page
    assert {gold.explanation for gold in Gold.objects.all()} == {"All agree."}
    assert "Not proposed any more" in text(carol.post(PROPOSALS, chosen, follow=True))


def test_csv_and_json_say_what_the_page_shows(carol, unanimous):
    rows = list(
        csv.DictReader(io.StringIO(carol.get("/campaigns/answers/gold/proposals.csv?least=2").content.decode()))
    )
    assert [(int(row["task"]), row["n"], row["skill_n"]) for row in rows] == [
        (task.pk, "2", "0") for task in unanimous.ranking_tasks
    ]
    found = carol.get("/campaigns/answers/gold/proposals.json?least=2").json()
    assert [one["task"] for one in found["proposals"]] == [int(row["task"]) for row in rows]
    assert found["least"] == 2
    [gold] = add_gold(unanimous, 1)
    rank(gold, unanimous.alice)
    [row] = csv.DictReader(io.StringIO(carol.get("/campaigns/answers/gold/leaks.csv").content.decode()))
    [same] = carol.get("/campaigns/answers/gold/leaks.json").json()["gold"]
    assert (row["task"], row["score"], row["rise"], row["rise_n"]) == (str(gold.pk), "1.0", "", "1")
    assert (same["score"], same["rise"]) == (1.0, None)


def test_it_shows_signals_and_takes_out_with_a_reason(carol, world):
    assert "Nothing is mixed in" in text(carol.get(LEAKS))
    [gold] = add_gold(world, 1)
    rank(gold, world.alice)
    page = text(carol.get(LEAKS))
    assert "They are no verdicts." in page
    assert "too few to compare earlier with later answers" in page
    page = carol.post(f"/tasks/{gold.pk}/retire/", {"reason": "Posted in a forum.", "leaks": "1"}, follow=True)
    assert page.redirect_chain == [(LEAKS, 302)]
    assert "Nothing is mixed in" in text(page)
    assert "Posted in a forum." in text(carol.get(f"/agreement/tasks/{gold.pk}/"))


def test_it_shows_many_known_answers_page_by_page(carol, world, monkeypatch):
    monkeypatch.setattr(gold_keeping, "SHOWN", 2)
    pages = [task.pk for task in add_gold(world, 3)]
    first, last = (text(carol.get(f"{LEAKS}?page={number}")) for number in (1, 9))
    assert [f"Task {pk}" in first for pk in pages] == [True, True, False]
    assert [f"Task {pk}" in last for pk in pages] == [False, False, True]
    assert ("Fewer signals" in first, "More signals" in last) == (True, True)
    assert len(carol.get("/campaigns/answers/gold/leaks.json").json()["gold"]) == 3


def test_nonsense_is_no_fault(carol, unanimous):
    for least in ("x", "-1", "0", "1e9", "9" * 30, "²"):
        assert carol.get(PROPOSALS, {"least": least}).status_code == 200, least
    for task in ("x", "²", "9" * 18, "9" * 30, "-1"):
        assert carol.post(PROPOSALS, {"task": task, "least": "2"}, follow=True).status_code == 200, task
    assert carol.get("/campaigns/writing/gold/proposals/").status_code == 404
    assert not Gold.objects.exists()


@pytest.mark.parametrize("path", [PROPOSALS, LEAKS, f"{PROPOSALS[:-1]}.csv", f"{LEAKS[:-1]}.json"])
def test_only_admins_keep_gold(alice, world, path):
    assert alice.get(path).status_code == 403
