"""What stops a run that has gone wrong, and what it leaves to look at."""

import json

import pytest

from training.modelling.artifacts import RecipeError, RunDirectory
from training.modelling.configs import build_config
from training.modelling.guards import Divergence, save_offending
from training.modelling.models import load_policy, save_model
from training.modelling.snapshots import read_demonstrations
from training.recipes.dpo import DpoConfig, train_dpo
from training.recipes.sft import SftConfig, train_sft


def seen(times: float, losses: list[float]) -> int | None:
    """After how many losses it stops, None if it does not."""
    watch = Divergence(times)
    for number, loss in enumerate(losses, start=1):
        try:
            watch.see(loss, number)
        except RecipeError as error:
            said = str(error)
            return number if f"up to step {number} are above {times:g} times their running median" in said else -1
    return None


FALLING = [1.0 - 0.01 * step for step in range(60)]


def test_it_stops_at_the_fifth_loss_in_a_row_that_is_far_above_the_median():
    assert seen(5, [*FALLING, *[9.0] * 9]) == 65


@pytest.mark.parametrize(
    "losses",
    [
        [*FALLING, 9.0, 9.0, 9.0, 9.0, 0.5] * 2,  # never five in a row
        [*FALLING, *[2.9] * 20],  # below five times the median
        [*FALLING, *[1e-6] * 200, *[0.01] * 20],  # far above a tiny median, and far below the beginning
        [1.0, 50.0, 50.0, 50.0, 50.0, 50.0, 50.0],  # too few to know what is usual
    ],
)
def test_it_lets_a_run_go_on_that_does_not_run_away(losses):
    assert seen(5, losses) is None


def test_it_notices_nothing_when_told_so():
    assert seen(0, [*FALLING, *[1e9] * 20]) is None


def test_it_goes_on_from_what_a_checkpoint_kept():
    whole = Divergence(5)
    for step, loss in enumerate(FALLING):
        whole.see(loss, step)
    again = Divergence(5, **whole.state)
    for step in range(4):
        again.see(9.0, step)
    with pytest.raises(RecipeError, match="diverges"):
        again.see(9.0, 5)


def test_it_writes_what_is_not_finite_in_words(tmp_path):
    said = save_offending(
        RunDirectory(tmp_path), RecipeError("No."), [{"prompt": "p"}], step=3, loss=float("nan"), grad_norm=None, lr=0.1
    )
    assert said == f"No. The step's rows are in {tmp_path / 'offending_batch.json'}."
    assert json.loads((tmp_path / "offending_batch.json").read_text()) == {
        "why": "No.",
        "step": 3,
        "loss": "nan",
        "grad_norm": None,
        "lr": 0.1,
        "rows": [{"prompt": "p"}],
    }


def test_a_run_leaves_the_rows_at_which_it_stopped(base, snapshot, tmp_path):
    broken, tokenizer = load_policy(base)
    broken.model.norm.weight.data.fill_(float("nan"))
    broken.save_pretrained(tmp_path / "broken")
    tokenizer.save_pretrained(tmp_path / "broken")
    config = {"out": str(tmp_path / "run"), "base": str(tmp_path / "broken"), "snapshot": str(snapshot), "threads": 1}
    with pytest.raises(RecipeError, match=r"The loss is nan at step 0; .* The step's rows are in .*offending_batch"):
        train_dpo(
            build_config(
                DpoConfig, config | {"max_prompt_tokens": 64, "max_completion_tokens": 64} | {"batch_rankings": 24}
            )
        )
    left = json.loads((tmp_path / "run/offending_batch.json").read_text())
    assert (left["step"], left["loss"], len(left["rows"])) == (0, "nan", 24)
    assert left["rows"][0]["completions"] == ["Go away.<|end|>", "Please send it back.<|end|>", "Send it back.<|end|>"]
    assert left["rows"][0]["ranks"] == [3, 1, 2]


def test_fine_tuning_by_trl_leaves_them_too(base, snapshot, tmp_path):
    broken, tokenizer = load_policy(base)
    broken.model.norm.weight.data.fill_(float("nan"))
    save_model(broken, tokenizer, tmp_path / "broken")
    config = {"out": str(tmp_path / "run"), "base": str(tmp_path / "broken"), "snapshot": str(snapshot), "threads": 1}
    short = {"max_prompt_tokens": 64, "max_completion_tokens": 64, "batch_size": 4, "style_prompts": 0}
    with pytest.raises(RecipeError, match=r"The loss is nan at step 0; .* The step's rows are in .*offending_batch"):
        train_sft(build_config(SftConfig, config | short))
    left = json.loads((tmp_path / "run/offending_batch.json").read_text())
    assert (left["step"], left["loss"], len(left["rows"])) == (0, "nan", 4)
    asked = {row.prompt_sha256: row.messages[0]["content"] for row in read_demonstrations(snapshot, "train")}
    for row in left["rows"]:
        assert row["text"].startswith(f"<|user|>{asked[row['prompt_sha256']]}<|end|>")
