"""Control tokens: which answers are good, what stands before them, and that sampling asks for good ones by itself."""

import json
import math

import pytest
import torch

from tests.recipes.small_artifacts import make_reward, run_program
from tests.recipes.snapshots import ranking, write_snapshot
from training.modelling.chat import encode_prompt
from training.modelling.configs import ConfigError, build_config
from training.modelling.decoding import sample_completions
from training.modelling.models import load_policy
from training.modelling.rewards import load_reward
from training.modelling.snapshots import RankingRow
from training.recipes.control import (
    BAD,
    GOOD,
    ControlConfig,
    Labelled,
    add_control_tokens,
    by_rank,
    encode_labelled,
    label,
)
from training.recipes.evaluate import EvaluateConfig, divergence

QUESTION = [{"role": "user", "content": "My lamp test 40 is broken."}]


def config(base, snapshot, **fields) -> ControlConfig:
    return build_config(ControlConfig, {"out": "x", "base": str(base), "snapshot": str(snapshot), **fields})


@pytest.mark.parametrize(
    ("ranks", "good"),
    [
        ([1, 2], [True, False]),
        ([2, 1, 3], [None, True, False]),
        ([1, 1, 2, 3], [True, True, False, False]),
        ([1, 1, 2, 2], [True, True, False, False]),
        ([1, 1], [None, None]),
    ],
)
def test_the_better_half_of_a_ranking_is_good(ranks, good):
    texts = [str(number) for number in range(len(ranks))]
    row = RankingRow([], texts, ranks, "p", "j", "a", "d", "c")
    found = {one.text: one.good for one in by_rank(row)}
    assert [found.get(text) for text in texts] == good


def test_an_answer_that_is_both_good_and_bad_is_left_out(base, tmp_path):
    rows = [ranking("One?", ["a", "b"], [1, 2]), ranking("One?", ["b", "c"], [1, 2])]
    snapshot = write_snapshot(tmp_path, rankings={"train": rows})
    found = label(config(base, snapshot), "train", None)
    assert [(one.text, one.good) for one in found] == [("a", True), ("c", False)]


def test_by_a_reward_model_good_is_above_the_median(base, snapshot, tmp_path):
    reward = make_reward(tmp_path / "reward", base)
    wanted = config(base, snapshot, by="reward", reward=str(reward), max_prompt_tokens=64, max_completion_tokens=32)
    found = label(wanted, "train", load_reward(reward))
    assert len(found) == 72
    assert sum(one.good for one in found) == 36


def test_the_token_stands_where_the_assistant_speaks_and_carries_no_loss(base, snapshot):
    model, tokenizer = load_policy(base)
    add_control_tokens(model, tokenizer)
    rows = [Labelled(QUESTION, "Yes.", good, "p") for good in (True, False)]
    good, bad = encode_labelled(config(base, snapshot), tokenizer, rows)
    assert tokenizer.decode(good.ids).endswith(f"<|assistant|>{GOOD}Yes.<|end|>")
    assert tokenizer.decode(bad.ids).endswith(f"<|assistant|>{BAD}Yes.<|end|>")
    assert tokenizer.decode(good.ids[good.start :]) == "Yes.<|end|>"
    weight = model.get_input_embeddings().weight
    assert torch.equal(weight[good.ids[good.start - 1]], weight[bad.ids[bad.start - 1]])


def test_it_samples_good_answers_without_being_asked(base, snapshot, tmp_path):
    wanted = {"out": str(tmp_path / "control"), "base": str(base), "snapshot": str(snapshot), "threads": 1}
    wanted |= {"max_prompt_tokens": 64, "max_completion_tokens": 32, "lr": 0.01, "epochs": 40, "batch_size": 16}
    manifest = run_program("control", wanted, tmp_path)
    found = {(row["name"], row["subject"]): row for row in manifest["results"]}
    good, bad = found["validation_loss", "good token"], found["validation_loss", "bad token"]
    assert good["hi"] < bad["lo"]
    model, tokenizer = load_policy(tmp_path / "control")
    prompt = encode_prompt(tokenizer, QUESTION)
    assert tokenizer.decode(prompt).endswith(f"<|assistant|>{GOOD}")
    (asked,) = sample_completions(model, tokenizer, [prompt], 30, 0.0)
    assert tokenizer.decode(asked) == "Please send it back.<|end|>"
    worse = [*prompt[:-1], tokenizer.convert_tokens_to_ids(BAD)]
    (asked,) = sample_completions(model, tokenizer, [worse], 30, 0.0)
    assert tokenizer.decode(asked) == "Go away.<|end|>"
    assert json.loads((tmp_path / "control/MANIFEST.json").read_text())["recipe"] == "control"


@pytest.mark.parametrize(
    ("fields", "said"), [({"by": "reward"}, "'reward' names a model"), ({"reward": "."}, "does nothing with 'by'")]
)
def test_it_refuses_half_a_wish(base, snapshot, fields, said):
    with pytest.raises(ConfigError, match=said):
        config(base, snapshot, **fields)


def test_its_kl_to_a_reference_without_the_tokens_is_what_the_answers_say(base, snapshot):
    """The same weights under both tokenizers: only the control token, which has a mean embedding, is between them."""
    model, tokenizer = load_policy(base)
    add_control_tokens(model, tokenizer)
    plain = encode_prompt(tokenizer, QUESTION)
    answer = tokenizer("Yes.")["input_ids"]
    good = tokenizer.convert_tokens_to_ids(GOOD)
    wanted = build_config(
        EvaluateConfig, {"out": "x", "reference": str(base), "reward": str(base), "snapshot": str(snapshot)}
    )
    kl, _ = divergence(model, tokenizer, [plain, [*plain, good]], [answer, answer], str(base), wanted)
    # Two tokens more to choose from make each of the answer's a little less likely.
    assert -math.log(322 / 320) * len(answer) < kl[0] < 0
    assert kl[1] != pytest.approx(kl[0], abs=1e-4)
