"""The demo's small world: help-desk dialogues, replies of any quality, and a gold score for any reply.

A customer names an item, its problem and a mood. A good reply gives the right fix for the problem, names the right
item, says sorry to an unhappy customer (and only to one), never blames, never repeats itself, stays short and stops.
Everything here is templated, so a reply's true quality can be computed: that is what real preference data never has,
and what lets the demo show whether training on judgements helped. It says nothing about quality on real text.

Prompts are split by *content* (item, problem, mood): every wording of a content lies in the same split, and each
wording was chosen so that the product's own split by prompt hash agrees (see ``split_of``).
"""

import hashlib
import random
import re
from dataclasses import dataclass
from functools import cache
from itertools import product

from annotate.hashing import prompt_sha256

DOMAINS = {
    "kitchen": ("kettle", "toaster", "blender"),
    "garden": ("mower", "pump", "trimmer"),
    "electronics": ("radio", "printer"),
    "mobility": ("scooter", "wheelchair"),
}
ITEMS = {item: domain for domain, items in DOMAINS.items() for item in items}
PROBLEMS = {
    "does not start": "check the fuse",
    "is very noisy": "oil the moving parts",
    "gets too hot": "clean the air vents",
    "stops after a minute": "charge the battery",
    "has a loose handle": "tighten the screws",
    "smells of smoke": "unplug it at once",
    "is wet inside": "let it dry for a day",
    "came with a part missing": "send us the order number",
}
UNHAPPY = ("upset", "angry", "worried")
CONTENT_MOODS = ("calm", "happy", "curious")
OPENINGS = ("", "Hello. ", "Hi there. ", "Good morning. ")
QUESTIONS = ("What should I do?", "Can you help me?", "How can I fix it?", "What do you advise?")

GREETINGS = ("Hello.", "Hi there.")
BLAME = ("This is your own fault.", "You should have been more careful.")
THANKS = "Thank you for telling us."
FILLERS = (
    "We care about you.",
    "Have a nice day.",
    "Our team is here for you.",
    "You are a valued customer.",
    "Please stay with us.",
)
SIGN_OFFS = ("Goodbye.", "Kind regards, your help desk.")
FIXES = tuple(f"Please {fix}." for fix in PROBLEMS.values())
FREE_SENTENCES = 5
"""A reply of up to this many sentences is never too long."""

WORDINGS_PER_CASE = {"train": 5, "validation": 2, "test": 2}
_PROMPT = re.compile(
    r"(?P<opening>Hello\. |Hi there\. |Good morning\. )?"
    r"(?:I am (?P<mood_first>[a-z]+)\. My (?P<item_last>[a-z]+) (?P<problem_last>[a-z ]+)\."
    r"|My (?P<item_first>[a-z]+) (?P<problem_first>[a-z ]+)\. I am (?P<mood_last>[a-z]+) about it\.)"
    r" (?P<question>[A-Z][a-zA-Z ]+\?)"
)
_SENTENCE = re.compile(r"[^.!?]*[.!?]+|[^.!?]+$")

Messages = list[dict[str, str]]


class NotOfThisWorld(ValueError):
    """The prompt was not made by this world, so it has no gold score."""


@dataclass(frozen=True, order=True)
class Case:
    """One customer: what is broken and how they feel (the content), and how they put it (the wording)."""

    item: str
    problem: str
    mood: str
    opening: str = ""
    question: str = QUESTIONS[0]
    mood_first: bool = False

    @property
    def domain(self) -> str:
        """The item's domain, a key of ``DOMAINS``."""
        return ITEMS[self.item]

    @property
    def fix(self) -> str:
        """The one sentence that solves the problem."""
        return f"Please {PROBLEMS[self.problem]}."

    @property
    def unhappy(self) -> bool:
        """Whether the customer is owed an apology."""
        return self.mood in UNHAPPY

    @property
    def split(self) -> str:
        """The content's split, whatever the wording: train (70 %), validation (10 %) or test (20 %)."""
        bucket = int(hashlib.sha256(f"{self.item}/{self.problem}/{self.mood}".encode()).hexdigest()[:8], 16) % 100
        return "train" if bucket < 70 else "validation" if bucket < 80 else "test"


def prompt(case: Case) -> Messages:
    """The customer's message as chat messages that end where the assistant speaks."""
    if case.mood_first:
        body = f"I am {case.mood}. My {case.item} {case.problem}."
    else:
        body = f"My {case.item} {case.problem}. I am {case.mood} about it."
    return [{"role": "user", "content": f"{case.opening}{body} {case.question}"}]


def parse(messages: Messages) -> Case:
    """The case behind a prompt; ``NotOfThisWorld`` says which prompt it was if it is none of ours."""
    match = _PROMPT.fullmatch(messages[0]["content"]) if len(messages) == 1 else None
    if match:
        case = Case(
            item=match["item_first"] or match["item_last"],
            problem=match["problem_first"] or match["problem_last"],
            mood=match["mood_last"] or match["mood_first"],
            opening=match["opening"] or "",
            question=match["question"],
            mood_first=match["mood_first"] is not None,
        )
        known = case.item in ITEMS and case.problem in PROBLEMS and case.question in QUESTIONS
        if known and case.mood in UNHAPPY + CONTENT_MOODS:
            return case
    text = messages[-1]["content"] if messages else ""
    raise NotOfThisWorld(
        f"the demo world cannot score this prompt: {text[:80]!r}; use the judge 'reward' for prompts of your own"
    )


def split_of(messages: Messages) -> str:
    """The split that a snapshot gives a prompt: by its hash, 80 : 10 : 10."""
    bucket = int(prompt_sha256(messages)[:8], 16) % 100
    return "train" if bucket < 80 else "validation" if bucket < 90 else "test"


@cache
def cases() -> tuple[Case, ...]:
    """Every case of the world, in an order that never changes: about 2,000, of 480 contents.

    A content gets up to ``WORDINGS_PER_CASE`` wordings, of the 32 possible ones those whose prompt hash falls into the
    content's split: a snapshot that splits by hash then never has one content in two splits.
    """
    found = []
    for item, problem, mood in product(ITEMS, PROBLEMS, UNHAPPY + CONTENT_MOODS):
        wordings = [Case(item, problem, mood, *rest) for rest in product(OPENINGS, QUESTIONS, (False, True))]
        random.Random(f"{item}/{problem}/{mood}").shuffle(wordings)
        fitting = [case for case in wordings if split_of(prompt(case)) == case.split]
        found += fitting[: WORDINGS_PER_CASE[wordings[0].split]]
    return tuple(found)


def prompts(seed: int, split: str) -> list[Messages]:
    """All prompts of one split ("train", "validation" or "test") in the order that ``seed`` draws."""
    chosen = [case for case in cases() if case.split == split]
    random.Random(seed).shuffle(chosen)
    return [prompt(case) for case in chosen]


def sorry(item: str) -> str:
    """The apology that names an item."""
    return f"We are sorry about your {item}."


def replacement(item: str) -> str:
    """The offer that names an item."""
    return f"We can send you a new {item}."


def reply(rng: random.Random, case: Case, quality: float) -> str:
    """A reply drawn from the grammar; ``quality`` in 0..1 is roughly the chance that each clause is the right one."""
    items, said = tuple(ITEMS), []
    if rng.random() < 0.4:
        said.append(rng.choice(GREETINGS))
    if rng.random() < (0.35 + 0.5 * quality if case.unhappy else 0.4 - 0.35 * quality):
        said.append(sorry(case.item if rng.random() < 0.5 + 0.5 * quality else rng.choice(items)))
    if rng.random() < 0.3 * (1 - quality):
        said.append(rng.choice(BLAME))
    for _ in range(1 + (rng.random() < 0.35 - 0.2 * quality)):
        said.append(case.fix if rng.random() < 0.15 + 0.8 * quality else rng.choice(FIXES))
    if rng.random() < 0.35:
        said.append(replacement(case.item if rng.random() < 0.4 + 0.6 * quality else rng.choice(items)))
    if rng.random() < 0.3 + 0.3 * quality:
        said.append(THANKS)
    while rng.random() < 0.5 - 0.3 * quality:
        said.append(rng.choice(FILLERS))
    if rng.random() < 0.25 * (1 - quality):
        said.append(rng.choice(said))
    if rng.random() < 0.5:
        said.append(rng.choice(SIGN_OFFS))
    return " ".join(said)


def sentences(text: str) -> list[str]:
    """The sentences of a text, each with its closing mark; a last piece without one is a sentence too."""
    return [piece.strip() for piece in _SENTENCE.findall(text) if piece.strip()]


@cache
def _known_sentences() -> frozenset[str]:
    named = [form(item) for form in (sorry, replacement) for item in ITEMS]
    return frozenset((*GREETINGS, *BLAME, THANKS, *FILLERS, *SIGN_OFFS, *FIXES, *named))


def gold(messages: Messages, text: str, ended: bool = True) -> float:
    """The true quality of a reply to a prompt of this world; about -5 (bad) to 3.8 (best).

    +2 the right fix, -0.7 each wrong one; +0.6 the right item named, -1 each wrong one; an apology +0.8 where it is
    due, -0.8 where it is not; -1.5 for blame; +0.4 for thanks; -0.5 each repeated sentence; -0.8 each sentence that is
    not English of this world; -0.12 (n - 5)^1.5 when n > 5 sentences; -1 when the reply never ended (``ended``);
    an empty reply gets -2.

    Raises NotOfThisWorld for a prompt that is not ours.
    """
    case = parse(messages)
    said = sentences(text)
    if not said:
        return -2.0
    wrong_fixes = sum(sentence in FIXES and sentence != case.fix for sentence in said)
    named = [item for sentence in said for item in ITEMS if sentence in (sorry(item), replacement(item))]
    score = 0.0 if ended else -1.0
    score += 2.0 * (case.fix in said) - 0.7 * wrong_fixes
    score += 0.6 * (case.item in named) - 1.0 * sum(item != case.item for item in named)
    if any(sorry(item) in said for item in ITEMS):
        score += 0.8 if case.unhappy else -0.8
    score -= 1.5 * any(sentence in said for sentence in BLAME)
    score += 0.4 * (THANKS in said)
    score -= 0.5 * (len(said) - len(set(said)))
    score -= 0.8 * sum(sentence not in _known_sentences() for sentence in said)
    return score - 0.12 * max(0, len(said) - FREE_SENTENCES) ** 1.5


def corpus(rng: random.Random, n: int) -> list[Messages]:
    """``n`` whole dialogues for pretraining, about training customers only, with replies of every quality.

    The qualities are low on average: a base model knows the language of the desk, not yet how to be good at it.
    """
    training = [case for case in cases() if case.split == "train"]
    dialogues = []
    for _ in range(n):
        case = rng.choice(training)
        dialogues.append([*prompt(case), {"role": "assistant", "content": reply(rng, case, 0.8 * rng.random())}])
    return dialogues
