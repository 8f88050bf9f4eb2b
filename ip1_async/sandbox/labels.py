"""Labels on contacts, and the summary that counts them."""

from __future__ import annotations

from typing import Any

from ip1_async.api import Contacts, Labels
from ip1_async.sandbox import bodies
from ip1_async.sandbox.address_book import AddressBook
from ip1_async.sandbox.answers import Call, Reply, answers
from ip1_async.sandbox.contact_filters import condition
from ip1_async.sandbox.state import State


@answers(Labels.add)
def add_label(state: State, call: Call) -> Reply:
    """Labels all of the contacts or, if one is not there, none."""
    book, label = AddressBook.open(state, call.account), _label(call)
    numbers: list[int] = []
    for position, id in enumerate(bodies.items(call.body)):
        number = book.number(id) if isinstance(id, str) else None
        if number is None:
            raise bodies.invalid(f"[{position}]", "There is no such contact.")
        numbers.append(number)
    state.db.executemany(
        "INSERT INTO contact_labels (contact, account, label) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        ((number, call.account, label) for number in numbers),
    )
    return Reply(body=_usage(state, call.account, label))


@answers(Labels.delete)
def delete_label(state: State, call: Call) -> Reply:
    """Takes the label off, and tells how many contacts had it."""
    AddressBook.open(state, call.account)
    label = _label(call)
    before = _usage(state, call.account, label)
    state.db.execute("DELETE FROM contact_labels WHERE account = ? AND label = ?", (call.account, label))
    return Reply(body=before)


@answers(Contacts.summary)
def summary(state: State, call: Call) -> Reply:
    book = AddressBook.open(state, call.account)
    labels = state.db.execute(
        "SELECT label AS labelName, COUNT(*) AS usageCount FROM contact_labels WHERE account = ? GROUP BY label",
        (call.account,),
    )
    properties = state.db.execute(
        "SELECT name AS propertyName, COUNT(*) AS usageCount,"
        " CAST(ROUND(AVG(LENGTH(value))) AS INTEGER) AS averageLength,"
        " MAX(LENGTH(value)) AS maxLength, MIN(LENGTH(value)) AS minLength"
        " FROM contact_properties WHERE account = ? GROUP BY name",
        (call.account,),
    )
    return Reply(
        body={
            "totalCount": book.count(condition(call.account, ())),
            "labels": [dict(row) for row in labels],
            "properties": [dict(row) for row in properties],
        }
    )


def _label(call: Call) -> str:
    return bodies.text(call.ids[0], "label")


def _usage(state: State, account: str, label: str) -> dict[str, Any]:
    count = "SELECT COUNT(*) FROM contact_labels WHERE account = ? AND label = ?"
    return {"labelName": label, "usageCount": state.db.execute(count, (account, label)).fetchone()[0]}
