"""What a reward model must beat to be worth its price: two rules about length, and logistic regression on words.

"Longer answer" and "shorter answer" prefer a text by its characters, and are the same coin's two sides but for ties.
"tf-idf" is the Bradley-Terry model with a reward that is linear in the words and pairs of neighbouring words of an
answer:

    r(y) = w . f(y),    P(y_w > y_l) = sigmoid(r(y_w) - r(y_l))

with f the tf-idf of scikit-learn (1 + log tf, smooth idf, length 1) and w fitted to the train split's strict pairs by
logistic regression on the differences f(y_w) - f(y_l), without an intercept and with the square of w as its prior
(scikit-learn's C = 1, not tuned). It is convex and nothing is drawn, so the same judgements give the same numbers. The
prompt drops out of the difference: it knows answers that people like anywhere, not what fits a question. Text without
spaces between words is one word to it.

It takes seconds, and is a reward by itself (`InstantReward`) where no model has been trained yet.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import scipy.sparse
import torch
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from transformers import PreTrainedTokenizerBase

from training.modelling.artifacts import RecipeError, Result, write_json
from training.modelling.chat import decode_completion
from training.modelling.rankings import Weights, pair_accuracy
from training.modelling.ratings import read_rated
from training.modelling.reporting import share_result
from training.modelling.snapshots import RankingRow, read_rankings

TF_IDF = "tf_idf.json"
NUMBERS = "tf_idf.npz"
WORD = r"(?u)\w+"
SEEN_IN_AT_LEAST = 2
"""Answers in which a word must stand to be one of the features."""
HELD_OUT = ("validation", "test")


@dataclass(frozen=True, eq=False)
class TfIdfReward:
    """A reward that is linear in the words of an answer."""

    words: list[str]
    """(features,) words and pairs of words."""
    idf: NDArray[np.float64]
    """(features,)"""
    weights: NDArray[np.float64]
    """(features,)"""
    mean: float = 0.0
    """Mean of the raw reward over the answers that it was fitted to."""
    std: float = 1.0
    """Standard deviation of the same."""

    def raw(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """The reward of each text, (n,), in log-odds; 0 for a text without a word that is known."""
        if not self.words:
            return np.zeros(len(texts))
        vectorizer = _vectorizer(vocabulary=self.words)
        vectorizer.idf_ = self.idf
        return vectorizer.transform(texts) @ self.weights

    def normalised(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """The reward of each text, (n,), with mean 0 and standard deviation 1 over what it was fitted to."""
        return (self.raw(texts) - self.mean) / self.std

    def save(self, directory: Path) -> None:
        """Write it as JSON and plain arrays: nothing that could run when it is read."""
        directory.mkdir(parents=True, exist_ok=True)
        write_json(directory / TF_IDF, {"words": self.words, "mean": self.mean, "std": self.std})
        np.savez(directory / NUMBERS, idf=self.idf, weights=self.weights)

    @classmethod
    def load(cls, directory: str | Path) -> TfIdfReward:
        """Read what `save` wrote; raises RecipeError where it is not whole."""
        try:
            values = json.loads((Path(directory) / TF_IDF).read_text(encoding="utf-8"))
            with np.load(Path(directory) / NUMBERS, allow_pickle=False) as numbers:
                found = cls(values["words"], numbers["idf"], numbers["weights"], values["mean"], values["std"])
        except (OSError, ValueError, KeyError) as error:
            raise RecipeError(f"{directory} holds no whole {TF_IDF} with {NUMBERS}; fit it again.") from error
        if not len(found.words) == len(found.idf) == len(found.weights):
            raise RecipeError(f"{directory / TF_IDF} and {NUMBERS} are not of one reward; fit it again.")
        return found


@dataclass(frozen=True)
class InstantReward:
    """A fitted `TfIdfReward` in the place of a reward model, for token ids of one tokenizer."""

    reward: TfIdfReward
    tokenizer: PreTrainedTokenizerBase
    device: torch.device = torch.device("cpu")

    def score(
        self, prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]], *, batch_size: int = 64
    ) -> torch.Tensor:
        """Return the normalised reward of each completion, [N] fp32 on the CPU, as `rewards.RewardModel.score` does.

        The prompts have no say, and `batch_size` is of no matter.
        """
        texts = [decode_completion(self.tokenizer, list(completion)) for completion in completions]
        return torch.tensor(self.reward.normalised(texts), dtype=torch.float32)


def with_a_pair(rows: Sequence[RankingRow]) -> list[RankingRow]:
    """The rankings in which somebody preferred something: those that `encode_rankings` keeps, in the same order."""
    return [row for row in rows if row.pairs]


def fit_tf_idf(rows: Sequence[RankingRow], weights: Weights = "none") -> TfIdfReward:
    """Fit the reward to rankings. Every ranking weighs the same, or what its annotator does, shared by its pairs.

    Without a strict pair, or a word that stands in two answers, there are no features, and all rewards are 0.
    """
    rows = with_a_pair(rows)
    texts = list(dict.fromkeys(text for row in rows for text in row.completions))
    try:
        vectorizer = _vectorizer(min_df=SEEN_IN_AT_LEAST).fit(texts)
    except ValueError:  # scikit-learn finds no word that stands often enough
        return TfIdfReward([], np.zeros(0), np.zeros(0))
    features = vectorizer.transform(texts)
    place = {text: number for number, text in enumerate(texts)}
    better, worse, weight = [], [], []
    for row in rows:
        for one, other in row.pairs:
            better.append(place[row.completions[one]])
            worse.append(place[row.completions[other]])
            weight.append((row.weight if weights == "annotator" else 1.0) / len(row.pairs))
    model = _logistic_regression(features[better] - features[worse], np.array(weight))
    raw = features @ model
    std = float(raw.std())
    return TfIdfReward(
        vectorizer.get_feature_names_out().tolist(),
        vectorizer.idf_,
        model,
        mean=float(raw.mean()),
        std=std if std > 1e-6 else 1.0,
    )


def _logistic_regression(differences: scipy.sparse.csr_matrix, weight: NDArray) -> NDArray[np.float64]:
    """(features,) that make positive differences likely; each counts once as a win and once, mirrored, as a loss."""
    both = scipy.sparse.vstack([differences, -differences])
    won = np.repeat([1, 0], differences.shape[0])
    model = LogisticRegression(C=1.0, fit_intercept=False, max_iter=1000)
    # The mirrored half doubles what the pairs weigh against the prior.
    return model.fit(both, won, sample_weight=np.tile(weight / 2, 2)).coef_[0]


def _vectorizer(**choices: object) -> TfidfVectorizer:
    return TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=WORD, **choices)


def baseline_scores(rows: Sequence[RankingRow], tf_idf: TfIdfReward) -> Iterator[tuple[str, list[list[float]]]]:
    """Yield each baseline's name and its scores of the K completions of each ranking."""
    longer = [[float(len(text)) for text in row.completions] for row in rows]
    yield "longer answer", longer
    yield "shorter answer", [[-length for length in lengths] for lengths in longer]
    flat = iter(tf_idf.raw([text for row in rows for text in row.completions]).tolist())
    yield "tf-idf", [[next(flat) for _ in row.completions] for row in rows]


def baseline_results(tf_idf: TfIdfReward, snapshot: str) -> list[Result]:
    """How often each baseline orders the strict pairs of the held-out splits' rankings as people did."""
    return [one for split in HELD_OUT for one in compared(tf_idf, split, read_rankings(snapshot, split))]


def compared(tf_idf: TfIdfReward, split: str, rows: Sequence[RankingRow], measure: str = "accuracy") -> list[Result]:
    """How often each baseline orders the strict pairs of these rankings of a split as people did."""
    rows = with_a_pair(rows)
    results = []
    for subject, scores in baseline_scores(rows, tf_idf) if rows else ():
        correct, clusters = pair_accuracy(rows, scores)
        note = f"{len(correct)} strict pairs of {len(rows)} rankings; n and interval are over prompts"
        results.append(share_result(f"{split}_{measure}", correct, clusters, subject=subject, note=note))
    return results


def axis_baselines(snapshot: str, axes: Sequence[str], weights: Weights) -> list[Result]:
    """How often each baseline, fitted to what people rated on one axis, orders the held-out pairs of that axis."""
    rows = {split: read_rated(snapshot, split, axes) for split in ("train", *HELD_OUT)}
    results = []
    for axis in axes:
        of = {split: [replace(row, ranks=row.axes[axis]) for row in some] for split, some in rows.items()}
        tf_idf = fit_tf_idf(of["train"], weights)
        found = (one for split in HELD_OUT for one in compared(tf_idf, split, of[split]))
        results += [replace(one, subject=f"{one.subject}, {axis}") for one in found]
    return results


def fit_words(texts: Sequence[str], shares: Sequence[float]) -> Callable[[Sequence[str]], list[float]]:
    """Fit how likely a text is good to its words alone; `shares` are how many say so of each, in parallel.

    Logistic regression on tf-idf as above, with an intercept. Where all texts are said to be the same, or no word
    stands in two of them, every text has the mean share.
    """
    good = np.array(shares, dtype=float)
    mean = float(good.mean())
    vectorizer = _vectorizer(min_df=SEEN_IN_AT_LEAST)
    try:
        features = vectorizer.fit_transform(texts)
    except ValueError:  # scikit-learn finds no word that stands often enough
        return lambda some: [mean] * len(some)
    if mean in (0.0, 1.0):
        return lambda some: [mean] * len(some)
    both, said = scipy.sparse.vstack([features, features]), np.repeat([1, 0], len(good))
    model = LogisticRegression(C=1.0, max_iter=1000).fit(both, said, sample_weight=np.concatenate([good, 1 - good]))
    return lambda some: model.predict_proba(vectorizer.transform(some))[:, 1].tolist() if len(some) else []
