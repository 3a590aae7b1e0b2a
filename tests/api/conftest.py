"""Clients of the API: who calls, already known to the server."""

from collections.abc import Callable

import pytest
from django.core.cache import cache

from annotate.models import Assignment, User
from annotate.services.claiming import claim_next_task
from tests.api.calls import Client


@pytest.fixture(autouse=True)
def _fresh_throttle():
    cache.clear()


@pytest.fixture
def as_user() -> Callable[[User], Client]:
    """A client that calls as this person."""

    def client(user: User) -> Client:
        client = Client()
        client.force_authenticate(user)
        return client

    return client


@pytest.fixture
def alice(world, as_user) -> Client:
    return as_user(world.alice)


@pytest.fixture
def admin(world, as_user) -> Client:
    return as_user(world.carol)


@pytest.fixture
def held(world) -> Assignment:
    """Alice's claimed ranking assignment."""
    return claim_next_task(annotator=world.alice, campaign=world.ranking)
