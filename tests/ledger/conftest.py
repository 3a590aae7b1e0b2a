"""The ledger's tests use the pages' small world, in which two people have ranked."""

from tests.web.conftest import ranked_world

__all__ = ["ranked_world"]
