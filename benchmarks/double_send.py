"""How often a server accepts a message that was sent once, when something goes wrong on the way back.

`python -m benchmarks.double_send`. Every SDK sends one message to a server on this machine that accepts it and is then
silent, answers 500 or resets the connection, or that asks to wait 3 or 90 seconds. Counted is what the server accepted.
SDKs that are not installed are left out: `pip install twilio telnyx aiobotocore openai`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib import import_module, metadata
from typing import Literal

from attrs import define, field, frozen

from benchmarks.figures import Bar, Figure, tell
from ip1_async import Client, IP1Error, OutcomeUnknown, RateLimited, Sent
from tests.misbehaving import heard, reset, serving

PATIENCE = 20.0
"""Seconds after which a send that still waits is ended from outside."""
ONE_REQUEST = 1.0
"""Seconds that each SDK is told to give one request."""

Situation = Literal["silent", "500", "reset", "429 with 3 s", "429 with 90 s"]
SITUATIONS: tuple[Situation, ...] = ("silent", "500", "reset", "429 with 3 s", "429 with 90 s")


@define
class Provider:
    """Any provider: every POST is a message, whatever its path; a GET lists the batches that were accepted."""

    situation: Situation
    posts: int = 0
    accepted: list[str] = field(factory=list)
    """The references, which only ours have."""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, _, body = (await heard(reader)).partition(b"\r\n\r\n")
            if head.startswith(b"GET"):
                await _say(writer, 200, [{"id": str(at), "reference": each} for at, each in enumerate(self.accepted)])
                continue
            self.posts += 1
            if self.situation.startswith("429") and self.posts == 1:
                await _say(writer, 429, _problem(body), f"Retry-After: {self.situation.split()[2]}")
                continue
            self.accepted.append(json.loads(body).get("reference", "") if body.startswith(b"{") else "")
            match self.situation:
                case "silent":
                    await reader.read()
                case "reset":
                    return reset(writer)
                case "500":
                    await _say(writer, 500, _problem(body))
                case _:
                    await _say(writer, 200, {"id": "b1"})


def _problem(body: bytes) -> object:
    """A refusal in the form that the SDK expects, so that it is not the form that stops it."""
    if body.startswith(b"Action="):
        return "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message/></Error></ErrorResponse>"
    return {"title": "no", "errors": []}


async def _say(writer: asyncio.StreamWriter, status: int, body: object, *headers: str) -> None:
    data = (body if isinstance(body, str) else json.dumps(body)).encode()
    kind = "text/xml" if isinstance(body, str) else "application/json"
    head = [f"HTTP/1.1 {status} Said", f"Content-Type: {kind}", f"Content-Length: {len(data)}", *headers, "", ""]
    writer.write("\r\n".join(head).encode() + data)
    await writer.drain()


@frozen
class Cell:
    """What became of one message."""

    accepted: int
    posts: int
    words: str
    seconds: float
    right: bool = True
    """Whether what the SDK said is so; judged for ours only."""


async def ours(url: str, situation: Situation) -> tuple[str, bool]:
    patience = 8.0 if situation.startswith("429") else ONE_REQUEST
    async with Client("token", base_url=url, timeout=patience) as ip1:
        try:
            await ip1.batches.send(sender="iP1", recipients=["46700000001"], body="Hello")
        except OutcomeUnknown as unknown:
            found = await unknown.resolve()
            said = f"OutcomeUnknown, resolve() -> {type(found).__name__}"
            return said, isinstance(found, Sent) and found.batch.reference == unknown.reference
        except RateLimited as limited:
            return f"RateLimited, retry_after={limited.retry_after:.0f}", situation == "429 with 90 s"
        except IP1Error as other:
            return type(other).__name__, False
        return "sent", situation == "429 with 3 s"


async def twilio(url: str, retries: int | None = None) -> None:
    http, rest = import_module("twilio.http.async_http_client"), import_module("twilio.rest")
    async with http.AsyncTwilioHttpClient(timeout=ONE_REQUEST, max_retries=retries) as session:
        client = rest.Client("AC0", "token", http_client=session)
        client.api.base_url = url
        await client.messages.create_async(to="+46700000001", from_="+46700000002", body="Hello")


async def twilio_with_retries(url: str) -> None:
    await twilio(url, 3)


async def telnyx(url: str) -> None:
    async with import_module("telnyx").AsyncTelnyx(api_key="token", base_url=url, timeout=ONE_REQUEST) as client:
        await client.messages.send(to="+46700000001", from_="+46700000002", text="Hello")


async def sns(url: str) -> None:
    session = import_module("aiobotocore.session").get_session()
    config = import_module("aiobotocore.config").AioConfig(connect_timeout=ONE_REQUEST, read_timeout=ONE_REQUEST)
    async with session.create_client(
        "sns", region_name="eu-north-1", endpoint_url=url, config=config,
        aws_access_key_id="id", aws_secret_access_key="secret",
    ) as client:  # fmt: skip
        await client.publish(PhoneNumber="+46700000001", Message="Hello")


async def openai(url: str) -> None:
    async with import_module("openai").AsyncOpenAI(api_key="token", base_url=url, timeout=ONE_REQUEST) as client:
        await client.responses.create(model="any", input="Hello")


MODULES = {
    "twilio": ("twilio.rest", "twilio.rest.api", "twilio.http.async_http_client"),
    "telnyx": ("telnyx", "telnyx.resources.messages"),
    "aiobotocore": ("aiobotocore.session", "aiobotocore.config"),
    "openai": ("openai", "openai.resources.responses"),
}

PEERS: Mapping[str, tuple[str, Callable[[str], Awaitable[None]]]] = {
    "twilio": ("twilio", twilio),
    "twilio, max_retries=3": ("twilio", twilio_with_retries),
    "telnyx": ("telnyx", telnyx),
    "aiobotocore SNS": ("aiobotocore", sns),
    "openai": ("openai", openai),
}


async def theirs(url: str, send: Callable[[str], Awaitable[None]]) -> tuple[str, bool]:
    try:
        async with asyncio.timeout(PATIENCE):
            await send(url)
    except TimeoutError as late:
        # Also what a time-out of their own looks like; the seconds tell which it was.
        return type(late).__name__, True
    except Exception as error:
        return type(error).__name__, True
    return "sent", True


async def cell(name: str, situation: Situation) -> Cell:
    provider = Provider(situation)
    async with serving(provider.talk) as (address, _):
        url, began = f"http://{address}", time.perf_counter()
        said, right = await (ours(url, situation) if name == OURS else theirs(url, PEERS[name][1]))
        took = time.perf_counter() - began
        if took >= PATIENCE:
            said = "still waiting"
        return Cell(len(provider.accepted), provider.posts, said, took, right)


OURS = "ip1_async"


def installed() -> list[str]:
    """Our own name and those of the peers that are there, each printed with its version."""
    names = [OURS]
    for name, (package, _) in PEERS.items():
        try:
            print(f"{name}: {package} {metadata.version(package)}")
            # Now, since it takes seconds, which would count as the server's.
            for module in MODULES[package]:
                import_module(module)
            names.append(name)
        except metadata.PackageNotFoundError:
            print(f"{name}: not installed")
    return names


async def measured(names: Sequence[str]) -> dict[tuple[str, Situation], Cell]:
    """What became of one message of each, in every situation."""
    cells: dict[tuple[str, Situation], Cell] = {}
    # Ours when nobody else is at work: a peer's client takes a second to make, in which no time-out but ours would end.
    for some in ([OURS], [name for name in names if name != OURS]):
        keys: list[tuple[str, Situation]] = [(name, situation) for name in some for situation in SITUATIONS]
        cells |= zip(keys, await asyncio.gather(*(cell(*key) for key in keys)), strict=True)
    return cells


async def main() -> int:
    names = installed()
    cells = await measured(names)
    print(f"\n{'accepted (POSTs)':<24}" + "".join(f"{situation:>16}" for situation in SITUATIONS))
    for name in names:
        row = (cells[name, situation] for situation in SITUATIONS)
        print(f"{name:<24}" + "".join(f"{f'{each.accepted} ({each.posts})':>16}" for each in row))
    print()
    for (name, situation), each in cells.items():
        print(f"{name:<24}{situation:<16}{each.words} after {each.seconds:.1f} s")
    print()
    return tell(figures(cells))


def figures(cells: Mapping[tuple[str, Situation], Cell]) -> list[Figure]:
    """Ours against the bars: accepted once, or not at all where the wait is too long, and the truth said of it."""
    mine: dict[Situation, Cell] = {situation: cells[OURS, situation] for situation in SITUATIONS}
    wanted: dict[Situation, int] = {situation: 0 if situation == "429 with 90 s" else 1 for situation in SITUATIONS}
    missing = sum(mine[situation].accepted < wanted[situation] for situation in SITUATIONS)

    def accepted(situation: Situation) -> Figure:
        most = Bar("<=", wanted[situation])
        return Figure(f"double_send.{situation.replace(' ', '_')}", mine[situation].accepted, "accepted", most)

    return [
        *map(accepted, SITUATIONS),
        # Else one that never sends anything would do best.
        Figure("double_send.not_accepted", missing, "sends", Bar("<=", 0)),
        Figure("double_send.wrong_verdicts", sum(not each.right for each in mine.values()), "sends", Bar("<=", 0)),
    ]


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
