"""Frozen values, one module per area of the API. Names are the provider's, in snake_case."""

from __future__ import annotations

from ip1_async.models.account import Account, ChildName, Overview, PhoneNumber, PhoneNumbers
from ip1_async.models.batches import Batch, DeliveryWindow, NewBatch, PriceSummary
from ip1_async.models.contacts import (
    Contact,
    ContactChange,
    ContactIds,
    ContactQuery,
    ContactSummary,
    LabelUsage,
    Matching,
    NewContact,
    NewContacts,
    PropertyUsage,
    WithMeta,
)
from ip1_async.models.landing import Element, LandingPage, NewElement, NewLandingPage
from ip1_async.models.lists import Blocked, Sender, Setting, SettingValue
from ip1_async.models.messages import ConversationSummary, DeliveryReport, IncomingSms, Message
from ip1_async.models.paging import Paging, Whole
from ip1_async.models.status import Count, Status, StatusChange
from ip1_async.models.value import OMITTED, Omission

__all__ = [
    "OMITTED",
    "Account",
    "Batch",
    "Blocked",
    "ChildName",
    "Contact",
    "ContactChange",
    "ContactIds",
    "ContactQuery",
    "ContactSummary",
    "ConversationSummary",
    "Count",
    "DeliveryReport",
    "DeliveryWindow",
    "Element",
    "IncomingSms",
    "LabelUsage",
    "LandingPage",
    "Matching",
    "Message",
    "NewBatch",
    "NewContact",
    "NewContacts",
    "NewElement",
    "NewLandingPage",
    "Omission",
    "Overview",
    "Paging",
    "PhoneNumber",
    "PhoneNumbers",
    "PriceSummary",
    "PropertyUsage",
    "Sender",
    "Setting",
    "SettingValue",
    "Status",
    "StatusChange",
    "Whole",
    "WithMeta",
]
