"""What admins read and add over HTTP."""

import pytest

from annotate import people_queries
from annotate.models import Assignment, Completion, Producer, Prompt
from annotate.services.claiming import claim_next_task
from annotate.services.judging import correct, submit_demonstration, submit_ranking
from tests.api.calls import problem
from tests.services.test_needs import declare
from tests.services.test_skills import add_gold, answer

PROMPTS, COMPLETIONS = "/api/v1/prompts/", "/api/v1/completions/"


def question(text):
    return {"messages": [{"role": "user", "content": text}], "domain": "music"}


def rank(world, annotator, *ranks):
    """Let an annotator rank the next task; ranks are for its completions in canonical order."""
    assignment = claim_next_task(annotator=annotator, campaign=world.ranking)
    canonical = assignment.task.task_completions.values_list("completion_id", flat=True)
    by_id = dict(zip(canonical, ranks, strict=True))
    return submit_ranking(assignment_id=assignment.pk, annotator=annotator, ranks=by_id, seconds=10)


def test_it_adds_prompts_in_their_order(world, admin):
    response = admin.post(PROMPTS, [question("One?"), question("Two?")])
    assert response.status_code == 201
    assert [row["messages"][0]["content"] for row in response.json()] == ["One?", "Two?"]
    added = Prompt.objects.get(pk=response.json()[0]["id"])
    assert (added.domain.slug, added.created_by) == ("music", world.carol)


def test_adding_prompts_twice_adds_nothing(world, admin):
    first, second = (admin.post(PROMPTS, [question("One?")]).json() for _ in range(2))
    assert first == second


def test_a_prompt_has_one_language(world, admin):
    assert admin.post(PROMPTS, [question("One?")]).json()[0]["language"] == ""
    assert admin.post(PROMPTS, [question("One?") | {"language": "PT-br"}]).json()[0]["language"] == "pt-BR"
    document = problem(admin.post(PROMPTS, [question("One?") | {"language": tag} for tag in ("pt-BR", "fr")]), 422)
    assert [error["row"] for error in document["errors"]] == [2]
    assert "in the language 'pt-BR' already" in document["errors"][0]["detail"]
    document = problem(admin.post(PROMPTS, [question("Two?") | {"language": "portuguese"}]), 422)
    assert "is no language tag" in document["errors"][0]["detail"]


def test_prompts_are_refused_whole_with_row_numbers(world, admin):
    before = Prompt.objects.count()
    bad_role = {"messages": [{"role": "robot", "content": "Beep."}]}
    document = problem(admin.post(PROMPTS, [question("One?"), bad_role, {"message": []}]), 422)
    assert [(error["row"], error["field"]) for error in document["errors"]] == [
        (2, "messages.0.role"),
        (3, "message"),
    ]
    assert "Nothing was written, because row 2, messages.0.role:" in document["detail"]
    assert Prompt.objects.count() == before


def test_prompts_that_break_a_rule_are_refused_whole_with_row_numbers(world, admin):
    before = Prompt.objects.count()
    ends_wrong = {"messages": [{"role": "assistant", "content": "Hello."}]}
    document = problem(admin.post(PROMPTS, [question("One?"), ends_wrong]), 422)
    assert [error["row"] for error in document["errors"]] == [2]
    assert "must be the user's" in document["errors"][0]["detail"]
    assert Prompt.objects.count() == before


@pytest.mark.parametrize("body", [{}, [], [question("Too many?")] * 1001])
def test_it_refuses_what_is_not_a_list_of_1_to_1000_rows(world, admin, body):
    problem(admin.post(PROMPTS, body), 400)


def test_it_adds_completions(world, admin):
    prompt = world.ranking_tasks[0].prompt
    rows = [{"prompt": prompt.pk, "producer": "new-model", "text": " Spaces stay.\n"}]
    response = admin.post(COMPLETIONS, rows)
    added = Completion.objects.get(pk=response.json()[0]["id"])
    assert (added.text, added.producer.name, added.producer.kind) == (" Spaces stay.\n", "new-model", "imported")


def test_completions_are_refused_whole_with_row_numbers(world, admin):
    prompt = world.ranking_tasks[0].prompt.pk
    before = Completion.objects.count()
    rows = [
        {"prompt": prompt, "producer": "new-model", "text": "Fine."},
        {"prompt": 10**9, "producer": "new-model", "text": "Whose?"},
        {"prompt": prompt, "producer": "model-0", "kind": "policy", "text": "Not that kind."},
    ]
    document = problem(admin.post(COMPLETIONS, rows), 422)
    assert [error["row"] for error in document["errors"]] == [2, 3]
    assert (Completion.objects.count(), Producer.objects.filter(name="new-model").count()) == (before, 0)


def test_it_lists_completions_of_a_prompt_with_their_producers(world, admin):
    prompt = world.ranking_tasks[1].prompt
    listed = admin.get(COMPLETIONS, {"prompt": prompt.pk}).json()
    assert listed["count"] == 4
    assert {row["producer"] for row in listed["results"]} == {"model-0", "model-1", "model-2", "model-3"}


def test_it_lists_prompts_of_a_domain(world, admin):
    listed = admin.get(PROMPTS, {"domain": "art"}).json()
    assert [row["messages"][0]["content"] for row in listed["results"]] == ["Why is the sky blue? (1)"]


def test_it_lists_judgements_under_pseudonyms(world, admin):
    judgement = rank(world, world.alice, 1, 2, 2, 3)
    response = admin.get("/api/v1/judgements/")
    row = response.json()["results"][0]
    assert (row["annotator"], row["campaign"], row["kind"]) == (world.alice.pseudonym, "answers", "ranking")
    assert row["ranks"] == {str(ranked.completion_id): ranked.rank for ranked in judgement.ranked.all()}
    assert row["demonstration"] is None
    assert "alice" not in response.content.decode()


def test_judgements_say_how_their_task_was_chosen(world, admin):
    rank(world, world.alice, 1, 2, 2, 3)
    Assignment.objects.update(lane="random", probability=0.25)
    [row] = admin.get("/api/v1/judgements/").json()["results"]
    assert (row["lane"], row["probability"]) == ("random", 0.25)


def test_it_lists_only_the_judgements_that_count(world, admin):
    old = rank(world, world.alice, 1, 2, 3, 4)
    ranks = {ranked.completion_id: 1 for ranked in old.ranked.all()}
    new = correct(judgement_id=old.pk, annotator=world.alice, answer={"ranks": ranks}, seconds=1)
    assert [row["id"] for row in admin.get("/api/v1/judgements/").json()["results"]] == [new.pk]


def test_it_lists_the_judgements_of_a_campaign(world, admin):
    rank(world, world.alice, 1, 2, 3, 4)
    assignment = claim_next_task(annotator=world.bob, campaign=world.writing)
    submit_demonstration(assignment_id=assignment.pk, annotator=world.bob, text="Purse your lips.", seconds=1)
    listed = admin.get("/api/v1/judgements/", {"campaign": "writing"}).json()
    assert [row["demonstration"]["text"] for row in listed["results"]] == ["Purse your lips."]


def test_it_refuses_a_filter_that_is_no_slug(world, admin):
    problem(admin.get("/api/v1/judgements/", {"campaign": "\x00"}), 400)


def test_it_tells_of_measured_skills(world, admin):
    answer(add_gold(world, domain="art"), world.alice)
    answer(add_gold(world), world.alice, (3, 2, 1))
    listed = {row["username"]: row["skills"] for row in admin.get("/api/v1/annotators/").json()["results"]}
    in_all, art = sorted(listed["alice"], key=lambda one: one["domain"])
    assert (in_all["domain"], in_all["n"], in_all["mean"]) == ("", 2, 0.5)
    assert (art["domain"], art["n"], art["mean"]) == ("art", 1, pytest.approx(2 / 3))
    assert 0 < art["lo"] < art["mean"] < art["hi"] < 1
    assert listed["bob"] == []


def test_it_tells_of_expertise_as_the_page_does(world, admin):
    declare(world.alice, "art", "good")
    answer(add_gold(world, domain="art"), world.alice)
    answer(add_gold(world), world.bob, (3, 2, 1))
    rows = admin.get(f"/api/v1/annotators/{world.alice.pk}/expertise/").json()
    figures = people_queries.expertise(annotator_id=world.alice.pk)
    assert [row["measured"] for row in rows] == [one.measured.as_dict() for one in figures]
    art = rows[0]
    assert (art["domain"], art["declared"], art["verified"], art["level"]) == ("art", True, False, "good")
    assert (rows[1]["domain"], rows[1]["declared"], rows[1]["level"]) == ("", False, "")
    assert [row["annotator"] for row in admin.get("/api/v1/expertise/").json()] == ["alice", "alice", "bob"]
    problem(admin.get(f"/api/v1/annotators/{10**30}/expertise/"), 404)


def test_it_counts_each_annotators_judgements(world, admin):
    old = rank(world, world.alice, 1, 2, 3, 4)
    ranks = {ranked.completion_id: 1 for ranked in old.ranked.all()}
    correct(judgement_id=old.pk, annotator=world.alice, answer={"ranks": ranks}, seconds=1)
    rank(world, world.alice, 1, 1, 1, 1)
    listed = {row["username"]: row for row in admin.get("/api/v1/annotators/").json()["results"]}
    assert (listed["alice"]["n_judgements"], listed["alice"]["pseudonym"]) == (2, world.alice.pseudonym)
    assert (listed["bob"]["n_judgements"], listed["bob"]["last_judged_at"]) == (0, None)
