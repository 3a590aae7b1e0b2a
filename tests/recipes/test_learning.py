"""The loop that every recipe of ours learns in."""

import json
from dataclasses import dataclass

import pytest
import torch

from training.modelling import processes
from training.modelling.artifacts import RecipeError, RunDirectory
from training.modelling.configs import ConfigError
from training.modelling.learning import LearningConfig, PartLoss, _Loop, learn
from training.modelling.optimisation import linear_schedule
from training.modelling.sharding import Sharded


@dataclass(frozen=True, kw_only=True)
class Sample(LearningConfig):
    """A sample."""

    lr: float = 0.1
    epochs: int = 2
    log_every: int = 2


def learnt(tmp_path, *, after_epoch=None, **fields) -> tuple[list[dict], torch.nn.Module, RunDirectory]:
    """Five numbers, two in a step, learnt by a line through 0: three steps an epoch. A step has a part for each."""
    config = Sample(out=str(tmp_path), **fields)
    model, items = torch.nn.Linear(1, 1, bias=False), [1.0, 2.0, 3.0, 4.0, 5.0]
    torch.nn.init.zeros_(model.weight)

    def losses(some):
        for item in some:
            error = (model(torch.tensor([item])) - 2 * item).abs()
            yield PartLoss(error.sum() / len(some), {"error": error})

    run = RunDirectory(config.out)
    learn(config, run, model, items, lengths=[1] * len(items), batch_size=2, losses=losses, after_epoch=after_epoch)
    return [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()], model, run


def test_it_writes_a_line_every_few_steps_and_at_the_last(tmp_path):
    lines, model, _ = learnt(tmp_path)
    assert [(line["step"], line["epoch"]) for line in lines] == [(2, 1), (4, 2), (6, 2)]
    assert [line["lr"] for line in lines] == [0.1 * linear_schedule(step, 6, 0.05) for step in (1, 3, 5)]
    # The mean of what the parts measured is the loss here, because a part is an item.
    assert all(line["error"] == pytest.approx(line["loss"]) for line in lines)
    assert 0.2 < model.weight.item() <= 0.6
    assert not model.training


def test_a_pass_that_counts_nothing_is_shown_to_no_watcher(tmp_path, monkeypatch):
    """Of three items the first process has two, and so the second one makes a pass beside its own."""
    monkeypatch.setattr(processes, "_proven", 2)
    monkeypatch.setenv("RANK", "1")
    model, seen = torch.nn.Linear(1, 1, bias=False), []

    def losses(some):
        for item in some:
            yield PartLoss(model(torch.tensor([item])).sum(), seen=lambda item=item: seen.append(item) or {})

    loop = _Loop(
        config=Sample(out=str(tmp_path)),
        run=RunDirectory(str(tmp_path)),
        model=model,
        items=[],
        batches=lambda rng: [],
        schedule=lambda step, steps: 1.0,
        losses=losses,
        after_epoch=None,
        described=None,
        inputs={},
        part="",
        weigh=len,
        passes=len,
        watcher=None,
        shards=Sharded(model),
    )
    assert [loss.item() == 0 for loss in loop._parts([1.0, 2.0, 3.0], {})] == [False, True]
    assert seen == [2.0]


def test_it_says_how_far_it_is_and_what_is_left(tmp_path):
    _, _, run = learnt(tmp_path, log_every=5, epochs=2)
    progress = json.loads((run.path / "progress.json").read_text())
    assert (progress["step"], progress["steps"], progress["fraction"], progress["eta_s"]) == (6, 6, 1.0, 0.0)
    assert progress["message"].startswith("loss ")


def test_it_measures_after_each_epoch(tmp_path):
    lines, _, _ = learnt(tmp_path, after_epoch=lambda: {"validation_accuracy": 0.5})
    measured = [(line["step"], line["epoch"]) for line in lines if "validation_accuracy" in line]
    assert measured == [(3, 1), (6, 2)]


def test_it_stops_where_the_loss_is_no_number(tmp_path):
    with pytest.raises(RecipeError, match="lower the learning rate"):
        learnt(tmp_path, lr=1e38, epochs=9)


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ({"lr": 0.0}, "The field 'lr' must be above 0."),
        ({"epochs": 0}, "The field 'epochs' must be above 0."),
        ({"weight_decay": -1.0}, "The field 'weight_decay' must not be below 0."),
        ({"resume_from": "/nowhere"}, "The field 'resume_from' names '/nowhere', which is no directory."),
        ({"tokens_at_once": 0}, "The field 'tokens_at_once' must be above 0."),
        ({"max_grad_norm": 0.0}, "The field 'max_grad_norm' must be above 0."),
        ({"warmup": 1.0}, "from 0 to below 1"),
    ],
)
def test_it_refuses_what_no_loop_can_do(field, said):
    with pytest.raises(ConfigError, match=said):
        Sample(out="unused", **field)
