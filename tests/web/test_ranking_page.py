"""Taking, ranking, drafting and skipping a task, without any script."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from annotate.models import Assignment, Judgement
from annotate.services.claiming import claim_next_task
from annotate.services.expiring import expire_leases
from annotate.services.judging import submit_ranking
from tests.web.conftest import client_of


def page_of(assignment) -> str:
    return f"/work/{assignment.pk}/"


def ranks_form(assignment, ranks, **more) -> dict:
    """The form's fields for ranks in the shown order."""
    fields = {f"rank-{pk}": rank for pk, rank in zip(assignment.shown_order, ranks, strict=False)}
    return {**fields, "seconds": "12", **more}


def said(page: str) -> int:
    """How many ranks and flags the page has set."""
    return len(re.findall(r'name="(?:rank|flag)-[^>]* checked', page))


def lapse(assignment):
    """Let the lease run out and the task go back to the queue."""
    Assignment.objects.filter(pk=assignment.pk).update(lease_expires_at=timezone.now() - timedelta(minutes=1))
    expire_leases()


def test_it_claims_a_task_and_opens_it(alice, world):
    response = alice.post("/campaigns/answers/next/", follow=True)
    assert response.status_code == 200
    assert Assignment.objects.get(annotator=world.alice).task == world.ranking_tasks[0]


def test_it_shows_prompt_completions_and_guideline_but_no_producer(alice, ranking):
    page = alice.get(page_of(ranking)).content.decode()
    assert "Why is the sky blue? (0)" in page
    assert "Answer 0a with <strong>weight</strong>." in page
    assert "Prefer what is true." in page
    assert "model-0" not in page


def test_it_shows_the_completions_in_this_annotators_order(alice, ranking):
    Assignment.objects.filter(pk=ranking.pk).update(shown_order=sorted(ranking.shown_order, reverse=True))
    page = alice.get(page_of(ranking)).content.decode()
    places = [page.index(f"Answer 0{letter}") for letter in "dcba"]
    assert places == sorted(places)


def test_it_stores_a_ranking_with_a_tie_and_goes_on(alice, world, ranking):
    response = alice.post(page_of(ranking), ranks_form(ranking, [2, 1, 3, 3]))
    following = Assignment.objects.get(annotator=world.alice, state="claimed")
    assert response.url == page_of(following)
    judgement = Judgement.objects.get()
    stored = dict(judgement.ranked.values_list("completion_id", "rank"))
    assert [stored[pk] for pk in ranking.shown_order] == [2, 1, 3, 3]


def test_it_stores_flags_and_rationale(alice, ranking):
    flagged = ranking.shown_order[1]
    form = ranks_form(ranking, [1, 2, 3, 4], rationale="Made up.", **{f"flag-{flagged}": "hallucination"})
    alice.post(page_of(ranking), form)
    judgement = Judgement.objects.get()
    assert judgement.rationale == "Made up."
    assert list(judgement.flags.values_list("completion_id", "name")) == [(flagged, "hallucination")]


def test_it_keeps_everything_when_a_rank_is_missing(alice, ranking):
    flagged = ranking.shown_order[0]
    form = ranks_form(ranking, [1, 2, 3], rationale="Not yet.", **{f"flag-{flagged}": "hallucination"})
    response = alice.post(page_of(ranking), form)
    page = response.content.decode()
    assert response.status_code == 422
    assert said(page) == 4
    assert "Not yet." in page
    assert page.count("data-missing") == 1


@pytest.mark.parametrize("rank", ["0", "5", "-1", "x", "99999999999999999999", "¹"])
def test_it_refuses_a_rank_that_does_not_exist_with_a_sentence(alice, ranking, rank):
    response = alice.post(page_of(ranking), ranks_form(ranking, [1, 1, 1, rank]))
    assert response.status_code == 422
    assert not Judgement.objects.exists()


def test_it_names_completions_by_their_letters_in_errors(alice, ranking):
    response = alice.post(page_of(ranking), ranks_form(ranking, [1, 2, 3]))
    assert "No rank yet for D. Rank every completion; equal ranks are ties." in response.content.decode()


def test_it_takes_a_second_click_for_the_same_submission(alice, ranking):
    form = ranks_form(ranking, [1, 2, 3, 4])
    assert alice.post(page_of(ranking), form).status_code == 302
    assert alice.post(page_of(ranking), form).status_code == 302
    assert Judgement.objects.count() == 1


def test_it_counts_at_most_the_seconds_since_the_claim(alice, ranking):
    alice.post(page_of(ranking), ranks_form(ranking, [1, 2, 3, 4], seconds="5000"))
    assert Judgement.objects.get().seconds < 60


def test_it_counts_the_time_since_it_was_opened_when_no_script_measured(alice, ranking):
    Assignment.objects.filter(pk=ranking.pk).update(opened_at=timezone.now() - timedelta(seconds=30))
    alice.post(page_of(ranking), ranks_form(ranking, [1, 2, 3, 4], seconds=""))
    assert 30 <= Judgement.objects.get().seconds < 90


def test_it_does_not_open_or_take_work_on_anothers_assignment(world, ranking):
    bob = client_of(world.bob)
    assert bob.get(page_of(ranking)).status_code == 404
    assert bob.post(page_of(ranking), ranks_form(ranking, [1, 2, 3, 4])).status_code == 404
    for action in ("draft", "skip", "release", "heartbeat"):
        assert bob.post(f"{page_of(ranking)}{action}/", {"reason": "x"}).status_code == 404
    ranking.refresh_from_db()
    assert (ranking.state, ranking.draft) == ("claimed", None)


def test_a_page_without_script_submits_and_names_no_draft(alice, ranking):
    """The field with the draft's name is empty there, and the one before it is not."""
    form = ranks_form(ranking, [2, 1, 3, 3]) | {"draft_name": "", "draft_after": "0."}
    assert alice.post(page_of(ranking), form).status_code == 302
    assert ranking.judgements.exists()


def test_it_restores_a_draft(alice, ranking):
    form = ranks_form(ranking, [4, 3], rationale="Half-way.")
    assert alice.post(f"{page_of(ranking)}draft/", form).status_code == 204
    page = alice.get(page_of(ranking)).content.decode()
    assert said(page) == 2
    assert "Half-way." in page
    assert 'name="seconds" value="12"' in page


@pytest.mark.parametrize("draft", [{"ranks": 3}, {"ranks": {"x": "y"}, "flags": [1], "seconds": "soon"}, {}])
def test_it_passes_over_a_draft_that_another_client_stored_differently(alice, ranking, draft):
    Assignment.objects.filter(pk=ranking.pk).update(draft=draft)
    assert alice.get(page_of(ranking)).status_code == 200


def test_it_refuses_a_draft_of_what_is_done_with_a_sentence(alice, ranking):
    alice.post(page_of(ranking), ranks_form(ranking, [1, 2, 3, 4]))
    response = alice.post(f"{page_of(ranking)}draft/", ranks_form(ranking, [1]))
    assert response.status_code == 409
    assert "already submitted" in response.content.decode()


def test_it_extends_the_lease_and_says_when_it_is_lost(alice, ranking):
    Assignment.objects.filter(pk=ranking.pk).update(lease_expires_at=timezone.now() + timedelta(minutes=1))
    assert alice.post(f"{page_of(ranking)}heartbeat/").status_code == 204
    ranking.refresh_from_db()
    assert ranking.lease_expires_at > timezone.now() + timedelta(minutes=25)
    lapse(ranking)
    response = alice.post(f"{page_of(ranking)}heartbeat/")
    assert response.status_code == 409
    assert "ran out" in response.content.decode()


def test_it_says_that_the_time_ran_out_and_still_takes_the_work_while_there_is_a_place(alice, ranking):
    lapse(ranking)
    assert "The time for this task ran out" in alice.get(page_of(ranking)).content.decode()
    assert alice.post(page_of(ranking), ranks_form(ranking, [1, 2, 3, 4])).status_code == 302
    assert Judgement.objects.count() == 1


def test_it_keeps_the_work_as_a_draft_when_others_took_the_place(alice, world, ranking):
    lapse(ranking)
    for user in (world.bob, world.outsider):
        hold = claim_next_task(annotator=user, campaign=world.ranking)
        ranks = dict.fromkeys(hold.shown_order, 1)
        submit_ranking(assignment_id=hold.pk, annotator=user, ranks=ranks, seconds=1)
    response = alice.post(page_of(ranking), ranks_form(ranking, [1, 2, 3, 4], rationale="Mine."))
    page = response.content.decode()
    assert response.status_code == 409
    assert "Your work is kept as a draft" in page
    assert said(page) == 4
    ranking.refresh_from_db()
    assert ranking.draft["rationale"] == "Mine."


def test_it_skips_with_a_reason_and_goes_on(alice, world, ranking):
    response = alice.post(f"{page_of(ranking)}skip/", {"reason": "Another reason", "detail": "Empty"})
    ranking.refresh_from_db()
    assert (ranking.state, ranking.skip_reason) == ("skipped", "Another reason: Empty")
    assert response.url == page_of(Assignment.objects.get(annotator=world.alice, state="claimed"))


def test_it_does_not_skip_without_a_reason(alice, ranking):
    response = alice.post(f"{page_of(ranking)}skip/", {"reason": " "}, follow=True)
    assert "Say in a few words why" in response.content.decode()
    ranking.refresh_from_db()
    assert ranking.state == "claimed"


def test_it_gives_a_task_back(alice, ranking):
    response = alice.post(f"{page_of(ranking)}release/", follow=True)
    assert "back in the queue" in response.content.decode()
    ranking.refresh_from_db()
    assert ranking.state == "released"


def test_it_says_that_a_submitted_task_is_done_and_offers_the_next(alice, ranking):
    alice.post(page_of(ranking), ranks_form(ranking, [1, 2, 3, 4]))
    page = alice.get(page_of(ranking)).content.decode()
    assert "You have submitted this task" in page
    assert "/campaigns/answers/next/" in page


def test_it_says_so_when_somebody_has_done_everything(alice, world):
    assignment = claim_next_task(annotator=world.alice, campaign=world.ranking)
    for _ in world.ranking_tasks:
        response = alice.post(page_of(assignment), ranks_form(assignment, [1, 2, 3, 4]), follow=True)
        assignment = Assignment.objects.filter(annotator=world.alice, state="claimed").first()
    assert "You have done all there is for you here" in response.content.decode()


def test_it_survives_a_rank_of_thousands_of_digits(alice, ranking):
    response = alice.post(page_of(ranking), ranks_form(ranking, ["9" * 5_000, 1, 1, 1]))
    assert response.status_code == 422
    assert "No rank yet for A" in response.content.decode()


def test_it_keeps_what_was_typed_without_nul(alice, ranking):
    assert alice.post(page_of(ranking) + "draft/", {"rationale": "be\0cause"}).status_code == 204
    ranking.refresh_from_db()
    assert ranking.draft["rationale"] == "because"


def test_it_skips_with_a_reason_without_nul(alice, ranking):
    alice.post(page_of(ranking) + "skip/", {"reason": "too\0 hard"})
    ranking.refresh_from_db()
    assert ranking.skip_reason == "too hard"


@pytest.mark.parametrize("verdict", ["cannot_rank", "all_bad"])
def test_it_takes_a_verdict_with_its_reason_instead_of_ranks(alice, ranking, verdict):
    response = alice.post(page_of(ranking), ranks_form(ranking, [], verdict=verdict, reason=" Nothing was asked. "))
    assert response.status_code == 302
    made = Judgement.objects.get()
    assert (made.verdict, made.reason, made.ranked.count()) == (verdict, "Nothing was asked.", 0)


def test_it_asks_for_the_reason_of_a_verdict_and_keeps_it(alice, ranking):
    response = alice.post(page_of(ranking), ranks_form(ranking, [], verdict="all_bad", reason=" "))
    page = response.content.decode()
    assert response.status_code == 422
    assert "Say in a few words why these cannot be ranked, or why all are bad" in page
    assert re.search(r'name="verdict" value="all_bad" checked', page)


def test_it_has_the_source_text_beside_what_it_reads_as(alice, ranking):
    page = alice.get(page_of(ranking)).content.decode()
    assert '<pre class="raw" dir="auto">\nAnswer 0a with **weight**.</pre>' in page  # browsers drop the first line end
