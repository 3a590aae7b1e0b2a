"""The gate: which of the night's policies, if any, takes the place of the one in force. Pure.

A candidate passes when every one of these holds, on the held-out prompts of the night's evaluation:

* its win rate against SFT is above one half beyond doubt: the lower end of the 95 % interval is above `win_rate`;
* the same against the policy in force, where that was evaluated too;
* where the reward model judged who wins, it agrees with people beyond chance on judgements that it has not seen: to win
  in the eyes of a judge who is guessing says nothing;
* its KL to SFT is at most `max_kl`: further away the reward is no longer to be trusted (Gao 2023, arXiv 2210.10760);
* its entropy and its distinct bigrams are not below a share of SFT's: a policy that says one thing to all can win;
* it ends its answers about as often as SFT does.

Of those that pass, the one with the highest win rate against SFT is promoted. A figure that the evaluation lacks counts
as not passed: nothing is promoted on trust.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

REFERENCE = "sft"
IN_FORCE = "promoted"


@dataclass(frozen=True)
class Figure:
    """A value of the night's evaluation with its 95 % interval and its n."""

    name: str
    subject: str
    against: str
    value: float
    lo: float | None
    hi: float | None
    n: int

    def as_share(self) -> str:
        """`62 % [55 %, 69 %], n = 120`."""
        return f"{self.value:.0%}{self._interval('.0%')}, n = {self.n}".replace("%", " %")

    def as_number(self) -> str:
        """`3.21 [2.9, 3.52], n = 120`."""
        return f"{self.value:.3g}{self._interval('.3g')}, n = {self.n}"

    def _interval(self, form: str) -> str:
        return "" if self.lo is None or self.hi is None else f" [{self.lo:{form}}, {self.hi:{form}}]"


@dataclass(frozen=True)
class Thresholds:
    """What a candidate must reach; a pipeline's config may set others under `gate`."""

    win_rate: float = 0.5
    """The lower end of a win rate's 95 % interval must be above this."""
    judge_accuracy: float = 0.5
    """The lower end of the reward model's accuracy on people's held-out preferences must be above this."""
    max_kl: float = 25.0
    """Nats of an answer between the candidate and SFT, at most."""
    min_entropy: float = 0.25
    """Share of SFT's entropy per token that must be left."""
    min_distinct: float = 0.25
    """Share of SFT's distinct bigrams that must be left. Better answers are more alike: on the demo's world a good PPO
    policy keeps about half of them, and one that has collapsed to a single answer less than a tenth."""
    max_end_rate_loss: float = 0.05
    """How far below SFT's share of answers that end by themselves the candidate's may lie."""


@dataclass(frozen=True)
class Verdict:
    """The gate's decision: the winner's name, or None to keep the policy in force, and why, a line a candidate."""

    winner: str | None
    reason: str


def decide(
    figures: Iterable[Figure],
    *,
    candidates: Sequence[str] = ("dpo", "ppo"),
    in_force: bool = False,
    judged_by_reward: bool = False,
    thresholds: Thresholds | None = None,
) -> Verdict:
    """Choose among `candidates`.

    `in_force` says whether the policy in force was evaluated beside them, `judged_by_reward` whether the win rates are
    the reward model's opinion.
    """
    limits = thresholds or Thresholds()
    known = {(figure.name, figure.subject, figure.against): figure for figure in figures}
    checked = [_Candidate(name, known, limits, in_force, judged_by_reward) for name in candidates]
    passed = [candidate for candidate in checked if not candidate.objections]
    winner = max(passed, key=lambda candidate: candidate.win_rate, default=None)
    if winner:
        opening = f"{winner.name.upper()} is promoted."
    else:
        opening = "No candidate passed the gate, so the policy in force stays."
    return Verdict(winner.name if winner else None, "\n".join([opening, *(each.sentence() for each in checked)]))


class _Candidate:
    """One policy before the gate: what was measured, and what speaks against it."""

    def __init__(self, name: str, known: dict, limits: Thresholds, in_force: bool, judged_by_reward: bool):
        self.name = name
        self.measured: list[str] = []
        self.objections: list[str] = []
        self._known = known
        self.win_rate = self._check_win_rate(REFERENCE, "SFT", limits)
        if in_force:
            self._check_win_rate(IN_FORCE, "the policy in force", limits)
        if judged_by_reward:
            self._check_judge(limits)
        self._check_kl(limits)
        self._check_share("entropy", "entropy", limits.min_entropy)
        self._check_share("distinct_2", "distinct bigrams", limits.min_distinct)
        self._check_ends(limits)

    def sentence(self) -> str:
        """All figures of the candidate and, where it did not pass, why not."""
        verdict = f"; not promoted: {', '.join(self.objections)}" if self.objections else ""
        return f"{self.name.upper()}: {'; '.join(self.measured) or 'nothing was measured'}{verdict}."

    def _figure(self, name: str, subject: str, against: str, words: str) -> Figure | None:
        figure = self._known.get((name, subject, against))
        if figure is None:
            self.objections.append(f"{words} was not measured")
        return figure

    def _check_win_rate(self, against: str, words: str, limits: Thresholds) -> float:
        figure = self._figure("win_rate", self.name, against, f"the win rate against {words}")
        if figure is None:
            return 0.0
        self.measured.append(f"win rate against {words} {figure.as_share()}")
        if figure.lo is None or figure.lo <= limits.win_rate:
            self.objections.append(f"against {words} it does not win beyond doubt")
        return figure.value

    def _check_judge(self, limits: Thresholds) -> None:
        figure = self._figure("pair_accuracy", "reward", "annotators", "the accuracy of the judging reward model")
        if figure is None:
            return
        self.measured.append(f"the judging reward model agrees with people in {figure.as_share()}")
        if figure.lo is None or figure.lo <= limits.judge_accuracy:
            self.objections.append("the reward model that judged is not beyond doubt better than chance")

    def _check_kl(self, limits: Thresholds) -> None:
        figure = self._figure("kl", self.name, REFERENCE, "the KL to SFT")
        if figure is None:
            return
        self.measured.append(f"KL to SFT {figure.as_number()}")
        if figure.value > limits.max_kl:
            self.objections.append(f"its KL is above {limits.max_kl:g} nats")

    def _check_share(self, name: str, words: str, share: float) -> None:
        """Compare a measure of variety with SFT's."""
        mine, reference = (self._figure(name, subject, "", f"the {words}") for subject in (self.name, REFERENCE))
        if mine is None or reference is None:
            return
        self.measured.append(f"{words} {mine.as_number()} (SFT {reference.value:.3g})")
        if mine.value < share * reference.value:
            self.objections.append(f"its {words} fell below {share:.0%} of SFT's".replace("%", " %"))

    def _check_ends(self, limits: Thresholds) -> None:
        mine, reference = (
            self._figure("end_rate", subject, "", "the share of answers that end") for subject in (self.name, REFERENCE)
        )
        if mine is None or reference is None:
            return
        self.measured.append(f"answers that end {mine.as_share()}")
        if mine.value < reference.value - limits.max_end_rate_loss:
            self.objections.append("its answers end less often than SFT's")
