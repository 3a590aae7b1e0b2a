"""`python -m annotate.quality`: figures of files that were never in Concord."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from annotate.quality.__main__ import main
from annotate.quality.agreement import ranking_agreement
from annotate.quality.commands import MEASURES
from annotate.quality.dawid_skene import dawid_skene
from annotate.quality.table import RankingTable
from annotate.quality.value_agreement import value_agreement
from annotate.quality.values import ValueTable

ROOT = Path(__file__).parents[2]
ITEMS, ANNOTATORS = 60, 8


def write(path: Path, *columns: str, rows) -> str:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
    return str(path)


@pytest.fixture(scope="module")
def labels() -> list[tuple[str, str, str]]:
    """Five of eight annotators label each of sixty items a, b or c."""
    chance = np.random.default_rng(0)
    rows = []
    for item in range(ITEMS):
        true = "abc"[item % 3]
        for annotator in chance.permutation(ANNOTATORS)[:5]:
            said = true if chance.random() < 0.75 else "abc"[chance.integers(3)]
            rows.append((f"i{item:02d}", f"a{annotator}", said))
    return rows


def run(capsys, *argv: str) -> dict:
    assert main([*argv, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys, *argv: str) -> str:
    assert main([*argv]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err.strip()


def test_agreement_on_values_is_that_of_the_module(labels, tmp_path, capsys):
    file = write(tmp_path / "labels.csv", "item", "annotator", "label", rows=labels)
    found = run(capsys, "agreement", file, "--value", "label")
    expected = value_agreement(ValueTable.from_arrays(*zip(*labels, strict=True)))
    assert (found["n_items"], found["n_annotators"], found["n_judgements"]) == (ITEMS, ANNOTATORS, len(labels))
    for name in ("percent_agreement", "alpha", "ac1", "ac2", "fleiss"):
        one = getattr(expected, name)
        assert (found[name], found.get(f"{name}_ci")) == (one.value, [one.lo, one.hi])
    assert found["tau_b"] is None
    assert "measure of rankings" in found["tau_b_reason"]
    assert set(MEASURES) | {f"{name}_ci" for name in MEASURES} <= set(found)


def test_agreement_knows_ordinal_values_missing_ones_and_ties(tmp_path, capsys):
    rows = [(1, "x", 1), (1, "y", 2), (2, "x", 4), (2, "y", 4), (3, "x", 3), (3, "y", "NA"), (4, "x", 2), (4, "y", 2)]
    file = write(tmp_path / "likert.csv", "item", "annotator", "score", rows=rows)
    found = run(capsys, "agreement", file, "--value", "score", "--level", "ordinal", "--missing", "NA", "--tie", "2")
    assert found["n_judgements"] == 7
    assert found["percent_agreement"] == pytest.approx(2 / 3)
    assert found["tie_rate"] == pytest.approx(3 / 7)
    assert found["strict_agreement"] == 1.0


def test_agreement_on_rankings_is_that_of_the_module(tmp_path, capsys):
    chance = np.random.default_rng(1)
    rows = [
        (f"p{item}", f"a{annotator}", f"c{completion}", int(rank))
        for item in range(20)
        for annotator in chance.permutation(6)[:3]
        for completion, rank in enumerate(chance.integers(1, 4, 4))
    ]
    file = write(tmp_path / "ranks.csv", "prompt", "who", "answer", "place", rows=rows)
    columns = ["--item", "prompt", "--annotator", "who", "--completion", "answer", "--rank", "place"]
    found = run(capsys, "agreement", file, *columns)
    expected = ranking_agreement(RankingTable.from_arrays(*zip(*rows, strict=True)))
    for name in ("strict_agreement", "tie_rate", "alpha", "alpha_rank", "tau_b"):
        one = getattr(expected, name)
        assert found[name] == pytest.approx(one.value, abs=1e-12)
        assert found[f"{name}_ci"] == pytest.approx([one.lo, one.hi], abs=1e-12)
    assert found["percent_agreement"] == pytest.approx(expected.exact_agreement.value, abs=1e-12)
    assert "measure of values" in found["ac1_reason"]


def test_expertise_gives_the_posterior_of_each_item_and_the_accuracy_of_each_annotator(labels, tmp_path, capsys):
    file = write(tmp_path / "labels.csv", "item", "annotator", "value", rows=labels)
    truth = write(tmp_path / "truth.csv", "item", "truth", rows=[(f"i{n:02d}", "abc"[n % 3]) for n in range(ITEMS)])
    out = tmp_path / "estimates.csv"
    found = run(capsys, "expertise", file, "--truth", truth, "--out", str(out))
    expected = dawid_skene(*zip(*labels, strict=True))
    assert found["estimates"] == dict(zip(expected.item_labels.tolist(), expected.labels.tolist(), strict=True))
    with out.open() as read:
        written = list(csv.DictReader(read))
    assert {row["item"]: row["estimate"] for row in written} == found["estimates"]
    assert all(0 < float(row["probability"]) <= 1 for row in written)
    right = sum(found["estimates"][f"i{n:02d}"] == "abc"[n % 3] for n in range(ITEMS))
    assert found["accuracy"] == right / ITEMS
    assert found["accuracy_ci"][0] < found["accuracy"] < found["accuracy_ci"][1]
    assert 0.8 < found["f1"] <= 1
    person = found["annotators"]["a0"]
    assert person["n"] == sum(annotator == "a0" for _, annotator, _ in labels) == person["n_truth"]
    assert person["accuracy_ci"][0] < person["accuracy"] < person["accuracy_ci"][1]
    assert person["truth_accuracy_ci"][0] < person["truth_accuracy"] < person["truth_accuracy_ci"][1]


def test_a_majority_can_be_asked_for(tmp_path, capsys):
    rows = [("i", "a", "x"), ("i", "b", "x"), ("i", "c", "y"), ("j", "a", "y")]
    file = write(tmp_path / "labels.csv", "item", "annotator", "value", rows=rows)
    assert run(capsys, "expertise", file, "--method", "majority")["estimates"] == {"i": "x", "j": "y"}


def test_bias_measures_the_texts_themselves(tmp_path, capsys):
    chance = np.random.default_rng(2)
    rows = []
    for annotator in range(12):
        for _ in range(40):
            left, right = (int(n) for n in chance.integers(5, 60, 2))
            longer = chance.random() < 1 / (1 + np.exp(-1.5 * np.log(left / right)))
            rows.append((f"a{annotator}", "left" if longer else "right", "word " * left, "word " * right))
    file = write(tmp_path / "pairs.csv", "annotator", "preferred", "one", "two", rows=rows)
    found = run(capsys, "bias", file, "--left-text", "one", "--right-text", "two")
    lo, hi = found["pool"]["length_ci"]
    assert lo < 1.5 < hi
    assert lo > 0.5
    assert found["pool"]["lists"] is None
    assert found["pool"]["lists_reason"]
    assert set(found["annotators"]) == {f"a{n}" for n in range(12)}


def test_scores_are_win_rates_with_and_without_style(tmp_path, capsys):
    chance = np.random.default_rng(3)
    rows = []
    for item in range(300):
        for model, skill, longer in (("good", 1.0, 0.0), ("long", 0.0, 1.0)):
            base, own = 100, 100 * float(np.exp(longer + 0.2 * chance.normal()))
            wins = chance.random() < 1 / (1 + np.exp(-(skill + 1.2 * np.tanh((np.log(own / base)) / 0.75))))
            rows.append((model, item, int(wins), np.log(base), np.log(own)))
    file = write(tmp_path / "wins.csv", "model", "item", "win", "base", "own", rows=rows)
    columns = ["--model", "model", "--item", "item", "--preference", "win"]
    found = run(capsys, "scores", file, *columns, "--covariate", "length:base:own")["models"]
    assert found["long"]["win_rate_ci"][0] > 0.55
    assert found["long"]["lc_win_rate_ci"][0] < 0.5 < found["long"]["lc_win_rate_ci"][1] + 0.05
    assert found["good"]["lc_win_rate"] > found["long"]["lc_win_rate"]
    plain = run(capsys, "scores", file, *columns)["models"]
    assert plain["long"]["win_rate"] == found["long"]["win_rate"]
    assert plain["long"]["lc_win_rate"] is None


def test_scores_of_models_against_each_other(tmp_path, capsys):
    rows = [("a", "b", 1)] * 30 + [("a", "b", 0)] * 10 + [("c", "a", 0)] * 20
    rows += [("b", "c", 1)] * 25 + [("b", "c", 0.5)] * 5
    file = write(tmp_path / "games.csv", "left", "right", "outcome", rows=rows)
    found = run(capsys, "scores", file, "--left", "left", "--right", "right", "--preference", "outcome")
    assert found["models"]["a"]["score"] > found["models"]["b"]["score"] > found["models"]["c"]["score"]
    assert found["n_comparisons"] == len(rows)
    assert found["nu"] > 0


def test_a_plan_rests_on_a_guess_or_on_a_file(labels, tmp_path, capsys):
    found = run(capsys, "plan", "--agreement", "0.66", "--half-width", "0.03")
    assert [one["items"] for one in found["options"] if one["overlap"] in (3, 4)] == [475, 329]
    file = write(tmp_path / "labels.csv", "item", "annotator", "label", rows=labels)
    measured = run(capsys, "agreement", file, "--value", "label")["percent_agreement"]
    assert run(capsys, "plan", file, "--value", "label", "--half-width", "0.03")["agreement"] == measured
    assert "either a file" in refused(capsys, "plan", "--half-width", "0.03")


@pytest.mark.parametrize(
    ("content", "options", "sentence"),
    [
        ("item,annotator,value\n1,a,x\n", ["--value", "label"], "no column 'label'; it has item, annotator, value."),
        ("item,annotator,value\n1,a,x\n2,,y\n", ["--value", "value"], "line 3: the annotator is empty."),
        ("item,annotator,value\n1,a,x\n2,b\n", ["--value", "value"], "is not a CSV file in UTF-8"),
        ("item,annotator,value\n1,a,x\n1,a,y\n", ["--value", "value"], "1"),
        ("item,annotator,value\n1,a,x\n", ["--value", "value", "--level", "ordinal"], "the value 'x' is not a number"),
        ("item,annotator,value\n1,a,x\n", [], "Name the column that holds what was judged"),
        ("item,annotator,value\n1,a,x\n", ["--rank", "value"], "Rankings need both"),
        ("item,annotator,item\n1,a,x\n", ["--value", "item"], "two columns named 'item'"),
        ("item,annotator,value\n1,a,x\n", ["--value", "value", "--tie", "z"], "No row has the tie 'z'."),
        ("", ["--value", "value"], "is not a CSV file in UTF-8"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence_and_nothing_is_printed(tmp_path, capsys, content, options, sentence):
    file = tmp_path / "wrong.csv"
    file.write_text(content)
    assert sentence in refused(capsys, "agreement", str(file), *options)


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path, capsys):
    assert "nothing.csv cannot be read" in refused(capsys, "agreement", str(tmp_path / "nothing.csv"), "--value", "v")
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"item,annotator,value\n1,a,\xff\xfe\n")
    assert "is not a CSV file in UTF-8" in refused(capsys, "agreement", str(binary), "--value", "value")


def test_an_empty_table_has_no_figures_but_reasons(tmp_path, capsys):
    file = tmp_path / "empty.csv"
    file.write_text("item,annotator,value\n")
    found = run(capsys, "agreement", str(file), "--value", "value")
    assert found["n_judgements"] == 0
    assert found["alpha"] is None
    assert found["alpha_reason"]


def test_it_runs_as_a_program_without_django(labels, tmp_path):
    file = write(tmp_path / "labels.csv", "item", "annotator", "value", rows=labels)
    argv = [sys.executable, "-m", "annotate.quality", "agreement", file, "--value", "value"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "alpha  " in done.stdout
    assert "[" in done.stdout
