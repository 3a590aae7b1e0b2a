"""What the API's tests send and how they read problems."""

from rest_framework.test import APIClient

from annotate.models import Assignment


class Client(APIClient):
    """A client that sends JSON."""

    default_format = "json"


def address(assignment: Assignment, verb: str = "") -> str:
    return f"/api/v1/assignments/{assignment.pk}/{verb + '/' if verb else ''}"


def ranking(assignment: Assignment, *ranks: int, **fields) -> dict:
    """A submission of these ranks, for the completions in the order shown."""
    by_id = {str(pk): rank for pk, rank in zip(assignment.shown_order, ranks or (1, 2, 2, 3), strict=True)}
    return {"ranks": by_id, "seconds": 30, **fields}


def problem(response, status: int) -> dict:
    """The problem document of this response, which must have this status."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    document = response.json()
    assert document["status"] == status
    assert document["type"].startswith("urn:concord:problem:")
    assert document["title"]
    assert document["detail"].endswith(".")
    return document
