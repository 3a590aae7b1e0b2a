"""What `./run bench learning` compares: the same judgements as rankings and as pairs, and how gold is counted."""

import pytest

from tests.bench import _learning_linear as linear
from tests.bench import _learning_parts as parts
from tests.bench import demo, learning
from tests.bench._gold_weights import annotator_weights
from training.demo import simulated, world
from training.modelling.snapshots import read_rankings

VALUES = (0.25, 0.25, 0.25, 1.0, 0.75, 0.5)
"""What the reward arms get, in their order."""


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("learning")
    demo.write_snapshot(folder / "snapshot", 0)
    return parts.write_judgements(folder / "snapshot", folder / "judged", 0, 30)


def test_its_pairs_are_the_strict_pairs_of_the_same_rankings(judged):
    whole, pairs = (read_rankings(judged[name], "train") for name in ("whole", "pairs"))
    assert len(whole) == 30
    expected = [
        (row.prompt_sha256, row.completions[better], row.completions[worse])
        for row in whole
        for better, worse in row.pairs
    ]
    found = [(row.prompt_sha256, *(row.completions if row.ranks == [1, 2] else row.completions[::-1])) for row in pairs]
    assert sorted(found) == sorted(expected)


def test_it_holds_out_the_same_rankings_for_both(judged):
    assert read_rankings(judged["whole"], "test") == read_rankings(judged["pairs"], "test")


def test_careful_annotators_weigh_more_by_their_gold():
    weights = annotator_weights(0)
    kinds = {person.username: person.kind for person in simulated.ANNOTATORS}
    careful, careless = ([weights[name] for name in weights if kinds[name] == kind] for kind in ("careful", "careless"))
    assert min(careful) > max(careless)


def test_its_draws_have_no_judgement_in_common(judged, tmp_path):
    source = judged["whole"].parents[1] / "snapshot"
    second = parts.write_judgements(source, tmp_path / "second", 0, 30, draw=1)
    drawn = [{row.judgement for row in read_rankings(one["whole"], "train")} for one in (judged, second)]
    assert [len(judgements) for judgements in drawn] == [30, 30]
    assert not drawn[0] & drawn[1]


def test_its_linear_model_sees_what_gold_looks_at():
    asked = next(messages for messages, _ in parts.gold_pairs(0) if not world.parse(messages).unhappy)
    fix, wrong = world.parse(asked).fix, next(fix for fix in world.FIXES if fix != world.parse(asked).fix)
    right, other = (linear.reply_features(asked, text) for text in (fix, f"{wrong} {wrong}"))
    assert right.sum() == 2  # one fix, one sentence
    assert other[[-3, -1]].tolist() == [2, 1]
    assert not (right * other)[:-3].any()


def test_a_linear_model_learns_more_from_who_is_right_more_often():
    found = linear.gold_accuracies(linear.FIRST_SEED, 200)
    assert found["pairs alike, true accuracy"] > found[linear.PAIRS] > 0.7


def test_it_counts_wins_within_a_prompt():
    mine, theirs = [("p", 1.0), ("p", 0.0), ("q", 2.0), ("q", 2.0)], [("p", 0.0), ("p", 0.0), ("q", 2.0), ("q", 3.0)]
    won = parts.win_rate(mine, theirs, 2)
    assert [share for _, share in won] == [1.0, 1.0, 0.5, 0.5, 0.5, 0.0, 0.5, 0.0]
    assert parts.share(won).n == 2


def test_it_compares_arms_prompt_by_prompt():
    found = parts.difference([("p", 1.0), ("q", 3.0)], [("p", 0.0), ("q", 2.0)])
    assert (found.value, found.lo, found.hi) == (1.0, 1.0, 1.0)


def test_it_compares_models_that_learnt_the_same():
    found = parts.difference_of_models([0.75, 0.5, 0.75], [0.5, 0.5, 0.5])
    assert found.n == 3
    assert found.value == pytest.approx(1 / 6)
    assert found.lo < 0 < found.hi


def test_it_refuses_more_draws_than_there_are_rankings(capsys):
    with pytest.raises(SystemExit):
        learning.main(["--draws", "3", "--rankings", "400"])
    assert "has 1000 rankings, too few for these draws" in capsys.readouterr().err


def test_it_compares_weighted_rankings_with_pairs_and_rankings_in_as_many_epochs():
    reward = {
        arm: {"gold": [("p", value)], "by_draw": [value]} for arm, value in zip(learning.REWARDS, VALUES, strict=True)
    }
    found = learning._rewards({0: {"rewards": reward}})["k-wise, weighted, 2 epochs"]
    assert found["over_pairs"]["value"] == found["over_pairs_by_model"]["value"] == 0.5
    assert found["over_unweighted"]["value"] == found["over_unweighted_by_model"]["value"] == 0.25
