"""The same judgements learnt by a linear reward model that knows what gold looks at: what weighing them is worth,
without the chance of a network's training, which is larger.

Features of a reply to a prompt: how often it has each sentence of the world, the fixes by problem, the items that it
apologises for and offers by the item that is broken, the apology by mood, its length. Bradley and Terry's model with a
ridge; one world a seed, and every arm learns the same rankings of it.
"""

import random
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from annotate.quality.intervals import clustered_mean
from annotate.quality.weights import annotator_weight
from tests.bench import _learning_parts as parts
from tests.bench._gold_weights import annotator_weights
from tests.bench.weights import fit
from training.demo import plan, simulated, world
from training.modelling.losses import Alike, form_pairs

PAIRS = "pairs alike, unweighted"
"""What unweighted pairs are, too: the same pairs of the same weight."""
ARMS: dict[str, tuple[Alike, str]] = {
    PAIRS: ("pairs", "none"),
    "rankings alike, unweighted": ("rankings", "none"),
    "pairs alike, weighted": ("pairs", "gold"),
    "rankings alike, weighted": ("rankings", "gold"),
    "pairs alike, true accuracy": ("pairs", "true"),
}
"""What weighs alike, and what annotators weigh by: nothing, their gold tasks, or how often they are right indeed."""
FIRST_SEED = 200
"""Of the worlds that are drawn; none of the networks' seeds is among them."""
ITEMS, PROBLEMS, FIXES = tuple(world.ITEMS), tuple(world.PROBLEMS), world.FIXES
SENTENCES = (*world.GREETINGS, *world.BLAME, world.THANKS, *world.FILLERS, *world.SIGN_OFFS)
WIDTH = len(SENTENCES) + len(PROBLEMS) * len(FIXES) + 2 * len(ITEMS) ** 2 + 2 + 3


@dataclass(frozen=True, eq=False)
class Judged:
    """The rankings of one seed's train split."""

    features: NDArray
    """(rankings, K, WIDTH)"""
    ranks: list[list[int]]
    who: list[str]
    right: NDArray
    """(rankings, 2): pairs in the order of gold, ties half, and pairs that gold tells apart."""


def compare(worlds: int, rankings: int) -> dict[str, dict]:
    """Of each arm the mean gold accuracy over worlds, and what it is better by than unweighted pairs."""
    found = [gold_accuracies(seed, rankings) for seed in range(FIRST_SEED, FIRST_SEED + worlds)]
    of_arm = {arm: [one[arm] for one in found] for arm in ARMS}
    return {
        arm: {
            "gold_accuracy": clustered_mean(values, range(worlds)).as_dict(),
            "over_pairs": parts.difference_of_models(values, of_arm[PAIRS]).as_dict(),
        }
        for arm, values in of_arm.items()
    }


def gold_accuracies(seed: int, rankings: int) -> dict[str, float]:
    """Of each arm the share of pairs of fresh replies to held-out prompts in the order of gold."""
    judged, fresh = judge(seed), _fresh(seed)
    rows = judged.features[:rankings].reshape(-1, WIDTH)
    weights = {"gold": annotator_weights(seed), "true": _true_weights(judged)}
    found = {}
    for arm, (alike, by) in ARMS.items():
        weight = None if by == "none" else [weights[by][who] for who in judged.who[:rankings]]
        pairs = form_pairs(judged.ranks[:rankings], weights=weight, alike=alike)
        better, worse, share = pairs.better.numpy(), pairs.worse.numpy(), pairs.weight.double().numpy()
        margins = fresh @ fit(rows[better] - rows[worse], share / share.mean())
        found[arm] = float((margins > 0).mean() + (margins == 0).mean() / 2)
    return found


def judge(seed: int) -> Judged:
    """What the simulated annotators say of the plan's train tasks, in an order that the seed draws."""
    said = [
        (task, person, simulated.rank(person, task.messages, task.completions, seed).ranks)
        for task in plan.make_plan(seed).ranking
        if world.parse(task.messages).split == "train"
        for person in task.judges
    ]
    random.Random(f"train/{seed}").shuffle(said)
    features = np.array([[reply_features(task.messages, text) for text in task.completions] for task, _, _ in said])
    right = [_right(ranks, [world.gold(task.messages, text) for text in task.completions]) for task, _, ranks in said]
    return Judged(features, [ranks for _, _, ranks in said], [one.username for _, one, _ in said], np.array(right))


def reply_features(messages: world.Messages, text: str) -> NDArray:
    """(WIDTH,)"""
    case, said = world.parse(messages), world.sentences(text)
    item, problem = ITEMS.index(case.item), PROBLEMS.index(case.problem)
    fixes, named = np.zeros((len(PROBLEMS), len(FIXES))), np.zeros((2, len(ITEMS), len(ITEMS)))
    fixes[problem] = [said.count(fix) for fix in FIXES]
    named[:, item] = [[said.count(form(other)) for other in ITEMS] for form in (world.sorry, world.replacement)]
    mood = named[0].sum() * np.array([case.unhappy, not case.unhappy])
    size = [len(said), max(0, len(said) - world.FREE_SENTENCES), len(said) - len(set(said))]
    return np.concatenate([[said.count(one) for one in SENTENCES], fixes.ravel(), named.ravel(), mood, size])


def _right(ranks: list[int], worth: list[float]) -> tuple[float, int]:
    told = [(i, j) for i, j in combinations(range(len(worth)), 2) if worth[i] != worth[j]]
    right = [0.5 if ranks[i] == ranks[j] else (ranks[i] < ranks[j]) == (worth[i] > worth[j]) for i, j in told]
    return sum(right), len(told)


def _true_weights(judged: Judged) -> dict[str, float]:
    """What everybody would weigh, were it known how often they are right about these very rankings."""
    people = sorted(set(judged.who))
    who = np.array([people.index(one) for one in judged.who])
    right, told = (np.bincount(who, column) for column in judged.right.T)
    weight = annotator_weight(right / told)
    return dict(zip(people, weight / weight[who].mean(), strict=True))


def _fresh(seed: int) -> NDArray:
    """(pairs, WIDTH): the better reply's features less the worse one's."""
    rows = []
    for messages, texts in parts.gold_pairs(seed):
        features = [reply_features(messages, text) for text in texts]
        worth = [world.gold(messages, text) for text in texts]
        rows += [
            (features[i] - features[j]) * np.sign(worth[i] - worth[j])
            for i, j in combinations(range(len(texts)), 2)
            if worth[i] != worth[j]
        ]
    return np.array(rows)
