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
    page = await door.find(0, PAGE)
    if not page:
        return {}
    start = idle = 0
    first, size, honoured = page[0].id, len(page), False
    while idle < MOST_IDLE:
        ids = {each.id: chunk_of(campaign, each.reference) for each in page}
        found |= {id: chunk for id, chunk in ids.items() if chunk is not None}
        if anchor and anchor in ids:
            return _by_chunk(found)
        start += max(1, size // 2)
        before, last = ids, page[-1].id
        while not (page := await door.find(start, PAGE)) and start:
            # Behind the end, of a list that may have shrunk meanwhile: only a page that overlaps shows where it is.
            honoured, start, idle = True, max(0, start - max(1, size // 2)), idle + 1
        if before.keys().isdisjoint(each.id for each in page):
            raise ReadFailed("the list changed faster than it could be read")
        honoured = honoured or page[0].id != first
        if before.keys() >= {each.id for each in page}:
            idle += 1
            # The last row that was there, and nothing behind it, from a server that does begin where it is asked to.
            if honoured and page[-1].id == last:
                return _by_chunk(found)
        else:
            idle = 0
        size = max(size, len(page))
    raise ReadFailed("the server gives the same part of the list again and again")


def _by_chunk(found: Mapping[str, int]) -> Mapping[int, Sequence[str]]:
    chunks: dict[int, list[str]] = {}
    # Newest first as they came.
    for batch, chunk in reversed([*found.items()]):
        chunks.setdefault(chunk, []).append(batch)
    return chunks
