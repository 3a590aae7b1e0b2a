"""The stock Django admin over everything there is. What must not change cannot be changed here either."""

from annotate.admin import corpus, judgements, people, work

__all__ = ["corpus", "judgements", "people", "work"]
