"""Where reward models disagree: against literals, and as a program on tiny models."""

import json
import math

import pytest
import torch

from tests.recipes.small_artifacts import make_policy, make_reward, run_program
from training.demo import world
from training.modelling.artifacts import RecipeError
from training.recipes.uncertainty import UncertaintyConfig, pair_uncertainty, read_shown_tasks, score_uncertainty

SMALL = {"max_prompt_tokens": 160, "max_completion_tokens": 96, "threads": 1}


@pytest.mark.parametrize(
    ("rewards", "uncertainty"),
    [
        ([[0.0, 0.0], [0.0, 0.0]], 0),
        ([[50.0, 0.0], [0.0, 50.0]], 1),
        ([[math.log(3), 0.0], [0.0, 0.0]], 4 * 0.125**2),  # chances of 3/4 and 1/2
        ([[9.0, 2.0], [8.0, 1.0]], 0),  # a shift of all rewards says nothing
        ([[50.0, 0.0, 0.0], [0.0, 50.0, 0.0]], (1 + 0.25 + 0.25) / 3),
        ([[50.0, 0.0]] * 3 + [[0.0, 50.0]], 4 * 3 / 16),
    ],
)
def test_it_is_the_variance_of_the_chance_to_be_preferred(rewards, uncertainty):
    assert pair_uncertainty(torch.tensor(rewards)) == pytest.approx(uncertainty, abs=1e-6)


def test_the_order_of_completions_and_members_does_not_matter():
    rewards = torch.randn(4, 5, generator=torch.Generator().manual_seed(0))
    shuffled = rewards[[2, 0, 3, 1]][:, [4, 1, 0, 3, 2]]
    assert pair_uncertainty(shuffled) == pytest.approx(pair_uncertainty(rewards), abs=1e-6)
    assert 0 < pair_uncertainty(rewards) < 1


@pytest.fixture(scope="module")
def rewards(tmp_path_factory) -> list[str]:
    """Two random reward models on one trunk."""
    folder = tmp_path_factory.mktemp("rewards")
    base = make_policy(folder / "base")
    return [str(make_reward(folder / f"reward-{seed}", base, seed=seed)) for seed in (1, 2)]


@pytest.fixture
def tasks(tmp_path) -> str:
    """Three tasks, of two and three completions."""
    prompts = [list(messages) for messages in world.prompts(0, "train")[:3]]
    rows = [
        {"task": 10 + number, "prompt": messages, "completions": ["Send it back.", "No.", "Wait."][: 2 + number % 2]}
        for number, messages in enumerate(prompts)
    ]
    path = tmp_path / "tasks.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_it_scores_tasks_as_a_program(rewards, tasks, tmp_path):
    config = UncertaintyConfig(out=str(tmp_path / "out"), rewards=rewards, tasks=tasks, **SMALL)
    manifest = run_program("uncertainty", config, tmp_path)
    found = [json.loads(line) for line in (tmp_path / "out" / "uncertainty.jsonl").read_text().splitlines()]
    assert [row["task"] for row in found] == [10, 11, 12]
    assert all(0 < row["uncertainty"] < 1 for row in found)
    [figure] = manifest["results"]
    assert (figure["name"], figure["n"]) == ("uncertainty", 3)
    assert figure["value"] == pytest.approx(sum(row["uncertainty"] for row in found) / 3)
    assert sorted(manifest["inputs"]) == ["reward:0", "reward:1", "tasks"]


def test_a_model_agrees_with_itself(rewards, tasks, tmp_path):
    config = UncertaintyConfig(out=str(tmp_path / "out"), rewards=rewards[:1] * 2, tasks=tasks, **SMALL)
    run_program("uncertainty", config, tmp_path)
    lines = (tmp_path / "out" / "uncertainty.jsonl").read_text().splitlines()
    assert {json.loads(line)["uncertainty"] for line in lines} == {0.0}


def test_one_model_is_no_ensemble(rewards, tasks, tmp_path):
    limits = {"max_prompt_tokens": 128, "max_completion_tokens": 64}
    config = UncertaintyConfig(out=str(tmp_path / "run"), rewards=rewards[:1], tasks=str(tasks), **limits)
    with pytest.raises(RecipeError, match="names 1 models; disagreement needs 2 or more"):
        score_uncertainty(config)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "holds no tasks"),
        ("{", "Line 1 of .* is not a task"),
        ('{"task": 1}', "Line 1 of .* is not a task"),
        ('{"task": 1, "prompt": [], "completions": ["One."]}', "fewer than 2 completions"),
    ],
)
def test_it_names_the_line_that_is_no_task(tmp_path, line, why):
    path = tmp_path / "tasks.jsonl"
    path.write_text(line)
    with pytest.raises(RecipeError, match=why):
        read_shown_tasks(str(path))
