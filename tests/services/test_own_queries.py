"""What a person sees about their own work."""

from datetime import timedelta

import pytest
from django.utils import timezone

from annotate import own_queries
from annotate.models import Assignment, Campaign, Gold
from annotate.services.claiming import claim_next_task
from annotate.services.judging import submit_demonstration, submit_ranking
from tests.services.test_needs import declare
from tests.services.test_skills import add_gold, answer
from tests.web.conftest import rank_all


def gold_of(task, order: str = "forward", explanation: str = "It is shorter.") -> Gold:
    completions = sorted(task.completions.values_list("pk", flat=True), reverse=order == "reverse")
    ranks = {str(pk): rank for rank, pk in enumerate(completions, start=1)}
    return Gold.objects.create(task=task, answer={"ranks": ranks}, explanation=explanation)


def end_correction(user, minutes: int = 61) -> None:
    """Let the time to correct what this person submitted be over."""
    past = timezone.now() - timedelta(minutes=minutes)
    Assignment.objects.filter(annotator=user).update(ended_at=past)


def test_it_counts_today_and_the_week(world):
    rank_all(world.alice, world)
    figures = own_queries.own_figures(user=world.alice)
    assert (figures.today, figures.week, figures.seconds_today) == (3, 3, 60.0)


def test_pace_is_the_median_with_too_few_for_an_interval(world):
    for seconds in (20, 30, 90):
        held = claim_next_task(annotator=world.alice, campaign=world.ranking)
        submit_ranking(
            assignment_id=held.pk, annotator=world.alice, ranks=dict.fromkeys(held.shown_order, 1), seconds=seconds
        )
    (pace,) = own_queries.own_figures(user=world.alice).pace
    assert (pace.campaign, pace.today.value, pace.today.n, pace.today.lo) == (world.ranking, 30, 3, None)
    assert pace.against_pay == ""


@pytest.mark.parametrize(("paid", "said"), [(10, "longer"), (25, "about"), (100, "shorter"), (None, "")])
def test_pace_is_compared_with_the_paid_time_by_its_interval(world, paid, said):
    campaign = Campaign(pay_seconds=paid)
    week = own_queries.median([20, 21, 22, 25, 28, 29, 30, 31])
    assert own_queries.Pace(campaign, week, week).against_pay == said


def test_agreement_is_with_those_who_did_the_same_tasks(world):
    rank_all(world.alice, world)
    rank_all(world.bob, world, reverse=True)
    end_correction(world.alice)
    ((campaign, found),) = own_queries.own_agreement(user=world.alice)
    assert (campaign, found.n_items, found.n_others) == (world.ranking, 3, 1)
    assert (found.strict_agreement.value, found.strict_agreement.n) == (0.0, 18)


def test_agreement_counts_a_task_once_the_time_to_correct_is_over(world):
    rank_all(world.bob, world)
    rank_all(world.alice, world)
    assert own_queries.own_agreement(user=world.alice) == []


def test_agreement_is_hidden_where_the_campaign_hides_it(world):
    Campaign.objects.update(show_agreement=False)
    rank_all(world.alice, world)
    rank_all(world.bob, world)
    end_correction(world.alice)
    assert own_queries.own_agreement(user=world.alice) == []


def test_gold_is_scored_with_an_interval(world):
    for task, order in zip(world.ranking_tasks, ("forward", "forward", "reverse"), strict=True):
        gold_of(task, order)
    rank_all(world.alice, world)
    end_correction(world.alice)
    ((figure),) = own_queries.own_figures(user=world.alice).gold
    assert figure.mean.value == pytest.approx(2 / 3)
    assert figure.mean.n == 3
    assert 0 <= figure.mean.lo < 2 / 3 < figure.mean.hi <= 1


def test_gold_appears_only_when_the_time_to_correct_is_over(world):
    gold_of(world.ranking_tasks[0])
    rank_all(world.alice, world)
    assert own_queries.gold_feedback(user=world.alice) == []
    end_correction(world.alice)
    (one,) = own_queries.gold_feedback(user=world.alice)
    assert (one.judgement.task, one.score.share, one.explanation) == (world.ranking_tasks[0], 1.0, "It is shorter.")


def test_gold_says_nothing_about_tasks_that_are_not_submitted(world):
    for task in world.ranking_tasks:
        gold_of(task)
    claim_next_task(annotator=world.alice, campaign=world.ranking)
    end_correction(world.bob)
    assert own_queries.own_figures(user=world.alice).gold == []


def test_gold_is_hidden_where_the_campaign_hides_it(world):
    gold_of(world.ranking_tasks[0])
    Campaign.objects.update(show_gold=False)
    rank_all(world.alice, world)
    end_correction(world.alice)
    assert own_queries.gold_feedback(user=world.alice) == []


def skills_of(user) -> dict:
    """What my page shows of skills: {domain: (declared, value, n)}."""
    return {
        figure.domain and figure.domain.slug: (
            figure.declared and figure.declared.level,
            figure.measured.value,
            figure.measured.n,
        )
        for figure in own_queries.own_figures(user=user).skills
    }


def test_skill_stands_beside_what_is_declared(world):
    declare(world.alice, "art", "expert")
    declare(world.alice, "physics", "none")
    answer(add_gold(world, domain="physics"), world.alice)
    answer(add_gold(world), world.alice, (3, 2, 1))
    end_correction(world.alice)
    assert skills_of(world.alice) == {
        None: (None, pytest.approx(2 / 4), 2),
        "art": ("expert", None, 0),
        "physics": (None, pytest.approx(2 / 3), 1),
    }


def test_skill_moves_only_when_the_time_to_correct_is_over(world):
    answer(add_gold(world), world.alice)
    assert skills_of(world.alice) == {}
    end_correction(world.alice)
    assert skills_of(world.alice) == {None: (None, pytest.approx(2 / 3), 1)}


def test_skill_is_hidden_where_the_campaign_hides_gold(world):
    answer(add_gold(world), world.alice)
    end_correction(world.alice)
    Campaign.objects.update(show_gold=False)
    assert skills_of(world.alice) == {}


def test_the_skill_shown_is_the_one_that_decides_once_all_may_be_shown(world):
    for ranks in ((1, 2, 3), (2, 1, 3), (3, 1, 2)):
        answer(add_gold(world, domain="physics"), world.alice, ranks)
    answer(world.ranking_tasks[0], world.alice, (1, 2, 3, 4))  # known later, and no measure of skill
    gold_of(world.ranking_tasks[0])
    end_correction(world.alice)
    (shown, _) = own_queries.own_figures(user=world.alice).skills
    decides = world.alice.skills.get(domain=None).estimate
    assert (shown.measured.value, shown.measured.lo, shown.measured.n) == pytest.approx(
        (decides.value, decides.lo, decides.n)
    )


def found(world, **asked) -> list[str]:
    prompts = [one.task.prompt.messages[-1]["content"] for one in own_queries.history(user=world.alice, **asked)]
    return sorted(prompts)


def test_history_is_searched_by_what_people_say_and_not_by_json(world):
    rank_all(world.alice, world)
    rank_all(world.bob, world)
    assert found(world, text="SKY BLUE? (1") == ["Why is the sky blue? (1)"]
    assert len(found(world, text="sky")) == 3
    for words in ("role", "content", "user", '"', "%", "_", "\\", "grün"):
        assert found(world, text=words) == [], words


def test_history_finds_letters_that_json_escapes(world):
    task = world.writing_tasks[0]
    prompt = task.prompt
    type(prompt).objects.filter(pk=prompt.pk).update(
        messages=[{"role": "user", "content": "Wie heißt „Größe“?\nمرحبا"}]
    )
    held = claim_next_task(annotator=world.alice, campaign=world.writing)
    submit_demonstration(assignment_id=held.pk, annotator=world.alice, text="So.", seconds=9)
    for words in ("GRÖSSE", "größe", "مرحبا", "heißt „"):
        assert len(found(world, text=words)) == 1, words


def test_history_is_narrowed_by_campaign_and_day(world):
    rank_all(world.alice, world)
    today = timezone.localdate()
    assert len(found(world, campaign="answers", day=today)) == 3
    assert found(world, campaign="writing") == []
    assert found(world, day=today - timedelta(days=1)) == []
