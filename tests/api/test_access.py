"""Who gets in, and how far."""

import pytest
from django.conf import settings

from tests.api.calls import Client, problem
from tests.world import PASSWORD

LOGIN = "/api/v1/auth/login/"
FOR_ADMINS = [
    "prompts/",
    "completions/",
    "judgements/",
    "annotators/",
    "annotators/{alice}/expertise/",
    "annotators/{alice}/audit/",
    "expertise/",
    "agreement/?campaign=answers",
    "campaigns/answers/gold/",
    "snapshots/",
    "runs/",
    "checkpoints/",
    "pipelines/",
]
FOR_ALL = ["campaigns/", "schema/"]


def log_in(username="alice", password=PASSWORD):
    return Client().post(LOGIN, {"username": username, "password": password})


def with_token(token):
    return Client(headers={"Authorization": f"Token {token}"})


@pytest.mark.parametrize("path", FOR_ADMINS + FOR_ALL)
def test_it_asks_strangers_to_log_in(world, path):
    response = Client().get(f"/api/v1/{path.format(alice=world.alice.pk)}")
    assert "auth/login" in problem(response, 401)["detail"]
    assert response["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize("path", FOR_ADMINS)
def test_it_shows_other_peoples_work_to_admins_only(world, alice, admin, path):
    path = path.format(alice=world.alice.pk)
    problem(alice.get(f"/api/v1/{path}"), 403)
    assert admin.get(f"/api/v1/{path}").status_code == 200


@pytest.mark.parametrize("path", ["prompts/", "completions/", "pipelines/"])
def test_annotators_add_and_start_nothing(world, alice, path):
    problem(alice.post(f"/api/v1/{path}", []), 403)


def test_a_password_becomes_a_token_that_opens_the_api(world):
    client = with_token(log_in().json()["token"])
    assert client.get("/api/v1/campaigns/").status_code == 200


def test_a_wrong_password_is_a_401(world):
    assert "wrong" in problem(log_in(password="wrong"), 401)["detail"]


def test_a_closed_account_gets_no_token(world):
    world.alice.is_active = False
    world.alice.save()
    problem(log_in(), 401)


def test_guessing_passwords_is_locked_out(world):
    codes = [log_in(password="wrong").status_code for _ in range(settings.AXES_FAILURE_LIMIT)]
    assert codes == [401] * (settings.AXES_FAILURE_LIMIT - 1) + [429]
    response = log_in()
    assert "try again in 15 minutes" in problem(response, 429)["detail"]
    assert response["Retry-After"] == "900"


def test_guessing_names_is_throttled(world):
    codes = [log_in(username=f"name-{number}", password="wrong").status_code for number in range(61)]
    assert (codes[59], codes[60]) == (401, 429)


def test_after_logging_out_the_token_is_worthless(world):
    client = with_token(log_in().json()["token"])
    assert client.post("/api/v1/auth/logout/").status_code == 204
    problem(client.get("/api/v1/campaigns/"), 401)


def test_a_browser_session_needs_the_csrf_token(world):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(world.alice)
    response = browser.post("/api/v1/tasks/next/", {"campaign": "answers"})
    assert "CSRF" in problem(response, 403)["detail"]
