"""CHES scores against numbers worked out by hand, the filter that goes by them, and the alarm."""

import json

import pytest
import torch

from tests.recipes.snapshots import ranking, write_snapshot
from training.modelling.agreement import label_noise
from training.modelling.artifacts import RunDirectory, hash_file, read_manifest
from training.modelling.chat import encode_completion, encode_prompt
from training.modelling.displacement import WATCHED_PAIRS, Alarm, ScoredPair, ches_matrix, highest, score_pairs
from training.modelling.errors import RecipeError
from training.modelling.losses import form_pairs
from training.modelling.models import load_policy
from training.modelling.rankings import EncodedRanking, encode_rankings, layout_for
from training.modelling.snapshots import read_rankings
from training.recipes.dpo import DpoConfig, filter_pairs, refer, train_dpo

SHORT = {"threads": 1, "max_prompt_tokens": 64, "max_completion_tokens": 64, "log_every": 1, "lr": 1e-3}

# Two tokens of (1, 2) and (3, -1), and three of (1, 0), (0, 1) and (1, 1): sums (4, 1) and (2, 2).
SUMS = torch.tensor([[4.0, 1.0], [2.0, 2.0]])
TOKENS = torch.tensor([2, 3])


def test_it_gives_the_ches_scores_of_the_paper():
    """<(4, 1), (2, 2)> - |(4, 1)|^2 = 10 - 17, and the other way round 10 - 8."""
    assert ches_matrix(SUMS @ SUMS.T, TOKENS, normalised=False).tolist() == [[0.0, -7.0], [2.0, 0.0]]


def test_it_gives_the_length_normalised_scores():
    """Means (2, 1/2) and (2/3, 2/3): 5/3 - 17/4, and 5/3 - 8/9."""
    found = ches_matrix(SUMS @ SUMS.T, TOKENS, normalised=True)
    assert found[0, 1].item() == pytest.approx(5 / 3 - 17 / 4)
    assert found[1, 0].item() == pytest.approx(5 / 3 - 8 / 9)


@pytest.mark.parametrize("encoding", ["shared", "once"])
def test_it_reads_the_hidden_states_that_predict_each_token(base, snapshot, encoding):
    model, tokenizer = load_policy(base)
    model.eval()
    rows = read_rankings(snapshot, "train")[:3]
    encoded = encode_rankings(tokenizer, rows, max_prompt_tokens=64, max_completion_tokens=64)
    config = DpoConfig(out="unused", base=str(base), snapshot=str(snapshot))
    layout = layout_for(model, tokenizer.pad_token_id, encoding=encoding, tokens_at_once=200)
    for row, found in zip(rows, refer(config, model, layout, encoded), strict=True):
        prompt, sums = encode_prompt(tokenizer, row.prompt), []
        for text in row.completions:
            answer = encode_completion(tokenizer, text)
            hidden = model.model(torch.tensor([prompt + answer])).last_hidden_state[0]
            sums.append(hidden[len(prompt) - 1 : -1].sum(dim=0))
        expected = torch.stack([torch.stack([a @ b for b in sums]) for a in sums])
        torch.testing.assert_close(found.products, expected, rtol=1e-4, atol=1e-3)


def small(ranks: list[int], name: str) -> EncodedRanking:
    completions = [[5] * (number + 1) for number in range(len(ranks))]
    return EncodedRanking([2], completions, ranks, [1] * len(ranks), name)


def test_it_scores_every_strict_pair_of_every_ranking():
    rankings = [small([1, 2, 2], "p"), small([2, 1], "q")]
    three, two = torch.arange(9.0).reshape(3, 3), torch.arange(4.0).reshape(2, 2)
    found = score_pairs(rankings, [three, two], normalised=False)
    assert found == [ScoredPair(0, 0, 1, 1.0), ScoredPair(0, 0, 2, 2.0), ScoredPair(1, 1, 0, -1.0)]


def test_it_takes_the_highest_scores_and_of_equals_the_first():
    pairs = [ScoredPair(0, 0, 1, 3.0), ScoredPair(1, 0, 1, 9.0), ScoredPair(2, 0, 1, 3.0), ScoredPair(3, 0, 1, -1.0)]
    assert [pair.ranking for pair in highest(pairs, 0.5)] == [1, 0]
    assert highest(pairs, 0.24) == []


def test_it_shares_a_rankings_weight_among_the_pairs_that_are_left():
    pairs = form_pairs([[1, 2, 3], [1, 2]], left_out=[{(0, 1), (0, 2)}, set()])
    assert list(zip(pairs.better.tolist(), pairs.worse.tolist(), strict=True)) == [(1, 2), (3, 4)]
    assert pairs.weight.tolist() == [0.5, 0.5]


def learnt(base, snapshot, out, **fields) -> dict:
    train_dpo(DpoConfig(out=str(out), base=str(base), snapshot=str(snapshot), **SHORT, **fields))
    return {"manifest": read_manifest(out), "ches": json.loads((out / "ches.json").read_text())}


def test_it_leaves_out_exactly_the_pairs_with_the_highest_scores(base, snapshot, tmp_path):
    model, tokenizer = load_policy(base)
    config = DpoConfig(out=str(tmp_path), base=str(base), snapshot=str(snapshot), ches_drop=0.25)
    rows = read_rankings(snapshot, "train")
    encoded = encode_rankings(tokenizer, rows, max_prompt_tokens=64, max_completion_tokens=64)
    layout = layout_for(model.eval(), tokenizer.pad_token_id, encoding="auto", tokens_at_once=2000)
    referenced = refer(config, model, layout, encoded)
    kept, _ = filter_pairs(config, RunDirectory(tmp_path), rows, referenced)
    scored = []
    for item in referenced:
        lengths = [len(completion) for completion in item.ranking.completions]
        for better, worse in item.ranking.pairs:
            of, other = item.products[better, better], item.products[better, worse]
            score = other / (lengths[better] * lengths[worse]) - of / lengths[better] ** 2
            scored.append((score.item(), item.ranking.prompt_sha256, better, worse))
    expected = {tuple(entry) for _, *entry in sorted(scored, reverse=True)[:18]}
    assert {(item.ranking.prompt_sha256, *pair) for item in kept for pair in item.ranking.left_out} == expected
    assert sum(len(item.ranking.pairs) for item in kept) == 72 - 18


def test_it_reports_what_it_left_out_and_what_other_shares_would(base, snapshot, tmp_path):
    everything = learnt(base, snapshot, tmp_path / "all")["ches"]
    found = learnt(base, snapshot, tmp_path / "some", ches_drop=0.25)
    assert (everything["n_pairs"], everything["n_prompts"], everything["left_out"]["n_pairs"]) == (72, 24, 0)
    assert found["ches"]["examples"] == everything["examples"], "scores are those of the reference, whatever is dropped"
    left_out = found["ches"]["left_out"]
    assert left_out == next(row for row in everything["would_leave_out"] if row["share"] == 0.25)
    assert left_out["threshold"] == found["ches"]["examples"][17]["score"]
    assert left_out["domains"]["home"]["left_out"] == 18
    assert sum(each["left_out"] for each in left_out["rank_distance"].values()) == 18
    (result,) = [row for row in found["manifest"]["results"] if row["name"] == "ches_left_out"]
    assert (result["value"], result["n"]) == (0.25, 24)


def test_it_does_not_learn_from_what_is_left_out(base, tmp_path):
    """Of two rankings the one with the higher score goes, and what is learnt is what the other one alone teaches."""
    rows = [
        ranking("Which one?", ["Send it back.", "Go away."], [1, 2]),
        ranking("And now?", ["Please wait.", "Please wait. Thank you. Please wait."], [1, 2]),
    ]
    both = write_snapshot(tmp_path / "both", rankings={"train": rows, "test": rows})
    ches = learnt(base, both, tmp_path / "half", ches_drop=0.5)["ches"]
    (kept,) = [row for row in rows if row["prompt_sha256"] != ches["examples"][0]["prompt_sha256"]]
    alone = write_snapshot(tmp_path / "alone", rankings={"train": [kept], "test": rows})
    learnt(base, alone, tmp_path / "one")
    for half, one in zip(
        load_policy(tmp_path / "half")[0].parameters(), load_policy(tmp_path / "one")[0].parameters(), strict=True
    ):
        torch.testing.assert_close(half, one, rtol=0, atol=1e-4)  # a step moves 1e-3


def test_the_alarm_rings_once_the_latest_pairs_have_fallen():
    alarm = Alarm(0.1, stops=False)
    assert not alarm.watch([-5.0] * (WATCHED_PAIRS - 1)), "too few pairs to judge"
    assert alarm.watch([-5.0])
    assert not alarm.watch([0.0] * WATCHED_PAIRS)
    assert alarm.rang_after == WATCHED_PAIRS
    (result,) = alarm.results("dpo")
    assert (result.value, result.n) == (-5.0, 2 * WATCHED_PAIRS)
    assert f"it rang first after {WATCHED_PAIRS} pairs" in result.note


def test_the_alarm_stays_silent_at_its_threshold():
    alarm = Alarm(0.5, stops=True)
    assert not alarm.watch([-0.5] * WATCHED_PAIRS)
    assert "it did not ring" in alarm.results("dpo")[0].note


def test_the_alarm_ends_a_run_only_where_it_is_asked_to(base, snapshot, tmp_path):
    """The loss apo_down is meant to make preferred answers less likely, too."""
    loud = {"epochs": 8, "batch_rankings": 24, "alarm": 0.01, "loss": "apo_down"}
    rang = learnt(base, snapshot, tmp_path / "goes on", **loud)["manifest"]
    lines = [json.loads(line) for line in (tmp_path / "goes on" / "metrics.jsonl").read_text().splitlines()]
    assert (lines[0]["alarm"], lines[-1]["alarm"]) == (0.0, 1.0)
    (lowest,) = [row for row in rang["results"] if row["name"] == "lowest_chosen_shift"]
    (held_out,) = [row for row in rang["results"] if row["name"] == "test_chosen_shift_per_token"]
    assert lowest["value"] < -0.01
    assert held_out["hi"] < -0.01
    with pytest.raises(RecipeError, match="less likely by"):
        learnt(base, snapshot, tmp_path / "stops", alarm_stops=True, **loud)


def test_it_takes_label_noise_from_measured_agreement(base, tmp_path):
    """Two annotators who agree on 5 of 6 pairs: (1 - sqrt(2/3)) / 2."""
    rows = []
    for number in range(6):
        one = ranking(f"Question {number}?", ["Send it back.", "Go away."], [1, 2])
        rows += [one, {**one, "annotator": "a2", "ranks": [2, 1] if number == 0 else [1, 2]}]
    snapshot = write_snapshot(tmp_path / "snapshot", rankings={"train": rows})
    found = learnt(base, snapshot, tmp_path / "out", loss="robust", label_noise="agreement")["manifest"]
    results = {row["name"]: row for row in found["results"]}
    assert results["pair_agreement"]["value"] == pytest.approx(5 / 6)
    assert results["label_noise"]["value"] == pytest.approx((1 - (2 / 3) ** 0.5) / 2)
    assert results["label_noise"]["lo"] <= results["label_noise"]["value"] <= results["label_noise"]["hi"] <= 0.5
    assert results["label_noise"]["n"] == 6
    assert found["config"]["label_noise"] == "agreement"


def test_it_learns_with_the_noise_that_was_measured(base, tmp_path):
    rows = [ranking(f"Question {number}?", ["Send it back.", "Go away."], [1, 2]) for number in range(4)]
    rows += [{**row, "annotator": "a2", "ranks": [2, 1] if number == 0 else [1, 2]} for number, row in enumerate(rows)]
    snapshot = write_snapshot(tmp_path / "snapshot", rankings={"train": rows})
    noise = label_noise(3 / 4)
    learnt(base, snapshot, tmp_path / "measured", loss="robust", label_noise="agreement")
    learnt(base, snapshot, tmp_path / "named", loss="robust", label_noise=noise)
    weights = [hash_file(tmp_path / name / "model" / "model.safetensors") for name in ("measured", "named")]
    assert weights[0] == weights[1]


def test_it_says_when_agreement_tells_no_label_noise(base, snapshot, tmp_path):
    with pytest.raises(RecipeError, match="No two annotators judged the same rankings"):
        learnt(base, snapshot, tmp_path / "alone", loss="robust", label_noise="agreement")
    row = ranking("Question?", ["Send it back.", "Go away."], [1, 2])
    split = write_snapshot(tmp_path / "s", rankings={"train": [row, {**row, "annotator": "a2", "ranks": [2, 1]}]})
    with pytest.raises(RecipeError, match="no better than chance"):
        learnt(base, split, tmp_path / "at odds", loss="robust", label_noise="agreement")
