"""The exact bootstrap over items: what agreement would be if other items were drawn, for the same annotators.

Items that show the same values are one *pattern*, so drawing items with replacement is a multinomial draw of how often
each pattern comes, and every coefficient is a function of sums over patterns. It is the usual item bootstrap (Efron and
Tibshirani 1993, chapter 13: percentile intervals) without an approximation, in time that does not grow with the items.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from annotate.quality import value_kernels as kernels
from annotate.quality.intervals import Estimate, undefined
from annotate.quality.value_agreement import MEASURES, chosen_columns, code_of_positive, not_for, value_agreement
from annotate.quality.values import MOST_CATEGORIES, ValueTable
from annotate.translations import translatable

TOO_VARIED = translatable(
    "The items show too many different combinations of values to draw them anew; read the interval over annotators and"
    " items instead."
)
RARELY_DEFINED = translatable("Among other items of this kind the figure often does not exist, so it has no interval.")

_MOST_CELLS = 20_000_000
_DRAWN_AT_ONCE = 4_000_000
_MOSTLY = 0.9


def item_bootstrap(
    table: ValueTable,
    keep: ArrayLike | None = None,
    *,
    positive: Hashable = None,
    draws: int = 1000,
    seed: int = 0,
) -> dict[str, Estimate]:
    """The coefficients of `value_agreement` by name, with percentile intervals over items.

    **It does not cover other annotators.** The interval answers "what if these people had judged other items". For
    "what if other people had judged" it is far too narrow: with few annotators a nominal 95 % covers 50 to 85 %
    (`./run bench coverage`). Use it to compare the same people on two sets of items, and `value_agreement` otherwise.

    `keep` and `positive` are those of `value_agreement`; the same `seed` gives the same intervals. A coefficient that
    is undefined in more than a tenth of the draws has none.
    """
    found = value_agreement(table, keep, positive=positive)
    estimates = {name: getattr(found, name) for name in MEASURES}
    defined = [name for name in MEASURES if estimates[name].value is not None and not not_for(table, name)]
    if not defined:
        return estimates
    starts, _annotators, code, _people = chosen_columns(table, keep)
    sums = _sums(table, starts, code)
    if sums is None:
        return {**estimates, **{name: undefined(TOO_VARIED, estimates[name].n) for name in defined}}
    count, parts = sums
    drawn: dict[str, list[NDArray]] = {name: [] for name in defined}
    for times in _draws(count, draws, seed):
        for name, values in _coefficients(table, times @ parts, code_of_positive(table, positive), defined).items():
            drawn[name].append(values)
    return estimates | {name: _percentiles(estimates[name], np.concatenate(drawn[name])) for name in defined}


def _draws(count: NDArray, draws: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """(some draws, patterns) how often each pattern comes among as many items, until there are `draws`."""
    rng = np.random.default_rng(seed)
    items = int(count.sum())
    at_once = max(1, _DRAWN_AT_ONCE // count.size)
    for begun in range(0, draws, at_once):
        yield rng.multinomial(items, count / items, size=min(at_once, draws - begun)).astype(float)


def _percentiles(estimate: Estimate, values: NDArray) -> Estimate:
    """The estimate with the middle 95 % of its `values` (draws,), nan where it was undefined."""
    defined = values[np.isfinite(values)]
    if defined.size < _MOSTLY * values.size:
        return undefined(RARELY_DEFINED, estimate.n)
    lo, hi = np.quantile(defined, (0.025, 0.975)).tolist()
    return Estimate(estimate.value, min(lo, estimate.value), max(hi, estimate.value), estimate.n, estimate.reason)


def _sums(table: ValueTable, starts: NDArray, code: NDArray) -> tuple[NDArray, NDArray] | None:
    """(patterns,) how many items show each, and (patterns, parts) what one of them adds; None if that is too much."""
    categories = table.categories.size
    _pattern, first, count = kernels.patterns(starts, code, categories)
    m = np.diff(starts)[first].astype(float)
    pairs = np.where(m > 1, m - 1, np.inf)
    if categories > MOST_CATEGORIES:
        if table.level != "interval":
            return None
        x = table.positions[code] - table.positions.mean()
        total, squares = (np.add.reduceat(column, starts[:-1])[first] for column in (x, x * x))
        apart = 2 * (m * squares - total**2) / pairs
        met = m > 1
        return count, np.stack([apart, met * m, met * total, met * squares], axis=1)
    if first.size * (3 * categories**2 + 2 * categories) > _MOST_CELLS:
        return None
    shown = np.zeros((first.size, categories))
    for number, item in enumerate(first.tolist()):
        shown[number] = np.bincount(code[starts[item] : starts[item + 1]], minlength=categories)
    together = shown[:, :, None] * shown[:, None, :]
    together[:, np.arange(categories), np.arange(categories)] -= shown
    together = together.reshape(first.size, -1)
    columns = (together, together / pairs[:, None], together / (m * pairs)[:, None])
    return count, np.concatenate([*columns, shown * (m > 1)[:, None], shown / m[:, None]], axis=1)


def _coefficients(table: ValueTable, sums: NDArray, positive: int, names: list[str]) -> dict[str, NDArray]:
    """The named coefficients (draws,) of sums (draws, parts); nan where one does not exist."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if table.categories.size > MOST_CATEGORIES:
            apart, met, total, squares = sums.T
            expected = 2 * (squares - total**2 / met) / (met - 1)
            return {"alpha": _corrected(apart / met, expected)}
        return {name: _coefficient(table, sums, positive, name) for name in names}


def _coefficient(table: ValueTable, sums: NDArray, positive: int, name: str) -> NDArray:
    q = table.categories.size
    cells = q * q
    plain, by_value, by_item = (sums[:, at * cells : (at + 1) * cells].reshape(-1, q, q) for at in range(3))
    met, mean = sums[:, 3 * cells : 3 * cells + q], sums[:, 3 * cells + q :]
    unequal = 1 - np.eye(q)
    if name == "percent_agreement":
        return 1 - _mean(plain, unequal)
    if name == "positive_agreement":
        return plain[:, positive, positive] / plain[:, positive].sum(axis=1)
    if name == "alpha":
        apart, total = _apart(table, met), met.sum(axis=1)
        drawn = np.einsum("bk,bkl,bl->b", met, np.broadcast_to(apart, by_value.shape), met) / (total * (total - 1))
        return _corrected(_mean(by_value, apart), drawn)
    share = mean / mean.sum(axis=1, keepdims=True)
    alike = np.square(share).sum(axis=1)
    if name == "fleiss":
        return _corrected(_mean(by_item, unequal), 1 - alike)
    places = (table.positions - table.positions.min()) / max(np.ptp(table.positions), 1e-300)
    steps = np.abs(np.subtract.outer(np.arange(q), np.arange(q)))
    weights = {
        "ac1": np.eye(q),
        "ac2": 1 - np.square(np.subtract.outer(places, places)),
        "ac2_ordinal": 1 - steps * (steps + 1) / (q * (q - 1)),
    }[name]
    return _corrected(_mean(by_item, 1 - weights), 1 - weights.sum() / (q * (q - 1)) * (1 - alike))


def _apart(table: ValueTable, met: NDArray) -> NDArray:
    """(draws or 1, K, K) distances of alpha's level; ordinal ones depend on who is drawn."""
    if table.level == "nominal":
        return 1 - np.eye(table.categories.size)[None]
    places = table.positions[None]
    if table.level == "ordinal":
        share = met / met.sum(axis=1, keepdims=True)
        places = np.cumsum(share, axis=1) - share / 2
    return np.square(places[:, :, None] - places[:, None, :])


def _mean(together: NDArray, apart: NDArray) -> NDArray:
    """(draws,) the mean distance of cases (draws, K, K)."""
    return (together * apart).sum(axis=(1, 2)) / together.sum(axis=(1, 2))


def _corrected(observed: NDArray, expected: NDArray) -> NDArray:
    return np.where(expected > 1e-12, 1 - observed / expected, np.nan)
