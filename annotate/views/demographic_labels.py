"""The optional questions about a person in words."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf.locale import LANG_INFO
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotate.demographics import QUESTIONS

LABELS = {
    "age": _("Age"),
    "gender": _("Gender"),
    "education": _("Highest education completed"),
    "language": _("First language"),
    "region": _("Where you live"),
}
VALUES = {
    "18-24": _("18 to 24"),
    "25-34": _("25 to 34"),
    "35-44": _("35 to 44"),
    "45-54": _("45 to 54"),
    "55-64": _("55 to 64"),
    "65-plus": _("65 or older"),
    "woman": _("Woman"),
    "man": _("Man"),
    "non-binary": _("Non-binary"),
    "school": _("School"),
    "vocational": _("Vocational training"),
    "bachelor": _("Bachelor’s degree or equal"),
    "master": _("Master’s degree or equal"),
    "doctorate": _("Doctorate"),
    "africa": _("Africa"),
    "asia": _("Asia"),
    "europe": _("Europe"),
    "latin-america": _("Latin America and the Caribbean"),
    "north-america": _("North America"),
    "oceania": _("Oceania"),
    "another": _("Another"),
    "zh": _("Chinese"),  # LANG_INFO has only its scripts
    "": _("No answer"),
}


def label(value: str) -> str:
    """An answer in words. The names of languages are Django's, and so are their translations."""
    return str(VALUES[value]) if value in VALUES else gettext(LANG_INFO[value]["name"])


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its choices, and what is chosen."""

    name: str
    label: str
    choices: list[tuple[str, str]]
    chosen: str


def questions(chosen: Mapping[str, str]) -> list[Question]:
    """Every question, in its order."""
    return [
        Question(name, str(LABELS[name]), [(value, label(value)) for value in values], chosen.get(name, ""))
        for name, values in QUESTIONS.items()
    ]
