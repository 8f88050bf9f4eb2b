"""The sandbox as a server: who may ask, what it refuses, and what its database keeps."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import sqlite3
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ip1_async.clock import ManualClock
from ip1_async.sandbox import Sandbox
from tests.raw import Caller, caller, sandbox_caller

ANN = "46700000001"
WHOLE = {"sender": "iP1", "recipients": [ANN], "body": "Hello"}


@pytest.fixture
async def call(clock: ManualClock) -> AsyncIterator[Caller]:
    async with sandbox_caller(clock) as caller:
        yield caller


async def asked(call: Caller, method: str, path: str, **how: Any) -> tuple[int, Any]:
    """Status and problem details of a request that has to be refused."""
    headers = {"Authorization": f"Bearer {call.token}"} | how.pop("headers", {})
    async with call.session.request(method, call.url + path, headers=headers, **how) as response:
        assert response.content_type == "application/problem+json"
        problem = await response.json(content_type=None)
        assert problem["status"] == response.status
        assert problem["title"]
        return response.status, problem


# Who may ask


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer other", "Basic c2FuZGJveDo=", "sandbox"])
async def test_another_token_is_unauthorized(call: Caller, header: str) -> None:
    status, _ = await asked(call, "GET", "/v2/batches", headers={"Authorization": header})
    assert status == 401


async def test_no_token_is_unauthorized_and_the_scheme_is_read_in_any_case(call: Caller) -> None:
    async with call.session.get(f"{call.url}/v2/batches") as response:
        assert response.status == 401
    async with call.session.get(f"{call.url}/v2/batches", headers={"Authorization": "bearer sandbox"}) as response:
        assert response.status == 200


# What is refused, and how


async def test_an_unknown_path_and_a_wrong_method_are_told_apart(call: Caller) -> None:
    assert (await asked(call, "GET", "/v2/nothing"))[0] == 404
    status, problem = await asked(call, "PATCH", "/v2/batches")
    assert status == 405
    assert problem["detail"] == "Allowed here: GET, POST."


@pytest.mark.parametrize("body", [b"{", b"{'sender': 1}", b"\xff\xfe", b'"\\ud800"', b"[" * 100_000, b"{}{}"])
async def test_what_is_not_json_is_refused(call: Caller, body: bytes) -> None:
    status, problem = await asked(call, "POST", "/v2/batches", data=body, headers={"Content-Type": "application/json"})
    assert (status, problem["detail"]) == (400, "The body is not valid JSON.")


@pytest.mark.parametrize("body", [None, 5, "text", [], True])
async def test_a_batch_that_is_no_object_is_refused(call: Caller, body: Any) -> None:
    await call.refused("body", "POST", "/v2/batches", body)


async def test_a_body_that_is_not_sent_as_json_is_refused(call: Caller) -> None:
    status, _ = await asked(call, "POST", "/v2/batches", data=json.dumps(WHOLE), headers={"Content-Type": "text/plain"})
    assert status == 415


async def test_a_body_of_20_mb_is_refused(call: Caller) -> None:
    data = io.BytesIO(json.dumps(WHOLE | {"body": "x" * 20_000_000}).encode())
    status, _ = await asked(call, "POST", "/v2/batches", data=data, headers={"Content-Type": "application/json"})
    assert status == 413
    assert await call("GET", "/v2/batches") == []


# Where it listens


async def test_a_port_that_is_taken_is_named(clock: ManualClock) -> None:
    async with Sandbox(clock=clock) as sandbox:
        with pytest.raises(OSError, match=f"port {sandbox.port} of 127.0.0.1 cannot be used"):
            await Sandbox(port=sandbox.port, clock=clock).__aenter__()


async def test_a_sandbox_that_is_left_is_gone_and_can_be_entered_again(clock: ManualClock) -> None:
    sandbox = Sandbox(clock=clock)
    async with sandbox, caller(sandbox) as call:
        await call("POST", "/v2/batches", WHOLE)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(sandbox.url)
    async with sandbox, caller(sandbox) as call:
        assert await call("GET", "/v2/batches") == []
    with pytest.raises(RuntimeError, match="not running"):
        await sandbox.receive(sender=ANN, recipient=ANN, body="Hi")


# What it keeps


async def test_a_file_keeps_everything_and_ids_go_on(clock: ManualClock, tmp_path: Path) -> None:
    db = tmp_path / "state.db"
    async with Sandbox(db=db, clock=clock) as sandbox, caller(sandbox) as call:
        first = await call("POST", "/v2/batches", WHOLE)
        await call("PUT", f"/v2/blacklist/{ANN}")
        contacts = await call("POST", "/v2/contacts?sync=1", [{"properties": {"email": "ann@example.com"}}])
    assert stat.S_IMODE(db.stat().st_mode) == 0o600
    await clock.advance(60)
    async with Sandbox(db=db, clock=clock, token="another") as sandbox, caller(sandbox) as call:
        assert (await call("GET", f"/v2/batches/{first['id']}"))["messageSummary"] == {"201": {"messages": 1, "sms": 1}}
        assert [each["msisdn"] for each in await call("GET", "/v2/blacklist")] == [ANN]
        assert await call("GET", "/v2/contacts") == contacts
        second = await call("POST", "/v2/batches", WHOLE)
        assert second["id"] > contacts[0]["id"] > first["id"]
        await call.as_holder_of("sandbox")("GET", "/v2/batches", expect=401)


async def test_what_stands_beside_a_database_is_for_its_owner_only(clock: ManualClock, tmp_path: Path) -> None:
    async with Sandbox(db=tmp_path / "state.db", clock=clock) as sandbox, caller(sandbox) as call:
        await call("POST", "/v2/batches", WHOLE)
        assert {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()} == {0o600}


async def test_time_does_not_go_backwards_over_a_restart(clock: ManualClock, tmp_path: Path) -> None:
    db = tmp_path / "state.db"
    async with Sandbox(db=db, clock=clock, speed=3600) as sandbox, caller(sandbox) as call:
        await clock.advance(60)
        await call("PUT", "/v2/me/senders/Example")
        await clock.advance(60)
    async with Sandbox(db=db, clock=clock) as sandbox, caller(sandbox) as call:
        entry = await call("PUT", f"/v2/blacklist/{ANN}")
        assert entry["created"].startswith("2026-01-06T00:00:00")


@pytest.mark.parametrize("kind", ["folder", "text", "foreign", "newer", "nowhere"])
async def test_a_database_that_is_none_of_its_own_is_refused_and_left_alone(
    clock: ManualClock, tmp_path: Path, kind: str
) -> None:
    db = tmp_path / "state.db"
    if kind == "folder":
        db.mkdir()
    elif kind == "text":
        db.write_text("no database, but a long enough text to be looked at as one\n" * 20)
    elif kind == "foreign":
        with sqlite3.connect(db) as other:
            other.execute("CREATE TABLE theirs (x)")
    elif kind == "newer":
        async with Sandbox(db=db, clock=clock):
            pass
        with sqlite3.connect(db) as ours:
            ours.execute("PRAGMA user_version = 99")
    else:
        db = tmp_path / "missing" / "state.db"
    before = db.read_bytes() if db.is_file() else None
    with pytest.raises(OSError, match=r"state\.db"):
        await Sandbox(db=db, clock=clock).__aenter__()
    assert (db.read_bytes() if db.is_file() else None) == before


async def test_a_sandbox_that_is_killed_while_it_is_sent_to_keeps_whole_batches_only(tmp_path: Path) -> None:
    db = tmp_path / "state.db"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ip1_async", "sandbox", "--port", "0", "--db", str(db),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip().removeprefix("IP1_BASE_URL=")
    everybody = WHOLE | {"recipients": [str(46700000000 + each) for each in range(500)]}
    answered: list[str] = []
    async with aiohttp.ClientSession() as session:
        call = Caller(session, url, "sandbox")

        async def send() -> None:
            while True:
                answered.append((await call("POST", "/v2/batches", everybody))["id"])
                if len(answered) == 5:
                    os.kill(process.pid, signal.SIGKILL)

        with pytest.raises(ExceptionGroup) as caught:
            async with asyncio.TaskGroup() as group:
                for _ in range(4):
                    group.create_task(send())
    assert caught.group_contains(aiohttp.ClientError) or caught.group_contains(ConnectionError)
    assert await process.wait() == -signal.SIGKILL
    async with Sandbox(db=db) as sandbox, caller(sandbox) as call:
        kept = await call("GET", "/v2/batches?limit=1000")
        assert {each["id"] for each in kept} >= set(answered)
        for each in kept:
            assert len(await call("GET", f"/v2/batches/{each['id']}/messages?limit=1000")) == 500


async def test_time_runs_as_fast_as_it_is_told(clock: ManualClock) -> None:
    async with Sandbox(clock=clock, speed=10) as sandbox, caller(sandbox) as call:
        made = await call("POST", "/v2/batches", WHOLE)
        await clock.advance(0.2)
        (message,) = await call("GET", f"/v2/batches/{made['id']}/messages")
        assert message["statuses"][-1]["code"] == 201
