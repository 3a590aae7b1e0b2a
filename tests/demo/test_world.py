"""The demo's world: gold scores by hand, prompts that can be read back, and splits that do not leak."""

import random
import statistics
from itertools import combinations

import pytest

from annotate.hashing import prompt_sha256
from training import exporting
from training.demo import plan, settings, world

UPSET = world.Case("kettle", "gets too hot", "upset")
HAPPY = world.Case("radio", "does not start", "happy")
GOOD = "We are sorry about your kettle. Please clean the air vents. Thank you for telling us."


@pytest.mark.parametrize(
    ("case", "text", "score"),
    [
        (UPSET, GOOD, 2.0 + 0.6 + 0.8 + 0.4),
        (UPSET, "Please clean the air vents.", 2.0),
        (UPSET, "Please check the fuse.", -0.7),
        (UPSET, "Please clean the air vents. Please check the fuse.", 2.0 - 0.7),
        (UPSET, "We are sorry about your radio.", 0.8 - 1.0),
        (UPSET, "We can send you a new kettle. We can send you a new pump.", 0.6 - 1.0),
        (UPSET, "This is your own fault. You should have been more careful.", -1.5),
        (HAPPY, "We are sorry about your radio.", 0.6 - 0.8),
        (HAPPY, "Please check the fuse. Goodbye. Goodbye.", 2.0 - 0.5),
        (HAPPY, "Please eat the fuse.", -0.8),
        (HAPPY, "Please check the fuse", -0.8),  # a sentence that was cut short is none of this world's
        (HAPPY, "", -2.0),
    ],
)
def test_it_scores_a_reply_as_the_rules_say(case, text, score):
    assert world.gold(world.prompt(case), text) == pytest.approx(score, abs=1e-12)


def test_it_takes_a_point_for_a_reply_that_never_ended():
    assert world.gold(world.prompt(UPSET), GOOD, ended=False) == pytest.approx(3.8 - 1.0, abs=1e-12)


def test_it_takes_more_for_each_sentence_over_five():
    seven = "Hello. Please check the fuse. " + " ".join(world.FILLERS)
    assert world.gold(world.prompt(HAPPY), seven) == pytest.approx(2.0 - 0.12 * 2**1.5, abs=1e-12)


def test_it_reads_every_prompt_back():
    assert [world.parse(world.prompt(case)) for case in world.cases()] == list(world.cases())


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "user", "content": "What is the capital of France?"}],
        [{"role": "user", "content": "My spoon does not start. I am upset about it. What should I do?"}],
        [*world.prompt(UPSET), {"role": "assistant", "content": "Hello."}],
    ],
)
def test_it_refuses_a_prompt_of_another_world(messages):
    with pytest.raises(world.NotOfThisWorld, match="judge 'reward'"):
        world.parse(messages)


def test_it_writes_better_replies_at_higher_quality():
    means = []
    for quality in (0.0, 0.5, 1.0):
        rng = random.Random(1)
        cases = rng.choices(world.cases(), k=500)
        means.append(statistics.fmean(world.gold(world.prompt(c), world.reply(rng, c, quality)) for c in cases))
    # Standard error of each mean is below 0.1; the steps between them are above 1.
    assert means[0] + 1.0 < means[1] < means[2] - 1.0


def test_it_writes_nothing_that_the_scorer_does_not_know():
    rng = random.Random(2)
    said = {s for case in world.cases() for s in world.sentences(world.reply(rng, case, rng.random()))}
    assert len(said) == 40
    # Every sentence but blame and names costs less than the 0.8 of an unknown one, and names are known by their form.
    named = {form(item) for form in (world.sorry, world.replacement) for item in world.ITEMS}
    assert all(world.gold(world.prompt(UPSET), sentence) > -0.75 for sentence in said - named - set(world.BLAME))


def test_it_has_each_prompt_once():
    assert len({prompt_sha256(world.prompt(case)) for case in world.cases()}) == len(world.cases())


def test_it_splits_as_snapshots_do():
    for case in world.cases():
        assert exporting.split_of(prompt_sha256(world.prompt(case))) == case.split == world.split_of(world.prompt(case))


def test_it_has_no_content_in_two_splits():
    splits = {}
    for case in world.cases():
        splits.setdefault((case.item, case.problem, case.mood), set()).add(case.split)
    assert len(splits) > 450
    assert all(len(found) == 1 for found in splits.values())


def test_it_pretrains_on_training_customers_only():
    dialogues = world.corpus(random.Random(3), 300)
    assert {world.parse(messages[:1]).split for messages in dialogues} == {"train"}
    assert all(messages[1]["role"] == "assistant" and messages[1]["content"] for messages in dialogues)


def test_it_draws_the_same_corpus_for_the_same_seed():
    assert world.corpus(random.Random(4), 50) == world.corpus(random.Random(4), 50)


def test_it_gives_all_prompts_of_a_split_in_a_drawn_order():
    test = world.prompts(0, "test")
    assert sorted(m[0]["content"] for m in test) == sorted(m[0]["content"] for m in world.prompts(1, "test"))
    assert test != world.prompts(1, "test")
    assert {world.split_of(messages) for messages in test} == {"test"}


def test_it_plans_the_same_for_the_same_seed():
    assert plan.make_plan(5) == plan.make_plan(5) != plan.make_plan(6)


def test_it_asks_about_no_prompt_twice():
    chosen = plan.make_plan(0)
    asked = [task.messages for task in (*chosen.to_rank, *chosen.demonstration)]
    hashes = {prompt_sha256(messages) for messages in asked}
    assert len(hashes) == len(asked)
    assert hashes.isdisjoint(prompt_sha256(world.prompt(case)) for case in chosen.unused)
    assert len(chosen.unused) >= 300  # for the nights to come


def test_it_plans_different_completions_for_each_task():
    for task in plan.make_plan(0).to_rank:
        assert len(set(task.completions)) == 4
        assert task.producers == tuple(settings.DRAFTS)


def test_it_lets_every_two_annotators_meet():
    trios = [plan.judges_of(number, 3) for number in range(settings.RANKING_TASKS["test"])]
    met = {pair for trio in trios for pair in combinations([person.username for person in trio], 2)}
    assert len(met) == 45
