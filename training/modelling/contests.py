"""Answers of policies to the same prompts, and the figures that compare them; evaluate.py says what each means."""

from collections.abc import Sequence
from dataclasses import dataclass

from training.modelling.artifacts import Result
from training.modelling.reporting import mean_result, share_result


@dataclass(frozen=True)
class Answers:
    """A policy's answers and what is measured of each, in parallel lists: `samples_per_prompt` answers a prompt."""

    prompts: list[str]
    """sha256 of the prompt answered: the cluster of each answer."""
    ids: list[list[int]]
    texts: list[str]
    ended: list[bool]
    scores: list[float]
    """The reward model's, normalised."""
    gold: list[float | None]
    """The world's; None for a prompt that is not of the world, or another judge."""
    kl: list[float]
    """log pi(y|x) - log rho(y|x), nats."""
    entropy: list[list[float]]
    """Of each token, nats."""


def wins(
    mine: Sequence[float | None], theirs: Sequence[float | None], prompts: Sequence[str], per_prompt: int
) -> tuple[list[float], list[str]]:
    """1, 0.5 or 0 for each pair of one of my answers and one of theirs to the same prompt, and the pair's prompt.

    All lists are parallel, `per_prompt` answers prompt by prompt; answers without a score take part in no pair.
    """
    shares, clusters = [], []
    for start in range(0, len(prompts), per_prompt):
        for left in mine[start : start + per_prompt]:
            for right in theirs[start : start + per_prompt]:
                if left is not None and right is not None:
                    shares.append(1.0 if left > right else 0.5 if left == right else 0.0)
                    clusters.append(prompts[start])
    return shares, clusters


def distinct(texts: Sequence[str], n: int) -> float:
    """Distinct n-grams of words over all n-grams of the texts; 0 when no text has n words."""
    grams = [tuple(words[i : i + n]) for words in map(str.split, texts) for i in range(len(words) - n + 1)]
    return len(set(grams)) / len(grams) if grams else 0.0


def policy_results(name: str, answers: Answers, per_prompt: int) -> list[Result]:
    """What a policy's answers are like, the reference's own included; `per_prompt` of them answer each prompt."""
    prompts = answers.prompts
    note = f"{per_prompt} answers to each prompt"
    tokens = [len(each) for each in answers.ids]
    by_token = [(value, prompt) for row, prompt in zip(answers.entropy, prompts, strict=True) for value in row]
    results = [
        mean_result("score", answers.scores, prompts, subject=name, unit="sd", note=f"{note}; by the reward model"),
        mean_result("length", tokens, prompts, subject=name, unit="tokens", note=note),
        share_result("end_rate", [float(each) for each in answers.ended], prompts, subject=name, note=note),
        mean_result("entropy", *zip(*by_token, strict=True), subject=name, unit="nats/token", note=note),
    ]
    scored = [(value, prompt) for value, prompt in zip(answers.gold, prompts, strict=True) if value is not None]
    if scored:
        results.append(mean_result("gold", *zip(*scored, strict=True), subject=name, note=f"{note}; by the world"))
    for n in (1, 2):
        results.append(
            Result(
                name=f"distinct_{n}",
                subject=name,
                value=distinct(answers.texts, n),
                n=len(answers.texts),
                note="n counts answers; falls as n grows, so only figures of equal n compare: no interval",
            )
        )
    return results


def comparison_results(
    name: str, answers: Answers, opponent_name: str, opponent: Answers, *, per_prompt: int, by_world: bool
) -> list[Result]:
    """How often a policy's answers are judged better than an opponent's: `by_world`, and by the reward model."""
    verdicts = [("win_rate_by_reward" if by_world else "win_rate", "the reward model", answers.scores, opponent.scores)]
    if by_world:
        verdicts.insert(0, ("win_rate", "the world's gold score", answers.gold, opponent.gold))
    results = []
    for measure, judge, mine, theirs in verdicts:
        shares, prompts = wins(mine, theirs, answers.prompts, per_prompt)
        note = f"judged by {judge}; {per_prompt} x {per_prompt} pairs a prompt, ties half"
        results.append(share_result(measure, shares, prompts, subject=name, against=opponent_name, note=note))
    return results
