"""What `manage.py up` refuses to start with, and how it says so."""

import os
import socket
import subprocess
import sys

import pytest

from tests.product import ROOT, free_port


def refused(**env: str) -> str:
    """What `up` says when it refuses to start; it must be one sentence (or two), and no traceback."""
    argv = [sys.executable, str(ROOT / "manage.py"), "up", "--empty"]
    done = subprocess.run(
        argv, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    return done.stderr


def test_it_names_a_port_that_is_in_use(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused(CONCORD_VAR=str(tmp_path), PORT=str(port))
    assert said.startswith(f"CommandError: Port {port} on 127.0.0.1 cannot be used (Address already in use).")
    assert f"PORT={port + 1} ./run" in said


def test_it_names_a_host_that_is_none(tmp_path):
    assert "HOST is 'no.such.host.invalid'" in refused(CONCORD_VAR=str(tmp_path), HOST="no.such.host.invalid")


def test_it_names_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    said = refused(CONCORD_VAR=str(tmp_path / "file" / "var"))
    assert "CONCORD_VAR" in said
    assert "must be a folder that can be written (Not a directory)" in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("WEB_WORKERS", "0"),
        ("DEBUG", "perhaps"),
        ("NIGHTLY_AT", "at night"),
        ("DATABASE_URL", "mysql://localhost/concord"),
        ("CELERY_BROKER_URL", "amqp://localhost"),
        ("LOG_LEVEL", "LOUD"),
        ("SECRET_KEY_FILE", "/no/such/file"),
        ("SECRET_KEY_FILE", sys.executable),
        ("PORT", "٣"),
        ("DATABASE_URL", "sqlite:///"),
        ("DATABASE_URL", "sqlite:////no/such/folder/concord.sqlite3"),
        ("DATABASE_URL", "postgresql://me:a/b@localhost/concord"),
        ("CELERY_BROKER_URL", "redis://localhost:port/0"),
        ("TIME_ZONE", "Mars/Phobos"),
        ("BASE_MODEL", "/no/such/model"),
    ],
)
def test_it_names_a_bad_setting(tmp_path, name, value):
    said = refused(CONCORD_VAR=str(tmp_path), **{name: value})
    assert said.startswith(f"Error: The setting {name} is ")
    assert "but must be " in said


def test_it_says_that_the_database_does_not_answer(tmp_path):
    said = refused(CONCORD_VAR=str(tmp_path), PORT=str(free_port()), DATABASE_URL="postgres://me:pw@127.0.0.1:1/x")
    assert said.startswith("CommandError: The database cannot be opened: ")
    assert "correct DATABASE_URL" in said
