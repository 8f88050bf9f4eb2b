"""Which statuses a message has at a given time: pure, from what is known since it was accepted.

Nothing moves a message along: its way is computed when somebody looks. Times are seconds of the sandbox's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zlib import crc32

from attrs import frozen

ENDS = frozenset({201, 202, 203, *range(402, 410), *range(500, 504), *range(511, 517), 599})
"""The codes that a message can end with."""
STALLS = frozenset({101, 102, 103, 104, 110, 111, 112, 113, 114})

QUEUED, READY = 0.1, 0.2
_chain = ((103, 0.0), (110, 0.2), (111, 0.4), (112, 0.7))
FINAL, SPREAD = 1.0, 0.6
"""A message without windows is final within `READY + FINAL + SPREAD` seconds."""


@frozen
class Way:
    """What decides a message's way."""

    created: float
    ends: int
    """The code it ends with, or stalls at."""
    windows: Sequence[tuple[float, float]] = ()
    """When it may be sent: opening and closing times."""
    cancelled: float | None = None
    spread: float = 0.0
    """From 0 to 1: how late within the span of times the end comes."""


@frozen
class Step:
    """One status."""

    code: int
    final: bool
    at: float


def ends_with(recipient: str, *, blacklisted: bool, funded: bool) -> int:
    """The code that a recipient's message ends with; the last three digits can name it."""
    if blacklisted:
        return 405
    if not funded:
        return 402
    asked = int(recipient[-3:])
    return asked if asked in ENDS | STALLS else 201


def spread_of(recipient: str) -> float:
    """Spreads the ends of many messages over their span in a few steps, the same way every time."""
    return crc32(recipient.encode()) % 20 / 20


def sending_at(created: float, windows: Sequence[tuple[float, float]]) -> float | None:
    """When sending begins; None where all windows close before."""
    ready = created + READY
    if not windows:
        return ready
    return min((max(ready, opens) for opens, closes in windows if max(ready, opens) < closes), default=None)


def steps(way: Way, now: float) -> list[Step]:
    """The statuses so far, the oldest first."""
    begins = sending_at(way.created, way.windows)
    rejected = way.created + READY if way.ends in (402, 405) else None
    if way.cancelled is not None and (rejected is None or way.cancelled < rejected):
        planned = [*_waiting(way.created), Step(203, True, way.cancelled)]
        planned = [each for each in planned if each.code == 203 or each.at < way.cancelled]
    elif rejected is not None:
        planned = [Step(101, False, way.created), Step(way.ends, True, rejected)]
    elif begins is None:
        expired = max(way.created + READY, max(closes for _, closes in way.windows))
        planned = [*_waiting(way.created), Step(202, True, expired)]
    else:
        planned = [*_waiting(way.created), *(Step(code, False, begins + after) for code, after in _chain)]
        planned = _ended(planned, way.ends, begins + FINAL + SPREAD * way.spread)
    return [each for each in planned if each.at <= now]


def spreading(created: float, windows: Sequence[tuple[float, float]], now: float) -> bool:
    """Whether messages that end the same way may be at different steps of it now."""
    begins = sending_at(created, windows)
    return begins is not None and begins + FINAL <= now < begins + FINAL + SPREAD


def as_json(step: Step, stamp: Any) -> dict[str, Any]:
    """A status as the API writes it."""
    return {"code": step.code, "duration": int(step.final), "created": stamp(step.at)}


def _waiting(created: float) -> list[Step]:
    return [Step(101, False, created), Step(102, False, created + QUEUED)]


def _ended(chain: list[Step], ends: int, at: float) -> list[Step]:
    codes = [each.code for each in chain]
    if ends in codes:
        return chain[: codes.index(ends) + 1]
    if ends in STALLS:
        before = [each for each in chain if each.code < ends]
        return [*before, Step(ends, False, at)]
    return [*chain, Step(ends, True, at)]
