"""Under which assumptions and how a campaign is run; see the page on campaigns for what they mean."""

from __future__ import annotations

from typing import Any, Literal

from attrs import field, frozen

from ip1_async.errors import Invalid

QUARANTINE = 600.0
"""Seconds after which a send in doubt is decided, where neither landing nor visibility is given."""
LANDING, VISIBILITY = 300.0, 120.0


def _seconds(_: object, attribute: Any, value: object) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6):
        raise Invalid(attribute.name, f"{attribute.name} is out of range; it is a number of seconds above 0")


def _places(_: object, attribute: Any, value: object) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise Invalid(attribute.name, f"{attribute.name} is out of range; it is a whole number of at least 1")


def _policy(_: object, attribute: Any, value: object) -> None:
    if value not in ("review", "retry"):
        raise Invalid(attribute.name, f"{attribute.name} is not known; it is review or retry")


@frozen(kw_only=True)
class Terms:
    """How a campaign is run. Everything is in seconds, where it is not a count."""

    landing: float | None = field(default=None, validator=_seconds)
    """A request whose connection was given up is accepted within this time, or never; 300 when left out."""
    visibility: float | None = field(default=None, validator=_seconds)
    """A batch that was accepted is in the provider's list within this time; 120 when left out."""
    deadline: float = field(default=30.0, validator=_seconds)
    """No request is begun later than this after the ledger says that it begins."""
    on_absent: Literal["review", "retry"] = field(default="review", validator=_policy)
    """What becomes of a chunk that the provider's list does not hold after the quarantine: left to a person, or sent again."""
    concurrency: int | None = field(default=None, validator=_places)
    """Chunks under way at once; the client's `max_in_flight` when left out."""
    lease: float | None = field(default=None, validator=_seconds)
    """How long a process that is not heard of keeps the campaign; at least the deadline, and that, or 10, when left out."""

    def __attrs_post_init__(self) -> None:
        if self.lease is not None and self.lease < self.deadline:
            raise Invalid("lease", f"lease is shorter than the deadline of {self.deadline:g} s; it is at least as long")

    @property
    def quarantine(self) -> float:
        """How long a send stays in doubt before the provider's list decides."""
        if self.landing is None and self.visibility is None:
            return QUARANTINE
        return (self.landing or LANDING) + (self.visibility or VISIBILITY)

    @property
    def holds(self) -> float:
        """How long a lease lasts."""
        return self.lease or max(self.deadline, 10.0)
