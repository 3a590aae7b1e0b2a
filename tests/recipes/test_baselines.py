"""What a reward model is compared with, against answers that can be checked by hand."""

import numpy as np
import pytest
import torch

from tests.recipes.snapshots import ranking, write_snapshot
from training.modelling.artifacts import RecipeError
from training.modelling.baselines import (
    InstantReward,
    TfIdfReward,
    baseline_results,
    baseline_scores,
    fit_tf_idf,
    fit_words,
    with_a_pair,
)
from training.modelling.chat import encode_completion
from training.modelling.snapshots import RankingRow, read_rankings


def row(question: str, completions: list[str], ranks: list[int], **fields) -> RankingRow:
    made = ranking(question, completions, ranks)
    return RankingRow(**({name: made[name] for name in RankingRow.__dataclass_fields__ if name in made} | fields))


def features(fitted: TfIdfReward, text: str) -> np.ndarray:
    units = np.eye(len(fitted.words))
    return np.array([TfIdfReward(fitted.words, fitted.idf, unit).raw([text])[0] for unit in units])


POLITE = [row(f"q{number}", ["please wait", "go away now"], [1, 2]) for number in range(6)]


def test_it_prefers_by_characters():
    scores = dict(baseline_scores([row("q", ["abc", "é", "ab"], [1, 2, 3])], fit_tf_idf([])))
    assert scores["longer answer"] == [[3.0, 1.0, 2.0]]
    assert scores["shorter answer"] == [[-3.0, -1.0, -2.0]]
    assert scores["tf-idf"] == [[0.0, 0.0, 0.0]]


def test_it_finds_the_words_that_people_like():
    fitted = fit_tf_idf([*POLITE, row("r", ["please come", "come away now"], [1, 2])])
    weight = dict(zip(fitted.words, fitted.weights, strict=True))
    assert weight["please"] > 0 > weight["away"] == pytest.approx(weight["away now"])
    assert "wait" not in weight, "a word of a single answer says nothing of another"


def test_it_is_at_the_maximum_of_the_penalised_likelihood():
    rows = [row("a", ["x y", "x z", "y z"], [1, 2, 3]), row("b", ["z", "y"], [1, 1]), row("c", ["z x", "y"], [1, 2])]
    fitted = fit_tf_idf(rows)
    gradient = fitted.weights.copy()
    for each in with_a_pair(rows):
        for better, worse in each.pairs:
            one, other = (features(fitted, each.completions[place]) for place in (better, worse))
            wrong = 1 / (1 + np.exp(fitted.weights @ (one - other)))
            gradient -= wrong * (one - other) / len(each.pairs)
    assert np.abs(gradient).max() < 1e-3  # where scikit-learn's solver stops


def test_it_gives_the_same_numbers_whenever_it_is_fitted():
    assert np.array_equal(fit_tf_idf(POLITE).weights, fit_tf_idf(POLITE).weights)


def test_it_learns_from_an_annotator_as_much_as_they_weigh():
    rows = [
        row("a", ["yes it", "no it"], [1, 2], weight=2.0),
        row("b", ["yes that", "no that"], [2, 1], weight=0.5),
    ]
    alike, weighted = fit_tf_idf(rows), fit_tf_idf(rows, "annotator")
    assert alike.raw(["yes"]) == pytest.approx(alike.raw(["no"]), abs=1e-6)
    assert weighted.raw(["yes"]) > 0 > weighted.raw(["no"])


def test_it_reads_what_it_saved(tmp_path):
    fitted = fit_tf_idf([*POLITE, row("r", ["please come", "come away now"], [1, 2])])
    fitted.save(tmp_path)
    loaded = TfIdfReward.load(tmp_path)
    texts = ["please", "away now", "", "unknown words"]
    assert np.array_equal(loaded.normalised(texts), fitted.normalised(texts))
    assert loaded.raw(["", "unknown words"]).tolist() == [0.0, 0.0]


def test_it_refuses_a_reward_that_is_not_whole(tmp_path):
    fit_tf_idf(POLITE).save(tmp_path)
    (tmp_path / "tf_idf.npz").unlink()
    with pytest.raises(RecipeError, match="holds no whole tf_idf.json"):
        TfIdfReward.load(tmp_path)


def test_it_scores_token_ids_as_a_reward_model_does(tokenizer):
    fitted = fit_tf_idf([*POLITE, row("r", ["please come", "come away now"], [1, 2])])
    texts = ["please wait", "go away now", "é"]
    ids = [encode_completion(tokenizer, text) for text in texts]
    scores = InstantReward(fitted, tokenizer).score([[5]] * 3, ids)
    assert scores.dtype == torch.float32
    assert scores.tolist() == pytest.approx(fitted.normalised(texts).tolist(), rel=1e-6)


def test_it_reports_each_baseline_on_the_pairs_that_it_was_not_fitted_to(tmp_path):
    polite = [ranking(f"train {number}", ["please wait", "go away now"], [1, 2]) for number in range(6)]
    held_out = [
        ranking("test 1", ["please", "away now", "away now"], [1, 2, 2]),
        ranking("test 2", ["please go now", "away"], [1, 2]),
        ranking("test 3", ["same", "kind"], [1, 1]),
    ]
    snapshot = write_snapshot(tmp_path, rankings={"train": polite, "test": held_out})
    fitted = fit_tf_idf(read_rankings(snapshot, "train"))
    found = {(result.name, result.subject): result for result in baseline_results(fitted, snapshot)}
    assert found.keys() == {("test_accuracy", name) for name in ("longer answer", "shorter answer", "tf-idf")}
    assert found["test_accuracy", "longer answer"].value == pytest.approx(1 / 3)
    assert found["test_accuracy", "shorter answer"].value == pytest.approx(2 / 3)
    assert found["test_accuracy", "tf-idf"].n == 2
    assert found["test_accuracy", "tf-idf"].note.startswith("3 strict pairs of 2 rankings")


def test_words_alone_say_how_likely_a_step_is_good():
    texts = ["add both sides", "add both terms", "divide by zero", "divide by zero again"] * 3
    chances = fit_words(texts, [1.0, 1.0, 0.0, 0.5] * 3)(["add both", "divide by zero", "unknown"])
    assert chances[0] > 0.6 > 0.5 > chances[1]
    assert chances[1] < chances[2] < chances[0]


@pytest.mark.parametrize(("texts", "shares"), [(["one", "one"], [1.0, 1.0]), (["one", "two"], [0.0, 1.0])])
def test_where_words_say_nothing_every_text_has_the_mean(texts, shares):
    mean = sum(shares) / 2
    assert fit_words(texts, shares)(["one", ""]) == [mean, mean]
