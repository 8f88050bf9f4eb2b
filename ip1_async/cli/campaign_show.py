"""A plan, where a campaign stands and what is in review, as tables."""

from __future__ import annotations

import json as jsons
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rich import box
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table

from ip1_async.campaign import Plan, Standing
from ip1_async.campaign.states import reference
from ip1_async.campaign.transitions import Chunk
from ip1_async.cli import show

_tones = {"error": "red", "warning": "yellow", "hint": "dim"}


@contextmanager
def reading(machine: bool) -> Generator[Callable[[int], None]]:
    """How many rows were read, while they are read."""
    console = show.err()
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} rows read"))
    with Progress(*columns, console=console, transient=True, disable=machine or not console.is_terminal) as progress:
        task = progress.add_task("Reading", total=None)

        def told(rows: int) -> None:
            progress.update(task, completed=rows)

        yield told


def plan(made: Plan) -> None:
    """Who is texted and who is not, what it says, and what it costs."""
    out = show.out()
    out.print(
        f"[bold]{_plain(made.source)}[/]: {made.total:,} row{'s' * (made.total != 1)}, [bold]{made.kept:,}[/] to text, "
        f"{made.dropped:,} left out",
    )
    if made.reasons:
        table = _bare()
        for each in made.reasons:
            rows = ", ".join(map(str, each.rows)) + (", …" if each.count > len(each.rows) else "")
            table.add_row(f"{each.count:,}", _plain(each.words), f"row{'s' * (each.count > 1)} {rows}")
        out.print(table)
    for sample in made.samples:
        out.print(f"[dim]row {sample.row}, {_segments(sample.segments)}:[/] {_plain(sample.text)}")
    _costs(made)
    for advice in made.advice:
        out.print(f"[{_tones[advice.severity]}]{advice.severity}:[/] {_plain(advice.words)}")
    for key, count in made.lacking.items():
        out.print(
            f"[yellow]warning:[/] {count:,} have no value for {{{_plain(key)}}}, and there is no --default for it"
        )
    if made.forcing:
        shown = ", ".join(f"{_plain(each)} ({count:,})" for each, count in [*made.forcing.items()][:8])
        out.print(f"[yellow]warning:[/] characters outside the GSM alphabet make texts dearer: {shown}")


def _costs(made: Plan) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("country", "recipients", "segments", "cost"):
        table.add_column(name, justify="left" if name == "country" else "right", no_wrap=True)
    for each in made.costs[:10]:
        price = "not known" if each.price is None else f"{each.price:,.2f} {made.currency.upper()}"
        table.add_row(each.country or "not known", f"{each.recipients:,}", f"{each.segments:,}", price)
    if len(made.costs) > 10:
        table.add_row(f"{len(made.costs) - 10} more", "…", "…", "…")
    if len(made.costs) > 1:
        table.add_section()
        price = "not known" if made.price is None else f"{made.price:,.2f} {made.currency.upper()}"
        table.add_row("all", f"{made.kept:,}", f"{made.segments:,}", price, style="bold")
    show.out().print(table)
    kinds = {"gsm": "GSM 7-bit", "ucs": "UCS-2"}
    parts = [
        f"{count:,} × {kinds[name.split()[0]]}, {_segments(int(name.split()[1]))}"
        for name, count in made.encodings.items()
    ]
    learnt = " The price is learnt from earlier messages." if made.price_from == "learnt" else ""
    show.out().print(
        f"{'; '.join(parts)}. {made.batches:,} batch{'es' * (made.batches != 1)}, which take {_duration(made.seconds)} to hand "
        f"over.{learnt}",
        highlight=False,
    )


def planned(made: Plan, ledger: Path, *, offline: bool) -> None:
    """What to do next."""
    if made.blacklist is None:
        why = "there is no IP1_TOKEN" if offline else "it was not asked for"
        show.err().print(f"The provider's blacklist was not read, for {why}; it is read before anything is sent.")
    show.err().print(f"Planned as campaign {made.campaign}. Send it with: ip1 campaign run {ledger}", markup=False)


def standing(stands: Standing, ledger: Path) -> None:
    """Where a campaign stands, and what to do next."""
    out = show.out()
    words = {"running": f" by {stands.held_by}", "paused": f": {stands.paused}" if stands.paused else ", interrupted"}
    out.print(
        f"[bold]{_plain(stands.source)}[/], campaign {stands.campaign}: [bold]{stands.state}[/]"
        f"{_plain(words.get(stands.state, ''))}",
        highlight=False,
    )
    table = _bare()
    for name, count in (
        ("accepted", stands.accepted), ("rejected", stands.rejected), ("in doubt", stands.unknown),
        ("in review", stands.review), ("waiting", stands.pending), ("left out", stands.dropped),
    ):  # fmt: skip
        if count or name == "accepted":
            table.add_row(f"{count:,}", name, "")
    table.add_section()
    table.add_row(f"{stands.total:,}", "in all", "")
    out.print(table)
    if stands.review:
        show.err().print(f"Decide what became of those in review: ip1 campaign review {ledger}", markup=False)
    elif stands.state == "done":
        show.err().print(f"See how it went: ip1 campaign report {ledger}", markup=False)


def review(left: Sequence[Chunk], ledger: Path, campaign: str, *, machine: bool) -> None:
    """What is known of the chunks that a person has to decide about."""
    if machine:
        for each in left:
            facts = {
                "chunk": each.id, "recipients": each.recipients, "attempt": each.attempt, "reason": each.reason,
                "reference": reference(campaign, each.id, each.attempt), "sent": _at(each.intent_at), "looked": _at(each.settled_at),
                "acknowledged": each.acknowledged,
            }  # fmt: skip
            print(jsons.dumps(facts))
        return
    if not left:
        show.err().print("Nothing is in review.")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("chunk", "recipients", "began", "what happened"):
        table.add_column(name, justify="right" if name in ("chunk", "recipients") else "left")
    for each in left:
        said = "the provider said it has it, but " if each.acknowledged else ""
        words = f"{said}{each.reason}; not listed under {reference(campaign, each.id, each.attempt)} at {_at(each.settled_at)}"
        table.add_row(str(each.id), f"{each.recipients:,}", _at(each.intent_at), _plain(words))
    show.out().print(table)
    show.err().print(
        "Each may have been sent, and the provider's list does not show it. Look for the mark in the provider's portal, or ask "
        "a recipient, then decide:\n"
        f"  ip1 campaign review {ledger} --accept CHUNK    counts as sent\n"
        f"  ip1 campaign review {ledger} --resend CHUNK    is sent again by the next run",
        markup=False,
    )


def _at(at: float | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _segments(count: int) -> str:
    return f"{count} segment{'s' * (count != 1)}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    if seconds < 5400:
        return f"about {round(seconds / 60)} min"
    return f"about {seconds / 3600:.1f} h"


def _bare() -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(justify="right", no_wrap=True)
    table.add_column()
    table.add_column(style="dim", overflow="ellipsis", no_wrap=True)
    return table


def _plain(text: str) -> str:
    """A stranger's words, without what a terminal or a table would obey."""
    return "".join(each if each.isprintable() or each == "\n" else " " for each in text).replace("[", "\\[")
