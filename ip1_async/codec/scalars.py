"""Amounts and times out of JSON."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

EXACT = 1 << 53
"""From here on doubles leave whole numbers out."""

_finer = re.compile(r"(.*\.[0-9]{6})([0-9]+)(.*)").fullmatch


def amount(said: float | str) -> Decimal:
    """An amount, by way of the shortest text that gives the same double: 0.35 is meant, not 0.34999…."""
    if isinstance(said, float) and said.is_integer() and abs(said) < EXACT:
        return Decimal(int(said))
    return Decimal(str(said).strip())


def time(said: str) -> datetime:
    """A time to the microsecond; what is finer is rounded."""
    if said.endswith("z"):
        said = said[:-1] + "Z"
    if finer := _finer(said):
        rounded = datetime.fromisoformat(finer[1] + finer[3])
        return rounded + timedelta(microseconds=1) if finer[2] >= "5" else rounded
    return datetime.fromisoformat(said)


def utc(at: datetime) -> datetime:
    """The time in UTC, which is also what one without a zone means."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
