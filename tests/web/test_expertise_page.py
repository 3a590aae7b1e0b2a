"""Expertise, for admins: declared, verified and measured side by side, with downloads of what is shown."""

import csv
import io
import re

import pytest

from annotate import people_queries
from annotate.models import Domain, Skill
from tests.services.test_needs import declare
from tests.services.test_skills import add_gold, answer
from tests.web.conftest import client_of

PAGE = "/people/expertise/"


@pytest.fixture
def known(world):
    """Alice declares art and law, the latter verified; gold has measured her in art, and Bob in physics."""
    Domain.objects.create(slug="law", name="Law")
    declare(world.alice, "art", "good")
    declare(world.alice, "law", "expert", verified_by=world.carol)
    answer(add_gold(world, domain="art"), world.alice)
    answer(add_gold(world, domain="physics"), world.bob, (3, 2, 1))
    return world


def rows_of(page: str) -> list[list[str]]:
    """The cells of the table's rows, as text."""
    body = re.search("<tbody>(.*?)</tbody>", page, re.S)[1]
    rows = re.findall("<tr>(.*?)</tr>", body, re.S)
    return [
        [" ".join(re.sub("<[^>]+>", " ", cell).split()) for cell in re.findall("<t[hd].*?</t[hd]>", row, re.S)]
        for row in rows
    ]


def test_it_shows_declared_verified_and_measured_side_by_side(known, carol):
    rows = rows_of(carol.get(PAGE).content.decode())
    assert [(row[0], row[1]) for row in rows] == [
        ("alice", "Art"),  # waits
        ("alice", "All domains"),
        ("alice", "Law"),
        ("bob", "All domains"),
        ("bob", "Physics"),
    ]
    assert rows[0][2] == "Good A degree."
    assert rows[0][3].startswith("Verify")
    assert rows[0][4].endswith("n = 1".replace(" ", "&nbsp;"))
    assert rows[2][3].startswith("Verified carol")
    assert rows[2][4] == "No gold answered in this domain yet."
    assert rows[4][2:4] == ["–", "–"]


@pytest.mark.parametrize(
    ("order", "first"),
    [("person", "alice"), ("domain", "alice"), ("measured", "alice"), ("waiting", "alice"), ("nonsense", "alice")],
)
def test_every_order_is_stable_and_complete(known, carol, order, first):
    rows = rows_of(carol.get(PAGE, {"sort": order}).content.decode())
    assert (len(rows), rows[0][0]) == (5, first)


def test_the_lowest_accuracy_comes_first_when_sorted_by_it(known):
    values = [one.measured.value for one in people_queries.expertise(order="measured")]
    assert values[0] is None  # declared and never measured
    assert values[1:] == sorted(values[1:])


def test_it_shows_one_person_by_domain(known, carol):
    page = carol.get(PAGE, {"annotator": known.alice.pk}).content.decode()
    assert [row[0] for row in rows_of(page)] == ["Art", "All domains", "Law"]
    nobody = carol.get(PAGE, {"annotator": known.outsider.pk}).content.decode()
    assert "Nothing declared and nothing measured yet." in nobody


def test_the_downloads_hold_what_is_shown(known, carol):
    asked = {"sort": "person", "annotator": known.alice.pk}
    shown = [one.as_dict() for one in people_queries.expertise(annotator_id=known.alice.pk, order="person")]
    assert carol.get(f"{PAGE}figures.json", asked).json() == {"figures": shown}
    found = list(csv.DictReader(io.StringIO(carol.get(f"{PAGE}figures.csv", asked).content.decode())))
    assert [(row["domain"], row["declared"], row["verified"], row["n"]) for row in found] == [
        ("", "False", "False", "1"),
        ("art", "True", "False", "1"),
        ("law", "True", "True", "0"),
    ]
    assert [row["value"] for row in found] == ["" if one["value"] is None else str(one["value"]) for one in shown]


def test_one_persons_figures_are_those_of_the_whole_pool(known):
    alice = [one for one in people_queries.expertise() if one.annotator == known.alice]
    assert people_queries.expertise(annotator_id=known.alice.pk) == alice


def test_it_pages_through_many_rows(known, carol, monkeypatch):
    monkeypatch.setattr("annotate.views.members.EXPERTISE_A_PAGE", 2)
    page = carol.get(PAGE, {"sort": "domain", "page": 2}).content.decode()
    assert len(rows_of(page)) == 2
    assert 'href="?sort=domain&amp;page=3"' in page


def test_it_costs_as_many_queries_for_many_people(known, carol, django_assert_num_queries):
    law = Domain.objects.get(slug="law")
    Skill.objects.create(annotator=known.outsider, domain=law, n=4, right=3)
    with django_assert_num_queries(4):
        people_queries.expertise()


@pytest.mark.parametrize("annotator", ["x", "-1", "9" * 5000, "999999", "٣"])
def test_there_is_no_such_annotator(known, carol, annotator):
    assert carol.get(PAGE, {"annotator": annotator}).status_code == 404


def test_it_is_for_admins(known):
    for path in ("", "figures.csv", "figures.json"):
        assert client_of(known.alice).get(f"{PAGE}{path}").status_code == 403
