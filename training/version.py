"""Which code made an artifact. Standard library only."""

import subprocess
import tomllib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@cache
def code_version() -> str:
    """The project's version, and the commit where it runs from a git checkout: `0.1.0+g0123456789ab`.

    `.dirty` is appended when tracked files differ from the commit.
    """
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty=.dirty", "--abbrev=12", "--exclude=*"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):  # no git, or no checkout: the version has to do
        return version
    return f"{version}+g{described.stdout.strip()}"
