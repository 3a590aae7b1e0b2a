"""Results with their intervals from measurements that come in clusters, such as several answers to one prompt."""

from collections.abc import Callable, Hashable, Sequence

from training.modelling.artifacts import Result
from training.modelling.intervals import mean_interval, proportion_interval

Interval = Callable[[Sequence[float], Sequence[Hashable]], tuple[float, float | None, float | None, int]]


def mean_result(
    name: str, values: Sequence[float], clusters: Sequence[Hashable], *, note: str, **fields: str
) -> Result:
    """The mean of `values`, its interval clustered by the parallel `clusters`; n counts clusters."""
    return _result(mean_interval, name, values, clusters, note, fields)


def share_result(
    name: str, values: Sequence[float], clusters: Sequence[Hashable], *, note: str, **fields: str
) -> Result:
    """The same for values in [0, 1], with an interval that stays inside [0, 1]."""
    return _result(proportion_interval, name, values, clusters, note, fields)


def _result(
    interval: Interval,
    name: str,
    values: Sequence[float],
    clusters: Sequence[Hashable],
    note: str,
    fields: dict[str, str],
) -> Result:
    value, lo, hi, n = interval(values, clusters)
    note = note if lo is not None else f"{note}; a single prompt, so no interval"
    return Result(name=name, value=value, lo=lo, hi=hi, n=n, note=note, **fields)
