"""Groups of a pool beside their share of judgements, in which nobody can be found."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.composition import EVERYBODY, OTHERS, STEP, TELLING, open_groups, protected_groups
from annotate.demographics import SMALLEST_CELL, safe_counts
from annotate.quality.intervals import clustered_ratio

VALUES = ["a", "b", "c", "d", ""]
PEOPLE = st.lists(st.tuples(st.sampled_from(VALUES), st.integers(1, 60)), max_size=60)


def test_open_groups_are_exact_with_intervals_clustered_by_annotator():
    rng = np.random.default_rng(3)
    groups, counts = rng.choice(["a", "b"], 30), rng.integers(1, 90, 30).astype(float)
    found = open_groups(groups, counts, ["a", "b", "c"])
    assert [one.value for one in found] == ["a", "b"]
    for one in found:
        mine = groups == one.value
        wanted = clustered_ratio(counts * mine, counts, np.arange(30), n=int(counts.sum()))
        assert one.people == mine.sum()
        assert (one.judgements.value, one.judgements.n) == (pytest.approx(wanted.value), wanted.n)
        assert (one.judgements.lo, one.judgements.hi) == (pytest.approx(wanted.lo), pytest.approx(wanted.hi))


def test_the_interval_of_the_difference_is_that_of_its_residuals():
    counts, mine = np.array([4.0, 9, 2, 7, 30]), np.array([True, False, True, False, False])
    one = open_groups(["a" if member else "b" for member in mine], counts, ["a"])[0]
    p, q = counts[mine].sum() / counts.sum(), mine.mean()
    residuals = (mine - p) * counts / counts.sum() - (mine - q) / mine.size
    half = 2.7764451051977987 * np.sqrt(5 / 4 * np.square(residuals).sum())
    assert one.difference.value == pytest.approx(p - q)
    assert (one.difference.hi - one.difference.value, one.difference.n) == (pytest.approx(half), 5)


def test_a_group_of_everybody_is_no_estimate():
    (one,) = open_groups(["a", "a"], [3, 4], ["a"])
    assert (one.judgements.value, one.judgements.lo, one.judgements.reason) == (1.0, None, EVERYBODY)


def test_small_groups_are_folded_and_never_named():
    found = protected_groups(["a"] * 20 + ["b"] * 2 + ["c"] * 7, [5] * 29, VALUES)
    assert [(one.value, one.people) for one in found] == [("a", 20), (OTHERS, 10)]


@pytest.mark.parametrize("said", [["a"] * 30, ["a"] * 3 + ["b"] * 3, ["a"] * 20 + ["b"] * 4, []])
def test_a_question_with_fewer_than_two_groups_to_show_is_not_shown(said):
    assert protected_groups(said, [5] * len(said), VALUES) == []


def test_who_judged_most_is_not_found_by_the_share_of_their_group():
    found = protected_groups(["a"] * 8 + ["b"] * 8, [500] + [5] * 15, VALUES)
    assert {one.judgements.reason for one in found} == {TELLING}
    assert {one.judgements.value for one in found} == {None}


def test_without_such_a_person_the_shares_are_shown_in_steps():
    found = protected_groups(["a"] * 30 + ["b"] * 50, [10 + n % 7 for n in range(80)], VALUES)
    for one in found:
        for number in (one.judgements.value, one.difference.value):
            assert number / STEP == pytest.approx(round(number / STEP))
    assert [one.judgements.value for one in found] == [pytest.approx(0.35), pytest.approx(0.65)]


@settings(max_examples=300, deadline=None)
@given(PEOPLE)
def test_no_table_determines_a_group_smaller_than_five(people):
    said, counts = [one for one, _n in people], [n for _one, n in people]
    found = protected_groups(said, counts, VALUES)
    if not found:
        return
    named = [one.value for one in found if one.value != OTHERS]
    sizes = [said.count(value) for value in named]
    if len(named) < len(found):
        sizes.append(len(said) - sum(sizes))
    # The groups are all the people: whatever is added or taken off is a union of some, none of which is small.
    assert sum(sizes) == len(said)
    assert min(sizes) >= SMALLEST_CELL
    assert all(one.people % 5 == 0 and abs(one.people - size) <= 2 for one, size in zip(found, sizes, strict=True))
    folded = {value for value in said if value not in named}
    assert len(folded) != 1, "others of one answer would name it"
    assert folded == {cell.value for cell in safe_counts(said, VALUES) if cell.n is None}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 12)), min_size=10, max_size=24))
def test_everybody_might_be_in_another_group(people):
    """The figures, rounded, fit to a world in which this person is elsewhere (which may show less of itself)."""
    said, counts = [one for one, _n in people], [n for _one, n in people]
    found = protected_groups(said, counts, ["a", "b"])
    if not found or found[0].judgements.value is None:
        return

    def exchanged(i: int, j: int) -> list:
        swapped = list(said)
        swapped[i], swapped[j] = said[j], said[i]
        other = protected_groups(swapped, counts, ["a", "b"])
        return [(one.people, one.judgements, one.difference) for one in other]

    shown = [(one.people, one.judgements, one.difference) for one in found]
    hidden = [None]
    for i in range(len(said)):
        worlds = [exchanged(i, j) for j in range(len(said)) if said[j] != said[i]]
        assert any(world == shown or [one[1].value for one in world[:1]] == hidden for world in worlds)


def test_it_refuses_people_without_judgements():
    with pytest.raises(ValueError, match="needs a group and a number"):
        open_groups(["a"], [0], ["a"])
