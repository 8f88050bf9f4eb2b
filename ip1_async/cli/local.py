"""Commands that need no account: the sandbox, and what a text costs."""

from __future__ import annotations

import asyncio
import json as jsons
import re
import signal
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.table import Table

from ip1_async.cli import show
from ip1_async.text import Measure, measure, plain

_OPTION = re.compile(r"--?[a-z][^\s=]*(=.*)?", re.IGNORECASE | re.DOTALL)


async def sandbox(
    *,
    port: int = 8411,
    db: Path | None = None,
    token: str = "sandbox",
    speed: float = 1.0,
    fault: Annotated[Sequence[str], Parameter(consume_multiple=False, negative=())] = (),
    requests_per_second: int | None = None,
    webhooks_anywhere: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Serve a complete local iP.1 until Ctrl-C.

    Prints IP1_BASE_URL=… and IP1_TOKEN=… once it is ready, to be exported in another terminal. The address is also that
    of an inbox page, where every phone and its messages can be seen.

    Parameters
    ----------
    port
        Where to listen on this machine; 0 takes a free port.
    db
        A file that keeps batches, messages, contacts and time over restarts; in memory when left out.
    token
        The token that opens it.
    speed
        How many times as fast as the clock its time runs; 0 stops it.
    fault
        Something that goes wrong, such as 'POST /v2/batches reset after times=1'; repeat it for several. What: a status
        from 400 to 599, delay, reset, silence, cut, garbage, late or hidden, with times=, chance=, seconds= or
        retry_after=.
    requests_per_second
        How many requests are let through within a second; the others get 429.
    webhooks_anywhere
        Post delivery reports and incoming messages to other machines, too.
    """
    from ip1_async.sandbox import Habits, Sandbox

    if not 0 <= port <= 65535:
        raise ValueError("--port is a number from 0 to 65535")
    async with Sandbox(
        port=port, db=db, token=token, speed=speed, faults=fault, requests_per_second=requests_per_second,
        webhooks=Habits(anywhere=webhooks_anywhere),
    ) as running:  # fmt: skip
        announce(running.url, running.token)
        show.err().print(f"A local iP.1 is ready; its inbox is at {running.url}/. Stop it with Ctrl-C.")
        await stopped()


def announce(url: str, token: str) -> None:
    """Say where a sandbox is, for people and for scripts."""
    print(f"IP1_BASE_URL={url}", f"IP1_TOKEN={token}", sep="\n", flush=True)


async def stopped() -> None:
    """Comes back when the process is asked to end."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked.set)
    await asked.wait()


def words(argv: Sequence[str]) -> list[str]:
    """The same command line, on which a text to be measured that begins with a hyphen stands where no option does.

    A word such as --jsno is taken for an option, known or not: it is more likely misspelt than a text. Behind -- it is one.
    """
    if [*argv[:1]] != ["text"] or "--" in argv:
        return [*argv]
    texts = [each for each in argv if each.startswith("-") and not _OPTION.fullmatch(each)]
    return [*(each for each in argv if each not in texts), *(["--", *texts] if texts else ())]


def text(text: str, /, *, json: Annotated[bool, Parameter(negative=())] = False) -> None:
    """Show what a text costs: its encoding, its segments, and the characters that make it longer.

    Parameters
    ----------
    text
        The text, or - for standard input. One that looks like an option comes after --.
    json
        JSON on standard output, and nothing else there.
    """
    words = sys.stdin.read().removesuffix("\n") if text == "-" else text
    found, simpler = measure(words), measure(plain(words))
    if json:
        print(jsons.dumps({**_facts(found), "plain": _facts(simpler)}, ensure_ascii=False))
        return
    card = Table(box=None, show_header=False, pad_edge=False)
    card.add_row("encoding", {"gsm": "GSM 7-bit", "ucs": "UCS-2"}[found.encoding])
    card.add_row("segments", str(found.segments))
    card.add_row("units", f"{found.units}, with room for {found.left} more in the last segment")
    for character in found.forcing:
        card.add_row(
            "forces UCS-2", f"{character}  U+{ord(character):04X} {unicodedata.name(character, 'unnamed').lower()}"
        )
    show.out().print(card)
    if simpler.segments < found.segments:
        show.out().print(
            f"With plain quotes, dashes and spaces it would be {simpler.segments} segment{'s' * (simpler.segments > 1)}."
        )


def _facts(found: Measure) -> dict[str, object]:
    return {
        "encoding": found.encoding,
        "segments": found.segments,
        "units": found.units,
        "left": found.left,
        "forcing": list(found.forcing),
    }
