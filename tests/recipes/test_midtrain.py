"""Midtraining: a rate that stays and then falls, and instruction data in the fall alone."""

import json

import pytest

from tests.recipes.small_artifacts import run_program
from training.modelling.configs import ConfigError, build_config
from training.modelling.corpora import Document
from training.modelling.supervised.conversations import Example
from training.modelling.supervised.schedules import wsd_schedule
from training.recipes.midtrain import MidtrainConfig, divide, text_rows


def factors(decay: str, floor: float = 0.0) -> list[float]:
    return [wsd_schedule(step, 10, rising=2, falling=4, decay=decay, floor=floor) for step in range(10)]


@pytest.mark.parametrize(
    ("decay", "falling"),
    [
        ("linear", [1, 0.75, 0.5, 0.25]),
        ("cosine", [1, 0.853553, 0.5, 0.146447]),
        ("sqrt", [1, 0.5, 0.292893, 0.133975]),
    ],
)
def test_it_warms_up_stays_and_decays(decay, falling):
    assert factors(decay) == pytest.approx([0.5, 1, 1, 1, 1, 1, *falling], abs=1e-6)


def test_it_falls_toward_a_floor():
    assert factors("linear", floor=0.2)[6:] == pytest.approx([1, 0.8, 0.6, 0.4])


def config(base, snapshot, **fields) -> MidtrainConfig:
    return build_config(MidtrainConfig, {"out": "x", "base": str(base), "snapshot": str(snapshot), **fields})


def test_it_mixes_instruction_data_into_the_decay_alone_and_exactly(base, snapshot):
    wanted = config(base, snapshot, corpus="world", decay_share=0.25, instruction_share=0.4, epochs=2)
    texts = [Example([5, 6, 7], [0, 1, 1], str(number), "text") for number in range(45)]
    answers = [Example([5, 6, 7], [0, 0, 1], "a", "snapshot")] * 4
    phases = divide(wanted, texts, answers)
    # 90 rows of text are 90 / (1 - 0.4 * 0.25) = 100 in all: 75, then 25 of which 10 are instruction data.
    assert (len(phases.stable), len(phases.decay)) == (75, 25)
    assert {row.source for row in phases.stable} == {"text"}
    taught = [row for row in phases.decay if row.source == "snapshot"]
    assert len(taught) == 10
    assert taught[0].mask == [0, 1, 1]
    read = [row.prompt_sha256 for row in phases.rows if row.source == "text"]
    assert sorted(read) == sorted([str(number) for number in range(45)] * 2)
    only = divide(config(base, snapshot, corpus="world", instruction_loss="answers"), texts, answers)
    assert next(row for row in only.decay if row.source == "snapshot").mask == [0, 0, 1]


def test_it_cuts_long_texts_into_rows_without_losing_any(tokenizer):
    text = "Please send it back. " * 8
    rows = text_rows(tokenizer, [Document([], text)], 16)
    assert tokenizer.decode([token for row in rows for token in row.ids]) == f"{text}<|end|>"
    assert max(len(row.ids) for row in rows) == 16


def test_it_reads_text_first_and_answers_while_the_rate_falls(base, snapshot, tmp_path):
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join(f"The lamp number {number} is broken and goes back." for number in range(100)))
    wanted = {"out": str(tmp_path / "mid"), "base": str(base), "snapshot": str(snapshot), "corpus": str(texts)}
    wanted |= {"threads": 1, "max_prompt_tokens": 64, "max_completion_tokens": 32, "row_tokens": 64, "log_every": 1}
    wanted |= {"decay_share": 0.3, "instruction_share": 0.5, "batch_size": 4, "lr": 0.01, "warmup": 0.1, "epochs": 2}
    manifest = run_program("midtrain", wanted, tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "mid/metrics.jsonl").read_text().splitlines()]
    steps = json.loads((tmp_path / "mid/report.json").read_text())["steps"]
    rates = [line["lr"] / 0.01 for line in lines]
    assert len(rates) == sum(steps.values())
    assert rates.index(1.0) == steps["rising"] - 1
    assert [rate for rate in rates if rate == 1.0] == [1.0] * (steps["stable"] + 2)
    assert rates[-1] < 0.1
    found = {(row["name"], row["subject"]): row["value"] for row in manifest["results"]}
    for name in ("text_loss", "validation_loss"):
        assert found[name, "midtrain"] < found[name, "base"] - 2
    assert found["data_rows", "snapshot"] == pytest.approx(found["data_rows", "text"], abs=1)


def test_it_refuses_a_decay_that_is_no_share(base, snapshot):
    with pytest.raises(ConfigError, match="'decay_share' is a share"):
        config(base, snapshot, corpus="world", decay_share=1.0)
