"""Content hashes: what is the same has the same name. Pure."""

import hashlib
import json
from collections.abc import Mapping, Sequence


def sha256_of(value) -> str:
    """Hex SHA-256 of the canonical JSON of `value` (sorted keys, no spaces, UTF-8)."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def prompt_sha256(messages: Sequence[Mapping[str, str]]) -> str:
    """The hash of a prompt: of its messages' roles and contents, nothing else."""
    return sha256_of([[message["role"], message["content"]] for message in messages])


def completion_sha256(text: str) -> str:
    """The hash of a completion's text."""
    return sha256_of(text)
