"""The client: what each option does on the wire, and what each failure means."""

from __future__ import annotations

import asyncio
import gc
import gzip
import logging
import os
import socket
import subprocess
import sys
import traceback
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

import ip1_async
from ip1_async import (
    AttemptMade,
    Batch,
    Client,
    ConnectFailed,
    Invalid,
    IP1Error,
    NewBatch,
    NotFound,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    ReadFailed,
    Refused,
    Rejected,
    Sent,
    TooLarge,
    Undecodable,
    Unknown,
    raw,
)
from ip1_async.client.heading import Heading
from ip1_async.clock import ManualClock
from tests.misbehaving import heard, serving
from tests.scripted import Answer, Asked, Scripted

NUMBER = "46709999111"
TEXT = "canary in a text"
TOKEN = "canary-token-0123456789"
OVERVIEW = Answer({"Account": "ip1-1"})
BATCH = Answer({"id": "b1"})


def client(server: Scripted | str, **options: Any) -> Client:
    return Client(TOKEN, base_url=server if isinstance(server, str) else server.url, **options)


async def send(ip1: Client, **changes: Any) -> Batch:
    return await ip1.batches.send(**{"sender": "iP1", "recipients": [NUMBER], "body": TEXT, **changes})


# What goes over the wire


async def test_a_call_sends_the_token_and_says_who_it_is() -> None:
    async with Scripted(OVERVIEW) as server, client(server, user_agent="shop/1.0") as ip1:
        await ip1.account.overview()
    headers = server.asked[0].headers
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert headers["User-Agent"] == "shop/1.0"
    assert headers["Accept"] == "application/json"
    assert server.asked[0].body == b""


async def test_both_styles_of_a_write_send_the_same() -> None:
    async with Scripted(BATCH) as server, client(server) as ip1:
        await ip1.batches.send(sender="iP1", recipients=[NUMBER], body=TEXT, reference="r")
        await ip1.batches.send(NewBatch(sender="iP1", recipients=[NUMBER], body=TEXT, reference="r"))
    assert server.asked[0].body == server.asked[1].body
    assert server.asked[0].json == {
        "sender": "iP1", "recipients": [NUMBER], "body": TEXT, "type": "sms", "datacoding": "ucs", "priority": 1,
        "deliveryWindows": [], "reference": "r", "tags": [],
    }  # fmt: skip


async def test_a_token_can_come_from_the_environment_or_from_a_function(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fresh() -> str:
        return " from-function\n"

    async with Scripted(OVERVIEW) as server:
        monkeypatch.setenv("IP1_TOKEN", "from-environment\n")
        monkeypatch.setenv("IP1_BASE_URL", server.url + "/")
        for ip1 in (Client(), Client(fresh), Client(lambda: "plain-function")):
            async with ip1:
                await ip1.account.overview()
        assert [asked.headers["Authorization"] for asked in server.asked] == [
            "Bearer from-environment", "Bearer from-function", "Bearer plain-function",
        ]  # fmt: skip
        assert {asked.path for asked in server.asked} == {"/api/me"}


@pytest.mark.parametrize("token", ["", "  ", "a\nb", "a\x00b", "a b", "å"])
def test_a_token_that_cannot_be_one_is_refused_without_being_shown(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IP1_TOKEN", raising=False)
    with pytest.raises(Invalid) as caught:
        Client(token)
    assert caught.value.field == "token"
    assert len(token) < 3 or token not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.ip1sms.com",
        "https://user:pw@example.com",
        "https://e.com/?a=b",
        "https://e.com/#x",
        "e.com",
        "ftp://e.com",
        "https://",
    ],
)
def test_an_address_that_would_show_the_token_or_mean_nothing_is_refused(url: str) -> None:
    with pytest.raises(Invalid) as caught:
        Client(TOKEN, base_url=url)
    assert caught.value.field == "base_url"


@pytest.mark.parametrize(
    ("name", "value"),
    [("timeout", 0), ("timeout", "5"), ("attempts", 0), ("attempts", 1.5), ("rate", -1), ("max_in_flight", 0), ("on_unknown", "retry"),
     ("queue_timeout", 0), ("settings_body", "xml"), ("user_agent", "a\r\nX: y"), ("max_retry_after", float("inf")), ("connect_timeout", True)],
)  # fmt: skip
def test_options_out_of_range_are_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(Invalid) as caught:
        Client(TOKEN, **{name: value})
    assert caught.value.field == name


def test_certificate_checks_cannot_be_switched_off() -> None:
    with pytest.raises(Invalid, match="cannot be switched off"):
        Client(TOKEN, ssl=False)  # type: ignore[arg-type]


BAD_IDS = ["", ".", "..", "a/b", "a\\b", "a\nb", "/"]


@pytest.mark.parametrize("id", BAD_IDS)
async def test_an_id_never_reaches_another_path(id: str) -> None:
    async with Scripted(BATCH) as server, client(server) as ip1:
        for call in (
            ip1.batches.get,
            ip1.batches.cancel,
            ip1.contacts.delete,
            ip1.blacklist.add,
            ip1.senders.remove,
            ip1.landing_pages.elements,
        ):
            with pytest.raises(Invalid) as caught:
                call(id)
            assert caught.value.field in ("batch", "contact", "msisdn", "sender", "page")
        with pytest.raises(Invalid):
            ip1.batches.messages(id)
        with pytest.raises(Invalid):
            ip1.landing_pages.elements("p").get(id)
        assert server.asked == []


async def test_a_label_is_quoted_and_an_odd_id_too() -> None:
    async with Scripted(Answer({"labelName": "x", "usageCount": 1})) as server, client(server) as ip1:
        await ip1.labels.add("a/b ö", ["c"])
        await ip1.labels.delete("..")
    assert [asked.path for asked in server.asked] == ["/v2/labels/a%2Fb%20%C3%B6/contacts", "/v2/labels/%2E%2E"]
    with pytest.raises(Invalid):
        client("http://127.0.0.1:9").labels.delete("")


@given(st.text(min_size=1, max_size=20))
def test_whatever_an_id_holds_the_path_keeps_its_shape(id: str) -> None:
    from ip1_async.wire import fill, split

    parts, names = split("/v2/batches/{batch}/messages")
    try:
        path = fill(parts, names, [id])
    except (Invalid, UnicodeEncodeError):
        return
    assert path.count("/") == 4
    assert path.startswith("/v2/batches/")
    assert path.endswith("/messages")
    assert path.isascii()
    assert not {"?", "#", "\\", " "} & set(path)


async def test_bad_input_is_refused_before_any_request() -> None:
    async with Scripted(BATCH) as server, client(server) as ip1:
        for changes in (
            {"sender": "a" * 12},
            {"recipients": ["+4670"]},
            {"body": ""},
            {"body": "x" * 2001},
            {"reference": "r" * 41},
        ):
            with pytest.raises(Invalid):
                await send(ip1, **changes)
        with pytest.raises(Invalid):
            await ip1.contacts.delete_matching()
        with pytest.raises(Invalid):
            ip1.batches.list(limit=0)
        with pytest.raises(Invalid):
            ip1.batches.list(cursor="nonsense")
    assert server.asked == []


async def test_raw_gives_the_answer_beside_the_value() -> None:
    async with Scripted(Answer({"id": "b1", "x": 1}, headers={"X-Trace": "t"})) as server, client(server) as ip1:
        answer = await raw(ip1.batches.get, "b1")
        assert (answer.value.id, answer.status, answer.headers["x-trace"], answer.json) == (
            "b1",
            200,
            "t",
            {"id": "b1", "x": 1},
        )
        sent = await raw(ip1.batches.send, sender="iP1", recipients=[NUMBER], body=TEXT)
        assert sent.value.id == "b1"
        with pytest.raises(TypeError):
            await raw(ip1.close)


def test_rows_tell_help_what_they_take_and_give() -> None:
    import inspect

    assert Client.batches.send.path == "/v2/batches"
    assert "never repeated blindly" in (inspect.getdoc(Client.batches.send) or "")
    assert list(inspect.signature(Client.batches.send).parameters)[:4] == ["self", "sender", "recipients", "body"]


# What failures mean


@pytest.mark.parametrize(
    ("status", "kind"), [(400, Rejected), (404, NotFound), (413, TooLarge), (418, Rejected), (422, Rejected)]
)
async def test_a_complete_refusal_means_not_sent(status: int, kind: type[Rejected]) -> None:
    async with (
        Scripted(Answer({"title": "no", "errors": {"sender": ["bad"]}}, status=status)) as server,
        client(server) as ip1,
    ):
        with pytest.raises(kind) as caught:
            await send(ip1)
    error = caught.value
    assert isinstance(error, NotSent)
    assert (error.status, error.errors, error.method, error.path, error.attempts) == (
        status,
        {"sender": ("bad",)},
        "POST",
        "/v2/batches",
        1,
    )
    assert "sender" in str(error)


async def test_requests_go_through_the_proxy_that_was_given() -> None:
    lines: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.append((await heard(reader)).split(b"\r\n")[0])
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"id":"b1"}')
        writer.close()

    async with serving(proxy) as (address, _), client("http://127.0.0.1:9", proxy=f"http://{address}") as ip1:
        await send(ip1)
    assert lines == [b"POST http://127.0.0.1:9/v2/batches HTTP/1.1"]


@asynccontextmanager
async def silent() -> Any:
    """A server that takes requests and never answers; gives its address and the requests."""
    got: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            got.append(await heard(reader))
            await reader.read()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async with serving(talk) as (address, _):
        yield f"http://{address}", got


async def until(happened: Callable[[], object]) -> None:
    while not happened():
        await asyncio.sleep(0.001)


async def test_a_silent_server_makes_a_send_unknown_after_the_timeout_and_reads_fail_after_theirs() -> None:
    clock = ManualClock()
    async with silent() as (url, got), client(url, clock=clock, timeout=60, attempt_timeout=20, attempts=1) as ip1:
        call = asyncio.ensure_future(send(ip1))
        await until(lambda: got)
        await clock.advance(59)
        assert not call.done()
        await clock.advance(2)
        with pytest.raises(OutcomeUnknown, match="no answer in time"):
            await call
        read = asyncio.ensure_future(ip1.account.overview())
        await until(lambda: len(got) == 2)
        await clock.advance(21)
        with pytest.raises(ReadFailed, match="no answer in time"):
            await read
    assert len(got) == 2


async def test_the_deadline_is_over_all_attempts() -> None:
    clock = ManualClock()
    async with silent() as (url, got), client(url, clock=clock, timeout=30, attempt_timeout=20, attempts=9) as ip1:
        read = asyncio.ensure_future(ip1.account.overview())
        while not read.done():
            await asyncio.sleep(0.001)
            if got:
                await clock.advance(1)
        with pytest.raises(ReadFailed) as caught:
            await read
    assert caught.value.elapsed <= 31
    assert len(got) == 2


async def test_reads_are_repeated_and_the_error_says_how_often() -> None:
    clock = ManualClock()
    async with (
        Scripted(Answer(status=503), Answer(status=500), OVERVIEW) as server,
        client(server, clock=clock, attempts=3) as ip1,
    ):
        call = asyncio.ensure_future(ip1.account.overview())
        while not call.done():
            await asyncio.sleep(0.001)
            await clock.advance(1)
        assert (await call).account == "ip1-1"
        assert len(server.asked) == 3


async def test_a_repeated_delete_that_finds_nothing_has_succeeded() -> None:
    clock = ManualClock()
    async with Scripted(Answer(status=502), Answer(status=404)) as server, client(server, clock=clock) as ip1:
        call = asyncio.ensure_future(ip1.contacts.delete("c"))
        while not call.done():
            await asyncio.sleep(0.001)
            await clock.advance(1)
        assert await call is None
        assert len(server.asked) == 2
        with pytest.raises(NotFound):
            await ip1.contacts.delete("c")


@pytest.mark.parametrize(
    "call",
    [
        lambda ip1: ip1.contacts.update("c", properties={"a": "b"}),
        lambda ip1: ip1.contacts.delete_matching(everything=True),
        lambda ip1: ip1.labels.add("x", ["c"]),
        lambda ip1: ip1.children.create("x"),
    ],
)
async def test_no_post_or_patch_and_no_mass_deletion_is_repeated_after_a_500(
    call: Callable[[Client], Awaitable[object]],
) -> None:
    async with Scripted(Answer(status=500)) as server, client(server) as ip1:
        with pytest.raises(OutcomeUnknown) as caught:
            await call(ip1)
        assert len(server.asked) == 1
        with pytest.raises(TypeError, match="nothing to look for"):
            await caught.value.resolve()


async def test_retry_after_holds_back_every_call_of_the_client() -> None:
    clock = ManualClock()
    async with (
        Scripted(Answer(status=429, headers={"Retry-After": "3"}), BATCH) as server,
        client(server, clock=clock) as ip1,
    ):
        first = asyncio.ensure_future(send(ip1))
        await until(lambda: server.asked)
        while ip1.calls.gate.in_flight:
            await asyncio.sleep(0.001)
        second = asyncio.ensure_future(ip1.batches.get("b1"))
        await asyncio.sleep(0.01)
        await clock.advance(2.9)
        await asyncio.sleep(0.01)
        assert len(server.asked) == 1
        while not (first.done() and second.done()):
            await clock.advance(0.5)
            await asyncio.sleep(0.001)
        assert (await first).id == (await second).id == "b1"


async def test_retry_after_as_a_date_is_obeyed() -> None:
    clock = ManualClock()
    at = format_datetime(clock.now() + timedelta(seconds=10), usegmt=True)
    async with (
        Scripted(Answer(status=429, headers={"Retry-After": at})) as server,
        client(server, clock=clock, max_retry_after=5) as ip1,
    ):
        with pytest.raises(RateLimited) as caught:
            await send(ip1)
        assert caught.value.retry_after == pytest.approx(10)
        assert len(server.asked) == 1


async def test_a_429_slows_the_client_down_and_success_brings_it_back() -> None:
    async with Scripted(Answer(status=429), OVERVIEW) as server, client(server, attempts=1, rate=1000) as ip1:
        with pytest.raises(RateLimited):
            await ip1.account.overview()
        slow = ip1.calls.limiter.rate
        assert slow is not None
        assert slow < 1000
        for _ in range(5):
            await ip1.account.overview()
        assert (ip1.calls.limiter.rate or 0) > slow


async def test_no_more_calls_are_under_way_than_max_in_flight() -> None:
    async with silent() as (url, got), client(url, max_in_flight=3, rate=None) as ip1:
        calls = [asyncio.ensure_future(send(ip1)) for _ in range(10)]
        await until(lambda: len(got) == 3)
        await asyncio.sleep(0.02)
        assert len(got) == 3
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        assert ip1.calls.gate.in_flight == 0


async def test_the_rate_is_kept() -> None:
    clock = ManualClock()
    async with Scripted(OVERVIEW) as server, client(server, clock=clock, rate=1) as ip1:
        calls = [asyncio.ensure_future(ip1.account.overview()) for _ in range(3)]
        await until(lambda: server.asked)
        await asyncio.sleep(0.02)
        assert len(server.asked) == 1
        await clock.advance(1)
        await until(lambda: len(server.asked) == 2)
        await clock.advance(1)
        await asyncio.gather(*calls)


async def test_a_queue_that_is_too_long_means_not_sent() -> None:
    clock = ManualClock()
    async with Scripted(OVERVIEW) as server, client(server, clock=clock, rate=0.01, queue_timeout=5) as ip1:
        await ip1.account.overview()
        call = asyncio.ensure_future(send(ip1))
        await clock.advance(6)
        with pytest.raises(ConnectFailed, match="queue_timeout") as caught:
            await call
        assert caught.value.attempts == 0
        assert len(server.asked) == 1


async def test_a_view_has_other_options_and_the_same_connections() -> None:
    async with Scripted(OVERVIEW) as server, client(server) as ip1:
        view = ip1.with_options(user_agent="other", timeout=5)
        await view.account.overview()
        await ip1.account.overview()
        assert [asked.headers["User-Agent"] for asked in server.asked] == ["other", "ip1-async"]
        assert view.calls.limiter is ip1.calls.limiter
        assert ip1.with_options(rate=5).calls.limiter is not ip1.calls.limiter
        with pytest.raises(TypeError):
            ip1.with_options(timout=5)  # type: ignore[call-arg]


async def test_an_injected_session_serves_reads_and_is_left_open() -> None:
    async with Scripted(BATCH) as server, aiohttp.ClientSession(headers={"X-Mine": "yes"}) as session:
        async with client(server, session=session) as ip1:
            await ip1.batches.get("b1")
            await send(ip1)
        assert [asked.headers.get("X-Mine") for asked in server.asked] == ["yes", None]
        assert not session.closed


# The size of an answer


@pytest.mark.parametrize("size", [1 << 10, 40 << 20], ids=["whole at once", "too large"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
async def test_an_answer_is_read_whole_up_to_a_size(size: int, packed: bool) -> None:
    body = b'{"account": "ip1-1", "x": "%b"}' % (b"0" * size)
    headers = {"Content-Encoding": "gzip"} if packed else {}
    answer = Answer(gzip.compress(body) if packed else body, headers=headers)
    async with Scripted(answer) as server, client(server, attempts=1) as ip1:
        if size < 32 << 20:
            assert (await ip1.account.overview()).extra == {"x": "0" * size}
        else:
            with pytest.raises(ReadFailed, match="longer than 32 MiB"):
                await ip1.account.overview()


async def test_an_answer_may_come_in_pieces() -> None:
    pieces = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b'9\r\n{"account\r\n', b'9\r\n": "ip1-1\r\n']

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)
        for piece in [*pieces, b'2\r\n"}\r\n', b"0\r\n\r\n"]:
            writer.write(piece)
            for _ in range(10):
                await asyncio.sleep(0)
        writer.close()

    async with serving(talk) as (address, _), client(f"http://{address}") as ip1:
        assert (await ip1.account.overview()).account == "ip1-1"


# Lifecycle


def test_one_client_serves_one_event_loop_after_another() -> None:
    ip1 = client("http://127.0.0.1:9")

    async def main() -> str:
        async with Scripted(OVERVIEW) as server:
            ip1.calls.heading = Heading(URL(server.url), "token", "ip1-async")
            calls = [ip1.account.overview() for _ in range(40)]
            return (await asyncio.gather(*calls))[0].account

    for _ in range(2):
        assert asyncio.run(main()) == "ip1-1"
    gc.collect()


async def test_a_closed_client_says_so_and_may_be_closed_again() -> None:
    ip1 = client("http://127.0.0.1:9")
    await ip1.close()
    await ip1.close()
    with pytest.raises(RuntimeError, match="closed"):
        await ip1.account.overview()


async def test_cancelled_sends_leave_nothing_behind_and_tell_what_is_unknown() -> None:
    made: list[AttemptMade] = []
    before = asyncio.all_tasks()
    async with silent() as (url, got):
        async with client(url, on_attempt=made.append, rate=None, max_in_flight=50) as ip1:
            calls = [asyncio.ensure_future(send(ip1)) for _ in range(50)]
            await until(lambda: len(got) == 50)
            for call in calls:
                call.cancel()
            results = await asyncio.gather(*calls, return_exceptions=True)
            assert all(isinstance(each, asyncio.CancelledError) for each in results)
            assert ip1.calls.gate.in_flight == 0
    assert {each.outcome for each in made} == {"unknown"}
    assert len({each.reference for each in made}) == 50
    await asyncio.sleep(0.01)
    assert asyncio.all_tasks() == before


async def test_a_dead_kept_connection_is_not_used_twice_behind_our_back() -> None:
    requests = 0

    async def once_then_reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        while True:
            try:
                await heard(reader)
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            requests += 1
            if requests % 2:
                writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{"Account":"ip1-1"}')
            else:
                writer.transport.abort()
                return

    async with serving(once_then_reset) as (address, _), client(f"http://{address}", attempts=1) as ip1:
        await ip1.account.overview()
        with pytest.raises(ReadFailed):
            await ip1.account.overview()
    assert requests == 2


@pytest.mark.parametrize("unasked", ["200 OK", "400 Bad Request", "408 Request Timeout", "429 Too Many Requests"])
async def test_what_came_over_a_kept_connection_unasked_is_no_answer(unasked: str) -> None:
    """It would be taken for the answer to the next send, and that one's for the answer to the one after it."""
    requests = 0

    async def says_too_much(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        while True:
            await heard(reader)
            requests += 1
            body = f'{{"id":"b{requests}"}}'
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
            await asyncio.sleep(0.01)
            writer.write(f'HTTP/1.1 {unasked}\r\nContent-Length: 12\r\n\r\n{{"id":"bad"}}'.encode())

    async with serving(says_too_much) as (address, met), client(f"http://{address}", rate=None) as ip1:
        for number in range(1, 4):
            assert (await send(ip1)).id == f"b{number}"
            await asyncio.sleep(0.05)
    assert (requests, len(met)) == (3, 3)


async def test_a_kept_connection_that_the_server_has_closed_is_not_used_for_a_send() -> None:
    """Not even when the loop has had no time to notice."""

    async def answers_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"id":"b1"}')
        writer.close()

    async with serving(answers_once) as (address, met), client(f"http://{address}", rate=None) as ip1:
        for _ in range(10):
            assert (await send(ip1)).id == "b1"
    assert len(met) == 10


async def test_a_connection_that_was_closed_before_anything_was_written_means_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    create = aiohttp.TCPConnector._create_connection

    async def hung_up(self: aiohttp.TCPConnector, *args: Any) -> Any:
        made = await create(self, *args)
        assert made.transport is not None
        made.transport.close()
        return made

    monkeypatch.setattr(aiohttp.TCPConnector, "_create_connection", hung_up)
    async with Scripted(BATCH) as server, client(server, attempts=1) as ip1:
        with pytest.raises(ConnectFailed):
            await send(ip1)
        assert server.asked == []


async def test_what_a_server_did_not_read_of_a_request_that_it_answered_is_taken_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Otherwise the connection would stay until the server reads it, which may be never."""
    create, told, got = aiohttp.TCPConnector._create_connection, asyncio.Event(), 0

    async def narrow(self: aiohttp.TCPConnector, *args: Any) -> Any:
        made = await create(self, *args)
        assert made.transport is not None
        made.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32 << 10)
        return made

    async def answers_early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal got
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await told.wait()
        try:
            while piece := await reader.read(1 << 16):
                got += len(piece)
        finally:
            read.set()

    read = asyncio.Event()
    large = NewBatch(sender="iP1", recipients=[f"467{number:08d}" for number in range(65_000)], body=TEXT)
    monkeypatch.setattr(aiohttp.TCPConnector, "_create_connection", narrow)
    async with serving(answers_early, limit=1 << 10) as (address, _), client(f"http://{address}") as ip1:
        with pytest.raises(TooLarge):
            await ip1.batches.send(large)
        told.set()
        await read.wait()
    assert got < 65_000 * 13


async def test_a_connection_on_which_much_was_refused_is_not_used_again() -> None:
    """What the system still holds of the request would stand in front of the next one."""
    connections = 0

    async def refuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")

    many = [f"467{number:08d}" for number in range(8_000)]
    async with serving(refuses, limit=1 << 20) as (address, _), client(f"http://{address}") as ip1:
        for recipients, expected in ((many, 1), (many, 2), (many[:1], 3)):
            with pytest.raises(TooLarge):
                await ip1.batches.send(sender="iP1", recipients=recipients, body=TEXT)
            assert connections == expected


async def test_a_send_is_not_made_again_when_the_time_for_it_is_over() -> None:
    class Stalls(ManualClock):
        """That of a loop which something else keeps busy while a call waits for its next attempt."""

        async def sleep(self, seconds: float) -> None:
            self._elapsed += 100

    async with Scripted(Answer(status=429, headers={"Retry-After": "0"}), BATCH) as server:
        async with client(server, clock=Stalls(), rate=None) as ip1:
            with pytest.raises(ConnectFailed, match="no time was left"):
                await send(ip1)
    assert len(server.asked) == 1


async def test_an_answer_full_of_blanks_takes_no_time() -> None:
    async with Scripted(Answer(b'{"id":' + b" " * 100_000)) as server, client(server) as ip1:
        with pytest.raises(Undecodable):
            await send(ip1)


async def test_aiohttp_still_has_the_switch_for_its_own_repeats() -> None:
    async with aiohttp.ClientSession() as session:
        assert session._retry_connection is True


async def test_a_hook_that_fails_does_not_turn_a_send_into_an_error(caplog: pytest.LogCaptureFixture) -> None:
    def broken(made: AttemptMade) -> None:
        raise ValueError(TEXT)

    async with Scripted(BATCH) as server, client(server, on_attempt=broken) as ip1:
        assert (await send(ip1)).id == "b1"
    assert "on_attempt raised ValueError" in caplog.text
    assert TEXT not in caplog.text


# Many sends


def numbered(asked: Asked) -> Answer:
    number = int(asked.json["reference"])
    return Answer(status=(400, 500, 200)[min(number % 5, 2)], body={"id": str(number)})


def batches(count: int) -> list[NewBatch]:
    return [NewBatch(sender="iP1", recipients=[NUMBER], body=TEXT, reference=str(each)) for each in range(count)]


async def test_many_sends_give_one_outcome_for_each_input() -> None:
    async with Scripted(numbered) as server, client(server, rate=None) as ip1:
        outcomes = [outcome async for outcome in ip1.send_many(batches(50), concurrency=7)]
    assert sorted(outcome.index for outcome in outcomes) == list(range(50))
    for outcome in outcomes:
        assert type(outcome) is (Refused, Unknown, Sent)[min(outcome.index % 5, 2)]
        assert outcome.input is not None
        assert outcome.input.reference == str(outcome.index)
        assert (outcome.batch is None) is (outcome.error is not None)


async def test_a_text_that_cannot_be_encoded_stops_no_other_send() -> None:
    broken = NewBatch(sender="iP1", recipients={NUMBER: {"name": "\ud800"}}, body="{name}")
    async with Scripted(BATCH) as server, client(server, rate=None) as ip1:
        outcomes = [outcome async for outcome in ip1.send_many([broken, *batches(1)], concurrency=1)]
    assert [type(outcome) for outcome in outcomes] == [Refused, Sent]
    assert isinstance(outcomes[0].error, Invalid)


async def test_many_sends_take_inputs_only_as_fast_as_they_go_out() -> None:
    taken = 0

    async def source() -> Any:
        nonlocal taken
        for batch in batches(100):
            taken += 1
            yield batch

    async with silent() as (url, got), client(url, rate=None) as ip1:
        stream = ip1.send_many(source(), concurrency=4)
        waiting = asyncio.ensure_future(anext(stream))
        await until(lambda: len(got) == 4)
        await asyncio.sleep(0.02)
        assert taken == 4
        waiting.cancel()
        waiting.cancel()
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def test_leaving_early_waits_for_the_sends_under_way() -> None:
    done: list[str] = []
    async with (
        Scripted(numbered) as server,
        client(server, rate=None, on_attempt=lambda made: done.append(made.outcome)) as ip1,
    ):
        stream = ip1.send_many(batches(100), concurrency=5)
        async for _ in stream:
            break
        await stream.aclose()  # type: ignore[attr-defined]
        assert len(server.asked) == len(done) < 20


async def test_an_input_that_is_no_batch_and_inputs_that_fail_lose_nothing() -> None:
    def source() -> Any:
        yield from batches(3)[2:]
        yield {"sender": "iP1"}
        raise KeyError("source")

    seen = []
    async with Scripted(Answer({"id": "x"})) as server, client(server) as ip1:
        with pytest.raises(KeyError):
            async for outcome in ip1.send_many(source()):
                seen.append(outcome)
    assert [type(outcome) for outcome in sorted(seen, key=lambda each: each.index)] == [Sent, Refused]
    with pytest.raises(Invalid):
        ip1.send_many([], concurrency=0)


# Secrets and people


def told(error: BaseException) -> str:
    """Everything that a log would show of an error, with captured locals."""
    text = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    own = [line for line in text.splitlines() if "ip1_async" in text]
    return "\n".join(own) + repr(error) + str(error) + repr(error.args)


@pytest.mark.parametrize(
    "answer",
    [
        Answer({"title": TEXT, "detail": f"{NUMBER} {TEXT}", "errors": {f"recipients.{NUMBER}": [TEXT], TEXT: [NUMBER]}}, status=400),
        Answer({"message": TEXT}, status=401), Answer(TEXT.encode(), status=404), Answer({"m": NUMBER}, status=429), Answer(TEXT.encode(), status=500),
        Answer({"total": NUMBER}), Answer(TEXT.encode()), Answer({"id": 5, "body": TEXT}), Answer([]), Answer(status=302, headers={"Location": f"https://x/{TOKEN}"}),
    ],
)  # fmt: skip
async def test_nothing_of_a_person_or_a_token_shows_in_errors_and_logs(
    answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with Scripted(answer) as server, client(server, attempts=1) as ip1:
        errors: list[IP1Error] = []
        for call in (
            lambda: send(ip1),
            lambda: ip1.blacklist.add(NUMBER),
            lambda: ip1.conversations.summary(NUMBER),
            lambda: ip1.conversations.messages(NUMBER).collect(),
            lambda: ip1.contacts.list(properties={"phoneNumber": NUMBER, "note": TEXT}).collect(),
        ):
            try:
                await call()
            except IP1Error as error:
                errors.append(error)
        shown = (
            caplog.text
            + repr(ip1)
            + "".join(repr(e) + str(e) + repr(e.args) + "".join(traceback.format_exception(e)) for e in errors)
        )
    assert errors
    for canary in (TOKEN, NUMBER, TEXT):
        assert canary not in shown.replace("".join(traceback.format_stack()), "")


OURS = str(Path(ip1_async.__file__).parent) + os.sep


def locals_of_ours(error: BaseException) -> str:
    """What a tool that captures locals would show of our frames, of this error and of those it hides."""
    found: list[str] = []
    at: BaseException | None = error
    while at is not None:
        for frame, _ in traceback.walk_tb(at.__traceback__):
            if frame.f_code.co_filename.startswith(OURS):
                found += [f"{name} = {value!r}" for name, value in frame.f_locals.items()]
        at = at.__context__
    return "\n".join(found)


@pytest.mark.parametrize(
    "call",
    [
        lambda ip1: ip1.batches.send(NewBatch(sender="iP1", recipients=[NUMBER], body=TEXT)),
        lambda ip1: ip1.blacklist.add(NUMBER),
        lambda ip1: ip1.conversations.messages(NUMBER).collect(),
    ],
)
@pytest.mark.parametrize("answer", [Answer({"detail": TEXT}, status=400), Answer(TEXT.encode()), Answer({"x": TEXT})])
async def test_nothing_shows_in_captured_locals_of_ours(
    call: Callable[[Client], Awaitable[object]], answer: Answer
) -> None:
    async with Scripted(answer) as server, client(server) as ip1:
        with pytest.raises(IP1Error) as caught:
            await call(ip1)
        shown = locals_of_ours(caught.value)
    async with silent() as (url, got), client(url) as ip1:
        cut = asyncio.ensure_future(call(ip1))
        await until(lambda: got)
        cut.cancel()
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await cut
        shown += locals_of_ours(cancelled.value)
    assert "request = Request(" in shown
    for canary in (TOKEN, NUMBER, TEXT):
        assert canary not in shown


@pytest.mark.parametrize("changes", [{"token": TOKEN + "\x00"}, {"timeout": -1}, {"base_url": "nonsense"}])
def test_a_token_shows_in_no_frame_of_a_client_that_was_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as caught:
        Client(**{"token": TOKEN, **changes})
    assert TOKEN not in locals_of_ours(caught.value)


def test_errors_can_be_pickled_and_keep_what_they_know() -> None:
    import pickle

    error = Rejected.answered(400, "t", "d", {"sender": ("x",)}).during("POST", "/v2/batches", attempts=2, elapsed=1.5)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert again.errors == error.errors
    unknown = OutcomeUnknown("x")
    unknown.reference, unknown.resolver = "r", lambda: None  # type: ignore[assignment, return-value]
    assert pickle.loads(pickle.dumps(unknown)).reference == "r"
    assert pickle.loads(pickle.dumps(Invalid("sender", "why"))).field == "sender"


def test_a_program_that_never_closes_its_client_ends_without_a_warning() -> None:
    program = """
import asyncio
from ip1_async import Client, ConnectFailed
ip1 = Client("token", base_url="http://127.0.0.1:9", attempts=1)
async def main():
    try:
        await ip1.account.overview()
    except ConnectFailed:
        print("refused")
asyncio.run(main()); asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "always", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": "."},
        check=False,
    )
    assert (done.stdout, done.stderr) == ("refused\nrefused\n", "")


def test_the_time_a_date_names_is_judged_by_the_clock_that_was_given() -> None:
    from ip1_async.wire import retry_after

    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert retry_after({"Retry-After": "Thu, 01 Jan 2026 00:01:00 GMT"}, now) == 60
    assert retry_after({"Retry-After": "Thu, 01 Jan 2025 00:01:00 GMT"}, now) == 0
    assert [retry_after({"Retry-After": words}, now) for words in ("", "soon", "-3", "1e9", "٣")] == [None] * 5
    assert retry_after({"Retry-After": "1.5"}, now) == 1.5
