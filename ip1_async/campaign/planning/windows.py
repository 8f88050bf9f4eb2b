"""When messages may go out: hours of the week on the recipient's own clock, as spans of time.

A number says which country it is of, but not where in the country its phone is. So a window is open for a country of
several time zones only while it is open in all of them. Zones are named as in the IANA database, such as
`Europe/Stockholm`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from attrs import frozen

from ip1_async.campaign.planning.hours import Hours
from ip1_async.campaign.planning.zones import named_zone
from ip1_async.errors import Invalid
from ip1_async.models import DeliveryWindow

LOOK_AHEAD: Final = 14
"""Days within which a window must open for everyone."""

_DAY: Final = 86400
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_THURSDAY: Final = 3
"""The day of the week on which 1970 began."""


@frozen
class Span:
    """A time in which a window is open."""

    opens: datetime
    """In UTC."""
    closes: datetime
    """In UTC; this moment is outside."""


def spans(hours: Hours, zones: Iterable[str], at: datetime, days: int = 3) -> tuple[Span, ...]:
    """The times within so many days from *at* in which the window is open in all the zones, the earliest first.

    One that is open at *at* begins there, and one that is open when the days are over ends there. Clocks that are put
    forward or back are followed: an hour that is shown twice counts twice. Raises `Invalid` for a name that is no zone,
    for no zones, and for a time without a time zone.
    """
    if at.utcoffset() is None:
        raise Invalid("at", "at is a datetime without a time zone; give one, such as datetime.now(UTC)")
    at = at.astimezone(UTC)
    until = at + timedelta(days)
    start, end = _second(at), _second(until) + 1
    # Most zones of a country show the same time as others, and are computed once.
    clocks = {_offsets(each, start, end) for each in _zones(zones)}
    common = reduce(_common, (_open(hours, clock, end) for clock in clocks))
    clipped = (Span(max(at, _moment(opens)), min(until, _moment(closes))) for opens, closes in common)
    return tuple(each for each in clipped if each.opens < each.closes)


def is_open(hours: Hours, zones: Iterable[str], at: datetime) -> bool:
    """Whether the window is open in all the zones at this time; raises as `spans` does."""
    return any(each.opens == at for each in spans(hours, zones, at, 1))


def next_opening(hours: Hours, zones: Iterable[str], at: datetime) -> datetime | None:
    """When the window is open in all the zones, in UTC: *at* itself where it is open then.

    None when there is no such time within 14 days. Raises as `spans` does.
    """
    return next((each.opens for each in spans(hours, zones, at, LOOK_AHEAD)), None)


def check(hours: Hours, groups: Mapping[str, Iterable[str]], at: datetime) -> None:
    """Raises `Invalid` naming the groups, each given with its zones, for which the window does not open in 14 days."""
    closed = sorted(name for name, zones in groups.items() if next_opening(hours, zones, at) is None)
    if closed:
        named = ", ".join(closed[:10]) + (f" and {len(closed) - 10} more" if closed[10:] else "")
        raise Invalid(
            "window",
            f"window is at no time within {LOOK_AHEAD} days open in all time zones of {named}; "
            "widen it, or give a column with each recipient's own zone",
        )


def delivery_windows(spans: Iterable[Span]) -> tuple[DeliveryWindow, ...]:
    """The spans as a batch takes them, so that the provider keeps to them however late it delivers."""
    return tuple(DeliveryWindow(opens=each.opens, closes=each.closes) for each in spans)


def _second(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(seconds=1)


def _moment(second: int) -> datetime:
    return _EPOCH + timedelta(seconds=second)


def _zones(names: Iterable[str]) -> Sequence[ZoneInfo]:
    found: list[ZoneInfo] = []
    for name in names:
        if (zone := named_zone(name)) is None:
            raise Invalid(
                "zone", f"zone is {len(name)} characters long and names no IANA time zone, such as Europe/Stockholm"
            )
        found.append(zone)
    if not found:
        raise Invalid("zone", "zone is not given; at least one IANA time zone, such as Europe/Stockholm, is needed")
    return found


def _offset(zone: ZoneInfo, second: int) -> int:
    """How many seconds the zone's clocks are ahead of UTC."""
    offset = _moment(second).astimezone(zone).utcoffset()
    assert offset is not None
    return offset // timedelta(seconds=1)


def _offsets(zone: ZoneInfo, start: int, end: int) -> tuple[tuple[int, int], ...]:
    """The zone's offsets from *start* to *end*, each with the second from which it holds."""
    found = [(start, _offset(zone, start))]
    for day in range(start, end, _DAY):
        before, after = day, min(day + _DAY, end)
        if (new := _offset(zone, after)) == found[-1][1]:
            continue
        # No zone changes its clocks twice in a day, so halving finds the second.
        while after - before > 1:
            middle = (before + after) // 2
            if _offset(zone, middle) == new:
                after = middle
            else:
                before = middle
        found.append((after, new))
    return tuple(found)


def _open(hours: Hours, offsets: Sequence[tuple[int, int]], end: int) -> list[tuple[int, int]]:
    """The times up to *end* in which clocks with these offsets show one of the hours."""
    found: list[tuple[int, int]] = []
    for (start, offset), (stop, _) in pairwise([*offsets, (end, 0)]):
        for day in range((start + offset) // _DAY, (stop + offset) // _DAY + 1):
            midnight = day * _DAY - offset
            for each in hours.openings:
                opens, closes = max(start, midnight + 60 * each.opens), min(stop, midnight + 60 * each.closes)
                if opens < closes and (day + _THURSDAY) % 7 in each.days:
                    found.append((opens, closes))
    return list(_merged(sorted(found)))


def _merged(spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Spans in order of their beginnings, with those joined that overlap or touch."""
    if not spans:
        return
    first, last = spans[0]
    for opens, closes in spans[1:]:
        if opens > last:
            yield first, last
            first = opens
        last = max(last, closes)
    yield first, last


def _common(some: Sequence[tuple[int, int]], others: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """What both hold, in order."""
    both = ((max(a, c), min(b, d)) for a, b in some for c, d in others)
    return [(opens, closes) for opens, closes in both if opens < closes]
