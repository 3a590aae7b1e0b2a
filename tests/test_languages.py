"""Language tags: one spelling, and nothing that names no language."""

import pytest

from annotate.languages import (
    COMMON,
    MAX_TAG,
    LanguageError,
    name_of,
    own_name,
    parse_language,
    parse_languages,
    same_language,
)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("de", "de"),
        (" PT-br ", "pt-BR"),
        ("ZH-hANT-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("de-CH-1901", "de-CH-1901"),
        ("gsw", "gsw"),
        ("ger", "de"),
        ("deu-AT", "de-AT"),
        ("iw", "he"),
        ("sh", "sr-Latn"),
        ("sh-Cyrl", "sr-Cyrl"),
    ],
)
def test_it_gives_each_tag_one_spelling(given, kept):
    assert parse_language(given) == kept
    assert parse_language(kept) == kept


@pytest.mark.parametrize(
    ("tag", "sentence"),
    [
        ("", "is no language tag; write BCP 47"),
        ("German", "'German' is no language tag"),
        ("de_AT", "is no language tag"),
        ("de-", "is no language tag"),
        ("x-secret", "is no language tag"),
        ("ｄｅ", "is no language tag"),
        ("sl-rozaj-biske-1994", "at most 16 characters"),
        ("sh-rs-abcde-abcde", "at most 16 characters"),
        ("jp", "'jp' names no one language"),
        ("mul", "names no one language"),
        ("qab", "names no one language"),
        ("en-UK", "the region 'UK', which there is not"),
    ],
)
def test_it_refuses_what_names_no_language(tag, sentence):
    with pytest.raises(LanguageError, match=sentence):
        parse_language(tag)


def test_it_keeps_each_language_once_in_the_order_given():
    assert parse_languages(["pt-br", "de", "ger"]) == ["pt-BR", "de"]


def test_regions_scripts_and_both_norwegians_are_one_language():
    assert {same_language(tag) for tag in ("de", "de-AT", "de-CH-1901")} == {"de"}
    assert {same_language(tag) for tag in ("no", "nb", "nn-NO")} == {"no"}
    assert same_language("gsw") != same_language("de")


def test_it_names_languages_in_their_own_words():
    assert [own_name(tag) for tag in ("de", "de-AT", "aae")] == ["Deutsch", "Deutsch (Österreich)", "aae"]


def test_the_common_ones_are_tags_as_they_are_kept():
    assert parse_languages(COMMON) == list(COMMON)
    assert max(map(len, COMMON)) <= MAX_TAG


@pytest.mark.parametrize(
    ("tag", "reader", "name"), [("de", "en", "German"), ("de-AT", "en", "German (Austria)"), ("xx-y", "en", "xx-y")]
)
def test_it_names_a_language_in_the_words_of_another(tag, reader, name):
    assert name_of(tag, reader) == name
