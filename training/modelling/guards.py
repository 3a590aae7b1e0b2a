"""What stops a run that has gone wrong, and what it leaves to look at: the step's rows, its loss and its norm."""

import statistics
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from training.modelling import processes
from training.modelling.artifacts import OFFENDING, RecipeError, RunDirectory, write_json

WINDOW = 50
"""Losses of which the running median is taken."""
IN_A_ROW = 5
"""How often in a row a loss must be too high."""


class GoneWrongError(RecipeError):
    """Learning has gone wrong at some step."""

    def __init__(self, sentence: str, *, loss: float, norm: float | None = None) -> None:
        """`norm` is None where it is not known."""
        super().__init__(sentence)
        self.loss, self.norm = loss, norm


class NotFiniteError(GoneWrongError):
    """A loss or a gradient is not a number; no weight has changed."""

    def __init__(self, *, step: int, loss: float, norm: float | None = None) -> None:
        """`norm` is None where the loss itself is not finite."""
        what = f"The loss is {loss}" if norm is None else f"The gradient is {norm}"
        sentence = f"{what} at step {step}; lower the learning rate or compute in fp32."
        super().__init__(sentence, loss=loss, norm=norm)


class Divergence:
    """Notices a loss that runs away: several in a row above a multiple of the running median, and above the first ones.

    A loss that has become tiny may jump by any factor without harm, and so it must also be above what it began with.
    """

    def __init__(self, times: float, losses: Sequence[float] = (), first: float | None = None) -> None:
        """`times` is the multiple of the median; 0 notices nothing. `losses` and `first` are those of `state`."""
        self.times = times
        self._recent = deque(losses, maxlen=WINDOW + IN_A_ROW)
        self._first = first

    def see(self, loss: float, step: int, norm: float | None = None) -> None:
        """Take the next loss; raise GoneWrongError when the last ones say that learning has gone wrong."""
        self._recent.append(loss)
        if self._first is None and len(self._recent) == IN_A_ROW:
            self._first = statistics.median(self._recent)
        if not self.times or self._first is None or len(self._recent) < 3 * IN_A_ROW:
            return
        before, last = list(self._recent)[:-IN_A_ROW], list(self._recent)[-IN_A_ROW:]
        usual = statistics.median(before)
        if min(last) > max(self.times * usual, self._first) and usual > 0:
            raise GoneWrongError(
                f"The loss diverges: {IN_A_ROW} losses in a row up to step {step} are above {self.times:g} times their"
                f" running median of {usual:.4g}; lower the learning rate, or set 'diverged_at' to 0 to go on.",
                loss=loss,
                norm=norm,
            )

    @property
    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return {"losses": list(self._recent), "first": self._first}


def save_offending(run: RunDirectory, error: RecipeError, rows: Sequence[Mapping[str, Any]], **numbers: Any) -> str:
    """Write the rows of the step at which a run stopped, with `numbers`; return the sentence that names the file.

    What is not finite stands there in words, because JSON has none of it.
    """
    said = {
        name: value if isinstance(value, int) or value is None else _in_json(value) for name, value in numbers.items()
    }
    if processes.leads():
        write_json(run.path / OFFENDING, {"why": str(error), **said, "rows": list(rows)})
    return f"{error} The step's rows are in {run.path / OFFENDING}."


def _in_json(value: float) -> float | str:
    return value if abs(value) < float("inf") else str(value)
