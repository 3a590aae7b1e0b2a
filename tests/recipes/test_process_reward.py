"""Process reward models: what several people's labels make of a step, where it is read, what a solution is worth."""

import json
import math

import pytest
import torch
from huggingface_hub import ModelCard

from tests.recipes.small_artifacts import run_program
from tests.recipes.snapshots import step_labels, write_snapshot
from tests.recipes.test_encoders import saved
from training.modelling.artifacts import RecipeError
from training.modelling.batches import pad_batch
from training.modelling.cards import CARD
from training.modelling.configs import build_config
from training.modelling.models import new_reward_model
from training.modelling.process_rewards import (
    EncodedSteps,
    aggregated,
    encode_steps,
    load_process_reward,
    read_solutions,
    step_logits,
)
from training.modelling.rewards import read_rewards
from training.recipes.process_reward import ProcessRewardConfig, step_weights, train_process_reward

GOOD, BAD = "Please send it back.", "Go away."
LIMITS = {"max_prompt_tokens": 48, "max_completion_tokens": 80, "threads": 1}


def solutions(split: str, count: int) -> list[dict]:
    """Solutions of three steps, every other one with an error in the middle, where labelling stops."""
    rows = []
    for number in range(count):
        question = f"My lamp {split} {number}."
        if number % 2:
            rows.append(step_labels(question, [GOOD, BAD, GOOD], [True, False]))
        else:
            rows.append(step_labels(question, [GOOD, GOOD, GOOD], [True, True, True]))
    return rows


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    rows = {split: solutions(split, count) for split, count in (("train", 24), ("validation", 4), ("test", 8))}
    return write_snapshot(tmp_path_factory.mktemp("steps"), steps=rows)


@pytest.fixture(scope="module")
def trained(base, snapshot, tmp_path_factory):
    """A finished run: its manifest and its directory."""
    out = tmp_path_factory.mktemp("process")
    config = {"out": str(out / "run"), "base": str(base), "snapshot": str(snapshot), "lr": 0.01, "epochs": 6}
    return run_program("process_reward", config | LIMITS | {"batch_solutions": 4}, out), out / "run"


def test_labels_of_several_people_become_soft_and_end_where_each_of_them_stopped(tmp_path):
    steps = ["One.", "Two.", "Three."]
    rows = [
        step_labels("Why?", steps, labels) for labels in ([True, True, True], [True, False], [True, False], [False])
    ]
    (found,) = read_solutions(write_snapshot(tmp_path, steps={"train": rows}), "train")
    assert found.shares == pytest.approx([3 / 4, 1 / 3, 1.0])
    assert (found.counts, found.steps, found.right) == ([4, 3, 1], steps, False)


@pytest.mark.parametrize(
    ("labels", "right"),
    [([[True, True]], True), ([[True, False]], False), ([[True]], None), ([[True] * 2, [True, False]], None)],
)
def test_a_solution_is_right_if_every_step_is_known_to_be_good(tmp_path, labels, right):
    rows = [step_labels("Why?", ["One.", "Two."], one) for one in labels]
    (found,) = read_solutions(write_snapshot(tmp_path, steps={"train": rows}), "train")
    assert found.right is right


def test_a_step_is_read_with_what_stands_before_it_and_nothing_after(base):
    model, tokenizer = new_reward_model(base)
    model.eval()
    long = EncodedSteps([5, 6, 7], [[8, 9], [10], [11, 12, 13]])
    found = step_logits(model, [long, EncodedSteps([14], [[15, 16]])], tokenizer.pad_token_id)
    for number in range(3):
        said = [token for step in long.steps[: number + 1] for token in step]
        alone = read_rewards(model, pad_batch([long.prompt], [said], 0))
        assert found[0][number].item() == pytest.approx(alone.item(), rel=1e-4, abs=1e-6)
    assert [len(one) for one in found] == [3, 1]


def test_a_step_that_does_not_fit_is_left_out_whole(tokenizer):
    asked = [{"role": "user", "content": "Why?"}]
    whole = encode_steps(tokenizer, asked, [GOOD] * 3, max_prompt_tokens=20, max_completion_tokens=80)
    length = len(whole.steps[0])
    cut = encode_steps(tokenizer, asked, [GOOD] * 3, max_prompt_tokens=20, max_completion_tokens=2 * length + 1)
    assert cut.steps == whole.steps[:2]
    assert tokenizer.decode(whole.steps[0]) == GOOD + "\n\n"


def test_a_solution_is_worth_its_worst_step_or_the_product():
    chances = torch.tensor([0.9, 0.5, 0.8]).log()
    assert aggregated(chances, "min") == pytest.approx(0.5)
    assert aggregated(chances, "product") == pytest.approx(0.36)


def test_bad_steps_and_many_annotators_weigh_what_is_asked(base, snapshot):
    where = {"out": "nowhere", "base": str(base), "snapshot": str(snapshot)}
    shares, counts = torch.tensor([1.0, 0.0, 0.5]), torch.tensor([1, 2, 3])
    plain = build_config(ProcessRewardConfig, where)
    assert step_weights(plain, shares, counts).tolist() == [1, 1, 1]
    asked = build_config(ProcessRewardConfig, where | {"bad_weight": 3.0, "weights": "annotators"})
    assert step_weights(asked, shares, counts).tolist() == [1, 6, 6]


def test_it_learns_which_steps_are_good(trained):
    manifest, _ = trained
    assert (manifest["recipe"], manifest["kind"]) == ("process_reward", "process_reward")
    assert manifest["inputs"].keys() == {"base", "snapshot"}
    found = {(one["name"], one["subject"]): one for one in manifest["results"]}
    assert found["test_step_accuracy", "process reward"]["value"] == 1.0
    assert found["test_step_accuracy", "always good"]["value"] == pytest.approx(16 / 20)
    for by in ("min", "product"):
        assert found["test_solution_accuracy", by]["value"] == 1.0
        assert found["test_solution_accuracy", by]["n"] == 8
    assert found["test_solution_accuracy", "always good"]["value"] == 0.5
    # The words of a step say all there is to know here: a model must beat them to be worth its price.
    assert found["test_step_accuracy", "tf-idf"]["value"] == found["test_solution_accuracy", "tf-idf"]["value"] == 1.0
    # ln 2 is what knowing nothing costs.
    assert found["test_step_loss", "process reward"]["hi"] < math.log(2)


def test_a_saved_model_scores_texts_by_their_steps(trained):
    reward = load_process_reward(trained[1])
    asked = [{"role": "user", "content": "My lamp test 3."}]
    chances = reward.score_steps(asked, [GOOD, BAD])
    assert chances[0] > 0.5 > chances[1]
    texts = ["\n\n".join(steps) for steps in ([GOOD, GOOD], [GOOD, BAD])]
    least, product = (reward.score([asked] * 2, texts, aggregate=by) for by in ("min", "product"))
    assert least[0] > 0.5 > least[1]
    assert product[0] < least[0]
    assert reward.score([asked], [""]) == [0.0]


def test_it_has_a_card_and_says_which_rows_a_step_had(base, snapshot, trained, tmp_path):
    card = ModelCard.load(trained[1] / CARD)
    assert (card.data.pipeline_tag, card.data.library_name) == ("token-classification", "transformers")
    assert "a process reward model that scores the steps of solutions" in card.text
    config = {"out": str(tmp_path / "run"), "base": str(base), "snapshot": str(snapshot), **LIMITS}
    with pytest.raises(RecipeError, match="offending_batch.json"):
        train_process_reward(build_config(ProcessRewardConfig, config | {"bad_weight": 1e39}))
    rows = json.loads((tmp_path / "run/offending_batch.json").read_text())["rows"]
    assert all(row["steps"][0].strip() == GOOD and row["shares"][0] == 1.0 for row in rows)
    assert "My lamp train" in rows[0]["prompt"]


def test_it_needs_a_decoder_and_step_labels(base, snapshot, tmp_path):
    config = {"out": str(tmp_path / "run"), "snapshot": str(snapshot), **LIMITS}
    encoder = str(saved("bert", tmp_path / "bert"))
    with pytest.raises(RecipeError, match="would see the steps after the one"):
        train_process_reward(build_config(ProcessRewardConfig, config | {"base": encoder}))
    empty = {"snapshot": str(write_snapshot(tmp_path / "empty")), "base": str(base)}
    with pytest.raises(RecipeError, match="no step labels in its train split"):
        train_process_reward(build_config(ProcessRewardConfig, config | empty))
    with pytest.raises(RecipeError, match="has no process_reward.json"):
        load_process_reward(base)
