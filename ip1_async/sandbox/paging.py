"""Offset paging as the provider does it: `start`, `limit`, `order`, a bare array, and a Link header."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import urlencode

from attrs import frozen

from ip1_async.sandbox.answers import Call, Refused, Reply

_own = ("start", "limit", "order")
_whole = re.compile(r"[0-9]{1,12}").fullmatch


@frozen
class Window:
    """Which rows are wanted."""

    start: int
    limit: int
    order: Literal["ASC", "DESC"]

    def of(self, total: int) -> range:
        """The positions, counted from the oldest row, of the rows that are wanted, in the order in which they are."""
        wanted = range(self.start, min(total, self.start + self.limit))
        return wanted if self.order == "ASC" else range(total - 1 - wanted.start, total - 1 - wanted.stop, -1)


def window(call: Call) -> Window:
    """The window that a request asks for; refuses values that are none."""
    given = {name.lower(): value for name, value in call.query if name.lower() in _own}
    errors: dict[str, list[str]] = {}
    start, limit, order = given.get("start", "0"), given.get("limit", "50"), given.get("order", "ASC").upper()
    if not _whole(start):
        errors["start"] = ["start must be a whole number of at least 0."]
    if not _whole(limit) or int(limit) == 0:
        errors["limit"] = ["limit must be a whole number of at least 1."]
    if order not in ("ASC", "DESC"):
        errors["order"] = ["order must be ASC or DESC."]
    if errors:
        raise Refused(400, "One or more validation errors occurred.", errors=errors)
    return Window(int(start), int(limit), "DESC" if order == "DESC" else "ASC")


def page(call: Call, wanted: Window, rows: Sequence[Any], total: int) -> Reply:
    """The rows as an array, with links to the pages around them; filters are repeated in the links."""
    others = [(name, value) for name, value in call.query if name.lower() not in _own]

    def link(rel: str, start: int) -> str:
        query = urlencode([("start", start), ("limit", wanted.limit), ("order", wanted.order), *others])
        return f'<{call.url}?{query}>; rel="{rel}"'

    last = max(0, (total - 1) // wanted.limit * wanted.limit)
    found = [link("self", wanted.start), link("first", 0)]
    if wanted.start > 0:
        found.append(link("prev", max(0, wanted.start - wanted.limit)))
    if wanted.start + len(rows) < total and rows:
        found.append(link("next", wanted.start + len(rows)))
    found.append(link("last", last))
    return Reply(body=list(rows), headers={"Link": ", ".join(found)})
