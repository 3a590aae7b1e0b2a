"""Whatever a few people and an admin do, in whatever order: assignment stays exact. A state machine tries it out.

MACHINE_EXAMPLES and MACHINE_STEPS let it look further than a run of the suite has time for.
"""

import os
import random
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import Count, F, Q
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from annotate.errors import DomainError
from annotate.models import Assignment, Campaign, Judgement, Profile, Task, User
from annotate.services import choosing
from annotate.services.campaigns import MAX_SMALL, add_task, create_campaign
from annotate.services.claiming import claim_ahead, claim_next_task, extend_lease, open_ahead
from annotate.services.conversation import restore_task, withdraw_task
from annotate.services.corpus import add_completion, add_producer, add_prompt, person_as_producer
from annotate.services.expiring import expire_leases
from annotate.services.gold import make_gold
from annotate.services.judging import correct, submit_ranking
from annotate.services.people import create_annotator
from annotate.services.preferences import choose_opt_outs
from annotate.services.releasing import release_ahead, release_assignment, skip_assignment
from annotate.services.setup import change_campaign, move_campaign
from tests.world import add_guideline

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "12"))
STEPS = int(os.environ.get("MACHINE_STEPS", "40"))
TAKEN = ["claimed", "submitted"]
THEIRS = [*TAKEN, "skipped"]
WARNING = "violence"

PERSON = st.integers(0, 3)
TASK = st.integers(0, 7)
RECENT = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 4])
"""Which of a person's assignments: 0 is the last."""
RULES = st.fixed_dictionaries(
    {},
    optional={
        "order": st.sampled_from(["depth", "breadth", "random"]),
        "first": st.sampled_from(["disagreement", "uncertainty"]),
        "random_share": st.sampled_from([0.01, 0.5, 1.0]),
        "gold": st.sampled_from([{"first": 1, "rate": 0.3}, {"rate": 0.5}, {"rate": 0}]),
    },
)


@dataclass
class Place:
    """Where the machine runs: four people, of whom the first wrote a completion of a task, and eight tasks."""

    people: list[User]
    admin: User
    campaign: Campaign
    tasks: list[Task] = field(default_factory=list)


@pytest.fixture
def place(db) -> Place:
    """Three queues of work with overlaps from one to three (plain, in a domain, with a warning), and two gold tasks."""
    add_guideline("ranking")
    people = [create_annotator(username=name) for name in ("ann", "ben", "cat", "dan")]
    admin = people[3]
    campaign = create_campaign(
        slug="pairs", name="Pairs", kind="ranking", guideline_slug="ranking", overlap=2, by=admin
    )
    place = Place(people, admin, campaign)
    for number, target in enumerate((1, 2, 3, 1, 2, 1, 1, 1)):
        purpose = "gold" if number >= 6 else "work"
        prompt = add_prompt(
            messages=[{"role": "user", "content": f"Which? ({number})"}],
            by=admin,
            domain="physics" if number in (3, 4) else "",
            warnings=[WARNING] if number in (5, 7) else [],
        )
        writers = [add_producer(name="model", kind="imported"), add_producer(name="other", kind="imported")]
        if number in (1, 3):
            writers[0] = person_as_producer(user=people[0])
        completions = [
            add_completion(prompt=prompt, producer=writer, text=f"{number}, {place}", by=admin)
            for place, writer in enumerate(writers)
        ]
        target = MAX_SMALL if purpose == "gold" else target
        task = add_task(campaign=campaign, prompt=prompt, completions=completions, target=target, purpose=purpose)[0]
        if purpose == "gold":
            ranks = {completion.pk: rank for rank, completion in enumerate(completions, start=1)}
            make_gold(task=task, answer={"ranks": ranks}, explanation="", by=admin)
        # What is random elsewhere is fixed here, so that a failure can be repeated.
        scores = {"disagreement": (None, 0.5, 1.0)[number % 3], "uncertainty": (0.25, None)[number % 2]}
        Task.objects.filter(pk=task.pk).update(draw=(number * 0.37 + 0.11) % 1, **scores)
        place.tasks.append(task)
    return place


class Assigning(RuleBasedStateMachine):
    """What people and admins can do. Each rule says what must come of it; the invariants hold after every step."""

    place: Place

    def __init__(self):
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        self.people = [User.objects.get(pk=person.pk) for person in self.place.people]
        self.held: dict[int, list[Assignment]] = {person.pk: [] for person in self.people}
        self.keys: dict[Assignment, Judgement] = {}

    def teardown(self):
        transaction.set_rollback(True)
        self.undo.__exit__(None, None, None)

    @initialize(seed=st.integers(0, 2**16), rules=RULES)
    def begin(self, seed, rules):
        choosing.chance = random.Random(seed)
        self.change_rules(rules)

    # --- What is so -----------------------------------------------------------------------------------------------

    @property
    def campaign(self) -> Campaign:
        return Campaign.objects.get(pk=self.place.campaign.pk)

    def may_get(self, person: User) -> set[int]:
        """The tasks that this person may be given now, found the long way."""
        profile = Profile.objects.filter(user=person).first()
        avoided = Q(prompt__content_warnings__kind__in=profile.opt_outs if profile else [])
        theirs = person.assignments.filter(state__in=THEIRS).values("task")
        free = Task.objects.filter(campaign=self.place.campaign, reserved__lt=F("target"), withdrawn=False)
        free = free.exclude(pk__in=theirs).exclude(completions__producer__user=person).exclude(avoided)
        return set(free.values_list("pk", flat=True))

    def holds(self, person: User, *, opened: bool | None = None) -> list[Assignment]:
        held = person.assignments.filter(campaign=self.place.campaign, state="claimed")
        return list(held if opened is None else held.filter(opened_at__isnull=not opened))

    def remember(self, person: User, assignment: Assignment) -> None:
        known = self.held[person.pk]
        if assignment in known:
            known.remove(assignment)
        known.append(assignment)

    def recent(self, person: User, back: int) -> Assignment | None:
        """One of the assignments that this person was given, as it is now."""
        known = self.held[person.pk]
        return Assignment.objects.get(pk=known[-1 - back % len(known)].pk) if known else None

    # --- What annotators do ---------------------------------------------------------------------------------------

    @rule(who=PERSON)
    def claim(self, who):
        person = self.people[who]
        before, may_get = self.holds(person), self.may_get(person)
        if not before and self.campaign.state != "open":
            with pytest.raises(DomainError, match="is paused"):
                claim_next_task(annotator=person, campaign=self.campaign)
            return
        got = claim_next_task(annotator=person, campaign=self.campaign)
        if before:
            assert got in before
        else:
            self.check_new(got, may_get)
        if got:
            assert self.holds(person, opened=True) == [got]
            self.remember(person, got)

    @rule(who=PERSON)
    def lease_ahead(self, who):
        person = self.people[who]
        before, may_get = self.holds(person, opened=False), self.may_get(person)
        got = claim_ahead(annotator=person, campaign=self.campaign)
        if before:
            assert [got] == before
        elif self.campaign.state == "open":
            self.check_new(got, may_get)
        else:
            assert got is None
        if got:
            self.remember(person, got)

    def check_new(self, got: Assignment | None, may_get: set[int]) -> None:
        """Something is given where something can be given, and then with its lane and its chance."""
        if got is None:
            work = Task.objects.filter(pk__in=may_get, purpose="work")
            assert not work.exists(), "there was work for this person"
            return
        assert got.task_id in may_get
        assert got.lane == "gold" if got.task.purpose == "gold" else got.lane in ("random", "ordered")

    @rule(who=PERSON, back=RECENT)
    def open_what_is_ahead(self, who, back):
        person = self.people[who]
        if not (ahead := self.recent(person, back)):
            return
        try:
            opened = open_ahead(assignment_id=ahead.pk, annotator=person)
        except DomainError:
            assert ahead.state != "claimed"
        else:
            assert Assignment.objects.get(pk=opened.pk).state == "claimed"

    @rule(who=PERSON, back=RECENT, again=st.booleans())
    def submit(self, who, back, again):
        """In time, late, twice with one key."""
        person = self.people[who]
        if not (mine := self.recent(person, back)):
            return
        others = person.assignments.filter(task=mine.task_id, state__in=THEIRS).exclude(pk=mine.pk)
        lost = mine.state in ("released", "expired")
        late = lost and mine.task.reserved < mine.task.target and not others.exists()
        for _ in range(1 + again):
            try:
                judgement = self._submit(person, mine)
            except DomainError:
                assert mine.state != "claimed"
                assert not late
                assert mine not in self.keys
                if lost:
                    assert Assignment.objects.get(pk=mine.pk).draft
            else:
                assert mine.state == "claimed" or late or self.keys[mine] == judgement
                assert self.keys.setdefault(mine, judgement) == judgement

    def _submit(self, person: User, mine: Assignment) -> Judgement:
        ranks = dict(zip(mine.shown_order, (1, 2), strict=True))
        key = str(mine.pk)
        return submit_ranking(assignment_id=mine.pk, annotator=person, ranks=ranks, seconds=1, idempotency_key=key)

    @rule(who=PERSON, back=RECENT)
    def correct_it(self, who, back):
        person = self.people[who]
        mine = self.recent(person, back)
        newest = mine and mine.judgements.order_by("-version").first()
        if newest:
            answer = {"ranks": dict.fromkeys(mine.shown_order, 1)}
            correct(judgement_id=newest.pk, annotator=person, answer=answer, seconds=2)

    @rule(who=PERSON, back=RECENT, what=st.sampled_from(["skip", "release", "release_ahead", "heartbeat"]))
    def let_go_or_hold(self, who, back, what):
        person = self.people[who]
        if not (mine := self.recent(person, back)):
            return
        one = {"assignment_id": mine.pk, "annotator": person}
        try:
            match what:
                case "skip":
                    skip_assignment(**one, reason="not my field")
                case "release":
                    release_assignment(**one)
                case "release_ahead":
                    assert release_ahead(**one) == (mine.state == "claimed" and mine.opened_at is None)
                case "heartbeat":
                    extend_lease(**one)
        except DomainError:
            assert mine.state != "claimed"

    @rule(who=PERSON, kinds=st.sampled_from([[], [WARNING]]))
    def opt_out(self, who, kinds):
        choose_opt_outs(user=self.people[who], kinds=kinds)
        self.people[who] = User.objects.get(pk=self.people[who].pk)  # as the next request would

    # --- What time and admins do ------------------------------------------------------------------------------------

    @rule(who=PERSON)
    def lapse(self, who):
        held = Assignment.objects.filter(annotator=self.people[who], state="claimed")
        n_held = held.update(lease_expires_at=timezone.now() - timedelta(minutes=1))
        assert expire_leases() == n_held

    @rule(which=TASK, places=st.integers(1, 4))
    def retarget(self, which, places):
        Task.objects.filter(pk=self.place.tasks[which].pk, reserved__lte=places).update(target=places)

    @rule(which=TASK, withdrawn=st.booleans())
    def withdraw(self, which, withdrawn):
        (withdraw_task if withdrawn else restore_task)(task_id=self.place.tasks[which].pk)

    @rule(which=TASK)
    def warn(self, which):
        """A prompt gets a warning, and so its task another queue."""
        prompt = self.place.tasks[which].prompt
        add_prompt(messages=prompt.messages, by=self.place.admin, warnings=["hate"])

    @rule(rules=RULES)
    def change_rules(self, rules):
        change_campaign(campaign=self.campaign, by=self.place.admin, assignment=rules)

    @rule()
    @precondition(lambda self: self.campaign.state == "open")
    def pause(self):
        move_campaign(campaign=self.campaign, state="paused", by=self.place.admin)

    @rule()
    @precondition(lambda self: self.campaign.state == "paused")
    def reopen(self):
        move_campaign(campaign=self.campaign, state="open", by=self.place.admin)

    # --- What always holds ----------------------------------------------------------------------------------------

    @invariant()
    def places_are_counted_exactly(self):
        tasks = Task.objects.filter(campaign=self.place.campaign).annotate(
            n_taken=Count("assignments", filter=Q(assignments__state__in=TAKEN), distinct=True),
            n_done=Count("assignments", filter=Q(assignments__state="submitted"), distinct=True),
            n_judged=Count("judgements", filter=Q(judgements__version=1), distinct=True),
        )
        for task in tasks:
            assert task.reserved == task.n_taken
            assert task.submitted == task.n_done == task.n_judged
            assert task.submitted <= task.reserved <= task.target

    @invariant()
    def urgency_follows_from_score_and_places(self):
        rules = self.campaign.assignment_rules
        for task in Task.objects.filter(campaign=self.place.campaign).select_related("queue"):
            step = 0 if task.purpose == "gold" else rules.step
            score = getattr(task, rules.first) if rules.first and task.purpose != "gold" else None
            assert task.queue.step == step
            assert task.urgency == pytest.approx(Task.URGENT * (score or 0) + step * task.reserved)

    @invariant()
    def nobody_gets_a_task_twice_or_what_they_wrote(self):
        theirs = Assignment.objects.filter(state__in=THEIRS)
        pairs = list(theirs.values_list("task", "annotator"))
        assert len(pairs) == len(set(pairs))
        assert not Assignment.objects.filter(task__completions__producer__user=F("annotator")).exists()

    @invariant()
    def everybody_holds_one_open_and_one_ahead_at_most(self):
        claimed = Assignment.objects.filter(state="claimed").values_list("annotator", "opened_at")
        holds = [(annotator, opened_at is None) for annotator, opened_at in claimed]
        assert len(holds) == len(set(holds))

    @invariant()
    def every_choice_has_its_chance(self):
        for lane, probability in Assignment.objects.values_list("lane", "probability"):
            assert lane
            assert 0 < probability <= 1

    @invariant()
    def every_answer_is_one_judgement(self):
        first = Judgement.objects.filter(version=1).values_list("assignment", flat=True)
        assert sorted(map(str, first)) == sorted(str(assignment.pk) for assignment in self.keys)


def test_assignment_stays_exact_whatever_people_and_admins_do(place, monkeypatch):
    monkeypatch.setattr(choosing, "chance", choosing.chance)  # each example throws its own dice
    machine = type("Assigning", (Assigning,), {"place": place})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            derandomize="MACHINE_EXAMPLES" not in os.environ,
            database=None,
            deadline=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )
