"""Where a message has got to, whatever was told of it in whatever order. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from attrs import field, frozen

from ip1_async import masking
from ip1_async.models import DeliveryReport, Status

_long_ago = datetime.min.replace(tzinfo=UTC)


@frozen(kw_only=True)
class MessageState:
    """Where one message has got to, from all that is known of it."""

    message: str
    batch: str
    recipient: str = field(repr=masking.number)
    code: Status
    created: datetime | None
    """When this status arose."""
    is_final: bool
    reference: str | None = field(repr=False)
    """Of its batch."""

    @property
    def is_delivered(self) -> bool:
        return self.code.is_delivered


def state_of(report: DeliveryReport) -> MessageState:
    """What one report says alone."""
    return MessageState(
        message=report.message_id, batch=report.batch_id, recipient=report.recipient, code=report.code,
        created=report.created, is_final=report.is_final, reference=report.reference,
    )  # fmt: skip


def later(one: MessageState, other: MessageState) -> MessageState:
    """The one that is true when both were told: final before not, then the later, then the greater code.

    It is the same whatever the order, so reports may come doubled and in any order.
    """
    return max(one, other, key=_rank)


def _rank(state: MessageState) -> tuple[bool, datetime, int]:
    return state.is_final, state.created or _long_ago, int(state.code)
