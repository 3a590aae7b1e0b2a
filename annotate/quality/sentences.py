"""Sentences with figures in them, which pages translate and a command prints as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence marked as `translatable`, with %(name)s where its `values` go."""

    sentence: str
    values: Mapping[str, str]

    def in_words(self, translate: Callable[[str], str] = str) -> str:
        """The whole sentence, in the language that `translate` gives."""
        return translate(self.sentence) % self.values

    def __str__(self) -> str:
        return self.in_words()


def percent(share: float) -> str:
    """0.726 as 73 %: shares in a sentence need no decimals."""
    return f"{share * 100:.0f}\N{NO-BREAK SPACE}%"


def number(value: float) -> str:
    """0.3624 as 0.36, with a real minus sign."""
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")
