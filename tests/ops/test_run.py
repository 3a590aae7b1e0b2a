"""The script `run`, in a small house of its own: empty requirements, and a manage.py that says how it was called."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.product import ROOT

MANAGE = "import sys; print('manage.py', *sys.argv[1:])\n"
TOOLS = ("cat", "dirname", "id", "rm", "sh", "tail")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A house after its first start."""
    house = build(tmp_path_factory.mktemp("house"))
    return house, run(house, "--empty")


@pytest.fixture
def bare_path(tmp_path):
    """A PATH with what the script itself uses, and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        (folder / tool).symlink_to(shutil.which(tool))
    return folder


def build(house: Path) -> Path:
    shutil.copy(ROOT / "run", house / "run")
    (house / "manage.py").write_text(MANAGE)
    (house / "requirements.txt").write_text("# nothing\n")
    (house / "requirements-test.txt").write_text("-r requirements.txt\n")
    (house / "requirements-oracles.txt").write_text("")
    return house


def run(house: Path, *arguments: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHON": sys.executable, **env}
    argv = [str(house / "run"), *arguments]
    return subprocess.run(argv, cwd=cwd or house, env=env, capture_output=True, text=True, timeout=600, check=False)


def test_it_installs_and_starts(installed):
    _, first = installed
    assert first.returncode == 0, first.stderr
    assert "Making a virtual environment in .venv\n" in first.stdout
    assert "Installing Concord into .venv, once." in first.stdout
    assert first.stdout.endswith("manage.py up --empty\n")


def test_it_installs_nothing_the_second_time(installed):
    house, _ = installed
    assert run(house).stdout == "manage.py up\n"


def test_it_installs_again_when_the_requirements_change(installed):
    house, _ = installed
    (house / "requirements.txt").write_text("# still nothing\n")
    assert "Installing Concord" in run(house).stdout
    assert run(house).stdout == "manage.py up\n"


def test_it_installs_again_after_an_install_that_failed(installed):
    house, _ = installed
    before = (house / "requirements.txt").read_text()
    (house / "requirements.txt").write_text("no-such-thing @ file:///no/such/file.whl\n")
    for _ in range(2):
        failed = run(house)
        assert failed.returncode == 1
        assert "Installing requirements.txt failed" in failed.stderr
    (house / "requirements.txt").write_text(before)
    assert run(house).returncode == 0


def test_it_works_from_another_directory(installed, tmp_path):
    house, _ = installed
    assert run(house, "manage", "check", "--deploy", cwd=tmp_path).stdout == "manage.py check --deploy\n"


def test_it_passes_demo_on(installed):
    house, _ = installed
    assert run(house, "demo", "--fast").stdout == "manage.py demo --fast\n"


def test_it_says_what_there_is_when_asked_for_something_else(installed):
    house, _ = installed
    said = run(house, "fly")
    assert said.returncode == 2
    assert said.stderr.startswith("There is no './run fly'.\n./run [--empty]")


def test_it_lists_the_benchmarks(installed):
    house, _ = installed
    (house / "tests" / "bench").mkdir(parents=True)
    (house / "tests" / "bench" / "__init__.py").touch()
    (house / "tests" / "bench" / "speed.py").touch()
    assert run(house, "bench").stdout == "The benchmarks are:\n  speed\n"
    assert run(house, "bench", "nosuch").returncode == 2


def test_it_says_what_to_install_where_there_is_no_python(tmp_path, bare_path):
    house = tmp_path / "house"
    house.mkdir()
    said = run(build(house), PATH=str(bare_path), PYTHON="")
    assert said.returncode == 1
    assert said.stderr.startswith("Concord needs Python 3.11, and there is none on PATH.")
    assert "apt install python3 python3-venv" in said.stderr


def test_it_says_what_to_install_where_venv_is_missing(tmp_path, bare_path):
    house = tmp_path / "house"
    house.mkdir()
    # Debian without python3-venv: the right version, but `import ensurepip` fails.
    fake = bare_path / "python3.11"
    fake.write_text('#!/bin/sh\ncase "$2" in *ensurepip*) exit 1 ;; *) exit 0 ;; esac\n')
    fake.chmod(0o755)
    said = run(build(house), PATH=str(bare_path), PYTHON="")
    assert said.returncode == 1
    assert "apt install python3-venv" in said.stderr
    assert not (house / ".venv").exists()
