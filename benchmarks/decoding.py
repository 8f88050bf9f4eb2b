"""A page of 200 messages, from bytes to values, beside what others make of it.

`python -m benchmarks.decoding`. Ours is what a row of the table does with an answer. It is measured with whatever decoder
is installed, and once more in a process that cannot import what the extra `speed` brings.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence

from benchmarks.figures import Bar, Figure, tell
from benchmarks.messages import BATCH, page
from benchmarks.peers import cattrs_decoder, missing, pydantic_decoder, struct_decoder
from benchmarks.slices import Way, beside, each, in_turn
from ip1_async import Client, Message
from ip1_async.wire import Response

PAGE, PAGES = 200, 20
SLICES = 15
OPTIONAL = ("orjson", "msgspec", "uvloop")
"""What the extra `speed` brings."""

Decoder = Callable[[bytes], Sequence[object]]


def ours(body: bytes) -> list[Message]:
    """What the row does with a whole answer."""
    found: list[Message] = Client.batches.messages.read(Response(200, {}, body), (BATCH,))
    return found


def decoding(decode: Decoder, pages: Sequence[bytes]) -> Way:
    async def slice_() -> None:
        for body in pages:
            assert len(decode(body)) == PAGE

    return slice_


async def compared(peers: Mapping[str, tuple[Decoder, Bar]], name: str, pages: int, slices: int) -> list[Figure]:
    """Ours beside each of these, on pages that are all different."""
    bodies = [page(start * PAGE, PAGE) for start in range(pages)]
    ways = {"ours": decoding(ours, bodies)} | {peer: decoding(decode, bodies) for peer, (decode, _) in peers.items()}
    took = await in_turn(ways, slices)
    for way, some in took.items():
        print(each(f"{way}, a message", some, pages * PAGE))
    return [
        figure
        for peer, (_, bar) in peers.items()
        for figure in beside(f"{name}_beside_{peer}", took["ours"], took[peer], bar)
    ]


def with_everything(pages: int, slices: int) -> list[Figure]:
    gone = missing("msgspec", "orjson", "pydantic")
    peers: dict[str, tuple[Decoder, Bar]] = {}
    if "msgspec" not in gone:
        peers["struct"] = struct_decoder(), Bar(">=", 0.5)
    if "orjson" not in gone:
        peers["cattrs"] = cattrs_decoder("orjson"), Bar(">=", 4.0)
    if "pydantic" not in gone:
        peers["pydantic"] = pydantic_decoder(), Bar(">=", 1.7)
    return asyncio.run(compared(peers, "decoding", pages, slices))


def required_only(pages: int, slices: int) -> list[Figure]:
    """In a process that cannot import the rest."""
    peers: dict[str, tuple[Decoder, Bar]] = {"cattrs": (cattrs_decoder("json"), Bar(">=", 2.3))}
    return asyncio.run(compared(peers, "decoding_required_only", pages, slices))


def without_the_optional(*arguments: str) -> int:
    """This program in a process in which they cannot be imported; gives its exit status."""
    program = (
        f"import runpy, sys; sys.modules.update(dict.fromkeys({OPTIONAL!r})); sys.argv[1:] = {list(arguments)!r}\n"
        "runpy.run_module('benchmarks.decoding', run_name='__main__', alter_sys=True)"
    )
    return subprocess.run([sys.executable, "-c", program], check=False).returncode


def main() -> int:
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--pages", type=int, default=PAGES, help=f"pages in a slice ({PAGES})")
    asked.add_argument("--slices", type=int, default=SLICES, help=f"slices of each way ({SLICES})")
    asked.add_argument("--required-only", action="store_true", help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.required_only:
        return tell(required_only(given.pages, given.slices))
    status = tell(with_everything(given.pages, given.slices))
    sizes = f"--pages={given.pages}", f"--slices={given.slices}"
    return max(status, without_the_optional("--required-only", *sizes))


if __name__ == "__main__":
    sys.exit(main())
