"""Letting people in: a link works once, for one person, and the database does not know it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from annotate.errors import DomainError, InvitationClosed, NotFound
from annotate.models import Invitation, Membership, User
from annotate.services.invitations import accept_as, accept_as_new, invite, open_invitation, revoke_invitation

PASSWORD = "seven green bottles"


@pytest.fixture
def token(world) -> str:
    """An invitation to the ranking campaign."""
    return invite(by=world.carol, campaigns=[world.ranking], name="Dora")[1]


def accept(token: str, username: str = "dora") -> User:
    return accept_as_new(token=token, username=username, password=PASSWORD)


def test_it_stores_no_token(token):
    stored = " ".join(str(value) for row in Invitation.objects.values_list() for value in row)
    assert token not in stored


def test_it_makes_an_annotator_who_is_a_member(world, token):
    dora = accept(token)
    assert (dora.role, dora.is_staff, dora.check_password(PASSWORD)) == ("annotator", False, True)
    assert list(Membership.objects.filter(user=dora).values_list("campaign", "state")) == [
        (world.ranking.pk, "onboarding")
    ]


def test_it_works_once(token):
    accept(token)
    with pytest.raises(InvitationClosed, match="used already"):
        accept(token, "elsa")
    assert not User.objects.filter(username="elsa").exists()


def test_it_lets_an_existing_user_in(world, token):
    accept_as(token=token, user=world.alice)
    assert Membership.objects.filter(user=world.alice, campaign=world.ranking).exists()
    with pytest.raises(InvitationClosed):
        open_invitation(token=token)


def test_it_opens_nothing_after_its_time(token):
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(InvitationClosed, match="expired"):
        accept(token)


def test_it_opens_nothing_once_taken_back(token):
    revoke_invitation(invitation_id=Invitation.objects.get().pk)
    with pytest.raises(InvitationClosed, match="taken back"):
        accept(token)


def test_it_cannot_be_taken_back_once_used(token):
    accept(token)
    with pytest.raises(DomainError, match="already used"):
        revoke_invitation(invitation_id=Invitation.objects.get().pk)


@pytest.mark.parametrize("token", ["", "x", "\0", "a" * 43, "é" * 43, "a" * 100_000])
def test_it_knows_no_token_that_it_did_not_make(world, token):
    with pytest.raises(NotFound, match="does not exist"):
        open_invitation(token=token)


@pytest.mark.parametrize(
    ("username", "password", "sentence"),
    [
        ("ALICE", PASSWORD, "already an account"),
        ("two words", PASSWORD, "valid username"),
        ("nul\0", PASSWORD, "valid username"),
        ("", PASSWORD, "blank"),
        ("d" * 151, PASSWORD, "at most 150"),
        ("dora", "short", "too short"),
        ("dora", "password", "too common"),
        ("dorothea.hill", "dorothea.hill", "too similar"),
    ],
)
def test_it_refuses_a_bad_account_and_stays_open(token, username, password, sentence):
    with pytest.raises(DomainError, match=sentence):
        accept_as_new(token=token, username=username, password=password)
    assert open_invitation(token=token).accepted_at is None


@pytest.mark.parametrize("days", [0, 91, -1])
def test_it_is_open_for_a_while_only(world, days):
    with pytest.raises(DomainError, match="1 to 90 days"):
        invite(by=world.carol, days=days)


def test_it_lets_one_in_when_many_come_at_once(committed_world):
    token = invite(by=committed_world.carol)[1]

    def try_to_accept(number: int) -> bool:
        try:
            accept(token, f"guest-{number}")
        except InvitationClosed:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(6) as pool:
        let_in = list(pool.map(try_to_accept, range(6)))
    assert sum(let_in) == 1
    assert User.objects.filter(username__startswith="guest").count() == 1
