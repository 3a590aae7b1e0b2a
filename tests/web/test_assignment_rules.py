"""Who is given what, on the settings page: what is posted, stored, shown again and refused, without script."""

import pytest

from annotate.models import Campaign
from annotate.services import overlap
from annotate.services.overlap import reconsider_what_waits
from tests.web.test_campaign_pages import settings_of

USUAL = {"order": "depth", "first": "", "random_share": "10", "gold_first": "0", "gold_rate": "10"}
USUAL |= {"overlap_confidence": "80", "needs_skill": "0", "needs_measured": "5", "priority": "0", "share": "1"}
SET = {"order": "breadth", "first": "disagreement", "random_share": "12,5", "gold_first": "3", "gold_rate": "7"}
SET |= {"overlap_ceiling": "5", "overlap_confidence": "90", "needs_domain": "verified", "needs_skill": "70"}
SET |= {"needs_measured": "8", "needs_language": "on", "budget_judgements": "1000", "budget_hours": "40.5"}
SET |= {"budget_money": "800", "hourly_rate": "12,50", "currency": "eur", "daily_judgements": "200"}
SET |= {"daily_hours": "6", "priority": "-2", "share": "3"}
ADDRESS = "/campaigns/answers/settings/"


@pytest.fixture
def post(carol, world):
    """Post the settings page of the ranking campaign."""

    def send(**fields):
        return carol.post(ADDRESS, settings_of(world.ranking, **USUAL | fields))

    return send


def stored() -> Campaign:
    return Campaign.objects.get(slug="answers")


def test_it_stores_nothing_that_nobody_asked_for(post):
    assert post().status_code == 302
    assert (stored().assignment, stored().hourly_rate, stored().priority, stored().share) == ({}, None, 0, 1)


def test_it_stores_what_was_chosen(post):
    assert post(**SET).status_code == 302
    campaign = stored()
    assert campaign.assignment == {
        "order": "breadth",
        "first": "disagreement",
        "random_share": 0.125,
        "gold": {"first": 3, "rate": 0.07},
        "overlap": {"ceiling": 5, "confidence": 0.9},
        "needs": {"domain": "verified", "language": True, "skill": 0.7, "measured": 8},
        "budget": {"judgements": 1000, "hours": 40.5, "money": 800},
        "daily": {"judgements": 200, "hours": 6},
    }
    assert (campaign.priority, campaign.share) == (-2, 3)
    assert (str(campaign.hourly_rate), campaign.currency) == ("12.50", "EUR")


def test_what_was_stored_comes_back_as_it_was_typed(carol, post):
    post(**SET)
    body = carol.get(ADDRESS).content.decode()
    for name, value in SET.items() - {("random_share", "12,5"), ("hourly_rate", "12,50"), ("currency", "eur")}:
        if name not in ("order", "first", "needs_domain", "needs_language"):
            assert f'name="{name}" value="{value}"' in body, name
    for shown in (
        'value="12.5"',
        'value="12.50"',
        'value="EUR"',
        'value="breadth" selected',
        'value="verified" selected',
    ):
        assert shown in body
    assert 'name="needs_language" checked' in body


def test_it_says_the_rules_in_words(carol, post):
    post(**SET)
    body = carol.get(ADDRESS).content.decode()
    for words in (
        "The first 3 tasks of new people · 7\N{NO-BREAK SPACE}% of what is given",
        "2 to 5 people, until one answer leads with 90\N{NO-BREAK SPACE}% certainty",
        "Verified in the domain · Speak the language · 70\N{NO-BREAK SPACE}% of at least 8 known answers right",
        "1,000 judgements · 40.5 hours · 800 EUR at 12.50 EUR an hour",
        "200 judgements · 6 hours",
        "Priority -2, share 3",
    ):
        assert words in body


def test_changes_are_on_record_in_the_words_of_the_page(carol, post):
    post(order="breadth", gold_rate="7", needs_language="on", hourly_rate="12", currency="EUR")
    body = carol.get(ADDRESS).content.decode()
    after = "Order: First judgements for all tasks first; Share of the work, %: 7;"
    assert f"{after} The task’s language is one of theirs" in body
    assert '<td class="value" dir="auto">As usual</td>' in body
    assert '<td class="value" dir="auto">12.00</td>' in body


def test_saving_the_page_again_changes_nothing(carol, post):
    post(**SET)
    assert "Nothing was changed" in carol.post(ADDRESS, settings_of(stored(), **SET), follow=True).content.decode()


def test_a_page_without_these_controls_changes_none_of_them(carol, post):
    post(**SET)
    assert carol.post(ADDRESS, settings_of(stored())).status_code == 302
    assert stored().assignment["order"] == "breadth"
    assert stored().hourly_rate == 12.5


@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        ({"order": "width"}, "order", "must be one of depth, breadth, random"),
        ({"random_share": "0"}, "random_share", "Write a percentage from 1 to 100."),
        ({"random_share": "some"}, "random_share", "Write a percentage from 1 to 100."),
        ({"gold_rate": "101"}, "gold_rate", "Write a percentage from 0 to 100."),
        ({"gold_first": "2.5"}, "gold_first", "Write a whole number from 0 to 1000."),
        ({"overlap_ceiling": "1"}, "overlap_ceiling", "Write a whole number from 2 to 100."),
        ({"overlap_ceiling": "2", "overlap": "3"}, "overlap_ceiling", "Each task goes to 3 people anyway"),
        ({"overlap_ceiling": "4", "overlap_confidence": "100"}, "overlap_confidence", "from 50 to 99.9"),
        ({"needs_domain": "guessed"}, "needs_domain", "must be one of"),
        ({"budget_hours": "-3"}, "budget_hours", "Write a number from 0 to 1000000000."),
        ({"budget_money": "800"}, "hourly_rate", "needs to know what an hour is paid"),
        ({"hourly_rate": "much", "currency": "EUR"}, "hourly_rate", "must be a decimal number"),
        ({"hourly_rate": "12"}, "currency", "three letters, such as EUR"),
        ({"daily_hours": "25"}, "daily_hours", "Write a number from 0 to 24."),
        ({"priority": "first"}, "priority", "Write a whole number from -32767 to 32767."),
        ({"share": "0"}, "share", "Write a whole number from 1 to 32767."),
    ],
)
def test_it_refuses_with_a_sentence_at_the_field_and_keeps_what_was_typed(post, fields, field, sentence):
    response = post(**fields)
    assert response.status_code == 422
    body = response.content.decode()
    wrong = body.split(f'id="error-{field}"')[1].split("</p>")[0]
    assert sentence in wrong
    assert f'href="#part-{field}"' in body
    if fields.get(field) and field not in ("order", "needs_domain"):
        assert f'name="{field}" value="{fields[field]}"' in body
    assert stored().assignment == {}


def test_the_page_says_how_far_new_rules_hold_and_since_when_they_do(post, carol, monkeypatch):
    monkeypatch.setattr(overlap, "AT_ONCE", 2)
    assert post(first="disagreement").status_code == 302
    page = carol.get(ADDRESS).content.decode()
    assert "Being applied: 2 of 3 tasks follow the rules of" in page
    assert 'hx-select="#new-rules"' in page
    reconsider_what_waits()
    page = carol.get(ADDRESS).content.decode()
    assert "All tasks that are there have followed these rules since" in page
    assert 'hx-select="#new-rules"' not in page
