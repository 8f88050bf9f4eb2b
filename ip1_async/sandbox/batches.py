"""Sendings: accepted whole or not at all, listed, read and cancelled."""

from __future__ import annotations

import json
import sqlite3
from functools import cache
from typing import Any

from attrs import frozen

from ip1_async.api import Batches
from ip1_async.sandbox import bodies, lifecycle, prices
from ip1_async.sandbox.accept import Draft, draft
from ip1_async.sandbox.answers import Call, Refused, Reply, answers
from ip1_async.sandbox.paging import page, window
from ip1_async.sandbox.state import State, id_of, number_of, schema, stamp_at

# The messages of a batch have numbers that follow each other, so that any page of them is one range.
schema("""
CREATE TABLE IF NOT EXISTS batches (
    number INTEGER PRIMARY KEY, account TEXT NOT NULL, position INTEGER NOT NULL, direction TEXT NOT NULL,
    sender TEXT NOT NULL, body TEXT NOT NULL, created REAL NOT NULL, cancelled REAL, first INTEGER NOT NULL,
    messages INTEGER NOT NULL, windows TEXT NOT NULL, priority INTEGER NOT NULL, type TEXT NOT NULL, reference TEXT,
    facts TEXT NOT NULL, UNIQUE (account, position)
);
CREATE TABLE IF NOT EXISTS hidden (batch INTEGER PRIMARY KEY, until REAL NOT NULL);
CREATE INDEX IF NOT EXISTS batches_by_sender ON batches (sender, account, number, direction, messages);
CREATE TABLE IF NOT EXISTS messages (
    number INTEGER PRIMARY KEY, batch INTEGER NOT NULL, recipient TEXT NOT NULL, body TEXT, segments INTEGER NOT NULL,
    coding TEXT NOT NULL, price INTEGER, ends INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS messages_by_recipient ON messages (recipient);
CREATE TABLE IF NOT EXISTS tallies (batch INTEGER PRIMARY KEY, tallies TEXT NOT NULL);
""")


@answers(Batches.send)
def send(state: State, call: Call) -> Reply:
    query = "SELECT sender FROM senders WHERE account = ?"
    senders = frozenset(row[0] for row in state.db.execute(query, (call.account,)))
    number = _store(state, call.account, draft(call.body, senders, state.now()))
    return Reply(body=document(state, batch_row(state, call.account, id_of(number)), whole=True))


@answers(Batches.get)
def get(state: State, call: Call) -> Reply:
    return Reply(body=document(state, batch_row(state, call.account, call.ids[0]), whole=True))


@answers(Batches.list)
def list_batches(state: State, call: Call) -> Reply:
    wanted = window(call)
    if state.db.execute("SELECT 1 FROM hidden WHERE until > ?", (state.now().timestamp(),)).fetchone():
        return _list_shown(state, call)
    total = count(state, call.account)
    span = wanted.of(total)
    rows = state.db.execute(
        f"SELECT * FROM batches WHERE account = ? AND position BETWEEN ? AND ? ORDER BY position {wanted.order}",
        (call.account, min(span, default=1), max(span, default=0)),
    )
    return page(call, wanted, [document(state, row, whole=False) for row in rows], total)


def _list_shown(state: State, call: Call) -> Reply:
    """The list while some batches are hidden, which their positions do not know."""
    wanted = window(call)
    shown = (
        "FROM batches WHERE account = :account AND number NOT IN (SELECT batch FROM hidden WHERE until > :now) "
        f"ORDER BY position {wanted.order}"
    )
    given = {"account": call.account, "now": state.now().timestamp(), "limit": wanted.limit, "start": wanted.start}
    total = state.db.execute(f"SELECT count(*) {shown}", given).fetchone()[0]
    rows = state.db.execute(f"SELECT * {shown} LIMIT :limit OFFSET :start", given)
    return page(call, wanted, [document(state, row, whole=False) for row in rows], total)


def hide(state: State, id: str, seconds: float) -> None:
    """Leave a batch out of the list for so many seconds."""
    state.db.execute("INSERT OR REPLACE INTO hidden VALUES (?, ?)", (number_of(id), state.now().timestamp() + seconds))


@answers(Batches.cancel)
def cancel(state: State, call: Call) -> Reply:
    """A batch whose time has not come; its messages end with 203 and cost nothing."""
    row, now = batch_row(state, call.account, call.ids[0]), state.now().timestamp()
    if not can_cancel(state, row):
        raise Refused(409, "Conflict", detail="This batch has been sent, has expired or is cancelled already.")
    state.db.execute("UPDATE batches SET cancelled = ? WHERE number = ?", (now, row["number"]))
    spent = sum(each.price for each in tallies_of(state, row["number"]))
    state.db.execute("UPDATE accounts SET balance = balance + ? WHERE id = ?", (spent / 10_000, call.account))
    return Reply(body=document(state, batch_row(state, call.account, call.ids[0]), whole=True))


def can_cancel(state: State, row: sqlite3.Row) -> bool:
    """Whether the time of a batch has not come."""
    begins = lifecycle.sending_at(row["created"], windows_of(row))
    untouched = row["direction"] == "mt" and row["cancelled"] is None
    return untouched and begins is not None and begins > state.now().timestamp()


def owner(state: State, id: str) -> str:
    """The account of a batch."""
    row = state.db.execute("SELECT account FROM batches WHERE number = ?", (number_of(id),)).fetchone()
    if row is None:
        raise bodies.absent("batch")
    return str(row[0])


def count(state: State, account: str) -> int:
    """How many batches an account has."""
    last = state.db.execute("SELECT max(position) FROM batches WHERE account = ?", (account,)).fetchone()[0]
    return 0 if last is None else last + 1


def batch_row(state: State, account: str, id: str) -> sqlite3.Row:
    """One batch of an account."""
    row: sqlite3.Row | None = state.db.execute(
        "SELECT * FROM batches WHERE number = ? AND account = ?", (number_of(id), account)
    ).fetchone()
    if row is None:
        raise bodies.absent("batch")
    return row


def windows_of(row: sqlite3.Row) -> list[tuple[float, float]]:
    """When a batch may be sent."""
    return [(opens, closes) for opens, closes in json.loads(row["windows"])]


def way(row: sqlite3.Row, ends: int, recipient: str) -> lifecycle.Way:
    """What decides the way of one message of a batch."""
    return lifecycle.Way(row["created"], ends, windows_of(row), row["cancelled"], lifecycle.spread_of(recipient))


def document(state: State, row: sqlite3.Row, *, whole: bool) -> dict[str, Any]:
    """A batch as the API writes it; lists leave out the summaries."""
    facts: dict[str, Any] = json.loads(row["facts"])
    made: dict[str, Any] = {
        "id": id_of(row["number"]), "sender": row["sender"], "body": row["body"], "owner": row["account"],
        "direction": row["direction"].upper(), "type": row["type"], "datacoding": facts["datacoding"].upper(),
        "priority": row["priority"], "templated": facts["templated"],
    }  # fmt: skip
    if whole:
        summary, cost = summaries(state, row)
        average = cost / row["messages"] if row["messages"] else 0
        made["priceSummary"] = {"total": cost / 10_000, "currency": "SEK", "average": round(average) / 10_000}
        made["messageSummary"] = summary
    return made | {
        "deliveryWindows": [
            {"opens": stamp_at(opens), "closes": stamp_at(closes)} for opens, closes in windows_of(row)
        ],
        "status": 203 if row["cancelled"] is not None else 112 if row["direction"] == "mt" else 201,
        "deliveryReportUrl": facts["report_url"],
        "reference": row["reference"],
        "tags": facts["tags"],
    }


@frozen
class Tally:
    """The messages of a batch that go the same way at the same time: what a summary is counted from."""

    ends: int
    spread: float
    messages: int
    sms: int
    price: int
    """Of all of them, in 1/10,000."""


def tallies_of(state: State, batch: int) -> list[Tally]:
    """All messages of a batch, in a number of tallies that has nothing to do with theirs."""
    row = state.db.execute("SELECT tallies FROM tallies WHERE batch = ?", (batch,)).fetchone()
    return [Tally(*each) for each in json.loads(row[0])]


def summaries(state: State, row: sqlite3.Row) -> tuple[dict[str, Any], int]:
    """By latest status how many messages and SMS a batch has, and its price in 1/10,000."""
    if row["direction"] == "mo":
        sms = state.db.execute("SELECT segments FROM messages WHERE number = ?", (row["first"],)).fetchone()[0]
        return {"201": {"messages": 1, "sms": sms}}, 0
    now, windows = state.now().timestamp(), windows_of(row)
    spreading = lifecycle.spreading(row["created"], windows, now)

    @cache
    def code(ends: int, spread: float) -> int:
        return lifecycle.steps(lifecycle.Way(row["created"], ends, windows, row["cancelled"], spread), now)[-1].code

    found: dict[int, list[int]] = {}
    cost = 0
    for each in tallies_of(state, row["number"]):
        counts = found.setdefault(code(each.ends, each.spread if spreading else 0.0), [0, 0])
        counts[0] += each.messages
        counts[1] += each.sms
        cost += each.price
    summary = {str(code): {"messages": messages, "sms": sms} for code, (messages, sms) in sorted(found.items())}
    return summary, 0 if row["cancelled"] is not None else cost


def _store(state: State, account: str, new: Draft) -> int:
    """Write a batch and its messages, and take their price off the balance."""
    number, created = state.numbers(), state.now().timestamp()
    first = state.numbers(len(new.texts))
    balance = round(state.db.execute("SELECT balance FROM accounts WHERE id = ?", (account,)).fetchone()[0] * 10_000)
    blocked = {row[0] for row in state.db.execute("SELECT msisdn FROM blacklist WHERE account = ?", (account,))}
    rows: list[tuple[Any, ...]] = []
    tallies: dict[tuple[int, float], list[int]] = {}
    left = balance
    for position, text in enumerate(new.texts):
        extra = prices.PRIORITY_EXTRA if new.priority == 2 else 0
        price = text.segments * (prices.country(text.recipient).price + extra)
        is_blocked = text.recipient in blocked
        ends = lifecycle.ends_with(text.recipient, blacklisted=is_blocked, funded=price <= left)
        paid = 0 if ends in (402, 405) else price
        left -= paid
        tally = tallies.setdefault((ends, lifecycle.spread_of(text.recipient)), [0, 0, 0])
        tally[0] += 1
        tally[1] += text.segments
        tally[2] += paid
        rows.append((first + position, number, text.recipient, text.body, text.segments, text.coding, price, ends))
    windows = json.dumps([(opens.timestamp(), closes.timestamp()) for opens, closes in new.windows])
    facts = json.dumps(
        {"datacoding": new.datacoding, "templated": new.templated, "report_url": new.report_url, "tags": new.tags}
    )
    state.db.execute(
        "INSERT INTO batches VALUES (?, ?, ?, 'mt', ?, ?, ?, NULL, ?, ?, ?, ?, ?, ?, ?)",
        (number, account, count(state, account), new.sender, new.body, created, first, len(rows), windows,
         new.priority, new.type, new.reference, facts),
    )  # fmt: skip
    state.db.executemany("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    told = json.dumps([(*key, *counts) for key, counts in tallies.items()])
    state.db.execute("INSERT INTO tallies VALUES (?, ?)", (number, told))
    state.db.execute("UPDATE accounts SET balance = ? WHERE id = ?", (left / 10_000, account))
    return number
