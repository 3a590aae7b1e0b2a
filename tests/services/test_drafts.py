"""Drafts: an older one never overwrites a newer one, whenever it arrives and from wherever."""

import pytest

from annotate.errors import DomainError, DraftOutdated
from annotate.models import Assignment
from annotate.services.claiming import claim_next_task, save_draft
from annotate.services.drafts import DraftName, Following
from annotate.services.expiring import expire_leases
from annotate.services.judging import submit
from annotate.services.releasing import release_assignment
from tests.services.test_claiming import lapse


@pytest.fixture
def held(world) -> Assignment:
    return claim_next_task(annotator=world.alice, campaign=world.ranking)


def save(held: Assignment, text: str, name: str, after: str = "0.") -> None:
    following = Following.parse(name, after)
    save_draft(assignment_id=held.pk, annotator=held.annotator, draft={"rationale": text}, following=following)


def kept(held: Assignment) -> tuple[str, str]:
    held.refresh_from_db()
    return held.draft["rationale"], held.draft_name


def test_a_tab_goes_on_with_its_own_draft(held):
    save(held, "One", "1.tab")
    save(held, "One two", "2.tab")
    assert kept(held) == ("One two", "2.tab")


def test_a_tab_goes_on_with_what_another_one_had_written_before_it_was_opened(held):
    save(held, "One", "1.home")
    save(held, "One two", "2.work", after="1.home")
    assert kept(held) == ("One two", "2.work")


def test_a_tab_that_comes_back_later_does_not_undo_what_was_written_elsewhere(held):
    save(held, "One", "1.offline")
    save(held, "One two", "2.phone", after="1.offline")
    with pytest.raises(DraftOutdated, match="Both are kept"):
        save(held, "One but", "9.offline")
    assert kept(held) == ("One two", "2.phone")


def test_two_tabs_that_begin_at_once_do_not_overwrite_each_other(held):
    save(held, "Mine", "1.first")
    with pytest.raises(DraftOutdated):
        save(held, "Also mine", "1.second")
    assert kept(held) == ("Mine", "1.first")


def test_what_overtakes_on_the_way_stays(held):
    save(held, "One two", "2.tab")
    with pytest.raises(DraftOutdated):
        save(held, "One", "1.tab")
    assert kept(held) == ("One two", "2.tab")


def test_the_same_draft_may_come_twice(held):
    save(held, "One", "1.tab")
    save(held, "One", "1.tab")
    assert kept(held) == ("One", "1.tab")


def test_a_draft_without_a_name_follows_whatever_is_there(held):
    save(held, "One", "1.tab")
    save(held, "Two", "", after="")
    assert kept(held) == ("Two", "2.")
    with pytest.raises(DraftOutdated):
        save(held, "Three", "2.tab")


def test_a_done_task_takes_no_draft(held):
    submit(assignment_id=held.pk, annotator=held.annotator, answer=ranking(held), seconds=1)
    with pytest.raises(DomainError, match="already submitted") as refused:
        save(held, "One", "1.tab")
    assert refused.type is DomainError


def ranking(held: Assignment) -> dict:
    return {"ranks": dict.fromkeys(held.shown_order, 1), "rationale": "Late"}


def late(world, held: Assignment, name: str) -> None:
    """Submit after the place went to others."""
    for person in (world.bob, world.outsider):
        other = claim_next_task(annotator=person, campaign=world.ranking)
        assert other.task == held.task
        submit(assignment_id=other.pk, annotator=person, answer=ranking(other), seconds=1)
    following = Following.parse(name, "0.")
    submit(assignment_id=held.pk, annotator=held.annotator, answer=ranking(held), seconds=2, following=following)


def test_a_late_submission_does_not_overwrite_a_newer_draft(world, held):
    save(held, "One", "1.phone")
    lapse(held)
    expire_leases()
    with pytest.raises(DraftOutdated, match="ran out"):
        late(world, held, "1.offline")
    assert kept(held) == ("One", "1.phone")


def test_a_late_submission_of_the_tab_that_wrote_the_draft_is_kept_as_one(world, held):
    save(held, "One", "1.tab")
    lapse(held)
    expire_leases()
    with pytest.raises(DomainError, match="kept as a draft"):
        late(world, held, "2.tab")
    assert kept(held) == ("Late", "2.tab")
    assert held.draft["seconds"] == 2


def test_a_task_that_was_given_back_still_takes_drafts(held):
    save(held, "One", "1.tab")
    release_assignment(assignment_id=held.pk, annotator=held.annotator)
    save(held, "One two", "2.tab")
    assert kept(held) == ("One two", "2.tab")


@pytest.mark.parametrize("name", ["1", ".tab", "-1.tab", "1.Tab", "1." + "x" * 25, "1.tab ", "١.tab", "9999999999.x"])
def test_it_refuses_what_is_no_name(name):
    with pytest.raises(DomainError, match="named by its number"):
        DraftName.parse(name)
