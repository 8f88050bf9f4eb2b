"""What became of a send whose outcome is unknown: a look through the newest batches."""

from __future__ import annotations

from datetime import datetime, timedelta

from ip1_async.api import Batches
from ip1_async.client.outcomes import NotSeen, Resolved, Sent, Undecided
from ip1_async.errors import IP1Error, OutcomeUnknown

MOST_ROWS = 10_000
"""How far back the list is read."""
SETTLED = timedelta(seconds=600)
"""How long an abandoned request may still be accepted, and an accepted batch still be missing from the list."""


async def look(batches: Batches, error: OutcomeUnknown, given_up: datetime) -> Resolved:
    """Reads, newest first, until the reference is found, the list ends, or too many rows were read."""
    seen = 0
    try:
        async with batches.list(order="DESC", ahead=0) as newest:
            async for batch in newest:
                if batch.reference == error.reference:
                    return Sent(batch)
                seen += 1
                if seen >= MOST_ROWS:
                    return Undecided(f"the newest {MOST_ROWS} batches do not hold it, and there are more")
    except IP1Error as failed:
        return Undecided(f"the list could not be read to its end: {failed.reason}", failed)
    return NotSeen(given_up + SETTLED)
