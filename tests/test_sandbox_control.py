"""What steers the sandbox over HTTP, and what its inbox page is fed with."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from ip1_async.clock import ManualClock
from ip1_async.sandbox import Sandbox
from tests.raw import Caller, caller

ANN, BO, OURS = "46700000001", "46700000002", "46700000099"
WHOLE = {"sender": "iP1", "recipients": [ANN, BO], "body": "Hello"}


@pytest.fixture
async def sandbox(clock: ManualClock) -> AsyncIterator[Sandbox]:
    async with Sandbox(clock=clock) as running:
        yield running


@pytest.fixture
async def call(sandbox: Sandbox) -> AsyncIterator[Caller]:
    async with caller(sandbox) as call:
        yield call


@pytest.fixture
def control(call: Caller) -> Any:
    """Asks below `/_sandbox/`, without a token."""

    async def ask(method: str, path: str, *body: Any, expect: int = 200) -> Any:
        return await call.as_holder_of("nobody")(method, f"/_sandbox/{path}", *body, expect=expect)

    return ask


async def test_time_is_shown_stopped_and_moved(control: Any, clock: ManualClock) -> None:
    assert await control("GET", "clock") == {"now": "2026-01-01T00:00:00+00:00", "speed": 1.0}
    assert (await control("POST", "clock", {"speed": 0}))["speed"] == 0
    await clock.advance(60)
    assert (await control("POST", "clock", {"advance": 600}))["now"] == "2026-01-01T00:10:00+00:00"


async def test_faults_are_shown_added_and_replaced(control: Any, call: Caller) -> None:
    assert await control("GET", "faults") == {"faults": [], "requestsPerSecond": None}
    await control("POST", "faults", "GET /v2/blacklist 503 times=1")
    shown = await control("POST", "faults", {"do": "delay", "seconds": 2})
    assert [each["do"] for each in shown["faults"]] == ["status", "delay"]
    assert (await call.ask("GET", "/v2/blacklist")).status == 503
    shown = await control("PUT", "faults", {"faults": ["POST silence"], "requestsPerSecond": 1})
    assert ([each["do"] for each in shown["faults"]], shown["requestsPerSecond"]) == (["silence"], 1)
    assert (await call.ask("GET", "/api/me")).status == 200
    limited = await call.ask("GET", "/api/me")
    assert (limited.status, limited.headers["Retry-After"]) == (429, "1")
    assert (await control("DELETE", "faults"))["faults"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "clock", {"speed": -1}, "speed"),
        ("POST", "clock", {"speed": "fast"}, "speed"),
        ("POST", "clock", {"advance": -1}, "advance"),
        ("POST", "clock", {"colour": 1}, "colour"),
        ("POST", "clock", [], "body"),
        ("POST", "faults", "explode", "faults"),
        ("POST", "faults", {"do": "status", "status": 200}, "faults"),
        ("POST", "faults", [5], "faults"),
        ("PUT", "faults", {"faults": {}}, "faults"),
        ("PUT", "faults", {"requestsPerSecond": 0}, "requestsPerSecond"),
        ("PUT", "webhooks", {"doubled": 1}, "doubled"),
        ("PUT", "webhooks", {"late": -1}, "late"),
        ("PUT", "webhooks", {"id_name": "ID"}, "id_name"),
        ("POST", "incoming", {"sender": ANN, "recipient": OURS}, "body"),
        ("POST", "incoming", {"sender": "+46", "recipient": OURS, "body": "x"}, "sender"),
        ("POST", "incoming", {"sender": "ÅÄÖ", "recipient": OURS, "body": "x"}, "sender"),
        ("POST", "incoming", {"sender": "٤٦٧٠", "recipient": OURS, "body": "x"}, "sender"),
        ("POST", "faults", {"do": "delay", "seconds": 1e300}, "faults"),
        ("POST", "cancel", {"batch": 5, "x": 1}, "x"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_name(
    call: Caller, method: str, path: str, body: Any, field: str
) -> None:
    await call.refused(field, method, f"/_sandbox/{path}", body)


async def test_the_habits_of_webhooks_are_changed(control: Any, sandbox: Sandbox) -> None:
    shown = await control("PUT", "webhooks", {"doubled": True, "late": 5})
    assert shown == await control("GET", "webhooks")
    assert (sandbox.webhooks.doubled, sandbox.webhooks.late, sandbox.webhooks.early) == (True, 5, False)


async def test_a_phone_answers_and_its_conversation_shows_both_directions(control: Any, call: Caller) -> None:
    await call("POST", "/v2/batches", WHOLE)
    made = await control("POST", "incoming", {"sender": ANN, "recipient": OURS, "body": "Hej <b>du</b>"})
    talk = (await control("GET", f"conversation?phone={ANN}"))["messages"]
    assert [(each["direction"], each["body"]) for each in talk] == [("mt", "Hello"), ("mo", "Hej <b>du</b>")]
    assert talk[1]["id"] == made["id"]
    earlier = await control("GET", f"conversation?phone={ANN}&before={made['id']}")
    assert earlier["messages"] == talk[:1]


async def test_phones_come_with_their_last_message_the_latest_first_page_by_page(control: Any, call: Caller) -> None:
    for number in range(5):
        await call("POST", "/v2/batches", WHOLE | {"recipients": [f"4670000000{number}"], "body": f"Hello {number}"})
    await control("POST", "incoming", {"sender": "46700000002", "recipient": OURS, "body": "Reply"})
    first = await control("GET", "phones?limit=3")
    assert [(each["phone"][-1], each["last"]["body"]) for each in first["phones"]] == [
        ("2", "Reply"), ("4", "Hello 4"), ("3", "Hello 3"),
    ]  # fmt: skip
    rest = await control("GET", f"phones?limit=3&before={first['next']}")
    assert [each["phone"][-1] for each in rest["phones"]] == ["1", "0"]


@pytest.mark.parametrize(("search", "found"), [("4670000000", 2), ("+46 70 000 00 02", 1), ("hell", 2), ("no", 0)])
async def test_phones_are_found_by_their_number_or_their_texts(
    control: Any, call: Caller, search: str, found: int
) -> None:
    await call("POST", "/v2/batches", WHOLE)
    shown = await control("GET", f"phones?search={search.replace('+', '%2B').replace(' ', '%20')}")
    assert len(shown["phones"]) == found


async def test_batches_come_with_their_funnel_and_can_be_cancelled(control: Any, call: Caller) -> None:
    made = await call("POST", "/v2/batches", WHOLE | {"deliveryWindows": [{"opens": "2026-02-01T00:00:00Z"}]})
    (shown,) = (await control("GET", "batches"))["batches"]
    assert (shown["id"], shown["recipients"], shown["open"]) == (made["id"], 2, True)
    assert shown["messageSummary"] == {"101": {"messages": 2, "sms": 2}}
    await control("POST", "cancel", {"batch": made["id"]})
    (shown,) = (await control("GET", "batches"))["batches"]
    assert (shown["status"], shown["open"]) == (203, False)
    await control("POST", "cancel", {"batch": made["id"]}, expect=409)
    await control("POST", "cancel", {"batch": "nonsense"}, expect=404)


async def test_the_log_gives_what_is_new(control: Any, call: Caller) -> None:
    await call("POST", "/v2/batches", WHOLE)
    await call.ask("GET", "/v2/nothing")
    entries = (await control("GET", "log"))["requests"]
    assert [(each["number"], each["method"], each["status"]) for each in entries] == [(1, "POST", 200), (2, "GET", 404)]
    assert json.loads(entries[0]["body"]) == WHOLE
    assert (await control("GET", "log?after=1"))["requests"] == entries[1:]
    assert (await control("GET", "log?after=0&limit=1"))["requests"] == entries[:1]
    assert (await control("GET", "log"))["first"] == 1
    posts = await control("GET", "posts")
    assert (posts["posts"], posts["first"]) == ([], None)


async def test_everything_is_forgotten_on_request(control: Any, call: Caller) -> None:
    await call("POST", "/v2/batches", WHOLE)
    await control("POST", "faults", "503")
    await control("POST", "reset", {})
    assert await call("GET", "/v2/batches") == []
    assert (await control("GET", "phones"))["phones"] == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:1"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
@pytest.mark.parametrize("path", ["/", "/_sandbox/clock", "/_sandbox/page/app.js"])
async def test_pages_of_others_are_kept_out(call: Caller, path: str, headers: dict[str, str], status: int) -> None:
    async with call.session.get(call.url + path, headers=headers) as response:
        assert response.status == status


async def test_its_own_origin_is_let_in(call: Caller) -> None:
    async with call.session.get(call.url + "/_sandbox/clock", headers={"Origin": call.url}) as response:
        assert response.status == 200


async def test_a_form_of_another_page_steers_nothing(call: Caller) -> None:
    async with call.session.post(call.url + "/_sandbox/reset", data={"a": "b"}) as response:
        assert response.status == 415


async def test_events_tell_that_there_is_something_new(call: Caller) -> None:
    async with call.session.get(call.url + "/_sandbox/events") as stream:
        assert stream.content_type == "text/event-stream"

        async def event() -> str:
            async with asyncio.timeout(5):
                return (await stream.content.readuntil(b"\n\n")).decode()

        assert await event() == "event: changed\ndata: {}\n\n"
        await call("POST", "/v2/batches", WHOLE)
        assert await event() == "event: changed\ndata: {}\n\n"


async def test_a_sandbox_ends_while_somebody_watches(clock: ManualClock) -> None:
    async with aiohttp.ClientSession() as session, asyncio.timeout(10):
        async with Sandbox(clock=clock) as sandbox:
            stream = await session.get(sandbox.url + "/_sandbox/events")
            await stream.content.readuntil(b"\n\n")
        assert await stream.content.read() == b""
