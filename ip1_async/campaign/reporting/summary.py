"""The report of a campaign, counted from its ledger."""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import accumulate

from attrs import define, field

from ip1_async.campaign.ledger import records
from ip1_async.campaign.ledger.records import Delivery
from ip1_async.campaign.orders import Orders
from ip1_async.campaign.reporting.report import Cost, Incident, Progress, Report, StatusCount, TextUsed
from ip1_async.campaign.standing import Standing
from ip1_async.campaign.transitions import Facts
from ip1_async.models import Status

POINTS = 200
"""Of the progress, at most."""


@define
class _Sum:
    messages: int = 0
    segments: int = 0
    delivered: int = 0
    price: Decimal = Decimal(0)


@define
class Counts:
    """Sums over all messages that were read back."""

    statuses: dict[int, _Sum] = field(factory=dict[int, _Sum])
    costs: dict[tuple[str, str, str], _Sum] = field(factory=dict[tuple[str, str, str], _Sum])
    final_at: Counter[int] = field(factory=Counter[int])
    """Messages that became final, by the second."""
    messages: int = 0

    def add(self, delivery: Delivery) -> None:
        """One message."""
        delivered = Status(delivery.code).is_delivered
        key = delivery.country, delivery.operator, delivery.currency
        for each in (self.statuses.setdefault(delivery.code, _Sum()), self.costs.setdefault(key, _Sum())):
            each.messages += 1
            each.segments += delivery.segments
            each.delivered += delivered
            each.price += delivery.cost or 0
        if delivery.final and delivery.at is not None:
            self.final_at[int(delivery.at)] += 1
        self.messages += 1


def report(db: sqlite3.Connection, facts: Facts, standing: Standing) -> Report:
    """Everything that is to be told of a campaign."""
    counts = Counts()
    for (chunk,) in db.execute("SELECT chunk FROM deliveries ORDER BY chunk").fetchall():
        for each in records.deliveries(db, chunk):
            counts.add(each)
    orders = Orders.of(facts.orders)
    ended, read = records.span(db)
    texts: dict[str, int] = facts.plan.get("texts", {})
    return Report(
        campaign=facts.id, source=facts.source, sender=orders.sender, state=standing.state, paused=standing.paused,
        planned=_time(facts.planned), began=_maybe(facts.began), ended=_maybe(ended), read_back=_maybe(read),
        total=standing.total, kept=standing.total - standing.dropped, dropped=standing.dropped,
        accepted=standing.accepted, rejected=standing.rejected, unknown=standing.unknown, review=standing.review,
        pending=standing.pending, chunks=standing.chunks,
        texts=[TextUsed(name=name, body=body, recipients=texts.get(name, 0)) for name, body in orders.texts.items()],
        drops=records.dropped(db), refusals=records.refusals(db), statuses=_statuses(counts, standing.accepted),
        costs=_costs(counts), progress=_progress(records.acceptances(db), counts.final_at),
        incidents=[Incident(at=_time(at), chunk=chunk, words=words) for at, chunk, words in records.incidents(db)],
    )  # fmt: skip


def _statuses(counts: Counts, accepted: int) -> list[StatusCount]:
    found = [
        StatusCount(status=Status(code), messages=each.messages, segments=each.segments)
        for code, each in counts.statuses.items()
    ]
    if (unread := accepted - counts.messages) > 0:
        found.append(StatusCount(status=Status(0), messages=unread, segments=0))
    return sorted(found, key=lambda each: (-each.messages, each.status))


def _costs(counts: Counts) -> list[Cost]:
    found = [
        Cost(
            country=country, operator=operator, currency=currency, messages=each.messages, segments=each.segments,
            delivered=each.delivered, price=each.price,
        )
        for (country, operator, currency), each in counts.costs.items()
    ]  # fmt: skip
    return sorted(found, key=lambda each: (-each.price, -each.messages, each.country, each.operator))


def _progress(accepted: Sequence[tuple[float, int]], final_at: Counter[int]) -> list[Progress]:
    """How far it was at up to 200 times, evenly spread from the first event to the last."""
    final = sorted(final_at.items())
    times = [at for at, _ in accepted] + [float(at) for at, _ in final]
    if not times:
        return []
    first, last = min(times), max(times)
    steps = min(POINTS - 1, max(1, len(set(times)))) if last > first else 0
    moments = [first + (last - first) * step / steps for step in range(steps)] + [last] if steps else [last]
    accepted_by = [0, *accumulate(count for _, count in accepted)]
    final_by = [0, *accumulate(count for _, count in final)]
    return [
        Progress(
            at=_time(at),
            accepted=accepted_by[bisect_right(accepted, at, key=lambda each: each[0])],
            final=final_by[bisect_right(final, at, key=lambda each: each[0])],
        )
        for at in moments
    ]


def _time(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _maybe(at: float | None) -> datetime | None:
    return None if at is None else _time(at)
