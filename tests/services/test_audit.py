"""The audit's figures: what the functions say is what was judged, in any slice."""

import pytest

from annotate.audit_queries.changes import guideline_change
from annotate.audit_queries.pairs import annotator_pairs
from annotate.audit_queries.slices import Slice, campaign_audit
from annotate.errors import DomainError
from annotate.services.judging import correct
from annotate.services.setup import change_campaign
from tests.services.test_queries import rank
from tests.world import add_guideline


def test_it_computes_the_agreement_of_a_campaign(world):
    rank(world, world.alice, 1, 2, 3, 4)
    rank(world, world.bob, 1, 2, 4, 3)
    found = campaign_audit(campaign=world.ranking)
    assert found.overall.strict_agreement.value == pytest.approx(5 / 6, abs=1e-12)
    assert found.overall.strict_agreement.n == 6
    assert list(found.by_domain) == ["physics"]
    pairs = annotator_pairs(campaign=world.ranking)
    assert [(pair.first, pair.second, pair.n_items) for pair in pairs.pairs] == [("alice", "bob", 1)]


def test_a_correction_replaces_the_judgement_in_the_agreement(world):
    rank(world, world.alice, 1, 2, 3, 4)
    judgement = rank(world, world.bob, 4, 3, 2, 1)
    canonical = list(judgement.task.task_completions.values_list("completion_id", flat=True))
    assert campaign_audit(campaign=world.ranking).overall.strict_agreement.value == 0.0
    answer = {"ranks": dict(zip(canonical, (1, 2, 3, 4), strict=True))}
    correct(judgement_id=judgement.pk, annotator=world.bob, answer=answer, seconds=5)
    assert campaign_audit(campaign=world.ranking).overall.strict_agreement.value == 1.0


def test_the_agreement_of_an_empty_campaign_says_why(world):
    overall = campaign_audit(campaign=world.ranking).overall
    assert (overall.strict_agreement.value, overall.strict_agreement.reason) == (
        None,
        "Nobody has ranked anything yet.",
    )


def test_a_slice_holds_its_own_judgements_only(world):
    for _task in range(2):  # the first is of physics, the second of art
        rank(world, world.alice, 1, 2, 3, 4)
    rank(world, world.bob, 1, 2, 3, 4)
    rank(world, world.bob, 4, 3, 2, 1)
    whole = campaign_audit(campaign=world.ranking)
    assert {key: one.strict_agreement.value for key, one in whole.by_domain.items()} == {"physics": 1.0, "art": 0.0}
    art = campaign_audit(campaign=world.ranking, chosen=Slice(domain="art"))
    assert (art.overall.strict_agreement.value, art.overall.n_judgements) == (0.0, 2)
    assert art.domains == []
    assert [group.agreement.strict_agreement.value for group in art.weeks] == [0.0]


def test_two_under_different_versions_do_not_meet_in_either(world):
    rank(world, world.alice, 1, 2, 3, 4)
    newer = add_guideline("ranking", version=2)
    change_campaign(campaign=world.ranking, by=world.carol, guideline=newer)
    world.ranking.refresh_from_db()
    rank(world, world.bob, 1, 2, 3, 4)
    found = campaign_audit(campaign=world.ranking)
    assert found.overall.strict_agreement.value == 1.0
    assert {key: one.strict_agreement.value for key, one in found.by_version.items()} == {
        "ranking-1": None,
        "ranking-2": None,
    }


def test_a_slice_that_there_is_not_is_refused_with_a_sentence(world):
    rank(world, world.alice, 1, 2, 3, 4)
    for chosen in (Slice(domain="nowhere"), Slice(version="ranking-9"), Slice(week="2020-01-06")):
        with pytest.raises(DomainError, match="Nothing was judged in"):
            campaign_audit(campaign=world.ranking, chosen=chosen)


def two_versions(world):
    """Alice and Bob disagree on the first task under version 1, and agree on the second under version 2."""
    rank(world, world.alice, 1, 2, 3, 4)
    rank(world, world.bob, 4, 3, 2, 1)
    change_campaign(campaign=world.ranking, by=world.carol, guideline=add_guideline("ranking", version=2))
    world.ranking.refresh_from_db()
    rank(world, world.alice, 1, 2, 3, 4)
    rank(world, world.bob, 1, 2, 3, 4)


def test_it_compares_the_last_two_versions_of_the_guideline(world):
    two_versions(world)
    found = guideline_change(campaign=world.ranking)
    assert (found.before, found.after, found.n_in_both) == ("ranking-1", "ranking-2", 0)
    strict = found.compared[0]
    assert [one.value for one in (strict.before, strict.after, strict.change)] == [0.0, 1.0, 1.0]
    back = guideline_change(campaign=world.ranking, before="ranking-2", after="ranking-1")
    assert back.compared[0].change.value == -1.0
    one_given = guideline_change(campaign=world.ranking, before="ranking-2")
    assert (one_given.before, one_given.after) == ("ranking-2", "ranking-1")


def test_one_version_cannot_be_compared(world):
    rank(world, world.alice, 1, 2, 3, 4)
    assert guideline_change(campaign=world.ranking).compared == []
    for before, after in (("ranking-9", ""), ("ranking-1", "ranking-1")):
        with pytest.raises(DomainError):
            guideline_change(campaign=world.ranking, before=before, after=after)
