"""Producers across campaigns: the pages, their files and the query say the same, which is what was judged."""

import csv
import io

import pytest

from annotate.audit_queries.producer import audited_producers, producer_audit
from annotate.errors import DomainError
from annotate.models import Flag, Producer
from annotate.score_queries import producer_scores
from annotate.services.judging import correct
from tests.services.test_queries import rank
from tests.web.test_person_page import second_campaign

PAGES = ["", "figures.csv", "figures.json", "{pk}/", "{pk}/figures.csv", "{pk}/figures.json"]


def model(number):
    return Producer.objects.get(name=f"model-{number}")


@pytest.mark.parametrize("rest", PAGES)
def test_it_is_for_admins_only(alice, carol, world, rest):
    address = f"/agreement/producers/{rest}".format(pk=model(0).pk)
    assert alice.get(address).status_code == 403
    assert carol.get(address).status_code == 200


def test_there_is_no_page_of_a_producer_that_is_none(carol, world):
    for pk in (10**6, 10**30):
        assert carol.get(f"/agreement/producers/{pk}/").status_code == 404
        with pytest.raises(DomainError, match="no such producer"):
            producer_audit(pk=pk)


def test_without_any_judgement_it_says_so(carol, world):
    for rest in ("", f"{model(0).pk}/"):
        assert "Nothing to compare yet" in carol.get(f"/agreement/producers/{rest}").content.decode()


def test_it_counts_wins_losses_and_ties(world):
    rank(world, world.alice, 1, 2, 2, 3)
    rank(world, world.bob, 2, 1, 3, 4)
    found = producer_audit(pk=model(0).pk)
    # alice: better than all three; bob: worse than one, better than two
    assert (found.overall.wins, found.overall.losses, found.overall.ties) == (5, 1, 0)
    assert (found.overall.win_rate.value, found.overall.win_rate.n) == (pytest.approx(5 / 6), 1)
    assert {one.label: one.win_rate.value for one in found.opponents} == {"model-1": 0.5, "model-2": 1, "model-3": 1}
    tied = {one.label: one for one in producer_audit(pk=model(1).pk).opponents}["model-2"]
    assert (tied.wins, tied.losses, tied.ties, tied.win_rate.value) == (1, 0, 1, 0.75)
    assert [(one.key, one.win_rate.value) for one in found.domains] == [("physics", pytest.approx(5 / 6))]


def test_it_adds_up_the_campaigns(ranked_world):
    second_campaign(ranked_world)  # model-0 wins 2 comparisons of both people
    found = producer_audit(pk=model(0).pk)
    assert [one.campaign.slug for one in found.campaigns] == ["more", "answers"]
    assert (found.overall.wins, found.overall.losses, found.n_tasks) == (9 + 4, 9, 4)
    scores = producer_scores(campaign=ranked_world.ranking).producers
    place = [one.name for one in scores].index("model-0")
    there = found.campaigns[1].score
    assert (there.score, there.styled_score) == (scores[place].score, scores[place].styled_score)
    assert (there.rank, there.of) == (place + 1, 4)
    assert (found.campaigns[0].score.rank, found.campaigns[0].score.of) == (1, 3)
    listed = audited_producers()
    assert listed[0].producer == model(0)
    assert listed[0].win_rate == found.overall.win_rate
    assert (listed[0].n_comparisons, listed[0].n_opponents) == (22, 3)


def test_a_correction_replaces_what_was_said(world):
    judgement = rank(world, world.alice, 1, 2, 3, 4)
    assert producer_audit(pk=model(0).pk).overall.win_rate.value == 1.0
    canonical = list(judgement.task.task_completions.values_list("completion_id", flat=True))
    answer = {"ranks": dict(zip(canonical, (4, 3, 2, 1), strict=True))}
    correct(judgement_id=judgement.pk, annotator=world.alice, answer=answer, seconds=5)
    assert producer_audit(pk=model(0).pk).overall.win_rate.value == 0.0


def test_flags_stand_beside_those_of_the_others(world):
    judgement = rank(world, world.alice, 1, 2, 3, 4)
    rank(world, world.bob, 1, 2, 3, 4)
    texts = list(judgement.task.completions.order_by("task_completions__position"))
    for completion in texts[:2]:
        Flag.objects.create(judgement=judgement, completion=completion, name="hallucination")
    (flag,) = producer_audit(pk=model(0).pk).flags
    # two people looked at its text, and at three others
    assert (flag.label, flag.own.value, flag.own.n, flag.others.value, flag.others.n) == (
        "Hallucination",
        0.5,
        2,
        pytest.approx(1 / 6),
        6,
    )


def test_its_style_stands_beside_that_of_the_others(ranked_world):
    found = {one.name: one for one in producer_audit(pk=model(0).pk).styles}
    assert (found["words"].own.value, found["words"].own.n, found["words"].others.n) == (4.0, 3, 9)
    assert (found["bold"].own.value, found["headers"].own.value, found["refusal"].own.value) == (1.0, 0.0, 0.0)


def test_examples_are_what_people_agree_and_disagree_on(carol, world):
    rank(world, world.alice, 1, 2, 3, 4)
    task = rank(world, world.bob, 1, 3, 2, 4).task
    best, middle, worst = (producer_audit(pk=model(number).pk) for number in (0, 1, 3))
    assert [(one.task_id, one.wins) for one in best.best] == [(task.pk, 6)]
    assert best.worst == best.disputed == worst.best == []
    assert [one.losses for one in worst.worst] == [6]
    assert [one.task_id for one in middle.disputed] == [task.pk]
    page = carol.get(f"/agreement/producers/{model(0).pk}/").content.decode()
    assert f'href="/agreement/tasks/{task.pk}/"' in page
    assert "Why is the sky blue? (0)" in page


def test_its_files_hold_what_the_query_computes(carol, ranked_world):
    everything = [figure for one in audited_producers() for figure in one.figures]
    pk = model(1).pk
    for address, found in ((f"{pk}/", producer_audit(pk=pk).figures), ("", everything)):
        assert carol.get(f"/agreement/producers/{address}figures.json").json()["figures"] == found
        text = carol.get(f"/agreement/producers/{address}figures.csv").content.decode()
        rows = [(row["scope"], row["of"], row["measure"]) for row in csv.DictReader(io.StringIO(text))]
        assert rows == [(one["scope"], one["of"], one["measure"]) for one in found]


def test_the_audits_tables_lead_to_it(carol, ranked_world):
    for page in ("/agreement/producers/", "/campaigns/answers/producers/"):
        assert f'href="/agreement/producers/{model(2).pk}/"' in carol.get(page).content.decode(), page
