"""Seeding the demo: the plan, through the services that people use, as often as one likes."""

import datetime
import io
from collections import Counter

import pytest
from django.core.management import call_command

from annotate.audit_queries.slices import campaign_audit
from annotate.errors import DomainError
from annotate.guideline_files import KINDS
from annotate.models import Assignment, Campaign, Judgement, RankedCompletion, Skill, Task, User
from annotate.services.campaigns import add_task, create_campaign
from annotate.services.claiming import claim_next_task
from annotate.services.corpus import add_completion, add_producer, add_prompt
from annotate.services.judging import submit
from tests.world import add_guideline
from training.demo import plan, settings, simulated, world
from training.services import demo
from training.services.pipelines import start_pipeline

pytestmark = pytest.mark.django_db
RATED = 2  # of the eight tasks of the small plan, those beyond the handful that is left to people
OTHER_TASKS = 3 * 6 + RATED + 5 + 5 + 3  # pairs, ratings, revisions; steps; texts that are reviewed, their reviews
OTHER_JUDGEMENTS = 3 + 2 * RATED
GOLD, GOLD_JUDGEMENTS = 2, 2 * 10


@pytest.fixture(autouse=True)
def small_plan(monkeypatch, tmp_path, settings):
    """Twelve tasks to rank and two of gold, five to write for, and a data folder of the test's own."""
    monkeypatch.setattr("training.demo.settings.RANKING_TASKS", {"train": 8, "validation": 2, "test": 2})
    monkeypatch.setattr("training.demo.settings.GOLD_TASKS", GOLD)
    monkeypatch.setattr("training.demo.settings.DEMONSTRATIONS", 3)
    monkeypatch.setattr("training.demo.settings.OPEN_DEMONSTRATIONS", 2)
    settings.VAR_DIR = tmp_path
    settings.HOST = "127.0.0.1"
    return tmp_path


@pytest.fixture
def guidelines(db):
    for kind in KINDS:
        add_guideline(kind)


def test_it_says_what_is_missing_without_guidelines():
    with pytest.raises(DomainError, match="sync_guidelines"):
        demo.seed_demo()


def test_it_enters_the_plan(guidelines):
    seeded = demo.seed_demo()
    judgements = 8 + 4 * 3 + 3 + GOLD_JUDGEMENTS + OTHER_JUDGEMENTS
    assert (seeded.tasks, seeded.judgements) == (12 + GOLD + 5 + OTHER_TASKS, judgements)
    plan_tasks = Task.objects.filter(campaign__slug__in=["demo-ranking", "demo-writing"])
    assert Counter(plan_tasks.values_list("campaign__slug", "target", "submitted")) == {
        ("demo-ranking", 2, 1): 8,
        ("demo-ranking", 3, 3): 4,
        ("demo-ranking", 32_767, 10): GOLD,
        ("demo-writing", 1, 1): 3,
        ("demo-writing", 1, 0): 2,
    }
    assert not Assignment.objects.exclude(state=Assignment.State.SUBMITTED).exists()


def test_it_has_every_kind_of_work_for_people(guidelines):
    demo.seed_demo()
    anna = User.objects.get(username="anna")
    for kind in KINDS:
        campaign = Campaign.objects.filter(kind=kind).latest("pk")
        assert claim_next_task(annotator=anna, campaign=campaign), kind
    assert Campaign.objects.get(slug="demo-pairs").parsed_form.strength
    assert all(task.steps for task in Task.objects.filter(campaign__slug="demo-steps"))


def test_step_labels_and_ratings_do_not_take_the_night_out_of_its_world(guidelines):
    demo.seed_demo()
    anna = User.objects.get(username="anna")
    steps = Campaign.objects.get(slug="demo-steps")
    held = claim_next_task(annotator=anna, campaign=steps)
    submit(assignment_id=held.pk, annotator=anna, answer={"labels": ["bad"]}, seconds=1)
    pipeline, _ = start_pipeline(date=datetime.date(2026, 11, 21), trigger="nightly")
    assert pipeline.config["world"]
    assert pipeline.config["campaigns"] == ["demo-ranking", "demo-reviewed", "demo-writing"]
    assert steps not in demo.demo_campaigns()


def test_it_adds_nothing_the_second_time(guidelines):
    demo.seed_demo()
    before = (User.objects.count(), Task.objects.count(), Judgement.objects.count())
    again = demo.seed_demo()
    assert (again.tasks, again.judgements, again.passwords) == (0, 0, {})
    assert (User.objects.count(), Task.objects.count(), Judgement.objects.count()) == before


def test_it_goes_on_where_it_was_interrupted(guidelines, monkeypatch):
    def give_up(done, total, message):
        if "rank" in message and "simulated" in message:
            raise KeyboardInterrupt

    monkeypatch.setattr(demo, "AT_ONCE", 5)
    with pytest.raises(KeyboardInterrupt):
        demo.seed_demo(progress=give_up)
    assert Judgement.objects.count() == 5
    demo.seed_demo()
    assert Judgement.objects.count() == 8 + 4 * 3 + 3 + GOLD_JUDGEMENTS + OTHER_JUDGEMENTS


def test_it_enters_exactly_what_the_simulated_annotators_said(guidelines):
    demo.seed_demo()
    for planned in plan.make_plan().ranking:
        for person in planned.judges:
            expected = simulated.rank(person, planned.messages, planned.completions)
            ranked = RankedCompletion.objects.filter(
                judgement__annotator__username=person.username,
                judgement__task__prompt__messages=planned.messages,
            )
            assert {row.completion.text: row.rank for row in ranked} == dict(
                zip(planned.completions, expected.ranks, strict=True)
            )
            assert ranked[0].judgement.seconds == expected.seconds


def test_it_lets_people_log_in_and_nobody_as_a_simulated_annotator(guidelines, small_plan):
    passwords = demo.seed_demo().passwords
    assert passwords == {"admin": "demo-admin", "anna": "demo-anna", "ben": "demo-ben"}
    assert all(User.objects.get(username=name).check_password(word) for name, word in passwords.items())
    assert User.objects.get(username="admin").is_admin
    assert all(word in (small_plan / "demo-accounts.txt").read_text() for word in passwords.values())
    machines = User.objects.filter(is_simulated=True)
    assert {user.username for user in machines} == {person.username for person in simulated.ANNOTATORS}
    assert not any(user.has_usable_password() for user in machines)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "concord.example.org"])
def test_it_makes_passwords_that_nobody_guesses_where_others_can_reach_it(guidelines, settings, host):
    settings.HOST = host
    passwords = demo.seed_demo().passwords
    assert all(len(word) >= 16 and "demo" not in word for word in passwords.values())
    assert len(set(passwords.values())) == len(passwords)


def test_it_says_how_far_it_is(guidelines):
    heard = []
    demo.seed_demo(progress=lambda done, total, message: heard.append((done, total)))
    assert heard[-1] == (17 + GOLD + 23 + GOLD_JUDGEMENTS,) * 2
    assert [done for done, _ in heard] == sorted(done for done, _ in heard)


def test_it_prints_the_accounts(guidelines):
    said = io.StringIO()
    call_command("seed_demo", stdout=said)
    assert "52 new tasks and 50 new judgements" in said.getvalue()
    assert "demo-admin" in said.getvalue()


def test_it_lets_simulated_annotators_do_whatever_is_open(guidelines):
    demo.seed_demo()
    campaign = Campaign.objects.get(slug=demo.RANKING)
    assert demo.simulate_judgements(campaign=campaign) == 8
    assert set(campaign.tasks.filter(purpose="work").values_list("target", "submitted")) == {(2, 2), (3, 3)}
    assert demo.simulate_judgements(campaign=campaign) == 0
    assert campaign_audit(campaign=campaign).overall.n_judgements == 8 * 2 + 4 * 3


def test_it_takes_only_campaigns_of_the_world_for_the_demos(guidelines):
    demo.seed_demo()
    other = create_campaign(slug="sky", name="Sky", kind="ranking", guideline_slug="ranking", by=None)
    prompt = add_prompt(messages=[{"role": "user", "content": "Why is the sky blue?"}], by=None)
    producer = add_producer(name="model", kind="imported")
    completions = [add_completion(prompt=prompt, producer=producer, text=text, by=None) for text in ("Air.", "Water.")]
    add_task(campaign=other, prompt=prompt, completions=completions)
    learned = {"demo-pairs", "demo-ranking", "demo-review", "demo-reviewed", "demo-revision", "demo-writing"}
    assert {campaign.slug for campaign in demo.demo_campaigns()} == learned
    with pytest.raises(world.NotOfThisWorld):
        demo.simulate_judgements(campaign=other)
    assert other.tasks.get().reserved == 0


def test_it_leaves_places_for_people():
    assert all(settings.TARGET[split] >= count for split, count in settings.JUDGEMENTS.items())
    assert settings.TARGET["train"] > settings.JUDGEMENTS["train"]


def test_it_hides_gold_whose_answer_the_world_knows(guidelines):
    demo.seed_demo()
    gold = Task.objects.filter(campaign__slug="demo-ranking", purpose="gold")
    assert gold.count() == GOLD
    for task in gold:
        texts = dict(task.completions.values_list("pk", "text"))
        quality = {pk: world.gold(task.prompt.messages, text) for pk, text in texts.items()}
        ranked = sorted(texts, key=lambda pk: task.gold.answer["ranks"][str(pk)])
        assert [quality[pk] for pk in ranked] == sorted(quality.values(), reverse=True)
    assert not gold.filter(position__in=[0, 12, 13]).exists()


def test_gold_shows_who_is_careless(guidelines, monkeypatch):
    monkeypatch.setattr("training.demo.settings.GOLD_TASKS", 12)
    demo.seed_demo()
    skill = dict(Skill.objects.filter(domain=None).values_list("annotator__username", "right"))
    kinds = {person.username: person.kind for person in simulated.ANNOTATORS}
    careful = [right for name, right in skill.items() if kinds[name] == "careful"]
    careless = [right for name, right in skill.items() if kinds[name] == "careless"]
    assert max(careless) < min(careful)
