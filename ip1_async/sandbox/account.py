"""The caller's account and its sub-accounts, in the PascalCase of the provider's first generation."""

from __future__ import annotations

from secrets import token_hex
from sqlite3 import Row
from typing import Any

from ip1_async.api import AccountTable, Children
from ip1_async.sandbox import bodies
from ip1_async.sandbox.answers import Call, Reply, answers
from ip1_async.sandbox.state import State, stamp


@answers(AccountTable.overview)
def overview(state: State, call: Call) -> Reply:
    own = _own(state, call)
    return Reply(
        body={
            "Account": own["id"],
            "Organization": own["organization"],
            "Type": own["type"],
            "Balance": own["balance"],
            "Currency": own["currency"],
        }
    )


@answers(AccountTable.details)
def details(state: State, call: Call) -> Reply:
    return Reply(body=_shown(_own(state, call)))


@answers(Children.list)
def list_children(state: State, call: Call) -> Reply:
    """All of them in one array: the first generation does not page."""
    rows = state.db.execute("SELECT * FROM accounts WHERE parent = ? ORDER BY rowid", (call.account,))
    return Reply(body=[_shown(row) for row in rows])


@answers(Children.get)
def get_child(state: State, call: Call) -> Reply:
    return Reply(body=_shown(_child(state, call)))


@answers(Children.create)
def create_child(state: State, call: Call) -> Reply:
    """A sub-account of the same kind as its parent, with an empty balance and a key that serves as its token."""
    said, _ = bodies.sorted_out(call.body, ("Name",))
    name, own = bodies.text(said.get("Name"), "Name"), _own(state, call)
    # Accounts are never deleted, so that their count is a number that nobody has.
    count = state.db.execute("SELECT COUNT(*) FROM accounts").fetchone()[0]
    child = {
        "id": f"ip1-{10000 + count}",
        "parent": call.account,
        "name": name,
        "key": token_hex(16),
        "type": own["type"],
        "currency": own["currency"],
        "balance": 0.0,
        "organization": own["organization"],
        "created": stamp(state.now()),
    }
    columns = ", ".join(child)
    state.db.execute(f"INSERT INTO accounts ({columns}) VALUES ({', '.join('?' * len(child))})", tuple(child.values()))
    return Reply(body=_shown(child))


@answers(Children.rename)
def rename_child(state: State, call: Call) -> Reply:
    child = _child(state, call)
    said, _ = bodies.sorted_out(call.body, ("ID", "Name"))
    if said.get("ID") != child["id"]:
        raise bodies.invalid("ID", "This must be the account's id, as in the address.")
    state.db.execute("UPDATE accounts SET name = ? WHERE id = ?", (bodies.text(said.get("Name"), "Name"), child["id"]))
    return Reply(body=_shown(_child(state, call)))


def _own(state: State, call: Call) -> Row:
    row: Row = state.db.execute("SELECT * FROM accounts WHERE id = ?", (call.account,)).fetchone()
    return row


def _child(state: State, call: Call) -> Row:
    query = "SELECT * FROM accounts WHERE id = ? AND parent = ?"
    row: Row | None = state.db.execute(query, (call.ids[0], call.account)).fetchone()
    if row is None:
        raise bodies.absent("sub-account")
    return row


def _shown(account: Row | dict[str, Any]) -> dict[str, Any]:
    return {
        "Key": account["key"],
        "Parent": account["parent"],
        "Type": account["type"],
        "Balance": account["balance"],
        "Currency": account["currency"],
        "ID": account["id"],
        "Name": account["name"],
    }
