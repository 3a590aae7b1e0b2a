"""What supervised fine-tuning learns from, and that TRL's loss is over the answer's tokens only."""

import pytest
from trl import SFTTrainer

from tests.recipes.snapshots import demonstration, ranking, write_snapshot
from training.modelling.artifacts import RecipeError, RunDirectory
from training.modelling.batches import pad_batch
from training.modelling.chat import decode_completion
from training.modelling.configs import build_config
from training.modelling.likelihoods import token_likelihoods
from training.modelling.supervised.conversations import Example
from training.modelling.supervised.reading import encode_all, read_split
from training.modelling.trainers import Reporter
from training.recipes.sft import SftConfig, rows_at_once, trainer_arguments, trainer_rows, unanswered

ANSWERS = [Example([5, 6, 7, 8, 9, 1], [0, 0, 0, 1, 1, 1], "a"), Example([10, 11, 12, 1], [0, 0, 1, 1], "b")]


def config(base, snapshot, **fields) -> SftConfig:
    return build_config(SftConfig, {"out": "unused", "base": str(base), "snapshot": str(snapshot), **fields})


def test_it_learns_each_answer_that_a_ranking_puts_first_once(base, tokenizer, tmp_path):
    rankings = [
        ranking("One?", ["a", "b", "c"], [2, 1, 1]),
        ranking("One?", ["b", "a"], [1, 2]),
        ranking("Two?", ["b", "d"], [1, 2]),
        ranking("Three?", ["e", "f"], [1, 1]),
    ]
    write_snapshot(tmp_path, rankings={"train": rankings})
    wanted = config(base, tmp_path, source="preferred")
    answers = encode_all(wanted, tokenizer, read_split(wanted, "train"))
    assert [decode_completion(tokenizer, one.ids[one.start :]) for one in answers] == ["b", "c", "b"]


def test_it_learns_what_people_wrote(base, tokenizer, tmp_path):
    write_snapshot(tmp_path, demonstrations={"train": [demonstration("One?", "Yes.")]})
    wanted = config(base, tmp_path)
    (answer,) = encode_all(wanted, tokenizer, read_split(wanted, "train"))
    assert tokenizer.decode(answer.ids) == "<|user|>One?<|end|><|assistant|>Yes.<|end|>"


def test_it_has_no_loss_on_prompts_and_one_on_the_end_token(base, snapshot, policy, tokenizer, tmp_path):
    trainer = SFTTrainer(
        model=policy,
        args=trainer_arguments(config(base, snapshot), bf16=False, at_once=2),
        train_dataset=trainer_rows(ANSWERS),
        processing_class=tokenizer,
    )
    batch = trainer.data_collator(list(trainer.train_dataset))
    theirs = trainer.compute_loss(policy, batch)
    rows = pad_batch([one.ids[: one.start] for one in ANSWERS], [one.ids[one.start :] for one in ANSWERS], 0)
    ours = token_likelihoods(policy, rows)
    assert theirs.item() == pytest.approx(-(ours.log_probs.sum() / ours.mask.sum()).item(), rel=1e-5)


@pytest.mark.parametrize(("loss", "norm"), [("nan", "1.0"), ("1.0", "inf")])
def test_it_stops_at_a_number_that_is_not_finite(tmp_path, loss, norm):
    state = type("State", (), {"global_step": 3, "max_steps": 9})
    with pytest.raises(RecipeError, match="at step 3; lower the learning rate"):
        Reporter(RunDirectory(tmp_path)).on_log(None, state, None, logs={"loss": loss, "grad_norm": norm})


@pytest.mark.parametrize(("tokens", "rows"), [(100, 16), (63, 8), (25, 4), (3, 1)])
def test_it_takes_as_many_answers_at_once_as_fit_and_divide_the_step(base, snapshot, tokens, rows):
    assert rows_at_once(config(base, snapshot, batch_size=16, tokens_at_once=tokens), ANSWERS) == rows


def test_its_style_is_asked_of_ranked_prompts_where_no_demonstration_is_held_out(tmp_path):
    write_snapshot(tmp_path, rankings={"validation": [ranking("One?", ["a", "b"], [1, 2])]})
    (asked,) = unanswered(str(tmp_path))
    assert [message["content"] for message in asked.messages] == ["One?", ""]
