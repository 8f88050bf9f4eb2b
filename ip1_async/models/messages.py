"""Messages: what one recipient gets, or sends. See https://ip1sms.com/en/developer/readinsms and …/conversations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from attrs import field, frozen

from ip1_async import masking
from ip1_async.models.status import DATACODINGS, DIRECTIONS, FEW, TYPES, Counts, Status, StatusChange, counts_field
from ip1_async.models.value import Open

_long_ago = datetime.min.replace(tzinfo=UTC)


@frozen(kw_only=True)
class Message(Open):
    """One SMS to or from one phone. Lists carry only the latest status, a single message its whole history."""

    id: str
    batch_id: str = field(default="", metadata=FEW)
    owner: str = field(default="", metadata=FEW)
    sender: str = field(default="", repr=masking.number, metadata=FEW)
    recipient: str = field(default="", repr=masking.number)
    body: str = field(default="", repr=masking.text, metadata=FEW)
    """The text after replacements."""
    direction: str = field(default="unknown", metadata=DIRECTIONS)
    """`mt` to phones, `mo` from phones, or `unknown`."""
    segments: int = 1
    """SMS parts."""
    type: str = field(default="sms", metadata=TYPES)
    datacoding: str = field(default="gsm", metadata=DATACODINGS)
    """The smallest coding that fits: `gsm` or `ucs`."""
    priority: int = 1
    price: Decimal | None = None
    """Of all its segments; none on incoming messages."""
    currency: str | None = field(default=None, metadata={"codes": {}})
    """In lower case, such as `sek`."""
    statuses: Sequence[StatusChange] = ()
    modified: datetime | None = None
    reference: str | None = field(default=None, repr=False, metadata=FEW)
    mcc: str | None = field(default=None, metadata=FEW)
    mnc: str | None = field(default=None, metadata=FEW)

    @property
    def status(self) -> Status:
        """The latest status; `Status(0)` where there is none yet."""
        # Of several in the same second the last one listed.
        return max(reversed(self.statuses), key=_when).code if self.statuses else Status(0)

    @property
    def is_final(self) -> bool:
        """Whether the message has ended: any of its statuses was final."""
        return any(each.is_final for each in self.statuses)

    @property
    def price_per_segment(self) -> Decimal | None:
        """What one SMS part cost."""
        return None if self.price is None or self.segments < 1 else self.price / self.segments


def _when(change: StatusChange) -> tuple[datetime, bool]:
    return change.created or _long_ago, change.is_final


@frozen(kw_only=True)
class DeliveryReport(Open):
    """What the provider posts to `delivery_report_url` when a message's status changes.

    Reports come at least once, in any order: the same (message, code, time) is the same event.
    """

    message_id: str = field(metadata={"also": ("id",)})
    """`messageId` in older documents, `id` in newer ones."""
    batch_id: str = ""
    recipient: str = field(default="", repr=masking.number)
    code: Status
    duration: int = 0
    created: datetime | None = None
    segments: int = 1
    price: Decimal | None = None
    currency: str | None = field(default=None, metadata={"codes": {}})
    reference: str | None = field(default=None, repr=False)

    @property
    def is_final(self) -> bool:
        """Whether no further report follows."""
        return self.duration == 1 or self.code.is_final


@frozen(kw_only=True)
class IncomingSms(Open):
    """What the provider posts when a phone sends a text. See https://ip1sms.com/en/developer/readinsms.

    It comes at least once: the same `id` is the same message. The payload's own `direction` is wrong in some documents
    and is kept in `extra`.
    """

    id: str
    batch_id: str = ""
    owner: str = ""
    sender: str = field(repr=masking.number)
    """The phone."""
    recipient: str = field(default="", repr=masking.number)
    """The number of yours that it was sent to."""
    body: str = field(repr=masking.text)
    segments: int = 1
    type: str = field(default="sms", metadata=TYPES)
    datacoding: str = field(default="gsm", metadata=DATACODINGS)
    priority: int = 1
    statuses: Sequence[StatusChange] = ()
    modified: datetime | None = None
    mcc: str | None = None
    mnc: str | None = None

    @property
    def is_stop(self) -> bool:
        """Whether it says STOP and nothing else, in any case."""
        return self.body.strip().upper() == "STOP"


@frozen(kw_only=True)
class ConversationSummary(Open):
    """How much was said with one participant."""

    participant: str = field(default="", repr=masking.number)
    total_message_count: int = 0
    total_sms_count: int = 0
    mobile_terminated_messages: Counts = counts_field()
    """To the participant, by latest status."""
    mobile_originated_messages: Counts = counts_field()
    """From the participant."""
