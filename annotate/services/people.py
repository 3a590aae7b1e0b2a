"""Accounts."""

from collections.abc import Iterable

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from annotate.errors import DomainError
from annotate.languages import LanguageError, parse_languages
from annotate.models import Profile, User

MAX_LANGUAGES = 50


def choose_language(*, user: User, language: str) -> None:
    """Show this person the pages in a language, on every device they log in from."""
    if language not in dict(settings.LANGUAGES):
        raise DomainError(
            _("There is no language %(name)r here; choose one of %(known)s.")
            % {"name": language, "known": ", ".join(dict(settings.LANGUAGES))}
        )
    Profile.objects.update_or_create(user=user, defaults={"language": language})


def say_languages(*, user: User, languages: Iterable[str]) -> list[str]:
    """Keep the languages that this person reads well enough to judge; returns their tags in one spelling.

    Raises DomainError for a tag that names no language; then nothing is changed.
    """
    tags = check_languages(languages)
    profile, _new = Profile.objects.get_or_create(user=user)
    profile.user = user  # so that the user knows this row, too
    profile.languages = tags
    profile.save(update_fields=["languages"])
    return tags


def check_languages(languages: Iterable[str]) -> list[str]:
    """Each tag once, in one spelling. Raises DomainError for one that names no language, or for too many."""
    try:
        tags = parse_languages(languages)
    except LanguageError as error:
        raise DomainError(_(error.sentence) % error.values) from error
    if len(tags) > MAX_LANGUAGES:
        raise DomainError(
            _("These are %(given)d languages; at most %(most)d are kept. Name those that you read best.")
            % {"given": len(tags), "most": MAX_LANGUAGES}
        )
    return tags


def create_annotator(
    *, username: str, password: str | None = None, first_name: str = "", simulated: bool = False
) -> User:
    """An annotator. Without a password (as the simulated ones are) the account cannot log in."""
    return _create(username, password, first_name=first_name, is_simulated=simulated)


def create_admin(*, username: str, password: str, first_name: str = "") -> User:
    """An admin, who may audit, freeze and train, and open the Django admin."""
    return _create(username, password, first_name=first_name, role=User.Role.ADMIN, is_staff=True, is_superuser=True)


def _create(username: str, password: str | None, **fields) -> User:
    try:
        if password is not None:
            validate_password(password)
        with transaction.atomic():
            return User.objects.create_user(username=username, password=password, **fields)
    except ValidationError as error:
        raise DomainError(
            _("The password of %(name)r is too weak: %(why)s") % {"name": username, "why": " ".join(error.messages)}
        ) from error
    except IntegrityError as error:
        raise DomainError(
            _("There is already an account named %(name)r; choose another name.") % {"name": username}
        ) from error
