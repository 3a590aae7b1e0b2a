"""Signals about how judgements were made, against hand-counted cases."""

import numpy as np
import pytest

from annotate.quality.intervals import wilson
from annotate.quality.signals import fast, pace, pasted, reading_seconds, untouched
from annotate.quality.table import TableError


def test_reading_takes_a_quarter_of_a_second_for_a_word():
    assert reading_seconds([0, 240, 100]).tolist() == [0, 60, 25]
    assert reading_seconds(100, 300) == 20
    with pytest.raises(ValueError, match="above 0"):
        reading_seconds(1, 0)


def test_pace_is_the_median_of_seconds_over_reading_time():
    found = pace([30, 60, 90, 120, 150, 180, 5], [240, 240, 240, 240, 240, 240, 0])
    assert (found.estimate.value, found.estimate.n) == (1.75, 6)
    assert str(found.said).startswith("Half of the judgements took less active time than 1.75 times")


def test_fast_is_the_share_below_the_reading_time():
    found = fast([10, 59, 60, 100], [240] * 4)
    assert found.estimate == wilson(2, 4)
    assert "at 240 words a minute" in str(found.said)
    assert fast([59], [240], words_per_minute=300).estimate.value == 0


def test_the_interval_over_many_people_is_wider_where_few_are_fast_all_the_time():
    seconds = np.repeat([10, 100, 100, 100], 50)
    one = fast(seconds, np.full(200, 240)).estimate
    clustered = fast(seconds, np.full(200, 240), annotators=list(np.repeat(np.arange(4), 50))).estimate
    assert clustered.value == one.value == 0.25
    assert clustered.n == 200
    assert clustered.hi - clustered.lo > 3 * (one.hi - one.lo)


def test_untouched_says_what_chance_would_give():
    found = untouched([True, False, False, True], [2, 3, 3, 2])
    assert found.estimate == wilson(2, 4)
    assert "by chance it would be 33" in str(found.said)


def test_pasted_is_a_share_of_characters():
    found = pasted([50, 0, 100], [100, 100, 200])
    assert (found.estimate.value, found.estimate.n) == (0.375, 3)
    with pytest.raises(TableError, match="from none to all"):
        pasted([2], [1])


@pytest.mark.parametrize("found", [pace([], []), fast([5], [0]), untouched([], []), pasted([], []), pasted([0], [0])])
def test_nothing_is_undefined_with_a_reason(found):
    assert found.estimate.value is None
    assert found.estimate.reason.endswith("yet.")
    assert str(found.said)


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(TableError, match="seconds and its words"):
        fast([1, 2], [3])
    with pytest.raises(TableError, match="number of texts"):
        untouched([True], [2, 3])
