"""A flame graph as SVG: time is width, a function's callees stand below it, and the colour says whose code it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from html import escape

from attrs import define, field

Stack = tuple[str, ...]
"""Functions from the outermost to the innermost; a line of source begins with `= `."""

WIDTH, ROW, EDGE, HEAD = 1600, 19, 12, 74
LETTER = 6.7
"""Pixels that a letter takes at most."""
LEAST = 2.0
"""Pixels below which a bar is left out."""
LEFT_OUT = ("asyncio.events.Handle._run", "asyncio.events._run", "contextlib.", "benchmarks.", "__main__.")
"""What only passes on: such bars would be as wide as those below them, and say nothing."""

COLOURS: Mapping[str, str] = {
    "ip1_async": "#f2a65a", "aiohttp": "#8fb8de", "asyncio": "#b8c4bb", "decoders": "#c9a0dc", "the rest": "#e3d9c6",
}  # fmt: skip
_aiohttp = ("aiohttp", "yarl", "multidict", "propcache", "frozenlist", "aiosignal", "idna", "http.", "urllib.")
_decoders = ("cattrs", "msgspec", "orjson", "json.", "<cattrs")
_loop = ("asyncio", "selectors", "socket", "concurrent")


def owner(name: str) -> str:
    """Whose code a function is."""
    for whose, beginnings in (("aiohttp", _aiohttp), ("decoders", _decoders), ("asyncio", _loop)):
        if name.startswith(beginnings):
            return whose
    return "ip1_async" if name.startswith("ip1_async") else "the rest"


@define
class Bar:
    """A function in one place of the graph."""

    name: str
    whose: str
    count: int = 0
    below: dict[str, Bar] = field(factory=dict)


def grown(stacks: Counter[Stack]) -> Bar:
    """The stacks as a tree."""
    root = Bar("the event loop", "asyncio")
    for frames, many in stacks.items():
        root.count += many
        bar = root
        for name in frames:
            if name.startswith(LEFT_OUT):
                continue
            whose = bar.whose if name.startswith("= ") else owner(name)
            bar = bar.below.setdefault(name, Bar(name, whose))
            bar.count += many
    return root


def deepest(bar: Bar, scale: float) -> int:
    return 1 + max((deepest(each, scale) for each in bar.below.values() if each.count * scale >= LEAST), default=0)


def drawn(title: str, stacks: Counter[Stack]) -> str:
    """The picture."""
    root = grown(stacks)
    scale = (WIDTH - 2 * EDGE) / max(1, root.count)
    height = HEAD + deepest(root, scale) * ROW + EDGE
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="DejaVu Sans, Verdana, sans-serif" font-size="11.5">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fffdf9"/>',
        f'<text x="{EDGE}" y="28" font-size="19" font-weight="bold">{escape(title)}</text>',
        *_legend(stacks),
        *_bars(root, root.count, scale, EDGE, HEAD),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _legend(stacks: Counter[Stack]) -> Iterator[str]:
    """Whose code was at work how much of the time."""
    shares = Counter[str]()
    for frames, many in stacks.items():
        named = [each for each in frames if not each.startswith("= ")] or ["asyncio"]
        shares[owner(named[-1])] += many
    x = float(EDGE)
    for whose, colour in COLOURS.items():
        if not shares[whose]:
            continue
        words = f"{whose} {shares[whose] / stacks.total():.0%}"
        yield f'<rect x="{x}" y="42" width="14" height="14" fill="{colour}"/>'
        yield f'<text x="{x + 20}" y="54" font-size="13">{words}</text>'
        x += 50 + 8.5 * len(words)


def _bars(bar: Bar, whole: int, scale: float, x: float, y: float) -> Iterator[str]:
    width = bar.count * scale
    if width < LEAST:
        return
    said = escape(f"{bar.name}: {bar.count / whole:.1%}")
    colour = "#fff3c4" if bar.name.startswith("= ") else COLOURS[bar.whose]
    yield (
        f'<g><title>{said}</title><rect x="{x:.1f}" y="{y:.0f}" width="{max(0.5, width - 0.6):.1f}" height="{ROW - 1}" '
        f'fill="{colour}" rx="2"/>'
    )
    if words := _fitting(bar, whole, width):
        yield f'<text x="{x + 4:.1f}" y="{y + 13:.0f}">{escape(words)}</text>'
    yield "</g>"
    # In the order of size, so that what matters stands on the left.
    for below in sorted(bar.below.values(), key=lambda each: -each.count):
        yield from _bars(below, whole, scale, x, y + ROW)
        x += below.count * scale


def _fitting(bar: Bar, whole: int, width: float) -> str:
    """As much of the name as there is room for, the last part of it first."""
    room = int((width - 8) / LETTER)
    share = f" {bar.count / whole:.0%}"
    name = bar.name.removeprefix("= ")
    short = name if bar.name.startswith("= ") else ".".join(name.replace("<locals>.", "").split(".")[-2:])
    for words in (name + share, short + share, short):
        if len(words) <= room:
            return words
    return short[: room - 1] + "…" if room >= 4 else ""
