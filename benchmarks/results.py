"""The page of results: what ran where, with which versions, and a table with a row for every bar."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from attrs import frozen

from benchmarks.peers import versions

COMPARED = (
    "aiohttp", "attrs", "cattrs", "yarl", "orjson", "msgspec", "uvloop", "pydantic", "httpx", "twilio", "aiolimiter", "telnyx",
    "aiobotocore", "openai",
)  # fmt: skip

BARS: Mapping[str, tuple[int, str]] = {
    "sends.10_beside_bare": (1, "sends of 10 recipients, beside bare aiohttp with orjson"),
    "sends.10_beside_usual": (2, "sends of 10, beside aiohttp as people write it"),
    "sends.1000_beside_usual": (2, "sends of 1,000, beside aiohttp as people write it"),
    "decoding_beside_struct": (3, "a page of 200 to values, beside msgspec.Struct"),
    "decoding_beside_cattrs": (3, "the same, beside cattrs.preconf.orjson"),
    "decoding_beside_pydantic": (3, "the same, beside pydantic"),
    "decoding_required_only_beside_cattrs": (4, "the same with the required dependencies only, beside cattrs"),
    "walk.beside_bare": (5, "a streamed list, beside bare aiohttp with orjson over dicts"),
    "walk.beside_httpx_pydantic": (5, "the same, beside httpx with pydantic"),
    "walk.beside_twilio": (5, "the same, beside Twilio's stream_async"),
    "walk": (5, "memory that a walk of the whole list takes"),
    "pages.one_by_one": (6, "pages of 30 ms one by one: the bound over the time it took"),
    "pages.read_ahead": (6, "the same with read-ahead and a consumer of 25 ms"),
    "pages.eight_at_a_time": (6, "the same, eight at a time"),
    "limiter.uncontended": (7, "a turn that is due, in parts of aiolimiter's time"),
    "limiter": (7, "the limiter with 1,000 waiters"),
    "campaign": (8, "a durable campaign"),
    "importing": (9, "import ip1_async, beside import aiohttp"),
    "importing_client": (9, "from ip1_async import Client, beside import aiohttp"),
    "importing.optional": (9, "optional packages that the import, or a call, brings in"),
    "keeping": (10, "memory of messages in a list, beside msgspec.Struct"),
    "double_send": (11, "one send, and a server that accepts it and fails"),
}
"""Which bar a figure belongs to, and what it measures, by how its name begins; the longest beginning counts."""

INTRODUCTION = """\
Made by `nox -s bench` on {:%d %B %Y}. Every speed is that of a peer that took turns with us in the same run, given as how many
times as fast we are: the median over the slices. CPU time has the bar and wall time stands beside it, except where waiting is what
is measured. A bar is missed when a figure falls short of it by more than 10 %; within that it is noise. Bar 12, a limiter that
processes share, is not built yet."""

_line = re.compile(r"(\S+)\s+(-?[\d.,]+(?:x| \S+))\s+(-|[<>]= -?[\d.,]+(?:x| \S+))\s+(met|within noise|MISSED|no bar)")


@frozen
class Line:
    """A figure as a program printed it."""

    name: str
    amount: str
    bar: str
    verdict: str


@frozen
class Run:
    """What a program printed, and how it ended."""

    program: str
    status: int
    output: str
    seconds: float

    @property
    def lines(self) -> Sequence[Line]:
        return [Line(*found.groups()) for each in self.output.splitlines() if (found := _line.fullmatch(each))]

    @property
    def failed(self) -> bool:
        """Whether it ended before it had told everything: one that only missed a bar says so in a line."""
        missed = any(line.verdict == "MISSED" for line in self.lines)
        return "Traceback (most recent call last)" in self.output or (self.status != 0 and not missed)


def belongs(name: str) -> tuple[int, str] | None:
    """The number of the bar and what is measured; None where no bar is meant."""
    begun = [beginning for beginning in BARS if name.startswith(beginning)]
    return BARS[max(begun, key=len)] if begun else None


def written(runs: Sequence[Run], now: datetime | None = None) -> str:
    """The page, as Markdown."""
    failed = [run for run in runs if run.failed]
    parts = [
        "# Results of the benchmarks",
        INTRODUCTION.format(now or datetime.now(UTC)),
        "\n".join(f"* {name}: {said}" for name, said in machine().items()),
        "\n".join(_table(runs)),
        *(f"**{run.program} failed**: it ended with {run.status} before it had told everything." for run in failed),
        "## Everything that was printed",
        *(f"`python -m {run.program}`, {run.seconds:.0f} s:\n\n```\n{run.output.strip()}\n```" for run in runs),
    ]
    return "\n\n".join(parts) + "\n"


def _table(runs: Sequence[Run]) -> list[str]:
    lines = {line.name: line for run in runs for line in run.lines}
    rows = [
        (
            bar,
            f"| {bar} | {what} | {_short(line.name)} | {line.amount} | {_wall(line, lines)} | {line.bar} | {line.verdict} |",
        )
        for line in lines.values()
        if line.verdict != "no bar" and (found := belongs(line.name))
        for bar, what in [found]
    ]
    head = ["| bar | what | figure | value | wall | to reach | verdict |", "|---|---|---|---|---|---|---|"]
    return head + [row for _, row in sorted(rows, key=lambda each: each[0])]


def _short(name: str) -> str:
    return f"`{name.removesuffix('.cpu')}`"


def _wall(line: Line, lines: Mapping[str, Line]) -> str:
    """The same by wall time, where CPU time has the bar."""
    beside = re.sub(r"\bcpu(?=_|$)", "wall", line.name)
    return lines[beside].amount if beside != line.name and beside in lines else ""


def machine() -> dict[str, str]:
    """What it ran on, and with which versions."""
    compared = versions(COMPARED)
    return {
        "Machine": f"{_processor()}, {os.cpu_count()} cores, {_memory():.0f} GiB of memory",
        "System": f"{_system()}, Python {platform.python_version()} ({platform.python_implementation()})",
        "Versions": ", ".join(f"{name} {version}" for name, version in compared.items()),
        "Not installed": ", ".join(name for name in COMPARED if name not in compared) or "nothing",
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(), re.MULTILINE) if cpuinfo.exists() else None
    return found[1] if found else platform.machine()


def _memory() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.platform(terse=True)
