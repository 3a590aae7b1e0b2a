"""Setting campaigns up over the API: the same checks, sentences and record as on the pages."""

import pytest

from annotate.models import Campaign, CampaignChange

pytestmark = pytest.mark.django_db
URL = "/api/v1/campaigns/"
NEW = {"slug": "new", "name": "New", "kind": "ranking", "guideline": "ranking"}


def test_it_sets_a_campaign_up(world, admin):
    response = admin.post(URL, {**NEW, "overlap": 2, "form": {"strength": True}, "onboarding": {"acknowledge": True}})
    assert response.status_code == 201
    assert (response.json()["form"], response.json()["guideline"]["version"]) == ({"strength": True}, 1)
    assert Campaign.objects.get(slug="new").created_by == world.carol


def test_it_changes_a_campaign_and_shows_who_did(world, admin):
    response = admin.patch(f"{URL}answers/", {"name": "Rank them", "state": "paused"})
    assert (response.status_code, response.json()["state"]) == (200, "paused")
    assert [(change["by"], change["field"]) for change in response.json()["changes"]] == [
        ("carol", "state"),
        ("carol", "name"),
    ]
    assert admin.get(f"{URL}answers/").json()["name"] == "Rank them"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"overlap": 0}, "overlap"),
        ({"form": {"steps": {}}}, "steps"),
        ({"form": []}, "form"),
        ({"onboarding": 7}, "onboarding"),
        ({"guideline": "demonstration"}, "guideline"),
        ({"guideline": "none"}, "guideline"),
        ({"slug": "answers"}, "slug"),
        ({"source": "writing"}, "source"),
    ],
)
def test_it_refuses_by_field_with_the_sentences_of_the_pages(world, admin, fields, field):
    response = admin.post(URL, {**NEW, **fields})
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert not Campaign.objects.filter(slug="new").exists()


@pytest.mark.parametrize("fields", [{"kind": "rating"}, {"slug": "x"}, {"nonsense": 1}, {"overlap": "many"}])
def test_it_refuses_what_cannot_be_changed(world, admin, fields):
    assert admin.patch(f"{URL}answers/", fields).status_code == 400
    assert not CampaignChange.objects.exists()


def test_it_takes_and_shows_who_is_given_what(world, admin):
    rules = {"order": "breadth", "random_share": 0.2, "overlap": {"ceiling": 4}}
    fields = {"assignment": rules, "priority": 3, "share": 2, "hourly_rate": "12.50", "currency": "EUR"}
    changed = admin.patch(f"{URL}answers/", fields).json()
    kept = {**rules, "overlap": {"ceiling": 4, "confidence": 0.8}}
    assert {name: changed[name] for name in fields} == {**fields, "assignment": kept}
    assert admin.patch(f"{URL}answers/", {"assignment": {}}).json()["changes"][0]["old"] == kept


def test_it_names_the_rule_that_is_wrong_by_its_path(world, admin):
    problem = admin.patch(f"{URL}answers/", {"assignment": {"gold": {"rate": "often"}}})
    assert problem.status_code == 422
    [error] = problem.json()["errors"]
    assert (error["field"], "must be a number from 0 to 1" in error["detail"]) == ("assignment.gold.rate", True)


def test_it_shows_queues_and_lanes_as_the_page_does(world, admin, alice):
    response = admin.get(f"{URL}answers/queues/")
    assert response.status_code == 200
    found = response.json()
    assert [(queue["domain"], queue["n_tasks"], queue["n_places"]) for queue in found["queues"]] == [
        ("art", 1, 2),
        ("physics", 2, 4),
    ]
    assert found["lanes"] == {"gold": 0, "random": 0, "ordered": 0, "none": 0}
    assert (found["seconds"]["value"], found["seconds"]["n"]) == (None, 0)
    assert (found["seconds_so_far"], found["n_so_far"]) == (None, 0)
    assert alice.get(f"{URL}answers/queues/").status_code == 403


def test_it_is_for_admins(world, alice):
    assert alice.post(URL, NEW).status_code == 403
    assert alice.patch(f"{URL}answers/", {"name": "x"}).status_code == 403
    assert alice.get(f"{URL}answers/").status_code == 403
    assert alice.get(URL).status_code == 200
