"""What each failure means: every misbehaviour of a server, for every kind of call, told truthfully and without secrets."""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import socket
import ssl
import traceback
from collections.abc import Awaitable, Callable

import pytest
import trustme

from ip1_async import (
    AttemptMade,
    Client,
    ConnectFailed,
    IP1Error,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    ReadFailed,
    Rejected,
    Undecodable,
)
from ip1_async.clock import ManualClock
from tests.misbehaving import ALL, NUMBER, TEXT, Misbehaviour, Seen, answers, says, serving

TOKEN = "canary-token-0123456789"

Call = Callable[[Client], Awaitable[object]]

SEND: Call = lambda ip1: ip1.batches.send(sender="iP1", recipients=[NUMBER], body=TEXT)  # noqa: E731

READS: dict[str, Call] = {
    "get": lambda ip1: ip1.conversations.summary(NUMBER),
    "walk": lambda ip1: ip1.contacts.list(properties={"note": TEXT}).collect(),
    "lookup": lambda ip1: ip1.phone_numbers.lookup([NUMBER]),
}
IDEMPOTENT: dict[str, Call] = {
    "put": lambda ip1: ip1.blacklist.add(NUMBER),
    "delete": lambda ip1: ip1.blacklist.remove(NUMBER),
}
ONCE: dict[str, Call] = {
    "patch": lambda ip1: ip1.contacts.update("c1", properties={"note": TEXT}),
    "delete_matching": lambda ip1: ip1.contacts.delete_matching(properties={"note": TEXT}),
}
POSTS: dict[str, Call] = {
    "send": SEND,
    "create": lambda ip1: ip1.landing_pages.create(name=TEXT),
}
CALLS = {**READS, **IDEMPOTENT, **ONCE, **POSTS}


def expected(seen: Seen, kind: str) -> type[IP1Error]:
    """The rules of the error tree, once more."""
    in_doubt = ReadFailed if kind in READS else OutcomeUnknown
    match seen:
        case "doubt" | "accepted":
            return in_doubt
        case "refused":
            return Rejected
        case "early":
            return OutcomeUnknown if kind in POSTS else Rejected
        case "limited":
            return RateLimited
        case "nonsense":
            return Undecodable if kind in READS else OutcomeUnknown


def hides(error: IP1Error, also: str) -> None:
    """Nothing of a person or a token is in what any log or report would show of an error."""
    again = pickle.loads(pickle.dumps(error))
    shown = [also, *_of_ours(error)]
    for each in (error, again):
        shown += [repr(each), str(each), repr(each.args), *traceback.format_exception(each)]
    for canary in (TOKEN, NUMBER, TEXT):
        assert not [line for line in shown if canary in line and not line.lstrip().startswith("File ")], canary
    assert TOKEN.encode() not in pickle.dumps(error)


def _of_ours(error: BaseException) -> list[str]:
    """The captured locals of our frames, of this error and of those behind it."""
    found: list[str] = []
    at: BaseException | None = error
    while at is not None:
        for frame, _ in traceback.walk_tb(at.__traceback__):
            if f"{os.sep}ip1_async{os.sep}" in frame.f_code.co_filename:
                found += [f"{name} = {value!r}" for name, value in frame.f_locals.items()]
        at = at.__context__
    return found


async def ended(call: Awaitable[object], clock: ManualClock, met: list[str]) -> IP1Error:
    """The error of a call whose time is up once the server has it."""
    running = asyncio.ensure_future(call)
    while not running.done():
        await asyncio.sleep(0.001)
        if met:
            await clock.advance(1)
    with pytest.raises(IP1Error) as caught:
        await running
    return caught.value


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize("wrong", ALL, ids=lambda each: each.name)
async def test_what_a_server_does_is_told_truthfully_and_hides_everybody(
    wrong: Misbehaviour, kind: str, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0
    made: list[AttemptMade] = []
    async with serving(wrong.talk) as (address, met):
        # One attempt for what may be repeated, so that what is seen is the one answer's meaning.
        async with Client(
            TOKEN,
            base_url=f"http://{address}",
            clock=clock,
            rate=None,
            attempts=1 if kind in {**READS, **IDEMPOTENT} else 5,
            on_attempt=made.append,
        ) as ip1:
            error = await ended(CALLS[kind](ip1), clock, met if wrong.hangs else [])
        assert len(met) == 1
    assert isinstance(error, expected(wrong.seen, kind))
    surely_not = wrong.seen in ("refused", "limited") or (wrong.seen == "early" and kind not in POSTS)
    assert isinstance(error, NotSent) is surely_not
    if isinstance(error, OutcomeUnknown):
        assert error.accepted is (wrong.seen == "accepted")
        assert (error.reference is not None) is (kind == "send")
    assert [each.attempt for each in made] == [1]
    assert (error.attempts, error.method, error.path) == (1, made[0].method, made[0].path)
    hides(error, caplog.text + repr(made))


@pytest.mark.parametrize("kind", CALLS)
async def test_without_a_connection_nothing_was_sent(
    kind: str, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        async with Client(TOKEN, base_url=f"http://127.0.0.1:{taken.getsockname()[1]}", clock=clock) as ip1:
            error = await ended(CALLS[kind](ip1), clock, ["ready"])
    assert isinstance(error, ConnectFailed)
    assert error.attempts == 3
    hides(error, caplog.text)


@pytest.mark.parametrize("kind", CALLS)
async def test_a_connection_that_does_not_come_up_in_time_means_not_sent(kind: str, clock: ManualClock) -> None:
    with socket.socket() as full:
        # Nobody accepts: once the queue is full, further connections never come up.
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for each in fillers:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        async with Client(TOKEN, base_url=url, clock=clock, attempts=1, connect_timeout=7) as ip1:
            call = asyncio.ensure_future(CALLS[kind](ip1))
            await asyncio.sleep(0.02)
            await clock.advance(6)
            assert not call.done()
            await clock.advance(2)
            with pytest.raises(ConnectFailed, match="no connection in time") as caught:
                await call
        for each in fillers:
            each.close()
    hides(caught.value, "")


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize("wrong", ["authority", "name"])
async def test_a_certificate_of_somebody_else_means_not_sent(wrong: str, kind: str, clock: ManualClock) -> None:
    authority, other = trustme.CA(), trustme.CA()
    server, client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("127.0.0.1" if wrong == "authority" else "api.example.com").configure_cert(server)
    (other if wrong == "authority" else authority).configure_trust(client)
    heard: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read())

    async with (
        serving(talk, ssl=server) as (address, _),
        Client(TOKEN, base_url=f"https://{address}", ssl=client, clock=clock, attempts=1) as ip1,
    ):
        with pytest.raises(ConnectFailed, match="certificate or TLS") as caught:
            await CALLS[kind](ip1)
    assert not any(heard)
    hides(caught.value, "")


async def test_a_server_that_is_trusted_by_a_context_of_the_callers_is_used() -> None:
    authority = trustme.CA()
    server, client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(client)
    async with (
        serving(answers(200, '{"Account":"ip1-1"}'), ssl=server) as (address, _),
        Client(TOKEN, base_url=f"https://{address}", ssl=client) as ip1,
    ):
        assert (await ip1.account.overview()).account == "ip1-1"


async def test_a_proxy_that_refuses_means_not_sent() -> None:
    async with (
        serving(says(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")) as (address, _),
        Client(TOKEN, base_url="https://api.example.com", proxy=f"http://{address}", attempts=1) as ip1,
    ):
        with pytest.raises(ConnectFailed, match="proxy") as caught:
            await SEND(ip1)
    hides(caught.value, "")


AGAIN = [each for each in ALL if each.seen in ("doubt", "accepted", "early") and each.name != "answers 409"]
"""What may be better the next time; a conflict does not go away by asking again."""


@pytest.mark.parametrize("kind", READS | IDEMPOTENT)
@pytest.mark.parametrize("wrong", AGAIN, ids=lambda each: each.name)
async def test_what_may_be_repeated_is_repeated(wrong: Misbehaviour, kind: str, clock: ManualClock) -> None:
    async with serving(wrong.talk) as (address, met):
        async with Client(
            TOKEN, base_url=f"http://{address}", clock=clock, rate=None, timeout=600, attempt_timeout=9
        ) as ip1:
            error = await ended(CALLS[kind](ip1), clock, ["ready"])
        assert len(met) == error.attempts == 3


@pytest.mark.parametrize("kind", POSTS)
async def test_a_post_is_repeated_after_a_short_429_and_then_in_doubt_no_more(kind: str, clock: ManualClock) -> None:
    script = [answers(429, "", "Retry-After: 3"), answers(429, "", "Retry-After: 3"), answers(500), answers(200, "{}")]

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await script.pop(0)(reader, writer)

    async with (
        serving(talk) as (address, met),
        Client(TOKEN, base_url=f"http://{address}", clock=clock, rate=None, attempts=9) as ip1,
    ):
        error = await ended(CALLS[kind](ip1), clock, ["ready"])
        assert len(met) == error.attempts == 3
    assert isinstance(error, OutcomeUnknown)
    assert error.status == 500
