"""Mixtures: how often the rows of each source are seen in a pass, exactly and by seed alone.

Without wishes every row is seen once. With shares, a pass has the same size as all sources together (or the size that
is asked for), and each source's part of it is its share: rows are repeated whole passes at a time, and the rest is
drawn without replacement. Counted in rows, parts are exact to the row (largest remainders); counted in tokens, to half
a row. With a safety share, first the pass is divided between safety data and all other, then each of both between the
sources that have any, by their shares.

What counts as safety data is said by names: of sources, of domains or of campaigns (the product's safety set has the
domain "safety"), or by a line of a .jsonl file itself ("safety": true).
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from training.modelling.artifacts import RecipeError, Result
from training.modelling.supervised.conversations import Example

Unit = Literal["rows", "tokens"]


@dataclass(frozen=True)
class Part:
    """What a source gives to a pass."""

    source: str
    available: int
    """Rows that it has."""
    rows: int
    """Rows in a pass, repeated ones each time."""
    tokens: int
    """Tokens in a pass, prompts included."""
    learnt: int
    """Tokens in a pass that carry loss."""
    safety_rows: int
    """Rows in a pass that count as safety data."""
    safety_tokens: int
    row_share: float
    token_share: float
    passes: float
    """How often each of its rows is seen in a pass, on average."""


@dataclass(frozen=True)
class Mixture:
    """The rows of a pass and where they come from."""

    rows: list[Example]
    parts: list[Part]

    @property
    def safety_share(self) -> dict[str, float]:
        """The resolved share of safety data, by unit."""
        rows, tokens = sum(part.rows for part in self.parts), sum(part.tokens for part in self.parts)
        return {
            "rows": sum(part.safety_rows for part in self.parts) / rows,
            "tokens": sum(part.safety_tokens for part in self.parts) / tokens,
        }

    def as_dict(self) -> dict:
        """The parts as JSON-ready values."""
        return {"parts": [asdict(part) for part in self.parts], "safety_share": self.safety_share}

    def results(self) -> list[Result]:
        """Rows and tokens of a pass by source, and the share of safety data; they are counts and have no interval."""
        found = []
        for part in self.parts:
            note = f"in a pass; each of its {part.available} rows is seen {part.passes:.2f} times; counted, no interval"
            for name, value, unit in (("rows", part.rows, "rows"), ("tokens", part.tokens, "tokens")):
                found.append(_counted(f"data_{name}", part.source, value, part.rows, note, unit))
        if any(part.safety_rows for part in self.parts):
            rows = sum(part.rows for part in self.parts)
            for unit, share in self.safety_share.items():
                note = f"of the {unit} in a pass; counted, no interval"
                found.append(_counted(f"safety_share_{unit}", "data", share, rows, note))
        return found


def _counted(name: str, subject: str, value: float, n: int, note: str, unit: str = "") -> Result:
    return Result(name=name, subject=subject, value=float(value), n=n, note=note, unit=unit)


def mix(
    examples: Sequence[Example],
    *,
    shares: Mapping[str, float],
    safety_share: float | None,
    by: Unit,
    size: int,
    seed: int,
) -> Mixture:
    """Return the rows of a pass. `size` is in units of `by`; 0 = as much as there is.

    Raises RecipeError when a source has no rows, or when there is no safety data (or no other) to make the share of.
    """
    for source in shares:
        if not any(example.source == source for example in examples):
            raise RecipeError(f"The source {source!r} has no rows to learn, so it cannot be mixed in.")
    rows = list(examples)
    if shares or safety_share is not None or size:
        rows = _drawn(examples, shares, safety_share, by, size, seed)
    return Mixture(rows, parts_of(examples, rows))


def _drawn(
    examples: Sequence[Example], shares: Mapping[str, float], safety_share: float | None, by: Unit, size: int, seed: int
) -> list[Example]:
    total = size or sum(_cost(example, by) for example in examples)
    drawn: list[Example] = []
    for name, pool, wanted in _pools(examples, safety_share, total):
        cells: dict[str, list[Example]] = {}
        for example in pool:
            cells.setdefault(example.source, []).append(example)
        weights = {source: shares.get(source, 0.0) for source in cells} if shares else None
        if weights is None:
            weights = {source: float(sum(_cost(one, by) for one in rows)) for source, rows in cells.items()}
        if wanted and not any(weights.values()):
            raise RecipeError(f"No source with a share above 0 has {name} data to make its part of the mixture of.")
        for source, quota in apportion(wanted, weights).items():
            rng = random.Random(f"mixture/{seed}/{name}/{source}")
            drawn += draw(cells[source], quota, by, rng)
    return drawn


def _pools(examples: Sequence[Example], safety_share: float | None, total: int) -> list[tuple[str, list[Example], int]]:
    """(name, rows, how much of them) of what is apportioned apart."""
    if safety_share is None:
        return [("any", list(examples), total)]
    wanted = round(safety_share * total)
    pools = []
    for name, marked, part in (("safety", True, wanted), ("other", False, total - wanted)):
        pool = [example for example in examples if example.safety == marked]
        if part and not pool:
            raise RecipeError(
                f"The mixture wants {part / total:.1%} of {name} data, but no source has any; "
                "name what counts as safety data in the field 'safety', or change 'safety_share'."
            )
        pools.append((name, pool, part))
    return pools


def apportion(total: int, weights: Mapping[str, float]) -> dict[str, int]:
    """Divide `total` by weights into whole numbers that sum to it: largest remainders (Hamilton's method).

    Equal remainders go in order of name, so that nothing depends on the order of the sources.
    """
    whole = sum(weights.values())
    if not whole:
        return dict.fromkeys(weights, 0)
    exact = {name: total * weight / whole for name, weight in weights.items()}
    parts = {name: int(value) for name, value in exact.items()}
    left = total - sum(parts.values())
    for name in sorted(exact, key=lambda name: (parts[name] - exact[name], name))[:left]:
        parts[name] += 1
    return parts


def _cost(example: Example, by: Unit) -> int:
    return len(example.ids) if by == "tokens" else 1


def draw(rows: list[Example], quota: int, by: Unit, rng: random.Random) -> list[Example]:
    """Whole passes over `rows`, then rows without replacement while each brings the sum nearer to `quota`."""
    once = sum(_cost(example, by) for example in rows)
    drawn = rows * (quota // once)
    left = quota % once
    for example in rng.sample(rows, len(rows)):
        if left <= 0:
            break
        if abs(left - _cost(example, by)) < left:
            drawn.append(example)
            left -= _cost(example, by)
    return drawn


def parts_of(available: Sequence[Example], rows: Sequence[Example]) -> list[Part]:
    """What each source of `available` gives to a pass of `rows`."""
    known = Counter(example.source for example in available)
    tokens = sum(len(example.ids) for example in rows)
    parts = []
    for source in known:
        mine = [example for example in rows if example.source == source]
        marked = [example for example in mine if example.safety]
        mine_tokens = sum(len(example.ids) for example in mine)
        parts.append(
            Part(
                source=source,
                available=known[source],
                rows=len(mine),
                tokens=mine_tokens,
                learnt=sum(example.learnt for example in mine),
                safety_rows=len(marked),
                safety_tokens=sum(len(example.ids) for example in marked),
                row_share=len(mine) / max(1, len(rows)),
                token_share=mine_tokens / max(1, tokens),
                passes=len(mine) / known[source],
            )
        )
    return parts


def thinned(rows: Sequence[Example], passes: int, seed: int) -> list[Example]:
    """Return the rows of `passes` passes together, each row in a share `weight` of them.

    Systematic sampling: a row of weight w is seen floor(w * passes) times or once more, w * passes times on average.
    """
    rng = random.Random(f"thinned/{seed}")
    offsets = [rng.random() for _ in rows]
    found: list[Example] = []
    for done in range(passes):
        found += [
            row
            for row, offset in zip(rows, offsets, strict=True)
            if int((done + 1) * row.weight + offset) > int(done * row.weight + offset)
        ]
    return found
