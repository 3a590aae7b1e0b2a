"""What the rankings of a campaign add up to: the admins' page and its downloads."""

import csv

import pytest
from django.utils import timezone

from annotate.services.adjudicating import decide, take_back
from annotate.services.claiming import claim_next_task
from annotate.services.judging import submit
from tests.services.test_adjudicating import settle
from tests.services.test_skills import add_gold, answer
from tests.training.conftest import rank
from tests.web.conftest import rank_all
from training.services.weighing import read_votes

pytestmark = pytest.mark.django_db
PAGE = "/campaigns/answers/consensus/"


def shown(client, page: str = PAGE) -> str:
    return " ".join(client.get(page).content.decode().split())


def table(client, what: str) -> list[dict]:
    return list(csv.DictReader(client.get(f"{PAGE}{what}.csv").content.decode().splitlines()))


def letters(page: str) -> list[str]:
    """The rows of letters on the page, without their marks: "A=BC" is A and B before C."""
    rows = [part.split("</ol>")[0] for part in page.split('<ol class="places">')[1:]]
    return ["".join(("=" if "tied" in before else "") + piece[0] for before, piece in _pieces(row)) for row in rows]


def _pieces(row: str) -> list[tuple[str, str]]:
    parts = row.split('<span class="rank ')
    return [(before[-120:], part.split(">", 1)[1]) for before, part in zip(parts, parts[1:], strict=False)]


def test_it_shows_the_consensus_of_each_task_most_contested_first(world, carol):
    rank(world.alice, world.ranking_tasks[0], [1, 2, 3, 3])
    rank(world.bob, world.ranking_tasks[0], [1, 2, 3, 3])
    rank(world.alice, world.ranking_tasks[1], [1, 2, 3, 4])
    rank(world.bob, world.ranking_tasks[1], [4, 3, 2, 1])
    page = shown(carol)
    contested, clear = (page.index(f">Task {world.ranking_tasks[n].pk}<") for n in (1, 0))
    assert contested < clear
    assert letters(page) == ["A=B=C=D", "ABC=D"]
    assert "Contest 1.000" in page
    assert "No majorities contradict each other in the 2 tasks" in page
    assert f'href="/agreement/tasks/{world.ranking_tasks[1].pk}/"' in page


def test_it_counts_votes_and_says_how_sure_they_make_one(world, carol):
    rank(world.alice, world.ranking_tasks[0], [1, 2, 3, 3])
    rank(world.bob, world.ranking_tasks[0], [2, 1, 2, 3])
    rows = {(row["first"], row["second"]): row for row in table(carol, "pairs")}
    assert list(rows) == [("A", "B"), ("A", "C"), ("A", "D"), ("B", "C"), ("B", "D"), ("C", "D")]

    def said(pair: tuple[str, str]) -> tuple:
        return *(int(rows[pair][name]) for name in ("for_first", "tied", "for_second", "n")), float(
            rows[pair]["posterior"]
        )

    assert said(("A", "B")) == (1, 0, 1, 2, pytest.approx(0.5))
    assert said(("A", "C")) == (1, 1, 0, 2, pytest.approx(0.75))
    assert said(("A", "D")) == (2, 0, 0, 2, pytest.approx(0.9))
    assert '90.0 % <span class="muted small">n = 2</span>' in shown(carol)


def test_gold_decides_whose_vote_weighs_more(world, carol):
    for _ in range(5):
        task = add_gold(world)
        answer(task, world.alice)
        answer(task, world.bob, (3, 1, 2))
    rank(world.alice, world.ranking_tasks[0], [1, 2, 3, 4])
    rank(world.bob, world.ranking_tasks[0], [4, 3, 2, 1])
    assert letters(shown(carol)) == ["ABCD"]
    weights = {row["annotator"]: row for row in table(carol, "weights")}
    assert float(weights["alice"]["weight"]) > 1 > float(weights["bob"]["weight"])
    mean = sum(float(row["weight"]) * int(row["n_pairs"]) for row in weights.values()) / 12
    assert mean == pytest.approx(1)
    assert weights["alice"]["accuracy_n"] == "5"
    assert "The weights rest on 10 rankings of gold" in shown(carol)


def test_it_says_where_majorities_go_in_a_circle(world, carol):
    world.ranking.tasks.update(target=3)
    for person, ranks in ((world.alice, [1, 2, 3, 4]), (world.bob, [2, 3, 1, 4]), (world.outsider, [3, 1, 2, 4])):
        rank(person, world.ranking_tasks[0], ranks)
    page = shown(carol)
    assert "In 1 of 1 tasks the majorities go round in a circle" in page
    assert "Majorities in a circle" in page
    circled = {row["letter"] for row in table(carol, "rankings") if row["in_cycle"] == "True"}
    assert circled == {"A", "B", "C"}


def test_who_says_that_they_cannot_be_ranked_is_counted_and_has_no_vote(world, carol):
    rank(world.alice, world.ranking_tasks[0], [1, 2, 3, 4])
    held = claim_next_task(annotator=world.bob, campaign=world.ranking)
    said = {"verdict": "cannot_rank", "reason": "All cut off."}
    submit(assignment_id=held.pk, annotator=world.bob, answer=said, seconds=1.0)
    assert "Votes of 1 ranking · 1 said that these cannot be ranked" in shown(carol)


def test_what_an_expert_decided_overrides_the_votes(world, carol):
    task = world.ranking_tasks[0]
    for person in (world.alice, world.bob):
        rank(person, task, [4, 3, 2, 1])
    decision = settle(task, world.carol)
    page = shown(carol)
    assert letters(page) == ["ABCD"]
    assert "Decided by an expert" in page
    assert {row["decided"] for row in table(carol, "rankings")} == {"True"}
    assert table(carol, "pairs")[0]["for_second"] == "2"
    take_back(adjudication_id=decision.pk, by=world.carol, note="Misread.")
    assert letters(shown(carol)) == ["DCBA"]


def test_it_says_that_an_expert_found_that_they_cannot_be_ranked(world, carol):
    rank(world.alice, world.ranking_tasks[0], [4, 3, 2, 1])
    said = {"verdict": "cannot_rank", "reason": "All cut off."}
    decide(task_id=world.ranking_tasks[0].pk, by=world.carol, answer=said, cause="other", note="See there.")
    page = shown(carol)
    assert "<p>These cannot be ranked.</p>" in page
    assert letters(page) == []


def test_it_leaves_gold_itself_out(world, carol):
    answer(add_gold(world), world.alice)
    assert "Nothing ranked yet" in shown(carol)


def test_letters_are_those_of_the_tasks_page(world, carol):
    task = world.ranking_tasks[0]
    links = list(task.task_completions.order_by("position"))
    for link in links:  # the last completion stands first
        link.position += 4
        link.save()
    for place, link in enumerate(reversed(links)):
        link.position = place
        link.save()
    rank(world.alice, task, [1, 2, 3, 4])
    found = {row["letter"]: int(row["completion"]) for row in table(carol, "rankings")}
    assert found == {letter: link.completion_id for letter, link in zip("ABCD", reversed(links), strict=True)}
    assert letters(shown(carol)) == ["ABCD"]
    first = table(carol, "pairs")[0]
    assert (first["first"], first["second"], first["for_first"]) == ("A", "B", "1")


def test_it_is_paged(world, carol, monkeypatch):
    monkeypatch.setattr("annotate.views.consensus.TASKS_A_PAGE", 2)
    rank_all(world.alice, world)
    assert shown(carol).count("<article") == 2
    assert shown(carol, f"{PAGE}?page=2").count("<article") == 1
    assert shown(carol, f"{PAGE}?page=no").count("<article") == 2
    assert len(table(carol, "pairs")) == 18


def test_it_is_for_admins_and_for_rankings(world, alice, carol):
    for address in (PAGE, f"{PAGE}pairs.csv"):
        assert alice.get(address).status_code == 403
    assert carol.get("/campaigns/writing/consensus/").status_code == 404
    assert carol.get(f"{PAGE}secrets.csv").status_code == 404


def test_the_agreement_page_leads_there(world, carol):
    assert PAGE in shown(carol, "/agreement/answers/")


def test_a_snapshot_weighs_as_the_page_says(world, carol):
    for number in range(4):
        task = add_gold(world)
        answer(task, world.alice)
        answer(task, world.bob, (2, 1, 3) if number else (1, 2, 3))
    rank(world.alice, world.ranking_tasks[0], [1, 2, 3, 4])
    rank(world.bob, world.ranking_tasks[0], [2, 1, 3, 3])
    votes, _ = read_votes(campaigns=["answers"], until=timezone.now(), alive=lambda: None)
    weights = {row["annotator"]: float(row["weight"]) for row in table(carol, "weights")}
    for person in (world.alice, world.bob):
        assert votes.weight(person.pk) == pytest.approx(weights[person.username], abs=1e-6)
    ids = sorted(world.ranking_tasks[0].task_completions.values_list("completion_id", flat=True))
    shown_posteriors = [float(row["posterior"]) for row in table(carol, "pairs")]
    assert [one.posterior for one in votes.sureness(world.ranking_tasks[0].pk, ids)] == pytest.approx(shown_posteriors)
