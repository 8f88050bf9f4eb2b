"""What 100,000 messages in a list take in memory, beside the same as `msgspec.Struct`.

`python -m benchmarks.keeping`. Each kind is measured in a process of its own, which reads one page after another and keeps
every message.
"""

from __future__ import annotations

import argparse
import gc
import resource
import subprocess
import sys
from pathlib import Path

from benchmarks.decoding import PAGE, Decoder, ours
from benchmarks.figures import Bar, Figure, tell
from benchmarks.messages import page
from benchmarks.peers import missing, struct_decoder

SLICES = 3
"""Memory is no matter of mood."""


def kept(kind: str, messages: int) -> float:
    """MiB by which the process grows with so many messages."""
    decode: Decoder = ours if kind == "ours" else struct_decoder()
    # Modules, caches and whatever is made once are not the messages' own.
    rows = list(decode(page(0, PAGE)))
    gc.collect()
    before = _resident()
    for start in range(PAGE, messages + PAGE, PAGE):
        rows += decode(page(start, PAGE))
    gc.collect()
    grown = _resident() - before
    assert len(rows) >= messages
    return grown


def _resident() -> float:
    """MiB of memory that this process has; the most that it ever had, where the system does not tell."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    return int(status.partition("VmRSS:")[2].split()[0]) / (1 << 10)


def apart(kind: str, messages: int) -> float:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.keeping", f"--messages={messages}", f"--keep={kind}"]
    return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def measured(messages: int, slices: int) -> list[Figure]:
    alone = bool(missing("msgspec"))
    taken = [(apart("ours", messages), 0.0 if alone else apart("struct", messages)) for _ in range(slices)]
    ours_, structs = (sorted(column)[slices // 2] for column in zip(*taken, strict=True))
    figures = [Figure("keeping.ours", ours_, "MiB")]
    if not alone:
        figures += [
            Figure("keeping.struct", structs, "MiB"),
            Figure("keeping.beside_struct", ours_ / structs, bar=Bar("<=", 1.05)),
        ]
    return figures


def main() -> int:
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--messages", type=int, default=100_000, help="messages that are kept (100000)")
    asked.add_argument("--slices", type=int, default=SLICES, help=f"processes of each kind ({SLICES})")
    asked.add_argument("--keep", choices=["ours", "struct"], help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.keep is None:
        return tell(measured(given.messages, given.slices))
    print(kept(given.keep, given.messages))
    return 0


if __name__ == "__main__":
    sys.exit(main())
