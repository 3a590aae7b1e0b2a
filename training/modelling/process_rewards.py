"""Process reward models: how likely each step of a solution is a good one, and what that makes of the solution.

A step is read with its prompt and the steps before it, at the last token of the line break that follows every step:

    p_s = sigmoid(w . h_s + b)

Several annotators' labels of one step are one soft label, the share of them who call it good (or neutral, as PRM800K
counts). Who stopped at the first error says nothing about the steps after it. A solution's score is the least of its
steps' chances, or their product (Lightman et al. 2023, arXiv 2305.20050, appendix F).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch.nn.functional import linear, logsigmoid
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from annotate.steps import split_steps
from training.modelling.artifacts import RecipeError, write_json
from training.modelling.batches import pad_batch
from training.modelling.chat import Messages, encode_prompt
from training.modelling.models import load_classifier, model_directory, reward_head
from training.modelling.shared_prefix import encode
from training.modelling.snapshots import Message, Split, read_table

SAVED = "process_reward.json"
SEPARATOR = "\n\n"

Aggregate = Literal["min", "product"]
"""A solution's score: the least of its steps' chances to be good, or their product."""


@dataclass(frozen=True)
class StepsRow:
    """One judgement of a solution, or of its steps down to the first error."""

    conversation: list[Message]
    """The prompt."""
    completions: list[str]
    """The steps that were labelled."""
    labels: list[bool]
    """Whether each is good."""
    n_steps: int
    """How many the solution has."""
    prompt_sha256: str
    completion_sha256: str


@dataclass(frozen=True)
class LabelledSolution:
    """A solution with what all its annotators say."""

    conversation: list[Message]
    steps: list[str]
    """Those that anybody labelled."""
    shares: list[float]
    """For each step, the share of its annotators who call it good."""
    counts: list[int]
    """For each step, how many annotators labelled it."""
    n_steps: int
    prompt_sha256: str

    @property
    def right(self) -> bool | None:
        """Whether most call every step good; None where that is not known, with no step called bad."""
        if any(share < 0.5 for share in self.shares):
            return False
        known = len(self.steps) == self.n_steps and all(share != 0.5 for share in self.shares)
        return True if known else None


def read_solutions(snapshot: str | Path, split: Split) -> list[LabelledSolution]:
    """Read one split's solutions, each once, whoever labelled it."""
    found: dict[tuple[str, str], list[StepsRow]] = {}
    for row in read_table(snapshot, "steps", split, StepsRow):
        if row.labels and len(row.labels) == len(row.completions):
            found.setdefault((row.prompt_sha256, row.completion_sha256), []).append(row)
    return [_together(rows) for rows in found.values()]


def _together(rows: Sequence[StepsRow]) -> LabelledSolution:
    longest = max(rows, key=lambda row: len(row.labels))
    said = [[row.labels[step] for row in rows if step < len(row.labels)] for step in range(len(longest.labels))]
    return LabelledSolution(
        conversation=longest.conversation,
        steps=longest.completions,
        shares=[sum(labels) / len(labels) for labels in said],
        counts=[len(labels) for labels in said],
        n_steps=longest.n_steps,
        prompt_sha256=longest.prompt_sha256,
    )


@dataclass(frozen=True)
class EncodedSteps:
    """A prompt and the steps of a solution as token ids."""

    prompt: list[int]
    steps: list[list[int]]
    """Each with the line break after it; those that do not fit are left out whole."""

    @property
    def tokens(self) -> int:
        """Of prompt and steps."""
        return len(self.prompt) + sum(map(len, self.steps))


def encode_steps(
    tokenizer: PreTrainedTokenizerBase,
    conversation: Messages,
    steps: Sequence[str],
    *,
    max_prompt_tokens: int,
    max_completion_tokens: int,
) -> EncodedSteps:
    """Encode a solution. A long prompt loses its beginning; a long solution its last steps."""
    ids: list[list[int]] = []
    left = max_completion_tokens
    for step in steps:
        text = step.strip() + SEPARATOR
        ids.append(tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])
        left -= len(ids[-1])
        if left < 0:
            ids.pop()
            break
    return EncodedSteps(encode_prompt(tokenizer, conversation, max_tokens=max_prompt_tokens), ids)


def step_logits(model: PreTrainedModel, solutions: Sequence[EncodedSteps], pad_token_id: int) -> list[torch.Tensor]:
    """Return the logits of each solution's steps, [steps] fp32 each. Every solution has at least one step."""
    joined = [[token for step in solution.steps for token in step] for solution in solutions]
    batch = pad_batch([solution.prompt for solution in solutions], joined, pad_token_id, model.device)
    width = batch.input_ids.shape[1]
    places = []
    for row, solution in enumerate(solutions):
        at = row * width + len(solution.prompt) - 1
        for step in solution.steps:
            at += len(step)
            places.append(at)
    hidden = encode(model, batch)[torch.tensor(places, device=model.device)]
    head = reward_head(model)
    bias = None if head.bias is None else head.bias.float()
    with torch.autocast(hidden.device.type, enabled=False):
        logits = linear(hidden.float(), head.weight.float(), bias)[:, 0]
    return list(logits.split([len(solution.steps) for solution in solutions]))


def aggregated(log_chances: torch.Tensor, by: Aggregate) -> float:
    """The chance that a solution is right, of the log chances of its steps, [steps]."""
    return (log_chances.min() if by == "min" else log_chances.sum()).exp().item()


@dataclass(frozen=True)
class ProcessReward:
    """A trained process reward model."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    max_prompt_tokens: int
    max_completion_tokens: int

    @torch.no_grad()
    def score_steps(self, conversation: Messages, steps: Sequence[str]) -> list[float]:
        """Return the chance of each step to be good; of those that fit into what the model was trained on."""
        return self._log_chances(conversation, steps).exp().tolist()

    @torch.no_grad()
    def score(
        self, conversations: Sequence[Messages], solutions: Sequence[str], *, aggregate: Aggregate = "min"
    ) -> list[float]:
        """Return the score of each solution, 0 to 1, cut into steps as the product cuts it; 0 for one without steps."""
        scores = []
        for conversation, solution in zip(conversations, solutions, strict=True):
            steps = split_steps(solution)
            scores.append(aggregated(self._log_chances(conversation, steps), aggregate) if steps else 0.0)
        return scores

    def _log_chances(self, conversation: Messages, steps: Sequence[str]) -> torch.Tensor:
        limits = {"max_prompt_tokens": self.max_prompt_tokens, "max_completion_tokens": self.max_completion_tokens}
        encoded = encode_steps(self.tokenizer, conversation, steps, **limits)
        if not encoded.steps:
            raise RecipeError(f"The first step has more than {self.max_completion_tokens} tokens and cannot be read.")
        return logsigmoid(step_logits(self.model, [encoded], self.tokenizer.pad_token_id)[0]).cpu()


def save_limits(directory: Path, *, max_prompt_tokens: int, max_completion_tokens: int) -> None:
    """Write beside the model what it was trained to read."""
    limits = {"max_prompt_tokens": max_prompt_tokens, "max_completion_tokens": max_completion_tokens}
    write_json(directory / SAVED, {"separator": SEPARATOR, **limits})


def load_process_reward(source: str | Path, *, device: torch.device | None = None) -> ProcessReward:
    """Load a model that the process_reward recipe made, ready to score."""
    file = Path(model_directory(source)) / SAVED
    try:
        saved = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"{source} has no {SAVED}; train it with training.recipes.process_reward.") from error
    model, tokenizer = load_classifier(source, device=device)
    model.eval().requires_grad_(False)
    return ProcessReward(model, tokenizer, saved["max_prompt_tokens"], saved["max_completion_tokens"])
