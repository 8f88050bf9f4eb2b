"""The faults that are switched on, and the limit of requests."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from attrs import evolve

from ip1_async.clock import Clock
from ip1_async.sandbox.faults import Fault, Wrong, parse, picked


class Trouble:
    """Which faults are left, and whether there were too many requests within a second."""

    def __init__(self, clock: Clock, chance: Callable[[], float]) -> None:
        self._clock, self.chance = clock, chance
        self.rules: list[Fault] = []
        self._limit: int | None = None
        self._lately: deque[float] = deque()

    def add(self, *rules: str | Fault) -> None:
        """Switch faults on; raises `Wrong` for a line that is none."""
        self.rules += [parse(each) if isinstance(each, str) else each for each in rules]

    def replace(self, rules: Iterable[Fault]) -> None:
        """Have these faults and no others."""
        self.rules = list(rules)

    @property
    def limit(self) -> int | None:
        """The requests that are let through within a second; all when None."""
        return self._limit

    @limit.setter
    def limit(self, most: int | None) -> None:
        if most is not None and (isinstance(most, bool | float | str | list | dict) or most < 1):
            raise Wrong("requests_per_second is a whole number of at least 1, or null")
        self._limit = most
        self._lately.clear()

    def strike(self, method: str, path: str) -> Fault | None:
        """The fault that a request runs into; one with a number of times is used up by it."""
        position = picked(self.rules, method, path, self.chance)
        if position is None:
            return None
        rule = self.rules[position]
        if rule.times is not None:
            self.rules[position : position + 1] = [evolve(rule, times=rule.times - 1)] if rule.times > 1 else []
        return rule

    def too_many(self) -> bool:
        """Counts one more request; whether it is one more than the limit allows."""
        if self._limit is None:
            return False
        now = self._clock.monotonic()
        while self._lately and self._lately[0] <= now - 1.0:
            self._lately.popleft()
        if len(self._lately) >= self._limit:
            return True
        self._lately.append(now)
        return False
