"""Every string of the training pages can be translated; what a machine wrote down at night stays as it was written."""

import pytest

from tests.training_web.test_pages import QUERIES, address
from tests.web.pseudo import pseudo_language, untranslated

__all__ = ["pseudo_language"]


@pytest.mark.parametrize("name", QUERIES)
def test_it_has_no_word_that_cannot_be_translated(admin_client, night, pseudo_language, name):
    assert untranslated(admin_client.get(address(name, night)).content.decode()) == ""
