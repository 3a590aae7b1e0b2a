"""Many people at once, each on a connection of their own: every place is filled once, and nobody meets an error."""

import contextlib
import random
import threading
from collections import Counter

import pytest

from annotate.errors import DomainError
from annotate.models import Assignment, Campaign, Judgement, Task, User
from annotate.services import choosing
from annotate.services.campaigns import MAX_SMALL, add_task, create_campaign
from annotate.services.claiming import claim_ahead, claim_next_task, open_ahead
from annotate.services.corpus import add_completion, add_producer, add_prompt
from annotate.services.expiring import expire_leases
from annotate.services.judging import submit_and_go_on, submit_ranking
from annotate.services.people import create_annotator
from annotate.services.releasing import release_ahead, release_assignment, skip_assignment
from annotate.services.setup import change_campaign
from tests.services.test_ahead import in_parallel
from tests.services.test_claiming import lapse
from tests.world import add_guideline

TASKS = 40


@pytest.fixture
def campaign(transactional_db) -> Campaign:
    """Forty pairs in two queues that everybody may take from; one judgement each is wanted."""
    add_guideline("ranking")
    campaign = create_campaign(slug="pairs", name="Pairs", kind="ranking", guideline_slug="ranking", overlap=1, by=None)
    for number in range(TASKS):
        add_pair(campaign, number)
    return campaign


def add_pair(campaign: Campaign, number: int, **fields) -> Task:
    prompt = add_prompt(
        messages=[{"role": "user", "content": f"Which? ({number})"}], by=None, domain=("", "physics")[number % 2]
    )
    model = add_producer(name="model", kind="imported")
    completions = [add_completion(prompt=prompt, producer=model, text=f"{number}{one}", by=None) for one in "ab"]
    return add_task(campaign=campaign, prompt=prompt, completions=completions, **fields)[0]


def people(n: int) -> list[User]:
    return [create_annotator(username=f"worker-{number}") for number in range(n)]


def submit(assignment: Assignment, person: User, key: str = "") -> Judgement:
    ranks = dict.fromkeys(assignment.shown_order, 1)
    return submit_ranking(assignment_id=assignment.pk, annotator=person, ranks=ranks, seconds=1, idempotency_key=key)


def refused() -> contextlib.AbstractContextManager:
    """What may be refused with a sentence; nothing else may go wrong."""
    return contextlib.suppress(DomainError)


def work(person: User, campaign: Campaign) -> int:
    """Judge until nothing is left; how many it were."""
    done = 0
    while assignment := claim_next_task(annotator=person, campaign=campaign):
        submit(assignment, person)
        done += 1
    return done


def check_places(campaign: Campaign) -> None:
    """Every place is accounted for, and nobody had a task twice."""
    for task in campaign.tasks.all():
        states = Counter(task.assignments.values_list("state", flat=True))
        assert task.reserved == states["claimed"] + states["submitted"]
        assert task.submitted == states["submitted"] == task.judgements.count()
        assert task.submitted <= task.reserved <= task.target
    theirs = Assignment.objects.filter(state__in=["claimed", "submitted", "skipped"])
    pairs = Counter(theirs.values_list("task", "annotator"))
    assert set(pairs.values()) <= {1}


@pytest.mark.parametrize(("annotators", "repeat"), [(8, 1), (8, 2), (32, 1)])
def test_each_task_is_judged_once_however_many_work(campaign, annotators, repeat):
    done = in_parallel([lambda person=person: work(person, campaign) for person in people(annotators)])
    assert sum(done) == Judgement.objects.count() == TASKS
    assert set(Judgement.objects.values_list("task", flat=True)) == set(campaign.tasks.values_list("pk", flat=True))
    check_places(campaign)


def with_chance(monkeypatch, campaign: Campaign, **rules) -> None:
    """Chance decides as it does in the product, and these are the campaign's rules."""
    monkeypatch.setattr(choosing, "chance", random.SystemRandom())
    change_campaign(campaign=campaign, by=create_annotator(username="admin"), assignment=rules)
    campaign.refresh_from_db()


def test_overlap_is_exact_with_gold_skips_and_leases_that_run_out_while_people_submit(campaign, monkeypatch):
    with_chance(monkeypatch, campaign, random_share=0.5, gold={"first": 1, "rate": 0.3})
    campaign.tasks.update(target=2)
    for number in range(4):
        add_pair(campaign, TASKS + number, purpose="gold", target=MAX_SMALL)
    workers = people(8)
    over = threading.Event()

    def hurried(person: User) -> None:
        """Some tasks run out of time and are submitted late; some are skipped or given back."""
        turn = 0
        while assignment := claim_next_task(annotator=person, campaign=campaign):
            turn += 1
            one = {"assignment_id": assignment.pk, "annotator": person}
            with refused():
                if turn % 10 == 0:
                    release_assignment(**one)
                elif turn % 5 == 0:
                    skip_assignment(**one, reason="not mine")
                else:
                    if turn % 3 == 0:
                        lapse(assignment)
                    submit(assignment, person)

    def reap() -> None:
        while not over.is_set():
            expire_leases()

    def everybody() -> None:
        try:
            in_parallel([lambda person=person: hurried(person) for person in workers])
        finally:
            over.set()

    in_parallel([everybody, reap])
    check_places(campaign)
    for person in workers:  # whoever stopped early, because the last places were just taken, comes back
        work(person, campaign)
    check_places(campaign)
    for task in campaign.tasks.filter(purpose="work", submitted__lt=2):  # those who did not do it, skipped it
        assert task.assignments.filter(state__in=["submitted", "skipped"]).count() == len(workers)


def test_four_tabs_of_one_person_do_every_task_once(campaign):
    campaign.tasks.update(target=3)
    [person] = people(1)

    def tab() -> None:
        while assignment := quietly_claim(person, campaign):
            ahead = claim_ahead(annotator=person, campaign=campaign)
            with refused():
                submit(assignment, person, key=str(assignment.pk))
            with refused():
                if ahead:
                    open_ahead(assignment_id=ahead.pk, annotator=person)
                    release_ahead(assignment_id=ahead.pk, annotator=person)

    in_parallel([tab] * 4)
    assert Judgement.objects.count() == TASKS
    check_places(campaign)


def quietly_claim(person: User, campaign: Campaign) -> Assignment | None:
    while True:
        with refused():
            return claim_next_task(annotator=person, campaign=campaign)


def test_one_key_for_two_tasks_at_once_is_one_judgement(campaign):
    [person] = people(1)
    held = [claim_next_task(annotator=person, campaign=campaign), claim_ahead(annotator=person, campaign=campaign)]

    def send(assignment: Assignment) -> str:
        try:
            return str(submit(assignment, person, key="the same").assignment_id)
        except DomainError as refusal:
            return str(refusal)

    said = in_parallel([lambda assignment=assignment: send(assignment) for assignment in held])
    assert sum("use a new key" in one for one in said) == 1
    assert Judgement.objects.count() == 1
    check_places(campaign)


def test_tabs_that_submit_and_go_on_at_once_stay_within_the_budget(campaign):
    campaign.tasks.update(target=3)
    admin = create_annotator(username="admin")
    change_campaign(campaign=campaign, by=admin, assignment={"budget": {"judgements": 60}})
    campaign.refresh_from_db()
    workers = people(3)

    def claim_within_budget(person: User) -> Assignment | None:
        with refused():
            return claim_next_task(annotator=person, campaign=campaign)

    def tab(person: User) -> None:
        assignment = None
        while assignment or (assignment := claim_within_budget(person)):
            answer = {"ranks": dict.fromkeys(assignment.shown_order, 1)}
            one = {"assignment_id": assignment.pk, "annotator": person, "idempotency_key": str(assignment.pk)}
            assignment = None
            with refused():
                assignment = submit_and_go_on(**one, answer=answer, seconds=1).next

    in_parallel([lambda person=person: tab(person) for person in workers for _ in range(3)])
    for person in workers:
        tab(person)
    assert Judgement.objects.count() == 60
    check_places(campaign)


@pytest.mark.parametrize("repeat", range(6))
def test_who_waits_for_the_last_places_keeps_nobody_from_them(campaign, repeat):
    admin = create_annotator(username="admin")
    crowd = people(12)
    Task.objects.filter(pk__in=list(Task.objects.values_list("pk", flat=True)[6:])).update(withdrawn=True)

    def rearrange() -> None:
        for order in ("breadth", "depth") * 4:
            change_campaign(campaign=Campaign.objects.get(pk=campaign.pk), by=admin, assignment={"order": order})

    in_parallel([rearrange] + [lambda person=person: work(person, campaign) for person in crowd])
    check_places(campaign)
    assert Judgement.objects.count() == 6
