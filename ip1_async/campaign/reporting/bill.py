"""What a campaign cost: by country, by operator within it, and in total for each currency. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Literal

from attrs import evolve, frozen

from ip1_async.campaign.reporting.report import Cost
from ip1_async.campaign.reporting.words import currency, line


@frozen(kw_only=True)
class Line:
    """One line of a bill."""

    kind: Literal["single", "country", "operator"]
    """A country with one operator, the sum of a country with several, or one of these."""
    words: str
    cost: Cost


@frozen(kw_only=True)
class Bill:
    """Everything that was paid in one currency, the most expensive first."""

    currency: str
    """In capitals; empty for messages without a known price."""
    lines: Sequence[Line]
    total: Cost


def bills(costs: Iterable[Cost]) -> Sequence[Bill]:
    """A bill for each currency in the order of the alphabet; last the messages without a known price."""
    by_currency: dict[str, list[Cost]] = {}
    for each in costs:
        by_currency.setdefault(each.currency, []).append(each)
    return [
        Bill(currency=currency(code), lines=_lines(by_currency[code]), total=_sum(by_currency[code]))
        for code in sorted(by_currency, key=lambda code: (not code, code))
    ]


def _lines(costs: Iterable[Cost]) -> Sequence[Line]:
    by_country: dict[str, list[Cost]] = {}
    for each in costs:
        by_country.setdefault(each.country, []).append(each)
    found: list[Line] = []
    for some in sorted(by_country.values(), key=lambda some: _order(_sum(some))):
        country = line(some[0].country) or "country not known"
        if len(some) == 1:
            words = f"{country}, {line(some[0].operator)}" if some[0].operator else country
            found.append(Line(kind="single", words=words, cost=some[0]))
            continue
        found.append(Line(kind="country", words=country, cost=_sum(some)))
        operators = [(line(each.operator) or "operator not known", each) for each in sorted(some, key=_order)]
        found += [Line(kind="operator", words=words, cost=each) for words, each in operators]
    return found


def _order(cost: Cost) -> tuple[Decimal, int]:
    return -cost.price, -cost.messages


def _sum(costs: Sequence[Cost]) -> Cost:
    return evolve(
        costs[0],
        operator="",
        messages=sum(each.messages for each in costs),
        segments=sum(each.segments for each in costs),
        delivered=sum(each.delivered for each in costs),
        price=sum((each.price for each in costs), Decimal(0)),
    )
