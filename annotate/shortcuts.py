"""The single-key shortcuts of the workplace: their names, defaults and labels, and how a person may change them.

Enter, Escape, arrows and the like are no single-character keys and stay as they are (WCAG 2.1.4 speaks of characters).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotate.errors import DomainError

RANKING, PAIRWISE, RATING, STEPS, REVIEW = "ranking", "pairwise", "rating", "steps", "review"


@dataclass(frozen=True, slots=True)
class Shortcut:
    """What a key does, on which pages."""

    name: str
    key: str
    """The default: one character, or for a group its first and last (`1–9`), which can only be switched off."""
    label: Promise
    pages: frozenset[str] = frozenset()
    """Campaign kinds, with `pairwise` for a ranking of two; none means all of them."""
    asks: str = ""
    """Only where the campaign asks this: flags, axes, spans or behaviour."""

    @property
    def is_group(self) -> bool:
        """Whether it stands for a run of keys."""
        return len(self.key) > 1

    def meets(self, other: "Shortcut") -> bool:
        """Whether a page knows both."""
        return not self.pages or not other.pages or bool(self.pages & other.pages)

    def shown_on(self, page: str) -> bool:
        """Whether this page knows it."""
        return not self.pages or page in self.pages


def _table() -> Iterator[Shortcut]:
    ranking, pairs, steps = frozenset({RANKING}), frozenset({PAIRWISE}), frozenset({STEPS})
    compared, read = ranking | pairs, ranking | pairs | {RATING}
    yield Shortcut("good", "g", gettext_lazy("The outlined step is good; go on"), steps)
    yield Shortcut("neutral", "n", gettext_lazy("The outlined step is neutral; go on"), steps)
    yield Shortcut("bad", "b", gettext_lazy("The outlined step is bad"), steps)
    yield Shortcut("labels", "1–3", gettext_lazy("Good, neutral, bad, too"), steps)
    yield Shortcut("left", "1", gettext_lazy("A is better"), pairs)
    yield Shortcut("right", "2", gettext_lazy("B is better"), pairs)
    yield Shortcut("equal", "0", gettext_lazy("Both are equally good"), pairs)
    yield Shortcut(
        "ranks", "1–9", gettext_lazy("Rank the outlined completion and go on; the same twice is a tie"), ranking
    )
    yield Shortcut("letters", "a–i", gettext_lazy("Go to this completion; in a ranking it takes the next place"), read)
    yield Shortcut("tie", "=", gettext_lazy("Tie: the next letter with the last one placed"), ranking)
    yield Shortcut(
        "values", "0–9", gettext_lazy("Answer the outlined question and go on; 0 is 10"), frozenset({RATING})
    )
    yield Shortcut("rate", "v", gettext_lazy("Rate the outlined completion by digits"), compared, "axes")
    yield Shortcut(
        "flags", "w", gettext_lazy("What is wrong: flags of the outlined completion, by letters"), read, "flags"
    )
    yield Shortcut("mark", "m", gettext_lazy("Mark a passage of the outlined completion"), read, "spans")
    yield Shortcut("behaviour_answer", "j", gettext_lazy("The assistant should answer"), read, "behaviour")
    yield Shortcut("behaviour_careful", "k", gettext_lazy("The assistant should answer with care"), read, "behaviour")
    yield Shortcut("behaviour_decline", "l", gettext_lazy("The assistant should decline"), read, "behaviour")
    yield Shortcut("undo", "u", gettext_lazy("Undo"), compared | steps | {RATING})
    yield Shortcut("cannot_rank", "x", gettext_lazy("Cannot rank: say why"), compared)
    yield Shortcut("all_bad", "n", gettext_lazy("All bad (none is good): say why"), compared)
    yield Shortcut("together", "y", gettext_lazy("Scroll the completions together, or each alone"), read)
    yield Shortcut("accept", "1", gettext_lazy("Accept: it is good as it is"), frozenset({REVIEW}))
    yield Shortcut("edit", "2", gettext_lazy("Edit: make it better yourself"), frozenset({REVIEW}))
    yield Shortcut("return", "3", gettext_lazy("Return it to its author, with a reason"), frozenset({REVIEW}))
    yield Shortcut("raw", "r", gettext_lazy("Show the source text, or how it reads"))
    yield Shortcut("prompt", "p", gettext_lazy("Fold the prompt, or open it"))
    yield Shortcut("guideline", "t", gettext_lazy("Show or hide the guideline text"))
    yield Shortcut("undo_submit", "z", gettext_lazy("Take back or correct the last answer"))
    yield Shortcut("skip", "s", gettext_lazy("Skip"))
    yield Shortcut("help", "?", gettext_lazy("This help"))


SHORTCUTS = {shortcut.name: shortcut for shortcut in _table()}


def current_keys(stored: Mapping) -> dict[str, str]:
    """The key of each shortcut, by name, given a person's changes; "" is switched off."""
    return {name: stored.get(name, shortcut.key) for name, shortcut in SHORTCUTS.items()}


def changed_shortcuts(stored: Mapping, changes: object) -> dict:
    """What to store after these changes, or a DomainError that says what is wrong.

    `changes` is `{"off": bool, "keys": {name: key}}`; without "keys" all keys are set back. What is stored is flat, and
    only what differs from the defaults: `{name: key, ...}`, with `"off": true` when no shortcut is to work at all.
    """
    if not isinstance(changes, dict) or not isinstance(changes.get("keys", {}), dict):
        raise DomainError(_("These shortcuts cannot be read. Reload the page and change them again."))
    keys = current_keys(stored if "keys" in changes else {})
    for name, key in changes.get("keys", {}).items():
        keys[name] = _one_key(name, key)
    _refuse_doubles(keys, changes.get("keys", {}))
    changed = {name: key for name, key in keys.items() if key != SHORTCUTS[name].key}
    return changed | ({"off": True} if changes.get("off") is True else {})


def _one_key(name: str, key: object) -> str:
    shortcut = SHORTCUTS.get(name)
    if shortcut is None:
        raise DomainError(_("There is no shortcut called “%(name)s”.") % {"name": name[:40]})
    if key in ("", shortcut.key):
        return key
    if shortcut.is_group:
        raise DomainError(_("“%(label)s” can be switched off or on, not moved.") % {"label": shortcut.label})
    if not isinstance(key, str) or len(key) != 1 or not key.isprintable() or key.isspace():
        raise DomainError(_("A shortcut is one letter, digit or sign. Press another key."))
    return key.lower() if len(key.lower()) == 1 else key


def _refuse_doubles(keys: dict[str, str], changed: Mapping) -> None:
    names = sorted(keys, key=lambda name: name in changed)  # so that the refusal names the other one
    taken = [(SHORTCUTS[name], keys[name]) for name in names if keys[name]]
    for at, (shortcut, key) in enumerate(taken):
        for other, its_key in taken[:at]:
            if shortcut.meets(other) and (_covers(its_key, key) or _covers(key, its_key)):
                raise DomainError(
                    _("“%(key)s” is already the key for “%(label)s”. Choose another key, or switch that one off first.")
                    % {"key": min(key, its_key, key=len).upper(), "label": other.label}
                )


def _covers(key: str, other: str) -> bool:
    return key[0] <= other[0] <= key[-1]
