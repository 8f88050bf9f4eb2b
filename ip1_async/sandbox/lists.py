"""Registered senders and blacklist entries."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ip1_async.api import Blacklist, Senders
from ip1_async.sandbox import bodies
from ip1_async.sandbox.answers import Call, Reply, answers
from ip1_async.sandbox.paging import page, window
from ip1_async.sandbox.state import State, stamp


@answers(Senders.list)
def list_senders(state: State, call: Call) -> Reply:
    wanted = window(call)
    rows = state.db.execute(
        f"SELECT sender, created FROM senders WHERE account = ?"
        f" ORDER BY sender COLLATE NOCASE {wanted.order}, sender {wanted.order} LIMIT ? OFFSET ?",
        (call.account, wanted.limit, wanted.start),
    ).fetchall()
    total = state.db.execute("SELECT COUNT(*) FROM senders WHERE account = ?", (call.account,)).fetchone()[0]
    return page(call, wanted, [dict(row) for row in rows], total)


@answers(Senders.get)
def get_sender(state: State, call: Call) -> Reply:
    return Reply(body=_sender(state, call))


@answers(Senders.register)
def register_sender(state: State, call: Call) -> Reply:
    """The body is not looked at: one page of the documents sends one, the other does not."""
    state.db.execute(
        "INSERT INTO senders (account, sender, created) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (call.account, bodies.sender(call.ids[0]), stamp(state.now())),
    )
    return Reply(body=_sender(state, call))


@answers(Senders.remove)
def remove_sender(state: State, call: Call) -> Reply:
    removed = _sender(state, call)
    state.db.execute("DELETE FROM senders WHERE account = ? AND sender = ?", (call.account, call.ids[0]))
    return Reply(body=removed)


def _sender(state: State, call: Call) -> dict[str, Any]:
    row = state.db.execute(
        "SELECT sender, created FROM senders WHERE account = ? AND sender = ?", (call.account, call.ids[0])
    ).fetchone()
    if row is None:
        raise bodies.absent("sender")
    return dict(row)


@answers(Blacklist.list)
def list_blacklist(state: State, call: Call) -> Reply:
    wanted = window(call)
    rows = state.db.execute(
        f"SELECT msisdn, created FROM blacklist WHERE account = ? ORDER BY msisdn {wanted.order} LIMIT ? OFFSET ?",
        (call.account, wanted.limit, wanted.start),
    ).fetchall()
    total = state.db.execute("SELECT COUNT(*) FROM blacklist WHERE account = ?", (call.account,)).fetchone()[0]
    return page(call, wanted, [_entry(*row) for row in rows], total)


@answers(Blacklist.get)
def get_entry(state: State, call: Call) -> Reply:
    return Reply(body=_blocked(state, call))


@answers(Blacklist.add)
def add_entry(state: State, call: Call) -> Reply:
    state.db.execute(
        "INSERT INTO blacklist (account, msisdn, created) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (call.account, bodies.msisdn(call.ids[0]), state.now().isoformat()),
    )
    return Reply(body=_blocked(state, call))


@answers(Blacklist.remove)
def remove_entry(state: State, call: Call) -> Reply:
    removed = _blocked(state, call)
    state.db.execute("DELETE FROM blacklist WHERE account = ? AND msisdn = ?", (call.account, call.ids[0]))
    return Reply(body=removed)


def _blocked(state: State, call: Call) -> dict[str, Any]:
    msisdn = bodies.msisdn(call.ids[0])
    row = state.db.execute(
        "SELECT msisdn, created FROM blacklist WHERE account = ? AND msisdn = ?", (call.account, msisdn)
    ).fetchone()
    if row is None:
        raise bodies.absent("entry of the blacklist")
    return _entry(*row)


def _entry(msisdn: str, created: str) -> dict[str, Any]:
    # The provider shows these times with milliseconds and without a zone, alone among its V2 stamps.
    at = datetime.fromisoformat(created).replace(tzinfo=None)
    return {"msisdn": msisdn, "created": at.isoformat(timespec="milliseconds")}
