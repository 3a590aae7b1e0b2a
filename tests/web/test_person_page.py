"""The audit of one annotator: what the page, its files and the query say is the same, beside everybody's figures."""

import csv
import io

import pytest

from annotate.audit_queries.person import annotator_audit
from annotate.audit_queries.times import time_and_pay
from annotate.models import Campaign
from annotate.services.claiming import claim_next_task
from annotate.services.judging import submit_ranking
from tests.services.test_needs import declare
from tests.web.conftest import rank_all
from tests.world import add_ranking_task


def page_of(user, rest=""):
    return f"/agreement/people/{user.pk}/{rest}"


def second_campaign(world):
    """Alice and Bob rank one task of another campaign in the same order."""
    other = Campaign.objects.get(pk=world.ranking.pk)
    other.pk, other.slug, other.name = None, "more", "More answers"
    other.save()
    add_ranking_task(other, question="Why?", answers=["A.", "B.", "C."], by=world.carol)
    for user in (world.alice, world.bob):
        held = claim_next_task(annotator=user, campaign=other)
        ranks = {completion: rank for rank, completion in enumerate(sorted(held.shown_order), start=1)}
        submit_ranking(assignment_id=held.pk, annotator=user, ranks=ranks, seconds=9.0)
    return other


@pytest.mark.parametrize("rest", ["", "figures.csv", "figures.json"])
def test_it_is_for_admins_only(alice, carol, world, rest):
    assert alice.get(page_of(world.alice, rest)).status_code == 403
    assert carol.get(page_of(world.alice, rest)).status_code == 200


def test_it_says_that_somebody_has_ranked_nothing(carol, world):
    page = carol.get(page_of(world.outsider)).content.decode()
    assert "They have not ranked anything that counts yet." in page
    assert "Nothing declared and nothing measured yet." in page


def test_there_is_no_page_of_nobody_or_of_a_campaign_without_their_judgements(carol, ranked_world):
    assert carol.get(f"/agreement/people/{10**30}/").status_code == 404
    for campaign in ("writing", "nowhere", "\0"):
        assert carol.get(page_of(ranked_world.alice), {"campaign": campaign}).status_code == 404


def test_it_shows_the_person_beside_everybody_over_all_campaigns_and_in_each(carol, ranked_world):
    second_campaign(ranked_world)
    found = annotator_audit(annotator=ranked_world.alice)
    assert [(one.key, one.agreement.strict_agreement.value) for one in found.campaigns] == [
        ("answers", 0.0),
        ("more", 1.0),
    ]
    # 3 tasks of 6 pairs that all differ, and one of 3 that agree
    assert (found.overall.agreement.strict_agreement.value, found.overall.agreement.strict_agreement.n) == (
        pytest.approx(3 / 21),
        21,
    )
    assert found.overall.pool.value == pytest.approx(3 / 21)
    assert (found.overall.agreement.n_items, found.overall.agreement.n_others) == (4, 1)
    page = carol.get(page_of(ranked_world.alice)).content.decode()
    assert "<strong>14.3\N{NO-BREAK SPACE}%</strong>" in page
    assert page.count('class="chart dots"') == 2


def test_a_third_person_moves_the_pool_and_not_the_pair(ranked_world):
    ranked_world.ranking.tasks.update(target=3)
    rank_all(ranked_world.carol, ranked_world, reverse=True)
    alice, bob = (annotator_audit(annotator=user).overall for user in (ranked_world.alice, ranked_world.bob))
    assert alice.agreement.strict_agreement.value == 0.0
    assert bob.agreement.strict_agreement.value > alice.pool.value > 0.0


def test_domains_hold_their_own_judgements(ranked_world):
    found = annotator_audit(annotator=ranked_world.alice)
    assert sum(one.agreement.strict_agreement.n for one in found.domains) == found.overall.agreement.strict_agreement.n
    assert [one.key for one in found.domains] == ["art", "physics"]


def test_it_shows_leanings_signals_and_time_of_the_chosen_campaign(carol, ranked_world):
    other = second_campaign(ranked_world)
    found = annotator_audit(annotator=ranked_world.alice, campaign="more").chosen
    assert (found.campaign, found.person.annotator, found.time.seconds.value) == (other, "alice", 9.0)
    everybody = time_and_pay(campaign=other)
    assert found.time in everybody.people
    assert found.times.seconds == everybody.seconds
    page = carol.get(page_of(ranked_world.alice), {"campaign": "more"}).content.decode()
    assert "Signals, never verdicts." in page
    assert "Order left as shown" in page
    assert '<option value="more" dir="auto" selected>' in page


def test_it_shows_what_they_declare(carol, ranked_world):
    declare(ranked_world.alice, "art", "good")
    page = carol.get(page_of(ranked_world.alice)).content.decode()
    assert "A degree." in page
    assert "Not yet" in page


def test_its_files_hold_what_the_query_computes(carol, ranked_world):
    declare(ranked_world.alice, "art", "good")
    figures = annotator_audit(annotator=ranked_world.alice).figures
    answer = carol.get(page_of(ranked_world.alice, "figures.json")).json()
    assert answer["figures"] == figures
    assert (answer["annotator"], answer["campaign"], answer["too_little_time"]) == ("alice", "answers", False)
    rows = list(csv.DictReader(io.StringIO(carol.get(page_of(ranked_world.alice, "figures.csv")).content.decode())))
    assert [(row["scope"], row["of"], row["measure"]) for row in rows] == [
        (one["scope"], one["of"], one["measure"]) for one in figures
    ]
    assert {"strict_agreement", "pool_strict_agreement", "gold_accuracy", "untouched", "seconds"} <= {
        row["measure"] for row in rows
    }


@pytest.mark.parametrize("page", ["/agreement/answers/pairs/", "/agreement/answers/time/", "/campaigns/answers/bias/"])
def test_the_audits_tables_lead_to_it(carol, ranked_world, page):
    assert f'href="{page_of(ranked_world.alice)}?campaign=answers"' in carol.get(page).content.decode()


def test_a_persons_expertise_leads_to_it(carol, world):
    page = carol.get(f"/people/expertise/?annotator={world.alice.pk}").content.decode()
    assert f'href="{page_of(world.alice)}"' in page
