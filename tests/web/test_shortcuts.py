"""The keys of the workplace: shown as each person has set them, changed one by one, refused with a sentence."""

import json

import pytest

from annotate.models import Profile
from annotate.shortcuts import SHORTCUTS, current_keys


def change(client, **changes):
    return client.post("/preferences/shortcuts/", {"shortcuts": json.dumps(changes)})


def page_of(client, assignment) -> str:
    return client.get(f"/work/{assignment.pk}/").content.decode()


def test_it_shows_the_defaults_to_whoever_changed_nothing(alice, ranking):
    page = page_of(alice, ranking)
    assert '<kbd aria-hidden="true" data-key="skip">S</kbd>' in page
    assert 'data-remap="skip" data-default="s"' in page


def test_it_changes_a_key_and_shows_it_wherever_the_person_logs_in(alice, world, ranking):
    assert change(alice, keys={"skip": "B", "undo": ""}).status_code == 422  # B is a completion
    assert change(alice, keys={"skip": "Q", "undo": ""}).status_code == 204
    assert Profile.objects.get(user=world.alice).shortcuts == {"skip": "q", "undo": ""}
    page = page_of(alice, ranking)
    assert '<kbd aria-hidden="true" data-key="skip">Q</kbd>' in page
    assert '<kbd aria-hidden="true" data-key="undo" hidden></kbd>' in page


def test_it_frees_the_keys_of_what_is_switched_off(alice, world):
    assert change(alice, keys={"letters": ""}).status_code == 204
    assert change(alice, keys={"skip": "c"}).status_code == 204
    assert change(alice, keys={"letters": "a–i"}).status_code == 422


def test_it_keeps_other_changes_and_sets_all_back_on_request(alice, world):
    change(alice, off=True, keys={"skip": "q"})
    assert Profile.objects.get().shortcuts == {"skip": "q", "off": True}
    change(alice, off=False, keys={"raw": "o"})
    assert Profile.objects.get().shortcuts == {"skip": "q", "raw": "o"}
    change(alice, off=False)
    assert Profile.objects.get().shortcuts == {}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"keys": {"skip": "t"}}, "“T” is already the key for “Show or hide the guideline text”."),
        ({"keys": {"skip": "5"}}, "is already the key for"),
        ({"keys": {"skip": "ab"}}, "A shortcut is one letter, digit or sign."),
        ({"keys": {"skip": " "}}, "A shortcut is one letter, digit or sign."),
        ({"keys": {"skip": "\0"}}, "A shortcut is one letter, digit or sign."),
        ({"keys": {"skip": 3}}, "A shortcut is one letter, digit or sign."),
        ({"keys": {"skip": ["q"]}}, "A shortcut is one letter, digit or sign."),
        ({"keys": {"fly": "q"}}, "There is no shortcut called “fly”."),
        ({"keys": {"ranks": "q"}}, "can be switched off or on, not moved."),
        ({"keys": ["skip"]}, "These shortcuts cannot be read."),
    ],
)
def test_it_refuses_what_cannot_be_with_a_sentence_and_changes_nothing(alice, changes, sentence):
    response = change(alice, **changes)
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert not Profile.objects.exclude(shortcuts={}).exists()


@pytest.mark.parametrize("body", ["", "{", "[]", "3", "null", "[" * 100_000])
def test_it_refuses_what_is_no_change_at_all(alice, body):
    assert alice.post("/preferences/shortcuts/", {"shortcuts": body}).status_code == 422


def test_it_has_defaults_that_do_not_meet_on_any_page():
    for page in ("ranking", "pairwise", "rating", "demonstration", "revision", "review", "steps"):
        keys = [key for name, key in current_keys({}).items() if SHORTCUTS[name].shown_on(page)]
        assert len(keys) == len(set(keys))
