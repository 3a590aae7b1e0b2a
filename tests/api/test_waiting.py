"""Why there is nothing, and what is spent, over the API."""

from annotate.services.claiming import claim_next_task
from annotate.services.setup import change_campaign
from tests.api.calls import problem
from tests.services.test_needs import need

ADDRESS = "/api/v1/campaigns/answers/waiting/"


def test_a_task_that_there_is_not_links_to_why(alice, world):
    need(world, domain="verified")
    response = alice.post("/api/v1/tasks/next/", {"campaign": "answers"})
    assert (response.status_code, response.content) == (204, b"")
    assert response["Link"] == f'<http://testserver{ADDRESS}>; rel="help"'


def test_it_gives_every_reason_with_its_tasks(alice, world):
    need(world, domain="verified")
    assert alice.get(ADDRESS).json() == {
        "reasons": [
            {"code": "domain", "n_tasks": 2, "detail": "2 tasks wait for someone with Physics, verified."},
            {"code": "domain", "n_tasks": 1, "detail": "1 task waits for someone with Art, verified."},
        ]
    }


def test_there_is_no_reason_while_there_is_work(alice):
    assert alice.get(ADDRESS).json() == {"reasons": []}


def test_outsiders_learn_nothing(alice, world):
    change_campaign(campaign=world.ranking, by=world.carol, access="members")
    problem(alice.get(ADDRESS), 404)


def test_admins_see_what_is_spent(admin, world):
    assert admin.get("/api/v1/campaigns/answers/").json()["spending"] is None
    change_campaign(campaign=world.ranking, by=world.carol, assignment={"budget": {"judgements": 1, "hours": 2.5}})
    claim_next_task(annotator=world.alice, campaign=world.ranking)
    assert admin.get("/api/v1/campaigns/answers/").json()["spending"] == {
        "judgements": {"spent": 1.0, "limit": 1.0},
        "hours": {"spent": 0.0, "limit": 2.5},
        "money": {"spent": 0.0, "limit": None},
        "currency": "",
        "n_submitted": 0,
        "n_in_hand": 1,
        "used_up": "judgements",
    }
