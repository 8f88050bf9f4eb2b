"""What the phones see: texts and conversations, as the inbox page and tests ask for them."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from typing import Any

from attrs import asdict, field, frozen

from ip1_async.sandbox.messages import document
from ip1_async.sandbox.state import State, id_of, number_of

MOST_LOOKED_AT = 2000
"""Messages that are looked through for the phones of one page of them."""
_JOINED = "FROM messages m JOIN batches b ON b.number = m.batch"


@frozen(kw_only=True)
class Text:
    """One message as its phone got it."""

    id: str
    batch: str
    sender: str
    recipient: str = field(repr=False)
    body: str = field(repr=False)
    status: int
    """The latest status code."""
    final: bool
    segments: int
    datacoding: str
    price: float
    currency: str
    at: str
    """When it was sent, ISO 8601."""
    direction: str
    """`mt` to the phone, `mo` from it."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def texts(state: State, *, to: str | None, containing: str = "") -> Sequence[Text]:
    """The messages that were sent, to one phone where it is named."""
    where = "b.direction = 'mt' AND (:to IS NULL OR m.recipient = :to) AND instr(coalesce(m.body, b.body), :words) > 0"
    rows = state.db.execute(
        f"SELECT m.* {_JOINED} WHERE {where} ORDER BY m.number",
        {"to": to, "words": containing},
    )
    return tuple(_text(state, row) for row in rows.fetchall())


def conversation(state: State, phone: str, *, before: int | None = None, limit: int = 100) -> Sequence[Text]:
    """The latest messages to and from a phone, the oldest first; those before a message's number."""
    rows = state.db.execute(
        """
        SELECT * FROM messages WHERE number IN (
            SELECT number FROM messages WHERE recipient = :phone
            UNION SELECT b.first FROM batches b WHERE b.sender = :phone AND b.direction = 'mo'
        ) AND number < :before ORDER BY number DESC LIMIT :limit
        """,
        {"phone": phone, "before": before or 1 << 62, "limit": limit},
    )
    return [_text(state, row) for row in reversed(rows.fetchall())]


def of_batch(state: State, batch: str, *, after: int | None = None, limit: int = 100) -> Sequence[Text]:
    """The messages of a batch in their order; those after a message's number."""
    rows = state.db.execute(
        """
        SELECT m.* FROM batches b JOIN messages m ON m.number BETWEEN max(b.first, :after + 1) AND b.first + b.messages - 1
        WHERE b.number = :batch ORDER BY m.number LIMIT :limit
        """,
        {"batch": number_of(batch), "after": after or 0, "limit": limit},
    )
    return [_text(state, row) for row in rows.fetchall()]


def phones(
    state: State, *, search: str = "", before: int | None = None, limit: int = 50
) -> tuple[list[dict[str, Any]], int | None]:
    """The phones that were talked to last, with their last message; and where to go on, None at the end.

    A search finds the phones whose number holds its digits, and those with a message that holds its words. However
    many messages there are, `MOST_LOOKED_AT` are looked through at once: there may be more phones where there are none.
    """
    rows = state.db.execute(
        f"""
        SELECT m.number, m.recipient, b.sender, b.direction, coalesce(m.body, b.body) AS body
        {_JOINED} WHERE m.number < ? ORDER BY m.number DESC LIMIT ?
        """,
        (before or 1 << 62, MOST_LOOKED_AT),
    )
    words, digits = search.strip().lower(), re.sub(r"[\s+()-]", "", search)
    found: dict[str, int] = {}
    looked_at, last = 0, None
    for number, recipient, sender, direction, body in rows:
        phone = sender if direction == "mo" else recipient
        if phone not in found and ((digits.isdigit() and digits in phone) or words in body.lower()):
            if len(found) == limit:
                break
            found[phone] = number
        looked_at, last = looked_at + 1, number
    more = looked_at == MOST_LOOKED_AT or len(found) == limit
    query = "SELECT * FROM messages WHERE number = ?"
    shown = [
        {"phone": phone, "last": _text(state, state.db.execute(query, (number,)).fetchone()).as_json()}
        for phone, number in found.items()
    ]
    return shown, last if more else None


def is_blocked(state: State, phone: str) -> bool:
    """Whether a phone is on the blacklist of an account."""
    return state.db.execute("SELECT 1 FROM blacklist WHERE msisdn = ?", (phone,)).fetchone() is not None


def _text(state: State, row: sqlite3.Row) -> Text:
    batch = state.db.execute("SELECT * FROM batches WHERE number = ?", (row["batch"],)).fetchone()
    said = document(state, batch, row, history=True)
    latest = said["statuses"][-1]
    return Text(
        id=id_of(row["number"]), batch=said["batchId"], sender=said["sender"], recipient=said["recipient"],
        body=said["body"], status=latest["code"], final=bool(latest["duration"]), segments=said["segments"],
        datacoding=said["datacoding"], price=said.get("price", 0.0), currency=said.get("currency", ""),
        at=said["statuses"][0]["created"], direction=said["direction"],
    )  # fmt: skip
