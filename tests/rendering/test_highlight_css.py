"""The colours of code can be told from their ground, and none of them is dead."""

import re
from pathlib import Path

import pytest

from annotate.rendering import TOKEN_CLASSES

CSS = Path(__file__).parents[2] / "static" / "css"


def light_and_dark(stylesheet: str, variable: str) -> tuple[str, str]:
    found = re.search(rf"{variable}: light-dark\((#[0-9a-f]{{6}}), (#[0-9a-f]{{6}})\)", stylesheet)
    assert found, f"{variable} is not a pair of colours"
    return found[1], found[2]


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_it_colours_code_with_enough_contrast(scheme):
    stylesheet = (CSS / "highlight.css").read_text()
    ground = light_and_dark((CSS / "tokens.css").read_text(), "--sunken")[scheme]
    for variable in re.findall(r"(--code-\w+): light-dark", stylesheet):
        assert contrast(light_and_dark(stylesheet, variable)[scheme], ground) >= 4.5, variable


def test_it_colours_only_classes_that_are_rendered():
    assert set(re.findall(r"\.(tok-\w+)", (CSS / "highlight.css").read_text())) <= TOKEN_CLASSES
