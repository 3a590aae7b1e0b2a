"""How many judgements: a plain form by GET, whose figures are the planner's."""

import pytest

from annotate.quality.planner import plan
from tests.web.conftest import client_of, rank_all


def test_it_is_for_admins(alice, carol):
    assert alice.get("/plan/").status_code == 403
    assert carol.get("/plan/").status_code == 200


def test_it_shows_the_plan_for_what_is_asked(carol):
    shown = carol.get("/plan/", {"half_width": "3", "agreement": "66"}).content.decode()
    assert "Cheapest: 5 people per task, 261 tasks, 1,305 judgements." in shown
    assert "it takes at least 46 of them" in shown
    assert '<td class="num">958</td>' in shown


def test_it_says_when_more_tasks_do_not_help(carol):
    shown = carol.get("/plan/", {"half_width": "3", "agreement": "66", "annotators": "20"}).content.decode()
    assert "With 20 annotators no number of tasks is enough" in shown
    enough = carol.get("/plan/", {"half_width": "3", "agreement": "66", "annotators": "60"}).content.decode()
    assert f"{plan(0.03, 0.66, annotators=60).cheapest.judgements_for_new:,} judgements" in enough


def test_it_fills_in_what_a_campaign_measured(world):
    carol = client_of(world.carol)
    assert "Nobody has ranked anything yet." in carol.get("/plan/", {"campaign": "answers"}).content.decode()
    rank_all(world.alice, world)
    rank_all(world.bob, world)
    shown = carol.get("/plan/", {"campaign": "answers", "half_width": "5"}).content.decode()
    assert 'name="agreement" value="99.9"' in shown
    assert 'name="annotators" value="2"' in shown
    assert 'id="half_width" name="half_width" value="5"' in shown
    assert carol.get("/plan/", {"campaign": "writing"}).status_code == 404


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("half_width", "0", "from 0.1 to 49"),
        ("half_width", "nan", "from 0.1 to 49"),
        ("half_width", "²", "from 0.1 to 49"),
        ("agreement", "40", "from 50 to 99.9"),
        ("agreement", "inf", "from 50 to 99.9"),
        ("annotators", "1", "2 or more"),
        ("annotators", "9" * 19, "2 or more"),
        ("annotators", "some", "2 or more"),
    ],
)
def test_it_says_what_is_wrong_beside_the_field_and_keeps_it(carol, name, value, sentence):
    answer = carol.get("/plan/", {name: value})
    assert answer.status_code == 422
    shown = answer.content.decode()
    assert sentence in shown
    assert f'name="{name}" value="{value}"' in shown
    assert "Cheapest" not in shown
