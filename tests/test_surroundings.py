"""What the tests lean on: the guard against the network, and aioresponses under an injected session."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest
from aioresponses import aioresponses

from ip1_async import Client


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("2001:db8::1", 80), ("api.example.com", 443)])
def test_a_connection_to_another_machine_is_refused_and_noted(address: tuple[str, int], left: list[str]) -> None:
    with pytest.raises(OSError, match="stay on this machine"):
        socket.create_connection(address, timeout=1)
    assert left == [address[0]]
    left.clear()


async def test_the_loop_and_aiohttp_are_guarded_too(left: list[str]) -> None:
    with pytest.raises(OSError, match="stay on this machine"):
        await asyncio.open_connection("192.0.2.1", 80)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get("https://api.example.com/")
    assert left == ["192.0.2.1", "api.example.com"]
    left.clear()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_connections_within_this_machine_are_let_through(host: str, left: list[str]) -> None:
    async with await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(host, server.sockets[0].getsockname()[1], family=socket.AF_INET)
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
    assert left == []


async def test_a_user_can_answer_the_reads_of_an_injected_session_with_aioresponses(responses: aioresponses) -> None:
    responses.get("https://api.example.com/v2/batches/b1", payload={"id": "b1", "sender": "iP1", "body": "Hello"})
    async with (
        aiohttp.ClientSession() as session,
        Client("token", base_url="https://api.example.com", session=session) as ip1,
    ):
        assert (await ip1.batches.get("b1")).sender == "iP1"
