"""Who judged: the groups of a campaign's pool, of whole weeks where people spoke in confidence."""

import csv
import io
from datetime import timedelta

import pytest
from django.utils import timezone

from annotate.audit_queries import compositions
from annotate.audit_queries.compositions import Attribute, PoolComposition, pool_composition
from annotate.models import Domain, Expertise, Profile, User
from annotate.services.claiming import claim_next_task
from annotate.services.judging import correct, submit_ranking
from annotate.services.onboarding import keep_demographics
from tests.services.test_queries import rank
from tests.web.conftest import client_of

FORTNIGHT = 14 * 86_400


@pytest.fixture
def later(monkeypatch):
    """A clock of the groups that runs two weeks ahead, so that what was judged now is of a whole week."""
    now = timezone.now().timestamp() + FORTNIGHT
    monkeypatch.setattr(compositions, "now", lambda: now)


def pool(world, n: int) -> list[User]:
    """`n` people who have ranked one task each; half are women, and read German."""
    people = [User.objects.create(username=f"person-{number}") for number in range(n)]
    world.ranking.tasks.update(target=n + 9)
    for number, person in enumerate(people):
        keep_demographics(user=person, answers={"gender": "woman" if number % 2 else "man"})
        Profile.objects.create(user=person, languages=["de-AT", "en"] if number % 2 else ["en"])
        rank(world, person, 1, 2, 3, 4)
    return people


def attribute(found: PoolComposition, kind: str) -> Attribute:
    return next(one for one in found.attributes if one.kind == kind)


def sizes(found: PoolComposition, kind: str) -> dict[str, int]:
    return {group.value: group.people for group in attribute(found, kind).groups}


def test_expertise_is_exact_and_of_now(world):
    art = Domain.objects.get(slug="art")
    Expertise.objects.create(
        user=world.alice, domain=art, level="good", evidence="Ten years.", declared_at=timezone.now()
    )
    rank(world, world.alice, 1, 2, 3, 4)
    rank(world, world.alice, 1, 2, 3, 4)
    rank(world, world.bob, 1, 2, 3, 4)
    found = pool_composition(campaign=world.ranking)
    one = attribute(found, "expertise")
    assert (one.of, one.protected, found.n_people, found.n_judgements) == ("art", False, 2, 3)
    assert [(group.value, group.people, group.judgements.value) for group in one.groups] == [
        ("declared", 1, pytest.approx(2 / 3)),
        ("", 1, pytest.approx(1 / 3)),
    ]


def test_what_people_said_shows_once_their_week_is_over(world, monkeypatch):
    pool(world, 10)
    found = pool_composition(campaign=world.ranking)
    assert (found.n_people, found.n_people_before, sizes(found, "gender")) == (10, 0, {})
    monkeypatch.setattr(compositions, "now", lambda: timezone.now().timestamp() + FORTNIGHT)
    found = pool_composition(campaign=world.ranking)
    assert (found.n_people_before, sizes(found, "gender")) == (10, {"woman": 5, "man": 5})
    assert sizes(found, "languages") == {"de": 5}  # everybody reads English, so nobody is in another group
    assert attribute(found, "gender").groups[0].judgements.value == pytest.approx(0.5)


@pytest.mark.usefixtures("later")
def test_nothing_is_shown_of_fewer_than_ten(world):
    pool(world, 9)
    found = pool_composition(campaign=world.ranking)
    assert [one.groups for one in found.attributes if one.protected] == [[]] * 6


def test_a_correction_counts_as_of_the_first_submission(world, monkeypatch):
    hold = claim_next_task(annotator=world.alice, campaign=world.ranking)
    ranks = dict.fromkeys(hold.shown_order, 1)
    judgement = submit_ranking(assignment_id=hold.pk, annotator=world.alice, ranks=ranks, seconds=1)
    correct(judgement_id=judgement.pk, annotator=world.alice, answer={"ranks": ranks}, seconds=1)
    monkeypatch.setattr(compositions, "now", lambda: (timezone.now() + timedelta(days=14)).timestamp())
    found = pool_composition(campaign=world.ranking)
    assert (found.n_people_before, found.n_judgements_before) == (1, 1)


def test_a_campaign_without_groups_has_no_figures(world):
    rank(world, world.alice, 1, 2, 3, 4)
    assert pool_composition(campaign=world.ranking).figures == []


@pytest.mark.usefixtures("later")
def test_the_page_and_its_files_show_these_figures(world):
    pool(world, 10)
    carol = client_of(world.carol)
    page = carol.get("/agreement/answers/composition/").content.decode()
    assert "about 5" in page
    assert page.count("<title>Woman: 50.0") == 1
    computed = pool_composition(campaign=world.ranking).figures
    assert carol.get("/agreement/answers/composition/figures.json").json()["figures"] == computed
    rows = csv.DictReader(io.StringIO(carol.get("/agreement/answers/composition/figures.csv").content.decode()))
    assert [(row["group"], row["value"]) for row in rows] == [(one["group"], str(one["value"])) for one in computed]


@pytest.mark.usefixtures("later")
def test_every_figure_has_its_group_and_n(world):
    pool(world, 10)
    figures = pool_composition(campaign=world.ranking).figures
    assert {(one["attribute"], one["measure"], one["n"]) for one in figures} == {
        (kind, measure, 10) for kind in ("gender", "languages") for measure in ("judgement_share", "difference")
    }
