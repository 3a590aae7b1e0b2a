"""What a text looks like, whatever it says: length, lists, bold, headers, refusing, sounding sure, agreeing.

Plain heuristics for Markdown in English; each is a rule that a person can check, and each is wrong at times:
- words are runs of letters and digits; each Chinese or Japanese character counts as a word, Thai is not split;
- lists, bold and headers are counted by their Markdown marks outside code: HTML, and "1)" within a line, are not;
- refusing is a phrase near the start ("I can't help with"): polite ways out are missed, quoted refusals are counted;
- sounding sure, and agreeing, go by English word lists; in other languages both are 0, and so say nothing;
- agreeing needs a claim by the user ("I think", "isn't it?") and is read off the first words of the answer alone.
Good enough to see a taste over hundreds of comparisons, not to describe one text.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

OPENING = 200
"""Characters of an answer that are looked at for a refusal or for agreeing."""

_CJK = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[^\W_{_CJK}]+(?:['’][^\W_{_CJK}]+)*|[{_CJK}]")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})", re.MULTILINE)
_CODE = re.compile(r"`[^`\n]+`")
_ITEM = re.compile(r"^[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]+\S", re.MULTILINE)
_BOLD = re.compile(r"\*\*(?=\S)[^*\n]+?\*\*|(?<!\w)__(?=\S)[^_\n]+?__(?!\w)")
_HEADER = re.compile(r"^ {0,3}#{1,6}[ \t]+\S", re.MULTILINE)

_SURE = frozenset(
    ("clearly", "certainly", "definitely", "obviously", "undoubtedly", "absolutely", "always", "never", "surely")
    + ("indeed", "must", "exactly", "guaranteed")
)
_SURE_PHRASES = (" of course ", " without doubt ", " without a doubt ", " in fact ", " the fact is ", " no question ")
_HEDGED = frozenset(
    ("maybe", "perhaps", "possibly", "probably", "might", "may", "could", "seem", "seems", "appear", "appears")
    + ("likely", "unlikely", "usually", "often", "sometimes", "generally", "typically", "uncertain", "approximately")
    + ("roughly", "somewhat", "arguably")
)
_HEDGED_PHRASES = (" i think ", " i believe ", " i guess ", " not sure ", " not certain ", " it depends ")

_REFUSAL = re.compile(
    r"""\bi(?:'m|\ am)\ (?:sorry|afraid)\b[^.!?]*?\b(?:cannot|can't|won't|unable|not\ able)\b
    | \bi\ (?:cannot|can't|won't|will\ not|must\ decline|have\ to\ decline)\b[^.!?]{0,20}?
      \b(?:help|assist|provide|do\ that|share|answer|comply|write|give|support|engage|discuss|create|fulfil+)\b
    | \bi(?:'m|\ am)\ (?:unable|not\ able|not\ allowed)\ to\b
    | \bi\ must\ (?:decline|refuse)\b
    | \bas\ an\ ai\b[^.!?]*?\b(?:cannot|can't|unable)\b""",
    re.VERBOSE,
)
_CLAIM = re.compile(
    r"""\bi\ (?:really\ |firmly\ |strongly\ )?(?:think|believe|feel|know|say|bet|suspect)\b
    | \bi(?:'m|\ am)\ (?:pretty\ |quite\ )?(?:sure|certain|convinced)\b
    | \bin\ my\ (?:view|opinion)\b
    | \b(?:as\ (?:we|you)\ (?:all\ )?know|every(?:body|one)\ knows|obviously|clearly)\b
    | \b(?:isn't|aren't|doesn't|don't|wasn't|won't|is\ it\ not)(?:\ \w+){0,2}\?
    | \b(?:right|correct|no)\?""",
    re.VERBOSE,
)
_YES = re.compile(
    r"""\W*(?:yes|yeah|yep|exactly|absolutely|definitely|certainly|indeed|correct|true|of\ course
    | great\ (?:point|question|thinking) | good\ point | i\ (?:completely\ |fully\ )?agree
    | (?:you(?:'re|\ are)|that(?:'s|\ is))\ (?:(?:absolutely|quite|completely|totally)\ )?(?:right|correct|true))\b""",
    re.VERBOSE,
)
_NO = re.compile(
    r"""\W*(?:no|nope|not\ (?:quite|exactly|really|necessarily)|actually|unfortunately|however
    | i\ (?:respectfully\ )?disagree | i(?:'m|\ am)\ afraid | there(?:'s|\ is)\ no\ evidence
    | (?:that|this|it)(?:'s|\ is)\ (?:not|incorrect|wrong|false|a\ (?:common\ )?(?:myth|misconception))
    | you(?:'re|\ are)\ (?:wrong|mistaken))\b""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Style:
    """What a text looks like; the difference of two of these is what a comparison is explained by."""

    length: float
    """ln of the number of words (at least 1): a difference of ln 2 is twice as long."""
    lists: float
    """ln(1 + list items)."""
    bold: float
    """ln(1 + bold passages)."""
    headers: float
    """ln(1 + headers)."""
    refusal: float
    """1 when it declines to answer, else 0."""
    assertive: float
    """(sure - hedged) / (sure + hedged + 2) over words such as "clearly" and "perhaps": -1 to 1, 0 for neither."""
    agrees: float
    """1 when it begins by agreeing with a claim of the user, -1 by contradicting it, else (and without a claim) 0."""

    def as_tuple(self) -> tuple[float, ...]:
        """The values in the order of `FEATURES`."""
        return tuple(getattr(self, name) for name in FEATURES)


FEATURES = tuple(Style.__dataclass_fields__)
_MARKS = ("lists", "bold", "headers")
STEPS = {**dict.fromkeys(FEATURES, 1.0), "length": math.log(2), **dict.fromkeys(_MARKS, math.log(4))}
"""A difference that a person can picture: twice as long; three list items, bold passages or headers against none."""


def count_words(text: str) -> int:
    """How many words a reader reads, code included."""
    return len(_WORD.findall(text))


def style_of(text: str, prompt: str = "") -> Style:
    """What `text` looks like as an answer to `prompt`, the user's last message in plain text."""
    bare = _CODE.sub(" ", _without_fences(text))
    lower = _lower(bare)
    opening = lower[:OPENING]
    words = _WORD.findall(lower)
    said = f" {' '.join(words)} "
    sure = sum(word in _SURE for word in words) + sum(map(said.count, _SURE_PHRASES))
    hedged = sum(word in _HEDGED for word in words) + sum(map(said.count, _HEDGED_PHRASES))
    return Style(
        length=math.log(max(count_words(text), 1)),
        lists=_many(_ITEM, bare),
        bold=_many(_BOLD, bare),
        headers=_many(_HEADER, bare),
        refusal=float(bool(_REFUSAL.search(opening))),
        assertive=(sure - hedged) / (sure + hedged + 2),
        agrees=_agrees(opening, prompt),
    )


def _without_fences(text: str) -> str:
    """The text without its fenced blocks of code; one that is not closed goes to the end."""
    kept, start, open_by = [], 0, ""
    for mark in _FENCE.finditer(text):
        if not open_by:
            kept.append(text[start : mark.start()])
            open_by = mark[1]
        elif mark[1].startswith(open_by):
            start, open_by = mark.end(), ""
    return "\n".join([*kept, "" if open_by else text[start:]])


def _lower(text: str) -> str:
    return text.lower().replace("’", "'")


def _many(mark: re.Pattern[str], text: str) -> float:
    return math.log1p(len(mark.findall(text)))


def _agrees(opening: str, prompt: str) -> float:
    if not prompt or not _CLAIM.search(_lower(prompt)):
        return 0.0
    return 1.0 if _YES.match(opening) else -1.0 if _NO.match(opening) else 0.0
