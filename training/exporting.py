"""Judgements as Parquet tables in TRL's columns, named by their content. Pure.

A snapshot folder holds `{rankings,comparisons,demonstrations,steps,ratings}/{train,validation,test}.parquet`; a file
exists even with no rows. A comparison is a strict pair of a ranking, or an edited text over the one that was edited;
ties are counted and left out. The split depends on the prompt alone, so that no prompt is in two splits. The content
hash covers every row of every table in order (a table without rows adds nothing, so that a new table renames no
snapshot), and not the bytes of the files, which change with the version of the Parquet library.

A row of `comparisons` is one annotator's vote on one pair, and never the majority's. Its `weight` is the annotator's
(annotate/quality/weights.py; the mean over a snapshot's comparisons is 1), the same as in `rankings`; `posterior` is
how sure all `n_votes` on the pair together, by these weights, make one that the chosen completion is better: where
most say otherwise, below 1/2. A text that somebody edited is one vote of weight 1. Both are rounded to DIGITS, so that
the content hash does not hang on the last bit of a logarithm.

Where an expert decided a task, its rows are the decision alone: it stands in for the judgements of the task. Every
table says so in `decision`, which has the cause of the disagreement (style, underspecified, factual, safety or other)
and is empty in all other rows; `judgement` is then `decision-ID`, `annotator` the expert, `seconds` null, and `n_votes`
how many rankings the decision stands in for. What a decision weighs: annotate's docs/quality.md, "Weights".

A row of `steps` is one judgement of a solution in TRL's stepwise format: `prompt` is a text, `completions` are the
steps that were labelled, without white space at their ends, and `labels` are true for good and, as PRM800K counts
them, for neutral steps; `verdicts` has the annotator's own words. Where labelling stopped at the first error, that step
is the last one, and `n_steps` says how many the solution has. `conversation` is the prompt with its
turns (under the name `messages` TRL would take the whole row for a conversation).

A row of `ratings` is what one judgement says about one completion: its values on the axes, its flags (no flag is said,
too) and its marked passages, in code points of the completion. Rankings give such rows when they say more than ranks,
or when they are a verdict without ranks.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from annotate.quality.weights import ASSUMED_ACCURACY
from annotate.rankings import Outcome, derive_comparisons

TABLES = ("rankings", "comparisons", "demonstrations", "steps", "ratings")
SPLITS = ("train", "validation", "test")
ROWS_IN_MEMORY = 1000
DIGITS = 6

MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
ORIGIN = [(name, pa.string()) for name in ("prompt_sha256", "judgement", "annotator", "domain", "campaign", "decision")]
ON_THE_WHOLE = [(name, pa.string()) for name in ("verdict", "reason", "behaviour", "rationale")]
PASSAGE = pa.struct(
    [
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("type", pa.string()),
        ("severity", pa.string()),
        ("note", pa.string()),
        ("text", pa.string()),
    ]
)
SCHEMAS = {
    "rankings": pa.schema(
        [
            ("prompt", MESSAGES),
            ("completions", pa.list_(pa.string())),
            ("ranks", pa.list_(pa.int64())),
            *ORIGIN,
            ("completion_sha256", pa.list_(pa.string())),
            ("producers", pa.list_(pa.string())),
            *ON_THE_WHOLE,
            ("strength", pa.int64()),
            ("guideline_sha256", pa.string()),
            ("seconds", pa.float64()),
            ("weight", pa.float64()),
        ]
    ),
    "comparisons": pa.schema(
        [
            ("prompt", MESSAGES),
            ("chosen", MESSAGES),
            ("rejected", MESSAGES),
            *ORIGIN,
            ("weight", pa.float64()),
            ("posterior", pa.float64()),
            ("n_votes", pa.int64()),
        ]
    ),
    "demonstrations": pa.schema(
        [("messages", MESSAGES), ("reasoning", pa.string()), *ORIGIN, ("guideline_sha256", pa.string())]
    ),
    "steps": pa.schema(
        [
            ("prompt", pa.string()),
            ("completions", pa.list_(pa.string())),
            ("labels", pa.list_(pa.bool_())),
            ("verdicts", pa.list_(pa.string())),
            ("n_steps", pa.int64()),
            ("conversation", MESSAGES),
            *ORIGIN,
            ("completion_sha256", pa.string()),
            ("producer", pa.string()),
            ("guideline_sha256", pa.string()),
            ("seconds", pa.float64()),
        ]
    ),
    "ratings": pa.schema(
        [
            ("prompt", MESSAGES),
            ("completion", MESSAGES),
            ("ratings", pa.list_(pa.struct([("axis", pa.string()), ("value", pa.int64())]))),
            ("flags", pa.list_(pa.string())),
            ("spans", pa.list_(PASSAGE)),
            *ON_THE_WHOLE,
            *ORIGIN,
            ("completion_sha256", pa.string()),
            ("producer", pa.string()),
            ("guideline_sha256", pa.string()),
            ("seconds", pa.float64()),
        ]
    ),
}


@dataclass(frozen=True)
class Ranked:
    """A completion at its place in a ranking."""

    text: str
    sha256: str
    producer: str
    rank: int
    """1 = best; equal ranks are ties."""


@dataclass(frozen=True)
class LabelledSteps:
    """A solution and what a judgement says about its steps: all of them, or those down to the first error."""

    steps: tuple[str, ...]
    labels: tuple[str, ...]
    """good, neutral or bad; not more than there are steps."""
    sha256: str
    producer: str


@dataclass(frozen=True)
class Rated:
    """A completion with what a judgement says about it beside its rank."""

    text: str
    sha256: str
    producer: str
    ratings: tuple[tuple[str, int], ...] = ()
    """(axis, value), sorted."""
    flags: tuple[str, ...] = ()
    """Names, sorted."""
    spans: tuple[Mapping[str, Any], ...] = ()
    """{start, end, type, severity, note}, in order."""


@dataclass(frozen=True)
class Sureness:
    """How sure the votes on a pair make one that its first completion is the better one."""

    posterior: float
    n_votes: int


ALONE = Sureness(ASSUMED_ACCURACY, 1)
"""A preference of which nothing but itself is known."""


@dataclass(frozen=True)
class ExportedJudgement:
    """A judgement, or the decision that stands in for a task's, with everything that a snapshot says about it: ranking,
    ratings, demonstration or step labels."""

    judgement: str
    annotator: str
    """The annotator's pseudonym."""
    domain: str
    campaign: str
    guideline_sha256: str
    prompt: list[dict[str, str]]
    prompt_sha256: str
    seconds: float | None
    """Active seconds; None of a decision, which nobody times."""
    ranked: tuple[Ranked, ...] = ()
    """The completions in an order that never changes; empty for a demonstration."""
    demonstration: str = ""
    reasoning: str = ""
    original: str = ""
    """The text that the demonstration was made of by editing it, if it was: the edited one is better."""
    solution: LabelledSteps | None = None
    rated: tuple[Rated, ...] = ()
    """The completions with what is said beside the ranks; empty where nothing is."""
    weight: float = 1.0
    """What its comparisons weigh."""
    sureness: tuple[Sureness, ...] = ()
    """Of each pair of `ranked` in the order of `combinations`, or of the edited text over its original; where it is
    empty, this judgement is the only vote that is known."""
    verdict: str = ""
    reason: str = ""
    strength: int | None = None
    behaviour: str = ""
    rationale: str = ""
    decision: str = ""
    """Of an expert's decision, why people disagreed."""

    @property
    def on_the_whole(self) -> dict[str, str]:
        """The columns that speak of the whole judgement."""
        return {name: getattr(self, name) for name, _ in ON_THE_WHOLE}

    @property
    def origin(self) -> dict[str, str]:
        """The columns that every table has."""
        return {name: getattr(self, name) for name, _ in ORIGIN}


@dataclass(frozen=True)
class Content:
    """What was written."""

    sha256: str
    counts: dict[str, dict[str, int]]
    """Rows by table and split."""
    ties: int
    """Pairs that were left out of the comparisons because the annotator ranked both the same."""


def split_of(prompt_sha256: str) -> str:
    """The split of a prompt: 80 % train, 10 % validation, 10 % test."""
    bucket = int(prompt_sha256[:8], 16) % 100
    return "train" if bucket < 80 else "validation" if bucket < 90 else "test"


def rows_of(judgement: ExportedJudgement) -> tuple[list[tuple[str, dict[str, Any]]], int]:
    """The judgement's rows as (table, row), and how many of its pairs are ties."""
    if judgement.solution:
        return [("steps", _steps_row(judgement, judgement.solution))], 0
    if judgement.demonstration:
        rows = [("demonstrations", _demonstration_row(judgement))]
        if judgement.original:
            edited = _comparison_row(judgement, judgement.demonstration, judgement.original, *judgement.sureness)
            rows.append(("comparisons", edited))
        return rows, 0
    ratings = [("ratings", _rating_row(judgement, rated)) for rated in judgement.rated]
    if not judgement.ranked:  # a rating, or somebody said that these cannot be ranked
        return ratings, 0
    ranked = judgement.ranked
    comparisons = derive_comparisons({index: item.rank for index, item in enumerate(ranked)})
    rows = [("rankings", _ranking_row(judgement))]
    ties = 0
    for place, pair in enumerate(comparisons):
        if pair.outcome is Outcome.TIE:
            ties += 1
            continue
        sure = _for_chosen(judgement.sureness[place], pair.outcome) if judgement.sureness else ALONE
        chosen, rejected = ranked[pair.chosen].text, ranked[pair.rejected].text
        rows.append(("comparisons", _comparison_row(judgement, chosen, rejected, sure)))
    return rows + ratings, ties


def _for_chosen(sure: Sureness, outcome: Outcome) -> Sureness:
    """The sureness that the chosen one of a pair is better, from that of its first one."""
    return sure if outcome is Outcome.CHOSEN else Sureness(1 - sure.posterior, sure.n_votes)


def _ranking_row(judgement: ExportedJudgement) -> dict[str, Any]:
    return {
        "prompt": judgement.prompt,
        "completions": [item.text for item in judgement.ranked],
        "ranks": [item.rank for item in judgement.ranked],
        **judgement.origin,
        "completion_sha256": [item.sha256 for item in judgement.ranked],
        "producers": [item.producer for item in judgement.ranked],
        **judgement.on_the_whole,
        "strength": judgement.strength,
        "guideline_sha256": judgement.guideline_sha256,
        "seconds": judgement.seconds,
        "weight": judgement.weight,
    }


def _rating_row(judgement: ExportedJudgement, rated: Rated) -> dict[str, Any]:
    return {
        "prompt": judgement.prompt,
        "completion": _answer(rated.text),
        "ratings": [{"axis": axis, "value": value} for axis, value in rated.ratings],
        "flags": list(rated.flags),
        "spans": [{**span, "text": rated.text[span["start"] : span["end"]]} for span in rated.spans],
        **judgement.on_the_whole,
        **judgement.origin,
        "completion_sha256": rated.sha256,
        "producer": rated.producer,
        "guideline_sha256": judgement.guideline_sha256,
        "seconds": judgement.seconds,
    }


def _comparison_row(judgement: ExportedJudgement, chosen: str, rejected: str, sure: Sureness = ALONE) -> dict[str, Any]:
    return {
        "prompt": judgement.prompt,
        "chosen": _answer(chosen),
        "rejected": _answer(rejected),
        **judgement.origin,
        "weight": judgement.weight,
        "posterior": round(sure.posterior, DIGITS),
        "n_votes": sure.n_votes,
    }


def _demonstration_row(judgement: ExportedJudgement) -> dict[str, Any]:
    return {
        "messages": [*judgement.prompt, *_answer(judgement.demonstration)],
        "reasoning": judgement.reasoning,
        **judgement.origin,
        "guideline_sha256": judgement.guideline_sha256,
    }


def _steps_row(judgement: ExportedJudgement, solution: LabelledSteps) -> dict[str, Any]:
    labelled = len(solution.labels)
    return {
        "prompt": as_text(judgement.prompt),
        "completions": [step.strip() for step in solution.steps[:labelled]],
        "labels": [label != "bad" for label in solution.labels],
        "verdicts": list(solution.labels),
        "n_steps": len(solution.steps),
        "conversation": judgement.prompt,
        **judgement.origin,
        "completion_sha256": solution.sha256,
        "producer": solution.producer,
        "guideline_sha256": judgement.guideline_sha256,
        "seconds": judgement.seconds,
    }


def as_text(messages: Sequence[dict[str, str]]) -> str:
    """A prompt as TRL's stepwise format has it: the text of a single message, else turns under their roles."""
    if len(messages) == 1:
        return messages[0]["content"]
    return "\n\n".join(f"{message['role'].title()}: {message['content']}" for message in messages)


def _answer(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


class SnapshotWriter:
    """Writes judgements, in the order in which they are added, into the tables of a new folder.

    with SnapshotWriter(folder) as writer:
        writer.add(judgement)
    writer.content.sha256
    """

    def __init__(self, folder: Path):
        self._files = {(table, split): _Table(folder, table, split) for table in TABLES for split in SPLITS}
        self._ties = 0

    def __enter__(self) -> "SnapshotWriter":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        for file in self._files.values():
            file.close()

    def add(self, judgement: ExportedJudgement) -> None:
        """Write one judgement's rows."""
        rows, ties = rows_of(judgement)
        split = split_of(judgement.prompt_sha256)
        for table, row in rows:
            self._files[table, split].add(row)
        self._ties += ties

    @property
    def content(self) -> Content:
        """Hash and counts of what was added so far."""
        files = [(name, file) for name, file in self._files.items() if file.rows]
        listing = "".join(f"{table}/{split} {file.digest}\n" for (table, split), file in files)
        counts = {table: {split: self._files[table, split].rows for split in SPLITS} for table in TABLES}
        return Content(hashlib.sha256(listing.encode()).hexdigest(), counts, self._ties)


class _Table:
    """One Parquet file that is being written, and the hash of its rows."""

    def __init__(self, folder: Path, table: str, split: str):
        (folder / table).mkdir(parents=True, exist_ok=True)
        self._schema = SCHEMAS[table]
        self._writer = pq.ParquetWriter(folder / table / f"{split}.parquet", self._schema, compression="zstd")
        self._hash = hashlib.sha256()
        self._pending: list[dict[str, Any]] = []
        self.rows = 0

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def add(self, row: dict[str, Any]) -> None:
        line = json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        self._hash.update(line.encode() + b"\n")
        self._pending.append(row)
        self.rows += 1
        if len(self._pending) >= ROWS_IN_MEMORY:
            self._flush()

    def _flush(self) -> None:
        self._writer.write_table(pa.Table.from_pylist(self._pending, schema=self._schema))
        self._pending = []

    def close(self) -> None:
        self._flush()
        self._writer.close()


def describe_counts(counts: dict[str, dict[str, int]], tables: Sequence[str] = TABLES) -> str:
    """`412 rankings, 2300 comparisons`: the tables that have rows, for messages."""
    rows = {table: sum(counts[table].values()) for table in tables}
    return ", ".join(f"{n} {table}" for table, n in rows.items() if n) or "no rows"
