"""Webhooks that are due: delivery reports and incoming messages, kept in the database until somebody answered 200."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from attrs import field, frozen

from ip1_async.sandbox import lifecycle
from ip1_async.sandbox.batches import way
from ip1_async.sandbox.messages import document
from ip1_async.sandbox.state import State, schema, stamp_at

REPEAT = 600.0
"""Seconds until a webhook that was not answered with 200 is posted again."""
MOST_TRIES = 10
DISORDER = 3.0
"""Seconds over which disordered reports are spread."""

schema("""
CREATE TABLE IF NOT EXISTS reports (
    number INTEGER PRIMARY KEY, due REAL NOT NULL, kind TEXT NOT NULL, message INTEGER NOT NULL, code INTEGER NOT NULL,
    final INTEGER NOT NULL, at REAL NOT NULL, tries INTEGER NOT NULL, url TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS reports_by_due ON reports (due, number);
CREATE INDEX IF NOT EXISTS reports_by_message ON reports (message);
""")

Kind = Literal["report", "incoming"]


@frozen
class Habits:
    """How reports behave that need not behave: what a receiver has to stand."""

    doubled: bool = False
    """Each is posted twice."""
    late: float = 0.0
    """Sandbox seconds that each comes late."""
    disordered: bool = False
    """Those of one message come in any order."""
    early: bool = False
    """The first report of a batch is posted before the send that made it is answered."""
    id_name: Literal["messageId", "id"] = "messageId"
    """What a report calls its message: older and newer documents differ."""
    anywhere: bool = False
    """Whether webhooks may leave this machine."""


@frozen
class Post:
    """One webhook to be posted now."""

    number: int
    message: int
    kind: Kind
    url: str = field(repr=False)
    body: str = field(repr=False)
    attempt: int
    due: float


def announce(state: State, batch: sqlite3.Row, habits: Habits, chance: Callable[[], float]) -> None:
    """The delivery reports of a batch, if it has an address for them: one for each status that each message will have."""
    url = json.loads(batch["facts"])["report_url"]
    if url is None:
        return
    query = "SELECT number, ends, recipient FROM messages WHERE number >= ? AND number < ?"
    now, span = state.now().timestamp(), (batch["first"], batch["first"] + batch["messages"])
    # What was planned before a cancellation and lies ahead does not happen.
    state.db.execute("DELETE FROM reports WHERE message >= ? AND message < ? AND at > ?", (*span, now))
    since = batch["created"] if batch["cancelled"] is None else now
    state.db.executemany(
        "INSERT INTO reports (due, kind, message, code, final, at, tries, url) VALUES (?, 'report', ?, ?, ?, ?, 0, ?)",
        (
            (step.at + _lateness(habits, chance), number, step.code, step.final, step.at, url)
            for number, ends, recipient in state.db.execute(query, span).fetchall()
            for step in lifecycle.steps(way(batch, ends, recipient), float("inf"))
            if step.at >= since
        ),
    )


def _lateness(habits: Habits, chance: Callable[[], float]) -> float:
    return habits.late + (DISORDER * chance() if habits.disordered else 0.0)


def arrived(state: State, account: str, message: int) -> None:
    """An incoming message, for the address that the account has set for them."""
    row = state.db.execute(
        "SELECT value FROM settings WHERE account = ? AND name = 'IncomingCallbackUrl'", (account,)
    ).fetchone()
    if row is not None and row[0] is not None:
        now = state.now().timestamp()
        state.db.execute(
            "INSERT INTO reports (due, kind, message, code, final, at, tries, url) "
            "VALUES (?, 'incoming', ?, 201, 1, ?, 0, ?)",
            (now, message, now, row[0]),
        )


def next_due(state: State) -> float | None:
    """When the next webhook is due."""
    found: float | None = state.db.execute("SELECT min(due) FROM reports").fetchone()[0]
    return found


def due(state: State, habits: Habits, *, most: int = 64) -> list[Post]:
    """The webhooks that are due now, the oldest first."""
    query = "SELECT * FROM reports WHERE due <= ? ORDER BY due, number LIMIT ?"
    return [_post(state, row, habits) for row in state.db.execute(query, (state.now().timestamp(), most)).fetchall()]


def first_of(state: State, batch: sqlite3.Row, habits: Habits) -> list[Post]:
    """The reports of the first status of a batch's messages."""
    query = "SELECT * FROM reports WHERE message >= ? AND message < ? AND at = ? AND tries = 0 ORDER BY number"
    span = (batch["first"], batch["first"] + batch["messages"], batch["created"])
    return [_post(state, row, habits) for row in state.db.execute(query, span).fetchall()]


def settle(state: State, post: Post, *, done: bool) -> float | None:
    """What becomes of a webhook that was posted: gone, or due again; gives when."""
    if done or post.attempt >= MOST_TRIES:
        state.db.execute("DELETE FROM reports WHERE number = ?", (post.number,))
        return None
    again = post.due + REPEAT
    state.db.execute("UPDATE reports SET due = ?, tries = ? WHERE number = ?", (again, post.attempt, post.number))
    return again


def stays_here(url: str) -> bool:
    """Whether an address is one of this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _post(state: State, row: sqlite3.Row, habits: Habits) -> Post:
    message = state.db.execute("SELECT * FROM messages WHERE number = ?", (row["message"],)).fetchone()
    batch = state.db.execute("SELECT * FROM batches WHERE number = ?", (message["batch"],)).fetchone()
    said = document(state, batch, message, history=True)
    if row["kind"] == "incoming":
        body = {name: value for name, value in said.items() if name != "reference"}
    else:
        body = {
            habits.id_name: said["id"], "batchId": said["batchId"], "recipient": said["recipient"], "code": row["code"],
            "duration": row["final"], "created": stamp_at(row["at"]), "segments": said["segments"],
            "price": said["price"], "currency": said["currency"].lower(), "reference": said["reference"],
        }  # fmt: skip
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Post(row["number"], row["message"], row["kind"], row["url"], text, row["tries"] + 1, row["due"])
