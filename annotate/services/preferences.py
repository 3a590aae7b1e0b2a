"""What people set for themselves."""

from collections.abc import Sequence

from annotate.errors import LeaseLost
from annotate.models import Assignment, Profile, User
from annotate.services.corpus import check_kinds
from annotate.services.people import check_languages, say_languages
from annotate.services.releasing import release_assignment
from annotate.shortcuts import changed_shortcuts


def change_shortcuts(*, user: User, changes: object) -> dict:
    """Change this person's keys (see `annotate.shortcuts`) and return what is stored.

    Raises DomainError when a change is not possible; then nothing is changed.
    """
    profile, _ = Profile.objects.get_or_create(user=user)
    profile.shortcuts = changed_shortcuts(profile.shortcuts, changes)
    profile.save(update_fields=["shortcuts"])
    return profile.shortcuts


def change_preferences(*, user: User, opt_outs: Sequence[str], languages: Sequence[str]) -> None:
    """What this person never wants to be given, and the languages that they read.

    Raises DomainError for a kind or a language that is none; then nothing is changed.
    """
    tags = check_languages(languages)
    choose_opt_outs(user=user, kinds=opt_outs)
    say_languages(user=user, languages=tags)


def choose_opt_outs(*, user: User, kinds: Sequence[str]) -> list[str]:
    """Never give this person tasks with these kinds of distressing content; what they hold unseen goes back.

    Raises DomainError for a kind that is not known; then nothing is changed.
    """
    kinds = check_kinds(kinds)
    profile, _ = Profile.objects.get_or_create(user=user)
    profile.user = user  # so that the user knows this row, too
    profile.opt_outs = kinds
    profile.save(update_fields=["opt_outs"])
    held = Assignment.objects.filter(annotator=user, state=Assignment.State.CLAIMED, revealed_at__isnull=True)
    for assignment in held.filter(task__prompt__content_warnings__kind__in=kinds).distinct():
        try:
            release_assignment(assignment_id=assignment.pk, annotator=user)
        except LeaseLost:  # it ended in the same moment, which is as good
            continue
    return kinds
