"""Results with their intervals from measurements that come in clusters, such as several answers to one prompt."""

from collections.abc import Hashable, Sequence

from annotate.quality.intervals import Estimate, clustered_mean, clustered_proportion
from training.modelling.artifacts import Result


def mean_result(
    name: str, values: Sequence[float], clusters: Sequence[Hashable], *, note: str, **fields: str
) -> Result:
    """The mean of `values`, its interval clustered by the parallel `clusters`; n counts clusters."""
    return _result(name, clustered_mean(values, clusters), note, fields)


def share_result(
    name: str, values: Sequence[float], clusters: Sequence[Hashable], *, note: str, **fields: str
) -> Result:
    """The same for values in [0, 1], with an interval that stays inside [0, 1]."""
    return _result(name, clustered_proportion(values, clusters), note, fields)


def _result(name: str, found: Estimate, note: str, fields: dict[str, str]) -> Result:
    note = note if found.lo is not None else f"{note}; a single prompt, so no interval"
    return Result(name=name, value=found.value, lo=found.lo, hi=found.hi, n=found.n, note=note, **fields)
