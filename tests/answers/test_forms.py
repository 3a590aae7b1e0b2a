"""Forms are read strictly: what cannot be used is refused with the field and the remedy."""

import pytest

from annotate.forms import FormError, parse_form

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
        ("ranking", {"rationale": "maybe"}, "must be one of off, optional, required"),
        ("demonstration", {"writing": {"min_words": 9, "max_words": 3}}, "max_words is smaller than min_words"),
        ("demonstration", {"writing": {"turns": True}}, "turns is True"),
        ("steps", {"steps": {"stop": True}}, "no field 'stop'"),
    ],
)
def test_it_refuses_what_cannot_be_used(kind, data, sentence):
    with pytest.raises(FormError, match=sentence):
        parse_form(kind, data)
