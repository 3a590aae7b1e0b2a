"""The page for step labels: what it shows, and what it makes of a form posted without script."""

import pytest

from annotate.models import Assignment, Judgement
from annotate.services.campaigns import create_campaign
from annotate.services.claiming import claim_next_task
from tests.services.test_step_labels import add_solution
from tests.world import add_guideline


@pytest.fixture
def held(world):
    add_guideline("steps")
    campaign = create_campaign(slug="proofs", name="P", kind="steps", guideline_slug="steps", overlap=2, by=world.carol)
    add_solution(campaign)
    return claim_next_task(annotator=world.alice, campaign=campaign)


def post(client, held, **fields):
    return client.post(
        f"/work/{held.pk}/", {"seconds": "3", **{name.replace("_", "-"): v for name, v in fields.items()}}
    )


def test_it_shows_each_step_with_three_labels(alice, held):
    body = alice.get(f"/work/{held.pk}/").content.decode()
    assert [body.count(f'name="step-{step}"') for step in range(4)] == [3, 3, 3, 0]
    assert body.index("Add.") < body.index("Halve.") < body.index("It is 2.")


def test_it_submits_labels_without_script(alice, held):
    assert post(alice, held, step_0="good", step_1="bad").status_code == 302
    assert list(Judgement.objects.get().step_labels.values_list("label", flat=True)) == ["good", "bad"]


def test_it_names_the_step_that_has_no_label_and_keeps_the_others(alice, held):
    response = post(alice, held, step_0="good", step_2="neutral")
    assert response.status_code == 422
    body = response.content.decode()
    assert "Step 2 has no label yet" in body
    assert 'value="good" data-label="Good" checked' in body
    assert 'value="neutral" data-label="Neutral" checked' in body


def test_it_keeps_a_draft_with_a_gap(alice, held):
    alice.post(f"/work/{held.pk}/draft/", {"step-2": "bad", "seconds": "1"})
    assert Assignment.objects.get(pk=held.pk).draft["labels"] == ["", "", "bad"]
    assert 'value="bad" data-label="Bad" checked' in alice.get(f"/work/{held.pk}/").content.decode()


@pytest.mark.parametrize("draft", [{"labels": 7}, {"labels": {"0": "good"}}, {"labels": [["good"], None, 3, 4, 5]}])
def test_a_draft_in_another_shape_breaks_nothing(alice, held, draft):
    Assignment.objects.filter(pk=held.pk).update(draft=draft)
    assert alice.get(f"/work/{held.pk}/").status_code == 200


def test_it_shows_what_was_submitted_for_correcting(alice, held):
    post(alice, held, step_0="neutral", step_1="bad")
    body = alice.get(f"/work/{held.pk}/correct/").content.decode()
    assert 'value="neutral" data-label="Neutral" checked' in body


def test_it_says_when_every_step_needs_a_label(alice, held):
    campaign = held.task.campaign
    campaign.form = {"steps": {"stop_at_first_error": False}, "rationale": "required"}
    campaign.save()
    body = alice.get(f"/work/{held.pk}/").content.decode()
    assert "also those after an error" in body
    assert "data-stops" not in body
    assert post(alice, held, step_0="bad").status_code == 422
