"""Carol's browser, and a finished night for her to look at."""

import pytest

from tests.training_web.night import Night, build_night


@pytest.fixture
def admin_client(client, world):
    """A browser in which Carol, the admin, is logged in."""
    client.force_login(world.carol)
    return client


@pytest.fixture
def night(world, settings, tmp_path) -> Night:
    settings.SNAPSHOT_DIR, settings.RUN_DIR = tmp_path / "snapshots", tmp_path / "runs"
    return build_night(world)
