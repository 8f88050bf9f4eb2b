"""Every call of the contract, exactly typed, as a user writes it. Never run; `tests/test_types.py` has it checked."""
# pyright: strict

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from decimal import Decimal
from typing import assert_type

import polars as pl

from ip1_async import (
    Account,
    Batch,
    Blocked,
    ChildName,
    Client,
    Contact,
    ContactChange,
    ContactIds,
    ContactQuery,
    ContactSummary,
    ConversationSummary,
    DeliveryWindow,
    Element,
    LabelUsage,
    LandingPage,
    Matching,
    Message,
    NewBatch,
    NewContact,
    NewContacts,
    NewElement,
    NewLandingPage,
    NotSeen,
    NotSent,
    Outcome,
    OutcomeUnknown,
    Overview,
    Page,
    Pages,
    PhoneNumber,
    PhoneNumbers,
    Raw,
    Refused,
    Sender,
    Sent,
    Setting,
    SettingValue,
    Status,
    Undecided,
    Unknown,
    merge,
    raw,
)
from ip1_async.campaign import Campaign, Plan, Report, RowOutcome, Settled, Standing


async def batches(ip1: Client) -> None:
    assert_type(ip1.batches.list(), Pages[Batch])
    assert_type(await ip1.batches.list(limit=10, order="DESC", cursor="x", ahead=2), list[Batch])
    assert_type(await ip1.batches.get("b"), Batch)
    assert_type(await ip1.batches.send(sender="iP1", recipients=["46700000001"], body="Hello"), Batch)
    assert_type(
        await ip1.batches.send(
            sender="iP1", recipients={"46700000001": {"a": "b"}}, body="Hello", tags=["x"], type="flash"
        ),
        Batch,
    )
    new = NewBatch(
        sender="iP1",
        recipients=["46700000001"],
        body="Hello",
        reference="r",
        delivery_windows=[DeliveryWindow(opens=datetime.now(UTC))],
    )
    assert_type(await ip1.batches.send(new), Batch)
    assert_type(await ip1.batches.cancel("b"), Batch | None)
    assert_type(ip1.batches.messages("b", ahead=2), Pages[Message])
    message = await ip1.batches.message("b", "m")
    assert_type(message, Message)
    assert_type(message.status, Status)
    assert_type(message.price, Decimal | None)


async def conversations(ip1: Client) -> None:
    assert_type(ip1.conversations.messages("4670"), Pages[Message])
    assert_type(ip1.conversations.outgoing("4670"), Pages[Message])
    assert_type(ip1.conversations.incoming("4670", limit=1), Pages[Message])
    assert_type(await ip1.conversations.summary("4670"), ConversationSummary)


async def lists(ip1: Client) -> None:
    assert_type(ip1.blacklist.list(), Pages[Blocked])
    assert_type(await ip1.blacklist.get("4670"), Blocked)
    assert_type(await ip1.blacklist.add("4670"), Blocked)
    assert_type(await ip1.blacklist.remove("4670"), Blocked | None)
    assert_type(ip1.senders.list(), Pages[Sender])
    assert_type(await ip1.senders.get("Shop"), Sender)
    assert_type(await ip1.senders.register("Shop"), Sender)
    assert_type(await ip1.senders.remove("Shop"), Sender | None)
    assert_type(ip1.settings.list(), Pages[Setting])
    assert_type(await ip1.settings.get("IncomingCallbackUrl"), Setting)
    assert_type(await ip1.settings.set("IncomingCallbackUrl", "https://x"), Setting)
    assert_type(await ip1.settings.set("IncomingCallbackUrl", None), Setting)
    assert_type(await ip1.settings.set("IncomingCallbackUrl", SettingValue("https://x")), Setting)
    await ip1.settings.reset("IncomingCallbackUrl")


async def contacts(ip1: Client) -> None:
    walk = ip1.contacts.list(
        labels=["vip"],
        properties={"a": "b"},
        metadata={"phoneNumber.isBlocked": "false"},
        meta=True,
        limit=10,
        order="DESC",
        cursor="c",
        ahead=1,
    )
    assert_type(walk, Pages[Contact])
    assert_type(await walk, list[Contact])
    async for contact in walk:
        assert_type(contact, Contact)
    async for page in walk.pages():
        assert_type(page, Page[Contact])
    async with ip1.contacts.list() as left_at_once:
        assert_type(left_at_once, Pages[Contact])
    assert_type(await walk.collect(limit=10_000), list[Contact])
    assert_type(walk.cursor, str)
    assert_type(await ip1.contacts.list().to_polars(limit=10_000), pl.DataFrame)
    assert_type(len(await ip1.contacts.list().to_pandas()), int)
    await ip1.contacts.list().to_arrow()
    assert_type(await ip1.contacts.list().to_parquet("contacts.parquet"), int)
    with open("contacts.parquet", "wb") as file:
        assert_type(await ip1.contacts.list().to_parquet(file, limit=10_000), int)
    assert_type(merge(ip1.batches.messages("a"), ip1.conversations.messages("b")), AsyncGenerator[Message])
    assert_type(await ip1.contacts.get("c"), Contact)
    assert_type(await ip1.contacts.get("c", meta=True), Contact)
    assert_type(await ip1.contacts.create([NewContact(properties={"a": "b"})], sync=True), list[Contact])
    assert_type(await ip1.contacts.create([NewContact(properties={"a": "b"})]), list[Contact])
    assert_type(await ip1.contacts.create(NewContacts([NewContact(properties={"a": "b"})])), list[Contact])
    assert_type(await ip1.contacts.replace("c", properties={"a": "b"}, labels=["x"]), Contact)
    assert_type(await ip1.contacts.replace("c", NewContact(properties={})), Contact)
    assert_type(await ip1.contacts.update("c", properties={"a": None}, labels=["x"]), Contact)
    assert_type(await ip1.contacts.update("c", ContactChange(labels=None)), Contact)
    assert_type(await ip1.contacts.delete("c"), Contact | None)
    assert_type(await ip1.contacts.delete_matching(labels=["x"]), list[Contact])
    assert_type(await ip1.contacts.delete_matching(everything=True), list[Contact])
    assert_type(await ip1.contacts.delete_matching(Matching(labels=["x"])), list[Contact])
    assert_type(await ip1.contacts.summary(), ContactSummary)
    assert_type(ContactQuery(labels=["a"], limit=3).limit, int)
    assert_type(await ip1.labels.add("vip", ["c"]), LabelUsage)
    assert_type(await ip1.labels.add("vip", contact_ids=["c"]), LabelUsage)
    assert_type(await ip1.labels.add("vip", ContactIds(["c"])), LabelUsage)
    assert_type(await ip1.labels.delete("vip"), LabelUsage | None)


async def landing_pages(ip1: Client) -> None:
    assert_type(ip1.landing_pages.list(), Pages[LandingPage])
    assert_type(await ip1.landing_pages.get("p"), LandingPage)
    assert_type(await ip1.landing_pages.create(name="x"), LandingPage)
    assert_type(await ip1.landing_pages.replace("p", name="x"), LandingPage)
    assert_type(await ip1.landing_pages.replace("p", NewLandingPage(name="x")), LandingPage)
    assert_type(await ip1.landing_pages.delete("p"), LandingPage | None)
    elements = ip1.landing_pages.elements("p")
    assert_type(elements.list(), Pages[Element])
    assert_type(await elements.get("e"), Element)
    assert_type(await elements.create(type="Title", content="x"), Element)
    assert_type(await elements.replace("e", NewElement(type="Title")), Element)
    assert_type(await elements.delete("e"), Element | None)


async def account(ip1: Client) -> None:
    assert_type(await ip1.account.overview(), Overview)
    assert_type(await ip1.account.details(), Account)
    assert_type(ip1.children.list(), Pages[Account])
    assert_type(await ip1.children.get("ip1-1"), Account)
    assert_type(await ip1.children.create("Support"), Account)
    assert_type(await ip1.children.create(name="Support"), Account)
    assert_type(await ip1.children.rename("ip1-1", name="x"), Account)
    assert_type(await ip1.children.rename("ip1-1", "x"), Account)
    assert_type(await ip1.children.rename("ip1-1", ChildName("x")), Account)
    assert_type(await ip1.phone_numbers.lookup(["0700000001"], region="SE"), list[PhoneNumber])
    assert_type(await ip1.phone_numbers.lookup(["0700000001"], "SE"), list[PhoneNumber])
    assert_type(await ip1.phone_numbers.lookup(PhoneNumbers(["0700000001"], "SE")), list[PhoneNumber])


async def together(ip1: Client) -> None:
    assert_type(Client.batches.send.path, str)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(ip1.batches.send(sender="iP1", recipients=["46700000001"], body="Hello"))
        tasks.create_task(ip1.batches.get("x"))
    assert_type(task.result(), Batch)
    assert_type(await asyncio.gather(ip1.batches.get("a"), ip1.batches.list()), tuple[Batch, list[Batch]])
    assert_type(ip1.with_options(timeout=5, on_unknown="resolve", rate=10).batches.list(), Pages[Batch])
    assert_type(await raw(ip1.batches.get, "b"), Raw[Batch])
    assert_type((await raw(ip1.batches.get, "b")).value, Batch)


async def outcomes(ip1: Client) -> None:
    found = ip1.send_many(NewBatch(sender="iP1", recipients=[each], body="Hello") for each in ("46700000001",))
    assert_type(found, AsyncGenerator[Outcome])
    async for outcome in found:
        match outcome:
            case Sent():
                assert_type(outcome.batch, Batch)
            case Refused():
                assert_type(outcome.error, NotSent)
            case Unknown():
                print(outcome.index, outcome.error)
    try:
        await ip1.batches.send(sender="iP1", recipients=["46700000001"], body="Hello")
    except OutcomeUnknown as error:
        assert_type(await error.resolve(), Sent | NotSeen | Undecided)


async def campaigns(ip1: Client) -> None:
    campaign = await Campaign.plan("people.csv", ledger="l", sender="iP1", body="Hi", client=ip1)
    assert_type(campaign, Campaign)
    assert_type(campaign.planned, Plan | None)
    async for settled in campaign.run(ip1, landing=60, on_absent="retry"):
        assert_type(settled, Settled)
    assert_type(await campaign.status(), Standing)
    assert_type(await campaign.report(), Report)
    async for row in campaign.rows():
        assert_type(row, RowOutcome)
    assert_type(await campaign.export("rows.csv"), int)
    async with ip1.turn() as turn:
        assert_type(await turn.send(NewBatch(sender="iP1", recipients=["46700000001"], body="Hello")), Batch)
