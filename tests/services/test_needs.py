"""What a campaign needs of a person: a domain, a language, a measured skill. Decided over queues."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotate import queries
from annotate.models import Domain, Expertise, Profile, Prompt, Skill, User
from annotate.services.claiming import claim_next_task
from annotate.services.judging import submit_and_go_on, submit_ranking
from annotate.services.queues import access_of, requeue
from annotate.services.setup import change_campaign
from tests.services.test_skills import add_gold, answer


def need(world, **needs) -> None:
    """The ranking campaign asks for this."""
    change_campaign(campaign=world.ranking, by=world.carol, assignment={"needs": needs})


def declare(user, domain: str, level: str, *, verified_by=None) -> None:
    """What somebody says that they know."""
    Expertise.objects.create(
        user=user,
        domain=Domain.objects.get(slug=domain),
        level=level,
        evidence="A degree.",
        declared_at=timezone.now(),
        verified_by=verified_by,
        verified_at=verified_by and timezone.now(),
    )


def open_domains(user, world) -> set[str]:
    """The domains of the work that this person may take."""
    open_to_them = access_of(annotator=user, campaign=world.ranking).work
    found = world.ranking.queues.filter(pk__in=open_to_them).select_related("domain")
    return {queue.domain.slug if queue.domain else "" for queue in found}


def why(user, world) -> list[dict]:
    """Why the rest is closed to them."""
    return [dict(one.why) for one in access_of(annotator=user, campaign=world.ranking).closed]


def measure(user, n: int, right: float, domain: str = "") -> None:
    """Somebody's skill, as gold has measured it."""
    where = Domain.objects.get(slug=domain) if domain else None
    Skill.objects.create(annotator=user, domain=where, n=n, right=right)


@pytest.mark.parametrize(("level", "may"), [("none", False), ("some", False), ("good", True), ("expert", True)])
def test_a_domain_goes_to_those_who_declare_that_they_know_it_well(world, level, may):
    need(world, domain="declared")
    declare(world.alice, "art", level)
    assert open_domains(world.alice, world) == ({"art"} if may else set())
    assert {"domain": Domain.objects.get(slug="physics"), "level": "declared"} in why(world.alice, world)


def test_a_domain_goes_to_those_whose_knowledge_is_verified(world):
    need(world, domain="verified")
    declare(world.alice, "art", "expert")
    declare(world.alice, "physics", "good", verified_by=world.carol)
    assert open_domains(world.alice, world) == {"physics"}
    assert why(world.alice, world) == [{"domain": Domain.objects.get(slug="art"), "level": "verified"}]


def test_work_without_a_domain_is_open_to_all(world):
    need(world, domain="verified")
    Prompt.objects.update(domain=None)
    for task in world.ranking_tasks:
        requeue(prompt=Prompt.objects.get(pk=task.prompt_id))
    assert "" in open_domains(world.alice, world)
    assert claim_next_task(annotator=world.alice, campaign=world.ranking) is not None


def test_the_demos_annotators_need_to_declare_nothing(world):
    need(world, domain="verified", language=True)
    Prompt.objects.update(language="de")
    for task in world.ranking_tasks:
        requeue(prompt=Prompt.objects.get(pk=task.prompt_id))
    User.objects.filter(pk=world.bob.pk).update(is_simulated=True)
    world.bob.refresh_from_db()
    assert why(world.alice, world)
    assert why(world.bob, world) == []


@pytest.mark.parametrize(
    ("languages", "may"),
    [([], False), (["en"], False), (["de"], True), (["en", "de-CH"], True), (["gsw"], False)],
)
def test_a_language_goes_to_those_who_read_it(world, languages, may):
    need(world, language=True)
    prompt = world.ranking_tasks[0].prompt
    prompt.language = "de-AT"
    prompt.save()
    requeue(prompt=prompt)
    Profile.objects.create(user=world.alice, languages=languages)
    given = {claim_and_submit(world.alice, world) for _ in range(2 + may)}
    assert (world.ranking_tasks[0].pk in given) == may
    assert ({"language": "de-AT"} in why(world.alice, world)) != may


def claim_and_submit(user, world) -> int:
    """The id of the next task, done."""
    held = claim_next_task(annotator=user, campaign=world.ranking)
    submit_ranking(assignment_id=held.pk, annotator=user, ranks=dict.fromkeys(held.shown_order, 1), seconds=1)
    return held.task_id


# Skill


def test_skill_counts_in_the_domain_where_it_is_measured_there(world):
    need(world, skill=0.7, measured=5)
    measure(world.alice, 12, 12)
    measure(world.alice, 6, 2, domain="physics")
    measure(world.alice, 4, 1, domain="art")  # too few: all domains count
    assert open_domains(world.alice, world) == {"art"}
    assert why(world.alice, world) == [
        {"skill": 0.7, "mean": 3 / 8, "n": 6, "measured": 5, "domain": Domain.objects.get(slug="physics")}
    ]


@pytest.mark.parametrize(("right", "may"), [(6.0, True), (5.999, False), (6 - 1e-12, True)])
def test_the_mean_decides_and_not_rounding(world, right, may):
    need(world, skill=0.7, measured=5)
    measure(world.alice, 8, right)  # (6 + 1) / (8 + 2)
    assert bool(open_domains(world.alice, world)) == may


def test_who_is_not_measured_gets_gold_alone_until_they_are(world):
    need(world, skill=0.5, measured=2)
    gold = [add_gold(world, by=world.carol) for _ in range(3)]
    access = access_of(annotator=world.alice, campaign=world.ranking)
    assert (access.work, len(access.gold), access.unmeasured) == ((), 1, True)
    assert why(world.alice, world)[0] == {"skill": 0.5, "mean": None, "n": 0, "measured": 2, "domain": None}
    for _ in range(2):
        assert progress(world).has_work_for_me
        held = claim_next_task(annotator=world.alice, campaign=world.ranking)
        assert held.task in gold
        assert (held.lane, 0 < held.probability <= 1) == ("gold", True)
        answer_held(held)
    assert not access_of(annotator=world.alice, campaign=world.ranking).unmeasured
    assert claim_next_task(annotator=world.alice, campaign=world.ranking).task in world.ranking_tasks


@pytest.mark.parametrize(("rightly", "purpose"), [(True, "work"), (False, None)])
def test_the_answer_to_gold_decides_about_the_task_that_comes_along_with_it(world, rightly, purpose):
    need(world, skill=0.6, measured=1)
    for _ in range(2):
        add_gold(world, by=world.carol)
    held = claim_next_task(annotator=world.alice, campaign=world.ranking)
    ids = sorted(held.shown_order, reverse=not rightly)
    answer = {"ranks": {pk: place for place, pk in enumerate(ids, start=1)}}
    turn = submit_and_go_on(assignment_id=held.pk, annotator=world.alice, answer=answer, seconds=1)
    assert (turn.next and turn.next.task.purpose) == purpose


def answer_held(held) -> None:
    """Answer gold rightly."""
    ranks = {pk: place for place, pk in enumerate(sorted(held.shown_order), start=1)}
    submit_ranking(assignment_id=held.pk, annotator=held.annotator, ranks=ranks, seconds=1)


def progress(world) -> queries.CampaignProgress:
    """The ranking campaign as alice sees it."""
    found = queries.campaigns_with_progress(annotator=world.alice)
    return next(one for one in found if one.campaign == world.ranking)


def test_there_is_no_work_where_no_gold_is_left_to_measure_by(world):
    need(world, skill=0.5, measured=2)
    answer(add_gold(world, by=world.carol), world.alice)
    assert not progress(world).has_work_for_me
    assert claim_next_task(annotator=world.alice, campaign=world.ranking) is None
    assert {"skill": 0.5, "mean": None, "n": 1, "measured": 2, "domain": None} in why(world.alice, world)


def test_gold_asks_for_domain_and_language_but_for_no_skill(world):
    need(world, skill=0.9, domain="declared", language=True)
    add_gold(world, domain="art", by=world.carol)
    add_gold(world, language="fr", by=world.carol)
    add_gold(world, by=world.carol)
    measure(world.alice, 9, 0)
    access = access_of(annotator=world.alice, campaign=world.ranking)
    assert len(access.gold) == 1
    closed_gold = [dict(one.why) for one in access.closed if one.queue.gold]
    assert closed_gold == [{"domain": Domain.objects.get(slug="art"), "level": "declared"}, {"language": "fr"}]


def test_who_is_measured_and_fails_gets_nothing(world):
    need(world, skill=0.9, measured=2)
    add_gold(world, by=world.carol)
    measure(world.alice, 9, 0)
    assert not progress(world).has_work_for_me
    assert claim_next_task(annotator=world.alice, campaign=world.ranking) is None


# What it costs


def n_queries(user, world) -> int:
    """How many statements the decision takes."""
    user = User.objects.select_related("profile").get(pk=user.pk)
    with CaptureQueriesContext(connection) as captured:
        access_of(annotator=user, campaign=world.ranking)
    return len(captured)


def test_needs_cost_two_statements_where_they_are_asked_for_and_none_elsewhere(world):
    Profile.objects.create(user=world.alice, languages=["en"])
    world.ranking.refresh_from_db()
    bare = n_queries(world.alice, world)
    need(world, language=True)
    assert n_queries(world.alice, world) == bare
    measure(world.alice, 9, 9)
    declare(world.alice, "art", "expert")
    need(world, language=True, domain="declared", skill=0.5)
    assert n_queries(world.alice, world) == bare + 2


def test_needs_cost_two_statements_for_all_campaigns_together(world):
    Profile.objects.create(user=world.alice, languages=["en"])

    def n() -> int:
        user = User.objects.select_related("profile").get(pk=world.alice.pk)
        with CaptureQueriesContext(connection) as captured:
            queries.campaigns_with_progress(annotator=user)
        return len(captured)

    measure(world.alice, 9, 9)
    declare(world.alice, "art", "expert")
    declare(world.alice, "physics", "expert")
    bare = n()
    for campaign in (world.ranking, world.writing):
        change_campaign(campaign=campaign, by=world.carol, assignment={"needs": {"domain": "declared", "skill": 0.5}})
    assert n() == bare + 2
