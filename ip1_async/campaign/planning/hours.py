"""Hours of the week, as they are written: `mon-fri 09:00-20:00, sat 10:00-16:00`."""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen

from ip1_async.errors import Invalid

_WEEK: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_part = re.compile(
    r"\s*(?:([a-z]{3})(?:\s*-\s*([a-z]{3}))?\s+)?([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})\s*"
).fullmatch


@frozen
class Opening:
    """A span of the clock on one day of the week or several."""

    first: int
    """The first day; 0 is Monday."""
    last: int
    """The last day; smaller than *first* when a Sunday lies between."""
    opens: int
    """Minutes after midnight."""
    closes: int
    """Minutes after midnight, up to 1440; this minute is outside."""

    @property
    def days(self) -> frozenset[int]:
        """The days of the week, where 0 is Monday."""
        return frozenset((self.first + more) % 7 for more in range((self.last - self.first) % 7 + 1))


@frozen
class Hours:
    """The hours in which messages may go out, such as `mon-fri 09:00-20:00, sat 10:00-16:00`; `str` gives them back."""

    openings: tuple[Opening, ...]

    @classmethod
    def parse(cls, text: str) -> Hours:
        """The hours that the text states: spans with a comma between them, of every day or with days before each.

        Raises `Invalid` for anything else, also for a span over midnight, which is written as two.
        """
        written = text.lower().split(",")
        found = [_part(each) for each in written]
        dated = [match is not None and match[1] is not None for match in found]
        if None not in found and any(dated) and not all(dated):
            raise Invalid("window", "window names days for some of its spans only; name them for each, or for none")
        return cls(tuple(_opening(match, place) for place, match in enumerate(found, 1)))

    def __str__(self) -> str:
        daily = all(len(each.days) == 7 for each in self.openings)
        return ", ".join(("" if daily else f"{_days(each)} ") + _clock(each) for each in self.openings)


def _opening(match: re.Match[str] | None, place: int) -> Opening:
    """The span at this place in the text, counted from 1."""
    if match is None or not {match[1], match[2]} <= {None, *_WEEK}:
        raise Invalid(
            "window",
            f"window has a span {place} that is not written like 09:00-20:00, sat 10:00-16:00 or mon-fri 09:00-20:00",
        )
    opens, closes = (60 * int(match[hour]) + int(match[hour + 1]) for hour in (3, 5))
    if max(opens, closes) > 1440 or max(match[4], match[6]) > "59":
        raise Invalid("window", f"window has a time in span {place} that no clock shows; times are 00:00 to 24:00")
    if closes <= opens:
        raise Invalid(
            "window",
            f"window closes in span {place} before it has opened; "
            "hours over midnight are written as two spans, such as 20:00-24:00, 00:00-02:00",
        )
    first, last = _WEEK.index(match[1] or "mon"), _WEEK.index(match[2] or match[1] or "sun")
    return Opening(0, 6, opens, closes) if (last - first) % 7 == 6 else Opening(first, last, opens, closes)


def _days(opening: Opening) -> str:
    first, last = _WEEK[opening.first], _WEEK[opening.last]
    return first if first == last else f"{first}-{last}"


def _clock(opening: Opening) -> str:
    return "-".join(f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (opening.opens, opening.closes))
