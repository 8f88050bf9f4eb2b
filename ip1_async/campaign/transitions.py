"""What a campaign needs of a ledger: a handful of transitions, each guarded by the chunk's state and epoch, and by the lease.

A guard that does not hold changes nothing and raises `LedgerHeld`: somebody else runs the campaign now. What a transition has
returned is durable, also through a power cut. Times are seconds since 1970, counts are recipients.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Protocol

from attrs import field, frozen

from ip1_async import masking
from ip1_async.campaign.ledger.owner import Owner
from ip1_async.campaign.states import State

_digits = re.compile(rb'"([0-9]{1,15})"').findall


@frozen
class People:
    """The recipients of a chunk, without those left out."""

    whole: bytes = field(repr=masking.count)
    """JSON as the wire has it: a list of MSISDNs, or replacements by MSISDN with those of `default`."""
    rows: Sequence[int] = field(repr=False)
    """Where each stood in what was planned."""

    @property
    def recipients(self) -> Sequence[str] | Mapping[str, Mapping[str, str]]:
        """The same as a value."""
        found: Sequence[str] | Mapping[str, Mapping[str, str]] = json.loads(self.whole)
        return found

    @property
    def numbers(self) -> Sequence[str]:
        """The MSISDNs, in the order of `rows`."""
        return [each for each in self.recipients if each != "default"]

    def among(self, numbers: AbstractSet[str]) -> Sequence[str]:
        """Those recipients that are among these numbers."""
        # Whatever digits stand in quotes, values too; only where one of them is meant is it worth a closer look.
        if not numbers or numbers.isdisjoint(found.decode() for found in _digits(self.whole)):
            return ()
        return [each for each in self.numbers if each in numbers]


@frozen(kw_only=True)
class Chunk:
    """Up to a thousand recipients that go into one batch."""

    id: int
    state: State
    attempt: int
    epoch: int
    """Grows with every claim and take-over, so that whoever held the chunk before can change nothing."""
    recipients: int
    text: str = ""
    """The name of its text."""
    zone: str = ""
    """What its recipients' local time goes by: a country, or a time zone; empty where the time does not matter."""
    batch: str | None = None
    reason: str = ""
    intent_at: float | None = None
    acknowledged: bool = False
    """Whether the provider said of its latest attempt that it has it, in an answer that could not be read."""
    messages: int | None = None
    """How many its batch has, where the provider has said so."""
    settled_at: float | None = None
    people: People | None = field(default=None, repr=False, eq=False)
    """Its recipients, where a claim has brought them."""


@frozen(kw_only=True)
class Facts:
    """What is known of a campaign as a whole."""

    id: str
    source: str
    planned: float
    orders: Mapping[str, Any] = field(repr=False)
    plan: Mapping[str, Any] = field(repr=False)
    """The figures of the plan."""
    anchor: str | None
    """The newest batch of the account before the first claim, empty where there was none; None before the first run."""
    paused: str
    """Why it does not go on; empty where nothing is in the way."""
    began: float | None
    purged: bool


@frozen(kw_only=True)
class Held:
    """Who runs the campaign."""

    owner: Owner
    since: float
    until: float
    """When the lease ends unless it is renewed; 0 where it was given back."""


@frozen(kw_only=True)
class Tally:
    """The recipients and chunks of one state."""

    state: State
    chunks: int
    recipients: int


class Ledger(Protocol):
    """Where a campaign is written down."""

    async def facts(self) -> Facts: ...

    # The lease

    async def take(self, owner: Owner, *, at: float, until: float) -> int:
        """The number of a lease that now is the owner's; raises `LedgerHeld` while somebody else's is live."""
        ...

    async def renew(self, lease: int, *, until: float) -> None: ...
    async def release(self, lease: int) -> None: ...
    async def held(self) -> Held | None: ...

    # Before and between the chunks

    async def take_over(self, lease: int, *, at: float) -> int:
        """SENDING, UNKNOWN -> UNKNOWN, of every chunk: what was on its way when somebody died. How many there are."""
        ...

    async def anchored(self, lease: int, anchor: str, *, at: float) -> None:
        """The anchor is this, unless there is one already."""
        ...

    async def pause(self, lease: int, reason: str) -> None:
        """The campaign stops for this reason; an empty one lets it go on."""
        ...

    # The way of a chunk

    async def claim(self, lease: int, *, at: float, zones: Collection[str]) -> Chunk | None:
        """PENDING -> SENDING: the next chunk that is due in one of these zones, with its recipients; None where there is none."""
        ...

    async def people(self, chunk: int) -> People: ...

    async def leave_out(self, lease: int, chunk: Chunk, numbers: Mapping[str, str], *, at: float) -> Chunk:
        """SENDING -> SENDING: without these numbers, each with its reason."""
        ...

    async def accept(self, lease: int, chunk: Chunk, batch: str, *, messages: int | None, at: float) -> None:
        """SENDING -> ACCEPTED."""
        ...

    async def give_back(self, lease: int, chunk: Chunk, reason: str, *, not_before: float) -> None:
        """SENDING -> PENDING: surely nothing was sent."""
        ...

    async def reject(self, lease: int, chunk: Chunk, reason: str, *, at: float) -> None:
        """SENDING -> REJECTED."""
        ...

    async def split(self, lease: int, chunk: Chunk, reason: str, *, at: float) -> None:
        """SENDING -> SPLIT, and two new chunks that are PENDING, with half of its recipients each."""
        ...

    async def doubt(self, lease: int, chunk: Chunk, reason: str, *, acknowledged: bool, at: float) -> None:
        """SENDING -> UNKNOWN."""
        ...

    async def absent(self, lease: int, chunk: Chunk, *, again: bool, at: float) -> bool:
        """UNKNOWN -> REVIEW, or *again* UNKNOWN -> PENDING: a complete scan after the quarantine has not found it. False
        where somebody had proof meanwhile that it was accepted."""
        ...

    async def adopt(self, chunk: int, batch: str, *, at: float) -> bool:
        """PENDING, UNKNOWN, REVIEW -> ACCEPTED: this batch bears the chunk's mark, which needs no lease to be true. Whether it
        was news."""
        ...

    async def decide(self, chunk: int, *, again: bool, at: float) -> None:
        """REVIEW -> ACCEPTED, or *again* REVIEW -> PENDING: what a person has decided; raises `Invalid` where there is nothing
        to decide."""
        ...

    async def sized(self, chunk: int, messages: int) -> None:
        """How many messages the provider says an accepted chunk has."""
        ...

    async def incident(self, chunk: int, words: str, *, at: float) -> None:
        """Something is not as it should be; told once."""
        ...

    # What is asked

    async def tallies(self) -> Sequence[Tally]: ...
    async def chunks(self, *states: State, after: int = 0, most: int = 1000) -> Sequence[Chunk]: ...
    async def zones(self) -> Sequence[str]:
        """Of all chunks."""
        ...

    async def claimable(self, *, at: float, zones: Collection[str], most: int) -> int:
        """How many chunks a claim would find, counted up to *most*."""
        ...

    async def next_due(self, zones: Collection[str]) -> float | None:
        """When the next PENDING chunk of these zones is due."""
        ...

    async def close(self) -> None: ...
