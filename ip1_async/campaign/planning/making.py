"""Makes a plan: from people and a text to a ledger that says who gets what."""

from __future__ import annotations

import asyncio
import inspect
import secrets
import sqlite3
from base64 import b32encode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from attrs import evolve, frozen

from ip1_async.campaign.ledger.draft import Draft
from ip1_async.campaign.ledger.store import unusable
from ip1_async.campaign.orders import Orders
from ip1_async.campaign.people.read import AsyncSource, Block, Source
from ip1_async.campaign.planning import windows
from ip1_async.campaign.planning.hours import Hours
from ip1_async.campaign.planning.lint import Advice, lint
from ip1_async.campaign.planning.plan import Cost, Plan, Reason, Sample
from ip1_async.campaign.planning.planner import Planner, Rules
from ip1_async.campaign.planning.prices import Prices
from ip1_async.campaign.planning.zones import clocks
from ip1_async.clock import Clock
from ip1_async.errors import Invalid
from ip1_async.text import measure

T = TypeVar("T")

AT_ONCE = 5
"""Blocks that are read without a word."""

Confirm = Callable[[Plan], bool | Awaitable[bool]]
Progress = Callable[[int], object]


def silently(rows: int) -> None:
    """Tells nobody."""


@frozen(kw_only=True)
class Ceilings:
    """What a plan must not exceed; None is no limit."""

    recipients: int | None = None
    price: Decimal | None = None
    confirm: Confirm | None = None
    """Asked about a plan of more than `confirm_over` recipients."""
    confirm_over: int = 0


@frozen(kw_only=True)
class Making:
    """What a plan is made of."""

    source: Source | AsyncSource
    orders: Orders
    rules: Rules
    prices: Prices
    ceilings: Ceilings
    rate: float | None
    """Requests a second, for how long it takes."""
    clock: Clock
    blacklist: int | None
    progress: Progress
    """Told now and then how many rows were read."""


async def make(path: Path, making: Making) -> Plan:
    """Reads everything, sorts it, and writes it into a new ledger in one transaction; nothing stays behind when it fails.

    Raises `Invalid` for texts that cannot be sent, plans that exceed a ceiling or are not confirmed, and ledgers that are
    there already.
    """
    orders = making.orders
    advice = checked(orders, making.source.columns, making.rules)
    draft = await _drafted(path)
    try:
        planner = Planner(draft, orders, making.source.columns, making.rules)
        async for read in _read(making.source, planner):
            making.progress(read)
        await in_thread(planner.finish)
        if orders.hours:
            groups = {zone: clocks(zone) for zone in planner.zones}
            await in_thread(windows.check, Hours.parse(orders.hours), groups, making.clock.now())
        plan = _figures(planner, making, advice, _id())
        await _agreed(plan, making.ceilings)
        await in_thread(
            draft.commit, plan.campaign, source=plan.source, planned=making.clock.now().timestamp(), orders=orders.to_dict(),
            plan=plan.to_dict(),
        )  # fmt: skip
    except sqlite3.Error as error:
        draft.abandon()
        raise unusable(path, error) from None
    except BaseException:
        draft.abandon()
        raise
    return plan


def checked(orders: Orders, columns: Sequence[str], rules: Rules) -> tuple[Advice, ...]:
    """What there is to say about the texts; raises `Invalid` where one of them, or the sender, cannot be sent."""
    found: list[Advice] = []
    for name, body in orders.texts.items():
        advice = lint(body, columns=columns, defaults=orders.defaults)
        where = f"the text {name!r}" if name else "body"
        for each in advice:
            if each.severity == "error":
                raise Invalid("body", f"{where}: {each.words}")
        found += [evolve(each, words=f"{where}: {each.words}") if name else each for each in advice]
        if not orders.placeholders[name]:
            orders.batch(name, ["46700000001"], campaign="0" * 16)
    if orders.hours:
        Hours.parse(orders.hours)
    if isinstance(rules.chunk, bool) or not isinstance(rules.chunk, int) or not 1 <= rules.chunk <= 10_000:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise Invalid("chunk", "chunk is out of range; it is a number of recipients from 1 to 10000")
    # The sender and the options; a text with placeholders is checked once they are filled in.
    orders.batch(next(iter(orders.texts)), {"46700000001": {}, "default": {}}, campaign="0" * 16)
    return tuple(found)


async def _drafted(path: Path) -> Draft:
    made: list[Draft] = []
    try:
        await in_thread(lambda: made.append(Draft(path)))
    except asyncio.CancelledError:
        for each in made:
            each.abandon()
        raise
    return made[0]


async def _read(source: Source | AsyncSource, planner: Planner) -> AsyncIterator[int]:
    """Everything, now and then telling how many rows that were."""
    blocks = source.blocks(planner.wanted)
    if isinstance(blocks, AsyncIterator):
        async for each in blocks:
            await in_thread(planner.block, each)
            yield planner.total
        return
    more = True
    while more:
        more = await in_thread(_some, blocks, planner)
        yield planner.total


def _some(blocks: Iterator[Block], planner: Planner) -> bool:
    """A few blocks, because a thread is not to be had for nothing; False where there were none."""
    before = planner.total
    for each in islice(blocks, AT_ONCE):
        planner.block(each)
    return planner.total > before


async def in_thread(work: Callable[..., T], *given: Any, **named: Any) -> T:
    """What *work* gives; cancelled, it is waited for: nobody else may touch the draft while it runs."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *given, **named))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


def _id() -> str:
    return b32encode(secrets.token_bytes(10)).decode().lower()


def _figures(planner: Planner, making: Making, advice: tuple[Advice, ...], id: str) -> Plan:
    totals = [meter.totals for meter in planner.meters.values()]
    prices = making.prices

    def added(name: str) -> dict[Any, int]:
        sums: dict[Any, int] = {}
        for each in totals:
            for key, count in getattr(each, name).items():
                sums[key] = sums.get(key, 0) + count
        return sums

    def price(where: str) -> Decimal | None:
        each = prices.segment(where)
        return None if each is None else each * planner.segments[where]

    return Plan(
        campaign=id, source=making.source.name, sender=making.orders.sender, total=planner.total, kept=planner.kept,
        dropped=planner.reasons.total(),
        reasons=[
            Reason(words=words, count=count, rows=planner.first_rows[words])
            for words, count in planner.reasons.most_common()
        ],
        texts=dict(planner.texts),
        costs=[
            Cost(country=where, recipients=count, segments=planner.segments[where], price=price(where))
            for where, count in planner.countries.most_common()
        ],
        encodings={f"{encoding} {segments}": count for (encoding, segments), count in sorted(added("by_cost").items())},
        segments=planner.segments.total(), currency=prices.currency, price_from=prices.of, batches=planner.batches,
        seconds=planner.batches / making.rate if making.rate else 0.0, advice=advice, lacking=added("lacking"),
        forcing=added("forcing"), blacklist=making.blacklist,
        samples=[Sample(row=row, text=text, segments=measure(text).segments) for row, text in planner.samples],
    )  # fmt: skip


async def _agreed(plan: Plan, ceilings: Ceilings) -> None:
    if not plan.kept:
        why = ", ".join(f"{each.count} {each.words}" for each in plan.reasons)
        raise Invalid("people", f"there is nobody to text: {why or 'there are no rows'}")
    if ceilings.recipients is not None and plan.kept > ceilings.recipients:
        raise Invalid("max_recipients", f"max_recipients is {ceilings.recipients:,}, and {plan.kept:,} would be texted")
    if ceilings.price is not None:
        if plan.price is None:
            raise Invalid("max_price", "max_price cannot be kept, for the price of a segment is not known; give it")
        if plan.price > ceilings.price:
            raise Invalid(
                "max_price", f"max_price is {ceilings.price:,.2f}, and it would cost {plan.price:,.2f} {plan.currency}"
            )
    if ceilings.confirm is not None and plan.kept > ceilings.confirm_over:
        said = ceilings.confirm(plan)
        if not (await said if inspect.isawaitable(said) else said):
            raise Invalid("confirm", "the plan was not confirmed, and nothing was written")
