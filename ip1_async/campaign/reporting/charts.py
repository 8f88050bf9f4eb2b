"""Bars and lines as SVG that keeps its text readable at any width. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from html import escape
from math import ceil, floor, log10
from typing import Final

from ip1_async.campaign.reporting.report import Progress
from ip1_async.campaign.reporting.words import day, number, zoned

KINDS: Final = ("have", "way", "not", "unsure")
"""How the four parts of a campaign are filled: plain, hatched, plain in another shade, dotted."""

PATTERNS: Final = (
    '<svg class="patterns" aria-hidden="true" focusable="false"><defs>'
    '<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="ground" width="6" height="6"/><rect class="ink" width="2.4" height="6"/></pattern>'
    '<pattern id="dots" width="6" height="6" patternUnits="userSpaceOnUse">'
    '<rect class="ground" width="6" height="6"/><circle class="ink" cx="3" cy="3" r="1.6"/></pattern>'
    "</defs></svg>"
)
"""Stands once in a page; the fills refer to it."""

_LEAST = 0.6
"""Per cent of the width that even one of a million takes, so that it is seen."""
_HEIGHT, _TOP, _BELOW = 220, 20, 40
_STEPS: Final = tuple(
    timedelta(seconds=each) for each in (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600,
                                         7200, 10800, 21600, 43200)
) + tuple(timedelta(days=each) for each in (1, 2, 7, 14, 30, 60, 90, 180, 365, 730, 1825, 3650, 7300, 18250))  # fmt: skip


def swatch(kind: str) -> str:
    """A small square filled as one kind is."""
    return f'<svg class="swatch" aria-hidden="true"><rect class="{kind}" width="100%" height="100%"/></svg>'


def bar(part: float, whole: float, label: str, *, lost: float = 0, kind: str = "have") -> str:
    """One bar: so much of the whole, filled as its kind is, and behind it what was *lost* since the bar above."""
    width, behind = _widths((part, lost), whole)
    lost_rect = f'<rect class="lost edge" x="{width:.2f}%" width="{behind:.2f}%" height="100%"/>' if behind else ""
    return (
        f'<svg class="bar" role="img" aria-label="{escape(label)}"><title>{escape(label)}</title>'
        f'<rect class="track" width="100%" height="100%"/>'
        f'<rect class="{kind}" width="{width:.2f}%" height="100%"/>{lost_rect}</svg>'
    )


def stacked(parts: Sequence[tuple[str, int]], label: str) -> str:
    """One bar of four parts in the order of `KINDS`, each with a name and a count."""
    whole = sum(count for _, count in parts)
    drawn, x = "", 0.0
    for kind, (name, count), width in zip(KINDS, parts, _widths([count for _, count in parts], whole), strict=True):
        if width:
            drawn += (
                f'<rect class="{kind} edge" x="{x:.2f}%" width="{width:.2f}%" height="100%">'
                f"<title>{escape(name)}: {number(count)}</title></rect>"
            )
        x += width
    title = f"<title>{escape(label)}</title>"
    return f'<svg class="stacked" role="img" aria-label="{escape(label)}">{title}{drawn}</svg>'


def _widths(counts: Sequence[float], whole: float) -> list[float]:
    """In per cent; together at most all of it, although the small ones are made large enough to be seen."""
    widths = [max(_LEAST, 100 * count / whole) if count > 0 and whole > 0 else 0.0 for count in counts]
    room = min(1.0, 100 / (sum(widths) or 1))
    return [width * room for width in widths]


def lines(points: Sequence[Progress], zone: tzinfo, label: str) -> str:
    """How both figures grew, as an area and a line; needs two points at different times."""
    start, end = zoned(points[0].at, UTC), zoned(points[-1].at, UTC)
    levels = steps(max(max(each.accepted, each.final) for each in points))
    at = [1000 * ((zoned(each.at, UTC) - start) / (end - start)) for each in points]
    accepted = _path(zip(at, (each.accepted for each in points), strict=True), levels[-1])
    final = _path(zip(at, (each.final for each in points), strict=True), levels[-1])
    rules = "".join(_level(level, levels[-1]) for level in levels)
    times = "".join(_time(x, words) for x, words in ticks(start, end, zone))
    return (
        f'<svg class="plot" role="img" height="{_TOP + _HEIGHT + _BELOW}" aria-label="{escape(label)}">'
        f"<title>{escape(label)}</title>{rules}{times}"
        f'<svg y="{_TOP}" width="100%" height="{_HEIGHT}" viewBox="0 0 1000 1000" preserveAspectRatio="none" '
        f'overflow="visible"><path class="area" d="{accepted} L1000,1000 L0,1000 Z"/>'
        f'<path class="line accepted" d="{accepted}"/><path class="line final" d="{final}"/></svg></svg>'
    )


def _path(pairs: Iterable[tuple[float, int]], top: int) -> str:
    return "M" + " L".join(f"{x:.1f},{1000 - 1000 * count / top:.1f}" for x, count in pairs)


def _level(level: int, top: int) -> str:
    y = _TOP + _HEIGHT * (1 - level / top)
    rule = f'<line class="rule" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>'
    return f'{rule}<text class="tick" x="0" y="{y - 5:.1f}">{number(level)}</text>' if level else rule


def _time(x: float, words: Sequence[str]) -> str:
    anchor = "start" if x < 6 else "end" if x > 94 else "middle"
    foot = _TOP + _HEIGHT
    mark = f'<line class="mark" x1="{x:.2f}%" x2="{x:.2f}%" y1="{foot}" y2="{foot + 5}"/>'
    return mark + "".join(
        f'<text class="tick" x="{x:.2f}%" y="{foot + 18 + 15 * line}" text-anchor="{anchor}">{word}</text>'
        for line, word in enumerate(words)
    )


def steps(most: int) -> Sequence[int]:
    """Round figures from 0 to at least *most*, which is at least 1, in three to five equal steps or fewer."""
    most = max(1, most)
    rough = most / 4
    power = 10 ** max(0, floor(log10(rough))) if rough >= 1 else 1
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= rough)
    return range(0, ceil(most / step) * step + 1, step)


def ticks(start: datetime, end: datetime, zone: tzinfo) -> Sequence[tuple[float, Sequence[str]]]:
    """Round times of a zone: how far each is from start to end in per cent, and one or two lines of text.

    The second line is the day, where it is another than that of the tick before. Start and end themselves stand where no
    two round times lie between them.
    """
    step = next((size for size in _STEPS if (end - start) / size <= 5), (end - start) / 5)
    times = [each for each in _round_times(start, step, zone) if start <= zoned(each, UTC) <= end]
    if len(times) < 2:
        times = [zoned(start, zone), zoned(end, zone)]
    found: list[tuple[float, Sequence[str]]] = []
    last = ""
    for each in times:
        today = day(each) if step < timedelta(days=30) else f"{day(each)} {each.year}"
        new = () if today == last else (today,)
        place = 100 * ((zoned(each, UTC) - start) / (end - start))
        found.append((place, (today,) if step >= timedelta(days=1) else (_clock(each, step), *new)))
        last = today
    return found


def _round_times(start: datetime, step: timedelta, zone: tzinfo) -> Sequence[datetime]:
    """The first times after the start that are whole steps after its midnight."""
    local = zoned(start, zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    first = -((midnight - local) // step)
    return [midnight + step * (first + each) for each in range(7)]


def _clock(at: datetime, step: timedelta) -> str:
    if step >= timedelta(seconds=60):
        return f"{at:%H:%M}"
    return f"{at:%H:%M:%S}" if step >= timedelta(seconds=1) else f"{at:%H:%M:%S}.{at.microsecond // 100_000}"
