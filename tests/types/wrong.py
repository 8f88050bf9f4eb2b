"""Every line marked `# E` must be refused by every checker, and no other line may be. Never run."""
# pyright: strict

from __future__ import annotations

import io

import polars as pl

from ip1_async import Client, ContactIds, Message, NewBatch, NewContact, NewLandingPage, Pages


async def main(ip1: Client) -> None:
    new = NewBatch(sender="iP1", recipients=["46700000001"], body="Hello")
    await ip1.batches.send(sender="iP1", recipients=["46700000001"])  # E missing
    await ip1.batches.send(sender="iP1", recipients=["46700000001"], body=1)  # E type
    await ip1.batches.send(sender="iP1", recipients=[1], body="x")  # E item type
    await ip1.batches.send(sender="iP1", recipients=["46700000001"], body="x", typ="sms")  # E unknown
    await ip1.batches.send(sender="iP1", recipients=["46700000001"], body="x", type="SMS")  # E literal
    await ip1.batches.send("iP1", ["46700000001"], "x")  # E positional
    await ip1.batches.send()  # E nothing
    await ip1.batches.send(NewContact(properties={}))  # E other model
    await ip1.batches.send(value=new)  # E positional only
    await ip1.batches.send(new, body="x")  # E both styles
    await ip1.batches.get()  # E
    await ip1.batches.get(1)  # E
    await ip1.batches.get("a", "b")  # E
    await ip1.batches.message("a")  # E
    await ip1.batches.message("a", "b", "c")  # E
    ip1.batches.list("x")  # E
    ip1.batches.list(order="asc")  # E
    ip1.batches.list(labels=["x"])  # E
    ip1.batches.messages()  # E
    ip1.batches.messages("a", limit="5")  # E
    ip1.contacts.list(meta="yes")  # E
    ip1.contacts.list(label=["vip"])  # E
    await ip1.contacts.create(NewContact(properties={}))  # E not a list
    await ip1.contacts.create([NewContact(properties={})], True)  # E boolean positional
    await ip1.contacts.create([NewContact(properties={})], sync="x")  # E
    await ip1.contacts.create([{"properties": {}}])  # E
    await ip1.contacts.update(properties={})  # E no id
    await ip1.contacts.update("c", {"a": "b"})  # E dict positional
    await ip1.contacts.update("c", propertes={})  # E
    await ip1.contacts.replace("c", NewLandingPage(name="x"))  # E
    await ip1.contacts.delete_matching("x")  # E
    await ip1.contacts.delete_matching(label="x")  # E
    await ip1.contacts.delete()  # E
    await ip1.contacts.summary("x")  # E
    await ip1.labels.add("vip")  # E
    await ip1.labels.add("vip", [1])  # E
    await ip1.labels.add(ContactIds(["c"]))  # E
    await ip1.blacklist.add()  # E
    await ip1.blacklist.add("4670", "x")  # E
    await ip1.settings.set("IncomingCallbackUrl")  # E
    await ip1.settings.set("IncomingCallbackUrl", 5)  # E
    await ip1.account.overview("x")  # E
    await ip1.children.create()  # E
    await ip1.children.rename("ip1-1")  # E
    await ip1.children.rename("ip1-1", nam="x")  # E
    await ip1.phone_numbers.lookup("0700000001", 5)  # E
    ip1.landing_pages.elements()  # E
    ip1.landing_pages.elements.list()  # E
    await ip1.landing_pages.elements("p").get()  # E
    ip1.batches.lst()  # E
    ip1.batch  # E
    await Client.batches.send(sender="iP1", recipients=[], body="x")  # E on the class it is data
    ip1.with_options(timout=5)  # E
    ip1.with_options(timeout="5")  # E
    ip1.send_many([{"sender": "iP1"}])  # E
    wrong: Pages[Message] = ip1.batches.list()  # E
    text: str = (await ip1.batches.cancel("b")).body  # E None
    print(wrong, text)
    await ip1.batches.list().to_arrow(limit="5")  # E
    await ip1.batches.list().to_parquet()  # E
    await ip1.batches.list().to_parquet(5)  # E
    await ip1.batches.list().to_parquet(io.StringIO())  # E open for text
    frame: pl.Series = await ip1.batches.list().to_polars()  # E
    print(frame)
    Client(token=5)  # E
    Client("t", "https://api.example.org")  # E
