"""Problem documents and the API's own description."""

import json

import pytest
from django.core.management import call_command
from drf_spectacular.validation import validate_schema

from annotate import queries
from tests.api.calls import Client, problem


def test_the_schema_is_valid_and_complete(world, alice, tmp_path):
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yml"))
    response = alice.get("/api/v1/schema/", {"format": "json"})
    schema = json.loads(response.content)
    validate_schema(schema)
    assert "/api/v1/assignments/{id}/submit/" in schema["paths"]
    assert "/api/v1/pipelines/" in schema["paths"]


def test_the_schema_documents_problems_everywhere_but_for_itself(world, alice):
    schema = json.loads(alice.get("/api/v1/schema/", {"format": "json"}).content)
    without = [
        path
        for path, operations in schema["paths"].items()
        for operation in operations.values()
        if "application/problem+json" not in operation["responses"].get("default", {}).get("content", {})
    ]
    assert without == ["/api/v1/schema/"]


def test_the_documentation_page_sends_strangers_to_the_login_page(world, client):
    assert client.get("/api/v1/docs/").url.startswith("/login")


def test_the_documentation_page_has_no_inline_script_or_style(world, client):
    client.force_login(world.alice)
    page = client.get("/api/v1/docs/").content.decode()
    assert "<script>" not in page
    assert "<style" not in page
    assert "//" not in page.replace("<!DOCTYPE", "")  # no other host


@pytest.mark.parametrize("path", ["/api/v1/nowhere/", "/api/v1/campaigns"])
def test_an_unknown_address_is_a_problem_document(world, path):
    assert "end with a slash" in problem(Client().get(path), 404)["detail"]
    problem(Client(enforce_csrf_checks=True).post(path), 404)


def test_broken_json_is_a_problem_document(world, alice):
    response = alice.post("/api/v1/tasks/next/", "{", content_type="application/json")
    assert "JSON parse error" in problem(response, 400)["detail"]


def test_a_wrong_method_is_a_problem_document(world, alice):
    problem(alice.get("/api/v1/tasks/next/"), 405)


def test_a_wrong_format_is_a_problem_document(world, alice):
    problem(alice.post("/api/v1/tasks/next/", "a=b", content_type="application/x-www-form-urlencoded"), 415)


def test_an_own_fault_is_a_problem_document_that_tells_nothing(world, as_user, monkeypatch, caplog):
    def fail(**kwargs):
        raise RuntimeError("the secret reason")

    monkeypatch.setattr(queries, "campaigns_with_progress", fail)
    client = as_user(world.alice)
    client.raise_request_exception = False
    response = client.get("/api/v1/campaigns/")
    problem(response, 500)
    assert "secret" not in response.content.decode()
    assert "the secret reason" in caplog.text
