"""Forms are read strictly: what cannot be used is refused with the field and the remedy."""

import json
import re

import pytest
from django.conf import settings

from annotate.forms import FormError, parse_form, with_presets
from annotate.presets import AXES
from annotate.services.campaigns import create_campaign

AXIS = {"name": "helpful", "label": "Helpful"}


def test_an_empty_form_is_the_plain_one():
    form = parse_form("ranking", {})
    assert (form.strength, form.axes, form.flags, form.rationale) == (False, (), None, "optional")


def test_a_number_of_levels_names_them_by_number():
    (axis,) = parse_form("rating", {"axes": [{**AXIS, "levels": 5}]}).axes
    assert axis.levels == ("1", "2", "3", "4", "5")


def test_levels_can_have_names():
    (axis,) = parse_form("rating", {"axes": [{**AXIS, "levels": ["bad", "good"]}]}).axes
    assert axis.levels == ("bad", "good")


def test_it_reads_the_bounds_of_writing():
    writing = parse_form("demonstration", {"writing": {"min_words": 20, "max_words": 300, "prompt": "written"}}).writing
    assert (writing.min_words, writing.max_words, writing.prompt) == (20, 300, "written")


@pytest.mark.parametrize(
    ("kind", "data", "sentence"),
    [
        ("ranking", [], "form must be an object"),
        ("ranking", {"strenght": True}, "no field 'strenght'; it may have: axes,"),
        ("demonstration", {"axes": [AXIS]}, "no field 'axes'"),
        ("ranking", {"strength": "yes"}, "strength is 'yes', but must be true or false"),
        ("rating", {}, "at least one axis"),
        ("rating", {"axes": [AXIS, AXIS]}, "Two entries of axes have the same name"),
        ("rating", {"axes": [{**AXIS, "levels": 1}]}, "levels of an axis"),
        ("rating", {"axes": [{**AXIS, "name": "Not a name"}]}, "A name in axes is 'Not a name'"),
        ("rating", {"axes": [{"name": "helpful"}]}, "has no label"),
        ("rating", {"axes": "hth9"}, "axes has no preset 'hth9'; use one of overall7, hth7, hp5, overall"),
        ("ranking", {"flags": ["hallucinations"]}, "flags has no preset 'hallucinations'; use one of instruct"),
        ("ranking", {"spans": 3}, "spans must be a list"),
        ("rating", {"axes": [{**AXIS, "anchors": ["low"]}]}, "one text for each level"),
        ("rating", {"axes": [{**AXIS, "levels": 2, "anchors": ["low", 3]}]}, "anchors must be a text"),
        ("ranking", {"rationale_hint": 3}, "rationale_hint must be a text"),
        ("ranking", {"rationale": "maybe"}, "must be one of off, optional, required"),
        ("demonstration", {"writing": {"min_words": 9, "max_words": 3}}, "max_words is smaller than min_words"),
        ("demonstration", {"writing": {"turns": True}}, "turns is True"),
        ("steps", {"steps": {"stop": True}}, "no field 'stop'"),
    ],
)
def test_it_refuses_what_cannot_be_used(kind, data, sentence):
    with pytest.raises(FormError, match=sentence):
        parse_form(kind, data)


@pytest.mark.parametrize(
    ("axes", "names", "levels"),
    [
        ("overall7", ["overall"], 7),
        ("hth7", ["helpful", "truthful", "harmless"], 7),
        ("hp5", ["helpfulness", "presentation"], 5),
        (["overall7", "truthful"], ["overall", "truthful"], 7),
        (["overall7", {**AXIS, "name": "tone"}], ["overall", "tone"], 7),
    ],
)
def test_axes_can_be_taken_by_name(axes, names, levels):
    form = parse_form("rating", {"axes": axes})
    assert [axis.name for axis in form.axes] == names
    assert {len(axis.levels) for axis in form.axes} == {levels}


def test_every_level_of_a_preset_says_what_it_means():
    for name in AXES:
        for axis in parse_form("rating", {"axes": name}).axes:
            assert axis.meaning
            assert len(set(axis.anchors)) == len(axis.levels), axis.name


def test_the_levels_of_the_five_point_preset_have_names():
    for axis in parse_form("rating", {"axes": "hp5"}).axes:
        assert not any(level.isdigit() for level in axis.levels)


def test_the_anchors_are_those_of_the_shipped_guideline():
    text = (settings.BASE_DIR / "guidelines" / "rating.md").read_text()
    anchors = re.findall(r"^\| \d[^|]*? \| (.*?) \|$", text, flags=re.MULTILINE)
    for name in AXES:
        for axis in parse_form("rating", {"axes": name}).axes:
            assert set(axis.anchors) <= set(anchors), axis.name


def test_flags_can_be_taken_all_or_one_by_one():
    everything = parse_form("rating", {"axes": "overall7", "flags": "instruct"}).flags
    some = parse_form("rating", {"axes": "overall7", "flags": ["hallucination", "private_data"]}).flags
    assert [flag.name for flag in some] == ["hallucination", "private_data"]
    assert set(some) < set(everything)
    assert all(flag.meaning.endswith(".") for flag in everything)


def test_presets_are_written_out_for_storing():
    stored = with_presets({"axes": "hth7", "flags": ["sycophancy"], "spans": "errors", "rationale": "off"})
    assert stored["rationale"] == "off"
    assert [axis["name"] for axis in stored["axes"]] == ["helpful", "truthful", "harmless"]
    assert json.loads(json.dumps(stored)) == with_presets(stored) == stored


def test_a_campaign_stores_its_form_written_out(world):
    campaign = create_campaign(
        slug="r", name="R", kind="ranking", guideline_slug="ranking", by=None, form={"flags": ["sycophancy"]}
    )
    campaign.refresh_from_db()
    assert campaign.form["flags"][0]["label"] == "Agrees with a false claim of the user"
