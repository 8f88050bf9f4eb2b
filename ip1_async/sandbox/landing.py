"""Landing pages. What the provider does not document on a page is kept as it came."""

from __future__ import annotations

import json
from datetime import UTC
from sqlite3 import Row
from typing import Any

from ip1_async.api import LandingPages
from ip1_async.sandbox import bodies, elements
from ip1_async.sandbox.answers import Call, Reply, answers
from ip1_async.sandbox.paging import page, window
from ip1_async.sandbox.state import State, schema

schema("""
CREATE TABLE IF NOT EXISTS landing_pages (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, name TEXT NOT NULL,
    code TEXT NOT NULL, modified TEXT NOT NULL, others TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS landing_pages_of ON landing_pages (account);
""")

_DOCUMENTED = ("id", "name", "views", "link", "shortLink", "lastModified", "elements")


@answers(LandingPages.list)
def list_pages(state: State, call: Call) -> Reply:
    wanted = window(call)
    rows = state.db.execute(
        f"SELECT * FROM landing_pages WHERE account = ? ORDER BY number {wanted.order} LIMIT ? OFFSET ?",
        (call.account, wanted.limit, wanted.start),
    ).fetchall()
    total = state.db.execute("SELECT COUNT(*) FROM landing_pages WHERE account = ?", (call.account,)).fetchone()[0]
    return page(call, wanted, [_shown(state, row) for row in rows], total)


@answers(LandingPages.get)
def get_page(state: State, call: Call) -> Reply:
    return Reply(body=_shown(state, page_of(state, call)))


@answers(LandingPages.create)
def create_page(state: State, call: Call) -> Reply:
    """The page, with the elements that came along, if any did."""
    said, others = bodies.sorted_out(call.body, _DOCUMENTED)
    row = state.db.execute(
        "INSERT INTO landing_pages (id, account, name, code, modified, others) VALUES (?, ?, ?, ?, ?, ?) RETURNING *",
        (
            state.new_id(),
            call.account,
            bodies.text(said.get("name"), "name"),
            state.new_id()[-8:],
            _moment(state),
            json.dumps(others),
        ),
    ).fetchone()
    given = said.get("elements")
    for position, element in enumerate(() if given is None else bodies.items(given, "elements")):
        elements.add(state, row["id"], element, f"elements[{position}].")
    return Reply(body=_shown(state, row))


@answers(LandingPages.replace)
def replace_page(state: State, call: Call) -> Reply:
    """All but the elements, the views and the two links."""
    old = page_of(state, call)
    said, others = bodies.sorted_out(call.body, _DOCUMENTED)
    row = state.db.execute(
        "UPDATE landing_pages SET name = ?, others = ?, modified = ? WHERE id = ? RETURNING *",
        (bodies.text(said.get("name"), "name"), json.dumps(others), _moment(state), old["id"]),
    ).fetchone()
    return Reply(body=_shown(state, row))


@answers(LandingPages.delete)
def delete_page(state: State, call: Call) -> Reply:
    deleted = _shown(state, page_of(state, call))
    state.db.execute("DELETE FROM landing_elements WHERE page = ?", (deleted["id"],))
    state.db.execute("DELETE FROM landing_pages WHERE id = ?", (deleted["id"],))
    return Reply(body=deleted)


def page_of(state: State, call: Call) -> Row:
    """The page that the address names."""
    query = "SELECT * FROM landing_pages WHERE id = ? AND account = ?"
    row: Row | None = state.db.execute(query, (call.ids[0], call.account)).fetchone()
    if row is None:
        raise bodies.absent("landing page")
    return row


def touch(state: State, page: str) -> None:
    """Note that a page was changed now."""
    state.db.execute("UPDATE landing_pages SET modified = ? WHERE id = ?", (_moment(state), page))


def _moment(state: State) -> str:
    # Landing pages show milliseconds, unlike the rest of V2.
    return state.now().astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _shown(state: State, row: Row) -> dict[str, Any]:
    return {
        **json.loads(row["others"]),
        "id": row["id"],
        "name": row["name"],
        "views": {},
        "link": f"https://landing.ip1.net/{row['id']}",
        "shortLink": f"https://url.ip1.net/{row['code']}",
        "lastModified": row["modified"],
        "elements": elements.on_page(state, row["id"]),
    }
