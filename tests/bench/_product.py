"""What benchmarks of the whole product share: real servers beside it, and calls into its own Django."""

import atexit
import contextlib
import functools
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.product import Product, running_redis


@contextlib.contextmanager
def running_servers(folder: Path, *, database: str) -> Iterator[dict[str, str]]:
    """The settings that name an empty PostgreSQL database and a Redis server, which runs meanwhile.

    The PostgreSQL server runs until this process ends.
    """
    with running_redis(folder) as redis:
        yield {"DATABASE_URL": _environment().new_postgres_database(database), "CELERY_BROKER_URL": redis}


@functools.cache
def _environment() -> ModuleType:
    from tests import environment  # noqa: PLC0415  importing it changes this process's environment

    atexit.register(environment.pytest_unconfigure)
    return environment


def inside(product: Product, module: str, call: str) -> Any:
    """Calls a function of tests.bench.`module` in the product's own Django, and returns the JSON that it printed."""
    printed = product.manage("shell", "-v0", "-c", f"from tests.bench import {module} as i; i.{call}")
    return json.loads(printed) if printed.strip() else None
