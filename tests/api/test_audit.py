"""The audit over the API: the same numbers as the functions give, and clear refusals."""

import pytest
from django.utils import timezone

from annotate.audit_queries.changes import guideline_change
from annotate.audit_queries.compositions import pool_composition
from annotate.audit_queries.pairs import annotator_pairs
from annotate.audit_queries.person import annotator_audit
from annotate.audit_queries.slices import campaign_audit
from annotate.audit_queries.value_changes import question_change
from annotate.audit_queries.value_pairs import question_pairs
from annotate.audit_queries.values import value_audit
from annotate.models import Domain, Expertise
from annotate.services.setup import change_campaign
from tests.api.calls import problem
from tests.rating import add_rating_campaign, rate
from tests.services.test_audit import two_versions
from tests.services.test_queries import rank
from tests.world import add_guideline


def test_the_agreement_is_the_audits(world, admin):
    rank(world, world.alice, 1, 2, 3, 4)
    rank(world, world.bob, 1, 2, 4, 3)
    answer = admin.get("/api/v1/agreement/", {"campaign": "answers"}).json()
    computed = campaign_audit(campaign=world.ranking)
    assert answer["overall"] == computed.overall.as_dict()
    for name in ("by_domain", "by_version", "by_week"):
        assert answer[name] == {key: one.as_dict() for key, one in getattr(computed, name).items()}
    # 5 of the 6 pairs are ordered alike
    assert (answer["overall"]["strict_agreement"]["value"], answer["overall"]["strict_agreement"]["n"]) == (
        pytest.approx(5 / 6, abs=1e-12),
        6,
    )


def test_it_gives_a_slice(world, admin):
    for _task in range(2):
        rank(world, world.alice, 1, 2, 3, 4)
    answer = admin.get("/api/v1/agreement/", {"campaign": "answers", "domain": "art"}).json()
    assert (answer["overall"]["n_judgements"], answer["by_domain"]) == (1, {})
    assert answer["slice"] == {"domain": "art"}


def test_it_gives_pairs(world, admin):
    rank(world, world.alice, 1, 2, 3, 4)
    rank(world, world.bob, 1, 2, 4, 3)
    pairs = admin.get("/api/v1/campaigns/answers/pairs/").json()
    computed = annotator_pairs(campaign=world.ranking).pairs
    assert [row["tau_b"] for row in pairs["pairs"]] == [pair.tau_b.as_dict() for pair in computed]


def test_the_agreement_asks_for_a_campaign(world, admin):
    assert problem(admin.get("/api/v1/agreement/"), 400)["errors"][0]["field"] == "campaign"
    problem(admin.get("/api/v1/agreement/", {"campaign": "nowhere"}), 404)


def test_it_refuses_a_slice_that_there_is_not(world, admin):
    refused = problem(admin.get("/api/v1/agreement/", {"campaign": "answers", "domain": "nowhere"}), 404)
    assert "Nothing was judged in nowhere" in refused["detail"]
    problem(admin.get("/api/v1/campaigns/answers/pairs/", {"page": "x"}), 400)


def test_it_gives_the_change_of_the_guideline(world, admin):
    two_versions(world)
    answer = admin.get("/api/v1/campaigns/answers/guideline-change/").json()
    computed = guideline_change(campaign=world.ranking)
    assert [one["change"] for one in answer["compared"]] == [one.change.as_dict() for one in computed.compared]
    problem(admin.get("/api/v1/campaigns/answers/guideline-change/", {"before": "x"}), 404)


def test_it_gives_the_composition_of_the_pool(world, admin, alice):
    rank(world, world.alice, 1, 2, 3, 4)
    rank(world, world.bob, 1, 2, 4, 3)
    art = Domain.objects.get(slug="art")
    Expertise.objects.create(
        user=world.alice, domain=art, level="good", evidence="Ten years.", declared_at=timezone.now()
    )
    answer = admin.get("/api/v1/campaigns/answers/composition/").json()
    computed = pool_composition(campaign=world.ranking)
    assert (answer["n_people"], answer["until"]) == (2, str(computed.until))
    (known,) = [one["groups"] for one in answer["attributes"] if one["kind"] == "expertise"]
    assert [one["judgements"] for one in known] == [one.judgements.as_dict() for one in computed.attributes[0].groups]
    problem(alice.get("/api/v1/campaigns/answers/composition/"), 403)
    problem(admin.get("/api/v1/campaigns/nowhere/composition/"), 404)


def test_it_gives_what_the_audit_says_about_one_annotator(world, admin):
    rank(world, world.alice, 1, 2, 3, 4)
    rank(world, world.bob, 1, 2, 4, 3)
    answer = admin.get(f"/api/v1/annotators/{world.alice.pk}/audit/").json()
    computed = annotator_audit(annotator=world.alice)
    assert (answer["annotator"], answer["n_judgements"], answer["chosen"]["campaign"]) == ("alice", 1, "answers")
    assert [(one["scope"], one["key"]) for one in answer["with_others"]] == [
        ("all", ""),
        ("campaign", "answers"),
        ("domain", "physics"),
    ]
    for given, one in zip(answer["with_others"], computed.with_others, strict=True):
        assert given["strict_agreement"] == one.agreement.strict_agreement.as_dict()
        assert given["pool"] == one.pool.as_dict()
    assert answer["chosen"]["time"]["seconds"] == computed.chosen.time.seconds.as_dict()
    leanings = [one.share.as_dict() for one in computed.chosen.person.leanings]
    assert [one["share"] for one in answer["chosen"]["leanings"]] == leanings


def test_it_says_of_whom_and_of_what_there_is_no_audit(world, admin):
    rank(world, world.alice, 1, 2, 3, 4)
    refused = admin.get(f"/api/v1/annotators/{world.alice.pk}/audit/", {"campaign": "writing"})
    assert "alice has judged nothing in writing" in problem(refused, 404)["detail"]
    problem(admin.get(f"/api/v1/annotators/{10**30}/audit/"), 404)
    assert admin.get(f"/api/v1/annotators/{world.outsider.pk}/audit/").json()["chosen"] is None


def test_it_gives_the_agreement_on_ratings_and_flags(world, admin):
    campaign = add_rating_campaign(world)
    for who in (world.alice, world.bob):
        rate(who, campaign)
    answer = admin.get("/api/v1/campaigns/rate/ratings/", {"of": "flag/hallucination"}).json()
    computed = value_audit(campaign=campaign, of="flag/hallucination")
    assert [(one["kind"], one["name"]) for one in answer["asked"]] == [
        (one.question.kind, one.question.name) for one in computed.asked
    ]
    for given, one in zip(answer["asked"], computed.asked, strict=True):
        assert given["measures"] == {name: figure.as_dict() for name, figure in one.measures.items()}
        assert given["shares"] == {value: share.as_dict() for value, share in one.shares.items()}
    assert (answer["of"], [one["key"] for one in answer["by_version"]]) == ("flag/hallucination", ["rating-1"])
    refused = problem(admin.get("/api/v1/campaigns/rate/ratings/", {"of": "axis/none"}), 404)
    assert "Nothing named axis/none is asked" in refused["detail"]


def test_it_gives_ratings_before_and_after_and_by_pair(world, admin, alice):
    campaign = add_rating_campaign(world)
    for who in (world.alice, world.bob):
        rate(who, campaign)
    change_campaign(campaign=campaign, by=world.carol, guideline=add_guideline("rating", version=2))
    campaign.refresh_from_db()
    for who in (world.alice, world.bob):
        rate(who, campaign)
    address = "/api/v1/campaigns/rate/ratings/"
    answer, found = admin.get(f"{address}change/").json(), question_change(campaign=campaign)
    assert (answer["of"], answer["before"], answer["after"]) == (found.of.key, "rating-1", "rating-2")
    assert [one["change"] for one in answer["compared"]] == [one.change.as_dict() for one in found.compared]
    answer = admin.get(f"{address}pairs/", {"of": "flag/hallucination"}).json()
    (pair,) = question_pairs(campaign=campaign, of="flag/hallucination").pairs
    assert answer["pairs"][0]["positive_agreement"] == pair.positive_agreement.as_dict()
    assert (answer["pairs"][0]["first"], answer["pairs"][0]["n_items"]) == ("alice", pair.n_items)
    for part in ("change/", "pairs/"):
        problem(admin.get(address + part, {"of": "axis/none"}), 404)
        problem(alice.get(address + part), 403)
