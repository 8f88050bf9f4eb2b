"""Fixtures for tests against a local iP.1; pytest finds them by itself once the package is installed.

`ip1_sandbox` is a running `Sandbox`, `ip1` a `Client` on it. They are async: with pytest-asyncio they work in its strict
and its auto mode, without it a test that asks for them is skipped.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ip1_async.client import Client
    from ip1_async.sandbox import Sandbox

# The package itself is imported inside the fixtures: this module is loaded in every pytest run of everybody who has it
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
