"""Languages of prompts and of people: BCP 47 tags such as de, pt-BR or zh-Hant, in one spelling. Pure.

A tag is a language with perhaps a script, a region and variants (RFC 5646), at most 16 characters; extensions and
private tags name no language that somebody could know. `ger`, `deu` and `iw` become what BCP 47 wants, `de` and `he`.

A task suits a person when the languages are the same, whatever the script or the region: who reads German reads de-AT,
and who named de-AT is given de. Norwegian is one language here, in both of its written forms.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from babel import Locale
from babel.core import UnknownLocaleError, get_global

from annotate.refusals import Refusal
from annotate.translations import translatable

MAX_TAG = 16
TAG = re.compile(
    r"(?P<language>[a-z]{2,3})(-(?P<script>[a-z]{4}))?(-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(-([a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)"
)
NO_LANGUAGE = re.compile("und|mul|mis|zxx|q[a-t][a-z]")
"""Undetermined, several, uncoded, nothing in words, and codes for private use."""
ONE_LANGUAGE = {"nb": "no", "nn": "no"}
COMMON = {
    "ar": "العربية",
    "bn": "বাংলা",
    "zh": "中文",
    "cs": "Čeština",
    "da": "Dansk",
    "de": "Deutsch",
    "el": "Ελληνικά",
    "en": "English",
    "es": "Español",
    "fa": "فارسی",
    "fi": "Suomi",
    "fr": "Français",
    "he": "עברית",
    "hi": "हिन्दी",
    "hu": "Magyar",
    "id": "Indonesia",
    "it": "Italiano",
    "ja": "日本語",
    "ko": "한국어",
    "nl": "Nederlands",
    "no": "Norsk",
    "pl": "Polski",
    "pt": "Português",
    "ro": "Română",
    "ru": "Русский",
    "sv": "Svenska",
    "sw": "Kiswahili",
    "th": "ไทย",
    "tr": "Türkçe",
    "uk": "Українська",
    "ur": "اردو",
    "vi": "Tiếng Việt",
}
"""What people choose from, each under its own name."""


NO_TAG = translatable(
    "%(tag)r is no language tag; write BCP 47, such as de, pt-BR or zh-Hant, with at most %(most)d characters."
)


class LanguageError(Refusal):
    """A tag that names no language; the message says what to write instead."""


def parse_language(text: str) -> str:
    """The tag in its one spelling: pt-BR for PT-br. Raises LanguageError."""
    found = TAG.fullmatch(text.strip().lower())
    if not found:
        raise LanguageError(NO_TAG, tag=text[:40], most=MAX_TAG)
    language, script = _newest(found["language"], found["script"] or "")
    if NO_LANGUAGE.fullmatch(language) or (len(language) == 2 and language not in _known().languages):
        raise LanguageError(
            "%(tag)r names no one language; write its code of ISO 639, such as de, ja or gsw.", tag=text[:40]
        )
    region = (found["region"] or "").upper()
    if region and region not in _known().territories:
        raise LanguageError(
            "%(tag)r has the region %(region)r, which there is not; write its code of ISO 3166, or leave it out.",
            tag=text[:40],
            region=region,
        )
    tag = "-".join(part for part in (language, script.title(), region) if part) + found["variants"]
    if len(tag) > MAX_TAG:
        raise LanguageError(NO_TAG, tag=text[:40], most=MAX_TAG)
    return tag


@cache
def _known() -> Locale:
    return Locale("en")


def _newest(language: str, script: str) -> tuple[str, str]:
    """The code that BCP 47 has for the language, and its script, which an old code may imply."""
    newest = get_global("language_aliases").get(language, language).split("_")
    return newest[0], script or "".join(newest[1:2])


def parse_languages(texts: Iterable[str]) -> list[str]:
    """Each tag once, in the order given. Raises LanguageError for the first that is none."""
    return list(dict.fromkeys(parse_language(text) for text in texts))


def same_language(tag: str) -> str:
    """What is compared of a tag: the language, without script, region or variant."""
    language = tag.split("-")[0]
    return ONE_LANGUAGE.get(language, language)


def own_name(tag: str) -> str:
    """A language in its own words, such as Deutsch (Österreich); the tag where nobody has told us."""
    try:
        return COMMON.get(tag) or Locale.parse(tag, sep="-").get_display_name() or tag
    except (UnknownLocaleError, ValueError):
        return tag


def name_of(tag: str, reader: str) -> str:
    """A language in the words of another, such as German for de and en; the tag where nobody has told us."""
    try:
        return Locale.parse(tag, sep="-").get_display_name(reader.replace("-", "_")) or tag
    except (UnknownLocaleError, ValueError):
        return tag
