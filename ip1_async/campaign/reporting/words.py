"""How a report writes figures, times and the words of strangers: the page and the terminal write them alike. Pure."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Final

# Not strftime, whose names change with the locale of the process.
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_LONGEST: Final = 200
_REPLACEMENT: Final = "\ufffd"
# A run of digits as the ledger masks them, and a number in groups as people write it.
_number = re.compile(r"\+?\d(?:[ ()./\u00a0-]{0,2}\d){6,}|\d{5,}")
_BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def number(count: int) -> str:
    """A count with its thousands apart, such as `12,345`."""
    return f"{count:,}"


def people(count: int) -> str:
    """So many people."""
    return "1 person" if count == 1 else f"{count:,} people"


def several(count: int, thing: str) -> str:
    """So many things whose plural ends in s."""
    return f"1 {thing}" if count == 1 else f"{count:,} {thing}s"


def share(part: int, whole: int) -> str:
    """A part in per cent with one decimal; 0% and 100% are said of none and all only."""
    if whole <= 0:
        return "–"
    if part <= 0 or part == whole:
        return "0%" if part <= 0 else "100%"
    percent = f"{100 * part / whole:.1f}%"
    return {"0.0%": "<0.1%", "100.0%": ">99.9%"}.get(percent, percent)


def money(amount: Decimal) -> str:
    """An amount with two decimals, or four where two would show nothing."""
    return f"{amount:,.4f}" if 0 < amount < Decimal("0.01") else f"{amount:,.2f}"


def currency(code: str) -> str:
    """A currency as it is written: in capitals, and no longer than any code there is."""
    return line(code.upper())[:8]


def unit_price(amount: Decimal, count: int) -> str:
    """The price of one of so many, with four decimals."""
    return f"{amount / count:,.4f}" if count else "–"


def moment(at: datetime, zone: tzinfo) -> str:
    """A time to the second with its zone, such as `3 Mar 2026, 14:05:09 UTC`."""
    return f"{date(at, zone)}, {clock(at, zone)}"


def date(at: datetime, zone: tzinfo) -> str:
    """The date in a zone, such as `3 Mar 2026`."""
    local = zoned(at, zone)
    return f"{day(local)} {local.year}"


def clock(at: datetime, zone: tzinfo) -> str:
    """The time of day in a zone, to the second, such as `14:05:09 UTC`."""
    local = zoned(at, zone)
    return f"{local:%H:%M:%S} {zone_name(local)}"


def day(at: datetime) -> str:
    """A day without its year, such as `3 Mar`."""
    return f"{at.day} {MONTHS[at.month - 1]}"


def zoned(at: datetime, zone: tzinfo) -> datetime:
    """The same time in another zone; a time without a zone is taken for UTC."""
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(zone)


def zone_name(at: datetime) -> str:
    """What the zone of a time is called."""
    return at.tzname() or "UTC"


def duration(time: timedelta) -> str:
    """A length of time in its two largest units, such as `4 min 12 s`."""
    seconds = time.total_seconds()
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    for size, name, below, less in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size} {name}{f' {rest} {less}' if rest else ''}"
    return f"{whole} s"


def visible(text: str) -> str:
    """A text whose control characters can be seen and do nothing; line feeds stay.

    Those of ASCII become their pictures (U+2400 and on); others, unpaired surrogates and marks that turn the direction
    of writing become U+FFFD.
    """
    return "".join(map(_seen, text))


def _seen(char: str) -> str:
    if " " <= char <= "~" or char == "\n":
        return char
    if char < " ":
        return chr(0x2400 + ord(char))
    if char == "\x7f":
        return "\u2421"
    harmful = char in _BIDI or unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")
    return _REPLACEMENT if harmful else char


def line(text: str) -> str:
    """A text on one line, its control characters visible."""
    return visible(" ".join(text.split()))


def told(words: str) -> str:
    """What somebody else said, on one line: without anything that may be a phone number, and not endless."""
    masked = line(_number.sub("…", words))
    return masked if len(masked) <= _LONGEST else f"{masked[: _LONGEST - 1]}…"
