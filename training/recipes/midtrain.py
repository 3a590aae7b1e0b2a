"""Midtraining: go on pretraining a model on text, with instruction data mixed in while the learning rate falls.

Warmup-stable-decay in two phases (Hu et al. 2024, MiniCPM, arXiv 2404.06395, sections 4 and 5): at a high, constant
rate the model reads text alone; while the rate falls it reads text and instruction data mixed. The same answers teach
more there than in fine-tuning alone, and what was pretrained is not forgotten. A short `sft` on the answers follows:

    python -m training.recipes.midtrain --config midtrain.json
    {"out": "var/runs/mid", "base": "var/runs/base", "corpus": "texts.jsonl", "snapshot": "var/snapshots/1f3a"}
    python -m training.recipes.sft --config sft.json
    {"out": "var/runs/sft", "base": "var/runs/mid", "snapshot": "var/snapshots/1f3a", "epochs": 1}

    L(theta) = - 1/T * sum_t log p_theta(x_t | x_<t)     over all tokens of a text, and of instruction data over all
                                                         ("all", as in MiniCPM) or the answers' ("answers")

    lr(s) / lr = (s + 1) / W,  s < W;      1,  W <= s < S - D;      f((s - (S - D)) / D)  after that    [schedules.py]

Departures from the paper: f is 1 - sqrt, cosine or linear instead of exponential; each text is read `epochs` times,
and the share of instruction data in the decay phase is exact in rows; a text longer than a row is cut into several.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.modelling import processes
from training.modelling.artifacts import Result, RunDirectory, hash_input, write_json
from training.modelling.batches import batch_count, shuffled_batches
from training.modelling.configs import ExistingPath, require, run_recipe
from training.modelling.corpora import WORLD, Document, read_corpus
from training.modelling.learning import learn
from training.modelling.memory import config_of
from training.modelling.models import (
    load_policy,
    load_tokenizer,
    parameter_count,
    prepare_process,
    require_context,
    save_model,
)
from training.modelling.plans import Plan, counted
from training.modelling.previews import learning_plan
from training.modelling.supervised.conversations import Example
from training.modelling.supervised.fitting import held_out_loss, token_loss_parts, token_loss_passes
from training.modelling.supervised.mixtures import Mixture, draw, parts_of
from training.modelling.supervised.reading import SupervisedConfig, count_split, encode_all, mix_pass, read_split
from training.modelling.supervised.schedules import Decay, wsd_schedule

TEXT = "text"
HELD_OUT_EVERY = 50


@dataclass(frozen=True, kw_only=True)
class MidtrainConfig(SupervisedConfig):
    """Go on pretraining, with instruction data mixed into the decay of the learning rate."""

    corpus: Literal["world"] | ExistingPath
    """Text: "world" (the demo), a snapshot directory (its train split), or a .txt or .jsonl file of one text a line.
    One document in fifty is held out."""
    documents: int = 14_000
    """Dialogues to draw when the corpus is "world"; ignored for files and snapshots."""
    epochs: int = 1
    """How often each text is read."""
    decay_share: float = 0.1
    """The share of all rows that is read while the rate falls (a tenth in MiniCPM, up to a fifth in others)."""
    instruction_share: float = 0.3
    """The share of rows in the decay phase that are instruction data; repeated where there are too few."""
    instruction_loss: Literal["all", "answers"] = "all"
    """Of instruction data, what carries loss: "all" tokens as of a text, or the "answers" alone."""
    decay: Decay = "sqrt"
    """How the rate falls: "sqrt" (1 - sqrt), "cosine" or "linear"."""
    floor: float = 0.0
    """The share of the peak rate toward which it falls."""
    row_tokens: int = 512
    """A longer text is cut into rows of this length."""
    batch_size: int = 16
    """Rows in a step."""
    lr: float = 1e-3
    """Peak learning rate of AdamW. 1e-3 suits the embedded million parameters; a pretrained model goes on at about the
    rate at which its own stable phase ended."""
    warmup: float = 0.01
    """Share of the steps over which the learning rate rises from 0."""
    weight_decay: float = 0.01
    """AdamW's decoupled decay of weight matrices."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_above_0("documents", "batch_size", "row_tokens")
        require(self.row_tokens > 1, "The field 'row_tokens' must be above 1.")
        require(0 < self.decay_share < 1, "The field 'decay_share' is a share of the rows, above 0 and below 1.")
        require(0 < self.instruction_share < 1, "The field 'instruction_share' is a share, above 0 and below 1.")
        require(0 <= self.floor < 1, "The field 'floor' is a share of the peak rate, from 0 to below 1.")


@dataclass(frozen=True)
class Phases:
    """The rows of both phases."""

    stable: list[Example]
    decay: list[Example]

    @property
    def rows(self) -> list[Example]:
        """All rows, the stable phase first."""
        return [*self.stable, *self.decay]


def midtrain(config: MidtrainConfig) -> None:
    """Train and save a model as the configuration says."""
    run = RunDirectory(config.out)
    run.write_config(config)
    device = prepare_process(seed=config.seed, threads=config.threads, parallel=True)
    run.progress(0, 1, "loading the model, the texts and the instruction data")
    model, tokenizer = load_policy(config.base, device=device)
    require_context(model, max(config.row_tokens, config.max_prompt_tokens + config.max_completion_tokens))
    documents = read_corpus(config.corpus, documents=config.documents, seed=config.seed)
    random.Random(config.seed).shuffle(documents)
    kept = len(documents) // HELD_OUT_EVERY
    texts = text_rows(tokenizer, documents[kept:], config.row_tokens)
    instructions = mix_pass(config, encode_all(config, tokenizer, read_split(config, "train")))
    phases = divide(config, texts, instructions.rows)
    print(f"{len(phases.stable)} rows of text, then {len(phases.decay)} mixed; {parameter_count(model)} parameters")
    held_out = {
        "text_loss": (text_rows(tokenizer, documents[:kept], config.row_tokens), "rows of documents not trained on"),
        "validation_loss": (encode_all(config, tokenizer, read_split(config, "validation")), "held-out answers"),
    }
    results = measure(config, model, tokenizer, held_out, "base")
    inputs = config.hash_inputs() | ({} if config.corpus == WORLD else {"corpus": hash_input(config.corpus)})
    stable, falling = (batch_count(len(rows), config.batch_size) for rows in (phases.stable, phases.decay))
    rising = max(1, round(config.warmup * (stable + falling)))
    learn(
        replace(config, epochs=1),  # `divide` has repeated the texts, and the phases come once.
        run,
        model,
        phases.rows,
        lengths=[len(row.ids) for row in phases.rows],
        batch_size=config.batch_size,
        losses=token_loss_parts(config, model, tokenizer.pad_token_id),
        passes=partial(token_loss_passes, config),
        batches=lambda rng: _in_phases(phases, config.batch_size, rng),
        described=lambda row: {"source": row.source, "text": tokenizer.decode(row.ids)},
        inputs=inputs,
        schedule=lambda step, steps: wsd_schedule(
            step, steps, rising=rising, falling=falling, decay=config.decay, floor=config.floor
        ),
        weigh=lambda rows: sum(row.learnt for row in rows),
    )
    if not processes.leads():
        return
    save_model(model, tokenizer, run.model)
    decay = Mixture(phases.decay, parts_of([*texts, *instructions.rows], phases.decay))
    report = {"steps": {"rising": rising, "stable": stable - rising, "falling": falling}, "decay": decay.as_dict()}
    write_json(run.path / "report.json", report)
    run.write_manifest(
        recipe="midtrain",
        kind="policy",
        config=config,
        seed=config.seed,
        inputs=inputs,
        results=[*results, *measure(config, model, tokenizer, held_out, "midtrain"), *decay.results()],
    )


def measure(
    config: MidtrainConfig,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    held_out: Mapping[str, tuple[list[Example], str]],
    subject: str,
) -> list[Result]:
    """The loss on held-out rows: of text, which says what is forgotten, and of answers, which says what is learnt."""
    return [
        result
        for name, (rows, what) in held_out.items()
        for result in held_out_loss(
            config, model, tokenizer, rows, subject=subject, batch_size=config.batch_size, name=name, what=what
        )
    ]


def text_rows(tokenizer: PreTrainedTokenizerBase, documents: Sequence[Document], row_tokens: int) -> list[Example]:
    """Return texts as rows that are learnt as a whole, a long one in several."""
    rows = []
    for number, document in enumerate(documents):
        ids = document.encode(tokenizer)
        for start in range(0, len(ids), row_tokens):
            part = ids[start : start + row_tokens]
            if len(part) > 1:
                rows.append(Example(part, [0] + [1] * (len(part) - 1), f"{TEXT} {number}", TEXT))
    return rows


def divide(config: MidtrainConfig, texts: Sequence[Example], instructions: Sequence[Example]) -> Phases:
    """Share out `epochs` passes over the texts between the phases, and mix instruction data into the second.

    With d the decay's share of all rows and q the share of instruction data in it, n rows of text make n / (1 - q d)
    rows in all.
    """
    rng = random.Random(f"phases/{config.seed}")
    read = [row for _ in range(config.epochs) for row in rng.sample(list(texts), len(texts))]
    rows = len(read) / (1 - config.instruction_share * config.decay_share)
    taught = max(1, round(rows * config.decay_share * config.instruction_share))
    mixed = max(1, round(rows * config.decay_share) - taught)
    if config.instruction_loss == "all":
        instructions = [replace(row, mask=[0] + [1] * (len(row.ids) - 1)) for row in instructions]
    decay = [*read[len(read) - mixed :], *draw(list(instructions), taught, "rows", rng)]
    return Phases(read[: len(read) - mixed], decay)


def _in_phases(phases: Phases, batch_size: int, rng: random.Random) -> Iterator[list[Example]]:
    for rows in (phases.stable, phases.decay):
        yield from shuffled_batches(rows, [len(row.ids) for row in rows], batch_size, rng)


def plan(config: MidtrainConfig) -> Plan:
    """Say what a run would do."""
    tokenizer = load_tokenizer(config.base)
    documents = read_corpus(config.corpus, documents=config.documents, seed=config.seed)
    random.Random(config.seed).shuffle(documents)
    texts = text_rows(tokenizer, documents[len(documents) // HELD_OUT_EVERY :], config.row_tokens)
    instructions, rows = count_split(config, tokenizer, "train")
    phases = divide(config, texts, mix_pass(config, rows).rows)
    counts = [
        counted(name, [[(len(row.ids), len(row.ids))] for row in some])
        for name, some in (("learnt", phases.rows), ("stable", phases.stable), ("decay", phases.decay))
    ]
    steps = sum(batch_count(len(rows), config.batch_size) for rows in (phases.stable, phases.decay))
    found = [*counts, replace(instructions, name="instructions")]
    return learning_plan(config, config_of(config.base), found, batch_size=config.batch_size, steps=steps)


if __name__ == "__main__":
    run_recipe(MidtrainConfig, midtrain, plan=plan)
