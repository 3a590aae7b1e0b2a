"""Judgements of values to measure: items x annotators, with gaps."""

import numpy as np

from annotate.quality.values import ValueTable


def random_matrix(seed, *, items=40, people=6, categories=3, gaps=0.35):
    """(items, people) of 1 ... categories, related within an item, nan where an annotator did not judge."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(1, categories + 1, (items, 1))
    guess = rng.integers(1, categories + 1, (items, people))
    matrix = np.where(rng.random((items, people)) < 0.5, truth, guess).astype(float)
    matrix[rng.random((items, people)) < gaps] = np.nan
    return matrix


def columns_of(matrix):
    """Items, annotators and values of the entries that are there."""
    items, annotators = np.nonzero(~np.isnan(matrix))
    return items, annotators, matrix[items, annotators]


def table_of(matrix, level="nominal", **options):
    return ValueTable.from_arrays(*columns_of(matrix), level, **options)


def coefficients(cases, judgements, level, scale):
    """Every coefficient by its definition, from weighted cases (item's m, value, value, weight) and weighted judgements
    (m, value, weight); a slow and plain second opinion, in which weights may be moved.
    """
    m, one, other, weight = (np.array(column, float) for column in zip(*cases, strict=True))
    of_item, value, part = (np.array(column, float) for column in zip(*judgements, strict=True))
    values = np.array(scale, float)
    pairs = np.subtract.outer(values, values)
    steps = np.abs(np.subtract.outer(np.arange(values.size), np.arange(values.size)))
    met = np.array([np.sum(part[(value == v) & (of_item > 1)]) for v in values])
    share = met / met.sum()
    ranks = np.cumsum(share) - share / 2
    apart = {
        "nominal": (pairs != 0).astype(float),
        "ordinal": np.subtract.outer(ranks, ranks) ** 2,
        "interval": pairs**2,
        "square": (pairs / np.ptp(values)) ** 2,
        "triangle": steps * (steps + 1) / (values.size * (values.size - 1)),
    }
    left, right = np.searchsorted(values, one), np.searchsorted(values, other)

    def observed(distance, weights):
        return np.sum(weights * weight * apart[distance][left, right]) / np.sum(weights * weight)

    total = np.sum(of_item > 1)
    expected = share @ apart[level] @ share * total / (total - 1)
    mean = np.array([np.sum((part / of_item)[value == v]) for v in values])
    mean = mean / mean.sum()
    by_item = 2 / (m * (m - 1))

    def gwet(distance):
        close = np.sum(1 - apart[distance]) / (values.size * (values.size - 1))
        return 1 - observed(distance, by_item) / (1 - close * np.sum(mean * (1 - mean)))

    return {
        "percent_agreement": 1 - observed("nominal", 1.0),
        "alpha": 1 - observed(level, 2 / (m - 1)) / expected,
        "ac1": gwet("nominal"),
        "ac2": gwet("square"),
        "ac2_ordinal": gwet("triangle"),
        "fleiss": 1 - observed("nominal", by_item) / (1 - np.sum(mean**2)),
    }


def slopes_of(matrix, level, step=1e-5):
    """Terms (item, its annotators), cases then judgements, and by coefficient the slope in each term's weight."""
    there = ~np.isnan(matrix)
    scale = np.unique(matrix[there])
    cases, judgements, terms = [], [], []
    for item, row in enumerate(matrix):
        people = np.flatnonzero(there[item])
        for number, a in enumerate(people):
            for b in people[:number]:
                cases.append([people.size, row[a], row[b], 1.0])
                terms.append((item, (a, b)))
    for item, row in enumerate(matrix):
        people = np.flatnonzero(there[item])
        for a in people:
            judgements.append([people.size, row[a], 1.0])
            terms.append((item, (a,)))
    slopes = []
    for record in cases + judgements:
        both = []
        for moved in (1 + step, 1 - step):
            record[-1] = moved
            both.append(coefficients(cases, judgements, level, scale))
        record[-1] = 1.0
        slopes.append({name: (both[0][name] - both[1][name]) / (2 * step) for name in both[0]})
    return terms, {name: np.array([slope[name] for slope in slopes]) for name in slopes[0]}


def loads(matrix, name):
    """(people,) how much of the denominator each annotator's cases carry."""
    there = ~np.isnan(matrix)
    m = there.sum(axis=1)
    met = np.where(m > 1, m, np.inf)
    part = {"percent_agreement": m - 1.0, "alpha": np.where(m > 1, 2.0, 0.0)}.get(name, 2 / met)
    return (there * part[:, None]).sum(axis=0)


def part_of_annotators(annotators, influence, people):
    """The sum of products of terms that share an annotator, corrected for few of them as `crossing.py` says; terms of a
    case are of two annotators (terms, A), those of a judgement of one.
    """
    a = people.sum() ** 2 / np.square(people).sum()
    of_case = annotators.sum(axis=1) == 2
    q, m = (annotators[chosen].T @ influence[chosen] for chosen in (of_case, ~of_case))
    pairs: dict[tuple, float] = {}
    for row, term in zip(annotators[of_case], influence[of_case], strict=True):
        pairs[tuple(row)] = pairs.get(tuple(row), 0.0) + term
    squares = (q / (a - 2) + m / (a - 1)) ** 2
    rest = sum(total**2 for total in pairs.values()) - np.square(q).sum() / (a - 2)
    shares = 2 * people / people.sum()
    second, third = np.square(shares).sum(), (shares**3).sum()
    uneven = (1 - second / 4) / (1 + second / 4 - third / second)
    return squares, uneven * a * (a - 1) * (squares.sum() - rest / (a - 2) / (a - 3))
