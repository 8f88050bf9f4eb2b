"""Tables of figures that fit a terminal of 60 columns or more: where there is no room for columns, nothing is cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import Factory, frozen
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

WIDEST = 30
"""Characters of a bar where there is room."""
_NARROWEST = 8
_NAME = 12
"""Characters of a name column that is folded as far as can be read."""


@frozen
class Row:
    """A line of a table."""

    name: str
    cells: Sequence[str]
    bar: Text = Factory(Text)
    style: str = ""
    indent: int = 0


def bar(count: int, total: int, width: int = WIDEST) -> str:
    """A bar in eighths of a character, as long as the part is of the whole; however few they are, they can be seen."""
    if width <= 0 or total <= 0 or count <= 0:
        return ""
    eighths = min(width * 8, round(count / total * width * 8))
    drawn = ("█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8]).rstrip()
    return drawn or "▏"


def room(console: Console, others: int) -> int:
    """How wide a bar may be beside so many characters of other columns; 0 where it would say nothing."""
    width = min(WIDEST, console.width - others)
    return width if width >= _NARROWEST else 0


def title(console: Console, words: str) -> None:
    """Prints a heading."""
    console.print()
    console.print(Text(words, style="bold"))


def pairs(console: Console, some: Iterable[tuple[str, str]]) -> None:
    """Prints names, and beside each what it stands for, in as many lines as that takes."""
    shown = Table.grid(padding=(0, 2, 0, 0))
    shown.add_column(no_wrap=True)
    shown.add_column(overflow="fold")
    for name, value in some:
        shown.add_row(Text(name, style="dim"), Text(value))
    console.print(shown)


def figures(console: Console, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Prints a table; where the figures need more room than there is, a paragraph for each of its lines."""
    widths = [
        max([*(len(part) for part in name.split("\n")), *(len(each.cells[at]) for each in rows)])
        for at, name in enumerate(columns[1:])
    ]
    bars = max((len(each.bar) for each in rows), default=0)
    widths += [bars] if bars else []
    for gap in (2, 1):
        if sum(widths) + gap * len(widths) + _NAME <= console.width:
            _table(console, columns, rows, gap, bars > 0)
            return
    _paragraphs(console, columns, rows)


def _table(console: Console, columns: Sequence[str], rows: Sequence[Row], gap: int, bars: bool) -> None:
    shown = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="dim")
    shown.add_column(columns[0], overflow="fold", vertical="top")
    for name in columns[1:]:
        shown.add_column(name, justify="right", no_wrap=True)
    if bars:
        shown.add_column(no_wrap=True)
    for each in rows:
        words = Padding(Text(each.name, style=each.style, overflow="fold"), (0, 0, 0, each.indent))
        cells = [Text(cell, style=each.style) for cell in each.cells]
        shown.add_row(words, *cells, *([each.bar] if bars else []))
    console.print(shown)


def _paragraphs(console: Console, columns: Sequence[str], rows: Sequence[Row]) -> None:
    for each in rows:
        console.print(Padding(Text(each.name, style="bold", overflow="fold"), (0, 0, 0, each.indent)))
        named = zip(columns[1:], each.cells, strict=True)
        words = ", ".join(f"{' '.join(name.split())} {cell}" for name, cell in named)
        console.print(Padding(Text(words, overflow="fold"), (0, 0, 0, each.indent + 2)))
