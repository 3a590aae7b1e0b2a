"""The page of a reward model's run says how far to believe it."""

import json

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.recipes.test_reward_report import FOUR, SCORES, axes_report
from training.modelling.reward_report import reward_report
from training.models import Run

pytestmark = pytest.mark.django_db


@pytest.fixture
def reward(night) -> Run:
    """A reward model's run that has ended, with its report."""
    now = timezone.now()
    ended = {"state": "done", "progress": 1, "started_at": now, "heartbeat_at": now, "ended_at": now}
    run = Run.objects.create(recipe="reward", stage="reward", config={}, pipeline=night.pipeline, **ended)
    run.path.mkdir(parents=True)
    (run.path / "report.json").write_text(json.dumps(reward_report(FOUR, SCORES, split="test")))
    return run


def page_of(client, run: Run) -> str:
    return client.get(reverse("training:run", args=[run.pk])).content.decode().replace("\N{NO-BREAK SPACE}", " ")


def test_it_tables_calibration_best_of_n_and_where_it_errs(admin_client, reward):
    page = page_of(admin_client, reward)
    assert "On 19 comparisons of 2 prompts that nothing was trained on." in page
    assert '<th scope="row" class="num">73.1 %</th>' in page  # the chance at two rewards that are 1 apart
    assert '<th scope="row" class="num">4</th>' in page
    for words in ("Domain: x", "1 rank apart", "3 ranks apart", "Rewards 1.00 to 2.00 apart"):
        assert words in page


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["reliability", "best-of-n"])
def test_its_charts_are_svg_without_script(admin_client, reward, name, theme):
    response = admin_client.get(reverse("training:report", args=[reward.pk, name, theme]))
    assert response["Content-Type"] == "image/svg+xml"
    assert response.content.startswith(b"<svg")
    assert b"<script" not in response.content


def test_a_run_without_a_report_has_neither(admin_client, night, reward):
    (reward.path / "report.json").unlink()
    for run in (night.dpo, reward):
        assert "How far to believe it" not in page_of(admin_client, run)
        assert admin_client.get(reverse("training:report", args=[run.pk, "best-of-n", "dark"])).status_code == 404


def test_it_tables_each_axis_and_draws_no_calibration_of_their_sum(admin_client, reward):
    (reward.path / "report.json").write_text(json.dumps(axes_report()))
    page = page_of(admin_client, reward)
    assert '<bdi>harmless</bdi><br><span class="muted small">weight 2</span>' in page
    assert "Where does it err?" in page
    assert "Is it as sure as it is right?" not in page
    assert admin_client.get(reverse("training:report", args=[reward.pk, "reliability", "light"])).status_code == 404


def test_where_people_only_rated_it_shows_the_axes_alone(admin_client, reward):
    (reward.path / "report.json").write_text(json.dumps(axes_report(rows=[], scores=[])))
    page = page_of(admin_client, reward)
    assert "Axis by axis" in page
    assert "Where does it err?" not in page


def test_an_annotator_sees_no_report(client, world, reward):
    client.force_login(world.alice)
    assert client.get(reverse("training:report", args=[reward.pk, "reliability", "light"])).status_code == 403
