"""Webhooks in a terminal: events as they come, and recorded ones once more."""

from __future__ import annotations

import json as jsons
import secrets
from collections import Counter
from pathlib import Path
from typing import Annotated

import cyclopts
from cyclopts import Parameter
from rich.markup import escape

from ip1_async import codec
from ip1_async.cli import show
from ip1_async.cli.local import stopped
from ip1_async.clock import SystemClock
from ip1_async.errors import Invalid
from ip1_async.flow import Deadlines
from ip1_async.masking import Secret
from ip1_async.models import DeliveryReport, IncomingSms
from ip1_async.transport import Failure, Headers, Limits, Transport, Way
from ip1_async.webhooks import Webhooks
from ip1_async.webhooks import record as recorded
from ip1_async.webhooks.on_aiohttp import served

PATIENCE = 10.0
_HEADERS = Headers({"Content-Type": "application/json", "User-Agent": "ip1"})
_TONES = {"info": "blue", "success": "green", "rejection": "red", "error": "red"}

app = cyclopts.App(name="webhooks", help="Recorded webhooks.", group="Start here")


async def listen(
    *,
    port: int = 8412,
    host: str = "127.0.0.1",
    secret: str | None = None,
    forward: str | None = None,
    record: Path | None = None,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Show delivery reports and incoming messages as they come, until Ctrl-C.

    Prints the address to give as deliveryReportUrl, or as the setting IncomingCallbackUrl. An event that comes twice is
    shown once.

    Parameters
    ----------
    port
        Where to listen; 0 takes a free port.
    host
        The address to listen at; 0.0.0.0 for all of this machine.
    secret
        What the address ends with, at least 16 characters; made up when left out.
    forward
        Post each event to this address, too, again and again until it answers 200.
    record
        Append each event to this file, for `ip1 webhooks replay`.
    json
        An event a line as JSON, and nothing else on standard output.
    """
    if not 0 <= port <= 65535:
        raise ValueError("--port is a number from 0 to 65535")
    hooks = Webhooks(secret or secrets.token_urlsafe(18), record_to=record)
    post = None if forward is None else Poster(forward)

    async def shown(value: DeliveryReport | IncomingSms) -> None:
        if json:
            print(jsons.dumps(codec.dump(value), ensure_ascii=False), flush=True)
        else:
            show.out().print(_line(value), soft_wrap=True)

    hooks.delivery_report(shown)
    hooks.incoming(shown)
    if post is not None:

        async def forwarded(value: DeliveryReport | IncomingSms) -> None:
            status = await post(codec.encode(codec.dump(value)))
            if status != 200:
                raise RuntimeError(f"answered {status}")

        hooks.delivery_report(forwarded)
        hooks.incoming(forwarded)
    try:
        async with served(hooks, host, port) as taken:
            show.err().print(f"Listening at http://{host}:{taken}/{hooks.rules.secrets[0]}", markup=False)
            await stopped()
    finally:
        if post is not None:
            await post.close()
    counts = hooks.counts
    show.err().print(
        f"{counts.handled} events, {counts.repeated} repetitions, {counts.turned_away} turned away"
        + (f", {counts.failed} times not forwarded" if counts.failed else "")
    )


@app.command
async def replay(file: Path, *, to: str) -> int:
    """Post recorded events once more, in their order; exits with 1 when one was not answered with 200.

    Parameters
    ----------
    file
        What `ip1 listen --record` has written.
    to
        The address to post to.
    """
    post, answers = Poster(to), Counter[str]()
    try:
        for body in recorded.bodies(file):
            answers[str(await post(body) or "nobody")] += 1
    finally:
        await post.close()
    told = ", ".join(f"{count} answered with {status}" for status, count in sorted(answers.items()))
    show.err().print(f"{answers.total()} events posted{': ' if told else ''}{told}", markup=False)
    return 0 if answers.total() == answers["200"] else 1


class Poster:
    """Posts to one address."""

    def __init__(self, url: str) -> None:
        if not url.startswith(("http://", "https://")):
            raise Invalid("url", "an address to post to begins with http:// or https://")
        self._url, self._clock = Secret(url), SystemClock()
        self._transport = Transport(Way(), Deadlines(self._clock))

    async def __call__(self, body: bytes) -> int | None:
        """The status; None where nobody answered."""
        limits = Limits(deadline=self._clock.monotonic() + PATIENCE, connect_timeout=PATIENCE)
        try:
            return (await self._transport.send("POST", self._url, _HEADERS, body, limits)).status
        except Failure:
            return None

    async def close(self) -> None:
        await self._transport.close()


def _plain(text: str) -> str:
    """A text of a stranger, without what a terminal would obey."""
    return escape("".join(each if each.isprintable() else " " for each in text))


def _line(value: DeliveryReport | IncomingSms) -> str:
    if isinstance(value, IncomingSms):
        stop = " [red]STOP[/red]" if value.is_stop else ""
        at = "" if value.modified is None else f"{value.modified.astimezone():%H:%M:%S}  "
        return f"{at}[bold]{_plain(value.sender)}[/bold] → {_plain(value.recipient)}{stop}  {_plain(value.body)}"
    tone = _TONES.get(value.code.group, "default")
    at = "" if value.created is None else f"{value.created.astimezone():%H:%M:%S}  "
    reference = f"  {_plain(value.reference)}" if value.reference else ""
    return f"{at}[bold]{_plain(value.recipient)}[/bold]  [{tone}]{value.code}[/{tone}]{reference}"
