"""Things and lists for people (tables) and machines (JSON)."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from ip1_async import codec
from ip1_async.models import Account, Batch, Contact, Element, LandingPage, Message, Status
from ip1_async.models.value import Value
from ip1_async.pages import Pages
from ip1_async.wire import is_array, is_mapping, is_sequence

COLUMNS: Mapping[type, tuple[str, ...]] = {
    Account: ("id", "name", "parent", "type", "balance", "currency"),
    Batch: ("id", "sender", "status", "body"),
    Contact: ("id", "properties", "labels"),
    Element: ("id", "type", "order", "content"),
    LandingPage: ("id", "name", "short_link", "last_modified"),
    Message: ("id", "recipient", "status", "price", "body"),
}
"""What a table of many has room for; where nothing is said, all plain fields."""

_WHOLE = ("id", "recipient", "msisdn", "sender", "status", "price")
_LEAST = 10
_SECRET = "key"


def out() -> Console:
    """Where tables go."""
    return Console(soft_wrap=False)


def err() -> Console:
    """Where everything goes that is not the answer."""
    return Console(stderr=True, soft_wrap=True, highlight=False)


def confirmed() -> bool:
    """Whether the person at the terminal says yes."""
    return input().strip().lower() in ("y", "yes", "j", "ja")


def document(value: Any) -> None:
    """One JSON document on a line of its own."""
    print(json.dumps(codec.dump(value), ensure_ascii=False, default=str))


def thing(value: Any, machine: bool) -> None:
    """One thing, or the several that a call gives at once."""
    if machine:
        document(value)
    elif is_array(value):
        table(value)
    elif value is None:
        err().print("Done.")
    else:
        _card(value)


async def walk(pages: Pages[Any], kind: type, shown: int, machine: bool) -> None:
    """The rows of a walk, up to so many; then how to go on."""
    count = 0
    rows: list[Any] = []
    more, cursor = False, ""
    async with pages:
        async for item in pages:
            if shown and count == shown:
                more = True
                break
            count += 1
            if count == shown:
                cursor = pages.cursor
            if machine:
                document(item)
            else:
                rows.append(item)
    if not machine:
        table(rows, kind)
    if more:
        err().print(f"There are more. Go on with --cursor {cursor}, or show all with --limit 0.")
    sys.stdout.flush()


def table(rows: Sequence[Any], kind: type | None = None) -> None:
    """Many things, one to a line."""
    if not rows:
        err().print("Nothing there.")
        return
    names = COLUMNS.get(kind or type(rows[0])) or _fields(rows[0])
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), expand=False)
    for name in names:
        first = getattr(rows[0], name)
        numeric = isinstance(first, int | Decimal) and not isinstance(first, Status | bool)
        # Ids and numbers are for copying, so they are never cut; the rest shares what room there is, and none vanishes.
        longest = max(len(cell(getattr(row, name))) for row in rows)
        shown.add_column(
            name.replace("_", " "),
            justify="right" if numeric else "left",
            no_wrap=True,
            overflow="ellipsis",
            min_width=longest if name in _WHOLE else min(longest, _LEAST),
        )
    for row in rows:
        shown.add_row(*(cell(getattr(row, name)) for name in names))
    out().print(shown)


def _card(value: Any) -> None:
    card = Table(box=None, show_header=False, pad_edge=False)
    card.add_column(style="bold", no_wrap=True)
    card.add_column(overflow="fold")
    for name in _fields(value):
        given = getattr(value, name)
        if given not in (None, "", (), {}):
            card.add_row(name.replace("_", " "), "hidden; --json shows it" if name == _SECRET else cell(given))
    if isinstance(value, Message):
        card.add_row("status", cell(value.status))
    out().print(card)


def cell(value: Any) -> str:
    """A value in a few characters; markup in it stays text."""
    if value is None:
        text = ""
    elif isinstance(value, Status):
        text = str(value) if value else ""
    elif isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, datetime):
        text = value.strftime("%Y-%m-%d %H:%M:%S")
    elif is_mapping(value):
        text = ", ".join(f"{cell(key)}: {cell(item)}" for key, item in value.items())
    elif isinstance(value, Value):
        text = _short(value)
    elif is_sequence(value):
        text = ", ".join(cell(item) for item in value)
    else:
        text = str(value)
    return text.replace("[", "\\[")


def _short(value: Any) -> str:
    parts = [(name, getattr(value, name)) for name in _fields(value)]
    return " ".join(f"{name}={cell(given)}" for name, given in parts if given not in (None, "", ()))


def _fields(value: Any) -> tuple[str, ...]:
    return tuple(each.name for each in value.__attrs_attrs__ if each.name != "extra")
