"""Every page of the product, opened in the browser one after the other: what holds for all of them is tested here.

The pages are those of tests/web/pages.py, and a page that is added there is tested in the browser, too.
"""

from collections.abc import Iterator

import pytest
from django.conf import settings

from annotate.models import User
from tests.training_web.night import Night, build_night
from tests.training_web.test_pages import QUERIES, address
from tests.web.conftest import client_of
from tests.web.pages import every_page

LIMIT = 61_440  # bytes of our own JavaScript and CSS on a page, over the wire


@pytest.fixture
def night(site, settings, tmp_path) -> Night:
    """A finished night, for the training pages."""
    settings.SNAPSHOT_DIR, settings.RUN_DIR = tmp_path / "snapshots", tmp_path / "runs"
    return build_night(site.world)


def enter_as(site, user: User, language: str) -> None:
    """Be this person in the browser, without typing a password, and read this language."""
    enter(site, client_of(user).cookies[settings.SESSION_COOKIE_NAME].value, language)


def enter(site, session: str | None, language: str) -> None:
    """Be whose session this is (None: nobody's), and read this language."""
    site.page.context.clear_cookies()
    cookies = {settings.LANGUAGE_COOKIE_NAME: language}
    if session:
        cookies[settings.SESSION_COOKIE_NAME] = session
    site.page.context.add_cookies([{"name": name, "value": value, "url": site.url} for name, value in cookies.items()])


def walk(site, night: Night, complaints: list[str], *, language: str = "en") -> Iterator[str]:
    """Open each page as the person whom it is for, and yield its name."""
    for name, response in every_page(site.world):
        request = response.wsgi_request
        if request.method == "GET" and response.headers["Content-Type"].startswith("text/html"):
            enter(site, request.COOKIES.get(settings.SESSION_COOKIE_NAME), language)
            site.page.goto(site.url + request.get_full_path())
            if response.status_code >= 400:  # the browser says so on its console
                complaints[:] = [said for said in complaints if f"status of {response.status_code}" not in said]
            yield name
    enter_as(site, site.world.carol, language)
    for name in QUERIES:
        site.page.goto(site.url + address(name, night))
        yield name
