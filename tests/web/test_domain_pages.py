"""Domains across campaigns: the pages, their files and the query say the same."""

import csv
import io

import pytest

from annotate.audit_queries.domain import audited_domains, domain_audit
from annotate.audit_queries.slices import Slice, campaign_audit
from annotate.errors import DomainError
from annotate.models import Adjudication, Campaign, Domain, Skill
from annotate.services.campaigns import create_campaign
from tests.services.test_needs import declare
from tests.web.conftest import rank_all
from tests.web.test_person_page import second_campaign
from tests.world import add_ranking_task

PAGES = ["", "figures.csv", "figures.json", "art/", "art/figures.csv", "art/figures.json"]


@pytest.mark.parametrize("rest", PAGES)
def test_it_is_for_admins_only(alice, carol, world, rest):
    assert alice.get(f"/agreement/domains/{rest}").status_code == 403
    assert carol.get(f"/agreement/domains/{rest}").status_code == 200


def test_there_is_no_page_of_a_domain_that_is_none(carol, world):
    assert carol.get("/agreement/domains/nowhere/").status_code == 404
    with pytest.raises(DomainError, match="There is no domain"):
        domain_audit(slug="\0")


def test_without_any_judgement_it_says_so(carol, world):
    page = carol.get("/agreement/domains/art/").content.decode()
    assert "Nobody has ranked anything yet." in page
    assert "Nobody was measured here yet" in page


def test_a_domain_is_its_slice_of_a_campaign_beside_the_others(ranked_world):
    found = domain_audit(slug="physics")
    art, physics = (
        campaign_audit(campaign=ranked_world.ranking, chosen=Slice(domain=one)) for one in ("art", "physics")
    )
    assert (found.overall, found.elsewhere) == (physics.overall, art.overall)
    (one,) = found.campaigns
    assert (one.here, one.elsewhere, one.n_disputed, one.n_decided) == (physics.overall, art.overall, 2, 0)
    assert [week.agreement for week in found.weeks] == [physics.overall]


def test_it_adds_up_the_campaigns(ranked_world):
    second_campaign(ranked_world)  # without a domain: three pairs on which two agree
    add_ranking_task(
        Campaign.objects.get(slug="more"), question="Which?", answers=["A.", "B."], domain="art", by=ranked_world.carol
    )
    more = Campaign.objects.get(slug="more")
    for user in (ranked_world.alice, ranked_world.bob):
        ranked_world.ranking = more
        rank_all(user, ranked_world)
    found = domain_audit(slug="art")
    # one task of 6 pairs on which they differ, and one of 1 pair on which they agree
    assert (found.overall.strict_agreement.value, found.overall.strict_agreement.n) == (pytest.approx(1 / 7), 7)
    assert [(one.campaign.slug, one.n_disputed) for one in found.campaigns] == [("answers", 1), ("more", 0)]
    assert domain_audit(slug="-").overall.strict_agreement.value == 1.0
    assert [one.key for one in audited_domains()] == ["art", "physics", "-"]


def test_a_decision_closes_a_disagreement(ranked_world):
    task = ranked_world.ranking_tasks[1]
    assert (domain_audit(slug="art").n_open, [one.n_open for one in audited_domains()]) == (1, [1, 2])
    Adjudication.objects.create(
        task=task, by=ranked_world.carol, guideline=ranked_world.ranking.guideline, answer={"ranks": {}}, cause="style"
    )
    assert (domain_audit(slug="art").n_open, domain_audit(slug="art").campaigns[0].n_decided) == (0, 1)


def test_it_shows_what_is_declared_verified_and_measured(carol, ranked_world):
    declare(ranked_world.outsider, "art", "good")
    art = Domain.objects.get(slug="art")
    for domain, right, n in ((art, 3, 4), (None, 5, 10)):
        Skill.objects.create(annotator=ranked_world.alice, domain=domain, right=right, n=n)
    found = domain_audit(slug="art")
    assert [(one.username, one.n_judgements) for one in found.people] == [("alice", 1), ("bob", 1), ("outsider", 0)]
    assert [one.known.declared if one.known else None for one in found.people] == [False, None, True]
    assert found.people[0].known.measured.n == 4
    assert found.people[0].agreement.strict_agreement.value == 0.0
    # of alice's 10 answers, 4 are of art and 6 of prompts without a domain
    assert [(one.value, one.n) for one in (found.gold, found.gold_elsewhere)] == [(0.75, 4), (pytest.approx(1 / 3), 6)]
    assert domain_audit(slug="-").gold.n == 6
    page = carol.get("/agreement/domains/art/").content.decode()
    assert f'href="/people/expertise/?annotator={ranked_world.outsider.pk}">Not yet' in page


def test_its_files_hold_what_the_query_computes(carol, ranked_world):
    for address, found in (("art/", domain_audit(slug="art").figures), ("", _of_all())):
        assert carol.get(f"/agreement/domains/{address}figures.json").json()["figures"] == found
        text = carol.get(f"/agreement/domains/{address}figures.csv").content.decode()
        rows = [(row["scope"], row["of"], row["measure"]) for row in csv.DictReader(io.StringIO(text))]
        assert rows == [(one["scope"], one["of"], one["measure"]) for one in found]


def _of_all():
    return [figure for one in audited_domains() for figure in one.figures]


def test_the_audits_tables_lead_to_it(carol, ranked_world):
    for page in ("/agreement/domains/", "/agreement/answers/", f"/agreement/people/{ranked_world.alice.pk}/"):
        assert 'href="/agreement/domains/art/"' in carol.get(page).content.decode(), page
    assert 'href="/agreement/domains/"' in carol.get("/agreement/").content.decode()


@pytest.mark.parametrize("slug", ["domains", "people"])
def test_no_campaign_takes_the_address_of_an_audit_page(world, slug):
    with pytest.raises(DomainError, match="is a page of the audit"):
        create_campaign(slug=slug, name="Mine", kind="ranking", guideline_slug="ranking", overlap=2, by=world.carol)
