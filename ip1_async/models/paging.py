"""How a collection is walked."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen

from ip1_async.models import checks

Order = Literal["ASC", "DESC"]


@frozen(kw_only=True)
class Paging:
    """Where a walk starts and how it reads; see https://ip1sms.com/en/developer/introduction."""

    limit: int = field(default=200, validator=checks.at_least(1), metadata={"local": True})
    """Rows asked for at a time; the server may give fewer. A walk reads them all, whatever this is."""
    order: Order = field(default="ASC", validator=checks.one_of("ASC", "DESC"))
    """Along the collection's own order: by creation for most, by name for senders."""
    cursor: str | None = field(default=None, repr=False, metadata={"local": True})
    """`Pages.cursor` of an earlier walk of the same collection, to go on behind it."""
    ahead: int = field(default=1, validator=checks.at_least(0), metadata={"local": True})
    """Pages fetched while the caller still works on the one before; without effect where `parallel` is above 1."""
    parallel: int = field(default=1, validator=checks.at_least(1), metadata={"local": True})
    """Pages fetched at once, and given in their order: so many are under way, or wait for the caller. The client's own
    limits hold for all of them."""


@frozen(kw_only=True)
class Whole:
    """A collection that comes in one answer and takes no options."""
