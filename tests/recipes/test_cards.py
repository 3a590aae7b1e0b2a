"""The card beside the weights says what the manifest says, in the format of the hub."""

import json

import pytest
from huggingface_hub import ModelCard

from training.modelling.artifacts import RECORDS, hash_files, read_manifest
from training.modelling.cards import CARD, card
from training.modelling.configs import build_config
from training.recipes.dpo import DpoConfig, train_dpo
from training.recipes.reward import RewardConfig, train_reward
from training.recipes.sft import SftConfig, train_sft

SHORT = {"threads": 1, "max_prompt_tokens": 64, "max_completion_tokens": 64, "epochs": 1}


@pytest.fixture
def learnt_from(snapshot, tmp_path):
    """The shared snapshot with a manifest that says as much as the product's does."""
    manifest = json.loads((snapshot / "MANIFEST.json").read_text()) | {
        "selection": {"campaigns": ["support", "safety"], "until": "2026-11-20T00:00:00+00:00"},
        "annotators": 7,
        "counts": {"rankings": {"train": 24, "validation": 6, "test": 6}},
        "guidelines": [{"slug": "tone", "version": 3, "sha256": "c" * 64}],
    }
    path = tmp_path / "snapshot"
    path.mkdir()
    for folder in ("rankings", "demonstrations", "comparisons"):
        (path / folder).symlink_to(snapshot / folder)
    (path / "MANIFEST.json").write_text(json.dumps(manifest))
    return path


def test_it_says_what_the_model_was_made_of_and_what_was_measured(base, learnt_from, tmp_path):
    fields = SHORT | {"snapshot": str(learnt_from), "seed": 5}
    train_sft(build_config(SftConfig, fields | {"out": str(tmp_path / "sft"), "base": str(base), "style_prompts": 0}))
    train_dpo(build_config(DpoConfig, fields | {"out": str(tmp_path / "dpo"), "base": str(tmp_path / "sft")}))
    first, manifest = read_manifest(tmp_path / "sft"), read_manifest(tmp_path / "dpo")
    made = ModelCard.load(tmp_path / "dpo" / CARD)
    assert made.data.to_dict() == {
        "library_name": "transformers",
        "license": "unknown",
        "pipeline_tag": "text-generation",
        "tags": ["concord", "dpo", "policy"],
    }
    text = made.text
    assert f"# dpo {manifest['sha256'][:12]}" in text
    assert f"- snapshot: `{manifest['inputs']['snapshot']}`" in text
    assert "- campaigns: support, safety, judged until 2026-11-20" in text
    assert "- annotators: 7" in text
    assert "- rankings: 24 train, 6 validation, 6 test" in text
    assert "- guideline: tone, version 3" in text
    accuracy = next(one for one in manifest["results"] if one["name"] == "test_accuracy" and one["subject"] == "dpo")
    row = f"| {accuracy['value']:.4g} | {accuracy['lo']:.4g} to {accuracy['hi']:.4g} | {accuracy['n']} |"
    assert f"| test_accuracy | dpo {row}" in text
    assert f"2. made from `sft` `{first['sha256'][:12]}`, seed 5" in text
    assert f"3. which started from `{first['inputs']['base']}`" in text
    assert '"beta": 0.1' in text


def test_it_is_no_part_of_what_the_hash_names(base, snapshot, tmp_path):
    fields = SHORT | {"base": str(base), "snapshot": str(snapshot)}
    for name, licence in (("one", "unknown"), ("two", "apache-2.0")):
        train_reward(build_config(RewardConfig, fields | {"out": str(tmp_path / name), "licence": licence}))
    one, two = (read_manifest(tmp_path / name) for name in ("one", "two"))
    assert one["sha256"] == two["sha256"]
    assert one["files"] == hash_files(tmp_path / "one", exclude=RECORDS)
    assert CARD not in one["files"]
    assert [ModelCard.load(tmp_path / name / CARD).data.license for name in ("one", "two")] == ["unknown", "apache-2.0"]


def test_it_says_that_nothing_was_measured_and_keeps_tables_whole():
    manifest = {
        "recipe": "ppo",
        "kind": "policy",
        "seed": 1,
        "sha256": "a" * 64,
        "inputs": {},
        "config": {},
        "versions": {"torch": "2.13.0"},
        "results": [],
    }
    said = card(manifest, snapshot=None, lineage=[])
    assert "Nothing was measured." in said
    assert "- none but the demo's world" in said
    figure = {"name": "kl", "subject": "ppo", "against": "", "value": 1.5, "lo": None, "hi": None, "n": 3}
    measured = manifest | {"results": [figure | {"unit": "nats", "note": "a | b\nc"}]}
    assert "| kl | ppo | 1.5 nats | none | 3 | a \\| b c |" in card(measured, snapshot=None, lineage=[])
