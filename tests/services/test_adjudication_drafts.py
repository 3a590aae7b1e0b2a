"""An unfinished decision outlives the tab, the hold and somebody else's decision; its hold is kept alive."""

from datetime import timedelta

import pytest
from django.utils import timezone

from annotate.errors import DomainError, DraftOutdated, LeaseLost
from annotate.models import AdjudicationDraft, AdjudicationHold
from annotate.services import adjudicating
from annotate.services.adjudicating import take, take_back
from annotate.services.adjudication_drafts import draft_of, keep_draft, renew_hold
from annotate.services.drafts import Following
from annotate.services.people import create_admin
from tests.services.test_adjudicating import disputed, settle  # noqa: F401 (a fixture)


@pytest.fixture
def other(db):
    """Another admin."""
    return create_admin(username="dora", password="correct horse battery")


def run_out(task) -> None:
    AdjudicationHold.objects.filter(task=task).update(expires_at=timezone.now() - timedelta(minutes=1))


@pytest.fixture
def task(disputed):  # noqa: F811
    """A disputed task that Carol holds."""
    found = disputed.ranking_tasks[0]
    take(task_id=found.pk, by=disputed.carol)
    return found


def keep(task, by, said: str = "Half", *, seen=None, name: str = "1.tab", after: str = "0.", **fields) -> None:
    following = Following.parse(name, after)
    draft = {"beside": {"note": said}}
    keep_draft(task_id=task.pk, by=by, draft=draft, seen=seen, following=following, **fields)


def note(task, by) -> str | None:
    found = draft_of(task_id=task.pk, by=by)
    return found and found.draft["beside"]["note"]


def test_a_draft_outlives_the_hold_and_is_its_authors_alone(disputed, task, other):  # noqa: F811
    keep(task, disputed.carol)
    run_out(task)
    take(task_id=task.pk, by=other)
    assert (note(task, disputed.carol), note(task, other)) == ("Half", None)
    keep(task, disputed.carol, "More", name="2.tab")
    assert note(task, disputed.carol) == "More"


def test_a_draft_outlives_somebody_elses_decision_and_goes_with_ones_own(disputed, task, other):  # noqa: F811
    keep(task, disputed.carol)
    run_out(task)
    theirs = settle(task, other)
    assert note(task, disputed.carol) == "Half"
    keep(task, disputed.carol, "More", name="2.tab")
    settle(task, disputed.carol, supersedes=theirs.pk)
    assert not AdjudicationDraft.objects.exists()


def test_a_draft_that_comes_after_the_decision_that_it_became_is_none(disputed, task):  # noqa: F811
    settle(task, disputed.carol, idempotency_key="k")
    keep(task, disputed.carol, idempotency_key="k")
    assert not AdjudicationDraft.objects.exists()
    with pytest.raises(DomainError, match="decided this task since"):
        keep(task, disputed.carol)


def test_the_same_decision_sent_twice_at_once_is_one(disputed, task, monkeypatch):  # noqa: F811
    made = settle(task, disputed.carol, idempotency_key="k")
    found = iter([None, made])  # the first look is before the other request is done
    monkeypatch.setattr(adjudicating, "_with_key", lambda *_: next(found))
    assert settle(task, disputed.carol, idempotency_key="k") == made


def test_a_draft_of_deciding_anew_is_kept(disputed, task):  # noqa: F811
    made = settle(task, disputed.carol, idempotency_key="k")
    keep(task, disputed.carol, seen=made.pk, idempotency_key="other")
    assert note(task, disputed.carol) == "Half"


def test_an_older_draft_does_not_overwrite_a_newer_one(disputed, task):  # noqa: F811
    keep(task, disputed.carol)
    with pytest.raises(DraftOutdated, match="Both are kept"):
        keep(task, disputed.carol, "Old", name="1.offline")
    assert note(task, disputed.carol) == "Half"


def test_the_hold_is_renewed_while_they_work(disputed, task):  # noqa: F811
    before = AdjudicationHold.objects.get(task=task).expires_at
    assert renew_hold(task_id=task.pk, by=disputed.carol, seen=None).expires_at > before


def test_a_hold_that_lapsed_is_taken_again_where_nobody_has_it(disputed, task):  # noqa: F811
    run_out(task)
    renew_hold(task_id=task.pk, by=disputed.carol, seen=None)
    assert AdjudicationHold.objects.get(task=task).expires_at > timezone.now()


def test_it_says_that_somebody_else_is_deciding(disputed, task, other):  # noqa: F811
    run_out(task)
    take(task_id=task.pk, by=other)
    with pytest.raises(LeaseLost, match="somebody else is deciding it now"):
        renew_hold(task_id=task.pk, by=disputed.carol, seen=None)


def test_it_says_that_somebody_else_decided(disputed, task, other):  # noqa: F811
    run_out(task)
    made = settle(task, other)
    with pytest.raises(LeaseLost, match="Somebody else decided"):
        renew_hold(task_id=task.pk, by=disputed.carol, seen=None)
    renew_hold(task_id=task.pk, by=disputed.carol, seen=made.pk)
    take_back(adjudication_id=made.pk, by=other, note="Wrong.")
    with pytest.raises(LeaseLost, match="took a decision back"):
        renew_hold(task_id=task.pk, by=disputed.carol, seen=made.pk)


def test_it_says_that_they_decided_it_in_another_tab(disputed, task):  # noqa: F811
    settle(task, disputed.carol)
    with pytest.raises(LeaseLost, match="in another tab"):
        renew_hold(task_id=task.pk, by=disputed.carol, seen=None)
