"""The difference of two agreements: exact where it can be told, and its interval holds where the parts depend."""

import numpy as np
import pytest

from annotate.quality.agreement import ranking_agreement
from annotate.quality.change import FAR, MEASURES, InBoth, agreement_change, dyads_in_both
from annotate.quality.counts import Sums, meet
from annotate.quality.crossing import Crossing
from annotate.quality.table import RankingTable

Columns = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def simulated(rng, skill, noise, items, people, k=4, judges=3) -> Columns:
    """Rankings of items by some of the people: each hears the item's quality with a noise of their own, and ties."""
    rows = []
    for item in items:
        quality = np.random.default_rng(item).normal(size=k)
        for who in rng.choice(people, judges, replace=False):
            heard = quality * skill[who] + rng.normal(size=k) * noise
            ranks = np.digitize(-heard, np.sort(-heard)[1:] - 1e-9) + 1
            if rng.random() < 0.2:
                ranks[0] = ranks[1]
            rows += [(item, who, place, rank) for place, rank in enumerate(ranks)]
    return tuple(np.array(column) for column in zip(*rows, strict=True))


def change_of(before: Columns, after: Columns):
    one, other = RankingTable.from_arrays(*before), RankingTable.from_arrays(*after)
    sums, in_both = (Sums.of(one), Sums.of(other)), InBoth.of((one, None), (other, None))
    return agreement_change(*sums, items=in_both, dyads=dyads_in_both(*sums)), one, other


@pytest.fixture
def world():
    rng = np.random.default_rng(3)
    people = np.arange(14)
    skill = rng.uniform(0.5, 2.0, people.size)
    before = simulated(rng, skill, 1.0, range(0, 80), people)
    after = simulated(rng, skill, 0.6, range(60, 140), people)
    return before, after


def test_it_is_the_difference_of_the_two_figures(world):
    found, one, other = change_of(*world)
    for name in MEASURES:
        before, after = (getattr(ranking_agreement(table), name) for table in (one, other))
        assert found[name].value == pytest.approx(after.value - before.value, abs=1e-12)
        assert found[name].n == before.n + after.n
        assert found[name].lo < found[name].value < found[name].hi


@pytest.mark.parametrize("name", ["strict_agreement", "tau_b"])
def test_it_is_what_all_dependent_pairs_of_meetings_add_up_to(world, name):
    """The same from the meetings of both parts in one crossing, residual by residual."""
    found, one, other = change_of(*world)
    item, annotator, left, right, influence, weight = ([] for _ in range(6))
    offset = 0
    for table, sign in ((one, -1), (other, 1)):
        met = meet(table)
        tau = np.where(np.isfinite(met.tau_b), met.tau_b, 0.0)
        top, bottom = (met.agreeing, met.strict) if name == "strict_agreement" else (tau, np.isfinite(met.tau_b) * 1.0)
        item.append(table.item_labels[table.judgement_item])
        annotator.append(table.annotator_labels[table.judgement_annotator])
        left.append(met.left + offset)
        right.append(met.right + offset)
        influence.append(sign * (top - top.sum() / bottom.sum() * bottom) / bottom.sum())
        weight.append(bottom / bottom.sum())
        offset += table.n_judgements
    crossing = Crossing(*map(np.concatenate, (item, annotator, left, right)))
    wanted = crossing.estimate(
        found[name].value,
        influence=np.concatenate(influence),
        weight=np.concatenate(weight),
        n=found[name].n,
        bounds=(-FAR, FAR),
        spread=1,
    )
    assert found[name].lo == pytest.approx(wanted.lo, abs=1e-9)
    assert found[name].hi == pytest.approx(wanted.hi, abs=1e-9)


def test_the_other_way_round_it_is_the_same_with_the_other_sign(world):
    found, *_tables = change_of(*world)
    back, *_tables = change_of(*reversed(world))
    for name in MEASURES:
        assert (-back[name].value, -back[name].hi, -back[name].lo) == pytest.approx(
            (found[name].value, found[name].lo, found[name].hi), abs=1e-3
        )


def test_the_same_judgements_twice_did_not_change(world):
    found, *_tables = change_of(world[0], world[0])
    for name in MEASURES:
        assert found[name].value == 0.0
        assert found[name].hi - found[name].lo < 1e-6


def test_one_side_without_judgements_says_so(world):
    none = tuple(column[:0] for column in world[0])
    found, *_tables = change_of(none, world[1])
    assert found["strict_agreement"].value is None
    assert "nothing to compare" in found["tau_b"].reason


def test_its_interval_holds_and_is_narrower_than_that_of_strangers():
    """95 % of 80 worlds in which nothing changed, the same 24 people before and after (binomial: 88 to 100 %)."""
    inside, narrower = 0, []
    for seed in range(80):
        rng = np.random.default_rng(seed + 50)
        people = np.arange(24)
        skill = rng.lognormal(0, 0.8, people.size)
        before = simulated(rng, skill, 1.0, rng.integers(0, 10**6, 60), people, judges=2)
        after = simulated(rng, skill, 1.0, rng.integers(0, 10**6, 60), people, judges=2)
        found, one, other = change_of(before, after)
        strict = found["strict_agreement"]
        inside += strict.lo <= 0 <= strict.hi
        widths = [ranking_agreement(table).strict_agreement for table in (one, other)]
        narrower.append((strict.hi - strict.lo) / np.hypot(*(width.hi - width.lo for width in widths)))
    assert 0.88 <= inside / 80 <= 1.0
    assert np.mean(narrower) < 1.0
