"""What people set for themselves."""

from annotate.models import Profile, User
from annotate.shortcuts import changed_shortcuts


def change_shortcuts(*, user: User, changes: object) -> dict:
    """Change this person's keys (see `annotate.shortcuts`) and return what is stored.

    Raises DomainError when a change is not possible; then nothing is changed.
    """
    profile, _ = Profile.objects.get_or_create(user=user)
    profile.shortcuts = changed_shortcuts(profile.shortcuts, changes)
    profile.save(update_fields=["shortcuts"])
    return profile.shortcuts
