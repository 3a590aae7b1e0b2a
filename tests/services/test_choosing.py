"""Chances of tasks: what is stored is what happens, in every lane, over several queues, and all of them make one."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from math import comb

import pytest
from django.db import transaction

from annotate.models import Assignment, Campaign, Task, User
from annotate.services import choosing
from annotate.services.campaigns import add_task, create_campaign
from annotate.services.choosing import Taken, take_next
from annotate.services.claiming import claim_next_task
from annotate.services.conversation import withdraw_task
from annotate.services.corpus import add_completion, add_producer, add_prompt, person_as_producer
from annotate.services.people import create_annotator
from annotate.services.queues import access_of
from annotate.services.releasing import skip_assignment
from annotate.services.setup import change_campaign
from tests.world import add_guideline

EXACT = 1e-9
DRAWS = {"a": 0.08, "b": 0.3, "c": 0.31, "d": 0.77, "closed": 0.5, "withdrawn": 0.6, "own": 0.9, "skipped": 0.2}
GOLD = {"gold": 0.45, "more gold": 0.95}
PLAIN = {"random_share": 0.25, "gold": {"rate": 0}}
MIXED = {"random_share": 0.25, "gold": {"rate": 0.3}}


class Dice:
    """Chance that falls as it is told to; a number more than was expected is an error."""

    def __init__(self, *numbers: float):
        self.numbers = list(numbers)

    def random(self) -> float:
        return self.numbers.pop(0)


@pytest.fixture
def campaign(db) -> Campaign:
    add_guideline("ranking")
    return create_campaign(slug="pairs", name="Pairs", kind="ranking", guideline_slug="ranking", overlap=2, by=None)


@pytest.fixture
def ann(db) -> User:
    return create_annotator(username="ann")


def add(campaign: Campaign, name: str, draw: float, *, purpose: str = "work", by: User | None = None) -> Task:
    """A task at this place of the circle; every other one is in a domain, and so in a second queue."""
    number = campaign.tasks.count()
    domain = ("", "physics")[number % 2]
    prompt = add_prompt(messages=[{"role": "user", "content": name}], domain=domain, by=None)
    writers = [person_as_producer(user=by) if by else add_producer(name="one", kind="imported")]
    writers.append(add_producer(name="other", kind="imported"))
    pair = [
        add_completion(prompt=prompt, producer=writer, text=f"{name} {n}", by=None) for n, writer in enumerate(writers)
    ]
    task = add_task(campaign=campaign, prompt=prompt, completions=pair, purpose=purpose, target=9)[0]
    Task.objects.filter(pk=task.pk).update(draw=draw)
    return task


@pytest.fixture
def tasks(campaign, ann) -> dict[str, Task]:
    """Four tasks that Ann may be given, in two queues, and four that she may not; two with a known answer."""
    made = {name: add(campaign, name, draw, by=ann if name == "own" else None) for name, draw in DRAWS.items()}
    Task.objects.filter(pk=made["closed"].pk).update(target=1, reserved=1)
    withdraw_task(task_id=made["withdrawn"].pk)
    others = Task.objects.exclude(pk=made["skipped"].pk).filter(withdrawn=False)
    others.update(withdrawn=True)
    held = claim_next_task(annotator=ann, campaign=campaign)
    skip_assignment(assignment_id=held.pk, annotator=ann, reason="not my field")
    Task.objects.exclude(pk=made["withdrawn"].pk).update(withdrawn=False)
    made |= {name: add(campaign, name, draw, purpose="gold") for name, draw in GOLD.items()}
    return made


def rules(campaign: Campaign, assignment: dict) -> None:
    change_campaign(campaign=campaign, by=None, assignment=assignment)
    campaign.refresh_from_db()


def throw(ann: User, campaign: Campaign, dice) -> Taken | None:
    """What she would be given when chance falls so; nothing is changed."""
    with pytest.MonkeyPatch.context() as patched, transaction.atomic():
        patched.setattr(choosing, "chance", dice)
        taken = take_next(annotator=ann, campaign=campaign, access=access_of(annotator=ann, campaign=campaign))
        transaction.set_rollback(True)
    return taken


def every_throw(campaign: Campaign) -> Iterator[tuple[float, Dice]]:
    """Every way in which chance can fall that makes a difference, with how likely it is."""
    given = campaign.assignment_rules
    gold = given.gold.rate if campaign.tasks.filter(purpose="gold").exists() else 0.0
    ends = sorted({0.0, 1.0, *campaign.tasks.values_list("draw", flat=True)})
    arcs = [(high - low, (low + high) / 2) for low, high in pairwise(ends)]
    lanes = [(gold, (0.0,))] if gold else []
    no_gold = (gold,) if gold else ()
    lanes.append(((1 - gold) * given.drawn_share, (*no_gold, 0.0)))
    for chance, dice in lanes:
        for arc, point in arcs:
            yield chance * arc, Dice(*dice, point, 0.0)
    if given.drawn_share < 1:
        yield (1 - gold) * (1 - given.drawn_share), Dice(*no_gold, given.drawn_share)


def check_chances(ann: User, campaign: Campaign) -> dict[int, float]:
    """Each task's chance, summed over every throw, is what is stored with it each time; all of them make one."""
    chances: dict[int, float] = defaultdict(float)
    stored: dict[int, set[float]] = defaultdict(set)
    for likely, dice in every_throw(campaign):
        taken = throw(ann, campaign, dice)
        chances[taken.task_id] += likely
        stored[taken.task_id].add(taken.probability)
    assert sum(chances.values()) == pytest.approx(1, abs=EXACT)
    for task, probabilities in stored.items():
        assert list(probabilities) == pytest.approx([chances[task]] * len(probabilities), abs=EXACT)
    return chances


@pytest.mark.parametrize("order", ["depth", "breadth", "random"])
@pytest.mark.parametrize("mixed", [PLAIN, MIXED])
def test_the_stored_chance_is_the_chance_and_all_chances_make_one(ann, campaign, tasks, order, mixed):
    rules(campaign, {**mixed, "order": order})
    chances = check_chances(ann, campaign)
    given = {"a", "b", "c", "d", *(GOLD if mixed is MIXED else ())}
    assert set(chances) == {tasks[name].pk for name in given}


def test_a_chance_is_the_arc_before_the_task_over_what_is_free_for_this_person(ann, campaign, tasks):
    rules(campaign, {**PLAIN, "random_share": 1.0})
    chances = check_chances(ann, campaign)
    arcs = {"a": 0.08 - 0.77 + 1, "b": 0.3 - 0.08, "c": 0.31 - 0.3, "d": 0.77 - 0.31}
    assert chances == pytest.approx({tasks[name].pk: arc for name, arc in arcs.items()}, abs=EXACT)


def test_the_first_in_order_has_the_rest_of_the_chance_too(ann, campaign, tasks):
    rules(campaign, PLAIN)
    assert check_chances(ann, campaign)[tasks["a"].pk] == pytest.approx(0.75 + 0.25 * (0.08 - 0.77 + 1), abs=EXACT)


@pytest.mark.parametrize("draw", [0.0, 1e-17, 0.1, 0.3, 0.7, 1 - 2**-53])
@pytest.mark.parametrize("share", [0.01, 0.1, 1.0])
def test_a_task_that_is_alone_is_certain(ann, campaign, draw, share):
    add(campaign, "alone", draw)
    rules(campaign, {"random_share": share})
    for dice in (Dice(0.0, 0.5, 0.0), Dice(1 - 2**-53, 0.5, 0.0)):
        taken = throw(ann, campaign, dice)
        assert taken.probability == pytest.approx(1, abs=EXACT)
        assert taken.probability <= 1


def test_a_point_beyond_the_last_task_goes_on_at_the_first(ann, campaign, tasks):
    rules(campaign, {**PLAIN, "random_share": 1.0})
    for point, name in ((0.0, "a"), (0.08, "a"), (0.0801, "b"), (0.78, "a"), (0.9999, "a")):
        assert throw(ann, campaign, Dice(0.0, point, 0.0)).task_id == tasks[name].pk


def test_gold_is_certain_while_somebody_is_new(ann, campaign, tasks):
    rules(campaign, {"gold": {"first": 1, "rate": 0.1}})
    taken = [throw(ann, campaign, Dice(1 - 2**-53, point, 0.0)) for point in (0.4, 0.5)]
    assert [one.task_id for one in taken] == [tasks["gold"].pk, tasks["more gold"].pk]
    assert [one.probability for one in taken] == pytest.approx([0.5, 0.5], abs=EXACT)


def test_tasks_come_as_often_as_their_chance_says(ann, campaign, tasks):
    rules(campaign, MIXED)
    dice, n = random.Random(20), 600
    taken = [throw(ann, campaign, dice) for _ in range(n)]
    for task, times in Counter(one.task_id for one in taken).items():
        stored = [one.probability for one in taken if one.task_id == task]
        assert max(stored) - min(stored) < EXACT
        assert tail(times, n, stored[0]) > 1e-4  # six tasks: a right one would fail once in some thousand seeds
    lanes = Counter(one.lane for one in taken)
    shares = {"gold": 0.3, "random": 0.7 * 0.25, "ordered": 0.7 * 0.75}
    assert set(lanes) == set(shares)
    for lane, share in shares.items():
        assert tail(lanes[lane], n, share) > 1e-4


def tail(times: int, n: int, chance: float) -> float:
    """How likely it is that something of this chance happens so rarely, or so often, in n times: the smaller one."""
    at = [comb(n, k) * chance**k * (1 - chance) ** (n - k) for k in range(n + 1)]
    return min(sum(at[: times + 1]), sum(at[times:]))


def test_the_chance_is_stored_with_the_assignment(ann, campaign, tasks, monkeypatch):
    rules(campaign, {**PLAIN, "random_share": 1.0})
    monkeypatch.setattr(choosing, "chance", Dice(0.0, 0.5, 0.0))
    held = Assignment.objects.get(pk=claim_next_task(annotator=ann, campaign=campaign).pk)
    assert (held.task_id, held.lane) == (tasks["d"].pk, "random")
    assert held.probability == pytest.approx(0.77 - 0.31, abs=EXACT)
