"""When the chunks of each zone may go out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from attrs import define, field

from ip1_async.campaign.planning import windows
from ip1_async.campaign.planning.hours import Hours
from ip1_async.campaign.planning.zones import clocks
from ip1_async.models import DeliveryWindow


@define
class Schedule:
    """The hours of a campaign, for its zones; without hours everything may go at any time."""

    hours: Hours | None
    zones: Collection[str]
    _next: dict[str, windows.Span] = field(factory=dict[str, windows.Span])
    """The span that is open or opens next, for as long as that is true."""

    def now(self, at: datetime) -> tuple[Sequence[str], float | None]:
        """The zones that are open, and when the next of the others opens, in seconds since 1970."""
        if self.hours is None:
            return [*self.zones], None
        spans = {zone: self._span(self.hours, zone, at) for zone in self.zones}
        opens = [span.opens.timestamp() for span in spans.values() if span is not None and span.opens > at]
        return [zone for zone, span in spans.items() if span is not None and span.opens <= at], min(opens, default=None)

    def delivery_windows(self, zone: str, at: datetime) -> Sequence[DeliveryWindow]:
        """What the provider is told, so that it keeps to the hours with what it takes late, too."""
        if self.hours is None:
            return ()
        return windows.delivery_windows(windows.spans(self.hours, clocks(zone), at))

    def _span(self, hours: Hours, zone: str, at: datetime) -> windows.Span | None:
        known = self._next.get(zone)
        if known is None or known.closes <= at:
            found = windows.spans(hours, clocks(zone), at, windows.LOOK_AHEAD)
            if not found:
                return None
            known = self._next[zone] = found[0]
        return known
