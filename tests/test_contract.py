"""The contract of every row of the table, against the sandbox: one call that succeeds, and one that fails as it should.

A new row needs its two lines in `ENTRIES`; without them `test_every_row_has_its_entry` names it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve, field, frozen

from ip1_async import (
    AttemptMade,
    BadRequest,
    Client,
    Conflict,
    DeliveryWindow,
    Invalid,
    IP1Error,
    NewContact,
    NotFound,
    Unauthorized,
)
from ip1_async.api import (
    TABLES,
    AccountTable,
    Batches,
    Blacklist,
    Children,
    Contacts,
    Conversations,
    Elements,
    Labels,
    LandingPages,
    PhoneNumbersTable,
    Senders,
    Settings,
)
from ip1_async.client import Mount
from ip1_async.rows import Under
from ip1_async.sandbox import Sandbox
from ip1_async.table import Row, Table

PHONE, BLOCKED, NOBODY = "46700000001", "46700000002", "0" * 24
URL = "https://example.com/incoming"
ROWS = [row for table in TABLES for row in table.rows.values() if not isinstance(row, Under)]


@frozen
class World:
    """A client, and what is there for it to find."""

    ip1: Client
    attempts: list[AttemptMade]
    batch: str
    message: str
    later: str
    """A batch whose time has not come."""
    contact: str
    page: str
    element: str
    child: str

    @property
    def elements(self) -> Elements:
        return self.ip1.landing_pages.elements(self.page)


@pytest.fixture
async def world(ip1_sandbox: Sandbox) -> AsyncIterator[World]:
    attempts: list[AttemptMade] = []
    async with Client(ip1_sandbox.token, base_url=ip1_sandbox.url, rate=None, on_attempt=attempts.append) as ip1:
        batch = await ip1.batches.send(sender="iP1", recipients=[PHONE], body="Hello")
        opens = datetime.now(UTC) + timedelta(hours=1)
        windows = [DeliveryWindow(opens=opens, closes=opens + timedelta(hours=1))]
        later = await ip1.batches.send(sender="iP1", recipients=[PHONE], body="Later", delivery_windows=windows)
        (contact,) = await ip1.contacts.create([NewContact(properties={"phoneNumber": f"+{PHONE}"})], sync=True)
        page = await ip1.landing_pages.create(name="Spring")
        element = await ip1.landing_pages.elements(page.id).create(type="Title", content="Welcome")
        child = await ip1.children.create(name="Support")
        await ip1.blacklist.add(BLOCKED)
        await ip1.settings.set("IncomingCallbackUrl", URL)
        (message,) = await ip1.batches.messages(batch.id)
        attempts.clear()
        yield World(ip1, attempts, batch.id, message.id, later.id, contact.id, page.id, element.id, child.id)


Call = Callable[[World], Awaitable[Any]]


@frozen
class Entry:
    """What a row does with good input, how to see that it did, and what it does with bad input."""

    valid: Call
    shows: Callable[[Any, World], bool]
    invalid: Call = field(kw_only=True)
    error: type[IP1Error] = field(kw_only=True)


ENTRIES: dict[Row[Any], Entry] = {
    Batches.get: Entry(lambda w: w.ip1.batches.get(w.batch), lambda it, w: it.id == w.batch and it.body == "Hello",
        invalid=lambda w: w.ip1.batches.get(NOBODY), error=NotFound),
    Batches.send: Entry(lambda w: w.ip1.batches.send(sender="iP1", recipients=[PHONE], body="Hi"), lambda it, w: it.sender == "iP1",
        invalid=lambda w: w.ip1.batches.send(sender="Nobody", recipients=[PHONE], body="Hi"), error=BadRequest),
    Batches.cancel: Entry(lambda w: w.ip1.batches.cancel(w.later), lambda it, w: it.id == w.later,
        invalid=lambda w: cancelled_twice(w), error=Conflict),
    Batches.message: Entry(lambda w: w.ip1.batches.message(w.batch, w.message), lambda it, w: it.recipient == PHONE,
        invalid=lambda w: w.ip1.batches.message(w.later, w.message), error=NotFound),
    Batches.messages: Entry(lambda w: w.ip1.batches.messages(w.batch), lambda it, w: [each.id for each in it] == [w.message],
        invalid=lambda w: w.ip1.batches.messages(NOBODY), error=NotFound),
    Batches.list: Entry(lambda w: w.ip1.batches.list(order="DESC", limit=1), lambda it, w: [each.id for each in it] == [w.later],
        invalid=lambda w: w.ip1.batches.list(limit=0), error=Invalid),
    Conversations.messages: Entry(lambda w: w.ip1.conversations.messages(PHONE), lambda it, w: [each.body for each in it] == ["Hello", "Later"],
        invalid=lambda w: w.ip1.conversations.messages(""), error=Invalid),
    Conversations.outgoing: Entry(lambda w: w.ip1.conversations.outgoing(PHONE), lambda it, w: it[0].direction == "mt",
        invalid=lambda w: w.ip1.conversations.outgoing(".."), error=Invalid),
    Conversations.incoming: Entry(lambda w: w.ip1.conversations.incoming(PHONE), lambda it, w: it == [],
        invalid=lambda w: w.ip1.conversations.incoming("a/b"), error=Invalid),
    Conversations.summary: Entry(lambda w: w.ip1.conversations.summary(PHONE), lambda it, w: it.total_message_count == 2,
        invalid=lambda w: w.ip1.conversations.summary("."), error=Invalid),
    Blacklist.get: Entry(lambda w: w.ip1.blacklist.get(BLOCKED), lambda it, w: it.msisdn == BLOCKED,
        invalid=lambda w: w.ip1.blacklist.get(PHONE), error=NotFound),
    Blacklist.add: Entry(lambda w: w.ip1.blacklist.add(PHONE), lambda it, w: it.msisdn == PHONE,
        invalid=lambda w: w.ip1.blacklist.add(f"+{PHONE}"), error=Invalid),
    Blacklist.remove: Entry(lambda w: w.ip1.blacklist.remove(BLOCKED), lambda it, w: it.msisdn == BLOCKED,
        invalid=lambda w: w.ip1.blacklist.remove(PHONE), error=NotFound),
    Blacklist.list: Entry(lambda w: w.ip1.blacklist.list(), lambda it, w: [each.msisdn for each in it] == [BLOCKED],
        invalid=lambda w: w.ip1.blacklist.list(order="UP"), error=Invalid),
    Senders.get: Entry(lambda w: w.ip1.senders.get("iP1"), lambda it, w: it.sender == "iP1",
        invalid=lambda w: w.ip1.senders.get("Nobody"), error=NotFound),
    Senders.register: Entry(lambda w: w.ip1.senders.register("Shop"), lambda it, w: it.sender == "Shop",
        invalid=lambda w: w.ip1.senders.register("TwelveLetter"), error=Invalid),
    Senders.remove: Entry(lambda w: w.ip1.senders.remove("iP1sms"), lambda it, w: it.sender == "iP1sms",
        invalid=lambda w: w.ip1.senders.remove("Nobody"), error=NotFound),
    Senders.list: Entry(lambda w: w.ip1.senders.list(), lambda it, w: [each.sender for each in it] == ["iP1", "iP1sms"],
        invalid=lambda w: w.ip1.senders.list(cursor="none of ours"), error=Invalid),
    Settings.get: Entry(lambda w: w.ip1.settings.get("IncomingCallbackUrl"), lambda it, w: it.value == URL,
        invalid=lambda w: w.ip1.settings.get("Volume"), error=NotFound),
    Settings.set: Entry(lambda w: w.ip1.settings.set("IncomingCallbackUrl", f"{URL}/2"), lambda it, w: it.value == f"{URL}/2",
        invalid=lambda w: w.ip1.settings.set("IncomingCallbackUrl", "somewhere"), error=Invalid),
    Settings.reset: Entry(lambda w: w.ip1.settings.reset("IncomingCallbackUrl"), lambda it, w: it is None,
        invalid=lambda w: w.ip1.settings.reset("Volume"), error=NotFound),
    Settings.list: Entry(lambda w: w.ip1.settings.list(), lambda it, w: [each.name for each in it] == ["IncomingCallbackUrl"],
        invalid=lambda w: w.ip1.settings.list(limit=-1), error=Invalid),
    Contacts.get: Entry(lambda w: w.ip1.contacts.get(w.contact, meta=True), lambda it, w: it.id == w.contact and it.metadata is not None,
        invalid=lambda w: w.ip1.contacts.get(NOBODY), error=NotFound),
    Contacts.create: Entry(lambda w: w.ip1.contacts.create([NewContact(properties={}, labels=["vip"])], sync=True), lambda it, w: list(it[0].labels) == ["vip"],
        invalid=lambda w: w.ip1.contacts.create([NewContact(properties={})] * 1001, sync=True), error=Invalid),
    Contacts.replace: Entry(lambda w: w.ip1.contacts.replace(w.contact, properties={}, labels=["vip"]), lambda it, w: (list(it.labels), dict(it.properties)) == (["vip"], {}),
        invalid=lambda w: w.ip1.contacts.replace(NOBODY, properties={}, labels=["vip"]), error=NotFound),
    Contacts.update: Entry(lambda w: w.ip1.contacts.update(w.contact, labels=["vip"]), lambda it, w: "phoneNumber" in it.properties,
        invalid=lambda w: w.ip1.contacts.update(NOBODY, labels=["vip"]), error=NotFound),
    Contacts.delete: Entry(lambda w: w.ip1.contacts.delete(w.contact), lambda it, w: it.id == w.contact,
        invalid=lambda w: w.ip1.contacts.delete(NOBODY), error=NotFound),
    Contacts.delete_matching: Entry(lambda w: w.ip1.contacts.delete_matching(everything=True), lambda it, w: [each.id for each in it] == [w.contact],
        invalid=lambda w: w.ip1.contacts.delete_matching(), error=Invalid),
    Contacts.summary: Entry(lambda w: w.ip1.contacts.summary(), lambda it, w: it.total_count == 1,
        invalid=lambda w: stranger(w.ip1).contacts.summary(), error=Unauthorized),
    Contacts.list: Entry(lambda w: w.ip1.contacts.list(properties={"phoneNumber": f"+{PHONE}"}), lambda it, w: [each.id for each in it] == [w.contact],
        invalid=lambda w: w.ip1.contacts.list(limit=0), error=Invalid),
    Labels.add: Entry(lambda w: w.ip1.labels.add("a/b", [w.contact]), lambda it, w: (it.label_name, it.usage_count) == ("a/b", 1),
        invalid=lambda w: w.ip1.labels.add("vip", [NOBODY]), error=BadRequest),
    Labels.delete: Entry(lambda w: labelled(w), lambda it, w: it.label_name == "vip",
        invalid=lambda w: w.ip1.labels.delete(""), error=Invalid),
    Elements.get: Entry(lambda w: w.elements.get(w.element), lambda it, w: it.id == w.element,
        invalid=lambda w: w.elements.get(NOBODY), error=NotFound),
    Elements.create: Entry(lambda w: w.elements.create(type="Title", content="More"), lambda it, w: it.type == "Title",
        invalid=lambda w: w.elements.create(type=""), error=Invalid),
    Elements.replace: Entry(lambda w: w.elements.replace(w.element, type="Title", content="New"), lambda it, w: it.id == w.element,
        invalid=lambda w: w.elements.replace(NOBODY, type="Title", content="New"), error=NotFound),
    Elements.delete: Entry(lambda w: w.elements.delete(w.element), lambda it, w: it.id == w.element,
        invalid=lambda w: w.elements.delete(NOBODY), error=NotFound),
    Elements.list: Entry(lambda w: w.elements.list(), lambda it, w: [each.id for each in it] == [w.element],
        invalid=lambda w: w.ip1.landing_pages.elements(NOBODY).list(), error=NotFound),
    LandingPages.get: Entry(lambda w: w.ip1.landing_pages.get(w.page), lambda it, w: it.name == "Spring",
        invalid=lambda w: w.ip1.landing_pages.get(NOBODY), error=NotFound),
    LandingPages.create: Entry(lambda w: w.ip1.landing_pages.create(name="Summer"), lambda it, w: it.name == "Summer" and it.short_link,
        invalid=lambda w: w.ip1.landing_pages.create(name=" "), error=Invalid),
    LandingPages.replace: Entry(lambda w: w.ip1.landing_pages.replace(w.page, name="Autumn"), lambda it, w: (it.id, it.name) == (w.page, "Autumn"),
        invalid=lambda w: w.ip1.landing_pages.replace(NOBODY, name="Autumn"), error=NotFound),
    LandingPages.delete: Entry(lambda w: w.ip1.landing_pages.delete(w.page), lambda it, w: it.id == w.page,
        invalid=lambda w: w.ip1.landing_pages.delete(NOBODY), error=NotFound),
    LandingPages.list: Entry(lambda w: w.ip1.landing_pages.list(), lambda it, w: [each.id for each in it] == [w.page],
        invalid=lambda w: w.ip1.landing_pages.list(limit=0), error=Invalid),
    AccountTable.overview: Entry(lambda w: w.ip1.account.overview(), lambda it, w: it.account == "ip1-10000",
        invalid=lambda w: stranger(w.ip1).account.overview(), error=Unauthorized),
    AccountTable.details: Entry(lambda w: w.ip1.account.details(), lambda it, w: it.id == "ip1-10000",
        invalid=lambda w: stranger(w.ip1).account.details(), error=Unauthorized),
    Children.get: Entry(lambda w: w.ip1.children.get(w.child), lambda it, w: it.name == "Support",
        invalid=lambda w: w.ip1.children.get("ip1-99999"), error=NotFound),
    Children.create: Entry(lambda w: w.ip1.children.create("Sales"), lambda it, w: it.name == "Sales",
        invalid=lambda w: w.ip1.children.create(""), error=Invalid),
    Children.rename: Entry(lambda w: w.ip1.children.rename(w.child, "Sales"), lambda it, w: (it.id, it.name) == (w.child, "Sales"),
        invalid=lambda w: w.ip1.children.rename("ip1-99999", "Sales"), error=NotFound),
    Children.list: Entry(lambda w: w.ip1.children.list(), lambda it, w: [each.id for each in it] == [w.child],
        invalid=lambda w: stranger(w.ip1).children.list(), error=Unauthorized),
    PhoneNumbersTable.lookup: Entry(lambda w: w.ip1.phone_numbers.lookup(["0700000001"], "SE"), lambda it, w: it[0].e164 == "+46700000001",
        invalid=lambda w: w.ip1.phone_numbers.lookup(["0700000001"], "Sweden"), error=BadRequest),
}  # fmt: skip


def stranger(ip1: Client) -> Client:
    """A client of the same server with a token that nobody has."""
    return Client("another", base_url=str(ip1.calls.shared.base))


async def cancelled_twice(world: World) -> Any:
    await world.ip1.batches.cancel(world.later)
    return await world.ip1.batches.cancel(world.later)


async def labelled(world: World) -> Any:
    await world.ip1.labels.add("vip", [world.contact])
    return await world.ip1.labels.delete("vip")


def name(row: Row[Any]) -> str:
    return f"{row.table.__name__}.{row.__name__}"


def test_every_row_has_its_entry_and_no_entry_is_left_over() -> None:
    assert {name(row) for row in ROWS} - {name(row) for row in ENTRIES} == set(), "give these rows an entry"
    assert {name(row) for row in ENTRIES} - {name(row) for row in ROWS} == set(), "these rows are gone"


@pytest.mark.parametrize("row", ENTRIES, ids=name)
async def test_a_row_succeeds_with_valid_input(row: Row[Any], world: World) -> None:
    entry = ENTRIES[row]
    assert entry.shows(await entry.valid(world), world)
    assert [each.path for each in world.attempts][-1] == row.path


@pytest.mark.parametrize("row", ENTRIES, ids=name)
async def test_a_row_fails_with_invalid_input_as_the_contract_says(row: Row[Any], world: World) -> None:
    entry = ENTRIES[row]
    with pytest.raises(entry.error) as caught:
        await entry.invalid(world)
    assert type(caught.value) is entry.error
    if entry.error is Invalid:
        assert world.attempts == [], "nothing is asked before the input is right"
        assert caught.value.field  # type: ignore[attr-defined]
        assert "\n" not in str(caught.value)
    else:
        assert (caught.value.method, caught.value.path) == (row.method, row.path)


@pytest.mark.parametrize("row", ENTRIES, ids=name)
async def test_a_row_is_unauthorized_with_a_token_that_nobody_has(row: Row[Any], world: World) -> None:
    async with stranger(world.ip1) as ip1:
        with pytest.raises(Unauthorized):
            await ENTRIES[row].valid(evolve(world, ip1=ip1))


def on(client: Client, row: Row[Any]) -> Table:
    """The table of a row on a client."""
    if row.table is Elements:
        return client.landing_pages.elements("page")
    mounted = next(name for name, each in vars(Client).items() if isinstance(each, Mount) and each.table is row.table)
    table: Table = getattr(client, mounted)
    return table


@pytest.mark.parametrize("row", [row for row in ROWS if row.ids], ids=name)
@pytest.mark.parametrize("id", ["", ".", "..", "a/b"])
async def test_an_id_that_would_reach_another_path_is_refused_unsent(row: Row[Any], id: str, world: World) -> None:
    if row.names[-1] == "label" and id:
        # A label is a word of the user's own, so that it is quoted instead.
        await world.ip1.labels.add(id, [world.contact])
        assert (await world.ip1.labels.delete(id)).label_name == id  # type: ignore[union-attr]
        return
    with pytest.raises(Invalid):
        await getattr(on(world.ip1, row), row.__name__)(*[id] * row.ids)
    assert world.attempts == []
