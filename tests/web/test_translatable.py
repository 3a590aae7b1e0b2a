"""Every string of every page can be translated: in a language of brackets, no word stands outside of them."""

import pytest
from django.template.loader import render_to_string

from annotate.models import Campaign, Guideline
from tests.web.pages import every_page
from tests.web.pseudo import CLOSE, OPEN, pseudo_language, untranslated

__all__ = ["pseudo_language"]
# What people wrote (in <bdi> or dir="auto"), code and keys are left out; see pseudo.py for the few names that remain.
HINT = "is neither translated (translate, blocktranslate, gettext) nor marked as what people wrote (bdi, dir=auto)"


def test_it_has_no_word_that_cannot_be_translated(world, pseudo_language):
    found = []
    for name, response in every_page(world):
        if response["Content-Type"].startswith("text/html") and name != "preview":
            written = [
                *Campaign.objects.values_list("name", flat=True),
                *Guideline.objects.values_list("title", flat=True),
            ]
            if left := untranslated(response.content.decode(), written):
                found.append(f"{name}: “{left}”")
    assert not found, f"This {HINT}:\n" + "\n".join(found)


@pytest.mark.parametrize("name", ["400.html", "403.html", "403_csrf.html", "404.html", "500.html"])
def test_it_has_no_error_page_that_cannot_be_translated(pseudo_language, name):
    assert untranslated(render_to_string(name)) == ""


def test_it_finds_words_outside_of_translations():
    page = f'<p>{OPEN}Rank{CLOSE} A <b title="Best">{OPEN}1{OPEN}st{CLOSE}{CLOSE}</b> or <bdi>Anna</bdi></p>'
    assert untranslated(page) == "Best; or"
