"""Messages in their batches and conversations, and those that come from phones."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from ip1_async.api import Batches, Conversations
from ip1_async.sandbox import bodies, lifecycle, prices
from ip1_async.sandbox.answers import Call, Reply, answers
from ip1_async.sandbox.batches import batch_row, count, summaries, way
from ip1_async.sandbox.paging import page, window
from ip1_async.sandbox.state import MAIN_ACCOUNT, State, id_of, number_of, stamp_at
from ip1_async.text import measure


@answers(Batches.messages)
def list_messages(state: State, call: Call) -> Reply:
    wanted, batch = window(call), batch_row(state, call.account, call.ids[0])
    span = wanted.of(batch["messages"])
    rows = state.db.execute(
        f"SELECT * FROM messages WHERE number BETWEEN ? AND ? ORDER BY number {wanted.order}",
        (batch["first"] + min(span, default=1), batch["first"] + max(span, default=0)),
    )
    return page(call, wanted, [document(state, batch, row) for row in rows], batch["messages"])


@answers(Batches.message)
def get_message(state: State, call: Call) -> Reply:
    batch = batch_row(state, call.account, call.ids[0])
    query = "SELECT * FROM messages WHERE number = ? AND batch = ?"
    row = state.db.execute(query, (number_of(call.ids[1]), batch["number"])).fetchone()
    if row is None:
        raise bodies.absent("message")
    return Reply(body=document(state, batch, row, history=True))


# What was said to somebody, and what they said: apart, so that each is read in its own order as far as a page reaches.
_TO = """
    FROM messages m JOIN batches b ON b.number = m.batch WHERE m.recipient = :who AND b.account = :account
    AND b.direction IN ({directions}) AND b.sender <> :who
"""
_BY = "FROM batches b WHERE b.sender = :who AND b.account = :account AND b.direction IN ({directions})"
_PAGE = f"""
    SELECT * FROM messages WHERE number IN (
        SELECT * FROM (SELECT m.number {_TO} ORDER BY m.number {{order}} LIMIT :reach)
        UNION ALL
        SELECT * FROM (
            SELECT m.number {_BY.replace("WHERE", "JOIN messages m ON m.number BETWEEN b.first AND b.first + b.messages - 1 WHERE")}
            ORDER BY b.number {{order}}, m.number {{order}} LIMIT :reach
        )
    ) ORDER BY number {{order}} LIMIT :limit OFFSET :start
"""


def _conversation(state: State, call: Call, directions: str) -> Reply:
    bodies.participant(call.ids[0])
    wanted = window(call)
    who = {
        "who": call.ids[0], "account": call.account,
        "limit": wanted.limit, "start": wanted.start, "reach": wanted.start + wanted.limit,
    }  # fmt: skip
    to = state.db.execute(f"SELECT count(*) {_TO.format(directions=directions)}", who).fetchone()[0]
    by = state.db.execute(f"SELECT coalesce(sum(b.messages), 0) {_BY.format(directions=directions)}", who).fetchone()[0]
    rows = state.db.execute(_PAGE.format(directions=directions, order=wanted.order), who).fetchall()
    return page(call, wanted, [document(state, _batch_of(state, row), row) for row in rows], to + by)


@answers(Conversations.messages)
def conversation(state: State, call: Call) -> Reply:
    return _conversation(state, call, "'mt', 'mo'")


@answers(Conversations.outgoing)
def outgoing(state: State, call: Call) -> Reply:
    return _conversation(state, call, "'mt'")


@answers(Conversations.incoming)
def incoming(state: State, call: Call) -> Reply:
    return _conversation(state, call, "'mo'")


@answers(Conversations.summary)
def summary(state: State, call: Call) -> Reply:
    """Zero counts for somebody with whom nothing was said."""
    bodies.participant(call.ids[0])
    who, both = {"who": call.ids[0], "account": call.account}, "'mt', 'mo'"
    counts: dict[str, dict[str, dict[str, int]]] = {"mt": {}, "mo": {}}

    def add(direction: str, code: str, messages: int, sms: int) -> None:
        tally = counts[direction].setdefault(code, {"messages": 0, "sms": 0})
        tally["messages"] += messages
        tally["sms"] += sms

    for row in state.db.execute(f"SELECT m.* {_TO.format(directions=both)}", who).fetchall():
        batch = _batch_of(state, row)
        code = document(state, batch, row)["statuses"][-1]["code"]
        add(batch["direction"], str(code), 1, row["segments"])
    for batch in state.db.execute(f"SELECT b.* {_BY.format(directions=both)}", who).fetchall():
        for code, each in summaries(state, batch)[0].items():
            add(batch["direction"], code, each["messages"], each["sms"])
    all_of_them = [each for direction in counts.values() for each in direction.values()]
    return Reply(
        body={
            "participant": call.ids[0],
            "totalMessageCount": sum(each["messages"] for each in all_of_them),
            "totalSmsCount": sum(each["sms"] for each in all_of_them),
            "mobileTerminatedMessages": counts["mt"],
            "mobileOriginatedMessages": counts["mo"],
        }
    )


def account_of(state: State, phone: str, ours: str) -> str:
    """Whose a text from a phone is."""
    row = state.db.execute(
        """
        SELECT b.account FROM messages m JOIN batches b ON b.number = m.batch
        WHERE m.recipient = :phone AND b.sender = :ours AND b.direction = 'mt' ORDER BY m.number DESC LIMIT 1
        """,
        {"phone": phone, "ours": ours},
    ).fetchone()
    if row is None:
        query = "SELECT account FROM senders WHERE sender = ? ORDER BY account = ? DESC"
        row = state.db.execute(query, (ours, MAIN_ACCOUNT)).fetchone()
    return MAIN_ACCOUNT if row is None else str(row[0])


def receive(state: State, account: str, *, sender: str, recipient: str, body: str) -> str:
    """A phone sends a message: its id. STOP puts the phone on the blacklist."""
    number, first = state.numbers(), state.numbers()
    measured = measure(body)
    facts = json.dumps({"datacoding": measured.encoding, "templated": False, "report_url": None, "tags": []})
    state.db.execute(
        "INSERT INTO batches VALUES (?, ?, ?, 'mo', ?, ?, ?, NULL, ?, 1, '[]', 1, 'sms', NULL, ?)",
        (number, account, count(state, account), sender, body, state.now().timestamp(), first, facts),
    )
    state.db.execute(
        "INSERT INTO messages VALUES (?, ?, ?, NULL, ?, ?, NULL, 201)",
        (first, number, recipient, measured.segments, measured.encoding),
    )
    if body.strip().upper() == "STOP":
        state.db.execute(
            "INSERT INTO blacklist VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (account, sender, state.now().isoformat())
        )
    return id_of(first)


def document(state: State, batch: sqlite3.Row, row: sqlite3.Row, *, history: bool = False) -> dict[str, Any]:
    """A message as the API writes it; lists have only the latest status."""
    now, arrived = state.now().timestamp(), batch["direction"] == "mo"
    if arrived:
        steps = [lifecycle.Step(201, True, batch["created"])]
    else:
        steps = lifecycle.steps(way(batch, row["ends"], row["recipient"]), now)
    shown = steps if history else steps[-1:]
    made: dict[str, Any] = {
        "id": id_of(row["number"]), "batchId": id_of(batch["number"]), "owner": batch["account"],
        "sender": batch["sender"], "recipient": row["recipient"],
        "body": batch["body"] if row["body"] is None else row["body"], "direction": batch["direction"],
        "segments": row["segments"], "type": "flash" if batch["type"] == "flash" else "SMS",
        "datacoding": row["coding"], "priority": batch["priority"],
    }  # fmt: skip
    country = prices.country(batch["sender"] if arrived else row["recipient"])
    if not arrived:
        paid = row["ends"] not in (402, 405) and batch["cancelled"] is None
        made |= {"price": row["price"] / 10_000 if paid else 0.0, "currency": "SEK"}
    return made | {
        "statuses": [lifecycle.as_json(step, stamp_at) for step in shown],
        "modified": stamp_at(steps[-1].at),
        "reference": batch["reference"],
        "mcc": country.mcc,
        "mnc": country.mnc,
    }


def _batch_of(state: State, row: sqlite3.Row) -> sqlite3.Row:
    found: sqlite3.Row = state.db.execute("SELECT * FROM batches WHERE number = ?", (row["batch"],)).fetchone()
    return found
