"""Fixtures for every test: the database, a real Redis server, a real browser, and the whole product as a process."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase, override_settings

from annotate.ledger import live, shown
from annotate.services import anywhere, choosing
from tests import migrated
from tests import world as worlds
from tests.emptying import empty_tables, give_up_dead_rows
from tests.product import CHROMIUM_ARGUMENTS, Product, chromium, running_redis

kept_world, world, committed_world = worlds.kept_world, worlds.world, worlds.committed_world

# No wall clock decides a test: a busy machine is slow at making examples, too.
hypothesis.settings.register_profile("concord", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("concord")


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """SQLite in a file: in memory it locks differently from the product's, and other processes cannot see it."""
    database = settings.DATABASES["default"]
    worker = os.environ.get("PYTEST_XDIST_WORKER", "single")
    if database["ENGINE"].endswith("sqlite3"):
        database["TEST"]["NAME"] = str(settings.VAR_DIR / f"test-{worker}.sqlite3")
        migrated.copy_to(database["TEST"]["NAME"])
    else:
        database["TEST"]["NAME"] = f"test_concord_{worker}"


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """Nothing is asked before a file is used that is there already; it goes with its folder."""
    return settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker) -> None:
    """What pytest-django makes; on SQLite the parts of the suite that come later begin with a copy."""
    with django_db_blocker.unblock():
        if connection.vendor == "sqlite":
            migrated.keep(connection)


@pytest.fixture(scope="session", autouse=True)
def emptied_quickly() -> Iterator[None]:
    """A test that commits leaves empty tables, and no more is done for that than must be."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(TransactionTestCase, "_fixture_teardown", empty_tables)
        yield


@pytest.fixture(scope="module", autouse=True)
def without_dead_rows(django_db_blocker) -> Iterator[None]:
    """On PostgreSQL each file of tests begins with tables that are empty on the disk, too."""
    yield
    if connection.vendor == "postgresql" and connection.connection is not None:
        with django_db_blocker.unblock():
            give_up_dead_rows()


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Hashing a password slowly, as the product does, would take most of the suite's time."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(scope="session", autouse=True)
def static_files_as_asked_for() -> Iterator[None]:
    """WhiteNoise finds a file when it is asked for, instead of all of them whenever a test makes a client."""
    with override_settings(WHITENOISE_AUTOREFRESH=True):
        yield


LONG = (
    *("ops/test_first_start.py", "training/test_celery.py", "ops/test_up.py", "recipes/test_sharding.py"),
    *("ops/test_servers.py", "training/test_end_to_end.py", "training/test_pipelines.py", "recipes/test_recipes.py"),
)
"""What takes longest in one piece. With two test processes it comes first, and the small ones fill up the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:
        order = {Path(__file__).parent / name: place for place, name in enumerate(LONG)}
        items.sort(key=lambda item: order.get(item.path, len(LONG)))


class NoChance:
    """A die that always falls so that the campaign's order decides."""

    def random(self) -> float:
        return 1 - 1e-9


@pytest.fixture(scope="session", autouse=True)
def in_order() -> Iterator[None]:
    """Tasks come in their campaign's order, and campaigns of equal priority in theirs.

    The tests of the lanes and of the shares throw dice of their own (`choosing.chance`, `anywhere.chance`).
    """
    with pytest.MonkeyPatch.context() as patched:
        for module in (choosing, anywhere):
            patched.setattr(module, "chance", NoChance())
        yield


@pytest.fixture(autouse=True)
def new_ledger() -> None:
    """No test knows what an earlier one had read: the database is put back, and its keys come again."""
    live._of.cache_clear()


@pytest.fixture(scope="session", autouse=True)
def unhurried() -> Iterator[None]:
    """A page looks at every text, however slow the machine is."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(shown, "PATIENCE", math.inf)
        yield


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Redis server that this test process has for itself."""
    with running_redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> Iterator[dict]:
    """Playwright drives the Chromium that the machine has."""
    # Playwright keeps an event loop running in this thread from now on, and Django would refuse every query for it.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    yield {**browser_type_launch_args, "executable_path": chromium(), "args": CHROMIUM_ARGUMENTS}
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="module")
def live_product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The whole product, started by `manage.py up --empty` in a folder of its own, until the module's last test."""
    product = Product(tmp_path_factory.mktemp("product") / "var")
    product.start_all()
    yield product
    product.stop()


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data sets beside the repository; a test that needs it is skipped where it is absent."""
    folder = settings.BASE_DIR.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the data sets in {folder.relative_to(settings.BASE_DIR.parent)}, which are not here")
    return folder
