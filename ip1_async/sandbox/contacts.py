"""The address book's endpoints: contacts one by one, in pages, and those that match a filter."""

from __future__ import annotations

from typing import Any, cast

from ip1_async.api import Contacts
from ip1_async.sandbox import bodies
from ip1_async.sandbox.address_book import AddressBook, Draft
from ip1_async.sandbox.answers import Call, Reply, answers
from ip1_async.sandbox.contact_filters import condition
from ip1_async.sandbox.paging import page, window
from ip1_async.sandbox.state import State

MOST_AT_ONCE = 1000
"""Contacts that can be made with `sync`."""


@answers(Contacts.list)
def list_contacts(state: State, call: Call) -> Reply:
    wanted, matching = window(call), condition(call.account, call.query)
    book = AddressBook.open(state, call.account)
    numbers = book.matching(matching, wanted.order, wanted.limit, wanted.start)
    return page(call, wanted, book.documents(numbers, meta=_given(call, "meta")), book.count(matching))


@answers(Contacts.get)
def get_contact(state: State, call: Call) -> Reply:
    book = AddressBook.open(state, call.account)
    return _shown(book, call, _number(book, call))


@answers(Contacts.create)
def create_contacts(state: State, call: Call) -> Reply:
    """With `sync`, whatever its value, the created contacts; else they are queued and nothing is said about them."""
    book = AddressBook.open(state, call.account)
    sync = _given(call, "sync")
    drafts = [_draft(each, f"[{position}]") for position, each in enumerate(bodies.items(call.body))]
    if not sync:
        book.import_later(drafts)
        return Reply(202)
    if len(drafts) > MOST_AT_ONCE:
        raise bodies.invalid("body", f"With sync, at most {MOST_AT_ONCE} contacts are created at once.")
    return Reply(body=book.documents(book.add(drafts), meta=_given(call, "meta")))


@answers(Contacts.replace)
def replace_contact(state: State, call: Call) -> Reply:
    book = AddressBook.open(state, call.account)
    number = _number(book, call)
    _named(call)
    book.put(number, _draft(call.body))
    return _shown(book, call, number)


@answers(Contacts.update)
def update_contact(state: State, call: Call) -> Reply:
    book = AddressBook.open(state, call.account)
    number = _number(book, call)
    _named(call)
    book.put(number, changed(book.draft(number), call.body))
    return _shown(book, call, number)


@answers(Contacts.delete)
def delete_contact(state: State, call: Call) -> Reply:
    book = AddressBook.open(state, call.account)
    number = _number(book, call)
    deleted = _shown(book, call, number)
    book.remove([number])
    return deleted


@answers(Contacts.delete_matching)
def delete_matching(state: State, call: Call) -> Reply:
    """Every contact that matches, whatever page was asked for: without a filter, all of them."""
    matching = condition(call.account, call.query)
    book = AddressBook.open(state, call.account)
    numbers = book.matching(matching)
    deleted = book.documents(numbers, meta=_given(call, "meta"))
    book.remove(numbers)
    return Reply(body=deleted)


def changed(before: Draft, body: Any) -> Draft:
    """A contact with the given values set, those given as null taken away, and the rest as it was."""
    said, _ = bodies.sorted_out(body, ("properties", "labels"))
    properties, labels = before.properties, before.labels
    if "properties" in said:
        given = said["properties"]
        merged = {} if given is None else {**properties, **_pairs(given, "properties", null=True)}
        properties = {name: value for name, value in merged.items() if value is not None}
    if "labels" in said:
        labels = bodies.texts(said["labels"], "labels")
    return Draft(properties, labels)


def _draft(body: Any, at: str = "") -> Draft:
    said, _ = bodies.sorted_out(body, ("properties", "labels"), at or "body")
    dot = "." if at else ""
    properties = _pairs(said.get("properties"), f"{at}{dot}properties")
    return Draft(cast("dict[str, str]", properties), bodies.texts(said.get("labels"), f"{at}{dot}labels"))


def _pairs(value: Any, at: str, *, null: bool = False) -> dict[str, str | None]:
    if not isinstance(value, dict):
        raise bodies.invalid(at, "An object from names to texts is required.")
    pairs = cast("dict[str, Any]", value)
    for name, each in pairs.items():
        if not isinstance(each, str) and not (null and each is None):
            raise bodies.invalid(f"{at}.{name}", "This must be a text.")
    return pairs


def _named(call: Call) -> None:
    said, _ = bodies.sorted_out(call.body, ("id",))
    if said.get("id") not in (None, call.ids[0]):
        raise bodies.invalid("id", "This is not the contact of the address.")


def _given(call: Call, flag: str) -> bool:
    """Whether a flag is in the query; its value does not matter."""
    return any(name.lower() == flag for name, _ in call.query)


def _number(book: AddressBook, call: Call) -> int:
    number = book.number(call.ids[0])
    if number is None:
        raise bodies.absent("contact")
    return number


def _shown(book: AddressBook, call: Call, number: int) -> Reply:
    (document,) = book.documents([number], meta=_given(call, "meta"))
    return Reply(body=document)
