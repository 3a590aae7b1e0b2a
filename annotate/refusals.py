"""Sentences of the pure modules, kept apart from the values in them so that the services can translate them. Pure."""

from typing import Any


class Refusal(ValueError):
    """Something that cannot be accepted: `sentence` with named placeholders, and the `values` that go there.

    `str()` is the English sentence: what is wrong, where, what to do.
    """

    def __init__(self, sentence: str, /, **values: Any):
        self.sentence = sentence
        self.values = values
        super().__init__(sentence % values if values else sentence)
