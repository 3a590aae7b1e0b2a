"""Weeks across campaigns: the pages, their files and the query say the same."""

import csv
import io
from datetime import datetime, timedelta

import pytest
from django.utils import timezone, translation

from annotate.audit_queries.changes import slice_change
from annotate.audit_queries.slices import Slice, campaign_audit, iso_week, monday, week_key, week_of_key
from annotate.audit_queries.times import time_and_pay
from annotate.audit_queries.week import audited_weeks, week_audit
from annotate.errors import DomainError
from annotate.ledger.live import ledger
from annotate.models import Campaign, Domain, Expertise, Skill
from annotate.quality.intervals import Estimate
from annotate.services.campaigns import create_campaign
from annotate.services.claiming import claim_next_task
from annotate.services.judging import submit_demonstration
from annotate.views.measures import week_meaning
from tests.services.test_needs import declare
from tests.services.test_queries import rank
from tests.services.test_skills import add_gold, answer
from tests.web.conftest import rank_all
from tests.web.test_person_page import second_campaign
from tests.world import World

THIS = datetime.fromisoformat("2026-11-18T12:00:00+00:00")
PAGES = ["", "figures.csv", "figures.json", "2026-W47/", "2026-W47/figures.csv", "2026-W47/figures.json"]


@pytest.fixture
def clock(monkeypatch):
    """What is done now is done on the Wednesday of week 47 of 2026; a call moves it by whole weeks."""

    def turn(weeks: int) -> None:
        monkeypatch.setattr(timezone, "now", lambda: THIS + timedelta(weeks=weeks))

    turn(0)
    return turn


@pytest.fixture
def two_weeks(world: World, clock) -> World:
    """Alice and Bob rank one task in opposite orders a week ago, and two in the same order this week."""
    clock(-1)
    rank(world, world.alice, 1, 2, 3, 4)
    rank(world, world.bob, 4, 3, 2, 1)
    clock(0)
    rank_all(world.alice, world)
    rank_all(world.bob, world)
    return world


def test_it_is_for_admins_only(alice, carol, two_weeks):
    for rest in PAGES:
        assert alice.get(f"/agreement/weeks/{rest}").status_code == 403, rest
        assert carol.get(f"/agreement/weeks/{rest}").status_code == 200, rest


@pytest.mark.parametrize("key", ["2026-W47", "2020-W53", "2027-W01", "1970-W02"])
def test_a_week_is_named_by_its_iso_number(key):
    week = week_of_key(key)
    assert week_key(week) == iso_week(monday(week)) == key
    assert monday(week).isoweekday() == 1


NONE = ["2026-W20", "2026-W00", "2026-W54", "2025-W53", "0001-W01", "0000-W10", "9999-W52", "9999-W53", "2026-W4"]
NONE += ["2026-11-16", "change", "2026-W471", "%D9%A2%D9%A0%D9%A2%D9%A6-W47", "%00", "2026-W47%00", "-" * 900]


def test_there_is_no_page_of_a_week_without_judgements(carol, two_weeks):
    for key in NONE:
        for rest in ("", "figures.csv"):
            assert carol.get(f"/agreement/weeks/{key}/{rest}").status_code == 404, key


def test_what_names_no_week_is_refused_with_a_sentence(two_weeks):
    for key in ("", "\0", "2026-W46\0", "\u0662\u0660\u0662\u0666-W47", "2026-W47\n", "9999-W53"):
        with pytest.raises(DomainError, match="Nothing was judged in the week"):
            week_audit(key=key)


def test_without_any_judgement_it_says_so(carol, world):
    assert audited_weeks() == []
    assert "No week yet" in carol.get("/agreement/weeks/").content.decode()


def test_a_week_is_its_slice_of_a_campaign(two_weeks):
    found = week_audit(key="2026-W47")
    this, last = (
        campaign_audit(campaign=two_weeks.ranking, chosen=Slice(week=one)) for one in ("2026-11-16", "2026-11-09")
    )
    assert (found.overall, found.earlier, found.key_before) == (this.overall, last.overall, "2026-W46")
    assert [(one.agreement, one.n_judgements, one.n_people) for one in found.campaigns] == [(this.overall, 4, 2)]
    assert {one.key: one.agreement for one in found.domains} == this.by_domain
    assert {one.key: one.agreement for one in found.versions} == this.by_version
    listed = {one.key: one.agreement for one in audited_weeks()}
    assert listed == {"2026-W47": this.overall, "2026-W46": last.overall}
    assert list(listed) == ["2026-W47", "2026-W46"]


def test_the_change_is_that_within_the_campaign_where_there_is_one(two_weeks):
    found = week_audit(key="2026-W47")
    weeks = ({"week": week_of_key(one)} for one in ("2026-W46", "2026-W47"))
    alone, _n_in_both = slice_change(board=ledger().board(two_weeks.ranking.pk), before=next(weeks), after=next(weeks))
    assert (found.compared, found.campaigns[0].strict) == (alone, alone[0])
    strict = found.compared[0]
    assert [one.value for one in (strict.before, strict.after, strict.change)] == [0.0, 1.0, 1.0]
    assert strict.change.lo <= 1.0 <= strict.change.hi


def test_it_adds_up_the_campaigns(two_weeks):
    second_campaign(two_weeks)  # three pairs on which they agree, without a domain
    found = week_audit(key="2026-W47")
    # 12 pairs on which they agree in one campaign, and 3 in the other
    assert (found.overall.strict_agreement.value, found.overall.strict_agreement.n) == (1.0, 15)
    assert [(one.campaign.slug, one.strict is None) for one in found.campaigns] == [("answers", False), ("more", True)]
    assert [one.key for one in found.domains] == ["art", "physics", "-"]
    assert (found.compared[0].change.value, found.compared[0].change.n) == (1.0, 21)
    assert (found.people[0].n_judgements, found.people[0].agreement.n_items) == (3, 3)


def test_it_says_what_the_change_means(carol, two_weeks):
    for value, lo, said in (
        (0.1, 0.05, "agree more than in the week before, by +10.0 points"),
        (0.1, -0.1, "no clear"),
    ):
        assert said in week_meaning(Estimate(value, lo, 0.2, 9))
    assert "agree less than in the week before" in week_meaning(Estimate(-0.1, -0.2, -0.05, 9))
    with translation.override("ar"):  # where a sign would else stand behind its number
        assert "\u200e\u221210.0" in week_meaning(Estimate(-0.1, -0.2, -0.05, 9))
    meaning = week_meaning(week_audit(key="2026-W47").compared[0].change)
    assert meaning in carol.get("/agreement/weeks/2026-W47/").content.decode()
    assert "Nothing was judged on one of the two sides" in carol.get("/agreement/weeks/2026-W46/").content.decode()


def test_a_first_week_has_nothing_to_be_compared_with(carol, two_weeks):
    found = week_audit(key="2026-W46")
    assert (found.sooner, found.later, found.earlier.n_judgements, found.campaigns[0].strict) == (
        "",
        "2026-W47",
        0,
        None,
    )
    assert found.compared[0].change.reason.startswith("Nothing was judged on one of the two sides")
    assert week_audit(key="2026-W47").sooner == "2026-W46"
    assert 'href="/agreement/weeks/2026-W47/"' in carol.get("/agreement/weeks/2026-W46/").content.decode()


def test_a_week_of_writing_alone_has_judgements_and_no_agreement(carol, two_weeks, clock):
    clock(1)
    held = claim_next_task(annotator=two_weeks.alice, campaign=two_weeks.writing)
    submit_demonstration(assignment_id=held.pk, annotator=two_weeks.alice, text="Blow.", seconds=7)
    found = week_audit(key="2026-W48")
    assert [(one.campaign, one.n_judgements, one.seconds.value) for one in found.campaigns] == [
        (two_weeks.writing, 1, 7)
    ]
    assert (found.overall.n_judgements, found.domains, found.people[0].username) == (0, [], "alice")
    assert "Nobody has ranked anything yet." in carol.get("/agreement/weeks/2026-W48/").content.decode()


def test_without_any_ranking_campaign_there_is_no_change(carol, world, clock):
    held = claim_next_task(annotator=world.alice, campaign=world.writing)
    submit_demonstration(assignment_id=held.pk, annotator=world.alice, text="Blow.", seconds=7)
    Campaign.objects.filter(kind="ranking").update(kind="rating")
    assert week_audit(key="2026-W47").compared == []
    assert carol.get("/agreement/weeks/2026-W47/").status_code == 200


def test_its_time_is_that_of_the_page_of_time(world, clock):
    rank_all(world.alice, world)
    rank(world, world.bob, 1, 2, 3, 4)
    found, times = week_audit(key="2026-W47"), time_and_pay(campaign=world.ranking)
    assert found.seconds == found.campaigns[0].seconds == times.seconds
    assert {one.username: one.seconds for one in found.people} == {one.username: one.seconds for one in times.people}
    assert found.seconds_before.value is None


def test_it_shows_what_people_know(two_weeks):
    declare(two_weeks.alice, "art", "good")
    declare(two_weeks.alice, "physics", "good")
    Expertise.objects.filter(domain__slug="art").update(verified_at=timezone.now(), verified_by=two_weeks.carol)
    Skill.objects.create(annotator=two_weeks.alice, domain=None, right=5, n=10)
    alice, bob = (one.known for one in week_audit(key="2026-W47").people)
    assert (alice.verified, alice.n_declared, alice.measured.n) == ([Domain.objects.get(slug="art")], 1, 10)
    assert (bob.verified, bob.n_declared, bob.measured) == ([], 0, None)


def test_it_measures_the_known_answers_of_the_week(world, clock):
    right, wrong = add_gold(world), add_gold(world)
    clock(-1)
    answer(wrong, world.bob, ranks=(3, 2, 1))
    clock(0)
    answer(right, world.alice)
    rank(world, world.alice, 1, 2, 3, 4)
    found = week_audit(key="2026-W47")
    assert [(one.value, one.n) for one in (found.gold, found.gold_before)] == [(1.0, 1), (0.0, 1)]


def test_its_files_hold_what_the_query_computes(carol, two_weeks):
    second_campaign(two_weeks)
    of_all = [figure for one in audited_weeks() for figure in one.figures]
    for address, found in (("2026-W47/", week_audit(key="2026-W47").figures), ("", of_all)):
        assert carol.get(f"/agreement/weeks/{address}figures.json").json()["figures"] == found
        text = carol.get(f"/agreement/weeks/{address}figures.csv").content.decode()
        rows = [(row["scope"], row["of"], row["measure"]) for row in csv.DictReader(io.StringIO(text))]
        assert rows == [(one["scope"], one["of"], one["measure"]) for one in found]
        assert len({*rows}) == len(rows)


def test_a_week_that_is_not_over_says_so(carol, two_weeks):
    assert "This week is not over" in carol.get("/agreement/weeks/2026-W47/").content.decode()
    assert "This week is not over" not in carol.get("/agreement/weeks/2026-W46/").content.decode()


def test_the_audits_tables_lead_to_it(carol, two_weeks):
    link = 'href="/agreement/weeks/2026-W47/"'
    pages = ("/agreement/weeks/", "/agreement/answers/", "/agreement/answers/?week=2026-11-16")
    for page in (*pages, "/agreement/domains/art/"):
        assert link in carol.get(page).content.decode(), page
    assert 'href="/agreement/weeks/"' in carol.get("/agreement/").content.decode()


def test_no_campaign_takes_the_address_of_the_weeks(world):
    with pytest.raises(DomainError, match="is a page of the audit"):
        create_campaign(slug="weeks", name="Mine", kind="ranking", guideline_slug="ranking", overlap=2, by=world.carol)
