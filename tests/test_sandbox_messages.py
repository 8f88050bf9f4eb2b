"""The sandbox's batches, messages and conversations, as raw JSON on a real socket."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from ip1_async.clock import ManualClock
from ip1_async.sandbox import Sandbox, lifecycle
from tests.raw import NOBODY, Caller, caller, sandbox_caller

ANN, BO = "46700000001", "46700000002"
WHOLE = {"sender": "iP1", "recipients": [ANN], "body": "Hello"}
START = "2026-01-01T00:00:00Z"


@pytest.fixture
async def call(clock: ManualClock) -> AsyncIterator[Caller]:
    async with sandbox_caller(clock) as caller:
        yield caller


async def sent(call: Caller, **changes: Any) -> Any:
    return await call("POST", "/v2/batches", WHOLE | changes)


async def messages(call: Caller, batch: Any) -> Any:
    return await call("GET", f"/v2/batches/{batch['id']}/messages?limit=1000")


async def balance(call: Caller) -> float:
    overview = await call("GET", "/api/me")
    return float(overview["Balance"])


# What is accepted


async def test_a_batch_is_answered_whole_and_listed_without_its_summaries(call: Caller) -> None:
    made = await sent(
        call,
        recipients=[ANN, BO],
        type="flash",
        datacoding="gsm",
        deliveryReportUrl="https://example.com/dlr",
        reference="order-17",
        tags=["orders"],
    )
    assert made == {
        "id": made["id"],
        "sender": "iP1",
        "body": "Hello",
        "owner": "ip1-10000",
        "direction": "MT",
        "type": "flash",
        "datacoding": "GSM",
        "priority": 1,
        "templated": False,
        "priceSummary": {"total": 0.7, "currency": "SEK", "average": 0.35},
        "messageSummary": {"101": {"messages": 2, "sms": 2}},
        "deliveryWindows": [],
        "status": 112,
        "deliveryReportUrl": "https://example.com/dlr",
        "reference": "order-17",
        "tags": ["orders"],
    }
    assert re.fullmatch("[0-9a-f]{24}", made["id"])
    assert await call("GET", f"/v2/batches/{made['id']}") == made
    short = {name: value for name, value in made.items() if not name.endswith("Summary")}
    assert await call("GET", "/v2/batches") == [short]


async def test_names_are_read_in_any_case_and_enums_as_integers_and_what_is_unknown_is_passed_over(
    call: Caller,
) -> None:
    made = await call(
        "POST",
        "/v2/batches",
        {"Sender": "iP1", "RECIPIENTS": [ANN], "Body": "Hello", "Type": 0, "Datacoding": 0, "Priority": 2, "New": 1},
    )
    assert (made["type"], made["datacoding"], made["priority"]) == ("flash", "GSM", 2)
    assert "New" not in made
    again = await sent(call, type="SMS", datacoding="UCS")
    assert (again["type"], again["datacoding"], again["priority"]) == ("sms", "UCS", 1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("sender", each) for each in ("", "a", "ab", "TwelveLetter", "i.P1", "1" * 16, "Åsa", None, 5)],
        ("sender", "Unknown"),
        *[("body", each) for each in ("", " \n\t", "x" * 2001, "😀" * 1001, None, 5, ["Hello"])],
        *[("recipients", each) for each in ([], {}, {"default": {}}, None, ANN, [5], [None], [[ANN]])],
        *[("recipients", [each]) for each in ("+46700000001", "46-70", "", "1" * 16, "abc", "٤٦٧")],
        *[("recipients", {ANN: each}) for each in ([], "x", {"name": 5}, {"name": None})],
        ("recipients", {"+46700000001": {}}),
        *[("type", each) for each in ("mms", 2, True, None, 1.0, [])],
        *[("datacoding", each) for each in ("utf", 1, False, None, {})],
        *[("priority", each) for each in (0, 3, "1", True, None, 1.5)],
        *[("deliveryWindows", each) for each in (None, {}, "now")],
        *[("deliveryReportUrl", each) for each in ("", "/dlr", "ftp://example.com", "https://", 5)],
        ("deliveryReportUrl", "https://example.com/" + "x" * 2028),
        *[("reference", each) for each in ("", "x" * 41, 5)],
        *[("tags", each) for each in ("orders", {})],
    ],
)
async def test_a_wrong_field_is_refused_by_name_and_nothing_is_stored(call: Caller, field: str, value: Any) -> None:
    before = await balance(call)
    await call.refused(field, "POST", "/v2/batches", WHOLE | {field: value})
    assert await call("GET", "/v2/batches") == []
    assert await balance(call) == before


@pytest.mark.parametrize(
    ("field", "windows"),
    [
        ("deliveryWindows[0]", [5]),
        ("deliveryWindows[0].opens", [{"opens": "tomorrow"}]),
        ("deliveryWindows[1].closes", [{}, {"closes": 5}]),
        ("deliveryWindows[0]", [{"opens": "2026-02-01T00:00:00Z", "closes": "2026-01-01T00:00:00Z"}]),
    ],
)
async def test_a_wrong_window_is_refused_by_its_place(call: Caller, field: str, windows: Any) -> None:
    await call.refused(field, "POST", "/v2/batches", WHOLE | {"deliveryWindows": windows})
    assert await call("GET", "/v2/batches") == []


async def test_all_wrong_fields_are_named_at_once_and_so_are_those_that_are_missing(call: Caller) -> None:
    answer = await call.ask("POST", "/v2/batches", {"sender": "a", "priority": 3, "tags": [1]})
    assert answer.status == 400
    assert sorted(answer.json["errors"]) == ["body", "priority", "recipients", "sender", "tags[0]"]
    assert answer.json["status"] == 400


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("body", "x"),
        ("body", "x" * 2000),
        ("body", "😀" * 1000),
        ("recipients", ["1", "1" * 15]),
        ("reference", "x"),
        ("reference", "x" * 40),
        ("reference", None),
        ("deliveryReportUrl", None),
        ("deliveryReportUrl", "https://example.com/" + "x" * 2027),
        ("deliveryWindows", []),
        ("deliveryWindows", [{}]),
        ("deliveryWindows", [{"opens": "2026-01-02T00:00:00", "closes": None}]),
        ("tags", None),
    ],
)
async def test_a_field_at_the_edge_of_its_rule_is_accepted(call: Caller, field: str, value: Any) -> None:
    await sent(call, **{field: value})
    assert len(await call("GET", "/v2/batches")) == 1


async def test_a_number_that_is_given_twice_gets_one_message(call: Caller) -> None:
    made = await sent(call, recipients=[ANN, BO, ANN])
    assert [each["recipient"] for each in await messages(call, made)] == [ANN, BO]


async def test_gsm_refuses_what_needs_ucs_also_after_replacement(call: Caller) -> None:
    await call.refused("body", "POST", "/v2/batches", WHOLE | {"body": "Łódź", "datacoding": "gsm"})
    templated = {"body": "Hi {name}", "recipients": {ANN: {"name": "Łukasz"}}, "datacoding": "gsm"}
    await call.refused("body", "POST", "/v2/batches", WHOLE | templated)
    made = await sent(call, **(templated | {"datacoding": "ucs"}))
    assert [(each["datacoding"], each["body"]) for each in await messages(call, made)] == [("ucs", "Hi Łukasz")]


# Templates


async def test_a_template_takes_the_recipients_word_then_the_default_then_nothing(call: Caller) -> None:
    made = await sent(
        call,
        body="{name}|{town}|{Name}|{other}|{}",
        recipients={ANN: {"name": "Ann"}, BO: {"town": "Umeå"}, "default": {"name": "friend"}},
    )
    assert made["templated"] is True
    assert made["body"] == "{name}|{town}|{Name}|{other}|{}"
    assert [each["body"] for each in await messages(call, made)] == [
        "Ann||{Name}|{other}|{}",
        "friend|Umeå|{Name}|{other}|{}",
    ]


@pytest.mark.parametrize("name", ["x" * 2000, "   "])
async def test_a_text_that_is_wrong_after_replacement_is_refused_and_nobody_gets_any(call: Caller, name: str) -> None:
    body = "{name}!" if name.strip() else "{name}"
    wrong = {"body": body, "recipients": {ANN: {"name": "Ann"}, BO: {"name": name}}}
    await call.refused("body", "POST", "/v2/batches", WHOLE | wrong)
    assert await call("GET", "/v2/batches") == []


# What it costs


@pytest.mark.parametrize(
    ("body", "segments", "coding"),
    [
        ("x" * 160, 1, "gsm"),
        ("x" * 161, 2, "gsm"),
        ("€" * 80, 1, "gsm"),
        ("€" * 81, 2, "gsm"),
        ("ж" * 70, 1, "ucs"),
        ("ж" * 71, 2, "ucs"),
        ("😀" * 36, 2, "ucs"),
    ],
)
async def test_a_message_is_measured_and_priced_by_segment(call: Caller, body: str, segments: int, coding: str) -> None:
    before = await balance(call)
    made = await sent(call, body=body)
    (message,) = await messages(call, made)
    assert (message["segments"], message["datacoding"]) == (segments, coding)
    assert message["price"] == made["priceSummary"]["total"] == round(0.35 * segments, 4)
    assert await balance(call) == round(before - 0.35 * segments, 4)


async def test_high_priority_costs_extra_for_each_sms_and_countries_differ(call: Caller) -> None:
    (urgent,) = await messages(call, await sent(call, priority=2, body="x" * 161))
    assert urgent["price"] == 0.9
    (danish,) = await messages(call, await sent(call, recipients=["4520000001"]))
    assert (danish["price"], danish["mcc"], danish["mnc"]) == (0.39, "238", "01")


async def test_who_comes_after_the_money_is_spent_is_rejected_with_402(call: Caller, clock: ManualClock) -> None:
    child = call.as_holder_of((await call("POST", "/api/me/children", {"Name": "Poor"}))["Key"])
    await child("PUT", "/v2/me/senders/Poor")
    made = await sent(child, sender="Poor", recipients=[ANN, BO])
    await clock.advance(2)
    assert [(each["statuses"][-1]["code"], each["price"]) for each in await messages(child, made)] == [(402, 0)] * 2
    assert (await child("GET", f"/v2/batches/{made['id']}"))["priceSummary"]["total"] == 0
    assert await balance(child) == 0


# The way of a message


async def test_a_message_goes_its_way_by_the_clock(call: Caller, clock: ManualClock) -> None:
    made = await sent(call)
    (message,) = await messages(call, made)
    seen = [message["statuses"]]
    for _ in range(20):
        await clock.advance(0.1)
        (message,) = await messages(call, made)
        seen.append(message["statuses"])
    codes = [each[-1]["code"] for each in seen]
    assert sorted(set(codes)) == [101, 102, 103, 110, 111, 112, 201]
    assert codes == sorted(codes)
    assert all(len(each) == 1 for each in seen)
    assert [each[-1]["duration"] for each in seen] == [int(code == 201) for code in codes]
    whole = await call("GET", f"/v2/batches/{made['id']}/messages/{message['id']}")
    assert [each["code"] for each in whole["statuses"]] == [101, 102, 103, 110, 111, 112, 201]
    assert whole["statuses"][0]["created"] == START
    assert whole["modified"] == whole["statuses"][-1]["created"]


@pytest.mark.parametrize("code", sorted(lifecycle.ENDS))
async def test_the_last_three_digits_name_the_end(call: Caller, clock: ManualClock, code: int) -> None:
    made = await sent(call, recipients=[f"46700000{code}"])
    await clock.advance(2)
    (message,) = await messages(call, made)
    status = message["statuses"][-1]
    assert (status["code"], status["duration"]) == (code, 1)
    summary = (await call("GET", f"/v2/batches/{made['id']}"))["messageSummary"]
    assert summary == {str(code): {"messages": 1, "sms": 1}}


@pytest.mark.parametrize("code", sorted(lifecycle.STALLS))
async def test_the_last_three_digits_can_make_a_message_stall(call: Caller, clock: ManualClock, code: int) -> None:
    made = await sent(call, recipients=[f"46700000{code}"])
    for seconds in (2, 1_000_000):
        await clock.advance(seconds)
        (message,) = await messages(call, made)
        status = message["statuses"][-1]
        assert (status["code"], status["duration"]) == (code, 0)
    summary = (await call("GET", f"/v2/batches/{made['id']}"))["messageSummary"]
    assert summary == {str(code): {"messages": 1, "sms": 1}}


async def test_who_is_on_the_blacklist_is_rejected_with_405_and_not_paid_for(call: Caller, clock: ManualClock) -> None:
    await call("PUT", f"/v2/blacklist/{ANN}")
    before = await balance(call)
    made = await sent(call, recipients=[ANN, BO])
    await clock.advance(2)
    assert [(each["statuses"][-1]["code"], each["price"]) for each in await messages(call, made)] == [
        (405, 0),
        (201, 0.35),
    ]
    assert await balance(call) == round(before - 0.35, 4)


async def test_a_batch_waits_for_its_window_and_expires_after_the_last(call: Caller, clock: ManualClock) -> None:
    later = [{"opens": "2026-01-01T01:00:00Z", "closes": "2026-01-01T02:00:00Z"}]
    made = await sent(call, deliveryWindows=later)
    assert made["deliveryWindows"] == later
    await clock.advance(3599)
    assert (await messages(call, made))[0]["statuses"][-1]["code"] == 102
    await clock.advance(3)
    assert (await messages(call, made))[0]["statuses"][-1]["code"] == 201
    past = [{"opens": "2025-01-01T00:00:00Z", "closes": "2025-01-01T02:00:00Z"}]
    missed = await sent(call, deliveryWindows=past)
    await clock.advance(2)
    assert (await messages(call, missed))[0]["statuses"][-1]["code"] == 202


async def test_a_window_that_names_no_end_is_open_for_a_week(call: Caller) -> None:
    made = await sent(call, deliveryWindows=[{"opens": "2026-01-02T08:00:00+01:00"}])
    assert made["deliveryWindows"] == [{"opens": "2026-01-02T07:00:00Z", "closes": "2026-01-09T07:00:00Z"}]


# Cancelling


async def test_a_batch_whose_time_has_not_come_is_cancelled_and_paid_back(call: Caller, clock: ManualClock) -> None:
    before = await balance(call)
    later = [{"opens": "2026-01-01T01:00:00Z"}]
    made = await sent(call, recipients=[ANN, BO], deliveryWindows=later)
    assert await balance(call) < before
    gone = await call("DELETE", f"/v2/batches/{made['id']}")
    assert (gone["id"], gone["status"], gone["priceSummary"]["total"]) == (made["id"], 203, 0)
    assert await balance(call) == before
    await clock.advance(7200)
    assert [each["statuses"][-1]["code"] for each in await messages(call, made)] == [203, 203]
    await call("DELETE", f"/v2/batches/{made['id']}", expect=409)
    assert await balance(call) == before


async def test_a_batch_that_is_on_its_way_cannot_be_cancelled(call: Caller, clock: ManualClock) -> None:
    made = await sent(call)
    await clock.advance(0.5)
    await call("DELETE", f"/v2/batches/{made['id']}", expect=409)
    await clock.advance(2)
    assert (await messages(call, made))[0]["statuses"][-1]["code"] == 201


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/v2/batches/{NOBODY}"),
        ("GET", "/v2/batches/nonsense"),
        ("DELETE", f"/v2/batches/{NOBODY}"),
        ("GET", f"/v2/batches/{NOBODY}/messages"),
        ("GET", f"/v2/batches/{NOBODY}/messages/{NOBODY}"),
    ],
)
async def test_what_is_not_there_is_not_found(call: Caller, method: str, path: str) -> None:
    await call(method, path, expect=404)


async def test_a_message_is_found_in_its_own_batch_only(call: Caller) -> None:
    one, other = await sent(call), await sent(call)
    (message,) = await messages(call, one)
    await call("GET", f"/v2/batches/{other['id']}/messages/{message['id']}", expect=404)


async def test_another_account_sees_nothing_of_it(call: Caller) -> None:
    made = await sent(call)
    child = call.as_holder_of((await call("POST", "/api/me/children", {"Name": "Other"}))["Key"])
    assert await child("GET", "/v2/batches") == []
    for method, path in [("GET", ""), ("DELETE", ""), ("GET", "/messages")]:
        await child(method, f"/v2/batches/{made['id']}{path}", expect=404)
    assert await child("GET", f"/v2/conversations/{ANN}") == []
    await child.refused("sender", "POST", "/v2/batches", WHOLE)


# Conversations


async def test_a_conversation_has_both_directions_and_stop_blocks(clock: ManualClock) -> None:
    async with Sandbox(clock=clock) as sandbox, caller(sandbox) as call:
        made = await sent(call, recipients=[ANN, BO])
        await clock.advance(2)
        reply = await sandbox.receive(sender=ANN, recipient="46700000099", body="Hej Åsa")
        stop = await sandbox.receive(sender=ANN, recipient="46700000099", body=" stop\n")
        talk = await call("GET", f"/v2/conversations/{ANN}")
        assert [each["direction"] for each in talk] == ["mt", "mo", "mo"]
        assert [each["id"] for each in talk[1:]] == [reply, stop]
        came = talk[1]
        assert (came["sender"], came["recipient"], came["body"]) == (ANN, "46700000099", "Hej Åsa")
        assert (came["statuses"][-1]["code"], came["statuses"][-1]["duration"]) == (201, 1)
        assert "price" not in came
        assert await call("GET", f"/v2/conversations/{ANN}/mt") == talk[:1]
        assert await call("GET", f"/v2/conversations/{ANN}/mo") == talk[1:]
        assert await call("GET", f"/v2/conversations/{ANN}?order=DESC&limit=1") == talk[2:]
        assert [each["recipient"] for each in await call("GET", "/v2/conversations/iP1")] == [ANN, BO]
        assert await call("GET", f"/v2/conversations/{ANN}/summary") == {
            "participant": ANN,
            "totalMessageCount": 3,
            "totalSmsCount": 3,
            "mobileTerminatedMessages": {"201": {"messages": 1, "sms": 1}},
            "mobileOriginatedMessages": {"201": {"messages": 2, "sms": 2}},
        }
        assert [each["msisdn"] for each in await call("GET", "/v2/blacklist")] == [ANN]
        incoming = await call("GET", f"/v2/batches/{came['batchId']}")
        assert (incoming["direction"], incoming["status"]) == ("MO", 201)
        await call("DELETE", f"/v2/batches/{came['batchId']}", expect=409)
        assert len(await messages(call, made)) == 2


async def test_somebody_with_whom_nothing_was_said_has_an_empty_conversation(call: Caller) -> None:
    assert await call("GET", f"/v2/conversations/{BO}") == []
    summary = await call("GET", f"/v2/conversations/{BO}/summary")
    assert (summary["totalMessageCount"], summary["mobileTerminatedMessages"]) == (0, {})


# Pages


@pytest.mark.parametrize("query", ["start=-1", "start=x", "start=1.5", "limit=0", "limit=-1", "limit=x", "order=UP"])
@pytest.mark.parametrize("path", ["/v2/batches", f"/v2/conversations/{ANN}"])
async def test_a_wrong_page_is_refused_by_name(call: Caller, path: str, query: str) -> None:
    await call.refused(query.partition("=")[0], "GET", f"{path}?{query}")


async def test_links_walk_a_list_once_through_in_either_order(call: Caller) -> None:
    numbers = [str(46700000000 + each) for each in range(23)]
    made = await sent(call, recipients=numbers)
    for order, expected in (("ASC", numbers), ("DESC", numbers[::-1])):
        path, found = f"/v2/batches/{made['id']}/messages?limit=5&order={order}", list[str]()
        pages = 0
        while path:
            answer = await call.ask("GET", path)
            found += [each["recipient"] for each in answer.json]
            links = dict(reversed(each) for each in re.findall(r'<([^>]+)>; rel="(\w+)"', answer.headers["Link"]))
            assert ("prev" in links) is (pages > 0)
            assert "start=20&limit=5" in links["last"]
            path = links.get("next", "").removeprefix(call.url)
            pages += 1
        assert (pages, found) == (5, expected)


async def test_a_page_behind_the_end_is_empty(call: Caller) -> None:
    made = await sent(call)
    answer = await call.ask("GET", f"/v2/batches/{made['id']}/messages?start=5")
    assert answer.json == []
    assert 'rel="next"' not in answer.headers["Link"]


# The way of a message, whatever is known of it

WAYS = st.builds(
    lifecycle.Way,
    created=st.just(1000.0),
    ends=st.sampled_from(sorted(lifecycle.ENDS | lifecycle.STALLS)),
    windows=st.lists(
        st.tuples(st.floats(0, 2000), st.floats(1, 100)).map(lambda each: (each[0], sum(each))), max_size=3
    ),
    cancelled=st.none(),
    spread=st.floats(0, 1),
)


@given(WAYS, st.lists(st.floats(1000, 4000), min_size=2, max_size=10).map(sorted))
def test_a_history_only_grows_and_nothing_follows_a_final_status(way: lifecycle.Way, times: list[float]) -> None:
    seen = [lifecycle.steps(way, now) for now in times]
    for earlier, later in pairwise(seen):
        assert later[: len(earlier)] == earlier
    for steps in seen:
        assert steps
        assert [each.at for each in steps] == sorted(each.at for each in steps)
        assert not any(each.final for each in steps[:-1])
        assert all(each.final == (each.code // 100 != 1) for each in steps)


@given(WAYS, st.floats(0, 1), st.floats(1000, 4000))
def test_messages_that_end_alike_are_at_the_same_step_unless_they_are_spreading(
    way: lifecycle.Way, other: float, now: float
) -> None:
    codes = {lifecycle.steps(each, now)[-1].code for each in (way, evolve(way, spread=other))}
    assert len(codes) == 1 or lifecycle.spreading(way.created, way.windows, now)


@given(WAYS)
def test_a_message_without_windows_ends_within_two_seconds(way: lifecycle.Way) -> None:
    if not way.windows:
        assert lifecycle.steps(way, way.created + 2) == lifecycle.steps(way, float("inf"))


async def test_a_summary_counts_what_the_messages_say_at_any_time(call: Caller, clock: ManualClock) -> None:
    everybody = [f"46700{number:06}" for number in range(0, 60_000, 97)]
    made = await sent(call, recipients=everybody)
    for _ in range(12):
        said = Counter[str]()
        for start in (0, 500):
            page = await call("GET", f"/v2/batches/{made['id']}/messages?limit=500&start={start}")
            said.update(str(each["statuses"][-1]["code"]) for each in page)
        summary = (await call("GET", f"/v2/batches/{made['id']}"))["messageSummary"]
        assert {code: each["messages"] for code, each in summary.items()} == said
        await clock.advance(0.17)


@pytest.mark.parametrize("id", ["6a" + "f" * 22, "6a" + "１" * 22, "6A" + "0" * 22, "6a"])
async def test_an_id_of_somebody_else_is_not_found(call: Caller, id: str) -> None:
    quoted = quote(id)
    await call("GET", f"/v2/batches/{quoted}", expect=404)
    await call("GET", f"/v2/batches/{quoted}/messages", expect=404)
    await call("DELETE", f"/v2/batches/{quoted}", expect=404)
    assert (await call("GET", f"/_sandbox/batches?batch={quoted}"))["batches"] == []


async def test_what_has_ended_before_a_cancellation_stays_ended(call: Caller, clock: ManualClock) -> None:
    await call("PUT", f"/v2/blacklist/{BO}")
    made = await sent(call, recipients=[ANN, BO], deliveryWindows=[{"opens": "2026-02-01T00:00:00Z"}])
    await clock.advance(5)
    await call("DELETE", f"/v2/batches/{made['id']}")
    summary = (await call("GET", f"/v2/batches/{made['id']}"))["messageSummary"]
    assert {code: each["messages"] for code, each in summary.items()} == {"203": 1, "405": 1}
    _, blocked = await messages(call, made)
    whole = await call("GET", f"/v2/batches/{made['id']}/messages/{blocked['id']}")
    assert [each["code"] for each in whole["statuses"]] == [101, 405]


@pytest.mark.parametrize(
    "window",
    [
        {"opens": "9999-12-31T00:00:00Z"},
        {"opens": "0001-01-01T00:00:00+14:00"},
        {"closes": "9999-12-31T23:59:59-12:00"},
    ],
)
async def test_a_window_at_the_end_of_time_is_refused(call: Caller, window: dict[str, str]) -> None:
    answer = await call.ask("POST", "/v2/batches", WHOLE | {"deliveryWindows": [window]})
    assert answer.status == 400
    assert "1971" in answer.text


async def test_an_answer_goes_to_the_account_that_texted_the_phone(clock: ManualClock) -> None:
    async with Sandbox(clock=clock) as sandbox, caller(sandbox) as call:
        child = await call("POST", "/api/me/children", {"Name": "Child"})
        own = call.as_holder_of(child["Key"])
        await own("PUT", "/v2/me/senders/46700000077")
        await sandbox.receive(sender=BO, recipient="46700000077", body="Before anything was sent")
        assert len(await own("GET", f"/v2/conversations/{BO}")) == 1
        await sandbox.receive(sender=ANN, recipient="46700000077", body="STOP")
        assert [each["msisdn"] for each in await own("GET", "/v2/blacklist")] == [ANN]
        assert await call("GET", "/v2/blacklist") == []
        await sandbox.receive(sender=ANN, recipient="46700000088", body="STOP")
        assert [each["msisdn"] for each in await call("GET", "/v2/blacklist")] == [ANN]
        with pytest.raises(ValueError, match="numbers of at most 15 digits"):
            await sandbox.receive(sender="+46 70", recipient="iP1", body="x")
