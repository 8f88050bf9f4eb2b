"""A provider that keeps its promises to the last second and not one second longer: it accepts late and lists late."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from typing import Literal

from attrs import define, field, frozen

from ip1_async import Batch, ConnectFailed, NewBatch, OutcomeUnknown, RateLimited, ReadFailed, Rejected
from ip1_async.campaign.running.door import Counted, Sending
from ip1_async.clock import ManualClock

Fate = Literal["sent", "lost answer", "late", "never", "not sent", "429", "413"]
FATES: tuple[Fate, ...] = ("sent", "lost answer", "late", "never", "not sent", "429", "413")


@frozen
class Accepted:
    batch: Batch
    recipients: Sequence[str]
    listed: float
    """From when on the list has it."""


@define(slots=False)
class Provider:
    """A `Door`. Each POST takes its fate from a script, then everything is well."""

    clock: ManualClock
    fates: Iterator[Fate]
    landing: float
    visibility: float
    read_failures: int = 0
    accepted: list[Accepted] = field(factory=list[Accepted])
    posts: int = 0
    cancelled: list[str] = field(factory=list[str])
    blocked: set[str] = field(factory=set[str])

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[Sending]:
        yield self._send

    async def _send(self, batch: NewBatch, *, recipients: bytes, not_after: float) -> Batch:
        await asyncio.sleep(0)
        if self.clock.boottime() > not_after:
            raise ConnectFailed("too late")
        self.posts += 1
        fate = next(self.fates, "sent")
        match fate:
            case "not sent":
                raise ConnectFailed
            case "429":
                limited = RateLimited()
                limited.retry_after = 2
                raise limited
            case "413":
                raise Rejected.answered(413, None, None, {})
            case "never":
                raise OutcomeUnknown("outcome unknown: reset")
            case "late":
                self.clock.call_later(self.landing, lambda: self._accept(batch, recipients))
                raise OutcomeUnknown("outcome unknown: reset")
            case "lost answer":
                self._accept(batch, recipients)
                raise OutcomeUnknown("outcome unknown: reset")
            case "sent":
                return self._accept(batch, recipients)

    def _accept(self, batch: NewBatch, recipients: bytes) -> Batch:
        made = Batch(id=f"b{len(self.accepted)}", reference=batch.reference)
        numbers = [each for each in json.loads(recipients) if each != "default"]
        self.accepted.append(Accepted(made, numbers, self.clock.monotonic() + self.visibility))
        return made

    async def find(self, start: int, limit: int) -> Sequence[Batch]:
        await asyncio.sleep(0)
        if self.read_failures > 0:
            self.read_failures -= 1
            raise ReadFailed("503")
        now = self.clock.monotonic()
        listed = [each.batch for each in reversed(self.accepted) if each.listed <= now]
        return listed[start : start + min(limit, 3)]

    async def count(self, batch: str) -> Counted:
        return next(Counted(len(each.recipients), 0) for each in self.accepted if each.batch.id == batch)

    async def cancel(self, batch: str) -> None:
        self.cancelled.append(batch)

    async def blacklist(self) -> AbstractSet[str]:
        return frozenset(self.blocked)

    @property
    def texts(self) -> Counter[str]:
        """How many messages each number got."""
        return Counter(number for each in self.accepted for number in each.recipients)
