"""Agreement, expertise, bias and scores of any CSV file: `python -m annotate.quality COMMAND FILE.csv`.

Every figure comes with its n and its 95 % interval. With --json the output is one JSON object, whose keys are
documented in docs/quality.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from annotate.quality import commands
from annotate.quality.table import TableError

WRONG = 2
"""Exit code of what was asked wrongly, or of a file that does not hold it."""


def main(argv: list[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    options = _parser().parse_args(argv)
    compute: Callable[[argparse.Namespace], dict[str, Any]] = options.compute
    try:
        found = compute(options)
    except TableError as error:
        print(error, file=sys.stderr)
        return WRONG
    print(json.dumps(found, allow_nan=False) if options.json else "\n".join(_lines(found)))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m annotate.quality", description=(__doc__ or "").split("\n\n")[0])
    named = parser.add_subparsers(required=True, metavar="COMMAND")

    agreement = _command(named, "agreement", commands.agreement, "how far annotators agree on values or rankings")
    _judgements(agreement)

    expertise = _command(named, "expertise", commands.expertise, "what each item is, and how good each annotator is")
    expertise.add_argument("--item", default="item", help="column of the item (default item)")
    expertise.add_argument("--annotator", default="annotator", help="column of the annotator (default annotator)")
    expertise.add_argument("--value", default="value", help="column of the label (default value)")
    expertise.add_argument("--pairs", action="store_true", help="labels are -1, 0 and 1 of two answers in any order")
    expertise.add_argument("--method", choices=["dawid-skene", "majority"], default="dawid-skene")
    expertise.add_argument("--seed", type=int, default=0, help="of the choice where several labels are as probable")
    expertise.add_argument(
        "--truth", type=Path, metavar="FILE.csv", help="columns item and truth: adds accuracy and F1"
    )
    expertise.add_argument("--out", type=Path, metavar="FILE.csv", help="write item, estimate and probability there")

    bias = _command(named, "bias", commands.bias, "what sways annotators, beside quality where it is known")
    bias.add_argument("--annotator", default="annotator", help="column of the annotator (default annotator)")
    bias.add_argument(
        "--preferred", default="preferred", help="column of left, right or tie (or 1, 0, 0.5; default preferred)"
    )
    bias.add_argument("--left-text", help="column of the left text: its features are measured")
    bias.add_argument("--right-text", help="column of the right text")
    bias.add_argument("--prompt", help="column of what both answer")
    bias.add_argument("--feature", action="append", default=[], metavar="NAME:LEFT_COL:RIGHT_COL")
    bias.add_argument("--quality", help="column of how much better the left text is, by another measure")
    bias.add_argument(
        "--position", help="column: 1 where the left text was shown first, -1 where the right was, 0 unknown"
    )

    scores = _command(named, "scores", commands.scores, "win rates against a baseline, or Bradley-Terry scores")
    scores.add_argument("--model", help="column of the model")
    scores.add_argument("--item", help="column of the item")
    scores.add_argument("--preference", help="column, 0 to 1: for the model against the baseline; 0.5 is a tie")
    scores.add_argument("--left", help="column of one model, where models meet each other")
    scores.add_argument("--right", help="column of the other model; --preference is then for the left one")
    scores.add_argument("--annotator", help="column of the annotator: the interval then covers other annotators, too")
    scores.add_argument(
        "--covariate", action="append", default=[], metavar="NAME:BASE_COL:MODEL_COL", help="style to control for"
    )

    plan = _command(named, "plan", commands.planned, "items, overlap and annotators for a half-width", file="?")
    _judgements(plan)
    plan.add_argument("--half-width", type=float, required=True, help="such as 0.03")
    plan.add_argument("--agreement", type=float, help="a guess of the share of equal answers, without a file")
    plan.add_argument("--annotators", type=int, help="how many there are")
    plan.add_argument("--overlap", type=int, help="only this number of annotators an item")
    return parser


def _command(named: Any, name: str, compute: Callable, help_text: str, file: str | None = None) -> Any:
    command = named.add_parser(name, help=help_text, description=f"Shows {help_text}.")
    command.add_argument("file", type=Path, nargs=file, metavar="FILE.csv", help="one row a judgement, in UTF-8")
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command.set_defaults(compute=compute)
    return command


def _judgements(command: argparse.ArgumentParser) -> None:
    """The columns of values or rankings."""
    command.add_argument("--item", default="item", help="column of the item (default item)")
    command.add_argument("--annotator", default="annotator", help="column of the annotator (default annotator)")
    command.add_argument("--value", help="column of what was judged")
    command.add_argument("--level", choices=["nominal", "ordinal", "interval"], default="nominal")
    command.add_argument("--categories", type=_list, help="A,B,C: the values there can be, in their order")
    command.add_argument("--positive", help="which of two values positive_agreement is about (default the last)")
    command.add_argument("--tie", help="the value that is a tie: adds strict_agreement and tie_rate")
    command.add_argument("--missing", help="the mark of a missing value: such rows are left out")
    command.add_argument("--completion", help="column of what was ranked")
    command.add_argument("--rank", help="column of the rank, 1 = best")


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]


def _lines(found: Mapping[str, Any], indent: str = "") -> list[str]:
    """What was found, for people to read."""
    lines = []
    for name, value in found.items():
        if name.endswith(("_ci", "_reason")) and name.rpartition("_")[0] in found:
            continue
        label = f"{indent}{name:<20}"
        if isinstance(value, Mapping):
            lines += [f"{indent}{name}", *_lines(value, indent + "  ")]
        elif isinstance(value, list):
            lines += [f"{indent}{name}", *(f"{indent}  {_row(one)}" for one in value)]
        elif f"{name}_ci" in found:
            lines.append(f"{label} {_interval(value, found[f'{name}_ci'], found.get(f'{name}_reason', ''))}".rstrip())
        else:
            lines.append(f"{label} {_plain(value)}")
    return lines


def _row(value: Any) -> str:
    return (
        "  ".join(f"{name} {_plain(one)}" for name, one in value.items()) if isinstance(value, Mapping) else str(value)
    )


def _interval(value: float | None, ends: list[float | None], reason: str) -> str:
    if value is None:
        return f"-       {reason}"
    lo, hi = ends
    between = "" if lo is None or hi is None else f"[{lo:.4f}, {hi:.4f}]"
    return f"{value:<8.4f} {between}  {reason}"


def _plain(value: Any) -> str:
    return "-" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
