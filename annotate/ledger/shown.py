"""Judgements with their texts in the order in which they were shown, and what those look like.

A judgement never changes, and neither does a text: a process reads each once, and keeps those of the judgements that
it was last asked for, some 250 bytes a judgement and 100 a text.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from annotate.models import Completion, Judgement, RankedCompletion
from annotate.quality.ranked_pairs import ShownRankings
from annotate.quality.style import FEATURES
from annotate.rankings import MAX_COMPLETIONS
from annotate.style_store import Looked, StyleStore, look_at

PATIENCE = 1.0
"""Seconds of a request that may go into looking at texts for the first time."""
AT_ONCE = 5000
LOOKED_AT_ONCE = 250


class _Columns:
    """Arrays of equal length; `id` is sorted."""

    id: NDArray[np.int64]

    def take(self, chosen: NDArray) -> Self:
        """The rows that an index or a mask names."""
        return type(self)(**{one.name: getattr(self, one.name)[chosen] for one in fields(self)})

    def with_more(self, more: Self) -> Self:
        """These and other rows, sorted by id."""
        both = {one.name: np.concatenate([getattr(self, one.name), getattr(more, one.name)]) for one in fields(self)}
        return type(self)(**both).take(np.argsort(both["id"], kind="stable"))

    def places(self, wanted: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where each of these ids is; all are there."""
        return np.searchsorted(self.id, wanted)

    def missing(self, wanted: NDArray[np.int64]) -> NDArray[np.int64]:
        """The ids that are not there."""
        return wanted[np.isin(wanted, self.id, assume_unique=True, invert=True)]


@dataclass(frozen=True, eq=False)
class Shown(_Columns):
    """Judgements (n,); the columns of `rank` and `completion` (n, 9) are places in the order shown, 0 is none."""

    id: NDArray[np.int64]
    annotator: NDArray[np.int64]
    task: NDArray[np.int64]
    seconds: NDArray[np.float64]
    rank: NDArray[np.int8]
    completion: NDArray[np.int64]

    @classmethod
    def read(cls, ids: Sequence[int]) -> Shown:
        """The judgements with these keys, as far as they are there."""
        names = ("pk", "annotator_id", "task_id", "seconds", "assignment__shown_order")
        rows, ranks = [], {}
        for part in batches(ids, AT_ONCE):
            rows += Judgement.objects.filter(pk__in=part).order_by("pk").values_list(*names)
            ranked = RankedCompletion.objects.filter(judgement__in=part).order_by()
            for judgement, completion, rank in ranked.values_list("judgement_id", "completion_id", "rank"):
                ranks[judgement, completion] = rank
        rank = np.zeros((len(rows), MAX_COMPLETIONS), np.int8)
        shown = np.zeros(rank.shape, np.int64)
        for at, (pk, _, _, _, order) in enumerate(rows):
            shown[at, : len(order)] = order
            rank[at, : len(order)] = [ranks.get((pk, completion), 0) for completion in order]
        keys, people, tasks = (np.array([row[column] for row in rows], np.int64) for column in range(3))
        return cls(keys, people, tasks, np.array([row[3] for row in rows], float), rank, shown)


@dataclass(frozen=True, eq=False)
class Texts(_Columns):
    """What completions (n,) look like."""

    id: NDArray[np.int64]
    style: NDArray[np.float64]
    """(n, F) as `style.FEATURES`."""
    words: NDArray[np.float64]
    prompt_words: NDArray[np.float64]

    @classmethod
    def look(cls, completions: Sequence[int]) -> Texts:
        """Look at completions, those never looked at before as far as there is time; by rising id."""
        looked = _looked(completions)
        ids = sorted(looked)
        style = np.array([looked[one].style for one in ids], float).reshape(len(ids), len(FEATURES))
        words, of_prompts = (
            np.array([getattr(looked[one], name) for one in ids], float) for name in ("words", "prompt_words")
        )
        return cls(np.array(ids, np.int64), style, words, of_prompts)


@dataclass(frozen=True, eq=False)
class Work:
    """The rankings among some judgements whose texts were all looked at."""

    shown: Shown
    texts: Texts
    n_waiting: int
    """Texts that were not looked at yet."""

    @classmethod
    def of(cls, shown: Shown, texts: Texts) -> Work:
        """Of judgements that rank something, and of the texts that were looked at."""
        shown = shown.take(shown.rank.any(axis=1))
        needed = np.unique(shown.completion[shown.completion > 0])
        missing = texts.missing(needed)
        shown = shown.take(~np.isin(shown.completion, missing).any(axis=1)) if missing.size else shown
        texts = texts.take(texts.places(np.setdiff1d(needed, missing, assume_unique=True)))
        return cls(shown, texts, missing.size)

    @property
    def rankings(self) -> ShownRankings:
        """As the measures take them."""
        place = np.where(self.shown.completion > 0, self.texts.places(self.shown.completion), 0)
        rank = self.shown.rank.astype(np.int64)
        return ShownRankings(annotator=self.shown.annotator, rank=rank, text=place, features=self.texts.style)

    @property
    def words(self) -> NDArray[np.float64]:
        """(n,) how many words there were to read: the prompt's and those of all texts."""
        place, there = self.texts.places(self.shown.completion), self.shown.completion > 0
        counts = np.append(self.texts.words, 0.0)[np.where(there, place, -1)]
        return counts.sum(axis=1) + self.texts.prompt_words[place[:, 0]]


class Desk:
    """The judgements that a process was last asked for, with their texts."""

    def __init__(self) -> None:
        self._shown = Shown.read([])
        self._texts = Texts.look([])

    def lay_out(self, *wanted: NDArray[np.int64]) -> list[Work]:
        """The work of each set of keys (sorted); reads what is not at hand, and puts away what is not asked for."""
        keys = np.unique(np.concatenate(wanted))
        missing = self._shown.missing(keys)
        shown = self._shown.take(np.isin(self._shown.id, keys))
        shown = shown.with_more(Shown.read(missing.tolist())) if missing.size else shown
        needed = np.unique(shown.completion[shown.completion > 0])
        unseen = self._texts.missing(needed)
        texts = self._texts.take(np.isin(self._texts.id, needed))
        texts = texts.with_more(Texts.look(unseen.tolist())) if unseen.size else texts
        self._shown, self._texts = shown, texts
        return [Work.of(shown.take(np.isin(shown.id, each)), texts) for each in wanted]


def _looked(completions: Sequence[int]) -> dict[int, Looked]:
    until = time.monotonic() + PATIENCE
    names: dict[int, str] = {}
    for part in batches(completions, AT_ONCE):
        found = Completion.objects.filter(pk__in=part).order_by().values_list("pk", "prompt__sha256", "sha256")
        names |= {pk: f"{prompt}-{text}" for pk, prompt, text in found}
    if not names:
        return {}
    store = StyleStore(settings.VAR_DIR)
    known = store.known(set(names.values()))
    for part in batches([pk for pk, name in names.items() if name not in known], LOOKED_AT_ONCE):
        if time.monotonic() > until:
            break
        texts = Completion.objects.filter(pk__in=part).order_by().values_list("pk", "text", "prompt__messages")
        new = {names[pk]: look_at(text, messages) for pk, text, messages in texts}
        store.add(new)
        known |= new
    return {pk: known[name] for pk, name in names.items() if name in known}


def batches(keys: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """The keys, so many at a time."""
    for start in range(0, len(keys), size):
        yield keys[start : start + size]
