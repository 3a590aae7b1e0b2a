"""Whether what numba compiled is that of these sources. It keeps it beside them, and so is the note of it."""

import hashlib
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent


def fingerprint() -> str:
    """What the compiled code depends on: another one, and it has to be compiled anew."""
    digest = hashlib.sha256(version("numba").encode())
    for path in sorted(HERE.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_compiled() -> bool:
    """Whether everything was compiled before, here, from these sources."""
    note = _note()
    return note.exists() and note.read_text() == fingerprint()


def note_that_it_is_compiled() -> None:
    """Everything was compiled. Raises OSError where the sources lie in a place that nobody may write to."""
    _note().parent.mkdir(exist_ok=True)
    _note().write_text(fingerprint())


def _note() -> Path:
    return HERE / "__pycache__" / "compiled"
