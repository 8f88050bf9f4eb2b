"""A complete local iP.1: the whole API over raw JSON, with its validation, prices and delivery."""

from __future__ import annotations

from ip1_async.sandbox.server import Sandbox

__all__ = ["Sandbox"]
