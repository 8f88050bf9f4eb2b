"""What the provider posts, from bytes to values. Pure."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from attrs import field, frozen

from ip1_async import codec
from ip1_async.errors import Invalid
from ip1_async.models import DeliveryReport, IncomingSms
from ip1_async.wire import is_object

T = TypeVar("T")
Kind = Literal["report", "incoming"]


class NotAnEvent(ValueError):
    """The body is neither a delivery report nor an incoming SMS."""


def parse_delivery_report(body: bytes) -> DeliveryReport:
    """The delivery report in a body that the provider posted; raises `NotAnEvent` for anything else.

    Either name of the message's id is read, numbers as texts, and unknown properties are kept. See
    https://ip1sms.com/en/developer/statuscodes.
    """
    return _read(DeliveryReport, _object(body), "delivery report")


def parse_incoming_sms(body: bytes) -> IncomingSms:
    """The text from a phone in a body that the provider posted; raises `NotAnEvent` for anything else.

    See https://ip1sms.com/en/developer/readinsms.
    """
    return _read(IncomingSms, _object(body), "incoming SMS")


@frozen
class Event:
    """One thing that happened, told once or often: the same `key` is the same event."""

    value: DeliveryReport | IncomingSms
    body: bytes = field(repr=False)
    """As it came."""

    @property
    def kind(self) -> Kind:
        return "report" if isinstance(self.value, DeliveryReport) else "incoming"

    @property
    def message(self) -> str:
        return self.value.message_id if isinstance(self.value, DeliveryReport) else self.value.id

    @property
    def key(self) -> str:
        """By message, code and time for reports: an id alone would take every later status for a repetition."""
        if isinstance(self.value, DeliveryReport):
            at = "" if self.value.created is None else self.value.created.isoformat()
            return f"report {self.message} {int(self.value.code)} {at}"
        return f"incoming {self.message}"


def parse(body: bytes) -> Event:
    """Either kind, told apart by what only one of them has; raises `NotAnEvent` for anything else."""
    said = _object(body)
    names = {name.strip().lower() for name in said}
    if "code" in names:
        return Event(_read(DeliveryReport, said, "delivery report"), body)
    if {"sender", "body"} <= names:
        return Event(_read(IncomingSms, said, "incoming SMS"), body)
    raise NotAnEvent("the body is neither a delivery report, which has a code, nor an incoming SMS, which has a body")


def of_report(report: DeliveryReport) -> Event:
    """The event of a report that was found out otherwise than by being posted."""
    return Event(report, codec.encode(report.to_dict()))


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = codec.decode(body)
    except codec.Mismatch:
        raise NotAnEvent("the body is not JSON") from None
    if not is_object(said):
        raise NotAnEvent("the body is no JSON object")
    return said


def _read(kind: type[T], said: dict[str, Any], called: str) -> T:
    try:
        found = codec.load(kind, said)
    except (codec.Mismatch, Invalid) as wrong:
        raise NotAnEvent(f"the body is no {called}: {wrong}") from None
    id = found.message_id if isinstance(found, DeliveryReport) else getattr(found, "id", "")
    if not _is_text(f"{id}{getattr(found, 'batch_id', '')}"):
        raise NotAnEvent(f"the body is no {called}: an id holds half of a surrogate pair")
    if not 0 < len(id) <= MOST_ID:
        raise NotAnEvent(f"the body is no {called}: the message's id has not 1 to {MOST_ID} characters")
    return found


def _is_text(said: str) -> bool:
    try:
        said.encode()
    except UnicodeEncodeError:
        return False
    return True


MOST_ID = 100
"""Characters of an id; the provider's have 24."""
