"""The documents say what the tree holds: settings, files and commands that they name exist."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "THREAT_MODEL.md", "CHANGELOG.md"]
SOURCES = {"annotate", "config", "docs", "guidelines", "static", "templates", "tests", "training"}


def settings_in_the_code() -> set[str]:
    source = (ROOT / "config" / "settings.py").read_text()
    named = re.findall(r"""(?:environ\.get|env\.list|_bool|_int|_secret|_crontab)\(\s*"([A-Z_]+)\"""", source)
    return set(named)


def test_it_lists_every_setting_and_no_other():
    table = (ROOT / "README.md").read_text().partition("## Configuration")[2].partition("\n### ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`([A-Z_]+)`", " ".join(rows))) == settings_in_the_code()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_it_names_only_files_that_exist(document):
    text = (ROOT / document).read_text()
    linked = set(re.findall(r"\]\(([^):#]+)\)", text))
    named = {name for name in re.findall(r"`([\w./-]+)`", text) if name.split("/")[0] in SOURCES}
    assert sorted(name for name in linked | named if not (ROOT / name).exists()) == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_it_names_only_commands_that_exist(document):
    text = (ROOT / document).read_text()
    known = {path.stem for path in ROOT.glob("*/management/commands/[a-z]*.py")} | {"makemigrations", "createsuperuser"}
    assert set(re.findall(r"(?:run manage|manage\.py) ([a-z_]+)", text)) <= known
    usage = subprocess.run([ROOT / "run", "help"], capture_output=True, text=True, check=True).stdout
    for command in set(re.findall(r"\./run ([a-z]+)", text)):
        assert f"./run {command}" in usage
