"""The ledger's tests use the pages' small world, in which two people have ranked."""

from tests.web.conftest import kept_rankings, ranked_world

__all__ = ["kept_rankings", "ranked_world"]
