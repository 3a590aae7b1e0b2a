"""What a campaign may ask for before the first task."""

import json

import pytest

from annotate.onboarding_rules import Onboarding, OnboardingError, Qualification, parse_onboarding

WHOLE = {
    "consent": "We keep **everything**.",
    "demographics": True,
    "expertise": True,
    "acknowledge": True,
    "qualification": {"pass": 0.75, "tasks": 3, "retry_hours": 12},
}


def test_it_asks_for_nothing_when_empty():
    assert parse_onboarding({}) == Onboarding()
    assert Onboarding().steps == ()


def test_it_reads_everything_and_writes_it_back():
    found = parse_onboarding(WHOLE)
    assert found.qualification == Qualification(0.75, 3, 12)
    assert found.steps == ("consent", "demographics", "expertise", "guideline", "qualification")
    assert found.as_json() == WHOLE
    assert parse_onboarding(json.loads(json.dumps(found.as_json()))) == found


def test_it_keeps_the_order_of_the_steps():
    assert parse_onboarding({"qualification": {}, "acknowledge": True}).steps == ("guideline", "qualification")


def test_it_has_defaults_for_the_qualification():
    assert parse_onboarding({"qualification": {}}).qualification == Qualification(0.8, 5, 24)
    assert parse_onboarding({"qualification": None}).qualification is None


def test_a_blank_consent_is_none():
    assert parse_onboarding({"consent": " \n"}).steps == ()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (None, "must be a JSON object"),
        ([], "must be a JSON object"),
        ("x", "must be a JSON object"),
        ({"consnet": "x"}, "no field 'consnet'"),
        ({1: 2}, "no field '1'"),
        ({"consent": 3}, "must be a text"),
        ({"consent": "x" * 20_001}, "20001 characters"),
        ({"consent": "a\0b"}, "NUL"),
        ({"demographics": 1}, "must be true or false"),
        ({"acknowledge": "yes"}, "must be true or false"),
        ({"qualification": True}, "qualification must be a JSON object"),
        ({"qualification": {"share": 1}}, "no field 'share'"),
        ({"qualification": {"pass": 0}}, "pass is 0"),
        ({"qualification": {"pass": 1.01}}, "pass is 1.01"),
        ({"qualification": {"pass": float("nan")}}, "pass is nan"),
        ({"qualification": {"pass": "0.8"}}, "must be a number"),
        ({"qualification": {"tasks": 0}}, "tasks is 0"),
        ({"qualification": {"tasks": 2.5}}, "tasks is 2.5"),
        ({"qualification": {"tasks": True}}, "must be a number"),
        ({"qualification": {"retry_hours": -1}}, "retry_hours is -1"),
        ({"qualification": {"retry_hours": float("inf")}}, "retry_hours is inf"),
    ],
)
def test_it_refuses_what_it_does_not_know(data, sentence):
    with pytest.raises(OnboardingError, match=sentence):
        parse_onboarding(data)
