"""Whatever a server does, in whatever order: a send is accepted once at most, and its error tells the truth."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Literal

from attrs import frozen
from hypothesis import example, given
from hypothesis import strategies as st

from ip1_async import (
    AttemptMade,
    Client,
    IP1Error,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    ReadFailed,
    Rejected,
    Undecodable,
)
from ip1_async.clock import ManualClock
from ip1_async.transport import Failure, Limits
from ip1_async.wire import Response

TIMEOUT = 60.0
BATCH = b'{"id": "b1"}'


@frozen
class Step:
    """What becomes of one request."""

    what: Literal["unconnected", "lost", "cut", "answer"]
    takes: float
    carried_out: bool = False
    status: int = 0
    body: bytes = b""
    retry_after: str | None = None


takes = st.sampled_from([0.0, 0.01, 1.0, 12.0, 59.9, 60.0, 300.0])
waits = st.sampled_from([None, "0", "1", "3", "29", "31", "3600", "soon"])
in_doubt = st.sampled_from([301, 302, 307, 308, 408, 409, 425, 500, 502, 503, 504])
steps = st.one_of(
    st.builds(Step, st.just("unconnected"), takes),
    st.builds(Step, st.just("lost"), takes, st.booleans()),
    st.builds(Step, st.just("cut"), takes, st.just(True), st.just(200)),
    st.builds(Step, st.just("answer"), takes, st.just(True), st.sampled_from([200, 201, 202]), st.just(BATCH)),
    st.builds(Step, st.just("answer"), takes, st.just(True), st.just(200), st.sampled_from([b'{"id": 5}', b"[]"])),
    st.builds(Step, st.just("answer"), takes, st.booleans(), st.just(200), st.just(b"<html>")),
    st.builds(Step, st.just("answer"), takes, st.just(True), st.just(200), st.just(b"")),
    st.builds(Step, st.just("answer"), takes, st.just(False), st.just(429), st.just(b""), waits),
    st.builds(Step, st.just("answer"), takes, st.booleans(), in_doubt, st.just(b"{}"), waits),
    st.builds(Step, st.just("answer"), takes, st.just(False), st.sampled_from([400, 401, 403, 404, 413, 422])),
)


class Stage:
    """A transport on which a script is played; the last step stays."""

    def __init__(self, script: list[Step], clock: ManualClock) -> None:
        self.script, self.clock = script, clock
        self.made = self.carried_out = 0
        self.last = script[0]

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, limits: Limits, *, reads: bool
    ) -> Response:
        step = self.last = self.script[min(self.made, len(self.script) - 1)]
        self.made += 1
        now = self.clock.monotonic()
        if step.what == "unconnected":
            await self.clock.sleep(min(step.takes, limits.connect_timeout, limits.deadline - now))
            raise Failure("no connection could be made", handed_over=False)
        self.carried_out += step.carried_out
        await self.clock.sleep(min(step.takes, limits.deadline - now))
        if step.what == "lost" or now + step.takes >= limits.deadline:
            raise Failure("the connection broke", handed_over=True)
        if step.what == "cut":
            raise Failure("the answer was cut off", handed_over=True, status=step.status)
        headers = {} if step.retry_after is None else {"Retry-After": step.retry_after}
        return Response(step.status, headers, step.body)

    async def close(self) -> None:
        """Nothing is open."""


CALLS: dict[str, Any] = {
    "send": lambda ip1: ip1.batches.send(sender="iP1", recipients=["46700000001"], body="Hello"),
    "create": lambda ip1: ip1.children.create(name="Support"),
    "patch": lambda ip1: ip1.contacts.update("c1", labels=["vip"]),
    "put": lambda ip1: ip1.blacklist.add("46700000001"),
    "delete": lambda ip1: ip1.blacklist.remove("46700000001"),
    "delete_matching": lambda ip1: ip1.contacts.delete_matching(labels=["vip"]),
    "read": lambda ip1: ip1.batches.get("b1"),
}


@given(st.sampled_from(sorted(CALLS)), st.lists(steps, min_size=1, max_size=6), st.integers(1, 6))
@example("send", [Step("answer", 0.0, False, 429, b"", "29"), Step("answer", 59.9, True, 200, BATCH)], 3)
@example("send", [Step("answer", 0.0, True, 503, b"", "1"), Step("answer", 0.0, True, 200, BATCH)], 3)
def test_any_script_ends_in_time_and_in_the_truth(kind: str, script: list[Step], attempts: int) -> None:
    async def main() -> None:
        clock = ManualClock()
        stage = Stage(script, clock)
        told: list[AttemptMade] = []
        async with Client(
            "token", clock=clock, rate=None, attempts=attempts, timeout=TIMEOUT, on_attempt=told.append
        ) as ip1:
            ip1.calls.shared.transport = stage  # type: ignore[assignment]
            call = asyncio.ensure_future(CALLS[kind](ip1))
            while not call.done():
                await clock.advance_to_next()
            (result,) = await asyncio.gather(call, return_exceptions=True)
            assert ip1.calls.gate.in_flight == 0
        assert clock.monotonic() <= TIMEOUT + 0.001
        assert len(told) == stage.made <= attempts
        _true(result, kind, stage)
        if isinstance(result, IP1Error):
            assert result.attempts == stage.made
            assert result.elapsed <= TIMEOUT + 0.001

    asyncio.run(main())


def _true(result: object, kind: str, stage: Stage) -> None:
    """Whether what is said of a call is what the server knows of it."""
    once = kind not in ("read", "put", "delete")
    if once:
        assert stage.carried_out <= 1
    match result:
        case NotSent():
            assert isinstance(result, RateLimited | Rejected) or result.status is None
            believed = kind not in ("send", "create") and result.status in (408, 409, 425)
            if once and not believed:
                assert stage.carried_out == 0
        case OutcomeUnknown():
            assert kind != "read"
            if result.accepted:
                assert stage.carried_out >= 1
        case Undecodable():
            assert stage.carried_out >= 1 or kind == "read"
        case ReadFailed():
            assert kind == "read"
        case BaseException():
            raise result
        case None if kind == "delete" and stage.last.status == 404:
            """Whoever took it away, it is gone."""
        case _:
            assert stage.carried_out >= 1


@given(st.lists(st.lists(steps, min_size=1, max_size=3), min_size=2, max_size=8))
def test_calls_side_by_side_keep_each_other_waiting_but_never_in_doubt(scripts: list[list[Step]]) -> None:
    """One client, many sends: a `Retry-After` of one holds back all, and each is still accepted once at most."""

    async def main() -> None:
        clock = ManualClock()
        stages = {str(number): Stage(script, clock) for number, script in enumerate(scripts)}

        class Stages:
            async def send(self, method: str, url: str, headers: Any, body: bytes, limits: Any, *, reads: bool) -> Any:
                stage = stages[json.loads(body)["reference"]]
                return await stage.send(method, url, headers, body, limits, reads=reads)

            async def close(self) -> None:
                """Nothing is open."""

        async with Client("token", clock=clock, rate=5, max_in_flight=2, timeout=TIMEOUT) as ip1:
            ip1.calls.shared.transport = Stages()  # type: ignore[assignment]
            calls = {
                name: asyncio.ensure_future(
                    ip1.batches.send(sender="iP1", recipients=["46700000001"], body="Hello", reference=name)
                )
                for name in stages
            }
            while not all(call.done() for call in calls.values()):
                await clock.advance_to_next()
            for name, call in calls.items():
                (result,) = await asyncio.gather(call, return_exceptions=True)
                _true(result, "send", stages[name])

    asyncio.run(main())
