"""The audit over all campaigns over the API: the same numbers as the functions give, and clear refusals."""

from annotate.audit_queries.domain import audited_domains, domain_audit
from annotate.audit_queries.producer import audited_producers, producer_audit
from annotate.audit_queries.version import version_audit
from annotate.audit_queries.week import audited_weeks, week_audit
from tests.api.calls import problem
from tests.services.test_audit import two_versions
from tests.services.test_queries import rank


def test_it_gives_domains(world, admin, alice):
    rank(world, world.alice, 1, 2, 3, 4)
    rank(world, world.bob, 1, 2, 4, 3)
    listed = admin.get("/api/v1/agreement/domains/").json()
    assert [(one["domain"], one["n_open"]) for one in listed] == [("art", 0), ("physics", 1)]
    assert [one["agreement"] for one in listed] == [one.agreement.as_dict() for one in audited_domains()]
    answer = admin.get("/api/v1/agreement/domains/physics/").json()
    computed = domain_audit(slug="physics")
    assert (answer["overall"], answer["elsewhere"]) == (computed.overall.as_dict(), computed.elsewhere.as_dict())
    assert [one["annotator"] for one in answer["people"]] == ["alice", "bob"]
    problem(admin.get("/api/v1/agreement/domains/nowhere/"), 404)
    problem(admin.get("/api/v1/agreement/domains/physics/", {"page": "x"}), 400)
    problem(alice.get("/api/v1/agreement/domains/physics/"), 403)


def test_it_gives_producers(world, admin, alice):
    rank(world, world.alice, 1, 2, 3, 4)
    rank(world, world.bob, 1, 2, 4, 3)
    listed = admin.get("/api/v1/agreement/producers/").json()
    assert [one["win_rate"] for one in listed] == [one.win_rate.as_dict() for one in audited_producers()]
    computed = producer_audit(pk=listed[0]["id"])
    answer = admin.get(f"/api/v1/agreement/producers/{listed[0]['id']}/").json()
    assert (answer["producer"], answer["overall"]["win_rate"]) == ("model-0", computed.overall.win_rate.as_dict())
    assert answer["campaigns"][0]["score"]["score"] == computed.campaigns[0].score.score.as_dict()
    assert [one["task"] for one in answer["best"]] == [one.task_id for one in computed.best]
    problem(admin.get("/api/v1/agreement/producers/99999/"), 404)
    problem(alice.get("/api/v1/agreement/producers/"), 403)


def test_it_gives_a_version_of_a_guideline(world, admin, alice):
    two_versions(world)
    computed = version_audit(slug="ranking", version=2)
    found = admin.get("/api/v1/agreement/guidelines/ranking/2/").json()
    assert (found["guideline"], found["version"], found["before"], found["n_judgements"]) == ("ranking", 2, 1, 2)
    assert (found["overall"], found["earlier"]) == (computed.overall.as_dict(), computed.earlier.as_dict())
    (one,) = found["campaigns"]
    assert (one["campaign"], one["first"]) == ("answers", str(computed.campaigns[0].first))
    assert one["change"]["change"] == computed.campaigns[0].strict.change.as_dict()
    assert admin.get("/api/v1/agreement/guidelines/ranking/1/").json()["before"] is None
    problem(admin.get("/api/v1/agreement/guidelines/ranking/9/"), 404)
    problem(alice.get("/api/v1/agreement/guidelines/ranking/2/"), 403)


def test_it_gives_weeks(world, admin, alice):
    rank(world, world.alice, 1, 2, 3, 4)
    rank(world, world.bob, 1, 2, 4, 3)
    listed = admin.get("/api/v1/agreement/weeks/").json()
    computed = audited_weeks()
    assert [(one["week"], one["n_judgements"]) for one in listed] == [(computed[0].key, 2)]
    assert listed[0]["agreement"] == computed[0].agreement.as_dict()
    address = f"/api/v1/agreement/weeks/{computed[0].key}/"
    answer, found = admin.get(address).json(), week_audit(key=computed[0].key)
    assert (answer["overall"], answer["earlier"]) == (found.overall.as_dict(), found.earlier.as_dict())
    assert [one["change"] for one in answer["change"]] == [one.change.as_dict() for one in found.compared]
    assert [one["annotator"] for one in answer["people"]] == ["alice", "bob"]
    for nowhere in ("1999-W01", "2026-W99", "nonsense", "%00"):
        problem(admin.get(f"/api/v1/agreement/weeks/{nowhere}/"), 404)
    problem(admin.get(address, {"page": "x"}), 400)
    problem(alice.get(address), 403)
