"""Which draft may follow which: an older one never overwrites a newer one, whenever it arrives.

A draft follows the one that its tab has seen, or an earlier one of the same tab. So what a tab sends twice, or what
overtakes on the way, does no harm; and a tab that comes back from being offline does not undo what was written on
another device meanwhile. It is told so, and both drafts stay.
"""

import json
import re
import secrets
from dataclasses import dataclass
from typing import Any, Self

from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from annotate.errors import DomainError

NAME = re.compile(r"(\d{1,9})\.([a-z0-9]{0,24})", re.ASCII)


@dataclass(frozen=True, slots=True)
class DraftName:
    """A draft's name: its number, and the tab (or program) that wrote it."""

    number: int
    tab: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """The name in a text like "3.x7f". Raises DomainError for another."""
        found = NAME.fullmatch(text)
        if found is None:
            raise DomainError(
                _("A draft is named by its number and who wrote it, like 3.x7f; %(name)r is no such name.")
                % {"name": text[:40]}
            )
        return cls(int(found[1]), found[2])

    def __str__(self):
        return f"{self.number}.{self.tab}"


@dataclass(frozen=True, slots=True)
class Following:
    """The name of a draft, and of the one that it follows."""

    name: DraftName
    after: DraftName

    @classmethod
    def parse(cls, name: str, after: str) -> Self | None:
        """From the texts of both names; None for a draft without one, as a page without script sends it.

        Raises DomainError for what is no name.
        """
        return cls(DraftName.parse(name), DraftName.parse(after)) if name else None


def named_after(after: str) -> Following:
    """A new draft, of a program that names none, after the one named so. Raises DomainError for what is no name."""
    seen = DraftName.parse(after)
    return Following(DraftName(seen.number + 1, secrets.token_hex(4)), seen)


def write_draft(rows: QuerySet, draft: dict[str, Any], following: Following | None, **beside: Any) -> bool:
    """Keep a draft in the one of `rows`, unless one that it does not follow is there; whether it is kept.

    Where `following` is None it follows whatever there is. `beside` are fields that change with it.
    """
    if following is None:
        return rows.update(draft=draft, draft_number=F("draft_number") + 1, draft_tab="", **beside) == 1
    name, after = following.name, following.after
    seen = Q(draft_number=after.number, draft_tab=after.tab)
    earlier = Q(draft_tab=name.tab, draft_number__lt=name.number) & ~Q(draft_tab="")
    fields = {"draft": draft, "draft_number": name.number, "draft_tab": name.tab, **beside}
    written = rows.filter(seen | earlier).update(**fields)
    return written == 1 or _is_there(rows, draft, name)


def _is_there(rows: QuerySet, draft: dict[str, Any], name: DraftName) -> bool:
    """Whether the same draft was kept before: it was sent again, because the answer did not arrive."""
    same = rows.filter(draft_number=name.number, draft_tab=name.tab).values_list("draft", flat=True).first()
    return same is not None and _stored(same) == _stored(draft)


def _stored(draft: dict[str, Any]) -> dict[str, Any]:
    """As JSON gives it back: names are texts."""
    return json.loads(json.dumps(draft))


def outdated() -> str:
    """Why a draft was not kept, and what becomes of both."""
    return _(
        "This task’s draft was changed in another tab or on another device meanwhile, so this one was not saved over"
        " it. Both are kept."
    )
