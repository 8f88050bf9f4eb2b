"""One account's contacts as they are kept: rows of SQL in, documents of the API out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from sqlite3 import Connection, Row
from typing import Any

from attrs import frozen

from ip1_async.sandbox.contact_filters import COLUMNS, Condition
from ip1_async.sandbox.phones import phone
from ip1_async.sandbox.state import State, schema

schema("""
CREATE TABLE IF NOT EXISTS contacts (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL,
    possible TEXT, valid TEXT, kind TEXT, msisdn TEXT
);
CREATE INDEX IF NOT EXISTS contacts_of ON contacts (account);
CREATE INDEX IF NOT EXISTS contacts_by_msisdn ON contacts (account, msisdn);
CREATE TABLE IF NOT EXISTS contact_properties (
    contact INTEGER, account TEXT NOT NULL, name TEXT, value TEXT NOT NULL, PRIMARY KEY (contact, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS contacts_by_property ON contact_properties (account, name, value);
CREATE TABLE IF NOT EXISTS contact_labels (contact INTEGER, account TEXT NOT NULL, label TEXT, UNIQUE (contact, label));
CREATE INDEX IF NOT EXISTS contacts_by_label ON contact_labels (account, label, contact);
CREATE TABLE IF NOT EXISTS contact_imports (account TEXT NOT NULL, due REAL NOT NULL, contacts TEXT NOT NULL);
""")

IMPORT_SECONDS = 0.5
"""Sandbox time from the acceptance of contacts without `sync` until they are there."""

_SOME = "(SELECT value FROM json_each(?))"
_CONTACTS = f"""
SELECT *, msisdn IN (SELECT msisdn FROM blacklist WHERE blacklist.account = contacts.account) AS blocked
FROM contacts WHERE number IN {_SOME}
"""


@frozen
class Draft:
    """A contact before it has an id."""

    properties: Mapping[str, str]
    labels: Sequence[str] = ()


@frozen
class AddressBook:
    """An account's contacts; what was imported and has become due is among them."""

    state: State
    account: str

    @property
    def db(self) -> Connection:
        return self.state.db

    @classmethod
    def open(cls, state: State, account: str) -> AddressBook:
        """The book with its imports done: nothing watches the clock, they are made when somebody looks."""
        book = cls(state, account)
        due = "FROM contact_imports WHERE account = ? AND due <= ?"
        now = (account, state.now().timestamp())
        for row in state.db.execute(f"SELECT contacts {due} ORDER BY due, rowid", now).fetchall():
            book.add([Draft(properties, labels) for properties, labels in json.loads(row["contacts"])])
        state.db.execute(f"DELETE {due}", now)
        return book

    def import_later(self, drafts: Iterable[Draft]) -> None:
        """Have these made a short time from now."""
        kept = json.dumps([(dict(each.properties), list(each.labels)) for each in drafts])
        due = self.state.now().timestamp() + IMPORT_SECONDS
        self.db.execute("INSERT INTO contact_imports VALUES (?, ?, ?)", (self.account, due, kept))

    def add(self, drafts: Sequence[Draft]) -> list[int]:
        """Make contacts, and give their numbers."""
        first = self.db.execute("SELECT COALESCE(MAX(number), 0) + 1 FROM contacts").fetchone()[0]
        numbered = list(enumerate(drafts, first))
        self.db.executemany(
            "INSERT INTO contacts (number, id, account) VALUES (?, ?, ?)",
            ((number, self.state.new_id(), self.account) for number, _ in numbered),
        )
        self._fill(numbered)
        return [number for number, _ in numbered]

    def put(self, number: int, draft: Draft) -> None:
        """Make a contact be exactly this."""
        for table in ("contact_properties", "contact_labels"):
            self.db.execute(f"DELETE FROM {table} WHERE contact = ?", (number,))
        self._fill([(number, draft)])

    def _fill(self, numbered: Sequence[tuple[int, Draft]]) -> None:
        self.db.executemany(
            "INSERT INTO contact_properties (contact, account, name, value) VALUES (?, ?, ?, ?)",
            ((n, self.account, name, value) for n, draft in numbered for name, value in draft.properties.items()),
        )
        self.db.executemany(
            "INSERT INTO contact_labels (contact, account, label) VALUES (?, ?, ?)",
            ((n, self.account, label) for n, draft in numbered for label in draft.labels),
        )
        self.db.executemany(
            "UPDATE contacts SET possible = ?, valid = ?, kind = ?, msisdn = ? WHERE number = ?",
            ((*_described(draft.properties), n) for n, draft in numbered),
        )

    def remove(self, numbers: Sequence[int]) -> None:
        some = (json.dumps(numbers),)
        self.db.execute(f"DELETE FROM contacts WHERE number IN {_SOME}", some)
        self.db.execute(f"DELETE FROM contact_properties WHERE contact IN {_SOME}", some)
        self.db.execute(f"DELETE FROM contact_labels WHERE contact IN {_SOME}", some)

    def number(self, id: str) -> int | None:
        """Where a contact is kept; None for one that this account does not have."""
        found = self.db.execute(
            "SELECT number FROM contacts WHERE id = ? AND account = ?", (id, self.account)
        ).fetchone()
        return None if found is None else found["number"]

    def matching(self, wanted: Condition, order: str = "ASC", limit: int = -1, start: int = 0) -> list[int]:
        """The numbers of the contacts that meet the condition, oldest or newest first."""
        query = f"SELECT number FROM contacts WHERE {wanted.sql} ORDER BY number {order} LIMIT ? OFFSET ?"
        return [row["number"] for row in self.db.execute(query, (*wanted.values, limit, start))]

    def count(self, wanted: Condition) -> int:
        total: int = self.db.execute(f"SELECT COUNT(*) FROM contacts WHERE {wanted.sql}", wanted.values).fetchone()[0]
        return total

    def draft(self, number: int) -> Draft:
        """What a contact is made of."""
        (document,) = self.documents([number])
        return Draft(document["properties"], document["labels"])

    def documents(self, numbers: Sequence[int], *, meta: bool = False) -> list[dict[str, Any]]:
        """The contacts as the API shows them, in the order of their numbers here."""
        some = (json.dumps(numbers),)
        made = {row["number"]: _document(row, meta) for row in self.db.execute(_CONTACTS, some)}
        for row in self.db.execute(
            f"SELECT contact, name, value FROM contact_properties WHERE contact IN {_SOME}", some
        ):
            made[row["contact"]]["properties"][row["name"]] = row["value"]
        labels = f"SELECT contact, label FROM contact_labels WHERE contact IN {_SOME} ORDER BY rowid"
        for row in self.db.execute(labels, some):
            made[row["contact"]]["labels"].append(row["label"])
        return [made[number] for number in numbers]


def _described(properties: Mapping[str, str]) -> tuple[str | None, ...]:
    """The columns that say what is known of a contact's phone number."""
    if (number := properties.get("phoneNumber")) is None:
        return None, None, None, None
    known = phone(number, properties.get("region"))
    return _flag(known.possible), _flag(known.valid), known.kind, known.msisdn


def _flag(value: object) -> str:
    return "true" if value else "false"


def _document(row: Row, meta: bool) -> dict[str, Any]:
    document: dict[str, Any] = {"id": row["id"], "ownerId": row["account"], "properties": {}, "labels": []}
    if meta:
        known = {key: row[column] for key, column in COLUMNS.items() if row[column] is not None}
        document["metadata"] = {"phoneNumber": {**known, "isBlocked": _flag(row["blocked"])}} if known else {}
    return document
