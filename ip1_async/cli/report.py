"""What the demo prints: who was left out, how the messages fared, what they cost, where to look next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from attrs import define, field
from rich import box
from rich.markup import escape
from rich.table import Table

from ip1_async.cli import show
from ip1_async.models import Message, Status

if TYPE_CHECKING:
    from ip1_async.cli.people import People

WIDTH = 30
_colours = {"success": "green", "rejection": "yellow", "error": "red", "info": "cyan", "unknown": "magenta"}


@define
class Job:
    """How far the demo has come; also what is said when it is interrupted."""

    people: People
    batches: list[str] = field(factory=list)
    accepted: int = 0
    refused: list[str] = field(factory=list)
    messages: dict[str, Message] = field(factory=dict)
    seconds: float = 0.0

    @property
    def final(self) -> int:
        """How many messages have a final status."""
        return sum(each.is_final for each in self.messages.values())


def drops(people: People, source: str) -> None:
    """Which rows are not texted, and why."""
    rows = len(people.kept) + len(people.dropped)
    called = "person" if rows == 1 else "people"
    show.out().print(
        f"[bold]{escape(source)}[/]: {rows:,} {called}, {len(people.kept):,} to text, {len(people.dropped):,} left out"
    )
    if not people.dropped:
        return
    by_reason: dict[str, list[int]] = {}
    for each in people.dropped:
        by_reason.setdefault(each.reason.partition(" of row ")[0], []).append(each.row)
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(justify="right")
    table.add_column()
    table.add_column(style="dim", overflow="ellipsis", no_wrap=True)
    for reason, at in sorted(by_reason.items(), key=lambda pair: -len(pair[1])):
        shown = ", ".join(str(row) for row in at[:6])
        table.add_row(str(len(at)), reason, f"row{'s' * (len(at) > 1)} {shown}{', …' * (len(at) > 6)}")
    show.out().print(table)


def results(job: Job, messages: Sequence[Message]) -> None:
    """The funnel, the segments and the cost."""
    console = show.out()
    console.print()
    funnel = Table(box=None, show_header=False, pad_edge=False)
    funnel.add_column(no_wrap=True)
    funnel.add_column(justify="right", no_wrap=True)
    funnel.add_column(no_wrap=True)
    total = len(job.people.kept) + len(job.people.dropped)
    counts = Counter(each.status for each in messages)
    for name, count in (("in the file", total), ("to text", len(job.people.kept)), ("accepted by iP.1", job.accepted)):
        funnel.add_row(name, f"{count:,}", _bar(count, total, "info"))
    for status, count in sorted(counts.items(), key=lambda pair: (not pair[0].is_delivered, -pair[1])):
        funnel.add_row(f"  {_named(status)}", f"{count:,}", _bar(count, total, status.group))
    console.print(funnel)
    console.print()
    facts = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("coding", "messages", "segments", "cost"):
        facts.add_column(name, justify="left" if name == "coding" else "right")
    for coding, some in sorted(_by_coding(messages).items()):
        facts.add_row({"gsm": "GSM 7-bit", "ucs": "UCS-2"}.get(coding, coding), *_sums(some))
    facts.add_section()
    facts.add_row("all", *_sums(messages), style="bold")
    console.print(facts)
    for words in job.refused:
        show.err().print(f"A batch was not sent: {words}", style="red", markup=False)
    console.print(f"{job.final:,} of {job.accepted:,} messages have a final status, after {job.seconds:.1f} s.")


def next_steps() -> None:
    """What to try next."""
    show.out().print(
        "\nNext:\n"
        "  ip1 demo --serve          keeps the local iP.1 up, to look around in\n"
        "  ip1 demo people.csv       with people of your own; --body is the text\n"
        "  ip1 sandbox               a local iP.1 to develop against\n"
        "  ip1 --help                every endpoint of the API as a command",
        highlight=False,
    )


def served(batch: str) -> None:
    """What to try while the sandbox is up."""
    show.err().print(
        "The local iP.1 stays up. In another terminal, export the two lines above and try:\n"
        "  ip1 batches list --order DESC --limit 5\n"
        f"  ip1 batches messages {batch} --limit 10\n"
        "  ip1 send 0701234567 --sender iP1 --body Hello\n"
        "Stop it with Ctrl-C."
    )


def as_json(job: Job) -> dict[str, Any]:
    """The same facts for machines."""
    messages = list(job.messages.values())
    return {
        "rows": len(job.people.kept) + len(job.people.dropped),
        "dropped": [{"row": each.row, "reason": each.reason} for each in job.people.dropped],
        "accepted": job.accepted,
        "refused": job.refused,
        "final": job.final,
        "statuses": {
            str(int(status)): count for status, count in sorted(Counter(each.status for each in messages).items())
        },
        "segments": sum(each.segments for each in messages),
        "cost": {currency: float(cost) for currency, cost in _cost(messages).items()},
        "batches": job.batches,
        "seconds": round(job.seconds, 3),
    }


def _named(status: Status) -> str:
    words = {"success": "ended", "rejection": "rejected", "error": "failed", "info": "under way"}.get(status.group, "")
    if status.is_delivered:
        return "delivered"
    return f"{words} {status}"


def _bar(count: int, total: int, group: str) -> str:
    eighths = round(count / total * WIDTH * 8) if total else 0
    bar = "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8]
    # However few they are, they can be seen.
    return f"[{_colours.get(group, 'white')}]{bar.rstrip() or '▏' * bool(count)}[/]"


def _by_coding(messages: Sequence[Message]) -> dict[str, list[Message]]:
    found: dict[str, list[Message]] = {}
    for each in messages:
        found.setdefault(each.datacoding, []).append(each)
    return found


def _sums(messages: Sequence[Message]) -> tuple[str, str, str]:
    cost = " + ".join(f"{amount:,.2f} {currency.upper()}" for currency, amount in _cost(messages).items())
    return f"{len(messages):,}", f"{sum(each.segments for each in messages):,}", cost or "-"


def _cost(messages: Sequence[Message]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for each in messages:
        if each.price is not None and each.currency:
            found[each.currency] = found.get(each.currency, Decimal(0)) + each.price
    return found
