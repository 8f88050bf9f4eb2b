"""Where a campaign stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from attrs import asdict, frozen

from ip1_async.campaign.transitions import Facts, Held, Tally


@frozen(kw_only=True)
class Standing:
    """Where a campaign stands. Counts are recipients: the first six add up to the total."""

    campaign: str
    source: str
    state: Literal["planned", "running", "paused", "done"]
    """Planned: not begun. Paused: begun, and neither running nor done. Done: nothing is pending or unknown."""
    accepted: int
    rejected: int
    unknown: int
    review: int
    pending: int
    """What is on its way just now counts as pending, too."""
    dropped: int
    total: int
    chunks: int
    """Batches that are planned, sent or refused; one that was split counts as its halves."""
    paused: str
    """Why it is paused; empty where it is not, or was only interrupted."""
    held_by: str
    """Who runs it; empty where nobody does."""
    purged: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


def standing(facts: Facts, tallies: Sequence[Tally], held: Held | None, *, left_out: int, now: datetime) -> Standing:
    """Where it stands, from what its ledger says. *left_out* are those dropped since the plan."""
    count = {each.state: each.recipients for each in tallies}
    pending, unknown = count.get("PENDING", 0) + count.get("SENDING", 0), count.get("UNKNOWN", 0)
    runs = held is not None and datetime.fromtimestamp(held.until, UTC) > now
    others = {
        "accepted": count.get("ACCEPTED", 0), "rejected": count.get("REJECTED", 0), "unknown": unknown,
        "review": count.get("REVIEW", 0), "pending": pending, "dropped": facts.plan.get("dropped", 0) + left_out,
    }  # fmt: skip
    open_chunks = sum(each.chunks for each in tallies if each.state in ("PENDING", "SENDING", "UNKNOWN"))
    done = not open_chunks
    state: Literal["planned", "running", "paused", "done"] = (
        "running" if runs else "done" if done else "planned" if facts.began is None else "paused"
    )
    return Standing(
        campaign=facts.id, source=facts.source, state=state, **others, total=sum(others.values()),
        chunks=sum(each.chunks for each in tallies if each.state != "SPLIT"),
        paused="" if state == "running" or done else facts.paused, purged=facts.purged,
        held_by=held.owner.name if held is not None and runs else "",
    )  # fmt: skip
