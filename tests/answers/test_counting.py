"""The page counts words as the server does."""

import re
import sys
from pathlib import Path

from annotate.answers import count_words

SCRIPT = Path(__file__).parents[2] / "static" / "js" / "writing.js"


def test_it_splits_at_the_same_characters_in_the_browser_as_on_the_server():
    (pattern,) = re.findall(r"^const SPACE = /(.+)/;$", SCRIPT.read_text(), flags=re.MULTILINE)
    space = re.compile(pattern)
    other = [
        hex(point)
        for point in range(sys.maxunicode + 1)
        if bool(space.fullmatch(chr(point))) != (count_words(f"a{chr(point)}b") == 2)
    ]
    assert other == []
