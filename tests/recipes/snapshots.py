"""A small snapshot on disk, with the schema that the product writes, from rows of plain Python."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

TEXT = pyarrow.string()
MESSAGES = pyarrow.list_(pyarrow.struct([("role", TEXT), ("content", TEXT)]))
WHERE = [("judgement", TEXT), ("annotator", TEXT), ("domain", TEXT), ("campaign", TEXT)]
SCHEMAS = {
    "rankings": pyarrow.schema(
        [
            ("prompt", MESSAGES),
            ("completions", pyarrow.list_(TEXT)),
            ("ranks", pyarrow.list_(pyarrow.int64())),
            ("prompt_sha256", TEXT),
            ("completion_sha256", pyarrow.list_(TEXT)),
            ("producers", pyarrow.list_(TEXT)),
            *WHERE,
            ("guideline_sha256", TEXT),
            ("seconds", pyarrow.float64()),
            ("weight", pyarrow.float64()),
            ("strength", pyarrow.int64()),
        ]
    ),
    "comparisons": pyarrow.schema(
        [
            ("prompt", MESSAGES),
            ("chosen", MESSAGES),
            ("rejected", MESSAGES),
            ("prompt_sha256", TEXT),
            *WHERE,
            ("weight", pyarrow.float64()),
            ("posterior", pyarrow.float64()),
            ("n_votes", pyarrow.int64()),
        ]
    ),
    "demonstrations": pyarrow.schema(
        [("messages", MESSAGES), ("reasoning", TEXT), ("prompt_sha256", TEXT), *WHERE, ("guideline_sha256", TEXT)]
    ),
}
SCHEMAS["ratings"] = pyarrow.schema(
    [
        ("prompt", MESSAGES),
        ("completion", MESSAGES),
        ("ratings", pyarrow.list_(pyarrow.struct([("axis", TEXT), ("value", pyarrow.int64())]))),
        ("flags", pyarrow.list_(TEXT)),
        ("prompt_sha256", TEXT),
        *WHERE,
    ]
)
SCHEMAS["steps"] = pyarrow.schema(
    [
        ("conversation", MESSAGES),
        ("completions", pyarrow.list_(TEXT)),
        ("labels", pyarrow.list_(pyarrow.bool_())),
        ("n_steps", pyarrow.int64()),
        ("prompt_sha256", TEXT),
        ("completion_sha256", TEXT),
        *WHERE,
    ]
)
SPLITS = ("train", "validation", "test")


def ranking(
    question: str,
    completions: list[str],
    ranks: list[int],
    *,
    weight: float = 1.0,
    strength: int | None = None,
) -> dict[str, Any]:
    """One ranking of answers to a one-line question; the question decides the prompt's hash."""
    return {
        "prompt": [{"role": "user", "content": question}],
        "completions": completions,
        "ranks": ranks,
        "prompt_sha256": sha256(question),
        "completion_sha256": [sha256(text) for text in completions],
        "producers": ["p"] * len(completions),
        **_where(question),
        "guideline_sha256": sha256("guideline"),
        "seconds": 12.5,
        "weight": weight,
        "strength": strength,
    }


def comparison(row: dict[str, Any], better: int, worse: int, posterior: float | None) -> dict[str, Any]:
    """A pair of completions of a ranking, by their places, and how sure all votes make one of it."""
    chosen, rejected = ([{"role": "assistant", "content": row["completions"][at]}] for at in (better, worse))
    shared = ("prompt", "prompt_sha256", "judgement", "annotator", "domain", "campaign", "weight")
    pair = {"chosen": chosen, "rejected": rejected, "posterior": posterior, "n_votes": 2}
    return {name: row[name] for name in shared} | pair


def rating(
    question: str,
    completion: str,
    judgement: str | None = None,
    *,
    flags: Sequence[str] = (),
    campaign: str = "c1",
    **values: int,
) -> dict[str, Any]:
    """What a judgement says about one answer to a one-line question: its value on each axis, and flags."""
    where = _where(question)
    return {
        "prompt": [{"role": "user", "content": question}],
        "completion": [{"role": "assistant", "content": completion}],
        "ratings": [{"axis": axis, "value": value} for axis, value in values.items()],
        "flags": list(flags),
        "prompt_sha256": sha256(question),
        **where,
        "campaign": campaign,
        "judgement": judgement or where["judgement"],
    }


def step_labels(question: str, steps: list[str], labels: list[bool]) -> dict[str, Any]:
    """One judgement of a solution to a one-line question: labels of its steps, or of those down to the first error."""
    return {
        "conversation": [{"role": "user", "content": question}],
        "completions": steps[: len(labels)],
        "labels": labels,
        "n_steps": len(steps),
        "prompt_sha256": sha256(question),
        "completion_sha256": sha256(repr(steps)),
        **_where(question),
    }


def demonstration(question: str, answer: str, *, reasoning: str = "", domain: str = "home") -> dict[str, Any]:
    """One written answer to a one-line question."""
    return {
        "messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}],
        "reasoning": reasoning,
        "prompt_sha256": sha256(question),
        **_where(question),
        "domain": domain,
        "guideline_sha256": sha256("guideline"),
    }


def write_snapshot(path: Path, **tables: dict[str, list[dict[str, Any]]]) -> Path:
    """Write `tables` ({"rankings": {"train": rows}}) as a snapshot; the splits and tables left out are empty."""
    for table, schema in SCHEMAS.items():
        for split in SPLITS:
            file = path / table / f"{split}.parquet"
            file.parent.mkdir(parents=True, exist_ok=True)
            rows = tables.get(table, {}).get(split, [])
            pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), file)
    (path / "MANIFEST.json").write_text(json.dumps({"format": 1, "sha256": sha256(repr(tables))}))
    return path


def sha256(text: str) -> str:
    """Return the hex digest of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def _where(question: str) -> dict[str, str]:
    return {"judgement": sha256(f"judgement {question}"), "annotator": "a1", "domain": "home", "campaign": "c1"}
