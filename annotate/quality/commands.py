"""What `python -m annotate.quality` computes: a dict for --json, with documented and stable keys, for each command."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotate.quality.agreement import ranking_agreement
from annotate.quality.bias import annotator_bias
from annotate.quality.dawid_skene import dawid_skene, majority
from annotate.quality.files import Column, Rows, read_rows
from annotate.quality.gold_accuracy import accuracy_and_f1, gold_accuracy
from annotate.quality.intervals import Estimate, undefined
from annotate.quality.planner import plan
from annotate.quality.scores import bradley_terry
from annotate.quality.style import FEATURES, style_of
from annotate.quality.table import RankingTable, TableError
from annotate.quality.value_agreement import value_agreement
from annotate.quality.values import ValueTable
from annotate.quality.win_rates import win_rates

MEASURES = (
    "percent_agreement",
    "strict_agreement",
    "half_credit",
    "tie_rate",
    "alpha",
    "alpha_rank",
    "tau_b",
    "ac1",
    "ac2",
    "fleiss",
    "kendall_w",
    "positive_agreement",
)
"""Of the command agreement, in this order; what does not apply is null, with a reason."""
OF_RANKINGS_ONLY = "This is a measure of rankings; the file has values."
OF_VALUES_ONLY = "This is a measure of values; the file has rankings."
NO_TIE_NAMED = "Which value is a tie was not said: name it with --tie."
OUTCOMES = {"left": 1.0, "right": 0.0, "tie": 0.5}


def agreement(options: argparse.Namespace) -> dict[str, Any]:
    """How far annotators agree on values or on rankings."""
    rows, (found, sizes) = _judged(options)
    measures = {name: found.get(name, undefined(OF_VALUES_ONLY)) for name in MEASURES}
    return sizes | flat(measures)


def _judged(options: argparse.Namespace) -> tuple[Rows, tuple[dict[str, Estimate], dict[str, Any]]]:
    """The file, and its measures and sizes."""
    if (options.completion is None) != (options.rank is None):
        raise TableError("Rankings need both --completion and --rank.")
    if options.rank is not None:
        rows = read_rows(options.file, [options.item, options.annotator, options.completion, options.rank])
        return rows, _of_rankings(rows, options)
    if options.value is None:
        raise TableError("Name the column that holds what was judged: --value, or --completion and --rank.")
    rows = read_rows(
        options.file,
        [options.item, options.annotator, options.value],
        may_be_empty=[options.value] if options.missing == "" else [],
    )
    if options.missing is not None:
        rows = rows.without(options.value, options.missing)
    return rows, _of_values(rows, options)


def _of_rankings(rows: Rows, options: argparse.Namespace) -> tuple[dict[str, Estimate], dict[str, Any]]:
    table = RankingTable.from_arrays(
        rows[options.item].codes,
        rows[options.annotator].codes,
        rows[options.completion].codes,
        rows.numbers(options.rank),
    )
    found = ranking_agreement(table)
    names = ("strict_agreement", "half_credit", "tie_rate", "alpha", "alpha_rank", "tau_b", "kendall_w")
    measures = {"percent_agreement": found.exact_agreement} | {name: getattr(found, name) for name in names}
    return measures, _sizes(found)


def _of_values(rows: Rows, options: argparse.Namespace) -> tuple[dict[str, Estimate], dict[str, Any]]:
    values = _values(rows, options)
    columns = (rows[options.item].codes, rows[options.annotator].codes, values)
    table = ValueTable.from_arrays(*columns, options.level, categories=options.categories)
    found = value_agreement(table, positive=_read_value(options.positive, options))
    names = ("percent_agreement", "alpha", "ac1", "ac2", "fleiss", "positive_agreement")
    measures = {name: getattr(found, name) for name in names}
    measures |= dict.fromkeys(("alpha_rank", "tau_b", "kendall_w", "half_credit"), undefined(OF_RANKINGS_ONLY))
    measures |= dict.fromkeys(("strict_agreement", "tie_rate"), undefined(NO_TIE_NAMED))
    if options.tie is not None:
        tie = _read_value(options.tie, options)
        strict = value_agreement(table, keep=values != tie)
        ties = {one.value: one.share for one in found.usage}
        if tie not in ties:
            raise TableError(f"No row has the tie {options.tie!r}.")
        measures |= {"strict_agreement": strict.percent_agreement, "tie_rate": ties[tie]}
    return measures, _sizes(found) | ({"caution": found.caution} if found.caution else {})


def _values(rows: Rows, options: argparse.Namespace) -> NDArray:
    if options.level == "nominal" or options.categories:
        return rows[options.value].texts().astype(str)
    return rows.numbers(options.value)


def _read_value(text: str | None, options: argparse.Namespace) -> str | float | None:
    """A value that an option names, as the column holds it."""
    if text is None or options.level == "nominal" or options.categories:
        return text
    try:
        return float(text)
    except ValueError as error:
        raise TableError(f"{text!r} is not a number, as {options.level} values are.") from error


def _sizes(found: Any) -> dict[str, int]:
    return {name: getattr(found, name) for name in ("n_items", "n_annotators", "n_judgements")}


def expertise(options: argparse.Namespace) -> dict[str, Any]:
    """What each item probably is, and how good each annotator is."""
    rows = read_rows(options.file, [options.item, options.annotator, options.value])
    item, annotator, value = rows[options.item], rows[options.annotator], rows[options.value]
    truth = _truth(options.truth) if options.truth else {}
    values = rows.numbers(options.value) if options.pairs else value.texts().astype(str)
    model = dawid_skene(item.codes, annotator.codes, values, pairs=options.pairs, seed=options.seed)
    labels = model.labels
    if options.method == "majority":
        labels = majority(item.codes, values, seed=options.seed)[1]  # of the same items in the same order
    probable = model.posterior[np.arange(labels.size), np.searchsorted(model.classes, labels)]
    names = [item.labels[code] for code in model.item_labels.tolist()]
    estimates = dict(zip(names, map(_text, labels.tolist()), strict=True))
    probabilities = dict(zip(names, probable.tolist(), strict=True))
    if options.out:
        _write(
            options.out,
            ["item", "estimate", "probability"],
            ([name, estimates[name], probabilities[name]] for name in names),
        )
    known = [name for name in names if name in truth]
    against = accuracy_and_f1([estimates[name] for name in known], [_text_of(truth[name], options) for name in known])
    people = [annotator.labels[code] for code in model.annotator_labels.tolist()]
    on_truth = _on_truth(item, annotator, value, truth)
    return {
        "n_items": len(names),
        "n_annotators": len(people),
        "n_judgements": len(rows),
        "n_truth": len(known),
        "estimates": estimates,
        "probabilities": probabilities,
        "annotators": {
            name: {"n": found.n, "n_truth": shown.n} | flat({"accuracy": found, "truth_accuracy": shown})
            for name, found, shown in zip(people, model.accuracy, on_truth, strict=True)
        },
        **(flat({"accuracy": against.accuracy, "f1": against.f1}) if options.truth else {}),
    }


def _on_truth(item: Column, annotator: Column, value: Column, truth: Mapping[str, str]) -> list[Estimate]:
    """Each annotator's accuracy on the items whose truth is known, shrunk towards everybody's."""
    true = np.array([truth.get(label, "") for label in item.labels], dtype=object)[item.codes]
    known = np.array([label in truth for label in item.labels], dtype=bool)[item.codes]
    right = np.bincount(annotator.codes[known & (value.texts() == true)], minlength=len(annotator.labels))
    n = np.bincount(annotator.codes[known], minlength=len(annotator.labels))
    used = np.unique(annotator.codes)
    return gold_accuracy(right[used], n[used])


def _truth(path: Path) -> dict[str, str]:
    rows = read_rows(path, ["item", "truth"])
    items, truths = rows["item"], rows["truth"]
    if len(items.labels) < len(items):
        twice = items.labels[np.flatnonzero(np.bincount(items.codes) > 1)[0]]
        raise TableError(f"{path} says the truth about item {twice!r} more than once.")
    return {items.labels[a]: truths.labels[b] for a, b in zip(items.codes.tolist(), truths.codes.tolist(), strict=True)}


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float | int) else str(value)


def _text_of(value: str, options: argparse.Namespace) -> str:
    """A truth in the words of the estimates: with --pairs numbers, however they are written."""
    try:
        return _text(float(value)) if options.pairs else value
    except ValueError as error:
        raise TableError(f"The truth {value!r} is not -1, 0 or 1.") from error


def bias(options: argparse.Namespace) -> dict[str, Any]:
    """What sways annotators: the pool, and each of them."""
    texts = [options.left_text, options.right_text]
    if all(texts) == bool(options.feature) or any(texts) != all(texts):
        raise TableError("Say what the texts are like: --left-text and --right-text, or --feature for each feature.")
    features = [_three(one, "--feature", "NAME:LEFT_COL:RIGHT_COL") for one in options.feature]
    more = [column for column in (options.quality, options.position) if column]
    columns = [options.annotator, options.preferred, *more, *filter(None, [*texts, options.prompt])]
    rows = read_rows(
        options.file,
        [*columns, *(column for _, *pair in features for column in pair)],
        may_be_empty=[*filter(None, [*texts, options.prompt])],
    )
    if features:
        names = [name for name, _, _ in features]
        gaps = np.stack([rows.numbers(left) - rows.numbers(right) for _, left, right in features], axis=1)
    else:
        names = list(FEATURES)
        prompts = rows[options.prompt].texts() if options.prompt else [""] * len(rows)
        left, right = (_styles(rows[column], prompts) for column in texts)
        gaps = left - right
    found = annotator_bias(
        rows[options.annotator].texts().astype(str),
        _preferences(rows, options.preferred),
        gaps,
        names=names,
        quality=rows.numbers(options.quality) if options.quality else None,
        position=rows.numbers(options.position) if options.position else None,
    )
    people = {
        str(label): flat({name: of[at] for name, of in found.annotators.items()})
        for at, label in enumerate(found.annotator_labels)
    }
    return {
        "n_annotators": len(people),
        "n_judgements": found.n_judgements,
        "n_ties": found.n_ties,
        "pool": flat(found.pool),
        "spread": found.spread,
        "annotators": people,
    }


def _styles(texts: Column, prompts: Sequence[str]) -> NDArray[np.float64]:
    """(rows, features) of the texts of a column."""
    known: dict[tuple[int, str], tuple[float, ...]] = {}
    for code, prompt in zip(texts.codes.tolist(), prompts, strict=True):
        if (code, prompt) not in known:
            known[code, prompt] = style_of(texts.labels[code], prompt).as_tuple()
    found = [known[code, prompt] for code, prompt in zip(texts.codes.tolist(), prompts, strict=True)]
    return np.array(found, dtype=float).reshape(len(texts), len(FEATURES))


def _preferences(rows: Rows, name: str) -> NDArray[np.float64]:
    """left, right or tie, or numbers, as 1, 0 and 0.5."""
    labels = rows[name].labels
    if set(labels) <= OUTCOMES.keys():
        return np.array([OUTCOMES[label] for label in labels])[rows[name].codes]
    return rows.numbers(name)


def scores(options: argparse.Namespace) -> dict[str, Any]:
    """How good models are: against a baseline, or against each other."""
    covariates = [_three(one, "--covariate", "NAME:BASE_COL:MODEL_COL") for one in options.covariate]
    sides = [column for _, *pair in covariates for column in pair]
    if options.left or options.right:
        return _tournament(options, covariates, sides)
    for option in ("model", "item", "preference"):
        if getattr(options, option) is None:
            raise TableError(f"Name the column of the {option}: --{option}. (Or --left, --right and --preference.)")
    rows = read_rows(options.file, [options.model, options.item, options.preference, *sides])
    found = win_rates(
        rows[options.model].texts().astype(str),
        rows[options.item].codes,
        rows.numbers(options.preference),
        {name: (rows.numbers(base), rows.numbers(own)) for name, base, own in covariates},
    )
    return {
        "n_items": len(np.unique(rows[options.item].codes)),
        "n_comparisons": len(rows),
        "models": {
            one.model: {"n_items": one.win_rate.n, "n_comparisons": one.n_comparisons}
            | flat({"win_rate": one.win_rate, "lc_win_rate": one.lc_win_rate})
            for one in found.models
        },
        "slopes": flat(found.slopes),
    }


def _tournament(options: argparse.Namespace, covariates: Sequence[tuple[str, ...]], sides: Sequence[str]) -> dict:
    if not (options.left and options.right and options.preference):
        raise TableError("Models against each other need --left, --right and --preference (1: left is preferred).")
    clusters = [column for column in (options.item, options.annotator) if column]
    rows = read_rows(options.file, [options.left, options.right, options.preference, *clusters, *sides])
    found = bradley_terry(
        rows[options.left].texts().astype(str),
        rows[options.right].texts().astype(str),
        _preferences(rows, options.preference),
        covariates={name: rows.numbers(left) - rows.numbers(right) for name, left, right in covariates},
        clusters=tuple(rows[column].codes for column in clusters)
        if len(clusters) == 2
        else rows[clusters[0]].codes
        if clusters
        else None,
    )
    named = zip(found.models.tolist(), found.scores, strict=True)
    return {
        "n_comparisons": found.n_comparisons,
        "models": {str(model): {"n_comparisons": score.n} | flat({"score": score}) for model, score in named},
        "coefficients": flat(found.coefficients),
        **flat({"nu": found.nu}),
        **({"reason": found.reason} if found.reason else {}),
    }


def planned(options: argparse.Namespace) -> dict[str, Any]:
    """What it takes to know an agreement to +- a half-width."""
    value = options.agreement
    if (value is None) == (options.file is None):
        raise TableError("Give either a file to measure the agreement in, or --agreement.")
    if options.file is not None:
        measures, _ = _judged(options)[1]
        found = measures["strict_agreement"]
        found = measures["percent_agreement"] if found.value is None else found
        if found.value is None:
            raise TableError(f"The file shows no agreement: {found.reason}")
        value = found.value
    return plan(options.half_width, value, options.annotators, options.overlap).as_dict()


def flat(estimates: Mapping[str, Estimate]) -> dict[str, Any]:
    """name: value, name_ci: [lo, hi], both null where undefined, and name_reason where there is one."""
    found: dict[str, Any] = {}
    for name, one in estimates.items():
        found[name] = one.value
        found[f"{name}_ci"] = [one.lo, one.hi]
        if one.reason:
            found[f"{name}_reason"] = one.reason
    return found


def _three(text: str, option: str, form: str) -> tuple[str, ...]:
    parts = tuple(text.split(":"))
    if len(parts) != 3 or not all(parts):
        raise TableError(f"{option} is {form}, not {text!r}.")
    return parts


def _write(path: Path, names: Sequence[str], rows: Any) -> None:
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(names)
            writer.writerows(rows)
    except OSError as error:
        raise TableError(f"{path} cannot be written: {error.strerror}.") from error
