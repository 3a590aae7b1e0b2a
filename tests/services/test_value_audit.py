"""Agreement on axes, flags and marked passages: what annotators said, in figures that can be checked by hand."""

import pytest

from annotate.audit_queries.slices import Slice
from annotate.audit_queries.values import ValueAudit, value_audit
from annotate.errors import DomainError
from annotate.models import Campaign
from annotate.quality.value_agreement import ALONE, EMPTY, NEVER_POSITIVE, ONE_VALUE, value_agreement
from annotate.quality.values import ValueTable
from annotate.services.claiming import claim_next_task
from annotate.services.judging import correct, submit
from annotate.services.setup import change_campaign
from tests.rating import add_rating_campaign, rate
from tests.world import World, add_guideline, add_ranking_task

AXIS = {"name": "clear", "label": "Clear", "levels": 5}
FORM = {"axes": [AXIS], "flags": "instruct", "spans": "errors"}
ALICE, BOB = [1, 2, 3, 4], [1, 3, 3, 5]
"""What they say of the four completions of two tasks."""


@pytest.fixture
def rated(world: World) -> Campaign:
    campaign = add_rating_campaign(world, form=FORM)
    for who, values in ((world.alice, ALICE), (world.bob, BOB)):
        for task in range(2):
            _rate(who, campaign, values[2 * task : 2 * task + 2])
    return campaign


def _rate(who, campaign: Campaign, values: list[int], **answer):
    held = claim_next_task(annotator=who, campaign=campaign)
    shown = held.task.completions.order_by("task_completions__position").values_list("pk", flat=True)
    ratings = {pk: {"clear": value} for pk, value in zip(shown, values, strict=True)}
    return submit(assignment_id=held.pk, annotator=who, answer={"ratings": ratings, **answer}, seconds=9.0)


def _asked(found: ValueAudit, key: str):
    return next(one for one in found.asked if one.question.key == key).answered


def test_it_is_the_kernels_agreement_over_completions(rated):
    found = _asked(value_audit(campaign=rated), "axis/clear")
    columns, tasks = ([1, 2, 3, 4] * 2, [1] * 4 + [2] * 4, ALICE + BOB), [1, 1, 2, 2] * 2
    table = ValueTable.from_arrays(*columns, "ordinal", categories=range(1, 6), clusters=tasks)
    wanted = value_agreement(table)
    for name in ("alpha", "ac2", "percent_agreement"):
        assert found.measure(name).as_dict() == pytest.approx(getattr(wanted, name).as_dict(), abs=1e-9)
    for one, other in zip(found.found.usage, wanted.usage, strict=True):
        assert one.share.as_dict() == pytest.approx(other.share.as_dict(), abs=1e-9)
    assert (found.found.n_items, found.found.percent_agreement.value, found.found.percent_agreement.n) == (4, 0.5, 4)
    as_distance = ValueTable.from_arrays(*columns, "interval", clusters=tasks)
    distance = value_agreement(as_distance).alpha
    assert found.alpha_interval.as_dict() == pytest.approx(distance.as_dict(), abs=1e-9)


def test_who_did_not_flag_has_said_no(world):
    campaign = add_rating_campaign(world)
    first = campaign.tasks.earliest("pk").completions.earliest("pk").pk
    rate(world.alice, campaign, flags={first: ["hallucination"]})
    rate(world.bob, campaign)
    found = _asked(value_audit(campaign=campaign), "flag/hallucination")
    assert (found.prevalence.value, found.prevalence.n) == (0.25, 4)
    assert (found.found.positive_agreement.value, found.found.positive_agreement.n) == (0.0, 1)
    assert (found.found.ac1.n, found.found.n_items) == (2, 2)


def test_a_flag_that_nobody_gave_has_a_reason_instead_of_a_number(rated):
    found = _asked(value_audit(campaign=rated), "flag/hallucination")
    assert (found.found.alpha.value, found.found.alpha.reason) == (None, ONE_VALUE)
    assert (found.found.positive_agreement.value, found.found.positive_agreement.reason) == (None, NEVER_POSITIVE)
    assert (found.prevalence.value, found.prevalence.n) == (0.0, 8)


def test_marked_passages_count_once_for_a_completion(world):
    campaign = add_rating_campaign(world, tasks=1)
    first = campaign.tasks.get().completions.earliest("pk").pk
    marks = [{"start": 0, "end": 3, "type": "false"}, {"start": 4, "end": 7, "type": "false"}]
    types = [one.name for one in campaign.parsed_form.spans]
    marks = [{**mark, "type": types[0]} for mark in marks]
    for who in (world.alice, world.bob):
        rate(who, campaign, spans={first: marks})
    found = _asked(value_audit(campaign=campaign), f"span/{types[0]}")
    assert (found.prevalence.value, found.found.positive_agreement.value) == (0.5, 1.0)


def test_flags_of_rankings_are_those_of_the_version_judged_under(world):
    flags = [{"name": "harmful", "label": "Harmful", "meaning": ""}]
    world.ranking.guideline.flags = flags
    world.ranking.guideline.save()
    _rank(world, world.alice, flag="harmful")
    _rank(world, world.bob, flag="harmful")
    newer = add_guideline("ranking", version=2)
    newer.flags = [*flags, {"name": "rude", "label": "Rude", "meaning": ""}]
    newer.save()
    change_campaign(campaign=world.ranking, by=world.carol, guideline=newer)
    before = value_audit(campaign=Campaign.objects.get(pk=world.ranking.pk))
    assert _asked(before, "flag/rude").found.n_judgements == 0
    _rank(world, world.alice, flag="rude")
    found = value_audit(campaign=Campaign.objects.get(pk=world.ranking.pk))
    assert _asked(found, "flag/harmful").found.n_judgements == 12
    assert _asked(found, "flag/rude").found.n_judgements == 4
    assert _asked(found, "flag/harmful").found.positive_agreement.value == 1.0
    assert [group.key for group in found.versions] == ["ranking-1", "ranking-2"]


def _rank(world: World, who, *, flag: str):
    held = claim_next_task(annotator=who, campaign=Campaign.objects.get(pk=world.ranking.pk))
    shown = sorted(held.shown_order)
    answer = {"ranks": {pk: place for place, pk in enumerate(shown, start=1)}, "flags": {shown[0]: [flag]}}
    return submit(assignment_id=held.pk, annotator=who, answer=answer, seconds=9.0)


def test_a_new_judgement_and_a_correction_show_at_once(world, rated):
    assert _asked(value_audit(campaign=rated), "axis/clear").found.n_judgements == 8
    add_ranking_task(rated, question="Why? (again)", answers=["Because.", "So it is."], by=world.carol)
    made = _rate(world.alice, rated, [1, 1])
    found = _asked(value_audit(campaign=rated), "axis/clear")
    assert (found.found.n_judgements, found.found.n_items) == (10, 6)
    shown = made.task.completions.values_list("pk", flat=True)
    correct(
        judgement_id=made.pk, annotator=world.alice, answer={"ratings": {pk: {"clear": 5} for pk in shown}}, seconds=5.0
    )
    usage = _asked(value_audit(campaign=rated), "axis/clear").found.usage
    assert [round(one.share.value * 10) for one in usage] == [2, 1, 3, 1, 3]


def test_it_looks_at_a_slice_and_says_where_there_is_none(rated):
    week = value_audit(campaign=rated).weeks[0].key
    found = value_audit(campaign=rated, chosen=Slice(week=week))
    assert (_asked(found, "axis/clear").found.n_judgements, found.weeks, len(found.versions)) == (8, [], 1)
    with pytest.raises(DomainError, match="Nothing was judged in 1999-01-04"):
        value_audit(campaign=rated, chosen=Slice(week="1999-01-04"))
    with pytest.raises(DomainError, match="Nothing named axis/none is asked"):
        value_audit(campaign=rated, of="axis/none")


def test_one_annotator_is_not_enough(world):
    campaign = add_rating_campaign(world, form=FORM)
    found = value_audit(campaign=campaign)
    assert (found.n_judgements, found.domains, _asked(found, "axis/clear").found.alpha.reason) == (0, [], EMPTY)
    _rate(world.alice, campaign, [1, 2])
    assert _asked(value_audit(campaign=campaign), "axis/clear").found.alpha.reason == ALONE


def test_scales_that_nobody_used_yet_keep_measures_of_their_own(world):
    """As many levels each, but only those of one are numbers, whose distances mean something."""
    named = {**AXIS, "name": "polite", "levels": ["rude", "curt", "plain", "kind", "warm"]}
    campaign = add_rating_campaign(world, form={**FORM, "axes": [named, AXIS]})
    found = value_audit(campaign=campaign)
    assert [row["measure"] for row in found.figures if row["question"] == "axis/clear"][:2] == [
        "alpha",
        "alpha_interval",
    ]
    assert _asked(found, "axis/clear").alpha_interval.reason == EMPTY
    assert _asked(found, "axis/polite").alpha_interval is None
