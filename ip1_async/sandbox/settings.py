"""The account's settings, of which the provider documents one."""

from __future__ import annotations

from typing import Any

from ip1_async.api import Settings
from ip1_async.sandbox import bodies
from ip1_async.sandbox.answers import MISSING, Call, Reply, answers
from ip1_async.sandbox.paging import page, window
from ip1_async.sandbox.state import State, schema

schema("""
CREATE TABLE IF NOT EXISTS settings (account TEXT, name TEXT, value TEXT, PRIMARY KEY (account, name)) WITHOUT ROWID;
""")

NAMES = ("IncomingCallbackUrl",)
"""What can be set."""


def setting(state: State, account: str, name: str) -> str | None:
    """What a setting is set to; None, its default, switches it off."""
    row = state.db.execute("SELECT value FROM settings WHERE account = ? AND name = ?", (account, name)).fetchone()
    return None if row is None else row[0]


@answers(Settings.list)
def list_settings(state: State, call: Call) -> Reply:
    wanted = window(call)
    names = sorted(NAMES, reverse=wanted.order == "DESC")[wanted.start : wanted.start + wanted.limit]
    return page(call, wanted, [_shown(state, call, name) for name in names], len(NAMES))


@answers(Settings.get)
def get_setting(state: State, call: Call) -> Reply:
    return Reply(body=_shown(state, call, _name(call)))


@answers(Settings.set)
def set_setting(state: State, call: Call) -> Reply:
    name = _name(call)
    state.db.execute(
        "INSERT OR REPLACE INTO settings (account, name, value) VALUES (?, ?, ?)",
        (call.account, name, bodies.address(_value(call.body), "value")),
    )
    return Reply(body=_shown(state, call, name))


@answers(Settings.reset)
def reset_setting(state: State, call: Call) -> Reply:
    state.db.execute("DELETE FROM settings WHERE account = ? AND name = ?", (call.account, _name(call)))
    return Reply(204)


def _name(call: Call) -> str:
    if call.ids[0] not in NAMES:
        raise bodies.absent("setting")
    return call.ids[0]


def _value(body: Any) -> Any:
    """The value in either form that a client may send: in an object, or bare."""
    if not isinstance(body, dict) and body is not MISSING:
        return body
    known, _ = bodies.sorted_out(body, ("value",))
    if "value" not in known:
        raise bodies.invalid("value", "A value is required.")
    return known["value"]


def _shown(state: State, call: Call, name: str) -> dict[str, Any]:
    return {"name": name, "value": setting(state, call.account, name)}
