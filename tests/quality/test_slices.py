"""Agreement by pair of annotators, by group and by item, against brute force."""

import numpy as np
import pytest
from scipy.stats import kendalltau

from annotate.quality.agreement import ranking_agreement
from annotate.quality.intervals import clustered_mean, wilson
from annotate.quality.slices import (
    agreement_by_annotator_pair,
    agreement_by_group,
    agreement_by_slice,
    agreement_with_others,
    annotator_matrix,
    annotator_with_others,
    disagreements,
)
from annotate.quality.table import TableError

from .worlds import cases_of, random_rankings, rankings_of, table_of


def test_it_compares_every_two_annotators_who_share_an_item():
    rows = random_rankings(4)
    cases = cases_of(rows)
    pairs = agreement_by_annotator_pair(table_of(rows))
    assert {(p.first, p.second) for p in pairs} == {(a, b) for _, a, b, _, _ in cases}
    assert [p.n_items for p in pairs] == sorted((p.n_items for p in pairs), reverse=True)
    for pair in pairs:
        own = [(item, s, t) for item, a, b, s, t in cases if (a, b) == (pair.first, pair.second)]
        strict = [(item, s == t) for item, s, t in own if s and t]
        expected = clustered_mean([agree for _, agree in strict], [item for item, _ in strict])
        assert (pair.n_pairs, pair.n_items) == (len(own), len({item for item, _, _ in own}))
        assert pair.strict_agreement.n == len(strict)
        found = (pair.strict_agreement.value, pair.strict_agreement.lo)
        assert found == pytest.approx((expected.value, max(0, expected.lo)))


def test_it_averages_tau_b_over_the_items_two_annotators_share():
    rankings = {item: people for item, people in rankings_of(random_rankings(6, people=2)).items() if len(people) == 2}
    taus = []
    for people in rankings.values():
        shared = sorted(people["a0"].keys() & people["a1"].keys())
        if len(shared) > 1:
            taus.append(kendalltau([people["a0"][c] for c in shared], [people["a1"][c] for c in shared]).statistic)
    (pair,) = agreement_by_annotator_pair(table_of(random_rankings(6, people=2)))
    assert pair.tau_b.value == pytest.approx(np.nanmean(taus), abs=1e-12)
    assert pair.tau_b.n == np.isfinite(taus).sum()


def test_it_gives_a_pair_that_always_agrees_wilsons_bound_over_items():
    rows = [(f"i{i}", a, c, r) for i in range(12) for a in "ab" for c, r in (("x", 1), ("y", 2))]
    (pair,) = agreement_by_annotator_pair(table_of(rows))
    assert (pair.strict_agreement.value, pair.strict_agreement.hi) == (1, 1)
    assert pair.strict_agreement.lo == pytest.approx(wilson(12, 12).lo, abs=1e-12)


def test_it_explains_a_pair_without_a_strict_comparison():
    (pair,) = agreement_by_annotator_pair(table_of([("p", a, c, 1) for a in "ab" for c in "xy"]))
    assert pair.strict_agreement.value is None
    assert pair.strict_agreement.reason.startswith("There is no comparison")


def test_it_compares_one_annotator_with_everybody_else():
    rows = random_rankings(9)
    cases = [(item, {a, b}, s, t) for item, a, b, s, t in cases_of(rows) if "a2" in (a, b)]
    strict = [(item, s == t) for item, _, s, t in cases if s and t]
    expected = clustered_mean([agree for _, agree in strict], [item for item, _ in strict])
    found = agreement_with_others(table_of(rows), "a2")
    assert found.n_items == len({item for item, *_ in cases})
    assert found.n_others == len({person for _, pair, *_ in cases for person in pair}) - 1
    assert found.strict_agreement.n == len(strict)
    assert found.strict_agreement.value == pytest.approx(expected.value)
    assert found.strict_agreement.lo == pytest.approx(max(0, expected.lo))


def test_it_explains_an_annotator_who_met_nobody():
    alone = agreement_with_others(table_of([("p", "a", c, r) for c, r in (("x", 1), ("y", 2))]), "a")
    assert (alone.n_items, alone.n_others, alone.strict_agreement.value) == (0, 0, None)
    assert alone.strict_agreement.reason.startswith("Nobody else")


def test_it_gives_each_group_the_agreement_of_its_items_alone():
    rows = random_rankings(9)
    groups = {item: "code" if int(item[1:]) % 3 else "chat" for item, *_ in rows}
    found = agreement_by_group(table_of(rows, groups))
    assert list(found) == ["chat", "code"]
    for label, agreement in found.items():
        alone = ranking_agreement(table_of([row for row in rows if groups[row[0]] == label]))
        assert agreement.n_pairs == alone.n_pairs
        for name in ("strict_agreement", "alpha", "tau_b"):
            one, other = getattr(agreement, name), getattr(alone, name)
            assert (one.value, one.lo, one.hi, one.n) == pytest.approx((other.value, other.lo, other.hi, other.n))


def test_it_takes_groups_from_a_mapping_too():
    rows = random_rankings(9)
    groups = {item: int(item[1:]) % 2 for item, *_ in rows}
    assert agreement_by_group(table_of(rows), groups) == agreement_by_group(table_of(rows, groups))


def test_it_refuses_an_item_without_a_group():
    with pytest.raises(TableError, match="Item i1 has no group"):
        agreement_by_group(table_of([("i0", "a", "x", 1), ("i1", "a", "x", 1)]), {"i0": "code"})


def test_it_refuses_a_table_without_groups():
    with pytest.raises(TableError, match="no groups"):
        agreement_by_group(table_of(random_rankings(1)))


def test_it_lists_disagreements_worst_first_with_their_mean_distance():
    rows = random_rankings(5)
    found = disagreements(table_of(rows))
    cases = cases_of(rows)
    assert {d.item for d in found} == {item for item, *_ in cases}
    assert [(-d.score, -d.n) for d in found] == sorted((-d.score, -d.n) for d in found)
    for disputed in found:
        own = [(s, t) for item, _, _, s, t in cases if item == disputed.item]
        people = {person for item, a, b, _, _ in cases if item == disputed.item for person in (a, b)}
        strict = [s == t for s, t in own if s and t]
        assert disputed.score == pytest.approx(np.mean([abs(s - t) / 2 for s, t in own]), abs=1e-12)
        assert (disputed.n, disputed.n_annotators) == (len(own), len(people))
        assert disputed.strict_agreement == (pytest.approx(np.mean(strict)) if strict else None)


def test_it_has_no_slices_of_an_empty_table():
    table = table_of([])
    assert agreement_by_annotator_pair(table) == []
    assert disagreements(table) == []


def test_it_has_the_agreement_of_every_two_annotators_as_a_matrix():
    rows = random_rankings(4)
    matrix = annotator_matrix(table_of(rows))
    names = matrix.annotators.tolist()
    shares = matrix.strict_agreement()
    seen = 0
    for pair in agreement_by_annotator_pair(table_of(rows)):
        one, other = names.index(pair.first), names.index(pair.second)
        assert matrix.n[one, other] == matrix.n[other, one] == pair.strict_agreement.n
        assert shares[one][other] == shares[other][one] == pytest.approx(pair.strict_agreement.value)
        seen += 2 * pair.strict_agreement.n
    assert matrix.n.sum() == seen
    assert all(shares[place][place] is None for place in range(len(names)))


def test_it_compares_everybody_with_the_others_at_once():
    rows = [*random_rankings(9), ("alone", "hermit", "c0", 1), ("alone", "hermit", "c1", 2)]
    found = annotator_with_others(table_of(rows))
    assert list(found) == sorted({annotator for _, annotator, *_ in rows})
    for annotator, own in found.items():
        assert own == agreement_with_others(table_of(rows), annotator)


def test_it_gives_each_slice_the_agreement_of_what_is_in_it():
    table = table_of(random_rankings(2))
    codes = np.random.default_rng(2).integers(-1, 3, table.n_judgements)
    found = agreement_by_slice(table, codes, 4)
    assert found == [ranking_agreement(table, codes == code) for code in range(4)]
    assert found[3].alpha.reason.startswith("Nobody has ranked")


def test_it_refuses_slices_that_do_not_fit_the_judgements():
    table = table_of(random_rankings(2))
    with pytest.raises(TableError, match="a slice from 0 to 1"):
        agreement_by_slice(table, np.zeros(3, int), 2)


def test_it_stops_after_as_many_disagreements_as_asked_for():
    table = table_of(random_rankings(5))
    assert disagreements(table, limit=3) == disagreements(table)[:3]
