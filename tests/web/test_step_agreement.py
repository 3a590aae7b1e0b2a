"""Agreement on step labels: the page, the downloads and the API say the same."""

import csv
import io

import pytest
from rest_framework.test import APIClient

from annotate.campaign_queries import campaign_step_agreement
from annotate.services.campaigns import create_campaign
from annotate.services.judging import correct
from tests.services.test_step_labels import add_solution, labelled
from tests.world import add_guideline


@pytest.fixture
def proofs(world):
    add_guideline("steps")
    campaign = create_campaign(slug="proofs", name="P", kind="steps", guideline_slug="steps", overlap=2, by=world.carol)
    add_solution(campaign)
    first = labelled(campaign, world.alice, "good", "good", "good")
    correct(judgement_id=first.pk, annotator=world.alice, answer={"labels": ["good", "bad"]}, seconds=1)
    labelled(campaign, world.bob, "neutral", "bad")
    return campaign


def test_it_counts_the_labels_that_count(proofs):
    found = campaign_step_agreement(campaign=proofs).overall
    assert (found.n_judgements, found.n_labels) == (2, 4)
    assert (found.agreement.value, found.right_or_wrong.value, found.first_error.value) == (0.5, 1.0, 1.0)


def test_page_downloads_and_api_say_the_same(carol, world, proofs):
    expected = campaign_step_agreement(campaign=proofs).overall.alpha
    body = carol.get("/agreement/proofs/steps/").content.decode()
    assert f"{expected.value:.3f}".replace("-", "\N{MINUS SIGN}") in body
    assert f"n&nbsp;=&nbsp;{expected.n}" in body
    figures = carol.get("/agreement/proofs/steps/figures.json").json()["figures"]
    (alpha,) = (one for one in figures if one["measure"] == "alpha" and one["scope"] == "campaign")
    assert alpha["value"] == expected.value
    rows = list(csv.DictReader(io.StringIO(carol.get("/agreement/proofs/steps/figures.csv").content.decode())))
    assert [(row["scope"], row["measure"]) for row in rows] == [(one["scope"], one["measure"]) for one in figures]
    client = APIClient()
    client.force_authenticate(world.carol)
    assert client.get("/api/v1/campaigns/proofs/step-agreement/").json()["overall"]["alpha"]["value"] == expected.value
    assert client.get("/api/v1/campaigns/answers/step-agreement/").status_code == 422


def test_it_is_for_admins_and_for_steps(alice, carol, proofs):
    assert alice.get("/agreement/proofs/steps/").status_code == 403
    assert carol.get("/agreement/answers/steps/").status_code == 404


def test_it_says_why_there_is_no_number(carol, world):
    add_guideline("steps")
    create_campaign(slug="empty", name="E", kind="steps", guideline_slug="steps", by=world.carol)
    assert "Nobody has labelled anything yet" in carol.get("/agreement/empty/steps/").content.decode()
