"""Opting out of distressing content, showing it, breaks, and warnings on what is imported."""

import json

import pytest

from annotate.errors import DomainError
from annotate.models import Assignment, ContentWarning, User
from annotate.services import safety
from annotate.services.claiming import claim_next_task
from annotate.services.corpus import add_prompt
from annotate.services.importing import import_file
from annotate.services.preferences import choose_opt_outs


def warn(task, *kinds: str) -> None:
    add_prompt(messages=task.prompt.messages, by=None, warnings=kinds)


def claimed(user, world):
    return claim_next_task(annotator=User.objects.get(pk=user.pk), campaign=world.ranking)


def test_it_never_hands_out_what_somebody_opted_out_of(world):
    first, second, third = world.ranking_tasks
    warn(first, "violence", "hate")
    warn(second, "medical")
    choose_opt_outs(user=world.alice, kinds=["hate", "sexual"])
    assert [claimed(user, world).task for user in (world.bob, world.alice)] == [first, second]


def test_what_is_held_unseen_goes_back_on_opting_out(world):
    warn(world.ranking_tasks[0], "hate")
    held = claimed(world.alice, world)
    choose_opt_outs(user=world.alice, kinds=["hate"])
    held.refresh_from_db()
    assert held.state == "released"
    assert claimed(world.alice, world).task == world.ranking_tasks[1]


def test_what_was_shown_stays_on_opting_out(world):
    warn(world.ranking_tasks[0], "hate")
    held = claimed(world.alice, world)
    safety.reveal(assignment_id=held.pk, annotator=world.alice)
    choose_opt_outs(user=world.alice, kinds=["hate"])
    assert Assignment.objects.get(pk=held.pk).state == "claimed"


def test_it_refuses_an_unknown_kind_and_changes_nothing(world):
    choose_opt_outs(user=world.alice, kinds=["hate"])
    with pytest.raises(DomainError, match="There is no content warning 'boredom'"):
        choose_opt_outs(user=world.alice, kinds=["violence", "boredom"])
    assert User.objects.get(pk=world.alice.pk).profile.opt_outs == ["hate"]


def test_the_first_time_it_was_shown_counts(world):
    held = claimed(world.alice, world)
    first = safety.reveal(assignment_id=held.pk, annotator=world.alice).revealed_at
    assert safety.reveal(assignment_id=held.pk, annotator=world.alice).revealed_at == first


@pytest.mark.parametrize(("keep", "state"), [(True, "claimed"), (False, "released")])
def test_a_break_keeps_the_task_or_gives_it_back(world, keep, state):
    held = claimed(world.alice, world)
    before = held.lease_expires_at
    after = safety.take_break(assignment_id=held.pk, annotator=world.alice, keep=keep)
    assert after.state == state
    assert (after.lease_expires_at > before) == keep


def test_it_imports_warnings_and_adds_those_that_are_new(world, tmp_path):
    file = tmp_path / "rows.jsonl"
    row = {"prompt": "How do vaccines work?", "warnings": ["medical"], "completions": ["Like so.", "So."]}
    file.write_text(json.dumps(row))
    import_file(path=file, campaign_slug="warned", by=None)
    file.write_text(json.dumps({**row, "warnings": ["medical", "other"]}))
    import_file(path=file, campaign_slug="warned", by=None)
    assert sorted(ContentWarning.objects.values_list("kind", flat=True)) == ["medical", "other"]


@pytest.mark.parametrize("warnings", [["boredom"], "hate", {"hate": 1}, [["hate"]], [None]])
def test_it_refuses_a_file_with_an_unknown_warning(world, tmp_path, warnings):
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps({"prompt": "Hm?", "warnings": warnings, "completions": ["a", "b"]}))
    with pytest.raises(DomainError, match="row 1: field warnings must be a list of kinds"):
        import_file(path=file, campaign_slug="warned", by=None)
