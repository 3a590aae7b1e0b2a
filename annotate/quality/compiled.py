"""Compile everything that numba compiles, before somebody waits for it: `python -m annotate.quality.compiled`.

What is compiled is kept beside the modules (numba's cache) and is loaded from there by every later process. The columns
here have the types that the product and the commands pass; a test says when a kernel was left out.
"""

from __future__ import annotations

import os
from typing import get_args

import numpy as np

from annotate.quality.agreement import agreement_of, ranking_agreement
from annotate.quality.bias import annotator_bias
from annotate.quality.bootstrap import item_bootstrap
from annotate.quality.consensus import Method, consensus, contests
from annotate.quality.counts import Sums
from annotate.quality.dawid_skene import dawid_skene
from annotate.quality.expertise import domain_accuracy
from annotate.quality.matches import Matches, matched_scores
from annotate.quality.scores import bradley_terry
from annotate.quality.slices import (
    agreement_by_annotator_pair,
    agreement_by_slice,
    annotator_matrix,
    annotator_with_others,
    disagreements,
)
from annotate.quality.sources import HERE, note_that_it_is_compiled
from annotate.quality.table import RankingTable
from annotate.quality.value_agreement import agreement_by_slice as values_by_slice
from annotate.quality.value_agreement import value_agreement
from annotate.quality.value_change import value_change
from annotate.quality.value_sum_kernels import in_common
from annotate.quality.value_sums import Answers, Pairs, ValueSums, in_pairs, scale_of, yes_of
from annotate.quality.values import ValueTable
from annotate.quality.win_rates import win_rates

ITEMS, ANNOTATORS, COMPLETIONS = 12, 4, 3


def compile_all() -> None:
    """Call everything once, on a handful of rows."""
    rng = np.random.default_rng(0)
    rankings(rng)
    values(rng)
    models(rng)


def rankings(rng: np.random.Generator) -> None:
    """Agreement on rankings and what is made of it, and consensus."""
    item, annotator, completion = np.indices((ITEMS, ANNOTATORS, COMPLETIONS)).reshape(3, -1)
    columns = (item, annotator, completion, rng.integers(1, 4, item.size))
    table = RankingTable.from_arrays(*columns)
    kept = np.arange(table.n_judgements) % 5 > 0
    for keep in (None, kept):
        ranking_agreement(table, keep)
        annotator_matrix(table, keep)
        annotator_with_others(table, keep)
        agreement_by_annotator_pair(table, keep)
        disagreements(table, keep)
    agreement_by_slice(table, np.arange(table.n_judgements) % 3, 3)
    agreement_of(Sums.of(table, kept) + Sums.of(table, ~kept))
    few = item < ITEMS // 2
    ranking_agreement(table.only_items(np.arange(ITEMS // 2)))
    older = RankingTable.from_arrays(*(column[few] for column in columns))
    ranking_agreement(older.with_judgements(*(column[~few] for column in columns)))
    wide = np.indices((3, 3, 40)).reshape(3, -1)
    ranking_agreement(RankingTable.from_arrays(*wide, rng.integers(1, 9, wide[0].size)))
    for method in get_args(Method):
        consensus(table, method=method)
    contests(np.array([0, 2, 4]), rng.integers(0, 3, (4, 9)).astype(np.int8), np.ones(4))


def values(rng: np.random.Generator) -> None:
    """Agreement on values, and what items probably are."""
    item, annotator = np.indices((ITEMS, ANNOTATORS)).reshape(2, -1)
    said = rng.integers(0, 3, item.size)
    for level in ("nominal", "ordinal", "interval"):
        for one in (said, rng.normal(size=item.size) if level == "interval" else said % 2):
            table = ValueTable.from_arrays(item, annotator, one, level, groups=item % 2)
            value_agreement(table)
            value_agreement(table, keep=item > 0)
            values_by_slice(table)
            item_bootstrap(table, draws=2)
        value_change(ValueTable.from_arrays(item, annotator, said, level), item < 2, item > 2)
    value_agreement(ValueTable.from_arrays(item, annotator, said, clusters=item // 2))
    answers = Answers(item // 2, item, annotator, said)
    sums, pairs = ValueSums.of(answers, yes_of(3)), Pairs.of(answers, in_pairs(answers), 3)
    sums.changed(sums, sums, pairs, pairs).agreement(scale_of((1, 2, 3), "ordinal"))
    in_common(annotator[:1], annotator[:1], item[np.argsort(annotator, kind="stable")], np.array([0, ITEMS]))
    dawid_skene(item, annotator, said)
    dawid_skene(item, annotator, said - 1, pairs=True)


def models(rng: np.random.Generator) -> None:
    """Bias, scores and expertise."""
    n = 60
    people, left, right = rng.integers(0, ANNOTATORS, n), rng.integers(0, 3, n), rng.integers(3, 6, n)
    said, gaps = rng.integers(0, 3, n) / 2, rng.normal(size=(n, 2))
    annotator_bias(people, said, gaps, quality=gaps[:, 0], position=np.sign(gaps[:, 1]))
    for clusters in (None, people, (np.arange(n) // 4, people)):
        bradley_terry(left, right, said, clusters=clusters)
        bradley_terry(left, right, said, np.ones(n), {"length": gaps[:, 0]}, clusters)
    domain_accuracy([[3, 1.5], [2, 0]], [[4, 3], [2, 0]])
    win_rates(left, np.arange(n) // 3, said, {"length": (gaps[:, 0], gaps[:, 1])})
    counts, match = np.ones((n, 3)), np.arange(n, dtype=np.int32)
    columns = left.astype(np.int32), right.astype(np.int32), np.arange(n) // 3, counts, match
    acts = (2 * said).astype(np.int8), people.astype(np.int32), np.ones(n, bool)
    matched_scores(Matches(*columns, *acts, models=6, annotators=ANNOTATORS), np.arange(6), {"length": gaps[:, 0]})


if __name__ == "__main__":
    compile_all()
    if os.access(HERE, os.W_OK):  # else numba keeps it with the user's things, and each start looks there
        note_that_it_is_compiled()
