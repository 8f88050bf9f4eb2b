"""The endpoints of one landing page's elements. What changes an element changes its page's time of modification."""

from __future__ import annotations

import json
from sqlite3 import Row

from ip1_async.api import Elements
from ip1_async.sandbox import bodies
from ip1_async.sandbox.answers import Call, Reply, answers
from ip1_async.sandbox.elements import add, checked, shown
from ip1_async.sandbox.landing import page_of, touch
from ip1_async.sandbox.paging import page, window
from ip1_async.sandbox.state import State


@answers(Elements.list)
def list_elements(state: State, call: Call) -> Reply:
    wanted, on = window(call), page_of(state, call)["id"]
    rows = state.db.execute(
        "SELECT * FROM landing_elements WHERE page = ?"
        f" ORDER BY position {wanted.order}, number {wanted.order} LIMIT ? OFFSET ?",
        (on, wanted.limit, wanted.start),
    ).fetchall()
    total = state.db.execute("SELECT COUNT(*) FROM landing_elements WHERE page = ?", (on,)).fetchone()[0]
    return page(call, wanted, [shown(row) for row in rows], total)


@answers(Elements.get)
def get_element(state: State, call: Call) -> Reply:
    return Reply(body=shown(_element(state, call)))


@answers(Elements.create)
def create_element(state: State, call: Call) -> Reply:
    """The element, standing after the others unless it says where."""
    on = page_of(state, call)["id"]
    made = add(state, on, call.body)
    touch(state, on)
    return Reply(body=made)


@answers(Elements.replace)
def replace_element(state: State, call: Call) -> Reply:
    """The element as it is now; where it does not say a place, it keeps its own."""
    old = _element(state, call)
    fields, order = checked(call.body)
    row = state.db.execute(
        "UPDATE landing_elements SET position = ?, fields = ? WHERE id = ? RETURNING *",
        (old["position"] if order is None else order, json.dumps(fields), old["id"]),
    ).fetchone()
    touch(state, old["page"])
    return Reply(body=shown(row))


@answers(Elements.delete)
def delete_element(state: State, call: Call) -> Reply:
    old = _element(state, call)
    state.db.execute("DELETE FROM landing_elements WHERE id = ?", (old["id"],))
    touch(state, old["page"])
    return Reply(body=shown(old))


def _element(state: State, call: Call) -> Row:
    query = "SELECT * FROM landing_elements WHERE id = ? AND page = ?"
    row: Row | None = state.db.execute(query, (call.ids[1], page_of(state, call)["id"])).fetchone()
    if row is None:
        raise bodies.absent("element")
    return row
