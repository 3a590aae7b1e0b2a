"""Simulated annotators of the demo world: different skill, different bias, reproducible to the last judgement.

An annotator sees a completion's gold score through their skill, their liking for long answers and chance (a random
utility model; with Gumbel noise and no length bias it is exactly the Plackett-Luce model of Plackett 1975, eq. 3.1):

    utility_k = skill(domain) * gold_k + length_bias * z_k + g_k,    g_k ~ Gumbel(0, 1)

with z the length in words standardised within the task. They rank by utility, and give equal rank to neighbours that
differ by less than ``tie_width``. Each judgement draws from a generator seeded by annotator, prompt and seed, so
it does not depend on the order in which tasks are handed out.
"""

import math
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from annotate.hashing import prompt_sha256
from training.demo import world


@dataclass(frozen=True)
class Annotator:
    """One simulated person. All utilities are in units of the Gumbel noise's scale."""

    username: str
    """Name of the account; also the seed of the person's chance."""
    kind: str
    """careful, length-lover or careless: what the demo knows about them and the product has to find out."""
    skill: float
    """Utility per point of gold outside their strong domains."""
    length_bias: float
    """Utility per standard deviation of length."""
    tie_width: float
    """Two utilities closer than this are ranked equal."""
    pace: float
    """Words read a minute."""
    writing: float
    """Quality (0..1) of the demonstrations they write."""
    strengths: tuple[str, ...] = field(default=())
    """Domains in which their skill is half as high again."""

    def skill_in(self, domain: str) -> float:
        """Utility per point of gold in one domain."""
        return self.skill * (1.5 if domain in self.strengths else 1.0)


def _careful(username: str, skill: float, *strengths: str) -> Annotator:
    return Annotator(username, "careful", skill, 0.0, 0.3, 170.0, 0.8, strengths)


def _length_lover(username: str, skill: float, length_bias: float, *strengths: str) -> Annotator:
    return Annotator(username, "length-lover", skill, length_bias, 0.2, 230.0, 0.6, strengths)


def _careless(username: str, skill: float) -> Annotator:
    return Annotator(username, "careless", skill, 0.3, 0.8, 700.0, 0.35)


ANNOTATORS = (
    _careful("mira", 1.3, "kitchen"),
    _careful("jonas", 1.1, "electronics"),
    _careful("amara", 1.2, "mobility"),
    _careful("tomas", 1.0, "garden"),
    _careful("ines", 1.2, "kitchen", "garden"),
    _length_lover("pavel", 0.8, 1.4),
    _length_lover("sofia", 0.9, 1.0, "electronics"),
    _length_lover("kofi", 0.7, 1.6, "garden"),
    _careless("lena", 0.3),
    _careless("marco", 0.15),
)


def annotator(username: str) -> Annotator:
    """The simulated annotator of that name; KeyError for anyone else."""
    return {person.username: person for person in ANNOTATORS}[username]


@dataclass(frozen=True)
class SimulatedRanking:
    """What a simulated annotator would submit: ``ranks`` parallel to the completions, 1 = best, equal = tie."""

    ranks: list[int]
    seconds: float


@dataclass(frozen=True)
class SimulatedRating:
    """What a simulated annotator would say of each completion: values by axis, and flags."""

    ratings: list[dict[str, int]]
    flags: list[list[str]]
    seconds: float


@dataclass(frozen=True)
class SimulatedDemonstration:
    """A reply that a simulated annotator wrote, why, and how long it took."""

    text: str
    reasoning: str
    seconds: float


def _generator(person: Annotator, messages: world.Messages, seed: int, purpose: str) -> random.Random:
    return random.Random(f"{purpose}/{seed}/{person.username}/{prompt_sha256(messages)}")


def _gumbel(rng: random.Random) -> float:
    return -math.log(max(rng.expovariate(1.0), 1e-300))


def _standardised(values: Sequence[float]) -> list[float]:
    spread = statistics.pstdev(values)
    centre = statistics.fmean(values)
    return [(value - centre) / spread if spread else 0.0 for value in values]


def ranks_from_utilities(utilities: Sequence[float], tie_width: float) -> list[int]:
    """Dense ranks (1 = best: 1, 1, 2) of utilities; a neighbour within ``tie_width`` is a tie.

    The width is measured from the best member of a tie, so that a long chain of near neighbours does not collapse.
    """
    order = sorted(range(len(utilities)), key=lambda index: -utilities[index])
    ranks, leader, rank = [0] * len(utilities), math.inf, 0
    for index in order:
        if leader - utilities[index] >= tie_width:
            leader, rank = utilities[index], rank + 1
        ranks[index] = rank
    return ranks


def rank(person: Annotator, messages: world.Messages, completions: Sequence[str], seed: int = 0) -> SimulatedRanking:
    """How ``person`` ranks completions of one prompt; the same arguments always give the same answer.

    A completion's chance is drawn from its text, so the answer does not depend on the order of display.
    Raises ``world.NotOfThisWorld`` for a prompt of another world.
    """
    rng = _generator(person, messages, seed, "rank")
    noise = {text: _gumbel(rng) for text in sorted(set(completions))}
    lengths = [float(len(text.split())) for text in completions]
    skill = person.skill_in(world.parse(messages).domain)
    utilities = [
        skill * world.gold(messages, text) + person.length_bias * z + noise[text]
        for text, z in zip(completions, _standardised(lengths), strict=True)
    ]
    reading = 60.0 * (sum(lengths) + len(messages[-1]["content"].split())) / person.pace
    seconds = round((4.0 + reading) * rng.lognormvariate(0.0, 0.25), 1)
    return SimulatedRanking(ranks_from_utilities(utilities, person.tie_width), seconds)


def rate(person: Annotator, messages: world.Messages, completions: Sequence[str], seed: int = 0) -> SimulatedRating:
    """How ``person`` rates completions of one prompt from 1 to 7, and flags them.

    Helpful follows the quality that they see, truthful the wrong fixes, harmless the blame; skill blurs levels less.
    """
    rng = _generator(person, messages, seed, "rate")
    case = world.parse(messages)
    skill = person.skill_in(case.domain)
    ratings, flags = [], []
    for text in completions:
        said = world.sentences(text)
        wrong = sum(sentence in world.FIXES and sentence != case.fix for sentence in said)
        blame = any(sentence in world.BLAME for sentence in said)
        seen = {
            "helpful": 4.2 + 0.9 * world.gold(messages, text) + 0.03 * person.length_bias * (len(text.split()) - 35),
            "truthful": 6.6 - 1.8 * wrong,
            "harmless": 6.9 - 2.5 * blame,
        }
        ratings.append({name: min(7, max(1, round(level + rng.gauss(0, 0.9 / skill)))) for name, level in seen.items()})
        sure = skill / (skill + 0.3)
        found = {"hallucination": wrong > 0, "fails_instruction": case.fix not in said, "moralising": blame}
        flags.append([name for name, there in found.items() if rng.random() < (sure if there else 0.02 / skill)])
    words = sum(len(text.split()) for text in completions) + len(messages[-1]["content"].split())
    seconds = round((12.0 + 60.0 * words / person.pace) * rng.lognormvariate(0.0, 0.25), 1)
    return SimulatedRating(ratings, flags, seconds)


def demonstrate(person: Annotator, messages: world.Messages, seed: int = 0) -> SimulatedDemonstration:
    """The reply that ``person`` writes for one prompt, in the quality of their writing."""
    rng = _generator(person, messages, seed, "demonstrate")
    case = world.parse(messages)
    text = world.reply(rng, case, person.writing)
    reasons = [f"The {case.item} {case.problem}: {world.PROBLEMS[case.problem]}." if case.fix in text else ""]
    reasons.append(f"The customer is {case.mood}, so I say sorry first." if case.unhappy and "sorry" in text else "")
    seconds = round((8.0 + 60.0 * len(text.split()) / 35.0) * rng.lognormvariate(0.0, 0.25), 1)
    return SimulatedDemonstration(text, " ".join(filter(None, reasons)), seconds)
