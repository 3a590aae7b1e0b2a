"""What changed between two texts. Pure."""

from difflib import unified_diff


def unified(old: str, new: str) -> str:
    """The unified diff of two texts by lines, without file names."""
    lines = unified_diff(old.splitlines(), new.splitlines(), "original", "edited", lineterm="", n=3)
    return "\n".join(lines)
