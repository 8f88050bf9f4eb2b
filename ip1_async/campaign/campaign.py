"""A campaign as it is used from Python."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from weakref import WeakSet

from attrs import define

from ip1_async.campaign.ledger import SQLiteLedger, records
from ip1_async.campaign.ledger.owner import is_dead
from ip1_async.campaign.orders import Orders
from ip1_async.campaign.people.read import AsyncSource, Source, numbers_in, open_async_source, open_source
from ip1_async.campaign.planning import making, prices
from ip1_async.campaign.planning.making import Ceilings, Confirm, Making
from ip1_async.campaign.planning.plan import Plan
from ip1_async.campaign.planning.planner import Rules
from ip1_async.campaign.reporting import deliveries, export, summary
from ip1_async.campaign.reporting import outcomes as became
from ip1_async.campaign.reporting.deliveries import ReadSoFar, States
from ip1_async.campaign.reporting.outcomes import RowOutcome
from ip1_async.campaign.reporting.report import Report
from ip1_async.campaign.running.door import ClientDoor
from ip1_async.campaign.running.opt_outs import OptOuts, Own
from ip1_async.campaign.running.run import Settled
from ip1_async.campaign.running.runner import Runner
from ip1_async.campaign.running.terms import Terms
from ip1_async.campaign.standing import Standing, standing
from ip1_async.campaign.states import chunk_of
from ip1_async.campaign.transitions import Chunk
from ip1_async.client import Client
from ip1_async.clock import Clock, SystemClock
from ip1_async.errors import Invalid, LedgerError
from ip1_async.models import DeliveryReport

PathLike = str | os.PathLike[str]
People = PathLike | Iterable[Any] | AsyncIterable[Any]
Numbers = PathLike | Iterable[str]


@define(eq=False)
class _Asked:
    """A run that was asked for and has not begun; it is forgotten with its generator, should that never be iterated over."""

    stopped: bool = False


class Campaign:
    """One text to any number of people, written down in a ledger: killed at any instant, it goes on where it was.

    `await Campaign.plan(...)` makes one, `Campaign(ledger)` opens one that was made, and
    `async for settled in campaign.run(client)` sends it. No recipient is texted twice, and what became of each is in the
    ledger, under the assumptions that docs/campaigns.md states.

    Raises `FileNotFoundError` where there is no such ledger, and `LedgerError` for one that cannot be used.
    """

    def __init__(self, ledger: PathLike, *, clock: Clock | None = None) -> None:
        self._ledger = SQLiteLedger(ledger)
        self._clock = clock or SystemClock()
        self._runners: list[Runner] = []
        self._asked = WeakSet[_Asked]()
        self.planned: Plan | None = None
        """The figures of the plan, where it was made by this object; they can be read from `facts` later on."""

    def __repr__(self) -> str:
        return f"<Campaign in {self._ledger.path.name}>"

    @classmethod
    async def plan(
        cls,
        people: People,
        *,
        ledger: PathLike,
        sender: str,
        body: str | None = None,
        texts: Mapping[str, str] | None = None,
        text_by: str | None = None,
        defaults: Mapping[str, str] | None = None,
        to: str | None = None,
        region: str = "SE",
        chunk: int = 1000,
        window: str | None = None,
        zone_by: str | None = None,
        type: Literal["sms", "flash"] = "sms",
        datacoding: Literal["gsm", "ucs"] = "ucs",
        priority: Literal[1, 2] = 1,
        delivery_report_url: str | None = None,
        opt_outs: Numbers | None = None,
        allow: Numbers | None = None,
        client: Client | None = None,
        price: Decimal | None = None,
        currency: str = "SEK",
        max_recipients: int | None = None,
        max_price: Decimal | None = None,
        confirm: Confirm | None = None,
        confirm_over: int = 0,
        progress: making.Progress | None = None,
        clock: Clock | None = None,
    ) -> Self:
        """A campaign that is planned: everybody who is texted, and everybody who is not with the reason, frozen in a new ledger.

        *people* are the rows of a CSV, JSON lines or Parquet file, or of any iterable or async iterable of numbers, of
        mappings, or of pairs of a number and a mapping; the column *to* has the number, found by its name when left out,
        and numbers without a country code are of *region*. *body* may hold `{column}`; *defaults* stand in for values that
        are empty. With several *texts*, by name, the column *text_by* says which a recipient gets, and *body* is for all
        others. *window* is when messages may go out in the recipient's local time, such as `"mon-fri 09:00-20:00"`; the
        time zone is that of the number's country, or in the column *zone_by*. A batch has *chunk* recipients.

        Numbers in *opt_outs* (a file is read again while the campaign runs) are left out, with *allow* all others are;
        *client* reads the provider's blacklist, too, and learns what a segment costs where *price* is not given. A plan of
        more than *max_recipients*, or dearer than *max_price*, is refused; *confirm* is asked about one of more than
        *confirm_over* recipients. *progress* is told how many rows were read.

        Raises `Invalid`, naming what is wrong, `ValueError` and `OSError` for input that cannot be read, and `LedgerError`
        where no ledger can be made; then nothing stays behind. See https://ip1sms.com/en/developer/sending-sms.
        """
        clock = clock or SystemClock()
        source = await _source(people, to)
        own = await _numbers(opt_outs, region)
        blacklist = None if client is None else await ClientDoor(client).blacklist()
        orders = Orders(
            sender=sender, texts=_texts(body, texts), defaults=dict(defaults or {}), type=type, datacoding=datacoding,
            priority=priority, hours=window or "", delivery_report_url=delivery_report_url, region=region,
            opt_outs=_absolute(opt_outs),
        )  # fmt: skip
        known = prices.given(None if price is None else Decimal(str(price)), currency)
        made = Making(
            source=source, orders=orders, clock=clock, progress=progress or making.silently,
            rules=Rules(
                region=region, chunk=chunk, text_by=text_by, zone_by=zone_by, opted_out=own,
                blacklist=blacklist or frozenset(), allowed=None if allow is None else await _numbers(allow, region),
            ),
            prices=await prices.learn(client) if client is not None and not known.of else known,
            ceilings=Ceilings(
                recipients=max_recipients, price=max_price, confirm=confirm, confirm_over=confirm_over
            ),
            rate=50.0 if client is None else client.calls.choices.rate,
            blacklist=None if blacklist is None else len(blacklist),
        )  # fmt: skip
        plan = await making.make(Path(ledger), made)
        campaign = cls(ledger, clock=clock)
        campaign.planned = plan
        return campaign

    def run(
        self,
        client: Client,
        *,
        landing: float | None = None,
        visibility: float | None = None,
        deadline: float = 30.0,
        on_absent: Literal["review", "retry"] = "review",
        concurrency: int | None = None,
        lease: float | None = None,
        opt_outs: Own | None = None,
    ) -> AsyncGenerator[Settled]:
        """What becomes of each chunk as soon as it is known, until nothing is open any more; also goes on after a crash.

        Requests go out at the client's rate, *concurrency* of them at once (by default its `max_in_flight`). A chunk that
        may have been sent is `UNKNOWN`, and decided by the provider's list after *landing* + *visibility* seconds (600 when
        neither is given): a request is accepted within *landing* seconds of being given up, or never, and listed within
        *visibility* seconds of that. What the list does not hold is left to `review`, or sent again with
        *on_absent* `"retry"`. No request begins later than *deadline* seconds after the ledger says so. *opt_outs* gives your own
        opt-outs, beside the file that was named in the plan; they and the blacklist are read again every minute.

        Leaving early, or `stop`, claims nothing more and brings what is under way to its end. Raises `LedgerHeld` while
        another process runs it, `CampaignPaused` where the provider would refuse everything (a revoked token, no credit, a
        sender that is not registered), and `LedgerError` where the ledger fails; whatever was done is in the ledger, and
        running it again goes on.
        """
        terms = Terms(
            landing=landing, visibility=visibility, deadline=deadline, on_absent=on_absent, concurrency=concurrency, lease=lease
        )  # fmt: skip
        asked = _Asked()
        self._asked.add(asked)
        return self._outcomes(asked, client, terms, opt_outs)

    async def _outcomes(
        self, asked: _Asked, client: Client, terms: Terms, opt_outs: Own | None
    ) -> AsyncGenerator[Settled]:
        facts = await self._ledger.facts()
        if facts.purged:
            raise LedgerError("the recipients of this campaign have been purged, so it cannot be run")
        door = ClientDoor(client)
        runner = Runner(
            self._ledger, facts, door, terms=terms, clock=self._clock,
            opt_outs=OptOuts(door.blacklist, _own(Orders.of(facts.orders), opt_outs), self._clock),
            concurrency=terms.concurrency or client.calls.choices.max_in_flight,
        )  # fmt: skip
        self._runners.append(runner)
        self._asked.discard(asked)
        if asked.stopped:
            runner.stop()
        outcomes = runner.outcomes()
        try:
            async for settled in outcomes:
                yield settled
        finally:
            await outcomes.aclose()
            self._runners.remove(runner)

    def stop(self) -> None:
        """Let a run claim nothing more; what is under way is brought to its end.

        A run that was asked for and has not begun, because nobody has iterated over it yet, is stopped, too. One that is
        asked for later is not.
        """
        for asked in self._asked:
            asked.stopped = True
        for each in self._runners:
            each.stop()

    @property
    def waits(self) -> str:
        """Why a run of this object waits for the provider, which cannot say what it is asked; empty where none does."""
        return next((each.waits for each in self._runners if each.waits), "")

    async def status(self) -> Standing:
        """Where it stands."""
        facts, held = await self._ledger.facts(), await self._ledger.held()
        if held is not None and is_dead(held.owner):
            held = None
        tallies, left_out = await self._ledger.counted()
        return standing(facts, tallies, held, left_out=left_out, now=self._clock.now())

    async def orders(self) -> Orders:
        """What is sent."""
        return Orders.of((await self._ledger.facts()).orders)

    # What a person decides

    async def review(self) -> list[Chunk]:
        """The chunks that may have been sent and that the provider does not list: sending them again is your decision."""
        found: list[Chunk] = []
        while some := await self._ledger.chunks("REVIEW", after=found[-1].id if found else 0):
            found += some
        return found

    async def accept(self, chunk: int) -> None:
        """A chunk in review counts as sent; raises `Invalid` where it is not in review."""
        await self._ledger.decide(chunk, again=False, at=self._clock.now().timestamp())

    async def resend(self, chunk: int) -> None:
        """A chunk in review is sent again by the next run; raises `Invalid` where it is not in review."""
        await self._ledger.decide(chunk, again=True, at=self._clock.now().timestamp())

    async def heard(self, report: DeliveryReport) -> None:
        """A delivery report that bears the mark of a chunk proves that it was accepted: `hooks.delivery_report(campaign.heard)`."""
        facts = await self._ledger.facts()
        if (chunk := chunk_of(facts.id, report.reference)) is not None and report.batch_id:
            await self._ledger.adopt(chunk, report.batch_id, at=self._clock.now().timestamp())
            for each in self._runners:
                each.heard(chunk)

    # What became of it

    async def read_back(self, client: Client) -> AsyncGenerator[ReadSoFar]:
        """Reads where the messages have got to that are not known to be final, and keeps it; tells how far it has come."""
        async for each in deliveries.read_back(self._ledger, client, self._clock.now().timestamp()):
            yield each

    async def join(self, store: States) -> int:
        """Keeps what webhooks have told of its messages, given their store; the number of messages told of."""
        return await deliveries.join(self._ledger, store, self._clock.now().timestamp())

    async def report(self) -> Report:
        """What became of it, in figures, as far as it was read back."""
        facts, stands = await self._ledger.facts(), await self.status()
        return await self._ledger.ask(lambda db: summary.report(db, facts, stands))

    def rows(self) -> AsyncGenerator[RowOutcome]:
        """What became of every row that was planned, dropped ones with their reason."""
        return became.rows(self._ledger)

    async def export(self, path: PathLike, *, again: bool = False) -> int:
        """Writes what became of every row to a `.csv`, `.jsonl` or `.parquet` file, and gives the number of rows.

        The file is readable by its owner only. Raises `Invalid` for another ending, and for a file that is there already
        unless it is to be written *again*.
        """
        return await export.export(self.rows(), path, again=again)

    async def purge(self) -> None:
        """Forgets every number and every recipient's values; the figures stay. Raises `Invalid` while it is not done."""
        stands = await self.status()
        if stands.state != "done" or stands.review:
            raise Invalid(
                "campaign", f"the campaign is {stands.state}, and needs its recipients; purge it when it is done"
            )
        await self._ledger.do(records.purge)
        await self._ledger.vacuum()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the ledger's file; one that is used again opens it again."""
        await self._ledger.close()


def _texts(body: str | None, texts: Mapping[str, str] | None) -> dict[str, str]:
    found = dict(texts or {})
    if body is not None:
        found[""] = body
    if not found:
        raise Invalid("body", "there is no text; give a body, or texts by name")
    return found


def _absolute(given: Numbers | None) -> str | None:
    """Where a file is, also for a later process that runs elsewhere; None for numbers that are in no file."""
    return os.path.abspath(given) if isinstance(given, str | os.PathLike) else None


async def _source(people: People, to: str | None) -> Source | AsyncSource:
    if isinstance(people, AsyncIterable):
        return await open_async_source(people, to=to)
    return await making.in_thread(open_source, people, to=to)


async def _numbers(given: Numbers | None, region: str) -> AbstractSet[str]:
    return frozenset() if given is None else await making.in_thread(numbers_in, given, region=region)


def _own(orders: Orders, more: Own | None) -> Own:
    """One's own opt-outs: the file named in the plan, and what the caller gives."""

    async def own() -> AbstractSet[str]:
        return await _numbers(orders.opt_outs, orders.region) | (frozenset[str]() if more is None else await more())

    return own
