"""The pages for disagreements: the queue, the page that decides one, and who sees what of it."""

import csv
import io

import pytest

from annotate.models import Adjudication, AdjudicationHold, Campaign
from annotate.services.adjudicating import allow, decide, take_back
from annotate.services.claiming import claim_next_task
from annotate.services.judging import submit, submit_ranking
from annotate.services.people import create_admin
from tests.rating import add_rating_campaign, rate, values_for
from tests.services.test_adjudicating import answer, verify
from tests.web.conftest import client_of

QUEUE = "/campaigns/answers/disagreements/"


def text(response) -> str:
    return " ".join(response.content.decode().split())


def fields(task, **more) -> dict:
    ranks = {f"rank-{pk}": rank for pk, rank in answer(task)["ranks"].items()}
    return {**ranks, "cause": "factual", "note": "A is right.", **more}


def test_it_lists_the_disputed_tasks_with_score_and_n(carol, ranked_world):
    page = text(carol.get(QUEUE))
    for task in ranked_world.ranking_tasks:
        assert f'{QUEUE}{task.pk}/?state=open&amp;"' in page
    assert page.count('<td class="num">1.000</td> <td class="num">2 of 2</td>') == 3
    assert "no agreement figure" in page
    assert QUEUE in text(carol.get("/campaigns/answers/settings/"))


def test_it_says_when_nothing_is_disputed(carol, world):
    assert "Nothing disputed here" in text(carol.get(QUEUE))
    assert "No task fits these filters." in text(carol.get(QUEUE, {"state": "decided"}))
    assert "Nothing is left here that you could decide." in text(carol.post(f"{QUEUE}next/", follow=True))


def test_csv_and_json_say_what_the_page_shows(carol, ranked_world):
    task = ranked_world.ranking_tasks[0]
    decide(task_id=task.pk, by=ranked_world.carol, answer=answer(task), cause="safety")
    asked = {"state": "all", "domain": "physics"}
    rows = list(csv.DictReader(io.StringIO(carol.get(f"{QUEUE}figures.csv", asked).content.decode())))
    assert [(int(row["task"]), row["state"], row["cause"]) for row in rows] == [
        (task.pk, "decided", "safety"),
        (ranked_world.ranking_tasks[2].pk, "open", ""),
    ]
    found = carol.get(f"{QUEUE}figures.json", asked).json()["disagreements"]
    assert [(one["task"], one["score"]) for one in found] == [(int(row["task"]), float(row["score"])) for row in rows]


def test_it_takes_the_next_decides_and_goes_on(carol, ranked_world):
    first, second = ranked_world.ranking_tasks[:2]
    page = carol.post(f"{QUEUE}next/", {"queue": "state=open"}, follow=True)
    assert page.redirect_chain == [(f"{QUEUE}{first.pk}/?state=open", 302)]
    assert AdjudicationHold.objects.get().task_id == first.pk
    page = carol.post(f"{QUEUE}{first.pk}/", fields(first, key="k", gold="on", explanation="So it is."), follow=True)
    assert page.redirect_chain[0][0].startswith(f"{QUEUE}{second.pk}/")
    made = Adjudication.objects.get()
    assert (made.cause, made.note, made.task.gold.explanation) == ("factual", "A is right.", "So it is.")
    assert "Decided." in text(page)
    carol.post(f"{QUEUE}{first.pk}/", fields(first, key="k"))
    assert Adjudication.objects.count() == 1


def test_it_says_what_is_missing_and_keeps_what_was_given(carol, ranked_world):
    task = ranked_world.ranking_tasks[0]
    page = carol.post(f"{QUEUE}{task.pk}/", fields(task, cause=""))
    assert page.status_code == 422
    assert "Say why they disagreed" in text(page)
    assert text(page).count('value="1" checked') == 1
    assert text(page).count('value="4" checked') == 1
    assert "A is right.</textarea>" in text(page)
    lacking = {"cause": "style", f"rank-{task.completions.first().pk}": "1"}
    assert "No rank yet for B, C, D" in text(carol.post(f"{QUEUE}{task.pk}/", lacking))


def test_it_passes_over_to_the_next(carol, ranked_world):
    first, second = ranked_world.ranking_tasks[:2]
    carol.post(f"{QUEUE}{first.pk}/take/")
    page = carol.post(f"{QUEUE}{first.pk}/pass/", follow=True)
    assert page.redirect_chain[0][0].startswith(f"{QUEUE}{second.pk}/")
    assert AdjudicationHold.objects.get().task_id == second.pk


def test_it_says_who_decides_already(carol, ranked_world):
    task, dora = ranked_world.ranking_tasks[0], create_admin(username="dora", password="correct horse battery")
    client_of(dora).post(f"{QUEUE}{task.pk}/take/")
    page = text(carol.get(f"{QUEUE}{task.pk}/"))
    assert "<bdi>dora</bdi> is deciding this task right now." in page
    assert 'id="submit"' not in page
    assert "Being decided" in text(carol.get(QUEUE))
    assert "Take another one" in text(carol.post(f"{QUEUE}{task.pk}/take/", follow=True))
    refused = carol.post(f"{QUEUE}{task.pk}/", fields(task))
    assert refused.status_code == 409


def test_names_are_hidden_until_an_admin_asks(carol, ranked_world):
    task = ranked_world.ranking_tasks[0]
    page = text(carol.get(f"{QUEUE}{task.pk}/"))
    assert "alice" not in page
    assert "Names are hidden" in page
    page = text(carol.get(f"{QUEUE}{task.pk}/?names=1"))
    assert "<bdi>alice</bdi>" in page
    assert "Hide names" in page


def test_it_shows_ranks_rationales_flags_and_seconds_side_by_side(carol, world):
    held = claim_next_task(annotator=world.alice, campaign=world.ranking)
    first = world.ranking_tasks[0].completions.order_by("pk").first().pk
    ranks = answer(held.task)["ranks"]
    more = {"flags": {first: ["hallucination"]}, "rationale": "It made that up."}
    submit(assignment_id=held.pk, annotator=world.alice, answer={"ranks": ranks, **more}, seconds=41)
    held = claim_next_task(annotator=world.bob, campaign=world.ranking)
    submit_ranking(assignment_id=held.pk, annotator=world.bob, ranks=dict.fromkeys(ranks, 1), seconds=7)
    page = text(carol.get(f"{QUEUE}{held.task_id}/"))
    assert '<th scope="row">A</th><td class="num"><span class="rank rank-1">1</span></td>' in page
    assert '<th scope="row">A · Flags</th><td class="num">Hallucination</td><td class="num">–</td>' in page
    assert '<td class="num">41 s</td><td class="num">7 s</td>' in page
    assert '<p class="prewrap" dir="auto">It made that up.</p>' in page


def test_a_decision_can_be_replaced_and_taken_back(carol, ranked_world):
    task = ranked_world.ranking_tasks[0]
    carol.post(f"{QUEUE}{task.pk}/", fields(task))
    page = text(carol.get(f"{QUEUE}{task.pk}/"))
    assert "Cause: Factual: somebody is wrong about the facts." in page
    assert "Decide anew" in page
    made = Adjudication.objects.get()
    page = text(carol.post(f"{QUEUE}{task.pk}/take-back/", {"decision": made.pk, "why": ""}, follow=True))
    assert "Say why you take it back" in page
    page = text(carol.post(f"{QUEUE}{task.pk}/take-back/", {"decision": made.pk, "why": "Wrong."}, follow=True))
    assert "Taken back" in page
    assert "Decide this one" in page


@pytest.mark.parametrize("path", ["", "figures.csv", "figures.json"])
def test_annotators_see_no_disagreements(alice, ranked_world, path):
    assert alice.get(f"{QUEUE}{path}").status_code == 403


def test_annotators_decide_nothing(alice, ranked_world):
    task = ranked_world.ranking_tasks[0]
    for call in ("next/", f"{task.pk}/", f"{task.pk}/take/", f"{task.pk}/pass/", f"{task.pk}/take-back/", "people/"):
        assert alice.post(f"{QUEUE}{call}").status_code == 403, call
    assert not Adjudication.objects.exists()


def test_an_admin_gives_the_right_and_the_expert_finds_the_way(carol, ranked_world):
    expert, task = client_of(ranked_world.outsider), ranked_world.ranking_tasks[0]
    page = text(carol.post(f"{QUEUE}people/", {"username": "outsider"}, follow=True))
    assert "outsider may decide disagreements here now." in page
    assert "no verified domain" in page
    assert QUEUE in text(expert.get("/"))
    page = text(expert.get(f"{QUEUE}{task.pk}/?names=1"))
    assert "Experts see no names." in page
    assert "alice" not in page
    assert "whose knowledge of Physics an admin has verified" in page
    verify(ranked_world, ranked_world.outsider, "physics")
    assert "Decide this one" in text(expert.get(f"{QUEUE}{task.pk}/"))
    page = text(carol.post(f"{QUEUE}people/", {"username": "outsider", "away": ""}, follow=True))
    assert "outsider decides here no more." in page
    assert expert.get(QUEUE).status_code == 403
    assert "There is nobody named" in text(carol.post(f"{QUEUE}people/", {"username": "x"}, follow=True))


def test_who_judged_it_reads_why_they_cannot_decide(ranked_world):
    allow(campaign=ranked_world.ranking, username="alice", by=ranked_world.carol)
    page = text(client_of(ranked_world.alice).get(f"{QUEUE}{ranked_world.ranking_tasks[0].pk}/"))
    assert "You judged this task yourself" in page
    assert 'id="submit"' not in page


def test_ratings_are_decided_by_the_annotators_own_widget(carol, world):
    campaign = add_rating_campaign(world)
    for person, value in ((world.alice, 1), (world.bob, 6)):
        held = claim_next_task(annotator=person, campaign=campaign)
        rated = {"ratings": values_for(campaign, held.task, value)}
        submit(assignment_id=held.pk, annotator=person, answer=rated, seconds=1)
    task = held.task
    page = text(carol.post("/campaigns/rate/disagreements/next/", follow=True))
    assert '<td class="num">1</td><td class="num">6</td>' in page
    values = {f"rating-{pk}-{axis}": 5 for pk, axes in values_for(campaign, task).items() for axis in axes}
    carol.post(f"/campaigns/rate/disagreements/{task.pk}/", {**values, "cause": "style"})
    assert Adjudication.objects.get().task == task


def test_nonsense_in_the_address_is_no_fault(carol, ranked_world):
    add_rating_campaign(ranked_world)
    rate(ranked_world.alice, Campaign.objects.get(slug="rate"))
    task = ranked_world.ranking_tasks[0]
    assert carol.get(QUEUE, {"state": "x", "cause": "\0", "domain": "\0" * 99, "page": "-1"}).status_code == 200
    for path in (
        f"rate/disagreements/{task.pk}",
        "answers/disagreements/999999999999999999999",
        "writing/disagreements",
    ):
        assert carol.get(f"/campaigns/{path}/").status_code == 404, path
    wrong = {"supersedes": "1e400", "rank-x": "9", "cause": "\0", "key": "k" * 500, "queue": "%00"}
    assert carol.post(f"{QUEUE}{task.pk}/", wrong).status_code == 422
    assert carol.post(f"{QUEUE}{task.pk}/take-back/", {"decision": "nan"}, follow=True).status_code == 200
    assert carol.post(f"{QUEUE}next/", {"after": "x", "queue": "domain=%00"}, follow=True).status_code == 200


def test_the_page_of_a_task_shows_what_was_decided_and_why(carol, ranked_world):
    task = ranked_world.ranking_tasks[0]
    first = decide(task_id=task.pk, by=ranked_world.carol, answer=answer(task), cause="safety", note="A is safe.")
    second = decide(
        task_id=task.pk, by=ranked_world.carol, answer=answer(task), cause="style", note="Or not.", supersedes=first.pk
    )
    take_back(adjudication_id=second.pk, by=ranked_world.carol, note="I misread it.")
    carol.get(QUEUE)
    page = text(carol.get(f"/agreement/tasks/{task.pk}/"))
    for said in ("Disagreement 1.000", "What was decided", "A is safe.", "Or not.", "I misread it.", "Cause: Safety"):
        assert said in page
    assert page.count("does not stand any more") == 2
    assert f'href="{QUEUE}{task.pk}/"' in page


def test_the_page_of_a_task_leads_an_expert_to_where_they_decide(world, alice, ranked_world):
    task = ranked_world.ranking_tasks[0]
    address = f"/agreement/tasks/{task.pk}/"
    assert alice.get(address).status_code == 403
    allow(campaign=ranked_world.ranking, username="alice", by=ranked_world.carol)
    assert alice.get(address).headers["Location"] == f"{QUEUE}{task.pk}/"
    assert alice.get("/agreement/tasks/999999/").status_code == 403


def test_it_keeps_an_unfinished_decision_and_shows_it_again(carol, ranked_world):
    task = ranked_world.ranking_tasks[0]
    carol.post(f"{QUEUE}{task.pk}/take/")
    draft = fields(task, gold="on", explanation="Because.", draft_name="1.tab", draft_after="0.")
    assert carol.post(f"{QUEUE}{task.pk}/draft/", draft).status_code == 204
    page = text(carol.get(f"{QUEUE}{task.pk}/"))
    assert "Draft restored" in page
    for said in ("A is right.", "Because.", 'value="factual" data-digit="3" checked', 'name="gold" checked', '"1.tab"'):
        assert said in page
    older = carol.post(f"{QUEUE}{task.pk}/draft/", {**draft, "note": "Old", "draft_name": "1.offline"})
    assert (older.status_code, "Both are kept" in text(older)) == (412, True)
    carol.post(f"{QUEUE}{task.pk}/", draft)
    assert "Draft restored" not in text(carol.get(f"{QUEUE}{task.pk}/"))


def test_it_holds_the_task_while_they_work_and_says_when_it_is_lost(carol, ranked_world):
    task = ranked_world.ranking_tasks[0]
    carol.post(f"{QUEUE}{task.pk}/take/")
    beat = f"{QUEUE}{task.pk}/heartbeat/?seen="
    assert f'data-heartbeat-url="{beat}"' in text(carol.get(f"{QUEUE}{task.pk}/"))
    assert carol.post(beat).status_code == 204
    AdjudicationHold.objects.all().delete()
    dora = create_admin(username="dora", password="correct horse battery")
    decide(task_id=task.pk, by=dora, answer=answer(task), cause="safety")
    lost = carol.post(beat)
    assert (lost.status_code, "Somebody else decided this task since you opened it" in text(lost)) == (409, True)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"draft_name": "x"},
        {"draft_name": "1.a"},
        {"supersedes": "99999999999999999999"},
        {"rank-x": "y", "note": "\0"},
    ],
)
def test_hostile_drafts_are_no_fault(carol, ranked_world, said):
    task = ranked_world.ranking_tasks[0]
    assert carol.post(f"{QUEUE}{task.pk}/draft/", said).status_code in (204, 409)
    assert carol.get(f"{QUEUE}{task.pk}/").status_code == 200
    assert carol.post(f"{QUEUE}{task.pk}/heartbeat/?seen=%00x").status_code in (204, 409)


def test_annotators_keep_no_drafts_of_decisions(alice, ranked_world):
    task = ranked_world.ranking_tasks[0]
    assert {alice.post(f"{QUEUE}{task.pk}/{verb}/").status_code for verb in ("draft", "heartbeat")} == {403}
