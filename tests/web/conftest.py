"""Logged-in clients of the world's people, and one campaign in which they have ranked."""

import pytest
from django.test import Client

from annotate.models import Assignment, Judgement, User
from annotate.services.claiming import claim_next_task
from annotate.services.judging import submit_ranking
from tests.keeping import Kept, keep_on
from tests.world import World


def client_of(user: User) -> Client:
    """A browser in which this person is logged in."""
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def alice(world: World) -> Client:
    return client_of(world.alice)


@pytest.fixture
def carol(world: World) -> Client:
    return client_of(world.carol)


@pytest.fixture
def ranking(world: World) -> Assignment:
    """Alice's hold on the first ranking task."""
    return claim_next_task(annotator=world.alice, campaign=world.ranking)


@pytest.fixture
def writing(world: World) -> Assignment:
    """Alice's hold on the first writing task."""
    return claim_next_task(annotator=world.alice, campaign=world.writing)


def rank_all(user: User, world: World, *, reverse: bool = False) -> list[Judgement]:
    """Rank every open task, by completion id or in the reverse order."""
    made = []
    while assignment := claim_next_task(annotator=user, campaign=world.ranking):
        order = sorted(assignment.shown_order, reverse=reverse)
        ranks = {completion: rank for rank, completion in enumerate(order, start=1)}
        made.append(submit_ranking(assignment_id=assignment.pk, annotator=user, ranks=ranks, seconds=20.0))
    return made


@pytest.fixture(scope="session")
def kept_rankings(kept_world: Kept[World], django_db_blocker) -> Kept[None]:
    """What Alice and Bob add to the world by ranking everything, in opposite orders."""

    def rank_both(world: World) -> None:
        rank_all(world.alice, world)
        rank_all(world.bob, world, reverse=True)

    with django_db_blocker.unblock():
        return keep_on(kept_world, rank_both)


@pytest.fixture
def ranked_world(world: World, kept_rankings: Kept[None]) -> World:
    """Alice and Bob have ranked everything, in opposite orders; nobody has judged anything before."""
    assert not Judgement.objects.exists()  # the rankings' ids may be others' by then: take this fixture first
    kept_rankings.put_back()
    return world
