"""Looks through the newest batches for those of a campaign: to the anchor, or the end of the list, or not at all.

Only a complete look proves that something is not there. The list is paged by offset, and rows that are deleted while it is
read would hide others; so each page overlaps the one before by half, and where it does not, the look begins again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ip1_async.campaign.states import chunk_of
from ip1_async.errors import ReadFailed
from ip1_async.models import Batch

PAGE = 200
MOST_IDLE = 20
"""Pages in a row without anything new, before the server is thought to give the same ones for every offset."""


class Finds(Protocol):
    async def find(self, start: int, limit: int) -> Sequence[Batch]: ...


async def look(door: Finds, campaign: str, anchor: str) -> Mapping[int, Sequence[str]]:
    """The ids of the batches that bear a mark of this campaign, by chunk, the oldest first.

    Raises `ReadFailed` where the list could not be read without a gap, and what the door raises.
    """
    found: dict[str, int] = {}
    before: set[str] = set()
    start = size = idle = 0
    while idle < MOST_IDLE:
        page = await door.find(start, PAGE)
        ids = {each.id for each in page}
        if not page:
            return _by_chunk(found)
        if before and before.isdisjoint(ids):
            raise ReadFailed("the list changed faster than it could be read")
        idle = 0 if ids - before else idle + 1
        for each in page:
            if (chunk := chunk_of(campaign, each.reference)) is not None:
                found[each.id] = chunk
        if anchor and anchor in ids:
            return _by_chunk(found)
        before = ids
        size = max(size, len(page))
        start += max(1, size // 2)
    raise ReadFailed("the server gives the same part of the list again and again")


def _by_chunk(found: Mapping[str, int]) -> Mapping[int, Sequence[str]]:
    chunks: dict[int, list[str]] = {}
    # Newest first as they came.
    for batch, chunk in reversed([*found.items()]):
        chunks.setdefault(chunk, []).append(batch)
    return chunks
