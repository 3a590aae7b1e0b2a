"""The pages of ratings and flags: what they show is what the query computes, and only admins see it."""

import csv
import io

import pytest

from annotate.audit_queries.values import value_audit
from annotate.models import Campaign
from tests.rating import add_rating_campaign, rate, values_for
from tests.web.conftest import client_of
from tests.world import World

PAGE = "/agreement/rate/ratings/"


@pytest.fixture
def rated(world: World) -> Campaign:
    """Alice and Bob rate two tasks; she flags a completion, he does not."""
    campaign = add_rating_campaign(world)
    tasks = list(campaign.tasks.order_by("pk"))
    first = tasks[0].completions.earliest("pk").pk
    for number, task in enumerate(tasks):
        flags = {} if number else {first: ["hallucination"]}
        rate(world.alice, campaign, ratings=values_for(campaign, task, 2 + number))
        rate(world.bob, campaign, ratings=values_for(campaign, task, 3 + number), flags=flags)
    return campaign


@pytest.mark.parametrize("name", ["", "figures.csv", "figures.json"])
def test_it_is_for_admins_only(alice, carol, rated, name):
    assert alice.get(PAGE + name).status_code == 403
    assert carol.get(PAGE + name).status_code == 200


def test_it_shows_axes_and_flags_and_says_which_number_to_read(carol, rated):
    page = carol.get(PAGE).content.decode()
    for question in value_audit(campaign=rated).asked:
        assert question.question.label in page
    assert "Read alpha first" in page
    assert "never believe it alone" in page
    assert page.count("Which number to read.") == 3


def test_files_hold_what_the_query_computes(carol, rated):
    found = value_audit(campaign=rated)
    rows = list(csv.DictReader(io.StringIO(carol.get(PAGE + "figures.csv").content.decode())))
    figures = carol.get(PAGE + "figures.json").json()["figures"]
    assert figures == found.figures
    assert [(row["question"], row["measure"], row["n"]) for row in rows] == [
        (one["question"], one["measure"], str(one["n"])) for one in figures
    ]
    assert {one["scope"] for one in figures} == {"campaign", "domain", "version", "week"}
    assert {one["question"] for one in figures if one["scope"] == "week"} == {found.of.key}


def test_it_shows_another_question_by_domain_version_and_week(carol, rated):
    response = carol.get(PAGE, {"of": "flag/hallucination", "version": "rating-1"})
    page = response.content.decode()
    assert "In detail: <bdi>" in page
    assert "Agreement on yes" in page
    figures = carol.get(PAGE + "figures.json", {"of": "flag/hallucination", "version": "rating-1"}).json()
    assert (figures["of"], figures["slice"]) == ("flag/hallucination", {"version": "rating-1"})
    assert {one["question"] for one in figures["figures"] if one["scope"] == "domain"} == {"flag/hallucination"}
    assert not [one for one in figures["figures"] if one["scope"] == "version"]


@pytest.mark.parametrize("part", [{"of": "flag/none"}, {"week": "1999-01-04"}, {"domain": "nowhere\0"}])
def test_it_says_what_there_is_not(carol, rated, part):
    response = carol.get(PAGE, part)
    assert response.status_code == 404
    assert "choose one of the list" in response.content.decode()


def test_the_list_leads_to_each_kinds_page(carol, rated):
    page = carol.get("/agreement/").content.decode()
    assert f'href="{PAGE}"' in page
    assert 'href="/agreement/answers/"' in page
    assert carol.get("/agreement/rate/")["Location"] == PAGE


def test_a_rating_campaign_has_the_tabs_that_fit_it(carol, rated):
    page = carol.get(PAGE).content.decode()
    tabs = page.split('class="tabs"')[1].split("</nav>")[0]
    assert "Time and pay" in tabs
    assert "Kendall" not in tabs
    assert "Producers" not in tabs
    for address in ("time/", "composition/"):
        assert carol.get(f"/agreement/rate/{address}").status_code == 200


def test_a_ranking_campaign_shows_its_flags(world, ranked_world):
    response = client_of(world.carol).get("/agreement/answers/ratings/")
    assert response.status_code == 200
    guideline = world.ranking.guideline
    assert all(flag["label"] in response.content.decode() for flag in guideline.flags)


def test_a_campaign_of_writing_has_no_such_page(carol, world):
    assert carol.get("/agreement/writing/ratings/").status_code == 404
