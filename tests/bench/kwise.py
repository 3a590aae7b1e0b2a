"""Learning from rankings: each prompt encoded once, beside TRL's RewardTrainer and DPOTrainer on the expanded pairs.

    ./run bench kwise [--sizes 2,4,9] [--rounds 3] [--rankings 8] [--json]

CPU seconds of one process with one thread: the same Llama (12 million parameters, 6 layers), the same rankings (prompts
of 128 tokens, completions of 64 to 128), AdamW with the gradient clipped, as many optimiser steps: a step learns the
same few rankings, as K completions in one row here and as K(K-1)/2 pairs there. Both learn in turn, `rounds` times; a
figure is the median. TRL computes without gradient checkpointing, which would make it slower. Its DPO is given the
reference's log-probabilities ahead, as ours has them, and what that costs is not counted on either side. `ratio` is
rankings a CPU second in fp32 over TRL's in fp32; `once` encodes prompt and completion of each of the K in a row of its
own. `fp32` and `bf16` hold rankings a CPU second.
"""

import argparse
import copy
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence

import torch
from datasets import Dataset, disable_progress_bars
from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification, PreTrainedModel
from transformers.trainer_callback import PrinterCallback
from trl import DPOConfig, DPOTrainer, RewardConfig, RewardTrainer

from training.modelling.losses import bradley_terry_loss, sequence_log_probs
from training.modelling.models import prepare_process
from training.modelling.optimisation import build_optimizer, update
from training.modelling.preference_losses import Settings, policy_loss
from training.modelling.rankings import EncodedRanking, ranking_batch
from training.modelling.rewards import read_rewards
from training.modelling.shared_prefix import shares_prefixes
from training.modelling.tiny import train_tokenizer

PROMPT, SHORTEST, LONGEST = 128, 64, 128
IN_A_STEP = {2: 8, 4: 4, 9: 2}
AIMS = {"reward": {2: 1.0, 4: 5.0, 9: 14.0}, "dpo": {2: 1.0, 4: 7.0, 9: 18.0}}
LR = 1e-5
BETA = 0.1


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; 0 when every aim is reached, 1 when one is not."""
    parser = argparse.ArgumentParser(prog="./run bench kwise", description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", default="2,4,9", help="completions of a ranking (default: 2,4,9)")
    parser.add_argument("--rounds", type=int, default=3, help="how often both learn in turn (default: 3)")
    parser.add_argument("--rankings", type=int, default=8, help="rankings to learn (default: 8)")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    arguments = parser.parse_args(argv)
    prepare_process(seed=0, threads=1)
    disable_progress_bars()
    found: dict[str, dict] = {"reward": {}, "dpo": {}}
    print("rankings a CPU second")
    print(f"{'':8}{'K':>3}{'':>11}{'shared':>9}{'once':>9}{'TRL':>9}{'ratio':>8}{'aim':>6}")
    for kind in found:
        for size in map(int, arguments.sizes.split(",")):
            found[kind][str(size)] = measure(kind, size, arguments.rankings, arguments.rounds)
            show(kind, size, found[kind][str(size)])
    if arguments.json:
        print(json.dumps({"benchmark": "kwise", **found}))
    reached = all(one["ratio"] >= AIMS[kind].get(int(size), 1.0) for kind in found for size, one in found[kind].items())
    return 0 if reached else 1


def show(kind: str, size: int, one: dict) -> None:
    """Print a row for each precision."""
    for precision in ("fp32", "bf16"):
        of = one[precision]
        aim = f"{AIMS[kind].get(size, 1.0):.0f}" if precision == "fp32" else ""
        ratio = of["shared"] / of["trl"]
        print(f"{kind:8}{size:3}   {precision:>8}", end="")
        print(f"{of['shared']:9.2f}{of['once']:9.2f}{of['trl']:9.2f}{ratio:8.2f}{aim:>6}")


def measure(kind: str, size: int, count: int, rounds: int) -> dict:
    """Rankings a CPU second of each way, by precision, and the ratio of the shared prefix to TRL in fp32."""
    tokenizer = train_tokenizer(["some text to learn letters from"], vocab_size=261, context=4096)
    model = new_model(kind)
    items = rankings(count, size)
    seconds: dict[tuple[str, bool], list[float]] = {}
    for _ in range(rounds):
        for bf16 in (False, True):
            for way, learn in ways(kind, tokenizer).items():
                mine = copy.deepcopy(model)
                seconds.setdefault((way, bf16), []).append(learn(mine, items, IN_A_STEP[size], bf16))
    rate = {key: count / statistics.median(values) for key, values in seconds.items()}
    figures = {
        name: {way: round(rate[way, bf16], 3) for way in ("shared", "once", "trl")}
        for name, bf16 in (("fp32", False), ("bf16", True))
    }
    return {"ratio": round(rate["shared", False] / rate["trl", False], 2), **figures}


Learner = Callable[[PreTrainedModel, Sequence[EncodedRanking], int, bool], float]
"""Learns rankings, so many in a step, in bf16 or not, and returns the CPU seconds that it took."""


def ways(kind: str, tokenizer) -> dict[str, Learner]:
    """Who learns: we with a shared prefix and with rows, and TRL with pairs."""

    def trl(model, items, in_a_step, bf16):
        rows = [row for item in items for row in expanded(kind, item)]
        return learn_with_trl(kind, model, rows, in_a_step * len(items[0].pairs), bf16, tokenizer)

    return {
        "shared": lambda *given: learn(kind, True, *given),
        "once": lambda *given: learn(kind, False, *given),
        "trl": trl,
    }


def new_model(kind: str) -> PreTrainedModel:
    """A Llama of 12 million parameters with random weights."""
    config = LlamaConfig(
        vocab_size=2048,
        hidden_size=384,
        intermediate_size=1024,
        num_hidden_layers=6,
        num_attention_heads=6,
        max_position_embeddings=4096,
        num_labels=1,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=None,
        tie_word_embeddings=False,
    )
    torch.manual_seed(0)
    return (LlamaForSequenceClassification if kind == "reward" else LlamaForCausalLM)(config)


def rankings(count: int, size: int) -> list[EncodedRanking]:
    """Rankings without ties over random tokens, best first."""
    rng = random.Random(0)

    def tokens(n: int) -> list[int]:
        return [rng.randrange(5, 2048) for _ in range(n)]

    return [
        EncodedRanking(
            prompt=tokens(PROMPT),
            completions=[[*tokens(rng.randint(SHORTEST, LONGEST) - 1), 1] for _ in range(size)],
            ranks=list(range(1, size + 1)),
            characters=[1] * size,
            prompt_sha256=str(number),
        )
        for number in range(count)
    ]


def expanded(kind: str, item: EncodedRanking) -> list[dict]:
    """The pairs of a ranking as TRL takes them, tokenised; with the reference's log-probabilities for DPO."""
    rows = []
    for better, worse in item.pairs:
        chosen, rejected = item.completions[better], item.completions[worse]
        if kind == "reward":
            rows.append({"chosen_ids": item.prompt + chosen, "rejected_ids": item.prompt + rejected})
        else:
            references = {"ref_chosen_logps": -700.0, "ref_rejected_logps": -700.0}
            rows.append({"prompt_ids": item.prompt, "chosen_ids": chosen, "rejected_ids": rejected, **references})
    return rows


def learn(kind, shared, model, items, in_a_step, bf16) -> float:
    """Learn the rankings as the recipes do; returns the CPU seconds."""
    assert not shared or shares_prefixes(model)
    optimizer = build_optimizer(model, lr=LR, weight_decay=0.0)
    model.train()
    began = time.process_time()
    for start in range(0, len(items), in_a_step):
        batch, pairs = ranking_batch(items[start : start + in_a_step], 0, shared=shared)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            if kind == "reward":
                loss = bradley_terry_loss(read_rewards(model, batch), pairs)
            else:
                reference = torch.full((len(batch.inside),), -700.0)
                log_probs = sequence_log_probs(model, batch)
                loss = policy_loss(log_probs, reference, batch.completion_lengths, pairs, Settings("sigmoid", BETA))
        update(model, optimizer, [loss], step=0, lr=LR, max_grad_norm=1.0)
    return time.process_time() - began


class PreparedDPOTrainer(DPOTrainer):
    """DPOTrainer takes no tokenised data, and no log-probabilities of a reference; so both are passed over."""

    def _prepare_dataset(self, dataset, *args, **kwargs):
        return dataset


def learn_with_trl(kind, model, rows, pairs_in_a_step, bf16, tokenizer) -> float:
    """Learn the expanded pairs with TRL; returns the CPU seconds of its training loop."""
    with tempfile.TemporaryDirectory() as folder:
        common = {
            "output_dir": folder,
            "per_device_train_batch_size": pairs_in_a_step,
            "num_train_epochs": 1,
            "learning_rate": LR,
            "bf16": bf16,
            "use_cpu": True,
            "gradient_checkpointing": False,
            "report_to": "none",
            "save_strategy": "no",
            "disable_tqdm": True,
            "logging_strategy": "no",
            "dataloader_pin_memory": False,
        }
        given = {"model": model, "train_dataset": Dataset.from_list(rows), "processing_class": tokenizer}
        if kind == "reward":
            trainer = RewardTrainer(args=RewardConfig(**common, max_length=None), **given)
        else:
            settings = DPOConfig(**common, max_length=None, beta=BETA)
            trainer = PreparedDPOTrainer(args=settings, ref_model=copy.deepcopy(model), **given)
            trainer.precompute_ref_logps = True
        trainer.remove_callback(PrinterCallback)
        began = time.process_time()
        trainer.train()
        return time.process_time() - began
