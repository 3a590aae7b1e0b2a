"""KTO: what counts as good or bad, the loss as TRL computes it, and where both kinds go."""

import json

import pytest
import torch

from tests.recipes.small_artifacts import run_program
from tests.recipes.snapshots import ranking, rating, write_snapshot
from training.modelling.artifacts import RecipeError, RunDirectory
from training.modelling.batches import pad_batch
from training.modelling.chat import decode_completion
from training.modelling.configs import ConfigError, build_config
from training.modelling.displacement import Alarm
from training.modelling.likelihoods import token_likelihoods
from training.recipes.kto import (
    Judged,
    KtoConfig,
    KtoReporter,
    TokensKto,
    balance,
    read_judged,
    rows_at_once,
    train_kto,
    trainer_arguments,
    trainer_rows,
)

ROWS = [Judged([2, 5, 6], [7, 1], True, "a"), Judged([2, 8], [9, 10, 1], False, "b"), Judged([3], [4, 1], True, "c")]


def config(base, snapshot, **fields) -> KtoConfig:
    return build_config(KtoConfig, {"out": "x", "base": str(base), "snapshot": str(snapshot), **fields})


def told(tokenizer, wanted) -> list[tuple[str, bool]]:
    rows = read_judged(wanted, tokenizer, "train")
    return [(decode_completion(tokenizer, row.completion), row.good) for row in rows]


@pytest.fixture
def judged(tmp_path):
    """Ratings with flags and values, and rankings."""
    ratings = [
        rating("One?", "a", flags=["hallucination"], helpful=2),
        rating("One?", "b", helpful=4),
        rating("Two?", "c", flags=["moralising"], helpful=6),
        rating("Two?", "d", campaign="asks for no flags"),
    ]
    rankings = [ranking("One?", ["a", "b", "c"], [3, 1, 2]), ranking("Two?", ["d", "e"], [1, 1])]
    return write_snapshot(tmp_path / "judged", ratings={"train": ratings}, rankings={"train": rankings})


@pytest.mark.parametrize(
    ("fields", "answers"),
    [
        ({}, [("a", False), ("b", True), ("c", False)]),
        ({"undesirable_flags": ["hallucination"]}, [("a", False), ("b", True)]),
        ({"labels": "ratings"}, [("a", False), ("c", True)]),
        ({"labels": "ratings", "desirable_from": 4}, [("a", False), ("b", True), ("c", True)]),
        ({"labels": "rankings"}, [("a", False), ("b", True)]),
    ],
)
def test_it_learns_flags_ratings_or_the_ends_of_rankings(base, judged, tokenizer, fields, answers):
    assert told(tokenizer, config(base, judged, **fields)) == answers


def test_it_makes_up_for_unequal_numbers_by_the_rarer_kind(base, judged):
    rows = [ROWS[0]] * 6 + [ROWS[1]] * 2
    assert balance(config(base, judged), rows) == (1.0, 3.0)
    assert balance(config(base, judged), ROWS[1:2] * 5 + ROWS[:1]) == (5.0, 1.0)
    assert balance(config(base, judged, undesirable_weight=1.5), rows) == (0.5, 1.5)
    assert balance(config(base, judged, desirable_weight=2.0, undesirable_weight=1.0), rows) == (2.0, 1.0)


def test_each_epoch_has_an_order_of_its_own_and_z_comes_from_the_same_pass():
    rows = trainer_rows(ROWS, epochs=2, batch_size=4, at_once=2, seed=0)
    # Two steps of four; the last two rows are the first ones of a third epoch.
    assert len(rows) == 8
    assert rows["prompt_ids"][:3] != rows["prompt_ids"][3:6]
    assert rows["prompt_ids"][6:] == trainer_rows(ROWS, epochs=3, batch_size=9, at_once=9, seed=0)["prompt_ids"][6:8]
    for start in range(0, 8, 2):
        some = rows[start : start + 2]
        assert sorted(some["KL_completion_ids"]) == sorted(some["completion_ids"])


def test_its_loss_is_the_papers(base, judged, policy, tokenizer, tmp_path):
    """Eqs. 7 and 8 by hand, after the policy has moved away from the reference."""
    wanted = config(base, judged, batch_size=3, beta=0.5, out=str(tmp_path))
    args = trainer_arguments(wanted, (2.0, 3.0), bf16=False, at_once=3)
    rows = trainer_rows(ROWS, epochs=1, batch_size=3, at_once=3, seed=0)
    trainer = TokensKto(model=policy, args=args, train_dataset=rows, processing_class=tokenizer)
    some, prompts = trainer.train_dataset[:3], rows[:3]["prompt_ids"]

    def log_probs(completions) -> torch.Tensor:
        batch = pad_batch(prompts, completions, tokenizer.pad_token_id)
        return token_likelihoods(policy, batch).log_probs.sum(-1).detach()

    before = log_probs(some["completion_ids"]), log_probs(some["KL_completion_ids"])
    torch.testing.assert_close(torch.tensor(some["ref_logps"]), before[0], rtol=1e-4, atol=1e-4)
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter.mul_(1.2)
    shift = log_probs(some["completion_ids"]) - before[0]
    z = (log_probs(some["KL_completion_ids"]) - before[1]).mean().clamp(min=0)
    values = [
        2.0 * (1 - torch.sigmoid(0.5 * (one - z))) if good else 3.0 * (1 - torch.sigmoid(0.5 * (z - one)))
        for one, good in zip(shift, some["label"], strict=True)
    ]
    loss = trainer.compute_loss(policy, trainer.data_collator([trainer.train_dataset[index] for index in range(3)]))
    assert loss.item() == pytest.approx((sum(values) / 3).item(), rel=1e-4)


def test_it_takes_as_many_answers_at_once_as_fit_but_two(base, judged):
    rows = [Judged([1] * 6, [2] * 4, True, "a")]
    assert rows_at_once(config(base, judged, batch_size=12, tokens_at_once=65), rows) == 6
    assert rows_at_once(config(base, judged, batch_size=12, tokens_at_once=5), rows) == 2


def test_it_raises_good_answers_and_lowers_bad_ones(base, snapshot, tmp_path):
    wanted = {"out": str(tmp_path / "kto"), "base": str(base), "snapshot": str(snapshot), "labels": "rankings"}
    wanted |= {"threads": 1, "max_prompt_tokens": 64, "max_completion_tokens": 64, "log_every": 1, "epochs": 4}
    manifest = run_program("kto", wanted | {"lr": 0.003, "batch_size": 8}, tmp_path)
    assert (manifest["recipe"], manifest["kind"]) == ("kto", "policy")
    found = {(row["name"], row["subject"]): row for row in manifest["results"]}
    chosen, rejected = found["test_chosen_shift", "kto"], found["test_rejected_shift", "kto"]
    assert chosen["n"] == rejected["n"] == 6
    assert chosen["lo"] > rejected["hi"]
    assert found["data_answers", "desirable"]["value"] == found["data_answers", "undesirable"]["value"] == 24
    lines = [json.loads(line) for line in (tmp_path / "kto/metrics.jsonl").read_text().splitlines()]
    # Before the first step the policy is the reference: no shift, and half of either loss.
    assert lines[0]["loss"] == pytest.approx(0.5, abs=1e-3)
    assert lines[-1]["chosen_shift"] > lines[0]["chosen_shift"] > lines[-1]["rejected_shift"]
    assert {line["alarm"] for line in lines} == {0.0}, "good answers rose"


def test_its_alarm_rings_once_good_answers_have_fallen(base, judged, tmp_path):
    wanted = config(base, judged, alarm=0.2, alarm_stops=True, batch_size=32, log_every=8)
    alarm = Alarm(wanted.alarm, stops=True, remedy="lower 'lr' or raise 'beta'", of="answers")
    # Two of three answers are good, of two tokens on average: a line stands for 171 of them.
    reporter = KtoReporter(RunDirectory(tmp_path), wanted, ROWS, alarm)
    assert reporter.measured({"kl": 0.0, "rewards/chosen": -0.05})["alarm"] == 0.0, "too few answers to judge"
    assert reporter.measured({"kl": 0.0, "rewards/rejected": -9.0}) == {"kl": 0.0, "rejected_shift": -90.0}
    with pytest.raises(RecipeError, match=r"0\.250 nats a token.*lower 'lr' or raise 'beta', or set 'alarm_stops'"):
        reporter.measured({"kl": 0.0, "rewards/chosen": -0.05})
    (result,) = alarm.results("kto")
    assert result.n == 342
    assert "it rang first after 342 answers" in result.note


def test_it_says_that_nobody_flagged(base, snapshot, tmp_path):
    wanted = config(base, snapshot, out=str(tmp_path / "run"), max_prompt_tokens=64, max_completion_tokens=64)
    with pytest.raises(RecipeError, match="no desirable answers by flags in its train split"):
        train_kto(wanted)


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"batch_size": 1}, "z pairs an answer"), ({"undesirable_to": 5}, "must be below"), ({"beta": 0}, "above 0")],
)
def test_it_refuses_what_makes_no_sense(base, snapshot, fields, said):
    with pytest.raises(ConfigError, match=said):
        config(base, snapshot, **fields)
