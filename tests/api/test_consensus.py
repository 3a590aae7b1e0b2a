"""The consensus over the API: what the page shows."""

import pytest

from tests.api.calls import problem
from tests.training.conftest import rank


def test_it_gives_the_consensus_most_contested_first(world, admin):
    for task, ranks in zip(world.ranking_tasks, ([1, 2, 2, 3], [4, 3, 2, 1]), strict=False):
        rank(world.alice, task, [1, 2, 2, 3])
        rank(world.bob, task, ranks)
    found = admin.get("/api/v1/campaigns/answers/consensus/").json()
    assert found["count"] == 2
    contested, clear = found["results"]
    assert (contested["task"], clear["task"]) == (world.ranking_tasks[1].pk, world.ranking_tasks[0].pk)
    assert (clear["contest"], clear["n_rankings"], clear["cyclic"], clear["decided"]) == (0, 2, False, False)
    assert [(place["letter"], place["rank"]) for place in clear["places"]] == [("A", 1), ("B", 2), ("C", 2), ("D", 3)]
    assert clear["pairs"][0] == {
        "first": "A",
        "second": "B",
        "for_first": 2,
        "tied": 0,
        "for_second": 0,
        "n": 2,
        "posterior": pytest.approx(0.9),
    }


def test_it_says_what_votes_weigh(world, admin):
    rank(world.alice, world.ranking_tasks[0], [1, 2, 2, 3])
    [voter] = admin.get("/api/v1/campaigns/answers/consensus/weights/").json()["results"]
    assert (voter["annotator"], voter["weight"], voter["n_pairs"]) == ("alice", 1.0, 5)
    assert (voter["accuracy"]["value"], voter["accuracy"]["reason"]) == (None, "Nobody has answered gold yet.")


def test_it_is_for_admins_and_for_rankings(world, alice, admin):
    problem(alice.get("/api/v1/campaigns/answers/consensus/"), 403)
    assert "Only ranking campaigns" in problem(admin.get("/api/v1/campaigns/writing/consensus/"), 404)["detail"]
    problem(admin.get("/api/v1/campaigns/nowhere/consensus/weights/"), 404)
    problem(admin.get("/api/v1/campaigns/answers/consensus/?page=99"), 404)
