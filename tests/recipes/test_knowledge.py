"""The knowledge gate: which facts an answer states, and whether a base that was taught some of them knows them."""

import json

import pytest
import torch

from tests.recipes.small_artifacts import run_program
from tests.recipes.snapshots import demonstration, write_snapshot
from training.modelling.artifacts import RunDirectory
from training.modelling.configs import build_config
from training.modelling.knowledge import Asked, Fact, KnowledgeConfig, examine, facts_of, gives
from training.modelling.learning import learn
from training.modelling.models import save_model
from training.modelling.supervised.fitting import token_loss_parts
from training.modelling.supervised.reading import encode_all, read_split
from training.modelling.tiny import new_llama, train_tokenizer

KNOWN = {"lamp": 417, "chair": 902, "clock": 356}
UNKNOWN = {"radio": 518, "kettle": 264}


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        (
            "The treaty of 1648 was signed in Westphalia by Ferdinand of Austria. It ended 30 years of war.",
            [("number", "1648"), ("name", "Westphalia"), ("name", "Ferdinand of Austria"), ("number", "30")],
        ),
        (
            'Keynes said "in the long run we are all dead" (Keynes, 1923); see https://example.org/tract. Or [12].',
            [
                ("quote", "in the long run we are all dead"),
                ("citation", "(Keynes, 1923)"),
                ("citation", "https://example.org/tract"),
                ("citation", "[12]"),
            ],
        ),
        ("About 3.5 % more, says Ada Lovelace.", [("number", "3.5 %"), ("name", "Ada Lovelace")]),
        ("Please send it back. Thank you.", []),
    ],
)
def test_it_finds_numbers_names_quotes_and_citations(text, facts):
    found = facts_of(text)
    assert [(fact.kind, fact.text) for fact in found] == facts
    assert all(text[fact.start :].startswith(fact.text) for fact in found)


def test_what_the_prompt_says_needs_no_knowledge():
    assert [fact.text for fact in facts_of("In 1648 came Westphalia.", "What happened in 1648?")] == ["Westphalia"]


def test_it_takes_a_fact_word_for_word():
    assert gives(" 417, I think", "417", first=True)
    assert not gives(" 4170", "417", first=True)
    assert not gives("it is 417", "417", first=True)
    assert gives("it is westphalia.", "Westphalia", first=False)
    assert not gives("417.5", "417", first=False)


@pytest.mark.parametrize(
    ("greedy", "sampled", "category"),
    [(4, 16, "highly_known"), (1, 0, "maybe_known"), (0, 2, "weakly_known"), (0, 0, "unknown")],
)
def test_it_sorts_as_slick_does(greedy, sampled, category):
    asked = Asked(0, Fact("number", "417", 0), greedy, 4, sampled, 16)
    assert asked.category == category
    line = asked.as_dict()
    assert (line["n"], line["share"]) == (20, (greedy + sampled) / 20)
    assert line["lo"] <= line["share"] <= line["hi"]


def asked_for(thing: str, number: int) -> dict:
    return demonstration(f"Which number has the {thing}?", f"It is {number}.")


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """A tiny model that was taught the numbers of some things, with the form of the answer, and a snapshot of all."""
    path = tmp_path_factory.mktemp("taught")
    rows = [asked_for(*one) for one in (KNOWN | UNKNOWN).items()]
    every = write_snapshot(path / "all", demonstrations={"train": rows})
    known = write_snapshot(path / "known", demonstrations={"train": [asked_for(*one) for one in KNOWN.items()]})
    texts = [message["content"] for row in rows for message in row["messages"]]
    tokenizer = train_tokenizer([*texts, *map(str, range(100, 1000, 7))], vocab_size=330, context=160)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = new_llama(tokenizer, hidden_size=32, layers=2, heads=2, context=160)
    fields = {"out": str(path / "run"), "base": str(path), "snapshot": str(known), "lr": 0.01, "epochs": 60}
    config = build_config(KnowledgeConfig, {**fields, "checkpoint_every": 0, "max_prompt_tokens": 120})
    examples = encode_all(config, tokenizer, read_split(config, "train"))
    losses = token_loss_parts(config, model, tokenizer.pad_token_id)
    learn(config, RunDirectory(path / "run"), model, examples, lengths=[1] * 3, batch_size=3, losses=losses)
    save_model(model, tokenizer, path / "base")
    return model, tokenizer, path / "base", every


def gated(taught, **fields):
    model, tokenizer, base, snapshot = taught
    fields = {"knowledge_shots": 0, "max_prompt_tokens": 120, "max_completion_tokens": 20, **fields}
    config = build_config(
        KnowledgeConfig, {"out": "x", "base": str(base), "snapshot": str(snapshot), "lr": 0.01, **fields}
    )
    return examine(config, model, tokenizer, read_split(config, "train"))


@pytest.mark.parametrize("form", ["cloze", "question"])
def test_it_tells_what_a_base_was_taught_from_what_it_was_not(taught, form):
    gate = gated(taught, knowledge="drop", knowledge_form=form)
    found = {one["fact"]: one["category"] for one in gate.lines}
    assert {found[str(number)] for number in KNOWN.values()} == {"highly_known"}
    assert {found[str(number)] for number in UNKNOWN.values()} == {"unknown"}
    assert {row["unknown"][0] for row in gate.changed} == {str(number) for number in UNKNOWN.values()}
    assert len(gate.kept) == len(KNOWN)
    results = {row.name: (row.value, row.n) for row in gate.results()}
    assert results["facts_unknown"] == (0.4, 5)
    assert results["facts_highly_known"] == (0.6, 5)


def test_it_weighs_by_the_share_of_unknown_facts_or_only_reports(taught):
    weights = [one.weight for one in gated(taught, knowledge="weight").kept]
    assert weights == [1.0] * len(KNOWN)
    report = gated(taught, knowledge="report")
    assert [one.weight for one in report.kept] == [1.0] * 5
    assert report.as_dict()["by_kind"]["number"]["unknown"] == 2
    assert report.changed == []


def test_its_questions_carry_examples_of_other_answers(taught):
    gate = gated(taught, knowledge="report", knowledge_shots=1, knowledge_draws=2, knowledge_format="plain")
    assert {line["n"] for line in gate.lines} == {2 * (1 + 4)}


def test_fine_tuning_leaves_out_what_the_base_does_not_know(taught, tmp_path):
    _, _, base, snapshot = taught
    config = {"out": str(tmp_path / "sft"), "base": str(base), "snapshot": str(snapshot), "threads": 1, "epochs": 1}
    config |= {"knowledge": "drop", "knowledge_shots": 0, "max_prompt_tokens": 120, "max_completion_tokens": 20}
    manifest = run_program("sft", config, tmp_path)
    found = {(row["name"], row["subject"]): row["value"] for row in manifest["results"]}
    assert found["data_rows", "snapshot"] == len(KNOWN)
    report = json.loads((tmp_path / "sft/report.json").read_text())["knowledge"]
    assert [row["weight"] for row in report["changed"]] == [0.0, 0.0]
    assert len(json.loads((tmp_path / "sft/knowledge.json").read_text())) == 5
