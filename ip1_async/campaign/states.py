"""What a chunk can be, how it is marked on the wire, and what an answer to its request makes of it: pure."""

from __future__ import annotations

import re
from typing import Literal

from attrs import field, frozen

from ip1_async.errors import BadRequest, Forbidden, Invalid, NotSent, OutcomeUnknown, RateLimited, Rejected, TooLarge
from ip1_async.errors import Unauthorized as Revoked
from ip1_async.models import Batch
from ip1_async.models.status import total

State = Literal["PENDING", "SENDING", "ACCEPTED", "REJECTED", "SPLIT", "UNKNOWN", "REVIEW"]
"""PENDING waits to be sent, SENDING may be on its way, UNKNOWN may have been sent. The others are final: ACCEPTED has its
batch, REJECTED was refused, SPLIT lives on in its halves, REVIEW waits for a person."""

OPEN: frozenset[State] = frozenset({"PENDING", "SENDING", "UNKNOWN"})
"""The states that a run has still something to do about."""

_mark = re.compile(r"ip1a:([a-z2-7]{16}):([1-9][0-9]*):([1-9][0-9]*)").fullmatch

SLOWEST = 60.0
"""Seconds that a chunk which was surely not sent waits at most for its next attempt, where the server names no time."""


def reference(campaign: str, chunk: int, attempt: int) -> str:
    """The mark of one attempt, which the provider gives back: at most 40 characters, no personal data."""
    return f"ip1a:{campaign}:{chunk}:{attempt}"


def chunk_of(campaign: str, reference: str | None) -> int | None:
    """The chunk whose attempt has this mark; None where it is none of this campaign."""
    found = _mark(reference or "")
    return int(found[2]) if found is not None and found[1] == campaign else None


@frozen
class Accept:
    """The provider has it."""

    batch: str
    messages: int | None
    """How many the batch has, where the answer says so."""
    unfunded: int = 0
    """How many of them the answer says the account cannot pay for."""


@frozen
class GiveBack:
    """Surely nothing was sent: try again."""

    after: float
    """In so many seconds."""
    reason: str


@frozen
class Pause:
    """Surely nothing was sent, and nothing else would be: stop until a person has seen to it."""

    reason: str


@frozen
class Split:
    """Some of its recipients are refused: send it in halves."""

    reason: str


@frozen
class Reject:
    """The provider refuses it for good."""

    reason: str


@frozen
class Doubt:
    """It may have been sent."""

    reason: str
    acknowledged: bool = field(default=False, kw_only=True)
    """Whether the provider said that it has it, in an answer that could not be read."""


Decision = Accept | GiveBack | Pause | Split | Reject | Doubt


def settle(result: Batch | Exception, *, recipients: int, any_accepted: bool, attempt: int, chance: float) -> Decision:
    """What becomes of a chunk whose request ended like this.

    *any_accepted* says whether the campaign has an accepted chunk already: what the provider refuses before that, it
    would refuse of every chunk. *chance*, from 0 to below 1, spreads the waits after a request that was not made.
    """
    match result:
        case Batch():
            said = result.message_summary
            count = total(said).messages if said else None
            return Accept(result.id, count, sum(each.messages for code, each in said.items() if code == 402))
        case RateLimited() if result.retry_after is not None:
            return GiveBack(result.retry_after, "the server asked for fewer requests")
        case Invalid():
            return Pause(result.reason)
        case Rejected():
            return _refused(result, recipients, any_accepted)
        case NotSent():
            wait = min(SLOWEST, 2.0 ** min(attempt - 1, 16))
            return GiveBack(wait * (0.5 + chance / 2), result.reason)
        case OutcomeUnknown():
            return Doubt(result.reason.removeprefix("outcome unknown: "), acknowledged=result.accepted)
        case _:
            status = getattr(result, "status", None)
            return Doubt(_words(result), acknowledged=isinstance(status, int) and 200 <= status < 300)


def _refused(error: Rejected, recipients: int, any_accepted: bool) -> Decision:
    match error:
        case Revoked():
            return Pause("the token is not accepted (401)")
        case Forbidden():
            return Pause("the account may not send (403)")
        case _ if error.status == 402:
            return Pause("the account has no credit (402)")
        case _ if _about(error, "sender"):
            return Pause("the sender is not registered, or not allowed")
        case TooLarge():
            return _halved(recipients, "the request is too large (413)")
        case BadRequest() if _about(error, "recipients"):
            return _halved(recipients, "the provider refuses a recipient")
        case _ if not any_accepted:
            return Pause(f"the provider refuses it: {error.reason}")
        case _:
            return Reject(error.reason)


def _halved(recipients: int, reason: str) -> Decision:
    return Split(reason) if recipients > 1 else Reject(reason)


def _about(error: Rejected, field: str) -> bool:
    """Whether the server's words are about a field, also as `$.recipients[3]` or in another case."""
    return any(re.match(rf"\W*{field}\b", name, re.IGNORECASE) for name in error.errors)


def _words(error: Exception) -> str:
    """What an error says of itself where its words are ours; else only its kind."""
    return str(getattr(error, "reason", "") or type(error).__name__)
