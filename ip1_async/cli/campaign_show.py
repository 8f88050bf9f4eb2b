"""A plan, where a campaign stands and what is in review, as tables."""

from __future__ import annotations

import json as jsons
import shlex
import signal
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rich import box
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table

from ip1_async.campaign import Plan, Standing
from ip1_async.campaign.states import reference
from ip1_async.campaign.transitions import Chunk
from ip1_async.cli import show

_next = {
    "planned": ("Send it with", "run"), "paused": ("Go on with", "run"), "done": ("See how it went", "report"),
}  # fmt: skip
_tones = {"error": "red", "warning": "yellow", "hint": "dim"}


def say(words: str, *, style: str | None = None, console: Console | None = None) -> None:
    """Words that are not the answer: broken between words in a terminal, one line elsewhere."""
    console = console or show.err()
    console.print(words, style=style, markup=False, soft_wrap=not console.is_terminal)


def advise(words: str, *command: object) -> None:
    """What to do next, with a command that is copied whole: on a line of its own where it would be broken."""
    console, line = show.err(), shlex.join(map(str, ("ip1", *command)))
    whole = f"{words}: {line}"
    console.print(f"{words}:\n  {line}" if console.is_terminal and len(whole) > console.width else whole, markup=False)


def agreed(question: str) -> bool:
    """Whether the person at the terminal says yes; an input that ends is a no, and Ctrl-C raises `KeyboardInterrupt`."""
    console = show.err()
    # While the loop waits for an answer, its own handler of Ctrl-C would do nothing.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        console.print(f"{question} [y/N] ", end="", markup=False, soft_wrap=not console.is_terminal)
        return show.confirmed()
    except EOFError:
        show.err().print()
        return False
    except KeyboardInterrupt:
        # Not to the console that may have been interrupted while it wrote, and would write all of it again.
        show.err().print()
        raise
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def reading(machine: bool) -> Generator[tuple[Callable[[int], None], Callable[[], None]]]:
    """What is told how many rows were read, to be shown meanwhile, and what makes room for something else."""
    console = show.err()
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} rows read"))
    with Progress(*columns, console=console, transient=True, disable=machine or not console.is_terminal) as progress:
        task = progress.add_task("Reading", total=None)

        def told(rows: int) -> None:
            progress.update(task, completed=rows)

        yield told, progress.stop


def plan(made: Plan, *, aside: bool = False) -> None:
    """Who is texted and who is not, what it says, and what it costs; *aside* where standard output is for a machine."""
    out = Console(stderr=True) if aside else show.out()
    out.print(
        f"[bold]{_plain(made.source)}[/]: {made.total:,} row{'s' * (made.total != 1)}, [bold]{made.kept:,}[/] to text, "
        f"{made.dropped:,} left out",
        highlight=False,
    )
    if made.reasons:
        table = _bare()
        for each in made.reasons:
            rows = ", ".join(map(str, each.rows)) + (", …" if each.count > len(each.rows) else "")
            table.add_row(f"{each.count:,}", _plain(each.words), f"row{'s' * (each.count > 1)} {rows}")
        out.print(table)
    if len(made.texts) > 1:
        shared = ", ".join(f"{_plain(name) or '--body'} {count:,}" for name, count in made.texts.items())
        out.print(f"By text: {shared}", highlight=False)
    for sample in made.samples:
        out.print(f"[dim]row {sample.row}, {_segments(sample.segments)}:[/] {_plain(sample.text)}", highlight=False)
    _costs(out, made)
    for advice in made.advice:
        out.print(f"[{_tones[advice.severity]}]{advice.severity}:[/] {_plain(advice.words)}")
    for key, count in made.lacking.items():
        out.print(
            f"[yellow]warning:[/] {count:,} have no value for {{{_plain(key)}}}, and it is left empty in their text; "
            f"give one with --default {_plain(key)}=WORDS",
            highlight=False,
        )
    if made.forcing:
        shown = ", ".join(f"{_plain(each)} ({count:,})" for each, count in [*made.forcing.items()][:8])
        out.print(
            f"[yellow]warning:[/] characters outside the GSM alphabet make texts dearer: {shown}", highlight=False
        )


def _costs(out: Console, made: Plan) -> None:
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
    out.print(table)
    kinds = {"gsm": "GSM 7-bit", "ucs": "UCS-2"}
    parts = [
        f"{count:,} × {kinds[name.split()[0]]}, {_segments(int(name.split()[1]))}"
        for name, count in made.encodings.items()
    ]
    learnt = " The price is learnt from earlier messages." if made.price_from == "learnt" else ""
    out.print(
        f"{'; '.join(parts)}. {made.batches:,} batch{'es' * (made.batches != 1)}, {duration(made.seconds)} to hand "
        f"over.{learnt}",
        highlight=False,
    )


def planned(made: Plan, ledger: Path, *, unread: str) -> None:
    """What to do next; *unread* is why the blacklist was not read, where it was not."""
    if not made.price_from:
        say("What a segment costs is not known; --price says it.")
    if made.blacklist is None:
        say(f"The provider's blacklist was not read, for {unread}; it is read before anything is sent.")
    advise(f"Planned as campaign {made.campaign}. Send it with", "campaign", "run", ledger)


def standing(stands: Standing, ledger: Path) -> None:
    """Where a campaign stands, and what to do next."""
    out = show.out()
    more = f" by {stands.held_by}" if stands.held_by else f": {stands.paused}" if stands.paused else ""
    if stands.state == "paused" and not more:
        more = ", not finished"
    out.print(
        f"[bold]{_plain(stands.source)}[/], campaign {stands.campaign}: [bold]{stands.state}[/]{_plain(more)}",
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
        advise("Decide what became of those in review", "campaign", "review", ledger)
    if stands.state in _next:
        words_before, command = _next[stands.state]
        advise(words_before, "campaign", command, ledger)


def review(left: Sequence[Chunk], ledger: Path, campaign: str, *, machine: bool) -> None:
    """What is known of the chunks that a person has to decide about."""
    if machine:
        for each in left:
            facts = {
                "chunk": each.id, "recipients": each.recipients, "attempt": each.attempt, "reason": each.reason,
                "reference": reference(campaign, each.id, each.attempt), "began": _at(each.intent_at), "looked": _at(each.settled_at),
                "acknowledged": each.acknowledged,
            }  # fmt: skip
            print(jsons.dumps(facts))
        return
    if not left:
        say("Nothing is in review.")
        return
    for each in left:
        said = "the provider said it has it, but " if each.acknowledged else ""
        people = f"{each.recipients:,} recipient{'s' * (each.recipients != 1)}"
        show.out().print(
            f"[bold]Chunk {each.id}[/], {people}: {_plain(said + each.reason)}\n"
            f"  begun      {_at(each.intent_at)}\n"
            f"  not listed {_at(each.settled_at)}\n"
            f"  mark       {reference(campaign, each.id, each.attempt)}",
            highlight=False,
        )
    say(
        "Each may have been sent, and the provider's list did not show it. Look for the mark in the provider's portal, or ask "
        "a recipient, then decide."
    )
    advise("To count it as sent", "campaign", "review", ledger, "--accept", left[0].id)
    advise("To send it again with the next run", "campaign", "review", ledger, "--resend", left[0].id)


def _at(at: float | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _segments(count: int) -> str:
    return f"{count} segment{'s' * (count != 1)}"


def duration(seconds: float) -> str:
    """About how long, in the unit that people would take."""
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
