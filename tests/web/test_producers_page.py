"""Scores of producers: page, downloads and API show what the query computes, and only admins see who wrote what."""

import csv
import io

import pytest
from rest_framework.test import APIClient

from annotate.score_queries import producer_scores
from tests.web.conftest import client_of, rank_all

PAGE = "/campaigns/answers/producers/"


@pytest.mark.parametrize("address", [PAGE, f"{PAGE}figures.csv", f"{PAGE}figures.json"])
def test_it_is_for_admins_only(alice, carol, address):
    assert alice.get(address).status_code == 403
    assert carol.get(address).status_code == 200
    assert carol.get(address.replace("answers", "writing")).status_code == 404


def test_annotators_do_not_get_producers_over_the_api(world):
    client = APIClient()
    client.force_authenticate(world.alice)
    assert client.get(f"/api/v1{PAGE}").status_code == 403


def test_it_says_why_there_is_nothing(carol, world):
    shown = carol.get(PAGE).content.decode()
    assert "There are no comparisons between two producers yet." in shown
    assert "figures.csv" not in shown


def test_page_downloads_and_api_say_the_same(world):
    carol = client_of(world.carol)
    rank_all(world.alice, world)
    rank_all(world.bob, world)
    expected = producer_scores(campaign=world.ranking, baseline="model-2")
    shown = carol.get(PAGE, {"baseline": "model-2"}).content.decode()
    assert '<option value="model-2" selected' in shown
    best = expected.producers[0]
    assert f"<strong>{best.score.value:.3f}</strong>" in shown
    assert "a weak prior keeps their scores finite" in shown
    rows = list(csv.DictReader(io.StringIO(carol.get(f"{PAGE}figures.csv?baseline=model-2").content.decode())))
    figures = carol.get(f"{PAGE}figures.json?baseline=model-2").json()["figures"]
    assert [(row["of"], row["measure"]) for row in rows] == [(one["of"], one["measure"]) for one in figures]
    (score,) = (one for one in figures if (one["of"], one["measure"]) == (best.name, "score"))
    assert score["value"] == best.score.value
    client = APIClient()
    client.force_authenticate(world.carol)
    body = client.get(f"/api/v1{PAGE}", {"baseline": "model-2"}).json()
    assert body["producers"][0]["win_rate"] == best.win_rate.as_dict()
    assert body["triads"]["n_triads"] == expected.triads.n_triads == 4


def test_a_baseline_that_is_none_is_told_so(world):
    carol = client_of(world.carol)
    rank_all(world.alice, world)
    for address in (PAGE, f"{PAGE}figures.csv", f"{PAGE}figures.json"):
        answer = carol.get(address, {"baseline": "<b>\0"})
        assert answer.status_code == 404
    client = APIClient()
    client.force_authenticate(world.carol)
    answer = client.get(f"/api/v1{PAGE}", {"baseline": "nobody"})
    assert answer.status_code == 422
    assert "No producer nobody was compared" in answer.json()["detail"]


def test_it_is_reached_from_the_agreement_of_the_campaign(carol, world):
    assert PAGE in carol.get("/agreement/answers/").content.decode()
