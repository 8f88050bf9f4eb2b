"""When calls go out: turns, places, and whether to try again. Nothing here knows HTTP."""

from __future__ import annotations

from ip1_async.flow.budget import RetryBudget
from ip1_async.flow.deadline import Deadlines, Span
from ip1_async.flow.decide import Decision, Failure, Repeat, Retry, Stop, decide
from ip1_async.flow.gate import Gate
from ip1_async.flow.rate import Limiter

__all__ = [
    "Deadlines",
    "Decision",
    "Failure",
    "Gate",
    "Limiter",
    "Repeat",
    "Retry",
    "RetryBudget",
    "Span",
    "Stop",
    "decide",
]
