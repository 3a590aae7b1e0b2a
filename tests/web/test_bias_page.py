"""Which way annotators lean: the page, the downloads and the API say the same, from what was stored."""

import csv
import io
import random
from types import SimpleNamespace

import numpy as np
import pytest
from rest_framework.test import APIClient

from annotate.bias_queries import campaign_bias
from annotate.ledger import shown
from annotate.models import Completion, Gold, Task
from annotate.quality.style import FEATURES
from annotate.services import claiming
from annotate.services.claiming import claim_next_task
from annotate.services.judging import submit_ranking
from annotate.style_store import StyleStore, look_at
from tests.world import add_ranking_task

PAGE = "/campaigns/answers/bias/"
LONG = "It is a longer answer, with many more words in it than the others have."


@pytest.fixture(autouse=True)
def shuffled_alike(monkeypatch):
    """The long answer is shown first in some tasks, not in all: else nobody could tell length from position."""
    monkeypatch.setattr(claiming, "shuffler", random.Random(4))


def love_length(world, tasks):
    """Alice ranks tasks of two answers: always the long one first, shown first or not."""
    Task.objects.filter(campaign=world.ranking).update(withdrawn=True)
    for number in range(tasks):
        answers = [f"Short {number}.", f"{LONG} {number}"]
        add_ranking_task(world.ranking, question=f"How {number}?", answers=answers, by=world.carol)
    while held := claim_next_task(annotator=world.alice, campaign=world.ranking):
        texts = Completion.objects.in_bulk(held.shown_order)
        by_length = sorted(held.shown_order, key=lambda pk: -len(texts[pk].text))
        ranks = {pk: rank for rank, pk in enumerate(by_length, start=1)}
        submit_ranking(assignment_id=held.pk, annotator=world.alice, ranks=ranks, seconds=2.0)


@pytest.fixture
def lover(world):
    love_length(world, 6)
    return world


def of(found, feature):
    (one,) = (leaning for leaning in found.pool if leaning.feature == feature)
    return one


def test_it_finds_who_loves_length(lover):
    found = campaign_bias(campaign=lover.ranking)
    assert (found.n_judgements, found.is_cut, found.n_comparisons, found.n_ties) == (6, False, 6, 0)
    assert of(found, "length").share.value > 0.6
    assert of(found, "length").share.n == 6
    assert "do not differ" in of(found, "headers").share.reason
    (alice,) = found.people
    assert alice.annotator == "alice"
    assert alice.leanings[0].share.value == pytest.approx(of(found, "length").share.value, abs=0.02)


def test_it_counts_how_the_work_was_done(lover):
    pace, fast, untouched = campaign_bias(campaign=lover.ranking).signals
    words = 2 + 2 + 16  # of the question, of the short and of the long answer
    assert pace.estimate.value == pytest.approx(2 / (words * 60 / 240))
    assert (fast.estimate.value, fast.estimate.n) == (1.0, 6)
    orders = [
        (judgement.assignment.shown_order, [one.completion_id for one in judgement.ranked.order_by("rank")])
        for task in lover.ranking.tasks.all()
        for judgement in task.judgements.all()
    ]
    assert untouched.estimate.value == np.mean([shown == ranked for shown, ranked in orders])


def test_ties_and_what_cannot_be_ranked_are_no_comparisons(world):
    held = claim_next_task(annotator=world.alice, campaign=world.ranking)
    submit_ranking(assignment_id=held.pk, annotator=world.alice, ranks=dict.fromkeys(held.shown_order, 1), seconds=1.0)
    found = campaign_bias(campaign=world.ranking)
    assert (found.n_comparisons, found.n_ties) == (0, 6)
    assert "Nobody has preferred" in of(found, "length").share.reason


def test_gold_says_which_is_better(lover):
    for task in lover.ranking.tasks.filter(withdrawn=False):
        short, long = task.completions.order_by("task_completions__position")
        Gold.objects.create(task=task, answer={"ranks": {str(short.pk): 1, str(long.pk): 2}})
    found = campaign_bias(campaign=lover.ranking)
    assert (found.gold_accuracy.value, found.gold_accuracy.n) == (0.0, 6)
    assert of(found, "length").known is not None


def test_it_is_the_same_however_often_it_is_asked(lover):
    first, again = (campaign_bias(campaign=lover.ranking) for _ in range(2))
    assert [one.coefficient for one in first.pool] == [one.coefficient for one in again.pool]
    assert again.n_waiting == 0


def test_it_goes_on_where_time_ran_out(lover, monkeypatch, tmp_path):
    monkeypatch.setattr(shown, "settings", SimpleNamespace(VAR_DIR=tmp_path))
    monkeypatch.setattr(shown, "PATIENCE", -1.0)
    found = campaign_bias(campaign=lover.ranking)
    assert (found.n_waiting, found.n_judgements) == (12, 0)
    monkeypatch.setattr(shown, "PATIENCE", 10.0)
    assert campaign_bias(campaign=lover.ranking).n_judgements == 6


def test_what_was_looked_at_is_kept(tmp_path):
    looked = look_at("Yes, **it** is.", [{"role": "user", "content": "I think it is."}])
    StyleStore(tmp_path).add({"one": looked, "two": looked})
    assert StyleStore(tmp_path).known(["one", "three"]) == {"one": looked}
    assert (looked.words, looked.prompt_words, looked.style[FEATURES.index("agrees")]) == (3, 4, 1.0)


def test_page_downloads_and_api_say_the_same(carol, lover):
    expected = campaign_bias(campaign=lover.ranking)
    share = of(expected, "length").share
    body = carol.get(PAGE).content.decode()
    assert f"{share.value * 100:.1f}\N{NO-BREAK SPACE}%" in body
    figures = carol.get(f"{PAGE}figures.json").json()["figures"]
    (one,) = (one for one in figures if (one["measure"], one["scope"]) == ("length_preferred", "campaign"))
    assert one["value"] == share.value
    rows = list(csv.DictReader(io.StringIO(carol.get(f"{PAGE}figures.csv").content.decode())))
    assert [(row["scope"], row["measure"]) for row in rows] == [(one["scope"], one["measure"]) for one in figures]
    client = APIClient()
    client.force_authenticate(lover.carol)
    answer = client.get("/api/v1/campaigns/answers/bias/").json()
    assert answer["pool"][0]["share"]["value"] == share.value
    assert [one["feature"] for one in answer["pool"]] == [*FEATURES, "position"]
    assert answer["people"][0]["signals"][0]["said"].startswith("Half of the judgements")


def test_each_feature_can_be_chosen_and_nonsense_is_length(carol, lover):
    assert "<caption>The one shown first is preferred." in carol.get(f"{PAGE}?feature=position").content.decode()
    for nonsense in ("feature=%00", "feature=headers", "feature=nothing&page=-5", "page=99999999999999999999"):
        assert "<caption>The one that is twice as long" in carol.get(f"{PAGE}?{nonsense}").content.decode()


def test_a_shared_taste_is_told_with_its_figures(carol, world):
    love_length(world, 30)
    alone = campaign_bias(campaign=world.ranking)
    body = carol.get(PAGE).content.decode()
    assert "What agreement cannot tell you" in body
    assert f"prefers one that is twice as long {of(alone, 'length').share.value * 100:.0f}\N{NO-BREAK SPACE}%" in body
    assert "There are no known answers to hold this against" in body
    part = carol.get("/campaigns/answers/bias/shared/", headers={"HX-Request": "true"}).content.decode()
    assert "the typical annotator prefers" in part
    assert "Who leans which way" in part
    assert "/campaigns/answers/bias/shared/" in carol.get("/agreement/answers/").content.decode()
    assert "bias/shared" not in carol.get("/agreement/answers/?version=ranking-1").content.decode()  # of all alone
    assert carol.get("/campaigns/answers/bias/shared/").headers["Location"] == PAGE


def test_it_is_for_admins_and_for_rankings(alice, carol, world):
    assert alice.get(PAGE).status_code == 403
    assert carol.get("/campaigns/writing/bias/").status_code == 404
    assert carol.get("/campaigns/nothing/bias/").status_code == 404
    client = APIClient()
    client.force_authenticate(world.carol)
    assert client.get("/api/v1/campaigns/writing/bias/").status_code == 422
    client.force_authenticate(world.alice)
    assert client.get("/api/v1/campaigns/answers/bias/").status_code == 403


def test_it_says_that_nobody_has_ranked_yet(carol, world):
    body = carol.get(PAGE).content.decode()
    assert "Nobody has ranked anything here yet." in body
    assert "Nothing to say yet." in body


def test_it_names_what_the_texts_do_not_differ_in(carol, lover):
    body = carol.get(PAGE).content.decode()
    assert "Lists, Bold, Headers, Refusing, Sounding sure, Agreeing: The texts compared do not differ in this." in body


def test_a_new_judgement_and_a_new_gold_answer_show_at_once(carol, lover):
    before = campaign_bias(campaign=lover.ranking)
    held = claim_next_task(annotator=lover.bob, campaign=lover.ranking)
    ranks = {pk: rank for rank, pk in enumerate(held.shown_order, start=1)}
    submit_ranking(assignment_id=held.pk, annotator=lover.bob, ranks=ranks, seconds=2.0)
    after = campaign_bias(campaign=lover.ranking)
    assert (before.n_judgements, after.n_judgements) == (6, 7)
    assert [person.annotator for person in after.people] == ["alice", "bob"]
    assert after.gold_accuracy.value is None
    Gold.objects.create(task=held.task, answer={"ranks": {str(pk): rank for pk, rank in ranks.items()}})
    assert campaign_bias(campaign=lover.ranking).gold_accuracy.value is not None
