"""Pieces of HTML that every section is made of; what comes from outside goes through `text`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from attrs import frozen

from ip1_async.campaign.reporting.words import visible


@frozen
class Row:
    """A line of a table, in HTML."""

    name: str
    cells: Sequence[str]
    kind: str


def text(words: str) -> str:
    """Anybody's words as text of a page: no markup, no control characters, no effect on the direction around them."""
    return f"<bdi>{escape(visible(words))}</bdi>"


def section(id: str, title: str, *parts: str) -> str:
    """A part of the page under its heading."""
    return f'<section aria-labelledby="{id}"><h2 id="{id}">{escape(title)}</h2>{"".join(parts)}</section>'


def note(words: str, kind: str = "aside") -> str:
    """A paragraph of our own words."""
    return f'<p class="{kind}">{escape(words)}</p>'


def row(name: str, cells: Iterable[str], kind: str = "") -> Row:
    """A line of a table; its name is HTML, its cells are figures or our own words."""
    return Row(name, tuple(escape(cell) for cell in cells), kind)


def table(caption: str, columns: Sequence[str], rows: Iterable[Row], foot: Row | None = None) -> str:
    """A table whose first column names the lines.

    With more than two columns beside it, each line becomes a block of its own on a narrow screen. Roles are written out,
    for a browser forgets those of a table that is laid out otherwise.
    """
    head = "".join(f'<th role="columnheader" scope="col">{escape(column)}</th>' for column in columns)
    body = "".join(_line(each, columns) for each in rows)
    last = f'<tfoot role="rowgroup">{_line(foot, columns)}</tfoot>' if foot else ""
    return (
        f'<table role="table"{" class=many" if len(columns) > 3 else ""}><caption>{escape(caption)}</caption>'
        f'<thead role="rowgroup"><tr role="row">{head}</tr></thead><tbody role="rowgroup">{body}</tbody>{last}</table>'
    )


def _line(line: Row, columns: Sequence[str]) -> str:
    cells = "".join(
        f'<td role="cell" data-label="{escape(column)}">{cell}</td>'
        for column, cell in zip(columns[1:], line.cells, strict=True)
    )
    kind = f' class="{line.kind}"' if line.kind else ""
    return f'<tr role="row"{kind}><th role="rowheader" scope="row">{line.name}</th>{cells}</tr>'


def facts(pairs: Iterable[tuple[str, str, str]]) -> str:
    """Names with their values, which are HTML, and a few of our own words each."""
    items = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{value}{f'<small>{escape(words)}</small>' if words else ''}</dd></div>"
        for name, value, words in pairs
    )
    return f'<dl class="facts">{items}</dl>'
