"""Answers that are good or bad by themselves, as the rows of TRL's KTOTrainer."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from datasets import Dataset
from trl import KTOTrainer

from training.modelling import collectives, processes


@dataclass(frozen=True)
class Judged:
    """An answer that is desirable or not, as token ids."""

    prompt: list[int]
    completion: list[int]
    good: bool
    prompt_sha256: str


class TokensKto(KTOTrainer):
    """TRL's trainer on rows that are tokens already, with the answers for z beside them."""

    def _prepare_dataset(self, dataset: Dataset, *args: Any, **kwargs: Any) -> Dataset:
        return dataset

    def _precompute_ref_logps(self, dataset: Dataset, name: str, batch_size: int) -> Dataset:
        """Put the reference's log-probabilities beside the rows; of several processes each computes its share.

        TRL hands them from one process to the others in a file that the others cannot find where rows are in memory.
        """
        mine = []
        for start in processes.share(range(0, len(dataset), batch_size)):
            rows = [dataset[index] for index in range(start, min(start + batch_size, len(dataset)))]
            found = self.compute_ref_log_probs(self.model, self._prepare_inputs(self.data_collator(rows)))
            mine.append((start, *(values.tolist() for values in found)))
        parts = sorted(part for of in collectives.gathered(mine) for part in of)
        for column, place in (("ref_logps", 1), ("ref_KL_logps", 2)):
            dataset = dataset.add_column(column, [value for part in parts for value in part[place]])
        return dataset


def trainer_rows(rows: Sequence[Judged], *, epochs: int, batch_size: int, at_once: int, seed: int) -> Dataset:
    """Return the rows of all epochs one after another, each in an order of its own, to the end of the last step.

    What the last step lacks are rows of a further epoch: every step, and every process's share of it, is whole. Beside
    a row stands the answer for z: that of the row before it among the `at_once` that all processes pass forward at
    once, of the last for the first.
    """
    steps = -(-epochs * len(rows) // batch_size)
    order: list[Judged] = []
    for epoch in count():
        if len(order) >= steps * batch_size:
            break
        order += random.Random(f"kto/{seed}/{epoch}").sample(list(rows), len(rows))
    found = []
    for start in range(0, steps * batch_size, at_once):
        some = order[start : start + at_once]
        for index, row in enumerate(some):
            other = some[index - 1].completion
            found.append(
                {
                    "prompt_ids": row.prompt,
                    "completion_ids": row.completion,
                    "KL_completion_ids": other,
                    "label": row.good,
                }
            )
    return Dataset.from_list(found)
