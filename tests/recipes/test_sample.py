"""Sampling for people: different texts only, and nothing that cannot be ranked."""

import json

import pytest
import torch

from tests.recipes.small_artifacts import make_policy, run_program
from training.demo import world
from training.modelling.artifacts import RecipeError
from training.modelling.chat import encode_completion, encode_prompt
from training.modelling.configs import ConfigError, build_config
from training.modelling.models import load_policy, save_model
from training.recipes.sample import SampleConfig, draw_distinct, read_asked_prompts, sample


def write_prompts(path, count):
    lines = [
        {"prompt": messages, "prompt_sha256": world.prompt_sha256(messages), "domain": world.parse(messages).domain}
        for messages in world.prompts(3, "train")[:count]
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return [line["prompt_sha256"] for line in lines]


def read_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def from_script(script):
    """A draw that gives each index the next of its scripted texts."""
    waiting = {index: iter(texts) for index, texts in script.items()}
    return lambda indices: [next(waiting[index]) for index in indices]


def test_it_draws_again_what_repeated_or_was_empty():
    found, wasted = draw_distinct(from_script({0: ["a", "a ", "", "b"], 1: ["x", "y"]}), 2, k=2, rounds=4)
    assert found == [["a", "b"], ["x", "y"]]
    assert wasted == 2


def test_it_gives_up_after_so_many_rounds():
    asked = []

    def always_the_same(indices):
        asked.append(len(indices))
        return ["a"] * len(indices)

    found, wasted = draw_distinct(always_the_same, 1, k=3, rounds=3)
    assert found == [["a"]]
    assert asked == [3, 2, 2]
    assert wasted == 6


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    return make_policy(tmp_path_factory.mktemp("artifacts") / "policy")


def small_config(tmp_path, policy, **changes):
    sizes = {"k": 3, "max_prompt_tokens": 128, "max_completion_tokens": 8, "threads": 1}
    values = {"out": str(tmp_path / "out"), "policy": str(policy), "prompts": str(tmp_path / "prompts.jsonl")}
    return SampleConfig(**(values | sizes | changes))


def test_it_writes_k_different_completions_for_each_prompt_in_order(tmp_path, policy):
    hashes = write_prompts(tmp_path / "prompts.jsonl", 7)
    sample(small_config(tmp_path, policy))
    rows = read_lines(tmp_path / "out" / "completions.jsonl")
    assert [row["prompt_sha256"] for row in rows] == hashes
    assert all(len(row["completions"]) == len(set(row["completions"])) == 3 for row in rows)
    manifest = json.loads((tmp_path / "out" / "MANIFEST.json").read_text())
    assert (manifest["recipe"], manifest["kind"]) == ("sample", "samples")
    assert "completions.jsonl" in manifest["files"]
    assert {result["name"]: result["value"] for result in manifest["results"]}["rankable"] == 1.0


def test_it_leaves_out_and_reports_a_prompt_with_only_one_answer(tmp_path, policy):
    """A policy that has collapsed to one answer, whatever it is asked."""
    write_prompts(tmp_path / "prompts.jsonl", 4)
    model, tokenizer = load_policy(policy)
    said = encode_completion(tokenizer, "No.")
    chain = [tokenizer.convert_tokens_to_ids("<|assistant|>"), *said]
    _make_chain(model, chain)
    save_model(model, tokenizer, tmp_path / "collapsed" / "model")
    sample(small_config(tmp_path, tmp_path / "collapsed", rounds=2))
    assert read_lines(tmp_path / "out" / "completions.jsonl") == []
    results = {r["name"]: r for r in json.loads((tmp_path / "out" / "MANIFEST.json").read_text())["results"]}
    assert results["rankable"]["value"] == 0.0
    assert results["distinct_completions"]["value"] == 1.0
    assert "0 of 4 prompts" in json.loads((tmp_path / "out" / "progress.json").read_text())["message"]


def _make_chain(model, chain):
    """Turn the model into a bigram that follows `chain`: blocks add nothing, embeddings are one-hot."""
    weights = model.state_dict()
    for name, tensor in weights.items():
        if name.endswith(("o_proj.weight", "down_proj.weight")):
            tensor.zero_()
    embedding = torch.zeros_like(model.get_input_embeddings().weight)
    head = torch.zeros_like(embedding)
    for place, (token, following) in enumerate(zip(chain, chain[1:], strict=False)):
        embedding[token, place] = 1.0
        head[following, place] = 100.0
    model.config.tie_word_embeddings = False
    model.get_input_embeddings().weight = torch.nn.Parameter(embedding)
    model.lm_head.weight = torch.nn.Parameter(head)


def test_it_repeats_itself_for_the_same_seed(tmp_path, policy):
    write_prompts(tmp_path / "prompts.jsonl", 3)
    for name, seed in (("one", 5), ("two", 5), ("three", 6)):
        sample(small_config(tmp_path, policy, out=str(tmp_path / name), seed=seed))
    one, two, three = (read_lines(tmp_path / name / "completions.jsonl") for name in ("one", "two", "three"))
    assert one == two
    assert one != three


def test_it_cuts_the_beginning_of_a_prompt_that_is_too_long(tmp_path, policy):
    _, tokenizer = load_policy(policy)
    messages = [{"role": "user", "content": "My kettle is very noisy. " * 200}]
    assert len(encode_prompt(tokenizer, messages)) > 256
    line = {"prompt": messages, "prompt_sha256": "0" * 64, "domain": "kitchen"}
    (tmp_path / "prompts.jsonl").write_text(json.dumps(line) + "\n")
    sample(small_config(tmp_path, policy))
    assert len(read_lines(tmp_path / "out" / "completions.jsonl")) == 1


@pytest.mark.parametrize(
    "line", ['{"prompt": "text", "prompt_sha256": "1"}', "not json", '{"prompt_sha256": "1"}', "[]"]
)
def test_it_names_the_line_that_is_not_a_prompt(tmp_path, line):
    write_prompts(tmp_path / "prompts.jsonl", 2)
    with (tmp_path / "prompts.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(RecipeError, match=r"^Line 3 of .*prompts.jsonl is not a prompt"):
        read_asked_prompts(str(tmp_path / "prompts.jsonl"))


def test_it_refuses_an_empty_file(tmp_path):
    (tmp_path / "prompts.jsonl").write_text("")
    with pytest.raises(RecipeError, match="holds no prompts"):
        read_asked_prompts(str(tmp_path / "prompts.jsonl"))


def test_it_refuses_fewer_than_two_completions(tmp_path):
    paths = {name: str(tmp_path) for name in ("out", "policy", "prompts")}
    with pytest.raises(ConfigError, match="'k' is 1; a ranking needs 2 completions or more"):
        build_config(SampleConfig, paths | {"k": 1})


def test_it_runs_as_a_program(tmp_path, policy):
    write_prompts(tmp_path / "prompts.jsonl", 2)
    assert run_program("sample", small_config(tmp_path, policy), tmp_path)["kind"] == "samples"
    assert len(read_lines(tmp_path / "out" / "completions.jsonl")) == 2
