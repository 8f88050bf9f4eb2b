"""What became of a campaign, in figures: a value that pages, tables and JSON are made of. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from attrs import asdict, field, frozen

from ip1_async import masking
from ip1_async.models import Status


@frozen(kw_only=True)
class StatusCount:
    """The accepted messages that stand at one status."""

    status: Status
    """`Status(0)` for messages that were accepted and not read back yet."""
    messages: int
    segments: int


@frozen(kw_only=True)
class Cost:
    """What the messages to one operator of one country cost."""

    country: str
    """Two letters, such as `SE`; empty where it is not known."""
    operator: str
    """Mobile country and network code, such as `240-01`; empty where it is not known."""
    messages: int
    segments: int
    delivered: int
    price: Decimal
    currency: str
    """In lower case, such as `sek`; empty where no price is known."""


@frozen(kw_only=True)
class Progress:
    """How far the campaign was at one time; both figures only grow."""

    at: datetime
    accepted: int
    """Recipients whose message iP.1 had accepted."""
    final: int
    """Messages that had a final status, by the time that the provider gives it."""


@frozen(kw_only=True)
class Incident:
    """Something that should not happen, as it was found."""

    at: datetime
    chunk: int
    words: str
    """One sentence without numbers and texts."""


@frozen(kw_only=True)
class TextUsed:
    """One text of the campaign."""

    name: str
    """Which of several texts; empty where there is only one."""
    body: str = field(repr=masking.text)
    recipients: int
    """Kept by the plan."""


@frozen(kw_only=True)
class Report:
    """What became of a campaign. Counts are recipients."""

    campaign: str
    """Its id, which is also the tag of its batches."""
    source: str
    """The name of the file or kind of input that was planned, such as `customers.csv`."""
    sender: str = field(repr=masking.number)
    state: str
    """`planned`, `running`, `paused` or `done`."""
    paused: str
    """Why it is paused, in one sentence; empty where it is not, or was interrupted."""
    planned: datetime
    began: datetime | None
    """When the first chunk was claimed."""
    ended: datetime | None
    """When the latest chunk was settled."""
    read_back: datetime | None
    """When statuses were last read from the provider or joined from webhooks."""
    total: int
    kept: int
    dropped: int
    accepted: int
    rejected: int
    unknown: int
    review: int
    pending: int
    chunks: int
    texts: Sequence[TextUsed]
    drops: Sequence[tuple[str, int]]
    """Why rows were dropped, and how many; most frequent first."""
    refusals: Sequence[tuple[str, int]]
    """Why chunks were rejected, and how many recipients they had; most frequent first."""
    statuses: Sequence[StatusCount]
    """Most frequent first; their messages add up to `accepted`."""
    costs: Sequence[Cost]
    """Of messages that were read back, the most expensive first."""
    progress: Sequence[Progress]
    """At most 200 points, in the order of time."""
    incidents: Sequence[Incident]

    @property
    def unread(self) -> int:
        """Accepted messages whose status was not read back yet."""
        return max(0, self.accepted - sum(each.messages for each in self.statuses if each.status))

    @property
    def under_way(self) -> Sequence[StatusCount]:
        """Statuses that were read back and are not final, most frequent first."""
        return tuple(each for each in self.statuses if each.status and not each.status.is_final)

    @property
    def segments(self) -> int:
        """SMS parts of the accepted messages."""
        return sum(each.segments for each in self.statuses)

    @property
    def spent(self) -> Mapping[str, Decimal]:
        """The price of all messages in each currency; those without a known price are left out."""
        sums: dict[str, Decimal] = {}
        for each in self.costs:
            if each.currency:
                sums[each.currency] = sums.get(each.currency, Decimal(0)) + each.price
        return sums

    @property
    def delivered(self) -> int:
        """Messages that are on their phone."""
        return sum(each.messages for each in self.statuses if each.status.is_delivered)

    @property
    def final(self) -> int:
        """Messages with a final status."""
        return sum(each.messages for each in self.statuses if each.status.is_final)

    @property
    def failed(self) -> Sequence[StatusCount]:
        """Statuses that are final and no delivery, most frequent first."""
        return tuple(each for each in self.statuses if each.status.is_final and not each.status.is_delivered)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data, ready for JSON: times in ISO 8601, prices as floats, statuses with code and name.

        Has the report's own fields, and `delivered`, `final`, `unread`, `segments` and `spent` (by currency). Texts are
        in it as they were written.
        """
        whole = asdict(self, value_serializer=lambda _instance, _field, given: _plain(given))
        whole["drops"] = [{"reason": reason, "recipients": count} for reason, count in self.drops]
        whole["refusals"] = [{"reason": reason, "recipients": count} for reason, count in self.refusals]
        return {
            **whole,
            "delivered": self.delivered,
            "final": self.final,
            "unread": self.unread,
            "segments": self.segments,
            "spent": {currency: float(price) for currency, price in self.spent.items()},
        }


def _plain(given: Any) -> Any:
    if isinstance(given, Status):
        return {"code": given.code, "name": given.name, "group": given.group}
    if isinstance(given, datetime):
        return given.isoformat()
    return float(given) if isinstance(given, Decimal) else given
