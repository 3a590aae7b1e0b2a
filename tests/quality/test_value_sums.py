"""Agreement on values from sums: equal to that from rows, also after clusters went and came."""

import numpy as np
import pytest

from annotate.quality.value_agreement import MEASURES, value_agreement
from annotate.quality.value_sums import Answers, Pairs, ValueSums, in_pairs, scale_of, yes_of
from annotate.quality.values import ValueTable

EXACT = 1e-9
NAMES = ("cluster", "item", "annotator", "code")


def random_answers(seed, *, categories, tasks=30, people=7, gaps=0.4):
    """One to three items a task, related within it; an annotator answers for some of them."""
    rng = np.random.default_rng(seed)
    rows = []
    for task in range(tasks):
        truth = rng.integers(categories)
        for item in range(rng.integers(1, 4)):
            for person in range(people):
                if rng.random() > gaps:
                    said = truth if rng.random() < 0.6 else rng.integers(categories)
                    rows.append((task, task * 16 + item, 3 + 5 * person, said))
    return Answers(*np.array(rows, np.int64).T)


def told_by_rows(answers, categories, level):
    columns = answers.item, answers.annotator, answers.code
    table = ValueTable.from_arrays(*columns, level, categories=range(categories), clusters=answers.cluster)
    return value_agreement(table)


def told_by_sums(sums, categories, level):
    return sums.agreement(scale_of(range(categories), level))


def plain(found):
    """Every number of a result, by name."""
    numbers = {name: getattr(found, name) for name in ("n_items", "n_annotators", "n_judgements", "n_pairs", "caution")}
    estimates = {name: getattr(found, name) for name in MEASURES} | {one.value: one.share for one in found.usage}
    for name, one in estimates.items():
        numbers |= {(name, part): getattr(one, part) for part in ("value", "lo", "hi", "n", "reason")}
    return numbers


def assert_alike(found, wanted):
    found, wanted = plain(found), plain(wanted)
    assert found.keys() == wanted.keys()
    for name, one in wanted.items():
        assert found[name] == (pytest.approx(one, abs=EXACT) if isinstance(one, float) else one), name


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
@pytest.mark.parametrize("categories", [2, 3, 7, 10])
def test_it_says_of_sums_what_the_rows_say(categories, level):
    answers = random_answers(categories, categories=categories)
    sums = ValueSums.of(answers, yes_of(categories))
    assert_alike(told_by_sums(sums, categories, level), told_by_rows(answers, categories, level))


@pytest.mark.parametrize("categories", [2, 5])
def test_it_says_after_a_change_what_the_rows_say_then(categories):
    before = random_answers(1, categories=categories, people=9)
    tasks = (4, 9, 20)
    other = random_answers(2, categories=categories, people=11)
    changed = np.isin(before.cluster, tasks)
    gone, there = before.take(changed), other.take(np.isin(other.cluster, tasks))
    pairs = np.union1d(in_pairs(gone), in_pairs(there))
    of = [ValueSums.of(part, yes_of(categories), pairs=part is before) for part in (before, gone, there)]
    old, taken, new = (Pairs.of(part, pairs, categories) for part in (before, gone, there))
    sums = of[0].changed(of[1], of[2], old, Pairs(pairs, old.sums - taken.sums + new.sums))
    both = [np.concatenate([getattr(before.take(~changed), name), getattr(there, name)]) for name in NAMES]
    now = Answers(*(column[np.lexsort((both[2], both[1]))] for column in both))
    for level in ("nominal", "ordinal", "interval"):
        assert_alike(told_by_sums(sums, categories, level), told_by_rows(now, categories, level))


def test_it_forgets_who_has_nothing_left():
    before = random_answers(3, categories=2, people=4)
    only = before.annotator == 18
    gone = before.take(np.isin(before.cluster, before.cluster[only]))
    there = gone.take(gone.annotator != 18)
    pairs = in_pairs(gone)
    of = [ValueSums.of(part, yes_of(2), pairs=part is before) for part in (before, gone, there)]
    old, taken, new = (Pairs.of(part, pairs, 2) for part in (before, gone, there))
    sums = of[0].changed(of[1], of[2], old, Pairs(pairs, old.sums - taken.sums + new.sums))
    assert_alike(told_by_sums(sums, 2, "nominal"), told_by_rows(before.take(~only), 2, "nominal"))


@pytest.mark.parametrize("rows", [[], [(1, 1, 1, 0)], [(1, 1, 1, 0), (2, 2, 2, 1)], [(1, 1, 1, 0), (1, 1, 2, 0)]])
def test_it_gives_the_same_reasons_where_there_is_no_number(rows):
    answers = Answers(*np.array(rows, np.int64).reshape(-1, 4).T)
    for level in ("nominal", "ordinal"):
        found = told_by_sums(ValueSums.of(answers, yes_of(2)), 2, level)
        assert_alike(found, told_by_rows(answers, 2, level))
