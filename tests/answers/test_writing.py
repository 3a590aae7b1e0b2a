"""Written answers: the text, and what a campaign may ask beside it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.answers import AnswerError, Shown, check_answer, count_words
from annotate.forms import FormError, checklist_of, parse_form

ORIGINAL = "Blow hard,\nand wait."
USER, ASSISTANT = "user", "assistant"


def shown(kind: str = "demonstration", guideline=(), **writing) -> Shown:
    form = parse_form(kind, {"writing": writing})
    return Shown(kind=kind, completions=(7,), texts={7: ORIGINAL}, checklist=checklist_of(form, guideline), form=form)


def turns(*contents: str) -> list[dict]:
    return [{"role": (USER, ASSISTANT)[n % 2], "content": content} for n, content in enumerate(contents)]


def test_it_comes_back_complete():
    assert check_answer({"text": " Blow. "}, shown()) == {
        "text": "Blow.",
        "reasoning": "",
        "citations": [],
        "checklist": [],
    }


def test_it_keeps_a_conversation_that_was_written():
    answer = {"messages": turns(" Why? ", "Because.", "And then?"), "text": "Nothing."}
    assert check_answer(answer, shown(prompt="written", turns=2))["messages"] == turns("Why?", "Because.", "And then?")


def test_it_keeps_an_unchecked_source_as_unchecked():
    answer = {"text": "Yes.", "citations": [{"source": " a book "}, {"source": "https://b.example", "checked": True}]}
    assert check_answer(answer, shown(citations=True))["citations"] == [
        {"source": "a book", "checked": False},
        {"source": "https://b.example", "checked": True},
    ]


GUIDELINE = [{"name": "facts", "label": "I looked up the facts"}]
OWN = [{"name": "code", "label": "I ran the code"}, {"name": "aloud", "label": "I read it aloud"}]


def test_it_asks_for_the_guidelines_checklist_unless_the_form_has_its_own():
    assert check_answer({"text": "Yes.", "checklist": ["facts"]}, shown(guideline=GUIDELINE))["checklist"] == ["facts"]
    answer = {"text": "Yes.", "checklist": ["aloud", "code"]}
    assert check_answer(answer, shown(guideline=GUIDELINE, checklist=OWN))["checklist"] == ["code", "aloud"]
    assert check_answer({"text": "Yes."}, shown(guideline=GUIDELINE, checklist=[]))["checklist"] == []


@pytest.mark.parametrize(
    ("writing", "answer", "sentence"),
    [
        ({"max_words": 2}, {"text": "One two three"}, "too long: 3 words, where 2 are allowed"),
        ({}, {"text": "Yes.", "messages": turns("Why?")}, "no field 'messages'"),
        ({"prompt": "written"}, {"text": "Yes."}, "Write the prompt, too"),
        ({"prompt": "written"}, {"text": "Yes.", "messages": turns(" ")}, "Message 1 has no content"),
        ({"prompt": "written"}, {"text": "Yes.", "messages": turns("a", "b", "c")}, "allows 1 of the user"),
        ({"prompt": "written", "turns": 2}, {"text": "Yes.", "messages": turns("a", "b")}, "must be the user's"),
        (
            {"prompt": "written", "turns": 2},
            {"text": "Yes.", "messages": [*turns("a"), *turns("b")]},
            "user and assistant take turns",
        ),
        ({"prompt": "written"}, {"text": "Yes.", "messages": "Why?"}, "list of at least one message"),
        ({"checklist": OWN}, {"text": "Yes.", "checklist": ["code"]}, "Not ticked yet: “I read it aloud”"),
        ({"checklist": OWN}, {"text": "Yes.", "checklist": ["rest"]}, "no item named 'rest'; it has aloud, code"),
        ({"citations": True}, {"text": "Yes.", "citations": [{"source": " "}]}, "A source is empty"),
        ({"citations": True}, {"text": "Yes.", "citations": [{"source": "a", "checked": "y"}]}, "true or false"),
        ({"citations": True}, {"text": "Yes.", "citations": ["a"]}, "must be an object"),
        ({"citations": True}, {"text": "Yes.", "citations": [{"source": "a"}] * 21}, "at most 20"),
        ({}, {"text": "Yes.", "citations": [{"source": "a"}]}, "does not ask for sources"),
        ({"reasoning": "required"}, {"text": "Yes.", "reasoning": " "}, "Add your reasoning"),
    ],
)
def test_it_refuses_with_a_sentence(writing, answer, sentence):
    with pytest.raises(AnswerError, match=sentence):
        check_answer(answer, shown(**writing))


@pytest.mark.parametrize("text", [ORIGINAL, f"  {ORIGINAL}\n", "Blow  hard, and\twait."])
def test_it_refuses_a_revision_or_an_edit_that_changes_white_space_alone(text):
    with pytest.raises(AnswerError, match="as it was"):
        check_answer({"text": text}, shown("revision"))
    with pytest.raises(AnswerError, match="as it was"):
        check_answer({"decision": "edit", "reason": "Better", "text": text}, Shown("review", (7,), {7: ORIGINAL}))


def test_it_refuses_a_form_that_asks_for_the_prompt_of_a_revision():
    with pytest.raises(FormError, match="has its prompt already"):
        shown("revision", prompt="written")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([USER, "facts"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "source", "checked"]), inner, max_size=2)
    ),
    max_leaves=8,
)
FIELDS = ["text", "reasoning", "messages", "checklist", "citations"]


@given(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=5))
def test_it_accepts_or_refuses_any_json(answer):
    asked = shown(guideline=GUIDELINE, prompt="written", turns=2, citations=True)
    try:
        checked = check_answer(answer, asked)
    except AnswerError:
        return
    assert check_answer(checked, asked) == checked


@given(st.lists(st.sampled_from(["word", "é", "漢字", "a-b"]), max_size=20), st.sampled_from([" ", "\n\n", " \t "]))
def test_it_counts_what_white_space_separates(words, space):
    assert count_words(space + space.join(words) + space) == len(words)
