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

MOST_STEPS = 100
"""Requests that a walk spends on looking for a row it knows."""
FEW_STEPS = 4
"""The same once a search was in vain: whoever deletes what he is given leaves no row that could be found."""
MOST_IDLE = 5
"""Pages in a row without anything new, before a walk believes that the server gives the same ones for every offset."""
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
        """Where the first row that was not given yet is thought to be."""
        self._anchors = cursor.anchors
        self._recent: deque[dict[str, int]] = deque(maxlen=3)
        """The keys of the latest pages, and where their rows stood then."""
        self._latest: str | None = None
        self._overlap = 1 if limit > 1 and cursor.offset else 0
        self._probe: int | None = None
        self._steps = self._idle = 0
        self._patience = MOST_STEPS
        self._last: int | None = None
        """An offset behind the end of the collection, where one was met."""
        self._size = 0
        """The most rows that came at once."""

    @property
    def start(self) -> int:
        """The offset to ask for now."""
        return max(0, self._expected - self._overlap) if self._probe is None else self._probe

    def take(self, keys: Sequence[str], *, next: int | None, linked: bool) -> Collection[int]:
        """The indexes of the rows that are new, given the keys of what came and what its Link header said."""
        start, count = self.start, len(keys)
        self._size = max(self._size, count)
        known = self._last_known(keys)
        if known < 0 and (self._overlap or self._probe is not None) and (self._latest or self._anchors):
            self._look_elsewhere(count)
            return ()
        sought, self._probe, self._steps, self._last = self._probe is not None, None, 0, None
        if known >= 0:
            self._patience = MOST_STEPS
        seen = frozenset[str]().union(*self._recent)
        fresh = [index for index in range(known + 1, count) if keys[index] not in seen]
        ended = next is None if linked else not count or (count < self._limit <= self._size)
        if fresh:
            self._latest, self._anchors, self._idle = keys[fresh[-1]], (), 0
            self._recent.append({key: start + index for index, key in enumerate(keys)})
            self._overlap = 1 if count > 1 and self._limit > 1 else 0
            self._expected, self.done = min(start + count if next is None else next, start + count), ended
        else:
            self._nothing_new(keys, known, start, ended=ended, sought=sought)
        return fresh

    def _last_known(self, keys: Sequence[str]) -> int:
        """The index of the last row that was given before; -1 where there is none."""
        if self._anchors:
            return next((index for index in reversed(range(len(keys))) if digest(keys[index]) in self._anchors), -1)
        if (
            keys
            and keys[0] == self._latest
            and not any(not each.keys().isdisjoint(islice(keys, 1, None)) for each in self._recent)
        ):
            return 0
        return next(
            (index for index in reversed(range(len(keys))) if any(keys[index] in each for each in self._recent)), -1
        )

    def _nothing_new(self, keys: Sequence[str], known: int, start: int, *, ended: bool, sought: bool) -> None:
        """Rows came, all of them given before: the last row that was given stands further on, or is the last of all."""
        self._idle = 0 if sought else self._idle + 1
        at_latest = known >= 0 and self._is_latest(keys[known])
        # The anchor alone: it may be all that fits into a page, so the next one is asked for without it.
        alone = at_latest and len(keys) == 1
        # A server that gives the same rows for every offset would be asked for ever.
        self.done = ended or not keys or (alone and not self._overlap) or (at_latest and self._idle > MOST_IDLE)
        self._overlap = 0 if alone else 1
        if known < 0:
            return
        shift = start + known - self._stood(keys[known])
        for each in self._recent:
            each.update((key, at + shift) for key, at in each.items())
        # As many rows as were added in front since the last request will have been added before the next one.
        self._expected = self._end() + (0 if sought else max(0, shift))

    def _is_latest(self, key: str) -> bool:
        return key == self._latest or (bool(self._anchors) and digest(key) == self._anchors[0])

    def _stood(self, key: str) -> int:
        """Where a row that is known was last."""
        found = (each[key] for each in reversed(self._recent) if key in each)
        return next(found, self._expected - 1)

    def _end(self) -> int:
        """One behind where the last row that was given is thought to be."""
        return self._expected if self._latest is None else self._stood(self._latest) + 1

    def _look_elsewhere(self, count: int) -> None:
        """No row of the page is known: look ever further back and on in turn, then take what is there."""
        self._steps += 1
        if self._probe is not None and self._probe > self._expected and not count:
            self._last = self._probe
        away = (self._steps + 1) // 2 * max(1, self._size - 1)
        back, on = self._expected - away, self._expected + away
        began_before = back + self._size > 1
        if self._steps > self._patience or (not began_before and self._last is not None):
            # What was given last is gone altogether, so whatever stands there now is new.
            self._probe = max(0, self._expected - sum(map(len, self._recent)))
            self._steps = self._idle = 0
            self._recent.clear()
            self._latest, self._anchors, self._last = None, (), None
            self._patience = FEW_STEPS
        elif (self._steps % 2 and began_before) or self._last is not None:
            self._probe = max(0, back)
        else:
            self._probe = on
