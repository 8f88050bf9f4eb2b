"""What all tests share: a clock that stands still, aioresponses made to work with today's aiohttp, and no network."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import Mock

import aiohttp
import aioresponses.core
import pytest
from aioresponses import aioresponses as mocked
from hypothesis import settings

from ip1_async.clock import ManualClock
from ip1_async.sandbox import Sandbox

# A run is slow where the machine is busy, which says nothing about the code.
settings.register_profile("no deadline", deadline=None)
# `pytest --hypothesis-profile=long` looks a hundred times as hard.
settings.register_profile("long", deadline=None, max_examples=10_000, database=None)
settings.load_profile("no deadline")


@pytest.fixture
def clock() -> ManualClock:
    """A time that stands still until the test moves it."""
    return ManualClock()


@pytest.fixture
def responses(monkeypatch: pytest.MonkeyPatch) -> Iterator[mocked]:
    """aioresponses, which stands in for what an `aiohttp.ClientSession` would be answered."""

    class Response(aiohttp.ClientResponse):
        """Comes with a writer to its stream: aiohttp wants one since 3.14, and aioresponses 0.7.9 gives none."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{"stream_writer": Mock(output_size=0), **kwargs})

    monkeypatch.setattr(aioresponses.core, "ClientResponse", Response)
    with mocked() as answers:
        yield answers


@pytest.fixture(autouse=True)
def left(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A test that looks up or connects to another machine is refused as by a network that is down, and fails.

    Gives the hosts that were refused so far.
    """
    hosts: list[str] = []
    connect, connect_ex, look_up = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def stay(host: str | bytes | None) -> None:
        name = host.decode() if isinstance(host, bytes) else host
        if not _is_here(name):
            hosts.append(str(name))
            raise OSError(f"a test tried to reach {name}; tests stay on this machine")

    def connected(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            stay(address[0])
        connect(self, address)

    def connected_ex(self: socket.socket, address: Any) -> int:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            stay(address[0])
        return connect_ex(self, address)

    def looked_up(host: str | bytes | None, *args: Any, **kwargs: Any) -> Any:
        stay(host)
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", connected)
    monkeypatch.setattr(socket.socket, "connect_ex", connected_ex)
    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    yield hosts
    if hosts:
        pytest.fail(f"tried to reach {', '.join(hosts)}; tests stay on this machine")


def _is_here(host: str | None) -> bool:
    try:
        address = ipaddress.ip_address(host or "::1")
    except ValueError:
        return host == "localhost"
    return address.is_loopback or address.is_unspecified


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox in a thread of its own, and the environment set for it."""
    ready, done = threading.Event(), threading.Event()
    sandbox = Sandbox()

    async def serve() -> None:
        async with sandbox:
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait(10)
    monkeypatch.setenv("IP1_BASE_URL", sandbox.url)
    monkeypatch.setenv("IP1_TOKEN", sandbox.token)
    monkeypatch.setenv("COLUMNS", "80")
    yield sandbox
    done.set()
    thread.join()


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command line as a shell would; gives its exit code, its output and its errors."""
    pytest.importorskip("cyclopts", reason="the command line needs the extra cli")
    from ip1_async.cli.main import run

    def call(*argv: str) -> tuple[int, str, str]:
        code = run(argv)
        return code, *capsys.readouterr()

    return call
