"""For tests against a local iP.1: fixtures, which pytest finds by itself, and hypothesis strategies.

The fixture `ip1_sandbox` is a running `Sandbox`, `ip1` a `Client` on it. They are async: with pytest-asyncio they work in
its strict and its auto mode, without it a test that asks for them is skipped. Every test has a sandbox of its own on a
free port, so that they run side by side under pytest-xdist.

`new_batches` and `report_histories` need hypothesis.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ip1_async.client import Client
    from ip1_async.sandbox import Sandbox
    from ip1_async.testing.strategies import ReportHistory, new_batches, report_histories

__all__ = ["ReportHistory", "ip1", "ip1_sandbox", "new_batches", "report_histories"]

# The sandbox is imported inside the fixtures: this module is loaded in every pytest run of everybody who has the package
# installed, and must neither slow that down nor break it.

if TYPE_CHECKING or find_spec("pytest_asyncio") is not None:
    import pytest_asyncio

    @pytest_asyncio.fixture
    async def ip1_sandbox() -> AsyncIterator[Sandbox]:
        """A local iP.1 in memory: `ip1_sandbox.url`, `ip1_sandbox.token`."""
        from ip1_async.sandbox import Sandbox

        async with Sandbox() as sandbox:
            yield sandbox

    @pytest_asyncio.fixture
    async def ip1(ip1_sandbox: Sandbox) -> AsyncIterator[Client]:
        """A client of that local iP.1."""
        from ip1_async.client import Client

        async with Client(ip1_sandbox.token, base_url=ip1_sandbox.url) as client:
            yield client

else:

    @pytest.fixture
    def ip1_sandbox():
        """A local iP.1, for which pytest-asyncio is missing."""
        pytest.skip("the fixtures ip1_sandbox and ip1 are async and need pytest-asyncio")

    @pytest.fixture
    def ip1(ip1_sandbox):
        """A client of it."""


def __getattr__(name: str) -> Any:
    if name not in ("ReportHistory", "new_batches", "report_histories"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ip1_async.testing import strategies

    return getattr(strategies, name)
