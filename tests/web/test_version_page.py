"""One version of a guideline over all campaigns: the page, its files and the query say the same."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from annotate.audit_queries.changes import guideline_change
from annotate.audit_queries.slices import Slice, campaign_audit
from annotate.audit_queries.version import version_audit
from annotate.errors import DomainError
from annotate.models import Guideline
from annotate.quality.intervals import Estimate
from annotate.services.claiming import claim_next_task
from annotate.services.judging import submit_demonstration
from tests.services.test_audit import two_versions
from tests.services.test_skills import add_gold, answer
from tests.web.test_person_page import second_campaign
from tests.world import add_guideline

PAGE = "/agreement/guidelines/ranking/"


@pytest.mark.parametrize("rest", ["", "figures.csv", "figures.json"])
def test_it_is_for_admins_only(alice, carol, world, rest):
    assert alice.get(f"{PAGE}1/{rest}").status_code == 403
    assert carol.get(f"{PAGE}1/{rest}").status_code == 200


@pytest.mark.parametrize(("slug", "version"), [("ranking", 9), ("nothing", 1), ("ranking", 10**18)])
def test_there_is_no_page_of_a_version_that_is_none(carol, world, slug, version):
    assert carol.get(f"/agreement/guidelines/{slug}/{version}/").status_code == 404
    with pytest.raises(DomainError, match="no version of this number"):
        version_audit(slug=slug, version=version)


def test_under_a_version_that_nobody_used_it_says_so(carol, world):
    add_guideline("ranking", version=2)
    assert "Nobody has judged under this version yet." in carol.get(f"{PAGE}2/").content.decode()
    assert version_audit(slug="ranking", version=2).campaigns == []


def test_it_says_when_and_how_much_each_campaign_was_judged_under_it(ranked_world):
    second_campaign(ranked_world)
    found = version_audit(slug="ranking", version=1)
    assert [(one.campaign.slug, one.n_judgements) for one in found.campaigns] == [("answers", 6), ("more", 2)]
    assert found.n_judgements == 8
    days = {datetime.now(UTC).date() - timedelta(days=one) for one in (0, 1)}  # midnight may be near
    assert {one.first for one in found.campaigns} | {one.last for one in found.campaigns} <= days
    # in one campaign they differ on 18 pairs, in the other they agree on 3
    assert (found.overall.strict_agreement.value, found.overall.strict_agreement.n) == (pytest.approx(1 / 7), 21)
    assert [one.agreement.strict_agreement.value for one in found.campaigns] == [0.0, 1.0]


def test_its_agreement_is_that_of_the_campaigns_slice_and_of_the_change(world):
    two_versions(world)
    found = version_audit(slug="ranking", version=2)
    first, second = (
        campaign_audit(campaign=world.ranking, chosen=Slice(version=one)).overall for one in ("ranking-1", "ranking-2")
    )
    assert (found.overall, found.earlier, found.campaigns[0].agreement) == (second, first, second)
    change = guideline_change(campaign=world.ranking, before="ranking-1", after="ranking-2")
    assert found.campaigns[0].strict == change.compared[0]
    assert found.campaigns[0].strict.change.value == 1.0


def test_the_first_version_has_none_before_it(carol, world):
    two_versions(world)
    found = version_audit(slug="ranking", version=1)
    assert (found.before, found.gold_before, found.text, found.campaigns[0].strict) == (None, None, [], None)
    assert "version before" not in carol.get(f"{PAGE}1/").content.decode()


def test_there_is_no_change_where_nobody_judged_under_the_version_before(ranked_world):
    third = add_guideline("ranking", version=3)
    assert version_audit(slug="ranking", version=3).before.version == 1
    Guideline.objects.filter(pk=third.pk).update(version=2)
    assert version_audit(slug="ranking", version=2).campaigns == []
    assert version_audit(slug="ranking", version=2).earlier.n_judgements == 6


def test_it_measures_the_known_answers_given_under_it(world):
    right, wrong = add_gold(world), add_gold(world)
    answer(right, world.alice)
    answer(wrong, world.bob, ranks=(3, 2, 1))
    found = version_audit(slug="ranking", version=1)
    assert (found.gold.value, found.gold.n) == (0.5, 2)
    add_guideline("ranking", version=2)
    later = version_audit(slug="ranking", version=2)
    assert later.gold_before == found.gold
    assert (later.gold.value, later.gold.reason) == (None, "Nobody has answered a task with a known answer here yet.")


def test_it_shows_what_is_new_in_the_text(carol, world):
    two_versions(world)
    newest = add_guideline("ranking", version=3)
    Guideline.objects.filter(pk=newest.pk).update(body="# ranking\n\nPrefer what is kind.")
    page = carol.get(f"{PAGE}3/").content.decode()
    assert "<del>true</del><ins>kind</ins>" in page
    assert "The text is the same" in carol.get(f"{PAGE}2/").content.decode()


def test_a_guideline_for_writing_has_judgements_and_no_agreement(carol, world):
    held = claim_next_task(annotator=world.alice, campaign=world.writing)
    submit_demonstration(assignment_id=held.pk, annotator=world.alice, text="Blow.", seconds=1)
    guideline = world.writing.guideline
    found = version_audit(slug=guideline.slug, version=guideline.version)
    assert [(one.campaign, one.n_judgements) for one in found.campaigns] == [(world.writing, 1)]
    assert {one["measure"] for one in found.figures} == {"gold_accuracy", "judgements"}
    page = carol.get(f"/agreement/guidelines/{guideline.slug}/{guideline.version}/").content.decode()
    assert "Strict agreement" not in page


def test_its_files_hold_what_the_query_computes(carol, world):
    two_versions(world)
    found = version_audit(slug="ranking", version=2).figures
    assert carol.get(f"{PAGE}2/figures.json").json() == {"guideline": "ranking", "version": 2, "figures": found}
    rows = list(csv.DictReader(io.StringIO(carol.get(f"{PAGE}2/figures.csv").content.decode())))
    named = [(one["scope"], one["of"], one["measure"]) for one in found]
    assert [(row["scope"], row["of"], row["measure"]) for row in rows] == named
    assert ("campaign", "answers", "strict_agreement_change") in named
    assert ("version_before", "ranking-1", "gold_accuracy") in named


def test_every_figure_of_the_page_is_an_estimate(world):
    two_versions(world)
    found = version_audit(slug="ranking", version=2)
    for row in found.figures:
        assert {*Estimate(None, None, None, 0).as_dict()} <= {*row}


def test_the_guidelines_and_the_slices_lead_to_it(alice, carol, world):
    two_versions(world)
    link = f'href="{PAGE}2/"'
    for page in ("/guidelines/ranking/", "/agreement/answers/", f"{PAGE}1/"):
        assert link in carol.get(page).content.decode(), page
    assert link not in alice.get("/guidelines/ranking/").content.decode()
