"""Why there is nothing to do, in sentences: for the person, and for admins who is missing."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from django.utils.translation import override

from annotate import waiting
from annotate.errors import NotFound
from annotate.models import Assignment, Domain, Membership, Profile, Prompt, Task
from annotate.services.claiming import claim_next_task
from annotate.services.onboarding import join
from annotate.services.people import create_annotator
from annotate.services.preferences import choose_opt_outs
from annotate.services.queues import requeue
from annotate.services.releasing import skip_assignment
from annotate.services.setup import change_campaign, move_campaign
from annotate.waiting import why_nothing
from tests.services.test_needs import declare, measure, need
from tests.web.conftest import rank_all
from tests.world import set_onboarding


def why(world, user=None) -> list[tuple[str, int | None]]:
    return [(one.code, one.n_tasks) for one in why_nothing(annotator=user or world.alice, campaign=world.ranking)]


def said(world, user=None) -> str:
    return " ".join(one.sentence for one in why_nothing(annotator=user or world.alice, campaign=world.ranking))


def rules(world, **rules) -> None:
    change_campaign(campaign=world.ranking, by=world.carol, assignment=rules)
    world.ranking.refresh_from_db()


def test_there_is_no_reason_while_there_is_work(world):
    assert why(world) == []
    claim_next_task(annotator=world.alice, campaign=world.ranking)
    assert why(world) == []


def test_it_names_what_waits_for_whom(world):
    need(world, domain="verified")
    assert why(world) == [("domain", 2), ("domain", 1)]
    assert (
        said(world) == "2 tasks wait for someone with Physics, verified. 1 task waits for someone with Art, verified."
    )


def test_who_declared_the_domain_reads_that_it_is_to_be_verified(world):
    need(world, domain="verified")
    declare(world.alice, "art", "expert")
    assert "Art, verified. You have declared it; an admin has not verified it yet." in said(world)
    assert said(world).count("You have declared it") == 1


def test_queues_with_the_same_reason_are_summed(world):
    need(world, domain="declared")
    prompt = world.ranking_tasks[0].prompt
    Prompt.objects.filter(pk=prompt.pk).update(language="de")
    requeue(prompt=Prompt.objects.get(pk=prompt.pk))
    assert why(world) == [("domain", 2), ("domain", 1)]


def test_it_names_the_language(world):
    Prompt.objects.update(language="de")
    for task in world.ranking_tasks:
        requeue(prompt=Prompt.objects.get(pk=task.prompt_id))
    need(world, language=True)
    assert said(world) == "3 tasks wait for someone who reads German."


def test_it_names_what_somebody_opted_out_of(world):
    prompt = world.ranking_tasks[0].prompt
    prompt.content_warnings.create(kind="violence")
    requeue(prompt=prompt)
    choose_opt_outs(user=world.alice, kinds=["violence"])
    rank_all(world.alice, world)
    assert said(world) == "1 task has content that you never want to be given: Violence."


def test_it_says_how_far_the_skill_is_from_what_is_asked(world):
    need(world, skill=0.7)
    assert "ask for a measured skill of 70 %. Yours is not measured yet: 0 of 5 known answers." in said(world)
    measure(world.alice, 9, 5.0)
    assert "ask for a measured skill of 70 %. Yours is 55 % (n = 9)." in said(world)
    measure(world.alice, 7, 3.0, "physics")
    assert "2 tasks ask for a measured skill of 70 % in Physics. Yours is 44 % (n = 7)." in said(world)


def test_the_own_skill_is_told_only_where_gold_is_shown_and_nothing_can_be_corrected(world):
    rank_all(world.alice, world)
    Task.objects.update(target=3)
    claimed = Assignment.objects.filter(task=world.ranking_tasks[0])
    claimed.update(state="released")
    measure(world.alice, 9, 5.0)
    need(world, skill=0.7)
    assert "You have not shown it yet." in said(world)
    Assignment.objects.update(ended_at=timezone.now() - timedelta(days=1))
    assert "Yours is 55 % (n = 9)." in said(world)
    change_campaign(campaign=world.ranking, by=world.carol, show_gold=False)
    world.ranking.refresh_from_db()
    assert "55" not in said(world)


def test_gold_is_never_counted(world):
    need(world, domain="verified")
    queue = world.ranking.queues.get(domain__slug="art")
    type(queue).objects.filter(pk=queue.pk).update(gold=True)
    assert why(world) == [("domain", 2)]


def test_it_counts_what_others_have_in_hand_and_says_when_to_look_again(world):
    Task.objects.filter(campaign=world.ranking).exclude(pk=world.ranking_tasks[0].pk).update(withdrawn=True)
    for user in (world.bob, world.outsider):
        claim_next_task(annotator=user, campaign=world.ranking)
    assert why(world) == [("held", 1)]
    assert re.search(r"^Somebody is at work on the last task. Look again in (29|30) min", said(world))


def test_what_is_done_or_skipped_is_done(world):
    rank_all(world.alice, world)
    assert why(world) == [("done", None)]
    for _ in world.ranking_tasks:
        held = claim_next_task(annotator=world.bob, campaign=world.ranking)
        skip_assignment(assignment_id=held.pk, annotator=world.bob, reason="not my field")
    assert why(world, world.bob) == [("done", None)]


def test_others_may_have_done_it_all(world):
    rank_all(world.alice, world)
    rank_all(world.bob, world)
    assert said(world, world.outsider) == "Every task here is done. New ones appear by themselves."


def test_a_campaign_may_have_no_tasks(world):
    Task.objects.update(withdrawn=True)
    assert why(world) == [("empty", None)]


def test_the_budget_may_be_used_up(world):
    rules(world, budget={"judgements": 0})
    assert why(world) == [("budget", None)]


def test_the_day_may_be_done(world):
    rules(world, daily={"judgements": 3})
    rank_all(world.alice, world)
    Task.objects.update(target=3)
    assert "You have done 3 tasks here today, as many as one person does in a day." in said(world)
    assert "It goes on at midnight (UTC)." in said(world)
    rules(world, daily={"hours": 0.01})
    assert "You have worked 0.0 hours here today" in said(world)


@pytest.mark.parametrize("state", ["paused", "closed"])
def test_the_campaign_may_be_stopped(world, state):
    world.ranking = move_campaign(campaign=world.ranking, state=state, by=world.carol)
    assert why(world) == [(state, None)]


def test_a_step_may_come_first(world):
    set_onboarding(campaign=world.ranking, onboarding={"consent": "We keep it."}, access="everyone")
    world.ranking.refresh_from_db()
    assert why(world) == [("step", None)]


def test_a_person_may_be_suspended(world):
    Membership.objects.filter(pk=join(user=world.alice, campaign=world.ranking).pk).update(state="suspended")
    assert why(world) == [("suspended", None)]


def test_it_tells_outsiders_nothing_about_a_campaign_for_members(world):
    change_campaign(campaign=world.ranking, by=world.carol, access="members")
    world.ranking.refresh_from_db()
    with pytest.raises(NotFound):
        why(world)


def test_it_counts_up_to_a_bound(world, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(waiting, "MOST", 1)
    need(world, domain="verified")
    with django_assert_max_num_queries(12):
        assert said(world).startswith("1+ tasks wait for someone with Physics")
    assert why(world)[0] == ("domain", 1)


def test_the_sentences_are_translated(world):
    need(world, domain="verified")
    with override("ar"):
        assert "Physics" in said(world)
        assert "someone" not in said(world)


# For admins


def test_admins_see_what_waits_for_nobody(world):
    need(world, domain="verified")
    declare(world.alice, "physics", "expert", verified_by=world.carol)
    declare(world.bob, "art", "expert")
    found = [(one.what, one.n_tasks, one.n_people) for one in waiting.who_is_missing(campaign=world.ranking)]
    assert found == [("Art, verified", 1, 0), ("Physics, verified", 2, 1)]


def test_only_people_who_may_work_here_are_counted(world):
    need(world, domain="declared", language=True)
    Prompt.objects.update(language="de")
    for task in world.ranking_tasks:
        requeue(prompt=Prompt.objects.get(pk=task.prompt_id))
    people = [world.alice, world.bob, world.outsider, create_annotator(username="machine", simulated=True)]
    for user in people:
        declare(user, "physics", "good")
        Profile.objects.update_or_create(user=user, defaults={"languages": ["de"]})
    type(world.bob).objects.filter(pk=world.bob.pk).update(is_active=False)
    change_campaign(campaign=world.ranking, by=world.carol, access="members")
    for user in (world.alice, world.bob):
        join(user=user, campaign=world.ranking)
    world.ranking.refresh_from_db()
    found = {one.what: one.n_people for one in waiting.who_is_missing(campaign=world.ranking)}
    assert found == {"Art · German": 0, "Physics · German": 1}


def test_who_is_missing_costs_the_same_for_many_people(world, django_assert_num_queries):
    need(world, skill=0.7)
    measure(world.alice, 9, 9.0)
    for number in range(5):
        create_annotator(username=f"one-{number}")
    with django_assert_num_queries(5):
        [asked] = waiting.who_is_missing(campaign=world.ranking)
    assert (asked.what, asked.n_people) == ("a measured skill of 70 %", 1)


def test_without_needs_nothing_is_asked(world, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert waiting.who_is_missing(campaign=world.ranking) == []


def test_the_domain_is_named_by_its_name(world):
    need(world, domain="declared")
    Domain.objects.filter(slug="physics").update(name="Physics & astronomy")
    assert "someone with Physics & astronomy." in said(world)
