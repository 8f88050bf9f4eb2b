"""Status codes of messages, and what their first digit says of codes that nobody has named."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from attrs import field, frozen

from ip1_async.models.value import Open

Group = Literal["info", "success", "rejection", "error", "unknown"]

_groups: dict[int, Group] = {1: "info", 2: "success", 4: "rejection", 5: "error"}
_names = {
    101: "Accepted", 102: "Queued", 103: "Funded", 104: "Refunded", 110: "Sending", 111: "DeliveredToGateway",
    112: "DeliveredToCarrier", 113: "DeliveredToGSM", 114: "QueuedAtGateway", 201: "DeliveredToHandset", 202: "Expired",
    203: "Canceled", 402: "InsufficientFunds", 403: "SenderRejected", 405: "RecipientRejected", 406: "GenericRejected",
    407: "InvalidSender",
}  # fmt: skip


class Status(int):
    """A status code that knows its group, its name and whether anything can follow it; compares like the number.

    `Status(0)` stands for a message that has no status yet. Documented at https://ip1sms.com/en/developer/statuscodes;
    unknown codes are kept and judged by their first digit.
    """

    __slots__ = ()

    @property
    def code(self) -> int:
        """The plain number."""
        return int(self)

    @property
    def group(self) -> Group:
        """What the first digit says: under way, ended as allowed, rejected, or failed."""
        return _groups.get(int(self) // 100, "unknown")

    @property
    def name(self) -> str | None:
        """The provider's name, where one is known."""
        return _names.get(int(self))

    @property
    def is_final(self) -> bool:
        """Whether nothing follows: groups 2, 4 and 5."""
        return self.group in ("success", "rejection", "error")

    @property
    def is_delivered(self) -> bool:
        """Whether the phone has the message."""
        return self == 201

    def __repr__(self) -> str:
        return f"Status({int(self)}{f' {self.name}' if self.name else ''})"

    def __str__(self) -> str:
        return f"{int(self)} {self.name}" if self.name else str(int(self))


@frozen(kw_only=True)
class StatusChange(Open):
    """One step of a message's way."""

    code: Status
    duration: int = 0
    """1 when the provider calls the status final, else 0."""
    created: datetime | None = None

    @property
    def is_final(self) -> bool:
        """Whether nothing follows, by the provider's word or by the code."""
        return self.duration == 1 or self.code.is_final


@frozen(kw_only=True)
class Count(Open):
    """How many messages, and how many SMS they are."""

    messages: int = 0
    sms: int = 0
    """Parts (segments) of all the messages."""


Counts = Mapping[Status, Count]
"""By latest status."""

TYPES: Mapping[str, object] = {"codes": {0: "flash", 1: "sms"}}
DATACODINGS: Mapping[str, object] = {"codes": {0: "gsm", 2: "ucs"}}
FEW: Mapping[str, object] = {"few": True}
"""Of a field that neighbours in a list mostly have in common."""
DIRECTIONS: Mapping[str, object] = {"codes": {-1: "unknown"}}
"""What 0 and 1 mean is documented nowhere, so they are read as `unknown` unless the address asked says it."""


def total(counts: Counts) -> Count:
    """All of them together."""
    return Count(messages=sum(each.messages for each in counts.values()), sms=sum(each.sms for each in counts.values()))


def counts_field() -> Counts:
    """A mapping from status to count, empty at first."""
    return field(factory=dict[Status, Count], hash=False)
