"""A complete local iP.1: the whole API over raw JSON, with its validation, prices and delivery."""

from __future__ import annotations

from ip1_async.sandbox.faults import Fault
from ip1_async.sandbox.inbox import Text
from ip1_async.sandbox.journal import Logged, Posted
from ip1_async.sandbox.reports import Habits
from ip1_async.sandbox.service import Sandbox

__all__ = ["Fault", "Habits", "Logged", "Posted", "Sandbox", "Text"]
