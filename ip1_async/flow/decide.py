"""Whether a call is made again, and when: pure."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

Repeat = Literal["read", "idempotent", "once"]
"""What kind of call it is: it changes nothing, it may be made again safely, or it must happen at most once."""

Failure = Literal["unconnected", "rate_limited", "early", "failed", "refused"]
"""How an attempt ended: without a connection, with a whole 429, with a whole 408 or 425, without a usable answer (time out,
reset, cut, 3xx, 5xx), or with any other whole 4xx."""

BASE = 0.25
CAP = 8.0

_worth_repeating: dict[Repeat, frozenset[Failure]] = {
    "read": frozenset({"unconnected", "rate_limited", "early", "failed"}),
    "idempotent": frozenset({"unconnected", "rate_limited", "early", "failed"}),
    # Only where surely nothing was sent: a message must not go out twice.
    "once": frozenset({"unconnected", "rate_limited"}),
}


@frozen
class Retry:
    """Try again."""

    after: float
    """In so many seconds."""
    charged: bool = True
    """Whether the retry budget pays for it."""


@frozen
class Stop:
    """Do not try again."""

    reason: str


Decision = Retry | Stop


def decide(
    *,
    repeat: Repeat,
    failure: Failure,
    attempt: int,
    attempts: int,
    remaining: float,
    retry_after: float | None,
    max_retry_after: float,
    affordable: bool,
    chance: float,
) -> Decision:
    """What follows a failed attempt.

    *attempt* counts from 1 up to *attempts*; *remaining* are the seconds to the deadline, which no wait reaches;
    *retry_after* is the server's word, a least wait that is obeyed up to *max_retry_after*; *affordable* is the retry
    budget's word; *chance*, from 0 to below 1, spreads the waits of many clients over the whole span.
    """
    if failure not in _worth_repeating[repeat]:
        return Stop("this must not be repeated")
    if attempt >= attempts:
        return Stop("no attempts left")
    # A 429 with a time comes from a server that is well and rations its work; the whole client waits that long, so that
    # repeating cannot multiply anything. A 503 with a time is an outage that hopes to end, and pays like any other.
    charged = not (failure == "rate_limited" and retry_after is not None)
    if charged and not affordable:
        return Stop("no retry budget left")
    if retry_after is not None and retry_after > max_retry_after:
        return Stop("the server asks for a longer wait than is allowed")
    wait = chance * min(CAP, BASE * 2.0 ** min(attempt - 1, 16))
    if retry_after is not None:
        # A little more than asked, so that those who were told the same, be it "0", do not come back in the same moment.
        wait = retry_after + min(wait, max(BASE, 0.1 * retry_after))
        if wait >= remaining > retry_after:
            wait = retry_after
    if wait >= remaining:
        return Stop("the deadline comes first")
    return Retry(wait, charged)
