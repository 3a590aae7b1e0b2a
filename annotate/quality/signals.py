"""Signals about how judgements were made: fast, in the order shown, pasted. Each has n, an interval and a sentence.

Signals, never verdicts. Each has harmless explanations, which its sentence names. Measured on real annotators, the
fastest fifth of tasks failed attention checks no more often than the others in three of four studies: nobody should be
stopped because of one of these, let alone automatically; they say where to look, and at whose work with them.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from annotate.quality.intervals import Estimate, clustered_proportion, clustered_ratio, undefined, wilson
from annotate.quality.medians import median
from annotate.quality.sentences import Said, number, percent
from annotate.quality.table import TableError
from annotate.translations import translatable

WORDS_PER_MINUTE = 240
"""Silent reading of English by adults: Brysbaert 2019, "How many words do we read per minute?", 238 for non-fiction."""

NOTHING_JUDGED = translatable("Nothing judged yet.")
NOTHING_WRITTEN = translatable("Nothing written yet.")
PACE = translatable(
    "Half of the judgements took less active time than %(ratio)s times reading everything once at %(speed)s words a"
    " minute."
)
FAST = translatable(
    "%(share)s of the judgements took less active time than reading everything once at %(speed)s words a minute."
    " Reading fast, knowing the texts already and seeing early which one is wrong look the same."
)
UNTOUCHED = translatable(
    "%(share)s of the rankings keep the order in which the texts were shown; by chance it would be %(chance)s."
    " The order shown may have been the right one."
)
PASTED = translatable(
    "%(share)s of the characters written were pasted. Quoting, moving one's own sentences and writing in another"
    " program look the same."
)
NOTHING = translatable("Nothing to say yet.")


@dataclass(frozen=True, slots=True)
class Signal:
    """A figure about how somebody (or everybody) worked, and what it says."""

    name: str
    estimate: Estimate
    said: Said
    is_share: bool = True


def reading_seconds(words: ArrayLike, words_per_minute: float = WORDS_PER_MINUTE) -> NDArray[np.float64]:
    """How long reading so many words once takes, in seconds."""
    if not words_per_minute > 0:
        raise ValueError(f"A reading speed is above 0 words a minute, got {words_per_minute}.")
    return np.asarray(words, dtype=float) * 60 / words_per_minute


def pace(seconds: ArrayLike, words: ArrayLike, *, words_per_minute: float = WORDS_PER_MINUTE) -> Signal:
    """The median of active seconds (n,) over the time to read `words` (n,) once; where there are none is left out."""
    taken, needed = _times(seconds, words, words_per_minute)
    found = median(taken / needed) if taken.size else undefined(NOTHING_JUDGED)
    return Signal("pace", found, _said(PACE, found, "ratio", number, speed=f"{words_per_minute:g}"), is_share=False)


def fast(
    seconds: ArrayLike,
    words: ArrayLike,
    *,
    annotators: Sequence[Hashable] | None = None,
    words_per_minute: float = WORDS_PER_MINUTE,
) -> Signal:
    """The share of judgements that took less time than reading everything once; clustered by `annotators` if given."""
    taken, needed = _times(seconds, words, words_per_minute)
    if annotators is not None:
        read = np.asarray(words, dtype=float) > 0
        annotators = [person for person, counts in zip(annotators, read, strict=True) if counts]
    found = _share(taken < needed, annotators)
    return Signal("fast", found, _said(FAST, found, "share", percent, speed=f"{words_per_minute:g}"))


def untouched(as_shown: ArrayLike, k: ArrayLike, *, annotators: Sequence[Hashable] | None = None) -> Signal:
    """The share of rankings (n,) `as_shown`: strictly in the order shown, of `k` (n,) texts; 1 / K! by chance each."""
    kept, size = np.asarray(as_shown, dtype=bool), np.asarray(k, dtype=int)
    if kept.shape != size.shape:
        raise TableError(f"Every ranking needs its number of texts, but there are {kept.size} and {size.size}.")
    chance = float(np.mean([1 / math.factorial(one) for one in size])) if size.size else 0.0
    found = _share(kept, annotators)
    return Signal("untouched", found, _said(UNTOUCHED, found, "share", percent, chance=percent(chance)))


def pasted(pasted_characters: ArrayLike, characters: ArrayLike) -> Signal:
    """The share of the characters of texts (n,) that were pasted, with an interval over texts."""
    parts, whole = np.asarray(pasted_characters, dtype=float), np.asarray(characters, dtype=float)
    if parts.shape != whole.shape or ((parts < 0) | (parts > whole)).any():
        raise TableError("Every text needs its characters and how many of them were pasted: from none to all.")
    if not whole.sum():
        found = undefined(NOTHING_WRITTEN)
    else:
        found = clustered_ratio(parts, whole, np.arange(whole.size), n=whole.size)
    return Signal("pasted", found, _said(PASTED, found, "share", percent))


def _times(seconds: ArrayLike, words: ArrayLike, words_per_minute: float) -> tuple[NDArray, NDArray]:
    """Seconds taken and needed, of the judgements where there is something to read."""
    taken, needed = np.asarray(seconds, dtype=float), reading_seconds(words, words_per_minute)
    if taken.shape != needed.shape:
        raise TableError(f"Every judgement needs its seconds and its words, but there are {taken.size}, {needed.size}.")
    return taken[needed > 0], needed[needed > 0]


def _share(hits: NDArray, annotators: Sequence[Hashable] | None) -> Estimate:
    if not hits.size:
        return undefined(NOTHING_JUDGED)
    if annotators is None or len(set(annotators)) < 2:
        return wilson(int(hits.sum()), hits.size)
    found = clustered_proportion(hits, annotators)
    return Estimate(found.value, found.lo, found.hi, hits.size)


def _said(sentence: str, found: Estimate, name: str, written, **values: str) -> Said:
    if found.value is None:
        return Said(NOTHING, {})
    return Said(sentence, {name: written(found.value), **values})
