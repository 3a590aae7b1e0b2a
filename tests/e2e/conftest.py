"""The world behind a live server, and a browser that fails the test when the console or the policy complains."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from annotate.models import User
from tests.e2e.gate import Gate
from tests.web.conftest import client_of
from tests.world import World

HOST = "localhost"
expect.set_options(timeout=15_000)  # two browsers share two cores: waiting longer never makes a wrong page right


@pytest.fixture
def browser_context_args(browser_context_args: dict) -> dict:
    return {**browser_context_args, "viewport": {"width": 1440, "height": 900}}


@pytest.fixture
def complaints(context: BrowserContext) -> list[str]:
    """Console errors, page errors and content policy violations of every page; they must stay none."""
    said: list[str] = []
    context.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    context.on("weberror", lambda error: said.append(str(error.error)))
    context.on("request", lambda request: said.append(request.url) if urlsplit(request.url).hostname != HOST else None)
    return said


@pytest.fixture(scope="session")
def gate(live_server: LiveServer) -> Gate:
    """What keeps a test's requests from the database of the next one."""
    gate = Gate(live_server.thread.httpd.get_app())
    live_server.thread.httpd.set_app(gate)
    return gate


@pytest.fixture
def address(live_server: LiveServer, gate: Gate, committed_world: World) -> Iterator[str]:
    """Where the world's product is served, until the test ends."""
    gate.open()
    yield live_server.url
    gate.close()


@pytest.fixture
def site(page: Page, address: str, committed_world: World, complaints: list[str]):
    """The pages as a person meets them: a browser at the login of the world's product."""
    site = Site(page, address, committed_world)
    yield site
    assert complaints == []


class Site:
    """A browser and the world it looks at."""

    def __init__(self, page: Page, url: str, world: World):
        self.page = page
        self.url = url
        self.world = world

    def log_in(self, user: User) -> None:
        """Arrive at the work as this person. (test_login.py types the password.)"""
        session = client_of(user).cookies[settings.SESSION_COOKIE_NAME].value
        self.page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": self.url}])
        self.page.goto(f"{self.url}/")

    def begin(self, campaign: str) -> None:
        """Press the campaign's button and wait until its task takes keys."""
        self.page.get_by_role("button", name=campaign).click()
        self.wait_for_keys()

    def wait_for_keys(self) -> None:
        """Wait until the page's script has taken over."""
        self.page.get_by_role("button", name="Keyboard help").wait_for()

    def letters(self) -> dict[str, int]:
        """Which completion each letter stands for."""
        names = self.page.eval_on_selector_all(
            "[data-completion]",
            "cards => cards.map(card => [card.dataset.completion, card.querySelector('.ranks input').name])",
        )
        return {letter: int(name.removeprefix("rank-")) for letter, name in names}
