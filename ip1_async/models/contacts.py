"""Contacts and labels. See https://ip1sms.com/en/developer/contacts, …/contacts-batch, …/summary and …/labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from attrs import field, frozen

from ip1_async import masking
from ip1_async.errors import Invalid
from ip1_async.models import checks
from ip1_async.models.paging import Paging
from ip1_async.models.value import OMITTED, Omitted, Open, Value


@frozen(kw_only=True)
class Contact(Open):
    """A person in the account's address book."""

    id: str
    owner_id: str = ""
    properties: Mapping[str, str] = field(factory=dict[str, str], repr=masking.keys, hash=False)
    """Free names; common are `phoneNumber` (with a leading +), `email`, `firstName`, `lastName`."""
    metadata: Mapping[str, Mapping[str, str]] = field(factory=dict[str, Mapping[str, str]], repr=False, hash=False)
    """By property, what the provider found out; only when asked for with `meta=True`. Values are texts: see `flag`."""
    labels: Sequence[str] = ()

    def flag(self, key: str, /, of: str = "phoneNumber") -> bool | None:
        """A yes or no of the metadata, such as `isBlocked`, from the text it comes as; None where it is not there."""
        return {"true": True, "false": False}.get(self.metadata.get(of, {}).get(key, "").strip().lower())

    def edit(self, *, properties: Mapping[str, str] | None = None, labels: Sequence[str] | None = None) -> NewContact:
        """What to pass to `contacts.replace`, with these parts changed and unknown fields kept."""
        return NewContact(
            properties=self.properties if properties is None else properties,
            labels=self.labels if labels is None else labels,
            extra=self.extra,
        )


@frozen(kw_only=True)
class NewContact(Open):
    """A contact to make, or what a contact becomes."""

    properties: Mapping[str, str] = field(validator=checks.text_values(), repr=masking.keys, hash=False)
    labels: Sequence[str] = field(default=(), validator=checks.texts)


@frozen
class NewContacts(Value):
    """Contacts to make. With *sync* at most 1,000 are made at once and returned; without it they are queued."""

    _body: ClassVar[str | None] = "contacts"
    contacts: Sequence[NewContact] = field(validator=checks.sequence_of(NewContact), repr=masking.count)
    sync: bool = field(default=False, kw_only=True, metadata={"query": True})

    def __attrs_post_init__(self) -> None:
        if not self.contacts:
            raise Invalid("contacts", "contacts is empty; there is nothing to make")
        if self.sync and len(self.contacts) > 1000:
            raise Invalid("contacts", f"contacts is {len(self.contacts)} long; with sync at most 1000 are allowed")


@frozen(kw_only=True)
class ContactChange(Open):
    """The parts of a contact that change; None takes a value away, what is left out stays."""

    properties: Mapping[str, str | None] = field(
        factory=dict[str, str | None], validator=checks.text_values(null=True), repr=masking.keys, hash=False
    )
    labels: Sequence[str] | Omitted | None = field(
        default=OMITTED, validator=checks.optional(checks.texts, OMITTED, None), metadata={"null": True}
    )

    def __attrs_post_init__(self) -> None:
        if not self.properties and self.labels is OMITTED and not self.extra:
            raise Invalid("properties", "nothing is changed: give properties or labels")


# Two slotted bases cannot be joined in ContactQuery, so this one has no slots.
@frozen(kw_only=True, slots=False)
class Filter:
    """Which contacts: those with the labels, and whose properties and metadata have exactly these values."""

    labels: Sequence[str] = field(default=(), validator=checks.texts)
    """Whether several labels mean all or any of them is up to the server."""
    properties: Mapping[str, str] = field(
        factory=dict[str, str], validator=checks.text_values(), repr=masking.keys, hash=False
    )
    metadata: Mapping[str, str] = field(
        factory=dict[str, str], validator=checks.text_values(), repr=masking.keys, hash=False
    )
    """By `property.key`, such as `phoneNumber.isBlocked`, always as a text."""


@frozen(kw_only=True)
class ContactQuery(Paging, Filter):
    """Which contacts to list, and how."""

    meta: bool = field(default=False)
    """Have the provider add `metadata`."""


@frozen(kw_only=True)
class WithMeta:
    """Whether the provider adds `metadata`."""

    meta: bool = False


@frozen(kw_only=True)
class Matching(Filter):
    """Contacts to delete; an empty filter is refused unless *everything* is said."""

    everything: bool = field(default=False, metadata={"local": True})

    def __attrs_post_init__(self) -> None:
        empty = not (self.labels or self.properties or self.metadata)
        if empty and not self.everything:
            raise Invalid(
                "everything",
                "no filter was given, which would delete every contact; say everything=True if that is wanted",
            )
        if self.everything and not empty:
            raise Invalid("everything", "everything=True was given together with a filter; give one of them")


@frozen(kw_only=True)
class LabelUsage(Open):
    """How many contacts have a label."""

    label_name: str
    usage_count: int = 0


@frozen(kw_only=True)
class PropertyUsage(Open):
    """How many contacts have a property, and how long its values are in characters."""

    property_name: str
    usage_count: int = 0
    average_length: float = 0.0
    max_length: int = 0
    min_length: int = 0


@frozen(kw_only=True)
class ContactSummary(Open):
    """How many contacts there are, and what they have."""

    total_count: int
    labels: Sequence[LabelUsage] = ()
    properties: Sequence[PropertyUsage] = ()


@frozen
class ContactIds(Value):
    """The contacts that get a label."""

    _body: ClassVar[str | None] = "contact_ids"
    contact_ids: Sequence[str] = field(validator=checks.texts)

    def __attrs_post_init__(self) -> None:
        if not self.contact_ids:
            raise Invalid("contact_ids", "contact_ids is empty; name at least one contact")
