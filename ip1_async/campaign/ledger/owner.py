"""Who runs a campaign: one process at a time, told apart from every other, also from a later one with the same number."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

from attrs import field, frozen


@frozen(kw_only=True)
class Owner:
    """A process."""

    name: str
    """For people, such as `process 4711 on web-1`."""
    machine: str = field(repr=False)
    """The same only for processes that can see each other, and only until the machine is started again."""
    pid: int
    started: str = field(repr=False)
    """When the process began, in the system's own words; a number is given to another process some day."""


def this_process() -> Owner:
    """The process that asks."""
    pid = os.getpid()
    return Owner(
        name=f"process {pid} on {platform.node() or 'this machine'}", machine=_machine(), pid=pid, started=_started(pid)
    )


def is_dead(owner: Owner) -> bool:
    """Whether a process surely runs no more; False for one of another machine, of which nothing can be known."""
    return bool(owner.machine) and owner.machine == _machine() and _started(owner.pid) != owner.started


def _machine() -> str:
    if sys.platform == "linux":
        return f"{platform.node()} {_line('/proc/sys/kernel/random/boot_id')} {_link('/proc/self/ns/pid')}"
    return f"{platform.node()} {_said('sysctl', '-n', 'kern.boottime')}"


def _started(pid: int) -> str:
    """When a process began; empty for one that is gone, or dead and not yet buried."""
    if sys.platform == "linux":
        # Behind the name, which may hold blanks and parentheses: the state, 18 other fields, and the start time.
        facts = _line(f"/proc/{pid}/stat").rpartition(")")[2].split()
        return "" if len(facts) < 20 or facts[0] in "ZX" else facts[19]
    return _said("ps", "-o", "lstart=", "-p", str(pid))


def _line(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _said(*command: str) -> str:
    # In words that are the same whoever asks, and also when the clocks are put forward.
    plain = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=plain).stdout.strip()  # noqa: S603
