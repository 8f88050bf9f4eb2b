"""What became of a send."""

from __future__ import annotations

from datetime import datetime

from attrs import field, frozen

from ip1_async.errors import NotSent, OutcomeUnknown, Undecodable
from ip1_async.models import Batch, NewBatch


@frozen(kw_only=True)
class _Outcome:
    index: int = -1
    """The position in what `send_many` was given, from 0; -1 from `resolve`."""
    input: NewBatch | None = None
    """What was to be sent; None from `resolve`, and where the input was no batch at all."""


@frozen
class Sent(_Outcome):
    """The batch was accepted, once."""

    batch: Batch
    error: None = None


@frozen
class Refused(_Outcome):
    """Surely nothing was sent."""

    error: NotSent
    batch: None = None


@frozen
class Unknown(_Outcome):
    """The batch may have been sent, or was sent and answered unreadably; an `OutcomeUnknown` can be resolved."""

    error: OutcomeUnknown | Undecodable
    batch: None = None


@frozen
class NotSeen:
    """The provider's list, read to its end, does not hold the batch."""

    proof_after: datetime
    """A list that is read after this time and does not hold the batch proves that nothing was sent: call `resolve` again
    then. Until then the batch may still arrive. Ten minutes after the send was given up."""
    batch: None = None


@frozen
class Undecided:
    """The list could not be read to its end, so nothing is proved."""

    reason: str
    error: Exception | None = field(default=None, repr=False)
    batch: None = None


Resolved = Sent | NotSeen | Undecided
Outcome = Sent | Refused | Unknown
