"""Ratings and flags before and after a guideline change, and who agrees with whom: pages, files and queries agree."""

import csv
import io

import pytest

from annotate.audit_queries.slices import Slice
from annotate.audit_queries.value_changes import question_change
from annotate.audit_queries.value_pairs import question_pairs
from annotate.audit_queries.values import value_audit
from annotate.models import Campaign
from annotate.services.setup import change_campaign
from tests.rating import add_rating_campaign, rate
from tests.world import World, add_guideline

FORM = {"axes": [{"name": "clear", "label": "Clear", "levels": 5}], "flags": "instruct"}
CHANGE, PAIRS = "/agreement/rate/ratings/change/", "/agreement/rate/ratings/pairs/"
QUESTIONS = ("axis/clear", "flag/hallucination")


@pytest.fixture
def rated(world: World) -> Campaign:
    """Alice and Bob rate four tasks of two completions: he a level higher twice, then, by the next version, as she."""
    campaign = add_rating_campaign(world, form=FORM, tasks=4)
    tasks = list(campaign.tasks.order_by("pk"))
    for number, task in enumerate(tasks):
        if number == 2:
            change_campaign(campaign=campaign, by=world.carol, guideline=add_guideline("rating", version=2))
            campaign.refresh_from_db()
        completions = list(task.completions.order_by("pk").values_list("pk", flat=True))
        for who, higher in ((world.alice, 0), (world.bob, number < 2)):
            ratings = {pk: {"clear": 1 + number + higher} for pk in completions}
            flags = {completions[0]: ["hallucination"]} if number > 1 or not higher else {}
            rate(who, campaign, ratings=ratings, flags=flags)
    return campaign


def test_they_are_for_admins_only(alice, carol, rated):
    for page in (CHANGE, PAIRS):
        for name in ("", "figures.csv", "figures.json"):
            assert alice.get(page + name).status_code == 403
            assert carol.get(page + name).status_code == 200


@pytest.mark.parametrize("of", QUESTIONS)
def test_before_and_after_are_the_slices_of_the_versions(rated, of):
    found = question_change(campaign=rated, of=of)
    assert (found.before, found.after, found.n_in_both) == ("rating-1", "rating-2", 0)
    old, new = (
        next(one for one in value_audit(campaign=rated, chosen=Slice(version=version)).asked if one.question.key == of)
        for version in ("rating-1", "rating-2")
    )
    assert {one.measure: one.before for one in found.compared} == old.measures
    assert {one.measure: one.after for one in found.compared} == new.measures
    for one in found.compared:
        if one.before.value is not None and one.after.value is not None:
            assert one.change.value == pytest.approx(one.after.value - one.before.value, abs=1e-12)
            assert one.change.lo <= one.change.value <= one.change.hi
        else:
            assert one.change.reason
    back = question_change(campaign=rated, of=of, before="rating-2", after="rating-1")
    wanted = [None if one.change.value is None else pytest.approx(-one.change.value) for one in found.compared]
    assert [one.change.value for one in back.compared] == wanted


def test_they_see_that_the_second_version_helped(rated):
    same = {one.measure: one for one in question_change(campaign=rated).compared}["percent_agreement"]
    assert [one.value for one in (same.before, same.after, same.change)] == [0.0, 1.0, 1.0]
    flags = {one.measure: one for one in question_change(campaign=rated, of="flag/hallucination").compared}
    assert [one.value for one in (flags["prevalence"].before, flags["prevalence"].after)] == [0.25, 0.5]
    assert flags["positive_agreement"].change.value == 1.0


def test_one_version_cannot_be_compared(carol, world):
    campaign = add_rating_campaign(world, form=FORM)
    rate(world.alice, campaign, ratings={pk: {"clear": 2} for pk in _first(campaign)})
    assert question_change(campaign=campaign).compared == []
    assert "under one version of the guideline" in carol.get(CHANGE).content.decode()
    assert "No two annotators have answered this" in carol.get(PAIRS).content.decode()


def _first(campaign: Campaign) -> list[int]:
    return list(campaign.tasks.earliest("pk").completions.values_list("pk", flat=True))


def test_each_two_annotators_on_the_completions_they_share(rated, world):
    found = question_pairs(campaign=rated, of="axis/clear")
    (pair,) = found.pairs
    assert (pair.first, pair.second, pair.n_items) == ("alice", "bob", 8)
    assert (pair.percent_agreement.value, pair.difference.value) == (0.5, -0.5)
    (flags,) = question_pairs(campaign=rated, of="flag/hallucination").pairs
    # both flag one completion of two tasks, and she alone one of the two others
    assert (flags.positive_agreement.value, flags.positive_agreement.n) == (pytest.approx(2 / 3), 4)
    assert (found.ids, found.n_annotators) == ({"alice": world.alice.pk, "bob": world.bob.pk}, 2)


@pytest.mark.parametrize("of", QUESTIONS)
def test_their_files_hold_what_the_queries_compute(carol, rated, of):
    for page, found in (
        (CHANGE, question_change(campaign=rated, of=of)),
        (PAIRS, question_pairs(campaign=rated, of=of)),
    ):
        body = carol.get(page + "figures.json", {"of": of}).json()
        assert (body["figures"], body["of"]) == (found.figures, of)
        rows = list(csv.DictReader(io.StringIO(carol.get(page + "figures.csv", {"of": of}).content.decode())))
        assert [(row["measure"], row["n"]) for row in rows] == [
            (one["measure"], str(one["n"])) for one in found.figures
        ]
        shown = carol.get(page, {"of": of}).content.decode()
        assert f"figures.csv?of={of}" in shown


@pytest.mark.parametrize("query", ["of=flag/none", "before=rating-9", "before=rating-1&after=rating-1", "of=%00"])
def test_they_say_what_there_is_not(carol, rated, query):
    assert carol.get(f"{CHANGE}?{query}").status_code == 404
    assert carol.get(f"{PAIRS}?of=axis/none").status_code == 404
    assert carol.get("/agreement/writing/ratings/change/").status_code == 404


def test_the_page_of_ratings_leads_there_and_so_do_the_tabs(carol, ranked_world, rated):
    for page in ("/agreement/rate/ratings/", "/agreement/answers/ratings/"):
        shown = carol.get(page).content.decode()
        assert "ratings/change/?of=" in shown
        assert "ratings/pairs/?of=" in shown
    for page in (CHANGE, PAIRS):
        assert f'href="{page}" aria-current="page"' in carol.get(page).content.decode()
        of_rankings = carol.get(page.replace("rate", "answers", 1)).content.decode()
        assert 'href="/agreement/answers/ratings/" aria-current="page"' in of_rankings
