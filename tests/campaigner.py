"""Runs campaigns in processes of their own, to be killed and stopped: `python -m tests.campaigner` forks one for each order.

It has everything imported, so that a run starts within milliseconds. Orders come as lines of JSON on its standard input,
what becomes of them as lines on its standard output, each naming the process. `Campaigners` is a test's end of that.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import sqlite3
import sys
from collections import defaultdict, deque
from collections.abc import Callable, Collection
from types import FrameType, TracebackType
from typing import Any, Literal, NoReturn, Self, TypeVar

from attrs import asdict, frozen

from ip1_async import Client
from ip1_async.campaign.ledger import SQLiteLedger
from ip1_async.campaign.ledger.owner import Owner
from ip1_async.campaign.running.door import ClientDoor
from ip1_async.campaign.running.opt_outs import OptOuts, nobody
from ip1_async.campaign.running.runner import Runner
from ip1_async.campaign.running.terms import Terms
from ip1_async.campaign.transitions import Chunk
from ip1_async.clock import SystemClock

T = TypeVar("T")


@frozen(kw_only=True)
class Order:
    """One run of a campaign, and what is to go wrong in its process; seconds where it is not a count."""

    ledger: str
    url: str
    landing: float = 0.3
    visibility: float = 0.3
    deadline: float = 0.5
    lease: float | None = None
    timeout: float = 1.0
    concurrency: int = 4
    on_absent: Literal["review", "retry"] = "retry"
    crash: int | None = None
    """The transition, counted from 1, at which the process dies."""
    committed: bool = False
    """It dies when that is on the disk; else in the middle, before it is."""
    stop: int | None = None
    """The claim, counted from 1, after which the process stops, before it sends; 0 is before it takes the lease."""
    blind: bool = False
    """It sends again whatever it does not know to have been sent."""


class Fragile(SQLiteLedger):
    """Dies or stops where it is told to."""

    def __init__(self, order: Order) -> None:
        super().__init__(order.ledger)
        self._order = order
        self._transitions = self._claims = 0

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        self._transitions += 1
        dies = self._transitions == self._order.crash
        made = await super().do(_dying(work) if dies and not self._order.committed else work)
        return _die() if dies else made

    async def take(self, owner: Owner, *, at: float, until: float) -> int:
        if self._order.stop == 0:
            os.kill(os.getpid(), signal.SIGSTOP)
        return await super().take(owner, at=at, until=until)

    async def claim(self, lease: int, *, at: float, zones: Collection[str]) -> Chunk | None:
        chunk = await super().claim(lease, at=at, zones=zones)
        self._claims += chunk is not None
        if chunk is not None and self._claims == self._order.stop:
            os.kill(os.getpid(), signal.SIGSTOP)
        return chunk

    async def adopt(self, chunk: int, batch: str, *, at: float) -> bool:
        found = await super().adopt(chunk, batch, at=at)
        tell(resolved=int(found))
        return found

    async def absent(self, lease: int, chunk: Chunk, *, again: bool, at: float) -> bool:
        moved = await super().absent(lease, chunk, again=again, at=at)
        tell(resolved=int(moved))
        return moved


class Blind(Fragile):
    """What a loop over a send call knows: that it was sent, or not that it was."""

    async def take_over(self, lease: int, *, at: float) -> int:
        await self.do(lambda db: db.execute("UPDATE chunks SET state = 'PENDING' WHERE state = 'SENDING'").fetchall())
        return 0

    async def doubt(self, lease: int, chunk: Chunk, reason: str, *, acknowledged: bool, at: float) -> None:
        await self.give_back(lease, chunk, reason, not_before=at)

    async def adopt(self, chunk: int, batch: str, *, at: float) -> bool:
        return False


def _dying(work: Callable[[sqlite3.Connection], T]) -> Callable[[sqlite3.Connection], T]:
    def dying(db: sqlite3.Connection) -> T:
        work(db)
        _die()

    return dying


def _die() -> NoReturn:
    while True:
        os.kill(os.getpid(), signal.SIGKILL)


def tell(**facts: object) -> None:
    """One line, of this process where it names no other, written at once, so that those of many do not mix."""
    os.write(1, json.dumps({"pid": os.getpid(), **facts}).encode() + b"\n")


async def campaign(order: Order) -> None:
    """Runs it; SIGTERM stops it as its `stop` does, SIGINT cancels it, and twice cuts it off."""
    ledger = (Blind if order.blind else Fragile)(order)
    try:
        async with Client(
            "sandbox", base_url=order.url, timeout=order.timeout, rate=None, max_in_flight=order.concurrency
        ) as ip1:
            runner = await made(order, ledger, ip1)
            listen(runner)
            async for _ in runner.outcomes():
                pass
    finally:
        await ledger.close()


async def made(order: Order, ledger: SQLiteLedger, ip1: Client) -> Runner:
    door, clock = ClientDoor(ip1), SystemClock()
    terms = Terms(
        landing=order.landing, visibility=order.visibility, deadline=order.deadline, lease=order.lease,
        on_absent=order.on_absent,
    )  # fmt: skip
    return Runner(
        ledger, await ledger.facts(), door, opt_outs=OptOuts(door.blacklist, nobody, clock), terms=terms,
        concurrency=order.concurrency, clock=clock,
    )  # fmt: skip


def listen(runner: Runner) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def cancel() -> None:
        task.cancel()
        # Not before the task has got to know it: two at once would be one.
        loop.call_soon(lambda: tell(cancelled=True))

    loop.add_signal_handler(signal.SIGTERM, runner.stop)
    loop.add_signal_handler(signal.SIGINT, cancel)


def child(order: Order) -> NoReturn:
    """Runs a campaign and ends."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    error: BaseException | None = None
    try:
        asyncio.run(campaign(order))
    except BaseException as wrong:
        error = wrong
    tell(error="" if error is None else type(error).__name__, words=str(error or ""))
    os._exit(0)


def main() -> None:
    """Forks a process for each order, signals those that it is told to, and tells when one has stopped or ended."""
    # The provider is a process of this machine, too, and must keep its times where the machine is busy.
    os.nice(5)
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, _noted)
    running: set[int] = set()
    rest, come = b"", b"-"
    while come:
        ready, _, _ = select.select([0, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            _bury(running)
        if 0 in ready:
            come = os.read(0, 65536)
            *lines, rest = (rest + come).split(b"\n")
            for line in lines:
                _obey(json.loads(line), running)
    for pid in running:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _obey(said: dict[str, Any], running: set[int]) -> None:
    if "signal" in said:
        # Only one that has not been waited for: its number cannot be another process's.
        if said["pid"] in running:
            os.kill(said["pid"], said["signal"])
        return
    order = Order(**said)
    pid = os.fork()
    if not pid:
        child(order)
    running.add(pid)
    tell(started=pid)


def _noted(number: int, frame: FrameType | None) -> None:
    """Without a handler nothing would be written to the pipe that wakes."""


def _bury(running: set[int]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
        if not pid:
            return
        if os.WIFSTOPPED(status):
            tell(pid=pid, stopped=True)
        else:
            running.discard(pid)
            tell(pid=pid, code=os.waitstatus_to_exitcode(status))


class Campaigner:
    """A process that runs a campaign."""

    def __init__(self, pid: int, send: Callable[[signal.Signals], None]) -> None:
        self.pid, self.send = pid, send
        self.resolved = 0
        """Chunks in doubt whose fate it has found out."""
        self.error = self.words = ""
        """What its run has raised."""
        self.code: int | None = None
        """Its exit code, once it has ended: below 0 is the signal that has killed it."""
        self.stopped, self.cancelled, self.ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    def hear(self, said: dict[str, Any]) -> None:
        self.resolved += said.get("resolved", 0)
        if "stopped" in said:
            self.stopped.set()
        if "cancelled" in said:
            self.cancelled.set()
        if "error" in said:
            self.error, self.words = said["error"], said["words"]
        if "code" in said:
            self.code = said["code"]
            self.ended.set()

    async def kill(self) -> None:
        self.send(signal.SIGKILL)
        await self.ended.wait()


class Campaigners:
    """Starts processes that run campaigns, all of which have ended when this has: `async with Campaigners() as start`."""

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.campaigner", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        self._started: deque[asyncio.Future[Campaigner]] = deque()
        self._known: dict[int, Campaigner] = {}
        self._early: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
        self._hearing = asyncio.create_task(self._hear())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
        await self._hearing

    async def __call__(self, order: Order) -> Campaigner:
        started: asyncio.Future[Campaigner] = asyncio.get_running_loop().create_future()
        self._started.append(started)
        self._say(asdict(order))
        return await started

    def _say(self, words: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(words).encode() + b"\n")

    async def _hear(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            said = json.loads(line)
            if "started" in said:
                self._start(said["started"])
            elif said["pid"] in self._known:
                self._known[said["pid"]].hear(said)
                if "code" in said:
                    # The number may be given to another process.
                    del self._known[said["pid"]]
            else:
                # It was quicker than the word that it has started.
                self._early[said["pid"]].append(said)

    def _start(self, pid: int) -> None:
        campaigner = Campaigner(pid, lambda signal: self._say({"pid": pid, "signal": signal}))
        self._known[pid] = campaigner
        for each in self._early.pop(pid, ()):
            campaigner.hear(each)
        if not (started := self._started.popleft()).done():
            started.set_result(campaigner)


if __name__ == "__main__":
    main()
