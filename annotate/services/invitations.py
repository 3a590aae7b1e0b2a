"""Letting people in by a link that works once. Who has the link has the right; the database has only its hash."""

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import timedelta

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.errors import DomainError, InvitationClosed, NotFound
from annotate.models import Campaign, Invitation, User
from annotate.services.onboarding import join
from annotate.services.people import create_annotator

MAX_DAYS = 90
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")  # 32 random bytes, in base64 for addresses


def invite(
    *, by: User, campaigns: Sequence[Campaign] = (), days: int = 14, name: str = "", email: str = ""
) -> tuple[Invitation, str]:
    """A new invitation and its token, which is nowhere else and cannot be shown again."""
    if not 1 <= days <= MAX_DAYS:
        raise DomainError(_("An invitation is open for 1 to %(most)d days.") % {"most": MAX_DAYS})
    for field, value in (("name", name), ("email", email)):
        most = Invitation._meta.get_field(field).max_length
        if len(value) > most:
            raise DomainError(_("The note is too long: at most %(most)d characters.") % {"most": most})
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        invitation = Invitation.objects.create(
            token_sha256=_hashed(token),
            name=name.strip(),
            email=email.strip(),
            created_by=by,
            expires_at=timezone.now() + timedelta(days=days),
        )
        invitation.campaigns.set(campaigns)
    return invitation, token


def _hashed(token: str) -> str:
    """256 random bits need no slow hash: nobody can try them out."""
    return hashlib.sha256(token.encode()).hexdigest()


def open_invitation(*, token: str) -> Invitation:
    """The open invitation of this token. Raises NotFound if it never was one, InvitationClosed once it is over."""
    found = None
    if TOKEN.fullmatch(token):
        found = Invitation.objects.filter(token_sha256=_hashed(token)).select_related("created_by").first()
    if found is None:
        raise NotFound(_("This invitation does not exist. Perhaps the link was cut off: copy all of it and try again."))
    if reason := closed_because(found):
        raise InvitationClosed(reason)
    return found


def closed_because(invitation: Invitation) -> str:
    """Why an invitation opens nothing any more, in a sentence for whoever has its link; empty while it does."""
    if invitation.accepted_at:
        return _("This invitation has been used already. If that was you, log in; if not, ask for a new one.")
    if invitation.revoked_at:
        return _("This invitation was taken back. Ask the person who sent it for a new one.")
    if invitation.expires_at <= timezone.now():
        return _("This invitation has expired. Ask the person who sent it for a new one.")
    return ""


@transaction.atomic
def accept_as_new(*, token: str, username: str, password: str, first_name: str = "") -> User:
    """Make an account with the invitation, which is then used up. Raises DomainError and changes nothing if it cannot.

    The account is an annotator's: an invitation never makes an admin.
    """
    invitation = open_invitation(token=token)
    user = User(username=username, first_name=first_name.strip())
    _check_account(user, password)
    user = create_annotator(username=username, password=password, first_name=user.first_name)
    _use(invitation, user)
    return user


def _check_account(user: User, password: str) -> None:
    for field in ("username", "first_name"):
        try:
            User._meta.get_field(field).clean(getattr(user, field), user)
        except ValidationError as error:
            raise DomainError(" ".join(error.messages)) from error
    if User.objects.filter(username__iexact=user.username).exists():
        raise DomainError(
            _("There is already an account named %(name)s; choose another name.") % {"name": user.username}
        )
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise DomainError(" ".join(error.messages)) from error


@transaction.atomic
def accept_as(*, token: str, user: User) -> None:
    """Accept the invitation with an account that there is."""
    _use(open_invitation(token=token), user)


def _use(invitation: Invitation, user: User) -> None:
    now = timezone.now()
    still_open = Invitation.objects.filter(
        pk=invitation.pk, accepted_at__isnull=True, revoked_at__isnull=True, expires_at__gt=now
    )
    if not still_open.update(accepted_by=user, accepted_at=now):
        raise InvitationClosed(_("This invitation has just been used or taken back. Ask for a new one."))
    for campaign in invitation.campaigns.all():
        join(user=user, campaign=campaign)


def revoke_invitation(*, invitation_id: int) -> None:
    """Take an invitation back. Raises DomainError when it is used or taken back already."""
    still_open = Invitation.objects.filter(pk=invitation_id, accepted_at__isnull=True, revoked_at__isnull=True)
    if not still_open.update(revoked_at=timezone.now()):
        raise DomainError(_("This invitation is already used or taken back."))
