"""Which rows of a collection to ask for next, and which of the received ones are new: pure.

The API pages by offset, and rows come and go while a walk is under way. So each request overlaps the rows already given by
one: that row is the anchor. Where it is found, everything behind it is new. Where it is not, rows before it were taken away
or added, and the walk looks for a row it knows: backwards first, for deletions would otherwise lose rows.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import deque
from collections.abc import Collection, Sequence
from hashlib import blake2b
from itertools import islice

from attrs import frozen

from ip1_async.errors import Invalid

MOST_STEPS = 50
"""Requests that a walk spends on looking for a row it knows, in each direction."""
MOST_IDLE = 3
"""Pages in a row that end with the last row given, before a walk believes that nothing follows."""
ANCHORS = 3
"""Rows that a cursor remembers, so that it holds even when the last of them is deleted."""


@frozen
class Cursor:
    """Behind which row a walk goes on."""

    offset: int = 0
    """Rows before it, as far as was known."""
    anchors: tuple[str, ...] = ()
    """Digests of the last rows given, the latest first; keys may be phone numbers."""

    def __str__(self) -> str:
        text = json.dumps([1, self.offset, *self.anchors], separators=(",", ":"))
        return urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """The cursor that `str` gave; raises `Invalid` for anything else."""
        try:
            version, offset, *anchors = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            good = (
                version == 1 and type(offset) is int and offset >= 0 and all(isinstance(each, str) for each in anchors)
            )
        except (ValueError, TypeError):
            good, offset, anchors = False, 0, []
        if not good:
            raise Invalid("cursor", "cursor is none of ours; it is the `cursor` of an earlier walk, unchanged")
        return cls(offset, tuple(anchors))


def digest(key: str) -> str:
    """A row's key, unrecognisable."""
    return blake2b(key.encode(), digest_size=6, person=b"ip1cursor").hexdigest()


class Plan:
    """Where a walk stands, request by request: `start`, then `take`, until `done`."""

    def __init__(self, limit: int, cursor: Cursor) -> None:
        self.done = False
        self._limit = limit
        self._expected = cursor.offset
        self._anchors = cursor.anchors
        self._latest: str | None = None
        self._recent: deque[frozenset[str]] = deque(maxlen=3)
        self._overlap = 1 if limit > 1 and cursor.offset else 0
        self._probe: int | None = None
        self._steps = self._idle = 0
        self._full = False
        """Whether the server has given as many rows as it was asked for."""

    @property
    def start(self) -> int:
        """The offset to ask for now."""
        return max(0, self._expected - self._overlap) if self._probe is None else self._probe

    def take(self, keys: Sequence[str], *, next: int | None, linked: bool) -> Collection[int]:
        """The indexes of the rows that are new, given the keys of what came and what its Link header said."""
        start, count = self.start, len(keys)
        self._full = self._full or count >= self._limit
        known = self._last_known(keys)
        if known < 0 and (self._overlap or self._probe is not None) and (self._latest or self._anchors):
            self._look_elsewhere(start, count)
            return ()
        self._probe, self._steps = None, 0
        seen = frozenset[str]().union(*self._recent)
        fresh = [index for index in range(known + 1, count) if keys[index] not in seen]
        ended = next is None if linked else not count or (count < self._limit and self._full)
        self._go_on(
            keys, known, fresh, ended=ended, expected=min(next, start + count) if next is not None else start + count
        )
        return fresh

    def _last_known(self, keys: Sequence[str]) -> int:
        """The index of the last row that was given before; -1 where there is none."""
        if self._anchors:
            return next((index for index in reversed(range(len(keys))) if digest(keys[index]) in self._anchors), -1)
        if (
            keys
            and keys[0] == self._latest
            and not any(not each.isdisjoint(islice(keys, 1, None)) for each in self._recent)
        ):
            return 0
        return next(
            (index for index in reversed(range(len(keys))) if any(keys[index] in each for each in self._recent)), -1
        )

    def _go_on(self, keys: Sequence[str], known: int, fresh: Sequence[int], *, ended: bool, expected: int) -> None:
        at_latest = known >= 0 and (
            keys[known] == self._latest or (bool(self._anchors) and digest(keys[known]) == self._anchors[0])
        )
        if fresh:
            self._latest, self._anchors, self._idle = keys[fresh[-1]], (), 0
            self._recent.append(frozenset(keys))
            self._overlap = 1 if len(keys) > 1 and self._limit > 1 else 0
            self._expected, self.done = expected, ended
            return
        self._idle += 1
        alone = at_latest and len(keys) == 1
        # A server that gives the same rows for every offset would be asked for ever.
        self.done = ended or not keys or (alone and not self._overlap) or (at_latest and self._idle > MOST_IDLE)
        # The anchor alone: it may be all that fits into a page, so the next one is asked for without it. Rows from
        # before the anchor: some were added in front, and the anchor stands further on.
        self._overlap = 0 if alone else 1
        self._expected = expected

    def _look_elsewhere(self, start: int, count: int) -> None:
        """No row of the page is known: look further back, then further on, then take what is there."""
        stride = max(1, self._limit - 1)
        self._steps += 1
        if self._steps <= MOST_STEPS and 0 < start <= self._expected:
            self._probe = max(0, start - stride)
        elif self._steps <= 2 * MOST_STEPS and count:
            self._probe = max(start, self._expected) + count
            self._steps = max(self._steps, MOST_STEPS)
        else:
            # What was given last is gone altogether, so whatever stands there now is new.
            self._probe = max(0, self._expected - sum(map(len, self._recent)))
            self._steps = self._idle = 0
            self._recent.clear()
            self._latest, self._anchors = None, ()
