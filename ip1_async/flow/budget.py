"""A limit to how much retries may add to an outage."""

from __future__ import annotations

from ip1_async.flow.decide import Failure

_costs: dict[Failure, int] = {"unconnected": 10, "rate_limited": 5, "early": 5, "failed": 5, "refused": 0}


class RetryBudget:
    """A stock that retries take from and successes fill again.

    While most calls succeed it is always full and nobody notices it. When a server fails for a while it runs out, and
    every call is then made once, instead of three times against a server that is already down.
    """

    def __init__(self, capacity: int = 500) -> None:
        self.capacity = self.left = capacity

    def affordable(self, failure: Failure) -> bool:
        """Whether there is enough for a retry after this."""
        return self.left >= _costs[failure]

    def spend(self, failure: Failure) -> None:
        """A retry after this is made."""
        self.left = max(0, self.left - _costs[failure])

    def succeeded(self) -> None:
        """A call succeeded."""
        if self.left < self.capacity:
            self.left += 1
