"""Judgements as Parquet tables in TRL's columns, named by their content. Pure.

A snapshot folder holds `{rankings,comparisons,demonstrations}/{train,validation,test}.parquet`; a file exists even with
no rows. A comparison is a strict pair of a ranking; ties are counted and left out. The split depends on the prompt
alone, so that no prompt is in two splits. The content hash covers every row of every table in order, and not the bytes
of the files, which change with the version of the Parquet library.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from annotate.rankings import Outcome, derive_comparisons

TABLES = ("rankings", "comparisons", "demonstrations")
SPLITS = ("train", "validation", "test")
ROWS_IN_MEMORY = 1000

MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
ORIGIN = [(name, pa.string()) for name in ("prompt_sha256", "judgement", "annotator", "domain", "campaign")]
SCHEMAS = {
    "rankings": pa.schema(
        [
            ("prompt", MESSAGES),
            ("completions", pa.list_(pa.string())),
            ("ranks", pa.list_(pa.int64())),
            *ORIGIN,
            ("completion_sha256", pa.list_(pa.string())),
            ("producers", pa.list_(pa.string())),
            ("guideline_sha256", pa.string()),
            ("seconds", pa.float64()),
        ]
    ),
    "comparisons": pa.schema([("prompt", MESSAGES), ("chosen", MESSAGES), ("rejected", MESSAGES), *ORIGIN]),
    "demonstrations": pa.schema(
        [("messages", MESSAGES), ("reasoning", pa.string()), *ORIGIN, ("guideline_sha256", pa.string())]
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
class ExportedJudgement:
    """A judgement with everything that a snapshot says about it: a ranking, or a demonstration."""

    judgement: str
    annotator: str
    """The annotator's pseudonym."""
    domain: str
    campaign: str
    guideline_sha256: str
    prompt: list[dict[str, str]]
    prompt_sha256: str
    seconds: float
    ranked: tuple[Ranked, ...] = ()
    """The completions in an order that never changes; empty for a demonstration."""
    demonstration: str = ""
    reasoning: str = ""

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
    if not judgement.ranked:
        return [("demonstrations", _demonstration_row(judgement))], 0
    ranked = judgement.ranked
    comparisons = derive_comparisons({index: item.rank for index, item in enumerate(ranked)})
    strict = [pair for pair in comparisons if pair.outcome is not Outcome.TIE]
    rows = [("rankings", _ranking_row(judgement))]
    rows += [("comparisons", _comparison_row(judgement, ranked[pair.chosen], ranked[pair.rejected])) for pair in strict]
    return rows, len(comparisons) - len(strict)


def _ranking_row(judgement: ExportedJudgement) -> dict[str, Any]:
    return {
        "prompt": judgement.prompt,
        "completions": [item.text for item in judgement.ranked],
        "ranks": [item.rank for item in judgement.ranked],
        **judgement.origin,
        "completion_sha256": [item.sha256 for item in judgement.ranked],
        "producers": [item.producer for item in judgement.ranked],
        "guideline_sha256": judgement.guideline_sha256,
        "seconds": judgement.seconds,
    }


def _comparison_row(judgement: ExportedJudgement, chosen: Ranked, rejected: Ranked) -> dict[str, Any]:
    return {
        "prompt": judgement.prompt,
        "chosen": _answer(chosen.text),
        "rejected": _answer(rejected.text),
        **judgement.origin,
    }


def _demonstration_row(judgement: ExportedJudgement) -> dict[str, Any]:
    return {
        "messages": [*judgement.prompt, *_answer(judgement.demonstration)],
        "reasoning": judgement.reasoning,
        **judgement.origin,
        "guideline_sha256": judgement.guideline_sha256,
    }


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
        listing = "".join(f"{table}/{split} {file.digest}\n" for (table, split), file in self._files.items())
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
    """`412 rankings, 2300 comparisons, 300 demonstrations`: for messages."""
    return ", ".join(f"{sum(counts[table].values())} {table}" for table in tables)
