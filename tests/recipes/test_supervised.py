"""Rows to learn: which tokens of a conversation, how much of which source, what is packed together, how it looks."""

import json

import pytest
import torch
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)
from trl import SFTTrainer

from annotate.hashing import prompt_sha256
from tests.recipes.snapshots import demonstration, ranking, write_snapshot
from training.modelling.artifacts import RecipeError
from training.modelling.configs import ConfigError, build_config
from training.modelling.supervised.conversations import Conversation, Example, encode_conversation
from training.modelling.supervised.mixtures import apportion, mix, thinned
from training.modelling.supervised.packing import leak, require_isolation
from training.modelling.supervised.reading import encode_all, mix_pass, read_split
from training.modelling.supervised.sources import read_conversations
from training.modelling.supervised.style import Answered, count_sentences, measures, style_results
from training.recipes.sft import SftConfig, trainer_arguments, trainer_rows

TALK = [
    {"role": "user", "content": "My lamp is broken."},
    {"role": "assistant", "content": "Send it back."},
    {"role": "user", "content": "And my chair?"},
    {"role": "assistant", "content": "Thank you.", "reasoning": "It is broken."},
]
LONG = {"max_prompt_tokens": 100, "max_completion_tokens": 50}
SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 60}


def learnt(tokenizer, rows: list[Example]) -> list[list[str]]:
    """What is learnt of each row, in runs of tokens."""
    found = []
    for row in rows:
        runs: list[list[int]] = []
        for index, (token, inside) in enumerate(zip(row.ids, row.mask, strict=True)):
            if inside and (not index or not row.mask[index - 1]):
                runs.append([])
            if inside:
                runs[-1].append(token)
        found.append([tokenizer.decode(run) for run in runs])
    return found


def encode(tokenizer, messages=TALK, **fields) -> list[Example]:
    fields = {"turns": "all", "reasoning": "drop", **LONG, **fields}
    return encode_conversation(tokenizer, Conversation(messages, "hash", "here"), **fields)


def test_it_learns_every_turn_of_an_assistant_in_one_row(tokenizer):
    rows = encode(tokenizer)
    assert learnt(tokenizer, rows) == [["Send it back.<|end|>", "Thank you.<|end|>"]]
    assert tokenizer.decode(rows[0].ids) == (
        "<|user|>My lamp is broken.<|end|><|assistant|>Send it back.<|end|>"
        "<|user|>And my chair?<|end|><|assistant|>Thank you.<|end|>"
    )


def test_it_learns_the_last_turn_alone_where_told_so(tokenizer):
    assert learnt(tokenizer, encode(tokenizer, turns="last")) == [["Thank you.<|end|>"]]


def test_it_learns_reasoning_between_think_tags_and_shows_later_turns_none(tokenizer):
    talk = [*TALK, {"role": "user", "content": "And?"}, {"role": "assistant", "content": "<think>No.</think>\nBye."}]
    first, second = encode(tokenizer, talk, reasoning="learn")
    thought = "<think>\nIt is broken.\n</think>\n\nThank you.<|end|>"
    assert learnt(tokenizer, [first]) == [["Send it back.<|end|>", thought]]
    assert learnt(tokenizer, [second]) == [["<think>\nNo.\n</think>\n\nBye.<|end|>"]]
    assert "think" not in tokenizer.decode(second.ids[: second.start])
    dropped = encode(tokenizer, talk)
    assert learnt(tokenizer, dropped) == [["Send it back.<|end|>", "Thank you.<|end|>", "Bye.<|end|>"]]


def test_it_cuts_a_long_conversation_at_its_beginning_and_learns_no_half_turns(tokenizer):
    (whole,) = encode(tokenizer)
    inside = whole.mask.index(1) + 2  # two tokens into the first answer
    last = encode(tokenizer, turns="last")[0].start
    (half,) = encode(tokenizer, max_prompt_tokens=last - inside)
    assert learnt(tokenizer, [half]) == [["Thank you.<|end|>"]]
    (short,) = encode(tokenizer, max_completion_tokens=2)
    assert short.learnt == 4
    assert short.ids[: last - 1] == whole.ids[: last - 1]


def rows_of(source: str, count: int, length: int = 4, *, safety: bool = False) -> list[Example]:
    return [
        Example([7] * length, [0] * (length - 1) + [1], f"{source}{number}", source, safety) for number in range(count)
    ]


def mixed(examples, **wishes):
    return mix(examples, **{"shares": {}, "safety_share": None, "by": "rows", "size": 0, "seed": 0, **wishes})


def test_it_apportions_by_largest_remainders():
    assert apportion(10, {"a": 1.0, "b": 1.0, "c": 1.0}) == {"a": 4, "b": 3, "c": 3}
    assert apportion(7, {"a": 0.2, "b": 0.5, "c": 0.0}) == {"a": 2, "b": 5, "c": 0}


def test_it_mixes_rows_exactly_and_repeats_whole_passes_first():
    examples = rows_of("big", 90) + rows_of("small", 10)
    found = mixed(examples, shares={"big": 3.0, "small": 1.0})
    parts = {part.source: part for part in found.parts}
    assert (parts["big"].rows, parts["small"].rows) == (75, 25)
    assert (parts["small"].passes, parts["small"].row_share, parts["small"].tokens) == (2.5, 0.25, 100)
    seen = [row.prompt_sha256 for row in found.rows if row.source == "small"]
    assert sorted(seen.count(name) for name in set(seen)) == [2] * 5 + [3] * 5
    assert len({row.prompt_sha256 for row in found.rows if row.source == "big"}) == 75
    assert found.rows == mixed(examples, shares={"big": 3.0, "small": 1.0}).rows
    assert found.rows != mixed(examples, shares={"big": 3.0, "small": 1.0}, seed=1).rows


def test_it_mixes_tokens_to_half_a_row():
    examples = rows_of("long", 50, 30) + rows_of("short", 50, 4)
    found = mixed(examples, shares={"long": 1.0, "short": 1.0}, by="tokens", size=1000)
    assert [part.tokens for part in found.parts] == [pytest.approx(500, abs=15), pytest.approx(500, abs=2)]


def test_it_keeps_a_safety_share_over_all_sources():
    examples = rows_of("chat", 80) + rows_of("chat", 10, safety=True) + rows_of("safe", 10, safety=True)
    found = mixed(examples, safety_share=0.4)
    assert found.safety_share == {"rows": 0.4, "tokens": 0.4}
    assert [part.safety_rows for part in found.parts] == [20, 20]
    assert {(row.name, row.subject): row.value for row in found.results()}["safety_share_rows", "data"] == 0.4
    with pytest.raises(RecipeError, match="no source has any"):
        mixed(rows_of("chat", 5), safety_share=0.2)


def test_it_sees_a_row_of_less_weight_in_fewer_passes():
    rows = [Example([5, 1], [0, 1], str(n), weight=0.5 if n < 40 else 1.0) for n in range(80)]
    seen = [row.prompt_sha256 for row in thinned(rows, 4, seed=0)]
    assert [seen.count(str(n)) for n in range(80)] == [2] * 40 + [4] * 40


def test_it_reads_files_beside_snapshots_and_leaves_out_what_is_held_out(base, tokenizer, tmp_path):
    asked = [{"role": "user", "content": "Held out?"}]
    hashed = prompt_sha256(asked)
    held = demonstration("Held out?", "No.") | {"prompt_sha256": hashed}
    snapshot = write_snapshot(
        tmp_path / "snapshot",
        demonstrations={
            "train": [demonstration("One?", "Yes."), demonstration("Bomb?", "No.", domain="safety")],
            "validation": [held],
        },
    )
    file = tmp_path / "more.jsonl"
    lines = [
        {"messages": [*asked, {"role": "assistant", "content": "Leaked."}]},
        {"prompt": "Two?", "completion": "Two.", "safety": True},
        {"prompt": "Three?", "completion": "Three."},
    ]
    file.write_text("\n".join(json.dumps(line) for line in lines))
    fields = {"sources": {"more": str(file)}, "mixture": {"snapshot": 1, "more": 3}, "mixture_size": 8}
    config = build_config(SftConfig, {"out": "x", "base": str(base), "snapshot": str(snapshot), **fields})
    found = read_split(config, "train")
    assert [(one.messages[-1]["content"], one.source, one.safety) for one in found] == [
        ("Yes.", "snapshot", False),
        ("No.", "snapshot", True),
        ("Two.", "more", True),
        ("Three.", "more", False),
    ]
    assert [part.rows for part in mix_pass(config, encode_all(config, tokenizer, found)).parts] == [2, 6]


def test_it_counts_preferred_refusals_as_safety_data(tmp_path):
    rows = [ranking("Bomb?", ["No.", "Sure."], [1, 2]), ranking("Tea?", ["Yes.", "No."], [1, 2])]
    snapshot = write_snapshot(tmp_path, rankings={"train": rows})
    found = read_conversations({"s": str(snapshot)}, "train", answers="preferred", safety=["home"])
    assert [one.safety for one in found] == [True, True]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"mixture": {"other": 1.0}}, "names 'other', but the sources are snapshot"),
        ({"sources": {"snapshot": "."}}, "are taken"),
        ({"sources": {"more": "."}, "mixture": {"more": 1.0}}, "no share for the source 'snapshot'"),
        ({"mixture": {"snapshot": 0}}, "are all 0"),
        ({"safety_share": 1.5}, "'safety_share' is a share"),
        ({"packing": True, "pack_tokens": 600}, "'pack_tokens' is 600; it must not be below"),
    ],
)
def test_it_refuses_a_mixture_that_makes_no_sense(base, snapshot, fields, said):
    with pytest.raises(ConfigError, match=said):
        build_config(SftConfig, {"out": "x", "base": str(base), "snapshot": str(snapshot), **fields})


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        (Qwen2ForCausalLM, Qwen2Config(**SMALL, intermediate_size=32, num_key_value_heads=1)),
        (MistralForCausalLM, MistralConfig(**SMALL, intermediate_size=32, num_key_value_heads=1, head_dim=8)),
        (GPTNeoXForCausalLM, GPTNeoXConfig(**SMALL, intermediate_size=32)),
        (GPT2LMHeadModel, GPT2Config(n_embd=16, n_layer=2, n_head=2, vocab_size=60)),
    ],
)
def test_packed_documents_do_not_see_each_other(kind, config):
    torch.manual_seed(0)
    assert leak(kind(config)) < 1e-4


def test_it_refuses_to_pack_for_a_model_in_which_documents_see_each_other(policy):
    require_isolation(policy)
    torch.manual_seed(0)
    bloom = BloomForCausalLM(BloomConfig(hidden_size=16, n_layer=1, n_head=2, vocab_size=60))
    with pytest.raises(RecipeError, match="BloomForCausalLM does not keep them apart"):
        require_isolation(bloom)


def test_packing_changes_neither_loss_nor_gradient(base, snapshot, policy, tokenizer, tmp_path):
    examples = encode(tokenizer) + encode(tokenizer, TALK[:2]) + encode(tokenizer, TALK[2:])
    found = {}
    for packing in (False, True):
        fields = {"batch_size": 3, "max_prompt_tokens": 60, "max_completion_tokens": 30, "pack_tokens": 128}
        wanted = {"out": "x", "base": str(base), "snapshot": str(snapshot), "packing": packing, **fields}
        config = build_config(SftConfig, wanted)
        trainer = SFTTrainer(
            model=policy,
            args=trainer_arguments(config, bf16=False, at_once=3),
            train_dataset=trainer_rows(examples),
            processing_class=tokenizer,
        )
        batch = trainer.data_collator(list(trainer.train_dataset))
        assert ("position_ids" in batch) == packing
        policy.zero_grad()
        loss = trainer.compute_loss(policy, batch)
        loss.backward()
        found[packing] = [loss.detach(), *(one.grad.clone() for one in policy.parameters())]
    for apart, packed in zip(found[False], found[True], strict=True):
        torch.testing.assert_close(packed, apart, rtol=1e-4, atol=1e-6)


def test_it_measures_what_answers_look_like():
    text = "# Fuse\n\n- Check it.\n- **Clearly** swap it!\n\nIs it new? Then wait"
    found = measures(Answered(text, "Why?", 30, "a", ended=False))
    rounded = {name: round(value, 3) for name, value in found.items()}
    assert rounded == {
        "tokens": 30,
        "words": 11,
        "sentences": 4,
        "list_items": 2,
        "list_share": 1,
        "bold": 1,
        "headers": 1,
        "refusal": 0,
        "assertive": 0.333,
        "end_rate": 0,
    }
    assert (count_sentences("One. Two"), count_sentences("3.5 is more."), count_sentences("")) == (2, 1, 0)


def test_its_style_report_has_intervals_over_prompts():
    answers = [Answered("I cannot help with that.", "?", 5, "a"), Answered("Yes, do it.", "?", 3, "b")]
    found = {row.name: row for row in style_results(answers, subject="sft", note="here")}
    assert (found["style_refusal"].value, found["style_refusal"].n) == (0.5, 2)
    assert found["style_words"].lo < found["style_words"].value == 4 < found["style_words"].hi
