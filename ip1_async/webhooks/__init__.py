"""Delivery reports and incoming messages that can be trusted: stored, told apart, put in order, handled once."""

from __future__ import annotations

from ip1_async.models import DeliveryReport, IncomingSms
from ip1_async.webhooks.dispatch import Counts
from ip1_async.webhooks.events import Event, NotAnEvent, parse_delivery_report, parse_incoming_sms
from ip1_async.webhooks.router import Webhooks
from ip1_async.webhooks.store import SQLiteStore, Store
from ip1_async.webhooks.truth import MessageState

__all__ = [
    "Counts",
    "DeliveryReport",
    "Event",
    "IncomingSms",
    "MessageState",
    "NotAnEvent",
    "SQLiteStore",
    "Store",
    "Webhooks",
    "parse_delivery_report",
    "parse_incoming_sms",
]
