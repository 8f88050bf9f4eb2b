"""Webhooks: what is an event, who may post one, and that each is handled once whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import stat
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ip1_async import Client, DeliveryReport, IncomingSms, Invalid, Status
from ip1_async.clock import ManualClock
from ip1_async.sandbox import Habits, Sandbox
from ip1_async.testing import ReportHistory, report_histories
from ip1_async.webhooks import (
    MessageState,
    NotAnEvent,
    SQLiteStore,
    Webhooks,
    parse_delivery_report,
    parse_incoming_sms,
)
from ip1_async.webhooks.door import caller_of
from ip1_async.webhooks.events import of_report, parse
from ip1_async.webhooks.readback import of_message
from ip1_async.webhooks.truth import later, state_of

SECRET = "0123456789abcdef"
REPORT = {
    "messageId": "b" * 24, "batchId": "a" * 24, "recipient": "46700000001", "code": 201, "duration": 1,
    "created": "2026-01-02T08:00:05Z", "segments": 1, "price": 0.04, "currency": "eur", "reference": "order-17",
}  # fmt: skip
INCOMING = {
    "id": "c" * 24, "batchId": "d" * 24, "owner": "ip1-10000", "sender": "46700000001", "recipient": "46700000099",
    "body": "STOP", "direction": "mo", "segments": 1, "type": "SMS", "datacoding": "GSM", "priority": 1,
    "statuses": [{"created": "2026-01-02T09:00:00Z", "code": 201, "duration": 1}], "modified": "2026-01-02T09:00:00Z",
    "mcc": "240", "mnc": "01",
}  # fmt: skip


def body(said: Any, **changes: Any) -> bytes:
    return json.dumps({**said, **changes}).encode()


# What is an event


def test_a_report_is_read_with_either_name_of_its_id() -> None:
    report = parse_delivery_report(body(REPORT))
    assert (report.message_id, report.code, report.is_final, report.reference) == ("b" * 24, 201, True, "order-17")
    newer = {("id" if name == "messageId" else name): value for name, value in REPORT.items()}
    assert parse_delivery_report(body(newer)) == report
    assert parse_delivery_report(body(REPORT, code="201")) == report


def test_an_incoming_text_is_read_whatever_its_direction_says() -> None:
    for direction in ("mo", "mt", 0):
        sms = parse_incoming_sms(body(INCOMING, direction=direction))
        assert (sms.sender, sms.recipient, sms.body, sms.is_stop) == ("46700000001", "46700000099", "STOP", True)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "no JSON object"),
        (b"{}", "neither"),
        (body(REPORT, code="delivered"), "DeliveryReport.code"),
        (body(REPORT, messageId=""), "1 to 100 characters"),
        (body(REPORT, messageId="x" * 101), "1 to 100 characters"),
        (body(REPORT, created="0001-01-01T00:00:00+14:00"), "end of time"),
        (body(REPORT, messageId="\ud800"), "surrogate"),
        (body(REPORT, batchId="\ud800"), "surrogate"),
        (body(INCOMING, body=None), "incoming SMS"),
    ],
)
def test_what_is_neither_is_refused_in_one_sentence_without_its_content(said: bytes, words: str) -> None:
    with pytest.raises(NotAnEvent, match=words) as refused:
        parse(said)
    assert "46700000001" not in str(refused.value)
    assert "\n" not in str(refused.value)


@given(
    st.binary(max_size=200) | st.recursive(st.none() | st.text(), st.lists).map(lambda each: json.dumps(each).encode())
)
def test_no_body_is_worse_than_refused(said: bytes) -> None:
    with contextlib.suppress(NotAnEvent):
        parse(said)


# Where a message has got to


@given(report_histories())
def test_a_message_gets_to_the_same_end_in_whatever_order_it_is_told(history: ReportHistory) -> None:
    states: dict[str, MessageState] = {}
    for report in history.reports:
        told = state_of(report)
        states[told.message] = later(states.get(told.message, told), told)
    assert {message: state.code for message, state in states.items()} == history.ends


@given(report_histories(), st.data())
def test_of_two_states_one_is_later_whoever_comes_first(history: ReportHistory, data: st.DataObject) -> None:
    one, two, three = (state_of(data.draw(st.sampled_from(history.reports))) for _ in range(3))
    assert later(one, one) == one
    assert (later(one, two).code, later(one, two).is_final) == (later(two, one).code, later(two, one).is_final)
    assert later(later(one, two), three).code == later(one, later(two, three)).code


# Whose posts are read


class Post:
    """One post, as an adapter hands it over."""

    def __init__(self, said: bytes, path: str = f"/ip1/{SECRET}", **more: Any) -> None:
        self.parts: Sequence[bytes] = [said]
        self.given = {"method": "POST", "path": path, "headers": {}, "peer": "127.0.0.1", "length": len(said)} | more
        self.read = 0

    async def body(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            self.read += len(part)
            yield part

    async def to(self, hooks: Webhooks) -> int:
        return await hooks.receive(body=self.body(), **self.given)


@pytest.fixture
async def hooks(clock: ManualClock) -> AsyncIterator[Webhooks]:
    async with Webhooks(SECRET, clock=clock) as running:
        yield running


async def settled(hooks: Webhooks) -> None:
    """Until everything that is due has been handled."""
    async with asyncio.timeout(20):
        while await hooks.store.next_due(()) is not None:
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("post", "status"),
    [
        (Post(body(REPORT)), 200),
        (Post(body(INCOMING)), 200),
        (Post(body(REPORT), path="/ip1/another-secret-1"), 404),
        (Post(body(REPORT), path="/ip1/"), 404),
        (Post(body(REPORT), path=f"/ip1/{SECRET}/more"), 404),
        (Post(body(REPORT), path="/ip1/é" + SECRET), 404),
        (Post(b"", method="GET"), 405),
        (Post(b"", method="GET", path="/ip1/wrong"), 404),
        (Post(b"x" * 70_000), 413),
        (Post(b"x" * 70_000, length=None), 413),
        (Post(b"\x1f\x8b", headers={"content-encoding": "gzip"}), 400),
        (Post(b"hello"), 400),
        (Post(b'{"hello": 1}'), 400),
    ],
)
async def test_a_post_is_answered_by_what_it_is(hooks: Webhooks, post: Post, status: int) -> None:
    post.read = 0
    assert await post.to(hooks) == status
    assert hooks.counts.turned_away == (status != 200)
    if status in (404, 405, 413) and post.given["length"] is not None:
        assert post.read == 0, "nothing was read of it"


async def test_a_body_that_is_sent_too_slowly_is_given_up(hooks: Webhooks, clock: ManualClock) -> None:
    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    post = Post(b"")
    answer = asyncio.create_task(hooks.receive(body=slowly(), **post.given))
    while not answer.done():
        await clock.advance(1)
    assert answer.result() == 408


async def test_nothing_of_what_is_refused_is_logged(hooks: Webhooks, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for said in (body(REPORT, code="x"), b"46700000001", body(INCOMING, body=5), body(REPORT, path="/46700000001")):
        await Post(said).to(hooks)
    assert "46700000001" not in caplog.text
    assert "STOP" not in caplog.text


async def test_two_secrets_are_valid_while_one_takes_over_from_the_other(clock: ManualClock) -> None:
    new = "fedcba9876543210"
    async with Webhooks([new, SECRET], clock=clock) as hooks:
        assert await Post(body(REPORT)).to(hooks) == await Post(body(REPORT), path=f"/{new}").to(hooks) == 200


@pytest.mark.parametrize("secret", ["short", "", [], "with spaces in it!!", "slash/slash/slash/slash"])
def test_a_secret_that_is_none_is_refused(secret: Any) -> None:
    with pytest.raises(Invalid, match="secret is not at least 16"):
        Webhooks(secret)


def test_options_that_make_no_sense_are_refused() -> None:
    with pytest.raises(Invalid, match="verify needs a client"):
        Webhooks(SECRET, verify=True)
    with pytest.raises(Invalid, match="no address or network"):
        Webhooks(SECRET, allow=["home"])


@pytest.mark.parametrize(
    ("forwarded", "proxies", "caller"),
    [
        ("", 0, "10.0.0.1"),
        ("6.6.6.6", 0, "10.0.0.1"),
        ("6.6.6.6, 192.0.2.1", 1, "192.0.2.1"),
        ("192.0.2.1", 1, "192.0.2.1"),
        ("6.6.6.6, 192.0.2.1, 10.0.0.2", 2, "192.0.2.1"),
        ("192.0.2.1", 5, None),
    ],
)
def test_only_what_ones_own_proxies_say_is_believed(forwarded: str, proxies: int, caller: str | None) -> None:
    assert caller_of(forwarded, "10.0.0.1", proxies) == caller


@pytest.mark.parametrize(("forwarded", "status"), [("192.0.2.7", 200), ("192.0.3.7", 404), ("", 404), ("unknown", 404)])
async def test_only_allowed_addresses_may_post(forwarded: str, status: int, clock: ManualClock) -> None:
    async with Webhooks(SECRET, allow=["192.0.2.0/24"], trusted_proxies=1, clock=clock) as hooks:
        assert await Post(body(REPORT), headers={"x-forwarded-for": forwarded}).to(hooks) == status


# Handlers


async def test_handlers_are_called_for_what_they_want(hooks: Webhooks) -> None:
    called: list[str] = []

    def note(name: str) -> Any:
        def handler(value: DeliveryReport | IncomingSms) -> None:
            called.append(name)

        return handler

    hooks.delivery_report(note("any"))
    hooks.delivered(note("delivered"))
    hooks.failed(note("failed"))
    hooks.delivery_report(code=[112, 102])(note("102 or 112"))
    hooks.delivery_report(group="info")(note("info"))
    hooks.delivery_report(reference="order-")(note("order"))
    hooks.delivered(reference="other-")(note("other"))
    hooks.incoming(note("incoming"))
    hooks.stop(note("stop"))
    hooks.incoming(stop=False)(note("words"))

    async def calls(said: bytes) -> list[str]:
        called.clear()
        assert await Post(said).to(hooks) == 200
        await settled(hooks)
        return called.copy()

    assert await calls(body(REPORT)) == ["any", "delivered", "order"]
    assert await calls(body(REPORT, code=112, duration=0)) == ["any", "102 or 112", "info", "order"]
    assert await calls(body(REPORT, code=405, reference=None)) == ["any", "failed"]
    assert await calls(body(REPORT, code=202, reference=None)) == ["any", "failed"]
    assert await calls(body(INCOMING)) == ["incoming", "stop"]
    assert await calls(body(INCOMING, id="e", body="stop please")) == ["incoming", "words"]
    assert await calls(body(INCOMING)) == [], "told before"


async def test_a_late_report_is_told_with_the_state_that_it_does_not_change(hooks: Webhooks) -> None:
    told: list[tuple[int, int]] = []

    @hooks.delivery_report
    async def note(report: DeliveryReport, state: MessageState) -> None:
        told.append((int(report.code), int(state.code)))

    for code, duration, at in ((201, 1, "05"), (112, 0, "04"), (112, 0, "09")):
        await Post(body(REPORT, code=code, duration=duration, created=f"2026-01-02T08:00:{at}Z")).to(hooks)
        await settled(hooks)
    assert told == [(201, 201), (112, 201), (112, 201)]
    assert await hooks.store.state("b" * 24) == state_of(parse_delivery_report(body(REPORT)))


async def test_a_handler_that_fails_is_run_again_and_those_that_did_not_are_not(
    hooks: Webhooks, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[str] = []

    @hooks.delivery_report
    def fine(report: DeliveryReport) -> None:
        ran.append("fine")

    @hooks.delivery_report
    async def flaky(report: DeliveryReport) -> None:
        ran.append("flaky")
        if ran.count("flaky") < 3:
            raise RuntimeError(f"no database for {report.recipient}")

    await Post(body(REPORT)).to(hooks)
    async with asyncio.timeout(20):
        while hooks.counts.handled == 0:
            await clock.advance(1)
    assert Counter(ran) == {"fine": 1, "flaky": 3}
    assert hooks.counts.failed == 2
    assert "RuntimeError" in caplog.text
    assert "46700000001" not in caplog.text


async def test_a_handler_that_never_succeeds_is_given_up_in_the_end(clock: ManualClock) -> None:
    async with Webhooks(SECRET, clock=clock, attempts=3) as hooks:

        @hooks.incoming
        def broken(sms: IncomingSms) -> None:
            raise RuntimeError

        await Post(body(INCOMING)).to(hooks)
        async with asyncio.timeout(20):
            while hooks.counts.given_up == 0:
                await clock.advance(1)
        assert (hooks.counts.failed, hooks.counts.handled) == (3, 0)
        assert await hooks.store.next_due(()) is None


async def test_one_slow_handler_holds_up_its_own_message_only(hooks: Webhooks) -> None:
    goes_on, called = asyncio.Event(), list[tuple[str, int]]()

    @hooks.delivery_report
    async def note(report: DeliveryReport) -> None:
        if report.message_id == "slow" and report.code == 101:
            await goes_on.wait()
        called.append((report.message_id, int(report.code)))

    for message, code in (("slow", 101), ("slow", 102), ("quick", 101)):
        await Post(body(REPORT, messageId=message, code=code, duration=0)).to(hooks)
    async with asyncio.timeout(20):
        while not called:
            await asyncio.sleep(0)
    assert called == [("quick", 101)]
    goes_on.set()
    await settled(hooks)
    assert called[1:] == [("slow", 101), ("slow", 102)]


@settings(max_examples=60)
@given(report_histories())
async def test_any_history_is_handled_once_an_event_and_ends_in_the_truth(history: ReportHistory) -> None:
    effects = Counter[tuple[str, int]]()
    async with Webhooks(SECRET, clock=ManualClock()) as hooks:

        @hooks.delivery_report
        async def effect(report: DeliveryReport) -> None:
            effects[report.message_id, int(report.code)] += 1

        for report in history.reports:
            assert await Post(of_report(report).body).to(hooks) == 200
        await settled(hooks)
        for message, code in history.ends.items():
            state = await hooks.store.state(message)
            assert state is not None
            assert (state.code, state.is_final) == (code, True)
    assert effects == Counter({(each.message_id, int(each.code)) for each in history.reports})


def cancelling(report: DeliveryReport) -> Any:
    raise asyncio.CancelledError


def exiting(report: DeliveryReport) -> None:
    raise SystemExit(3)


def stopping(report: DeliveryReport) -> None:
    next(iter([]))


async def cancelled(report: DeliveryReport) -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize("broken", [cancelling, exiting, stopping, cancelled])
async def test_whatever_a_handler_raises_is_a_failure_and_holds_up_nobody(
    hooks: Webhooks, clock: ManualClock, broken: Any
) -> None:
    hooks.delivery_report(code=201)(broken)
    handled: list[int] = []
    hooks.delivery_report(code=112)(lambda report: handled.append(1))
    for number in range(20):
        await Post(body(REPORT, messageId=f"m{number}")).to(hooks)
    await Post(body(REPORT, code=112)).to(hooks)
    async with asyncio.timeout(20):
        while not handled or hooks.counts.failed < 20:
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.05)
    assert hooks.counts.failed == 20, "they are run again later, not at once"


class Broken(SQLiteStore):
    """A store whose disk is full for a while."""

    full = False

    def __init__(self) -> None:
        super().__init__()
        do = self._commits.do

        async def unless_full(work: Any) -> Any:
            if self.full:
                raise OSError("disk full")
            return await do(work)

        self._commits.do = unless_full  # type: ignore[method-assign]


async def test_handlers_go_on_when_the_store_works_again_and_what_has_run_does_not_run_again(
    clock: ManualClock,
) -> None:
    store, ran = Broken(), list[str]()
    async with Webhooks(SECRET, store=store, clock=clock) as hooks:

        @hooks.delivery_report
        async def note(report: DeliveryReport) -> None:
            ran.append(report.message_id)
            store.full = report.message_id == "first"

        assert await Post(body(REPORT, messageId="first")).to(hooks) == 200
        async with asyncio.timeout(20):
            while not store.full:
                await asyncio.sleep(0)
            assert await Post(body(REPORT, messageId="second")).to(hooks) == 500
            for _ in range(20):
                await clock.advance(1)
                await asyncio.sleep(0.001)
            store.full = False
            assert await Post(body(REPORT, messageId="second")).to(hooks) == 200
            while hooks.counts.handled < 2:
                await clock.advance(1)
                await asyncio.sleep(0.001)
    assert ran == ["first", "second"]


# The store


async def test_what_was_answered_with_200_is_handled_after_a_restart(tmp_path: Path, clock: ManualClock) -> None:
    file = tmp_path / "webhooks.db"
    async with Webhooks(SECRET, store=file, clock=clock) as hooks:

        @hooks.delivery_report
        def broken(report: DeliveryReport) -> None:
            raise RuntimeError

        assert await Post(body(REPORT)).to(hooks) == 200
        async with asyncio.timeout(20):
            while hooks.counts.failed == 0:
                await asyncio.sleep(0)
    handled: list[str] = []
    await clock.advance(5)
    async with Webhooks(SECRET, store=file, clock=clock) as hooks:
        hooks.delivery_report(lambda report: handled.append(report.message_id))
        await settled(hooks)
        assert await Post(body(REPORT)).to(hooks) == 200
        await settled(hooks)
    assert handled == ["b" * 24]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_one_object_serves_one_loop_after_another(tmp_path: Path) -> None:
    hooks, handled = Webhooks(SECRET, store=tmp_path / "webhooks.db"), list[int]()
    hooks.delivery_report(lambda report: handled.append(int(report.code)))

    async def served(code: int) -> None:
        async with hooks:
            assert await Post(body(REPORT, code=code)).to(hooks) == 200
            await settled(hooks)

    for code in (112, 201, 112):
        asyncio.run(served(code))
    assert handled == [112, 201]


async def test_of_two_processes_with_one_file_one_runs_handlers(tmp_path: Path, clock: ManualClock) -> None:
    one, two = SQLiteStore(tmp_path / "webhooks.db"), SQLiteStore(tmp_path / "webhooks.db")
    assert [one.lead(), two.lead(), one.lead()] == [True, False, True]
    await one.close()
    assert two.lead()
    await two.close()


async def test_reports_wait_for_their_batch_where_they_are_told_to(clock: ManualClock) -> None:
    handled: list[str] = []
    async with Webhooks(SECRET, park=60, clock=clock) as hooks:
        hooks.delivery_report(lambda report: handled.append(report.batch_id))
        await Post(body(REPORT)).to(hooks)
        await Post(body(REPORT, batchId="other", messageId="m")).to(hooks)
        await clock.advance(30)
        assert handled == []
        await hooks.join("a" * 24)
        async with asyncio.timeout(20):
            while not handled:
                await asyncio.sleep(0)
        assert handled == ["a" * 24]
        await Post(body(REPORT, code=101)).to(hooks)
        async with asyncio.timeout(20):
            while len(handled) < 2:
                await asyncio.sleep(0)
            while len(handled) < 3:
                await clock.advance(1)
    assert handled == ["a" * 24, "a" * 24, "other"]


async def test_what_is_old_and_done_with_is_forgotten(clock: ManualClock) -> None:
    store = SQLiteStore()
    event = parse(body(REPORT))
    await store.add(event, at=0, due=0, held=False)
    await store.forget(10)
    assert not (await store.add(event, at=1, due=1, held=False)).new, "it is still to be handled"
    await store.finish(event)
    await store.forget(10)
    assert await store.state(event.message) is None
    assert (await store.add(event, at=2, due=2, held=False)).new
    await store.close()


def test_a_file_that_is_something_else_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("these are notes and no database" * 100)
    with pytest.raises(OSError, match="webhooks cannot use"):
        Webhooks(SECRET, store=other)
    with pytest.raises(OSError, match="irectory"):
        Webhooks(SECRET, store=tmp_path)


# Against the sandbox


async def test_a_forged_report_changes_nothing_where_reports_are_verified(clock: ManualClock) -> None:
    handled: list[int] = []
    async with (
        Sandbox(clock=clock, speed=0) as sandbox,
        Client(sandbox.token, base_url=sandbox.url, rate=None) as ip1,
        Webhooks(SECRET, client=ip1, verify=True, clock=clock) as hooks,
    ):
        hooks.delivery_report(lambda report: handled.append(int(report.code)))
        batch = await ip1.batches.send(sender="iP1", recipients=["46700000001"], body="Hello")
        (message,) = await ip1.batches.messages(batch.id)
        await Post(body(REPORT)).to(hooks)
        await Post(body(REPORT, messageId=message.id, batchId=batch.id)).to(hooks)
        await settled(hooks)
        assert (handled, hooks.counts.forged) == ([], 2)
        assert await hooks.store.state(message.id) is None
        await sandbox.advance(seconds=5)
        whole = await ip1.batches.message(batch.id, message.id)
        true = {"messageId": message.id, "batchId": batch.id, "reference": whole.reference}
        at = whole.statuses[-1].created
        assert at is not None
        await Post(body(REPORT, **true, created=at.isoformat(), recipient="46709999999")).to(hooks)
        await settled(hooks)
        assert (handled, hooks.counts.forged) == ([], 3)
        await Post(body(REPORT, **true, created=at.isoformat(), code=101)).to(hooks)
        await settled(hooks)
        assert (handled, hooks.counts.forged) == ([], 4)
        await Post(body(REPORT, **true, created=(at + timedelta(seconds=1)).isoformat())).to(hooks)
        await settled(hooks)
        assert (handled, hooks.counts.forged) == ([], 5)
        sandbox.run(0)
        await Post(body(REPORT, **true, created=at.isoformat())).to(hooks)
        await settled(hooks)
        assert handled == [201]
        state = await hooks.store.state(message.id)
        assert state is not None
        assert state.is_delivered


async def test_what_webhooks_have_lost_is_read_back_and_handled_like_reports(clock: ManualClock) -> None:
    handled = Counter[str]()
    async with (
        Sandbox(clock=clock, speed=0) as sandbox,
        Client(sandbox.token, base_url=sandbox.url, rate=None) as ip1,
        Webhooks(SECRET, client=ip1, reconcile_after=600, clock=clock) as hooks,
    ):
        hooks.delivered(lambda report: handled.update([report.recipient]))
        batch = await ip1.batches.send(sender="iP1", recipients=["46700000001", "46700000002"], body="Hello")
        await hooks.join(batch)
        await sandbox.advance(seconds=5)
        await clock.advance(300)
        await hooks.reconcile()
        assert hooks.counts.lost == 0, "it is too early"
        await clock.advance(300)
        await hooks.reconcile()
        await settled(hooks)
        assert hooks.counts.lost == 2
        asked = len(sandbox.requests)
        await hooks.reconcile()
        await settled(hooks)
        await Post(body(REPORT, batchId="unknown", code=112, duration=0)).to(hooks)
        await clock.advance(600)
        await hooks.reconcile()
        await clock.advance(100_000)
        await hooks.reconcile()
        paths = [request.path for request in sandbox.requests[asked:]]
        # Settled is the one, and not there the other; the task that reconciles by itself may have been first, or at it too.
        assert set(paths) == {"/v2/batches/unknown/messages"}
        assert len(paths) <= 2
    assert handled == {"46700000001": 1, "46700000002": 1}


@settings(max_examples=25)
@given(st.data())
async def test_whatever_reports_are_lost_doubled_and_disordered_reconciling_ends_in_the_truth(
    data: st.DataObject,
) -> None:
    clock, effects = ManualClock(), Counter[tuple[str, int]]()
    endings = data.draw(st.lists(st.sampled_from(["000", "202", "405", "503", "599"]), min_size=1, max_size=4))
    async with (
        Sandbox(clock=clock, speed=0) as sandbox,
        Client(sandbox.token, base_url=sandbox.url, rate=None) as ip1,
        Webhooks(SECRET, client=ip1, clock=clock) as hooks,
    ):
        hooks.delivery_report(lambda report: effects.update([(report.message_id, int(report.code))]))
        batch = await ip1.batches.send(
            sender="iP1", recipients=[f"467000{place:02}{ending}" for place, ending in enumerate(endings)], body="Hello"
        )
        await hooks.join(batch)
        await sandbox.advance(seconds=5)
        truth = [await ip1.batches.message(batch.id, each.id) async for each in ip1.batches.messages(batch.id)]
        reports = [of_message(message, change) for message in truth for change in message.statuses]
        for report in data.draw(st.lists(st.sampled_from(reports), max_size=2 * len(reports))):
            assert await Post(of_report(report).body).to(hooks) == 200
        await clock.advance(900)
        await hooks.reconcile()
        await settled(hooks)
        for message in truth:
            state = await hooks.store.state(message.id)
            assert state is not None
            assert (state.code, state.is_final) == (message.status, True)
            assert effects[message.id, int(message.status)] == 1
        assert set(effects.values()) == {1}


@pytest.mark.parametrize("habits", [Habits(), Habits(doubled=True, disordered=True, early=True, late=1)])
async def test_a_batch_is_tracked_by_webhook_to_its_end(clock: ManualClock, habits: Habits) -> None:
    from ip1_async.webhooks.on_aiohttp import served

    async with (
        Sandbox(clock=clock, speed=0, webhooks=habits) as sandbox,
        Client(sandbox.token, base_url=sandbox.url, rate=None) as ip1,
    ):
        hooks = Webhooks(SECRET, clock=clock)
        async with served(hooks, "127.0.0.1", 0) as port:
            batch = await ip1.batches.send(
                sender="iP1", recipients=["46700000001", "46700000503"], body="Hello",
                delivery_report_url=f"http://127.0.0.1:{port}/{SECRET}",
            )  # fmt: skip
            await sandbox.advance(minutes=1)
            last: dict[str, MessageState] = {}
            async for state in hooks.track(batch, timeout=60):
                assert not (known := last.get(state.message)) or not known.is_final
                last[state.message] = state
            assert sorted(int(state.code) for state in last.values()) == [201, 503]
            message = next(each for each in await ip1.batches.messages(batch.id) if each.recipient == "46700000001")
            assert (await hooks.delivered(message)).code == Status(201)


async def test_waiting_for_a_message_ends_with_what_is_known(clock: ManualClock) -> None:
    from ip1_async import NotFinal

    async with Webhooks(SECRET, clock=clock) as hooks:
        await Post(body(REPORT, code=112, duration=0)).to(hooks)
        waiting = asyncio.ensure_future(hooks.delivered("b" * 24, timeout=30))
        async with asyncio.timeout(20):
            while not waiting.done():
                await clock.advance(1)
        with pytest.raises(NotFinal) as late:
            waiting.result()
        assert late.value.last.code == 112
        waiting = asyncio.ensure_future(hooks.delivered("b" * 24, timeout=30))
        await Post(body(REPORT)).to(hooks)
        async with asyncio.timeout(20):
            assert (await waiting).is_delivered


async def test_where_webhooks_are_lost_tracking_reads_back(clock: ManualClock) -> None:
    async with (
        Sandbox(clock=clock, speed=0) as sandbox,
        Client(sandbox.token, base_url=sandbox.url, rate=None) as ip1,
        Webhooks(SECRET, client=ip1, clock=clock) as hooks,
    ):
        batch = await ip1.batches.send(sender="iP1", recipients=["46700000001"], body="Hello")
        await sandbox.advance(seconds=5)

        async def tracked() -> list[int]:
            return [int(state.code) async for state in hooks.track(batch.id)]

        task = asyncio.create_task(tracked())
        async with asyncio.timeout(20):
            while not task.done():
                await clock.advance(1)
                await asyncio.sleep(0.001)
        assert task.result() == [201]
