"""How far an answer agrees with gold: every number by hand."""

import json
import random
from itertools import combinations

import pytest

from annotate.gold import GoldError, score_answer


def ranks(*values: int) -> dict:
    """Ranks of completions 11, 12, 13, ..."""
    return {"ranks": {11 + place: value for place, value in enumerate(values)}}


@pytest.mark.parametrize(
    ("said", "gold", "share"),
    [
        ((1, 2, 3), (1, 2, 3), 1),
        ((3, 2, 1), (1, 2, 3), 0),
        ((1, 1, 1), (1, 2, 3), 0.5),
        ((1, 3, 2), (1, 2, 3), 2 / 3),
        ((1, 1, 2), (1, 2, 3), 2.5 / 3),
        ((1, 2, 3), (1, 1, 2), 1),  # the gold's tie asks for nothing: two pairs, both right
        ((3, 1, 2), (1, 1, 2), 0.5),
        ((1, 1), (1, 1), 1),
        ((1, 2), (1, 1), 0),
    ],
)
def test_it_counts_the_pairs_that_gold_orders(said, gold, share):
    found = score_answer("ranking", ranks(*said), ranks(*gold))
    assert found.share == pytest.approx(share, abs=1e-12)
    assert [part.aspect for part in found.parts] == ["ranks"]


def test_it_agrees_with_counting_by_hand():
    chance = random.Random(7)
    for _ in range(200):
        k = chance.randint(2, 9)
        said, gold = ([chance.randint(1, k) for _ in range(k)] for _ in range(2))
        pairs = [(i, j) for i, j in combinations(range(k), 2) if gold[i] != gold[j]]
        if not pairs:
            continue
        right = sum(
            0.5 if said[i] == said[j] else float((said[i] - said[j]) * (gold[i] - gold[j]) > 0) for i, j in pairs
        )
        part = score_answer("ranking", ranks(*said), ranks(*gold)).parts[0]
        assert (part.right, part.n) == (right, len(pairs))


def test_it_reads_ids_as_json_writes_them():
    gold = json.loads(json.dumps(ranks(1, 2)))
    assert score_answer("ranking", ranks(1, 2), gold).share == 1


def test_a_missing_rank_is_wrong():
    said = {"ranks": {}, "verdict": "cannot_rank"}
    assert score_answer("ranking", said, ranks(1, 2, 3)).share == 0


def test_it_compares_verdicts():
    gold = {"verdict": "all_bad"}
    assert score_answer("ranking", {"verdict": "all_bad", "reason": "All lie."}, gold).share == 1
    assert score_answer("ranking", ranks(1, 2), gold).share == 0


def test_a_rating_may_be_one_level_off():
    gold = {"ratings": {11: {"helpful": 4, "truthful": 2}}}
    said = {"ratings": {11: {"helpful": 5, "truthful": 4}}}
    found = score_answer("rating", said, gold)
    assert found.share == 0.5
    assert [(row.subject, row.axis, row.said, row.gold, row.right) for row in found.parts[0].rows] == [
        ("11", "helpful", 5, 4, 1.0),
        ("11", "truthful", 4, 2, 0.0),
    ]


def test_flags_must_be_exactly_those_of_the_gold():
    gold = ranks(1, 2, 3) | {"flags": {11: ["harmful"]}}
    said = ranks(1, 2, 3) | {"flags": {11: ["harmful"], 12: ["untruthful"]}}
    found = score_answer("ranking", said, gold)
    assert [(part.aspect, part.share) for part in found.parts] == [("ranks", 1), ("flags", pytest.approx(2 / 3))]
    assert found.share == pytest.approx(5 / 6, abs=1e-12)


def test_flags_do_not_count_when_the_gold_has_none():
    gold = ranks(1, 2) | {"flags": {}}
    assert score_answer("ranking", ranks(1, 2) | {"flags": {11: ["harmful"]}}, gold).share == 1


@pytest.mark.parametrize(
    ("said", "share"),
    [(["good", "bad"], 1), (["good", "good", "good"], 0.5), ([], 0), (["bad"], 0), (["good"], 0.5)],
)
def test_it_compares_the_steps_that_gold_labels(said, share):
    assert score_answer("steps", {"labels": said}, {"labels": ["good", "bad"]}).share == share


@pytest.mark.parametrize("aspect", ["behaviour", "decision"])
def test_it_compares_what_has_one_value(aspect):
    kind = {"behaviour": "rating", "decision": "review"}[aspect]
    assert score_answer(kind, {aspect: "decline"}, {aspect: "decline"}).share == 1
    assert score_answer(kind, {aspect: "answer"}, {aspect: "decline"}).share == 0
    assert score_answer(kind, {}, {aspect: "decline"}).share == 0


def test_it_knows_no_gold_for_what_people_write():
    with pytest.raises(GoldError, match="What people write"):
        score_answer("demonstration", {"text": "a"}, {"text": "a"})


@pytest.mark.parametrize("gold", [{}, {"ranks": {}}, {"ranks": {"11": 1}}, {"flags": {"11": []}}, {"labels": []}])
def test_it_refuses_a_gold_that_says_nothing(gold):
    with pytest.raises(GoldError, match="says nothing"):
        score_answer("ranking", ranks(1, 2), gold)
