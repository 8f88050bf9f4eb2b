"""Which rows of a collection to ask for next, and which of the received ones are new: pure.

The API pages by offset, and rows come and go while a walk is under way. So each request overlaps the rows already given by
one: that row is the anchor. Where it is found, everything behind it is new. Where it is not, rows before it were taken away
or added, and the walk looks for a row it knows: backwards first, for deletions would otherwise lose rows.

All rests on what a page holds, and nothing on when it was asked for: rows keep their order, so that behind a row that is
known a page holds every row that stays, whether it is older or newer than the page before.
"""

from __future__ import annotations

from collections.abc import Sequence

from ip1_async.cursor import Cursor, digest

MOST_STEPS = 100
"""Requests that a walk spends on looking for a row it knows."""
FEW_STEPS = 4
"""The same once a search was in vain: whoever deletes what he is given leaves no row that could be found."""
MOST_IDLE = 5
"""Pages in a row without anything new, before a walk believes that the server gives the same ones for every offset."""
KEPT = 12
"""Pages of which all keys are remembered, at least; twice as many at most."""


class Plan:
    """Where a walk stands, request by request: `start`, then `take`, until `done`."""

    def __init__(self, limit: int, cursor: Cursor, kept: int = KEPT) -> None:
        self.done = False
        self.drift = 0
        """Rows by which pages were displaced, whatever the direction."""
        self.moved = 0
        """The same with its sign: below 0 where rows in front went, above where they came."""
        self._limit = limit
        self._expected = cursor.offset
        """Where the first row that was not given yet is thought to be."""
        self._anchors = cursor.anchors
        self._known = _Known(kept, begun=not cursor.offset)
        self._latest: str | None = None
        self._end = cursor.offset
        """One behind where the last row that was given is thought to be."""
        self._overlap = 1 if limit > 1 and cursor.offset else 0
        self._probe: int | None = None
        self._steps = self._low = self._high = 0
        """Requests of the search for a row that is known, and the offsets between which it has looked."""
        self._went_back = False
        self._idle = self._given = 0
        self._doubtful = False
        """Whether the place of the last row that was given is not to be relied on."""
        self._patience = MOST_STEPS
        self._last: int | None = None
        """An offset behind the end of the collection, where one was met."""
        self._size = 0
        """The most rows that came at once."""
        self._trusting = False
        """Whether rows are taken for what they were although they may have been made again."""
        self._stray: int | None = None
        """Where the present search has met rows that are known but may have been made again."""

    @property
    def start(self) -> int:
        """The offset to ask for now."""
        return max(0, self._expected - self._overlap) if self._probe is None else self._probe

    @property
    def blind(self) -> bool:
        """Whether there is no row that a page could be known by, so that the next one is taken as it is."""
        return self._latest is None and not self._anchors

    @property
    def searching(self) -> bool:
        """Whether only a page that is asked for now is of use."""
        return self._probe is not None or not self._overlap or self.blind

    def follows(self, keys: Sequence[str], start: int) -> bool:
        """Whether a page, wherever and whenever it was asked for, holds a row that is known and new ones behind it."""
        known = self._last_known(keys)
        return 0 <= known < len(keys) - 1 and not self._strays(keys, known, start)

    def take(self, keys: Sequence[str], *, next: int | None, linked: bool, start: int | None = None) -> Sequence[int]:
        """The indexes of the rows that are new.

        Given are the keys of what came, what its Link header said, and for a page that `follows` where it was asked for.
        """
        start, count = self.start if start is None else start, len(keys)
        self._size = max(self._size, count)
        known = self._last_known(keys)
        if self._strays(keys, known, start):
            known = -1
            self._stray = start
        if known < 0 and (self._overlap or self._probe is not None) and not self.blind:
            self._look_elsewhere(count)
            return ()
        sought, self._probe, self._steps, self._last = self._probe is not None, None, 0, None
        self._stray, self._trusting = None, False
        shift = self._align(keys, known, start, sought=sought)
        ended = next is None if linked else not count or (count < self._limit <= self._size)
        fresh: Sequence[int] = range(known + 1, count)
        if not self._known.none_of(keys[known + 1 :]):
            fresh = [index for index in fresh if keys[index] not in self._known]
        if fresh:
            self._latest, self._anchors, self._idle, self._end = keys[-1], (), 0, start + count
            self._known.add(keys, start)
            self._given += len(fresh)
            self._overlap = 1 if count > 1 and self._limit > 1 else 0
            self._expected, self.done = start + count if next is None else min(next, start + count), ended
            self._doubtful = False
        else:
            # Where a row had to be looked for, the latest may be gone, and where it would stand says nothing.
            self._doubtful = self._doubtful or sought
            if keys and (self.blind or start + count > self._end):
                # Rows that were thought to be gone: the walk stands behind them.
                self._latest, self._end, self._idle = keys[-1], start + count, 0
            self._nothing_new(keys, start, 0 if sought else shift, ended=ended, sought=sought)
        return fresh

    def _last_known(self, keys: Sequence[str]) -> int:
        """The index of the last row that was given before; -1 where there is none."""
        if self._anchors:
            return next((index for index in reversed(range(len(keys))) if digest(keys[index]) in self._anchors), -1)
        if self._latest is not None and self._latest in keys:
            # What is known and stands behind rows that are not was deleted and made again.
            behind = range(keys.index(self._latest) + 1, len(keys))
            return next((index for index in behind if keys[index] not in self._known), len(keys)) - 1
        return next((index for index in reversed(range(len(keys))) if keys[index] in self._known), -1)

    def _strays(self, keys: Sequence[str], known: int, start: int) -> bool:
        """Whether the rows that are known seem to have been deleted and made again: they stand further on than they did,
        behind rows that are not known, and the row that was given last is not among them.
        """
        if known < 0 or self._anchors or self._trusting or self._latest in keys:
            return False
        run = known
        while run and keys[run - 1] in self._known:
            run -= 1
        return run > 0 and start + known > self._stood(keys[known])

    def _align(self, keys: Sequence[str], known: int, start: int, *, sought: bool) -> int:
        """By how many rows a page that is taken was displaced; where rows are thought to be is corrected by it."""
        if known >= 0:
            self._patience = min(MOST_STEPS, 2 * self._patience)
            shift = start + known - self._stood(keys[known])
        else:
            shift = start - self._expected if sought and keys else 0
        self.drift += abs(shift)
        self.moved += shift
        self._end += shift
        self._known.moved += shift
        return shift

    def _nothing_new(self, keys: Sequence[str], start: int, shift: int, *, ended: bool, sought: bool) -> None:
        """Rows came, all of them given before: the last row that was given stands further on, or is the last of all."""
        self._idle = 0 if sought else self._idle + 1
        at_latest = bool(keys) and self._is_latest(keys[-1])
        # The anchor alone: it may be all that fits into a page, so the next one is asked for without it.
        alone = len(keys) == 1
        # A server that gives the same rows for every offset would be asked for ever.
        again = at_latest and ((alone and not self._overlap) or self._idle > MOST_IDLE)
        self.done = ended or not keys or again
        self._overlap = 0 if alone else 1
        # As many rows as were added in front since the last request will have been added before the next one.
        self._expected = (start + len(keys) if alone or self._doubtful else self._end) + max(0, shift)

    def _is_latest(self, key: str) -> bool:
        return key == self._latest or (bool(self._anchors) and digest(key) == self._anchors[0])

    def _stood(self, key: str) -> int:
        """Where a row that is known was thought to be."""
        if key == self._latest:
            return self._end - 1
        at = self._known.where(key)
        return self._end - 1 - self._anchors.index(digest(key)) if at is None else at

    def _look_elsewhere(self, count: int) -> None:
        """No row of the page is known: look ever further back and on in turn, then take what is there."""
        self._steps += 1
        reach = max(1, self._size - 1)
        if self._probe is None:
            # Where the page was asked for further on than the latest row should stand, all from there on is still to see.
            self._low, self._high = self._end, self._end - 1 + (reach if self._expected == self._end else 1)
            self._went_back = False
        elif self._probe >= self._end and not count:
            self._last = self._probe
        if self._steps > self._patience or (self._low <= 0 and self._last is not None):
            if self._stray is None or self._trusting:
                self._give_up()
            else:
                # Nothing better was found: they are what they were.
                self._trusting, self._probe, self._steps = True, self._stray, 0
        elif self._low > 0 and (self._last is not None or not self._went_back):
            self._low = self._probe = max(0, self._low - reach)
            self._went_back = True
        else:
            self._probe, self._high = self._high, self._high + reach
            self._went_back = False

    def _give_up(self) -> None:
        """What was given last is gone altogether, so whatever stands there now is new."""
        gone = min(len(self._known), self._given) or len(self._anchors)
        self._probe = 0 if self._known.all else max(0, self._end - gone)
        self._steps = self._idle = self._given = 0
        self._latest, self._anchors, self._last = None, (), None
        self._patience = FEW_STEPS


class _Known:
    """The keys of the latest pages, and where their rows are thought to be.

    Two generations: when the young one is full it becomes the old one, and the old one is forgotten. So a page costs a few
    operations on whole sets, however many pages are remembered.
    """

    def __init__(self, pages: int, *, begun: bool) -> None:
        self.moved = 0
        """What all positions are to be corrected by."""
        self.all = begun
        """Whether no key was forgotten: a row that is not here was never given."""
        self._most = pages
        self._pages: list[tuple[int, Sequence[str]]] = []
        """Of both generations, the latest last."""
        self._young: set[str] = set()
        self._old: set[str] = set()

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def add(self, keys: Sequence[str], start: int) -> None:
        if len(self._pages) == 2 * self._most:
            del self._pages[: self._most]
            self.all = False
            self._old, self._young = self._young, set()
        elif len(self._pages) == self._most:
            self._old, self._young = self._young, set()
        self._pages.append((start - self.moved, keys))
        self._young.update(keys)

    def none_of(self, keys: Sequence[str]) -> bool:
        return self._young.isdisjoint(keys) and self._old.isdisjoint(keys)

    def __contains__(self, key: str) -> bool:
        return key in self._young or key in self._old

    def where(self, key: str) -> int | None:
        return next((at + keys.index(key) + self.moved for at, keys in reversed(self._pages) if key in keys), None)
