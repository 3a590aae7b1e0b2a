"""What `./run bench learning` compares: the same judgements as rankings and as pairs, and how gold is counted."""

import pytest

from tests.bench import _learning_parts as parts
from tests.bench import demo
from training.demo import simulated
from training.modelling.snapshots import read_rankings


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
    weights = parts.annotator_weights(0)
    kinds = {person.username: person.kind for person in simulated.ANNOTATORS}
    careful, careless = ([weights[name] for name in weights if kinds[name] == kind] for kind in ("careful", "careless"))
    assert min(careful) > max(careless)


def test_it_counts_wins_within_a_prompt():
    mine, theirs = [("p", 1.0), ("p", 0.0), ("q", 2.0), ("q", 2.0)], [("p", 0.0), ("p", 0.0), ("q", 2.0), ("q", 3.0)]
    won = parts.win_rate(mine, theirs, 2)
    assert [share for _, share in won] == [1.0, 1.0, 0.5, 0.5, 0.5, 0.0, 0.5, 0.0]
    assert parts.share(won).n == 2


def test_it_compares_arms_prompt_by_prompt():
    found = parts.difference([("p", 1.0), ("q", 3.0)], [("p", 0.0), ("q", 2.0)])
    assert (found.value, found.lo, found.hi) == (1.0, 1.0, 1.0)
