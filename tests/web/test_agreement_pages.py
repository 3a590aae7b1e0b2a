"""The agreement pages: what they show is what the query computes, and only admins see it."""

import csv
import io

import pytest

from annotate.audit_queries.slices import campaign_audit
from annotate.quality.intervals import Estimate, undefined
from annotate.services.claiming import claim_next_task
from annotate.services.judging import correct, submit_ranking
from annotate.services.setup import change_campaign
from annotate.views.measures import time_meaning
from tests.services.test_audit import two_versions
from tests.web.conftest import client_of, rank_all

PAGES = ["", "pairs/", "change/", "time/", "composition/"]
FILES = [
    "figures.csv",
    "figures.json",
    "pairs/figures.csv",
    "pairs/figures.json",
    "change/figures.csv",
    "change/figures.json",
    "composition/figures.csv",
    "composition/figures.json",
]
AUDIT = ["/agreement/", *(f"/agreement/answers/{name}" for name in PAGES + FILES)]


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
    assert page.count("Nobody has ranked anything here yet.") == 3


def test_it_says_that_one_annotator_is_not_enough(world):
    rank_all(world.alice, world)
    page = client_of(world.carol).get("/agreement/answers/").content.decode()
    assert "Only one annotator has ranked" in page


def test_it_shows_no_agreement_between_opposite_orders(carol, ranked_world):
    page = carol.get("/agreement/answers/").content.decode()
    assert "<strong>0.0\N{NO-BREAK SPACE}%</strong>" in page
    assert "physics" in page
    assert "not clearly better than tossing a coin" in page


def test_it_shows_what_the_query_computes(carol, ranked_world):
    rows = list(csv.DictReader(io.StringIO(carol.get("/agreement/answers/figures.csv").content.decode())))
    overall = campaign_audit(campaign=ranked_world.ranking).overall
    strict = next(row for row in rows if row["scope"] == "campaign" and row["measure"] == "strict_agreement")
    assert float(strict["value"]) == overall.strict_agreement.value == 0.0
    assert int(strict["n"]) == overall.strict_agreement.n == 18
    assert {row["scope"] for row in rows} == {"campaign", "domain", "version", "week"}


def test_it_gives_the_same_figures_as_json(carol, ranked_world):
    body = carol.get("/agreement/answers/figures.json").json()
    tau = next(row for row in body["figures"] if row["scope"] == "campaign" and row["measure"] == "tau_b")
    assert tau["value"] == -1.0
    rows = csv.DictReader(io.StringIO(carol.get("/agreement/answers/figures.csv").content.decode()))
    assert [row["of"] for row in rows] == [figure["of"] for figure in body["figures"]]


@pytest.mark.parametrize("part", ["domain=physics", "version=ranking-1", "domain=art&version=ranking-1"])
def test_it_shows_a_slice_and_its_files_hold_the_same(carol, ranked_world, part):
    page = carol.get(f"/agreement/answers/?{part}").content.decode()
    assert f"figures.csv?{part.replace('&', '&amp;')}" in page
    body = carol.get(f"/agreement/answers/figures.json?{part}").json()
    assert body["slice"] == dict(one.split("=") for one in part.split("&"))
    assert all(figure["of"] in page for figure in body["figures"] if figure["scope"] == "week")
    assert not [figure for figure in body["figures"] if figure["scope"] == part.split("=")[0]]


def test_it_says_what_it_has_no_judgements_of(carol, ranked_world):
    response = carol.get("/agreement/answers/?week=1999-01-04")
    assert response.status_code == 404
    assert "Nothing was judged in 1999-01-04 here" in response.content.decode()


def test_every_part_leads_to_its_slice(carol, ranked_world):
    page = carol.get("/agreement/answers/?domain=art").content.decode()
    assert "?domain=art&amp;version=ranking-1" in page


def test_it_draws_who_agrees_with_whom_beside_the_table(carol, ranked_world):
    page = carol.get("/agreement/answers/pairs/").content.decode()
    assert "<bdi>alice</bdi></a> and <a" in page
    assert page.count('<td class="shade-0" title="alice and bob: 0.0\xa0%') == 2  # in the row of each
    rows = list(csv.DictReader(io.StringIO(carol.get("/agreement/answers/pairs/figures.csv").content.decode())))
    assert [(row["first"], row["second"], row["measure"], row["value"]) for row in rows] == [
        ("alice", "bob", "strict_agreement", "0.0"),
        ("alice", "bob", "tau_b", "-1.0"),
    ]


@pytest.mark.parametrize("number", ["0", "99", "x", "-1", "9" * 40])
def test_a_page_of_pairs_that_there_is_not_is_the_nearest(carol, ranked_world, number):
    assert carol.get(f"/agreement/answers/pairs/?page={number}").status_code == 200


def test_a_judgement_shows_at_once(carol, ranked_world):
    before = carol.get("/agreement/answers/figures.json").json()["figures"]
    judgement = ranked_world.ranking_tasks[0].judgements.get(annotator=ranked_world.bob)
    answer = {"ranks": dict.fromkeys(judgement.assignment.shown_order, 1)}
    correct(judgement_id=judgement.pk, annotator=ranked_world.bob, answer=answer, seconds=5)
    after = carol.get("/agreement/answers/figures.json").json()["figures"]
    assert [row["value"] for row in before if row["measure"] == "tie_rate"][0] == 0.0
    assert [row["value"] for row in after if row["measure"] == "tie_rate"][0] == pytest.approx(1 / 6)


def test_it_shows_everybodys_ranks_of_a_task_side_by_side(carol, ranked_world):
    page = carol.get(f"/agreement/tasks/{ranked_world.ranking_tasks[0].pk}/").content.decode()
    assert "model-0" in page
    for rank in (1, 2, 3, 4):
        assert page.count(f'<span class="rank rank-{rank}">') == 2
    assert page.index("><bdi>alice</bdi></a></th>") < page.index("><bdi>bob</bdi></a></th>")


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


def test_it_says_whether_a_new_guideline_changed_anything(carol, world):
    assert "there is nothing to compare yet" in carol.get("/agreement/answers/change/").content.decode()
    two_versions(world)
    page = carol.get("/agreement/answers/change/").content.decode()
    assert "There is no clear change of strict agreement: +100.0 points" in page
    rows = carol.get("/agreement/answers/change/figures.json").json()["figures"]
    assert [row["value"] for row in rows if row["measure"] == "strict_agreement"] == [0.0, 1.0, 1.0]
    assert carol.get("/agreement/answers/change/?before=ranking-7").status_code == 404


@pytest.mark.parametrize(
    ("lo", "hi", "said"), [(30, 50, "longer than the 25 s"), (10, 20, "less than the 25 s"), (20, 60, "is not clear")]
)
def test_the_page_of_time_says_whether_people_take_long_enough_to_read(lo, hi, said):
    reading = Estimate(25.0, 20.0, 30.0, 9)
    assert said in time_meaning(Estimate((lo + hi) / 2, lo, hi, 9), reading)
    assert time_meaning(undefined("Nothing counted yet."), reading) == ""


def test_it_shows_time_beside_reading_and_pay(carol, ranked_world):
    change_campaign(
        campaign=ranked_world.ranking, by=ranked_world.carol, pay_seconds=10, hourly_rate="12.00", currency="EUR"
    )
    page = carol.get("/agreement/answers/time/").content.decode()
    assert "Time to read a task" in page
    assert "6.00 <bdi>EUR</bdi>" in page  # 10 of 20 seconds are paid
    body = carol.get("/agreement/answers/time/figures.json").json()
    assert {(row["of"], row["value"]) for row in body["figures"] if row["measure"] == "seconds"} == {
        ("answers", 20.0),
        ("alice", 20.0),
        ("bob", 20.0),
    }
    assert body["pays_too_little_time"] is False  # two people say too little for that
