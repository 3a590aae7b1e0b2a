"""The agreement pages: what they show is what the query computes, and only admins see it."""

import csv
import io

import pytest

from annotate.queries import campaign_agreement
from annotate.services.claiming import claim_next_task
from annotate.services.judging import submit_ranking
from tests.web.conftest import client_of, rank_all

AUDIT = ["/agreement/", "/agreement/answers/", "/agreement/answers/figures.csv", "/agreement/answers/figures.json"]


@pytest.mark.parametrize("address", AUDIT)
def test_it_is_for_admins_only(alice, carol, address):
    response = alice.get(address)
    assert response.status_code == 403
    assert "This page is for admins" in response.content.decode()
    assert carol.get(address).status_code == 200


def test_it_hides_a_tasks_judgements_from_annotators(alice, ranked_world):
    assert alice.get(f"/agreement/tasks/{ranked_world.ranking_tasks[0].pk}/").status_code == 403


def test_it_lists_ranking_campaigns_with_their_judgements(carol, ranked_world):
    page = carol.get("/agreement/").content.decode()
    assert '<td class="num">6</td><td class="num">2</td>' in page
    assert "Write answers" not in page


def test_it_says_why_there_is_no_number_yet(carol, world):
    page = carol.get("/agreement/answers/").content.decode()
    assert page.count("Nobody has ranked anything yet.") >= 5


def test_it_says_that_one_annotator_is_not_enough(world):
    rank_all(world.alice, world)
    page = client_of(world.carol).get("/agreement/answers/").content.decode()
    assert "Only one annotator has ranked" in page


def test_it_shows_no_agreement_between_opposite_orders(carol, ranked_world):
    page = carol.get("/agreement/answers/").content.decode()
    assert "<strong>0.0\N{NO-BREAK SPACE}%</strong>" in page
    assert "<bdi>alice</bdi> and <bdi>bob</bdi>" in page
    assert "physics" in page
    assert "not clearly better than tossing a coin" in page


def test_it_shows_what_the_query_computes(carol, ranked_world):
    rows = list(csv.DictReader(io.StringIO(carol.get("/agreement/answers/figures.csv").content.decode())))
    overall = campaign_agreement(campaign=ranked_world.ranking).overall
    strict = next(row for row in rows if row["scope"] == "campaign" and row["measure"] == "strict_agreement")
    assert float(strict["value"]) == overall.strict_agreement.value == 0.0
    assert int(strict["n"]) == overall.strict_agreement.n == 18
    assert {row["scope"] for row in rows} == {"campaign", "domain", "pair"}


def test_it_gives_the_same_figures_as_json(carol, ranked_world):
    body = carol.get("/agreement/answers/figures.json").json()
    tau = next(row for row in body["figures"] if row["scope"] == "campaign" and row["measure"] == "tau_b")
    assert tau["value"] == -1.0
    assert [one["score"] for one in body["disagreements"]] == [1.0, 1.0, 1.0]


def test_it_lists_the_disagreements_worst_first_with_a_way_in(carol, world):
    rank_all(world.alice, world)
    judgements = rank_all(world.bob, world)
    page = carol.get("/agreement/answers/").content.decode()
    for judgement in judgements:
        assert f"/agreement/tasks/{judgement.task_id}/" in page


def test_it_shows_everybodys_ranks_of_a_task_side_by_side(carol, ranked_world):
    page = carol.get(f"/agreement/tasks/{ranked_world.ranking_tasks[0].pk}/").content.decode()
    assert "model-0" in page
    for rank in (1, 2, 3, 4):
        assert page.count(f'<span class="rank rank-{rank}">') == 2
    assert page.index("><bdi>alice</bdi></th>") < page.index("><bdi>bob</bdi></th>")


def test_it_shows_who_flagged_what(carol, world):
    hold = claim_next_task(annotator=world.alice, campaign=world.ranking)
    ranks, flags = dict.fromkeys(hold.shown_order, 1), {hold.shown_order[0]: ["hallucination"]}
    submit_ranking(assignment_id=hold.pk, annotator=world.alice, ranks=ranks, flags=flags, seconds=1)
    page = carol.get(f"/agreement/tasks/{hold.task_id}/").content.decode()
    assert page.count('<bdi class="badge warn">Hallucination</bdi>') == 1


def test_it_says_when_there_is_no_such_task(carol):
    response = carol.get("/agreement/tasks/999999/")
    assert response.status_code == 404
    assert "There is no task 999999." in response.content.decode()
