"""What stands on a landing page: checked, kept and shown. One type among them has documented fields."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from sqlite3 import Row
from typing import Any

from ip1_async.sandbox import bodies
from ip1_async.sandbox.state import State, schema

schema("""
CREATE TABLE IF NOT EXISTS landing_elements (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, page TEXT NOT NULL,
    position INTEGER NOT NULL, fields TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS landing_elements_of ON landing_elements (page, position);
""")

_number = re.compile(r"-?[0-9]+(\.[0-9]+)?").fullmatch
_colour = re.compile(r"#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})").fullmatch
_Rule = tuple[Callable[[Any], object], str]
_COLOUR: _Rule = (
    lambda value: isinstance(value, str) and _colour(value),
    "A colour is # and 3 or 6 hexadecimal digits.",
)
_NUMBER: _Rule = (lambda value: isinstance(value, str) and _number(value), "This must be a text that holds a number.")
_TEXT: _Rule = (lambda value: isinstance(value, str), "This must be a text.")
_SWITCH: _Rule = (lambda value: isinstance(value, bool), "This must be true or false.")
_TITLE: Mapping[str, _Rule] = {
    "backgroundColor": _COLOUR,
    "foregroundColor": _COLOUR,
    "padding": _NUMBER,
    "margin": _NUMBER,
    "textAlignment": (
        lambda value: isinstance(value, str) and value.lower() in ("left", "center", "right", "justified"),
        "This must be Left, Center, Right or Justified.",
    ),
    "font": _TEXT,
    "content": _TEXT,
    "level": (lambda value: type(value) is int and 1 <= value <= 6, "The level of a heading is 1 to 6."),
    "bold": _SWITCH,
    "italic": _SWITCH,
    "underline": _SWITCH,
}
_DOCUMENTED = ("type", "id", "order", *_TITLE)


def checked(body: Any, at: str = "") -> tuple[dict[str, Any], int | None]:
    """The fields to keep and the place, if one is given. Only a title's fields are checked: no other's are known."""
    known, others = bodies.sorted_out(body, _DOCUMENTED, at.rstrip(".") or "body")
    type_, order = bodies.text(known.pop("type", None), f"{at}type"), known.pop("order", None)
    known.pop("id", None)
    if order is not None and not (type(order) is int and 0 <= order < 2**31):
        raise bodies.invalid(f"{at}order", "This must be a whole number from 0.")
    if type_.lower() == "title":
        for name, value in known.items():
            holds, words = _TITLE[name]
            if value is not None and not holds(value):
                raise bodies.invalid(f"{at}{name}", words)
    return {"type": type_, **known, **others}, order


def add(state: State, page: str, body: Any, at: str = "") -> dict[str, Any]:
    """Put an element on a page."""
    fields, order = checked(body, at)
    if order is None:
        last = "SELECT COALESCE(MAX(position) + 1, 0) FROM landing_elements WHERE page = ?"
        order = state.db.execute(last, (page,)).fetchone()[0]
    row = state.db.execute(
        "INSERT INTO landing_elements (id, page, position, fields) VALUES (?, ?, ?, ?) RETURNING *",
        (state.new_id(), page, order, json.dumps(fields)),
    ).fetchone()
    return shown(row)


def on_page(state: State, page: str) -> list[dict[str, Any]]:
    """The elements of a page in their order."""
    query = "SELECT * FROM landing_elements WHERE page = ? ORDER BY position, number"
    return [shown(row) for row in state.db.execute(query, (page,))]


def shown(row: Row) -> dict[str, Any]:
    """An element as the API shows it."""
    fields = json.loads(row["fields"])
    # The type comes first, as the provider's own readers want it.
    return {"type": fields.pop("type"), "id": row["id"], "order": row["position"], **fields}
