"""The page of a rating task: what it asks, what it keeps, what it refuses."""

import json
import re

import pytest

from annotate.models import Assignment, Judgement
from annotate.services.claiming import claim_next_task
from tests.rating import ANSWERS, add_rating_campaign, rate, values_for
from tests.web.conftest import client_of

SPAN = {"start": 4, "end": 7, "type": "untrue", "severity": "minor", "note": "<b>"}


def fields(campaign, held: Assignment, value: int = 5) -> dict:
    given = values_for(campaign, held.task, value)
    return {f"rating-{pk}-{axis}": str(level) for pk, values in given.items() for axis, level in values.items()}


@pytest.fixture
def campaign(world):
    return add_rating_campaign(world)


@pytest.fixture
def held(world, campaign) -> Assignment:
    return claim_next_task(annotator=world.alice, campaign=campaign)


def test_it_submits_values_flags_and_passages(world, campaign, held):
    first = held.shown_order[0]
    data = fields(campaign, held) | {f"flag-{first}": "sycophancy", f"span-{first}": json.dumps([SPAN])}
    assert client_of(world.alice).post(f"/work/{held.pk}/", data).status_code == 302
    judgement = Judgement.objects.get()
    assert set(judgement.ratings.values_list("value", flat=True)) == {5}
    assert judgement.ratings.count() == 6
    assert (judgement.flags.get().name, judgement.spans.get().note) == ("sycophancy", "<b>")


def test_it_names_missing_values_by_letter_and_keeps_the_rest(world, campaign, held):
    data = fields(campaign, held)
    del data[f"rating-{held.shown_order[1]}-truthful"]
    response = client_of(world.alice).post(f"/work/{held.pk}/", data)
    page = response.content.decode()
    assert response.status_code == 422
    assert "No value yet for B: Truthful." in page
    assert page.count("data-missing") == 1
    assert len(re.findall(r'name="rating-[^>]* checked>', page)) == 5
    assert not Judgement.objects.exists()


def test_it_shows_what_was_submitted_for_correcting_it(world, campaign, held):
    client = client_of(world.alice)
    first = held.shown_order[0]
    client.post(f"/work/{held.pk}/", fields(campaign, held) | {f"span-{first}": json.dumps([SPAN])})
    page = client.get(f"/work/{held.pk}/correct/").content.decode()
    assert len(re.findall(r'name="rating-\d+-\w+" value="5"[^>]* checked>', page)) == 6
    assert "&quot;note&quot;: &quot;&lt;b&gt;&quot;" in page


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("rating-{pk}-helpful", "9", "must be a whole number from 1 to 7"),
        ("flag-{pk}", "nonsense", "no flag named"),
        ("span-{pk}", '[{"start": 0, "end": 9999, "type": "untrue"}]', "must lie within the completion"),
        ("span-{pk}", '[{"start": 0, "end": 3, "type": []}]', "must be one of"),
        ("behaviour", "answer", "which this task does not ask"),
    ],
)
def test_it_refuses_what_its_form_does_not_ask(world, campaign, held, name, value, sentence):
    data = fields(campaign, held) | {name.format(pk=held.shown_order[0]): value}
    response = client_of(world.alice).post(f"/work/{held.pk}/", data)
    assert response.status_code == 422
    assert sentence in response.content.decode()


def test_it_asks_for_the_rationale_and_says_what_it_should_hold(world):
    form = {"axes": "overall7", "rationale": "required", "rationale_hint": "Name the passage that decided."}
    campaign = add_rating_campaign(world, form=form)
    held = claim_next_task(annotator=world.alice, campaign=campaign)
    client = client_of(world.alice)
    assert "Name the passage that decided." in client.get(f"/work/{held.pk}/").content.decode()
    response = client.post(f"/work/{held.pk}/", fields(campaign, held))
    assert "Give your rationale" in response.content.decode()


def test_a_single_completion_and_nine_can_be_rated(world):
    for slug, n in (("one", 1), ("nine", 9)):
        campaign = add_rating_campaign(world, answers=[f"{slug} {number}" for number in range(n)])
        campaign.slug, campaign.name = slug, slug
        held = claim_next_task(annotator=world.alice, campaign=campaign)
        page = client_of(world.alice).get(f"/work/{held.pk}/").content.decode()
        assert page.count('<article class="completion"') == n
        campaign.save()


def test_an_admin_sees_values_flags_and_passages_of_everybody(world, campaign):
    judgement = rate(world.alice, campaign)
    first = judgement.task.completions.get(text=ANSWERS[0])
    held = claim_next_task(annotator=world.bob, campaign=campaign)
    data = fields(campaign, held) | {f"flag-{first.pk}": "sycophancy", f"span-{first.pk}": json.dumps([SPAN])}
    client_of(world.bob).post(f"/work/{held.pk}/", data)
    page = client_of(world.carol).get(f"/agreement/tasks/{judgement.task_id}/").content.decode()
    assert "Helpful" in page
    assert "Agrees with a false claim of the user" in page
    assert '<q dir="auto">sky</q>' in page
    assert "Untrue" in page
