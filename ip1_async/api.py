"""The table: a class per area, a line per endpoint. No other file spells a path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen

from ip1_async.models import (
    Account,
    Batch,
    Blocked,
    ChildName,
    Contact,
    ContactChange,
    ContactIds,
    ContactQuery,
    ContactSummary,
    ConversationSummary,
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
    Overview,
    Paging,
    PhoneNumber,
    PhoneNumbers,
    Sender,
    Setting,
    SettingValue,
    Whole,
    WithMeta,
)
from ip1_async.models.lists import settings_in
from ip1_async.rows import Delete, Get, Patch, Post, Put, Under, Walk, many
from ip1_async.table import Dialect, Shape, Table
from ip1_async.wire import is_array, is_object


class Batches(Table):
    """Sendings: one text to many recipients."""

    get = Get("/v2/batches/{batch}", Batch)
    """One batch with its price and message summaries."""
    send = Post("/v2/batches", NewBatch, Batch)
    """Send one text to many recipients. One call makes one batch and is never repeated blindly."""
    cancel = Delete("/v2/batches/{batch}", Batch)
    """Cancel a batch whose time has not come; gives the batch, or None where the provider answers with nothing."""
    message = Get("/v2/batches/{batch}/messages/{message}", Message, ids=2)
    """One message with its whole status history."""
    messages = Walk("/v2/batches/{batch}/messages", Message, Paging, ids=1)
    """The messages of a batch, oldest first, each with its latest status."""
    list = Walk("/v2/batches", Batch, Paging)
    """The account's batches, oldest first, without their summaries."""


def directed(direction: str | None) -> Shape:
    """Messages whose direction came as a number that nothing explains: the address asked, or the participant, tells it."""

    def shape(data: Any, ids: Sequence[str]) -> Any:
        if not is_array(data):
            return data
        for each in data:
            if is_object(each) and isinstance(each.get("direction"), int):
                to_participant = {each.get("recipient"): "mt", each.get("sender"): "mo"}
                each["direction"] = direction or to_participant.get(ids[0], "unknown")
        return data

    return shape


class Conversations(Table):
    """What was said with one participant: a phone, or a sender of yours."""

    messages = Walk("/v2/conversations/{participant}", Message, Paging, ids=1, shape=directed(None))
    """All messages to and from the participant, oldest first."""
    outgoing = Walk("/v2/conversations/{participant}/mt", Message, Paging, ids=1, shape=directed("mt"))
    """The messages to phones only."""
    incoming = Walk("/v2/conversations/{participant}/mo", Message, Paging, ids=1, shape=directed("mo"))
    """The messages from phones only."""
    summary = Get("/v2/conversations/{participant}/summary", ConversationSummary)
    """How many messages there were in each direction, by latest status."""


class Blacklist(Table):
    """Numbers that get no messages."""

    get = Get("/v2/blacklist/{msisdn}", Blocked)
    """One entry; raises `NotFound` for a number that is not on the list."""
    add = Put("/v2/blacklist/{msisdn}", Blocked, key="msisdn")
    """Put a number on the list; a number that is there already stays there."""
    remove = Delete("/v2/blacklist/{msisdn}", Blocked)
    """Take a number off the list."""
    list = Walk("/v2/blacklist", Blocked, Paging, key="msisdn")
    """All entries of the blacklist."""


def registered(data: Any, ids: Sequence[str], dialect: Dialect) -> Any:
    """No body, or the sender's name once more."""
    return {"sender": ids[-1]} if dialect.senders_body == "named" else None


class Senders(Table):
    """Registered senders."""

    get = Get("/v2/me/senders/{sender}", Sender)
    """One sender; raises `NotFound` for one that is not registered."""
    register = Put("/v2/me/senders/{sender}", Sender, key="sender", body=registered)
    """Register a sender; one that is registered already stays so."""
    remove = Delete("/v2/me/senders/{sender}", Sender)
    """Give a sender up."""
    list = Walk("/v2/me/senders", Sender, Paging, key="sender")
    """The registered senders, in alphabetical order."""


def settings(data: Any, ids: Sequence[str]) -> Any:
    """All settings of an answer."""
    return settings_in(data)


def setting(data: Any, ids: Sequence[str]) -> Any:
    """The setting asked for."""
    found = settings_in(data, ids[-1])
    return next((each for each in found if each["name"] in ("", ids[-1])), found)


def setting_to(data: Any, ids: Sequence[str], dialect: Dialect) -> Any:
    """The value inside an object, or bare."""
    return data["value"] if dialect.settings_body == "bare" else data


class Settings(Table):
    """Settings of the account; the provider documents one, `IncomingCallbackUrl`."""

    get = Get("/v2/me/sms/settings/{name}", Setting, shape=setting)
    """One setting by its name."""
    set = Put("/v2/me/sms/settings/{name}", Setting, SettingValue, key="name", shape=setting, body=setting_to)
    """Make a setting have this value."""
    reset = Delete("/v2/me/sms/settings/{name}")
    """Put a setting back to what it was at first."""
    list = Walk("/v2/me/sms/settings", Setting, Paging, key="name", shape=settings)
    """All settings of the account."""


@frozen
class WithId:
    """A body that repeats the id of the address under this name."""

    name: str

    def __call__(self, data: Any, ids: Sequence[str], dialect: Dialect) -> Any:
        return {self.name: ids[-1], **data}


class Contacts(Table):
    """The address book."""

    get = Get("/v2/contacts/{contact}", Contact, WithMeta)
    """One contact, with `metadata` when asked for."""
    create = Post("/v2/contacts", NewContacts, many[Contact])
    """Make contacts: with *sync* the made contacts, at most 1,000; without it an empty list, for they are queued."""
    replace = Put("/v2/contacts/{contact}", Contact, NewContact, body=WithId("id"))
    """Make a contact be exactly this; see `Contact.edit` for changing what was read."""
    update = Patch("/v2/contacts/{contact}", ContactChange, Contact, body=WithId("id"))
    """Change the parts that are given; None takes a value away."""
    delete = Delete("/v2/contacts/{contact}", Contact)
    """Delete one contact."""
    delete_matching = Delete("/v2/contacts", many[Contact], Matching)
    """Delete every contact that matches, and give the deleted ones; an empty filter is refused."""
    summary = Get("/v2/contacts/meta", ContactSummary, ids=0)
    """How many contacts there are, and what labels and properties they have."""
    list = Walk("/v2/contacts", Contact, ContactQuery)
    """The contacts that match; all of them without a filter."""


class Labels(Table):
    """Names that contacts are grouped under."""

    add = Post("/v2/labels/{label}/contacts", ContactIds, LabelUsage, ids=1)
    """Give the contacts this label."""
    delete = Delete("/v2/labels/{label}", LabelUsage)
    """Take a label off all contacts, which stay."""


class Elements(Table, under=1):
    """What stands on one landing page."""

    get = Get("/v2/landings/{page}/elements/{element}", Element)
    """One element of the page."""
    create = Post("/v2/landings/{page}/elements", NewElement, Element)
    """Put an element on the page."""
    replace = Put("/v2/landings/{page}/elements/{element}", Element, NewElement)
    """Make an element be exactly this; see `Element.edit` for changing what was read."""
    delete = Delete("/v2/landings/{page}/elements/{element}", Element)
    """Take an element off the page."""
    list = Walk("/v2/landings/{page}/elements", Element, Paging)
    """The elements of the page."""


class LandingPages(Table):
    """Web pages that messages can link to."""

    get = Get("/v2/landings/{page}", LandingPage)
    """One page with its views and links."""
    create = Post("/v2/landings", NewLandingPage, LandingPage)
    """Make a page."""
    replace = Put("/v2/landings/{page}", LandingPage, NewLandingPage)
    """Replace everything but elements, views and links; see `LandingPage.edit` for changing what was read."""
    delete = Delete("/v2/landings/{page}", LandingPage)
    """Delete a page."""
    elements = Under("/v2/landings/{page}/elements", Elements)
    """The table of one page's elements."""
    list = Walk("/v2/landings", LandingPage, Paging)
    """All landing pages."""


class AccountTable(Table):
    """The account that the token belongs to."""

    overview = Get("/api/me", Overview, ids=0)
    """The account's organization and balance."""
    details = Get("/api/me/account", Account, ids=0)
    """The account with its key and parent."""


class Children(Table):
    """Sub-accounts."""

    get = Get("/api/me/children/{child}", Account)
    """One sub-account."""
    create = Post("/api/me/children", ChildName, Account)
    """Make a sub-account."""
    rename = Put("/api/me/children/{child}", Account, ChildName, body=WithId("ID"))
    """Give a sub-account another name."""
    list = Walk("/api/me/children", Account, Whole)
    """All sub-accounts, in one answer."""


def looked_up(data: Any, ids: Sequence[str]) -> Any:
    """The array inside the answer to a lookup."""
    if is_object(data):
        return next((item for key, item in data.items() if key.strip().lower() == "phonenumbers"), data)
    return data


class PhoneNumbersTable(Table):
    """Looking numbers up."""

    lookup = Post("/api/phonenumber/lookup", PhoneNumbers, many[PhoneNumber], repeat="read", shape=looked_up)
    """Whether numbers are valid, and their international form; changes nothing."""


TABLES: tuple[type[Table], ...] = (
    Batches, Conversations, Blacklist, Senders, Settings, Contacts, Labels, LandingPages, Elements, AccountTable, Children,
    PhoneNumbersTable,
)  # fmt: skip
"""Every table, those under another one included."""
