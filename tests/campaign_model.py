"""What a campaign does, as a model small enough that every state of it can be visited: the specification of the runner.

A `State` holds all that counts: the rows of the ledger, the lease, what each runner is in the middle of, the requests that
were written and the provider's batches. `Model.steps` gives everything that may happen next, in the words of the algorithm
(resume, claim, guard, post, settle, wait, scan, settle again) and of the world around it. test_campaign_model.py visits all
that can come of it, with every assumption, and with each one taken away.

What is left out, and why nothing is lost by it:

* Nobody has to act; only the provider's promises are kept in time. So a runner that is stopped at any instant, for any time,
  is one that takes no step, and a process that has not started is one that is idle without the lease. `not_before`, and
  how it is known that an owner is dead, only put steps off.
* No decision reads the number of an attempt, as any attempt of a chunk counts. It is not kept, and any number is covered.
* Of an epoch only this counts: whether it is still the row's. So it is kept as `CURRENT` or `OLD`.
* Asking whether it is too late and writing the request are one step: that is assumption A6.
* Time is whole ticks, the same for all: a clock that jumps ahead is a Q that is too short. "Within L" includes the L-th tick,
  and what is due in a tick happens before anything else does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeVar

from attrs import evolve, frozen

TRANSITIONS: frozenset[tuple[str, str, str]] = frozenset(
    {
        ("claim", "PENDING", "SENDING"),
        ("give_back", "SENDING", "PENDING"),
        ("accept", "SENDING", "ACCEPTED"),
        ("reject", "SENDING", "REJECTED"),
        ("split", "SENDING", "SPLIT"),
        ("doubt", "SENDING", "UNKNOWN"),
        ("take_over", "SENDING", "UNKNOWN"),
        ("take_over", "UNKNOWN", "UNKNOWN"),
        ("adopt", "PENDING", "ACCEPTED"),
        ("adopt", "UNKNOWN", "ACCEPTED"),
        ("adopt", "REVIEW", "ACCEPTED"),
        ("absent_review", "UNKNOWN", "REVIEW"),
        ("absent_retry", "UNKNOWN", "PENDING"),
        ("decide_accept", "REVIEW", "ACCEPTED"),
        ("decide_resend", "REVIEW", "PENDING"),
    }
)
"""Every change of a chunk's row: its name, the state it starts from, the state it leads to."""

Rule = Literal[
    "A1: a request makes one batch",
    "A1: the list shows references",
    "A2: an aborted request is accepted within L",
    "A2: so is one whose runner has lost the lease",
    "A3: a batch is listed within V",
    "A4: a committed intent survives",
    "A4: no old copy of the ledger is restored",
    "A5: there is one ledger",
    "A6: nobody writes later than D",
    "a complete 4xx makes no batch",
    "resume asks for the lease",
    "a claim asks for the lease",
    "a claim renews the lease",
    "a claim comes before its request",
    "every change asks for the epoch",
    "a claim raises the epoch",
    "resume raises the epoch",
    "a connection is reset before its chunk is UNKNOWN",
    "resume starts the quarantine of UNKNOWN afresh",
    "a scan waits for Q",
    "an error is not absence",
    "pages overlap",
]
"""What can be taken away, of the assumptions first and then of the algorithm.

A2 has two parts, as a runner that is stopped does not abort its connection: when its lease is taken over, L must hold from
then on. A provider that decides about every request within L of its being written keeps both. That a complete 4xx makes no
batch is an assumption too, or P4 could not give back, reject or split.
"""


@frozen(kw_only=True)
class Setting:
    """A campaign and its world; as it stands, A1 to A6 hold and every rule is kept."""

    policy: Literal["review", "retry_absent"]
    person: bool = False
    """Whether somebody decides what is in review, knowing no more than the ledger does."""
    recipients: str = "a"
    """Those of the one chunk, a letter each; two can be split."""
    sends_halves: bool = True
    """Whether the halves of a chunk that was split are claimed."""
    runners: int = 2
    landing: int = 2
    """L, in ticks, as are the others."""
    visibility: int = 1
    """V."""
    deadline: int = 1
    """D."""
    quarantine: int = 3
    """Q."""
    lease: int = 1
    """How long a lease lasts after it was taken or renewed."""
    without: frozenset[Rule] = frozenset()
    """What does not hold."""


CURRENT, OLD = 0, -1
"""The epoch that somebody remembers of a row: the row's own, or one from before a claim or a takeover raised it."""

NOBODY = -1

NEVER = "never"
"""Of a request that the server will not accept any more, and says nothing to."""

READS: tuple[tuple[int, ...], ...] = ((0, 1), (1, 2))
"""A scan: the half pages of the list, newest first, that each of its reads shows."""


# Named tuples, as states are hashed and compared often and theirs is done in C; but not for the tasks, which take each
# other's places: tuples of equal numbers are equal, whatever they are called.


class Row(NamedTuple):
    """A chunk in the ledger."""

    recipients: str
    state: str = "PENDING"
    quarantine: int = 0
    """Ticks that are left of it, while UNKNOWN."""
    batches: int = 0
    """How many of its batches are known: two are an incident; none, when it is ACCEPTED, is a person's word."""


@frozen(cache_hash=True)
class Sending:
    """A runner has claimed a chunk and has not written its request."""

    chunk: int
    epoch: int
    window: int
    """Ticks in which it may still write; below 0 it is too late."""


@frozen(cache_hash=True)
class Posted:
    """A runner has written its request."""

    chunk: int
    epoch: int
    claimed: bool


@frozen(cache_hash=True)
class Scanning:
    """A runner reads the list."""

    epochs: tuple[int, ...]
    """Of the rows, as they were at the beginning."""
    waited: tuple[bool, ...]
    """Of the rows: whether each was UNKNOWN at the beginning and its quarantine over."""
    reads: int = 0
    seen: frozenset[int] = frozenset()
    """The numbers of this campaign's batches met so far."""


Task = Sending | Posted | Scanning | None


class Request(NamedTuple):
    """A request that was written."""

    chunk: int
    runner: int
    """Whose connection it came by; NOBODY once that is gone."""
    left: int | None = None
    """Ticks in which it may still be accepted; None where nothing limits them, or where it is decided."""
    answer: str = ""
    """What the server has decided."""


class Batch(NamedTuple):
    """What the provider has accepted, and sends."""

    chunk: int
    left: int | None
    """Ticks until it is in the list; None where nothing limits them, or where it is."""
    half: int = -1
    """The half page of the list it is on; below 0 for none yet."""


class State(NamedTuple):
    rows: tuple[Row, ...]
    tasks: tuple[Task, ...]
    """What each runner is in the middle of."""
    owner: int = NOBODY
    """Who holds the lease."""
    lease: int = 0
    """Ticks until it expires."""
    paused: bool = False
    requests: tuple[Request, ...] = ()
    batches: tuple[Batch, ...] = ()


class Step(NamedTuple):
    """What happened, at whose hand, to which chunk."""

    name: str
    who: int = NOBODY
    chunk: int | None = None


Steps = Iterator[tuple[Step, State]]
T = TypeVar("T")


@frozen
class Model:
    """Everything that may happen under one setting."""

    setting: Setting

    def start(self) -> State:
        """Planned, and nothing else. A second ledger with the same people is a row that no row knows of."""
        rows = 1 if self.keeps("A5: there is one ledger") else 2
        return State((Row(self.setting.recipients),) * rows, (None,) * self.setting.runners)

    def keeps(self, rule: Rule) -> bool:
        return rule not in self.setting.without

    def steps(self, state: State) -> Steps:
        """Each thing that may happen next, with the state that it leads to."""
        due = [*self.due(state)]
        if due:
            yield from due
            return
        for me, task in enumerate(state.tasks):
            if task is None:
                yield from self.resume(state, me)
                yield from self.claim(state, me)
                yield from self.scan(state, me)
                yield from self.hear(state, me)
            elif isinstance(task, Sending):
                yield from self.guard(state, me, task)
                yield from self.post(state, me, task)
            elif isinstance(task, Posted):
                yield from self.settle(state, me, task)
            else:
                yield from self.read(state, me, task)
                yield from self.settle_again(state, me, task)
            yield from self.renew(state, me)
            yield from self.crash(state, me)
        yield from self.decide(state)
        yield from self.restore(state)
        yield from self.serve(state)
        yield from self.reset(state)
        yield from self.appear(state)
        yield Step("tick"), self.tick(state)

    # The ledger: each change is one statement, and on the disk before anybody goes on.

    def change(self, state: State, name: str, chunk: int, epoch: int, batches: int = 0) -> State | None:
        """`UPDATE ... WHERE id = ? AND state = ? AND epoch = ?`: None where it met no row."""
        row = state.rows[chunk]
        target = _target.get((name, row.state))
        if target is None or (epoch != CURRENT and self.keeps("every change asks for the epoch")):
            return None
        quarantine = self.setting.quarantine if target == "UNKNOWN" else 0
        if row.state == "UNKNOWN" == target and not self.keeps("resume starts the quarantine of UNKNOWN afresh"):
            quarantine = row.quarantine
        if (name == "claim" and self.keeps("a claim raises the epoch")) or (
            name == "take_over" and self.keeps("resume raises the epoch")
        ):
            state = state._replace(tasks=tuple(_outdated(task, chunk) for task in state.tasks))
        return state._replace(rows=_put(state.rows, chunk, Row(row.recipients, target, quarantine, batches)))

    def finish(self, state: State, me: int, name: str, task: Sending | Posted, batches: int = 0) -> tuple[Step, State]:
        """The runner changes the row of its task and is idle again, also where the row is no longer its own."""
        idle = _doing(state, me, None)
        new = self.change(idle, name, task.chunk, task.epoch, batches)
        return (Step("fenced", me, task.chunk), idle) if new is None else (Step(name, me, task.chunk), new)

    def resume(self, state: State, me: int) -> Steps:
        """Take over: the lease, unless it lives; SENDING and UNKNOWN become UNKNOWN; then see what is in the list."""
        if self.keeps("resume asks for the lease") and (state.owner == me or state.lease > 0):
            return
        new = state._replace(owner=me, lease=self.setting.lease, paused=False)
        for chunk in range(len(state.rows)):
            new = self.change(new, "take_over", chunk, CURRENT) or new
        if self.keeps("A2: so is one whose runner has lost the lease"):
            new = new._replace(requests=tuple(self.limited(request) for request in new.requests))
        yield Step("resume", me), _start_scan(new, me, waited=(False,) * len(new.rows))

    def renew(self, state: State, me: int) -> Steps:
        if state.owner == me and state.lease < self.setting.lease:
            yield Step("renew", me), state._replace(lease=self.setting.lease)

    # P1 to P4

    def claim(self, state: State, me: int) -> Steps:
        """P1: the same statement asks whose the lease is, and the same transaction renews it."""
        if state.paused or (state.owner != me and self.keeps("a claim asks for the lease")):
            return
        for chunk in range(len(state.rows) if self.setting.sends_halves else 1):
            new = self.change(state, "claim", chunk, CURRENT)
            if new is None:
                continue
            if not self.keeps("a claim comes before its request"):
                new = state
            if state.owner == me and self.keeps("a claim renews the lease"):
                new = new._replace(lease=self.setting.lease)
            yield Step("claim", me, chunk), _doing(new, me, Sending(chunk, CURRENT, self.setting.deadline))

    def guard(self, state: State, me: int, task: Sending) -> Steps:
        """P2: too late, or no connection could be made; surely nothing was written."""
        yield self.finish(state, me, "give_back", task)

    def post(self, state: State, me: int, task: Sending) -> Steps:
        """P3: by D after the intent, or not at all."""
        if task.window < 0 and self.keeps("A6: nobody writes later than D"):
            return
        request = Request(task.chunk, me)
        if state.owner != me and self.keeps("A2: so is one whose runner has lost the lease"):
            request = self.limited(request)
        posted = Posted(task.chunk, task.epoch, self.keeps("a claim comes before its request"))
        yield Step("post", me, task.chunk), _doing(state._replace(requests=(*state.requests, request)), me, posted)

    def settle(self, state: State, me: int, task: Posted) -> Steps:
        """P4: by a usable answer; without one the connection is reset, and then the chunk is UNKNOWN."""
        if not task.claimed:
            new = self.change(state, "claim", task.chunk, CURRENT) or state
            yield Step("claim", me, task.chunk), _doing(new, me, Posted(task.chunk, CURRENT, claimed=True))
            return
        mine = next((request for request in state.requests if request.runner == me), None)
        if mine is None:
            yield self.finish(state, me, "doubt", task)
        elif mine.answer not in ("", NEVER):
            yield from self.settle_answer(_replaced(state, mine, None), me, task, mine.answer)
        elif not self.keeps("a connection is reset before its chunk is UNKNOWN"):
            yield self.finish(_replaced(state, mine, mine._replace(runner=NOBODY)), me, "doubt", task)

    def settle_answer(self, state: State, me: int, task: Posted, answer: str) -> Steps:
        several = len(state.rows[task.chunk].recipients) > 1
        first = all(row.state != "ACCEPTED" for row in state.rows)
        if answer == "2xx":
            yield self.finish(state, me, "accept", task, batches=1)
        elif answer == "422":
            step, new = self.finish(state, me, "split" if several else "reject", task)
            if step.name == "split":
                new = new._replace(rows=(*new.rows, *(Row(half) for half in state.rows[task.chunk].recipients)))
            yield step, new
        elif answer == "429":
            yield self.finish(state, me, "give_back", task)
        elif answer == "404" and not first:
            yield self.finish(state, me, "reject", task)
        else:
            step, new = self.finish(state, me, "give_back", task)
            # The runner says why and ends. Whoever starts one again takes it that the reason is gone.
            yield step, new if step.name == "fenced" else new._replace(paused=True, owner=NOBODY, lease=0)

    # R1 to R3

    def scan(self, state: State, me: int) -> Steps:
        """R1: a chunk waits until its Q has passed, and others go on. R2: then the list is read, once for all of them."""
        early = not self.keeps("a scan waits for Q")
        waited = tuple(row.state == "UNKNOWN" and (row.quarantine == 0 or early) for row in state.rows)
        if any(waited) and state.owner == me:
            yield Step("scan", me), _start_scan(state, me, waited)

    def read(self, state: State, me: int, task: Scanning) -> Steps:
        """R2: page after page, back to the anchor; after an error from the beginning again."""
        if task.reads == len(READS):
            return
        halves = READS[task.reads]
        if task.reads > 0 and not self.keeps("pages overlap"):
            halves = halves[1:]
        shown = self.keeps("A1: the list shows references")
        seen = {number for number, batch in enumerate(state.batches) if shown and batch.half in halves}
        yield Step("read", me), _doing(state, me, evolve(task, reads=task.reads + 1, seen=task.seen | seen))
        failed = evolve(task, reads=0, seen=frozenset[int]())
        if not self.keeps("an error is not absence"):
            failed = evolve(task, reads=len(READS))
        yield Step("error", me), _doing(state, me, failed)

    def settle_again(self, state: State, me: int, task: Scanning) -> Steps:
        """R3: what was found is ACCEPTED, twice or once; absent is only what had waited before the scan."""
        if task.reads < len(READS):
            return
        found = Counter(state.batches[number].chunk for number in task.seen)
        absent = "absent_retry" if self.setting.policy == "retry_absent" else "absent_review"
        new = state
        for chunk, (epoch, waited) in enumerate(zip(task.epochs, task.waited, strict=True)):
            if found[chunk]:
                new = self.change(new, "adopt", chunk, epoch, found[chunk]) or new
            elif waited:
                new = self.change(new, absent, chunk, epoch) or new
        yield Step("settle again", me), _doing(new, me, None)

    def hear(self, state: State, me: int) -> Steps:
        """A delivery report that bears the reference of a chunk proves acceptance at any time."""
        for chunk in {batch.chunk for batch in state.batches}:
            new = self.change(state, "adopt", chunk, CURRENT, batches=1)
            if new is not None and state.owner == me:
                yield Step("hear", me, chunk), new

    # The world

    def crash(self, state: State, me: int) -> Steps:
        """The process is gone, and its connection and its lease with it. The ledger stays."""
        task = state.tasks[me]
        if task is None and state.owner != me:
            return
        new = self.cut(_doing(state, me, None), me)
        if state.owner == me:
            new = new._replace(owner=NOBODY, lease=0)
        yield Step("crash", me), new
        if isinstance(task, Sending | Posted) and not self.keeps("A4: a committed intent survives"):
            row = state.rows[task.chunk]
            if row.state == "SENDING" and task.epoch == CURRENT:
                yield Step("power cut", me), new._replace(rows=_put(new.rows, task.chunk, Row(row.recipients)))

    def restore(self, state: State) -> Steps:
        at_work = state.owner != NOBODY or any(state.tasks)
        if not at_work and not self.keeps("A4: no old copy of the ledger is restored"):
            yield Step("restore"), state._replace(rows=self.start().rows, paused=False)

    def decide(self, state: State) -> Steps:
        """`ip1 campaign review`."""
        for chunk in range(len(state.rows)) if self.setting.person else ():
            for name in ("decide_accept", "decide_resend"):
                new = self.change(state, name, chunk, CURRENT)
                if new is not None:
                    yield Step(name, chunk=chunk), new

    def limited(self, request: Request) -> Request:
        """The request from when it was abandoned: accepted within L, or never."""
        if request.answer or not self.keeps("A2: an aborted request is accepted within L"):
            return request
        landing = self.setting.landing
        return request._replace(left=landing if request.left is None else min(landing, request.left))

    def cut(self, state: State, me: int) -> State:
        """A runner's connection is gone, and with it any answer; what is not decided may still be accepted."""
        for request in state.requests:
            if request.runner == me:
                abandoned = None if request.answer else self.limited(request)._replace(runner=NOBODY)
                state = _replaced(state, request, abandoned)
        return state

    def reset(self, state: State) -> Steps:
        """By the runner's own deadline, by the server or on the way, or an answer that is no use: it is all the same."""
        for request in state.requests:
            if request.runner != NOBODY:
                yield Step("reset", request.runner, request.chunk), self.cut(state, request.runner)

    def serve(self, state: State) -> Steps:
        """The server accepts a request, or refuses it to whoever still holds the connection."""
        for request in state.requests:
            if request.answer:
                continue
            yield self.accepted(state, request)
            for answer in ("401", "404", "422", "429") if request.runner != NOBODY else ():
                new = _replaced(state, request, request._replace(left=None, answer=answer))
                if not self.keeps("a complete 4xx makes no batch"):
                    alive = self.limited(request)._replace(runner=NOBODY)
                    new = new._replace(requests=(*new.requests, alive))
                yield Step(answer, chunk=request.chunk), new

    def accepted(self, state: State, request: Request) -> tuple[Step, State]:
        answered = None if request.runner == NOBODY else request._replace(left=None, answer="2xx")
        batch = Batch(request.chunk, self.setting.visibility if self.keeps("A3: a batch is listed within V") else None)
        made = (batch,) if self.keeps("A1: a request makes one batch") else (batch, batch)
        new = _replaced(state, request, answered)
        return Step("accepted", chunk=request.chunk), new._replace(batches=(*new.batches, *made))

    def appear(self, state: State) -> Steps:
        """A batch is listed. While somebody reads, newer ones push it down, and one that is deleted lets it slide up.

        It slides over one border at most: overlapping by half a page is enough while less is deleted between two reads.
        """
        read = any(isinstance(task, Scanning) for task in state.tasks)
        for number, batch in enumerate(state.batches):
            listed = batch.half >= 0
            halves = (0, 1, 2) if not listed else _moves[batch.half] if read else ()
            for half in halves:
                moved = _put(state.batches, number, Batch(batch.chunk, None, half))
                yield Step("moved" if listed else "listed", chunk=batch.chunk), state._replace(batches=moved)

    def due(self, state: State) -> Steps:
        """What can be put off no longer: a request is accepted or never will be, a batch is listed."""
        for request in state.requests:
            if request.left == 0:
                yield self.accepted(state, request)
                never = None if request.runner == NOBODY else request._replace(left=None, answer=NEVER)
                yield Step(NEVER, chunk=request.chunk), _replaced(state, request, never)
        if any(batch.left == 0 for batch in state.batches):
            yield from (pair for pair in self.appear(state) if pair[0].name == "listed")

    def tick(self, state: State) -> State:
        tasks = (
            evolve(task, window=max(task.window - 1, -1)) if isinstance(task, Sending) else task for task in state.tasks
        )
        return state._replace(
            rows=tuple(row._replace(quarantine=max(row.quarantine - 1, 0)) for row in state.rows),
            tasks=tuple(tasks),
            lease=max(state.lease - 1, 0),
            requests=tuple(request._replace(left=request.left and request.left - 1) for request in state.requests),
            batches=tuple(batch._replace(left=batch.left and batch.left - 1) for batch in state.batches),
        )


_target = {(name, before): after for name, before, after in TRANSITIONS}
_moves = {0: (1,), 1: (2,), 2: (1,)}


def _outdated(task: Task, chunk: int) -> Task:
    """A task once the epoch of a chunk was raised: instead of raising the row's, what is remembered is lowered."""
    if isinstance(task, Scanning) and chunk < len(task.epochs):
        return evolve(task, epochs=_put(task.epochs, chunk, OLD))
    if isinstance(task, Sending | Posted) and task.chunk == chunk:
        return evolve(task, epoch=OLD)
    return task


def _start_scan(state: State, me: int, waited: tuple[bool, ...]) -> State:
    return _doing(state, me, Scanning((CURRENT,) * len(waited), waited))


def _doing(state: State, me: int, task: Task) -> State:
    return state._replace(tasks=_put(state.tasks, me, task))


def _replaced(state: State, request: Request, by: Request | None) -> State:
    at = state.requests.index(request)
    put = () if by is None else (by,)
    return state._replace(requests=(*state.requests[:at], *put, *state.requests[at + 1 :]))


def _put(values: tuple[T, ...], index: int, value: T) -> tuple[T, ...]:
    return (*values[:index], value, *values[index + 1 :])
