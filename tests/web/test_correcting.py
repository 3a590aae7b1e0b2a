"""Correcting what was submitted: the newest version counts, and both stay on record."""

import pytest
from django.core import signing
from django.utils import timezone

from annotate.models import Judgement
from annotate.services.judging import submit_demonstration, submit_ranking
from annotate.views.work_forms import STAMP
from tests.web.conftest import client_of


@pytest.fixture
def submitted(world, ranking) -> Judgement:
    """What Alice said first: the order in which she saw the completions, one flag, a rationale."""
    ranks = {completion: rank for rank, completion in enumerate(ranking.shown_order, start=1)}
    flags = {ranking.shown_order[0]: ["hallucination"]}
    return submit_ranking(
        assignment_id=ranking.pk, annotator=world.alice, ranks=ranks, flags=flags, rationale="Shorter.", seconds=20
    )


def address(judgement: Judgement) -> str:
    return f"/work/{judgement.assignment_id}/correct/"


def form(submission: Judgement, *ranks: int, **fields) -> dict:
    shown = submission.assignment.shown_order
    return {
        **{f"rank-{pk}": rank for pk, rank in zip(shown, ranks, strict=True)},
        "seconds": "4",
        "judgement": submission.pk,
        **fields,
    }


def test_it_shows_what_was_submitted(alice, submitted):
    page = alice.get(address(submitted)).content.decode()
    first = submitted.assignment.shown_order[0]
    assert f'name="rank-{first}" value="1" checked' in page
    assert f'name="flag-{first}" value="hallucination" checked' in page
    assert "Shorter.</textarea>" in page
    assert "You are correcting what you submitted at" in page


def test_it_offers_neither_skip_nor_lease_nor_draft(alice, submitted):
    page = alice.get(address(submitted)).content.decode()
    assert 'id="skip"' not in page
    assert "data-draft-url" not in page


def test_it_saves_a_new_version_and_goes_on(alice, world, submitted):
    response = alice.post(address(submitted), form(submitted, 4, 3, 2, 1), follow=True)
    new = Judgement.objects.current().get()
    assert (new.version, new.supersedes) == (2, submitted)
    assert dict(new.ranked.values_list("completion_id", "rank")) == dict(
        zip(submitted.assignment.shown_order, (4, 3, 2, 1), strict=True)
    )
    assert "Corrected." in response.content.decode()
    assert response.redirect_chain[-1][0] != address(submitted)


@pytest.mark.parametrize(("ago", "counted"), [(60, 4.0), (2, 2.0)])
def test_it_counts_at_most_the_seconds_since_the_page_was_opened(alice, submitted, ago, counted):
    opened = signing.dumps(timezone.now().timestamp() - ago, salt=STAMP)
    alice.post(address(submitted), form(submitted, 4, 3, 2, 1, opened=opened))
    assert Judgement.objects.current().get().seconds == pytest.approx(counted, abs=0.5)


@pytest.mark.parametrize("opened", ["", "1700000000:forged", "x" * 5000])
def test_a_page_without_our_stamp_counts_no_time(alice, submitted, opened):
    alice.post(address(submitted), form(submitted, 4, 3, 2, 1, opened=opened, seconds="4000"))
    assert Judgement.objects.current().get().seconds < 1


def test_it_keeps_the_stamp_when_a_correction_is_refused(alice, submitted):
    opened = signing.dumps(timezone.now().timestamp() - 30, salt=STAMP)
    data = form(submitted, 1, 2, 3, 4, opened=opened)
    del data[f"rank-{submitted.assignment.shown_order[1]}"]
    assert f'name="opened" value="{opened}"' in alice.post(address(submitted), data).content.decode()


def test_an_incomplete_correction_keeps_what_was_entered(alice, submitted):
    data = form(submitted, 1, 2, 3, 4, rationale="Typed anew")
    del data[f"rank-{submitted.assignment.shown_order[1]}"]
    response = alice.post(address(submitted), data)
    page = response.content.decode()
    assert response.status_code == 422
    assert "No rank yet for B" in page
    assert "Typed anew</textarea>" in page
    assert Judgement.objects.count() == 1


def test_it_corrects_a_demonstration(alice, world, writing):
    old = submit_demonstration(assignment_id=writing.pk, annotator=world.alice, text="Blow.", seconds=30)
    assert "Blow.</textarea>" in alice.get(f"/work/{writing.pk}/correct/").content.decode()
    alice.post(f"/work/{writing.pk}/correct/", {"text": "Purse your lips.", "seconds": "3", "judgement": old.pk})
    assert Judgement.objects.current().get().demonstration.completion.text == "Purse your lips."


def test_a_correction_can_be_corrected(alice, submitted):
    alice.post(address(submitted), form(submitted, 4, 3, 2, 1))
    newest = Judgement.objects.current().get()
    alice.post(address(submitted), form(submitted, 1, 1, 1, 1, judgement=newest.pk))
    assert Judgement.objects.current().get().version == 3


def test_a_page_that_another_correction_overtook_overwrites_nothing(alice, submitted):
    alice.post(address(submitted), form(submitted, 4, 3, 2, 1))
    response = alice.post(address(submitted), form(submitted, 1, 1, 1, 1))
    assert response.status_code == 422
    assert "corrected this elsewhere" in response.content.decode()
    assert Judgement.objects.current().get().version == 2


def test_the_next_page_links_to_the_last_one(alice, world, submitted):
    page = alice.post("/campaigns/answers/next/", follow=True).content.decode()
    assert f'href="{address(submitted)}"' in page


def test_nothing_submitted_is_not_found(alice, ranking):
    assert alice.get(f"/work/{ranking.pk}/correct/").status_code == 404


def test_nobody_corrects_for_another(world, submitted):
    bob = client_of(world.bob)
    assert bob.get(address(submitted)).status_code == 404
    assert bob.post(address(submitted), form(submitted, 4, 3, 2, 1)).status_code == 404
    assert Judgement.objects.count() == 1
