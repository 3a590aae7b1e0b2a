"""A snapshot's Parquet tables as plain rows.

<snapshot>/{rankings,comparisons,demonstrations,ratings}/{train,validation,test}.parquet
"""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, replace
from itertools import permutations
from pathlib import Path
from typing import Any, Literal, TypeVar

import pyarrow.parquet
from pyarrow import ArrowException

from training.modelling.artifacts import RecipeError

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

Message = dict[str, str]
Row = TypeVar("Row")


@dataclass(frozen=True)
class RankingRow:
    """One annotator's ranking of K completions of one prompt."""

    prompt: list[Message]
    """The conversation up to where the assistant speaks."""
    completions: list[str]
    """K answers, K >= 2."""
    ranks: list[int]
    """K ranks, parallel to completions: 1 = best, equal = tie."""
    prompt_sha256: str
    """Identity of the prompt; intervals are clustered by it."""
    judgement: str
    """Identity of the judgement."""
    annotator: str
    """Pseudonym of the annotator."""
    domain: str
    """Domain of the prompt."""
    campaign: str
    """Campaign in which it was judged."""
    weight: float | None = None
    """What its annotator weighs; None in a snapshot that is older than weights."""
    behaviour: str = ""
    """What the annotator says is right here: "decline", "answer", or another of the product's words; or nothing."""
    strength: int | None = None
    """How much better the better of two is, from 1 = slightly to 3, where the campaign asked and the annotator said."""
    axes: Mapping[str, list[int | None]] | None = None
    """K ranks on each axis, None where a completion has none; only `ratings.read_rated` gives them."""
    sure: Mapping[tuple[int, int], float] | None = None
    """How sure all votes make one of each strict pair (better, worse), by place; only `read_soft_rankings` and
    `read_edits` give it."""

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """The strict pairs (better, worse) as indices of completions."""
        return strict_pairs(self.ranks)

    @property
    def prefers(self) -> bool:
        """Whether it prefers anything, on the whole or on an axis."""
        return bool(self.pairs) or any(map(strict_pairs, (self.axes or {}).values()))


@dataclass(frozen=True)
class _JudgementRow:
    """Which judgement a row is of."""

    judgement: str


@dataclass(frozen=True)
class ComparisonRow:
    """One strict pair of a ranking, or an edited text over the one that it was made of."""

    prompt: list[Message]
    chosen: list[Message]
    """The preferred answer, as one assistant message."""
    rejected: list[Message]
    """The other answer, as one assistant message."""
    prompt_sha256: str
    judgement: str
    annotator: str
    domain: str
    campaign: str
    weight: float | None = None
    """What its annotator weighs; None in a snapshot that is older than weights."""
    posterior: float | None = None
    """How sure all votes on the pair make one that the chosen answer is better; None in an older snapshot."""


@dataclass(frozen=True)
class DemonstrationRow:
    """One conversation whose last message a person wrote."""

    messages: list[Message]
    """The prompt, then the written assistant message."""
    prompt_sha256: str
    judgement: str
    annotator: str
    domain: str
    campaign: str
    reasoning: str = ""
    """How its author came to the answer; empty where they did not say."""

    @property
    def prompt(self) -> list[Message]:
        """The conversation up to where the assistant speaks."""
        return self.messages[:-1]

    @property
    def completion(self) -> str:
        """The written answer."""
        return self.messages[-1]["content"]


def strict_pairs(ranks: Sequence[int | None]) -> list[tuple[int, int]]:
    """The pairs (better, worse) of places in `ranks` of which the one has the lower rank, so is better.

    A place without a rank is in no pair.
    """
    ranked = [place for place, rank in enumerate(ranks) if rank is not None]
    return [(i, j) for i, j in permutations(ranked, 2) if ranks[i] < ranks[j]]


@dataclass(frozen=True)
class RatingRow:
    """What one judgement says about one completion beside its rank."""

    prompt: list[Message]
    completion: list[Message]
    """The completion, as one assistant message."""
    ratings: list[dict[str, Any]]
    """{"axis", "value"} of each axis that was rated."""
    flags: list[str]
    """What was flagged; none is said, too, where the campaign asks for flags."""
    prompt_sha256: str
    judgement: str
    annotator: str
    domain: str
    campaign: str

    @property
    def text(self) -> str:
        """The completion's text."""
        return self.completion[-1]["content"]


def read_rankings(snapshot: str | Path, split: Split) -> list[RankingRow]:
    """Read the rankings of one split; raise RecipeError, naming file and row, when a row is not a ranking."""
    rows = read_table(snapshot, "rankings", split, RankingRow)
    for number, row in enumerate(rows, start=1):
        if len(row.completions) < 2 or len(row.completions) != len(row.ranks):
            raise RecipeError(
                f"Row {number} of rankings/{split} in {snapshot} has {len(row.completions)} completions and "
                f"{len(row.ranks)} ranks; a ranking needs two or more completions and a rank for each."
            )
    return rows


def read_soft_rankings(snapshot: str | Path, split: Split) -> list[RankingRow]:
    """Read the rankings of one split with how sure each strict pair is; RecipeError where that is not said."""
    said = {
        (row.judgement, row.chosen[-1]["content"], row.rejected[-1]["content"]): row.posterior
        for row in read_comparisons(snapshot, split)
    }
    found = []
    for row in read_rankings(snapshot, split):
        texts = row.completions
        sure = {(i, j): said.get((row.judgement, texts[i], texts[j])) for i, j in row.pairs}
        if None in sure.values():
            raise RecipeError(
                f"The table comparisons/{split} in {snapshot} does not say how sure the pairs of judgement"
                f" {row.judgement} are: it is older than that; freeze a new snapshot, or set the field 'labels' to"
                ' "hard".'
            )
        found.append(replace(row, sure=sure))
    return found


def read_edits(snapshot: str | Path, split: Split) -> list[RankingRow]:
    """Read the edited texts of one split, each as a ranking of two: above the text that it was made of.

    They are the comparisons of judgements that ranked nothing. `sure` is what the snapshot says, where it does.
    """
    ranked = {row.judgement for row in read_table(snapshot, "rankings", split, _JudgementRow)}
    return [
        RankingRow(
            prompt=row.prompt,
            completions=[row.chosen[-1]["content"], row.rejected[-1]["content"]],
            ranks=[1, 2],
            prompt_sha256=row.prompt_sha256,
            judgement=row.judgement,
            annotator=row.annotator,
            domain=row.domain,
            campaign=row.campaign,
            weight=row.weight,
            sure=None if row.posterior is None else {(0, 1): row.posterior},
        )
        for row in read_comparisons(snapshot, split)
        if row.judgement not in ranked
    ]


def read_comparisons(snapshot: str | Path, split: Split) -> list[ComparisonRow]:
    """Read the strict pairs of one split."""
    return read_table(snapshot, "comparisons", split, ComparisonRow)


def read_demonstrations(snapshot: str | Path, split: Split) -> list[DemonstrationRow]:
    """Read the demonstrations of one split; raise RecipeError when one does not end with an assistant's message."""
    rows = read_table(snapshot, "demonstrations", split, DemonstrationRow)
    for number, row in enumerate(rows, start=1):
        if len(row.messages) < 2 or row.messages[-1]["role"] != "assistant":
            raise RecipeError(
                f"Row {number} of demonstrations/{split} in {snapshot} does not end with an assistant's message "
                "after a prompt."
            )
    return rows


def read_ratings(snapshot: str | Path, split: Split) -> list[RatingRow]:
    """Read the ratings and flags of one split."""
    return read_table(snapshot, "ratings", split, RatingRow)


def require_rows(rows: Sequence[Any], what: str, snapshot: str | Path) -> None:
    """Raise RecipeError when there is nothing to train on."""
    if not rows:
        raise RecipeError(f"The snapshot {snapshot} has no {what} in its train split, so there is nothing to train on.")


def read_table(snapshot: str | Path, table: str, split: Split, row_type: type[Row]) -> list[Row]:
    """Read a table of one split as rows of a dataclass; fields without a default are columns that must be there."""
    file = Path(snapshot) / table / f"{split}.parquet"
    fields = row_type.__dataclass_fields__
    try:
        found = pyarrow.parquet.read_schema(file).names
        missing = [name for name, field in fields.items() if name not in found and field.default is MISSING]
        if missing:
            raise RecipeError(f"{file} lacks the column {missing[0]!r}; it is not a table of this kind of snapshot.")
        rows = pyarrow.parquet.read_table(file, columns=[name for name in fields if name in found]).to_pylist()
    except FileNotFoundError as error:
        raise RecipeError(f"{file} does not exist; {snapshot} is not a complete snapshot.") from error
    except (ArrowException, OSError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise RecipeError(f"{file} cannot be read as Parquet: {reason}.") from error
    return [row_type(**row) for row in rows]
