"""One request through gate, limiter, attempts and retries, to a whole 2xx or the error that says what happened."""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Literal

from attrs import define
from yarl import URL

from ip1_async.client.heading import Heading
from ip1_async.client.options import AttemptMade, Choices, Token
from ip1_async.client.verdict import judge, kind
from ip1_async.clock import Clock
from ip1_async.errors import ConnectFailed, IP1Error, NotSent, OutcomeUnknown, Rejected
from ip1_async.flow import Deadlines, Gate, Limiter, Retry, RetryBudget, decide
from ip1_async.masking import Secret
from ip1_async.transport import Failure, Headers, Limits, Transport
from ip1_async.wire import Request, Response

log = logging.getLogger("ip1_async")


@define
class Shared:
    """What all views of one client have in common."""

    transport: Transport
    clock: Clock
    deadlines: Deadlines
    base: URL
    token: Token
    budget: RetryBudget
    chance: Callable[[], float] = random.random
    closed: bool = False


@define
class Course:
    """How far a call has come."""

    request: Request
    url: Secret
    headers: Headers
    began: float
    most: int
    """Attempts at most."""
    attempts: int = 0
    deadline: float | None = None
    not_after: float | None = None
    """When a connection is not used any more, in seconds since the machine was started."""
    doubtful: bool = False
    """Whether an earlier attempt may have been carried out."""
    error: IP1Error | None = None


class Calls:
    """Makes requests, each as often as its kind and the options allow."""

    def __init__(self, shared: Shared, choices: Choices, limiter: Limiter, gate: Gate) -> None:
        self.shared, self.choices, self.limiter, self.gate = shared, choices, limiter, gate
        self.heading = Heading(shared.base, shared.token, choices.user_agent)
        self.look: Callable[[OutcomeUnknown, datetime], Awaitable[Any]] | None = None
        """Finds out what became of a send that was given up at that time."""

    async def perform(self, request: Request) -> tuple[Response, Course]:
        """A whole 2xx answer and how it was come by; anything else is raised."""
        course = await self._course(request, self.choices.attempts)
        while True:
            if not self._at_once():
                await self._queue(course)
            if course.deadline is None:
                course.deadline = self.shared.clock.monotonic() + self.choices.timeout
            try:
                seen, took = await self._attempt(course)
            finally:
                self.gate.release()
            settled = self._settled(course, seen, took)
            if isinstance(settled, Response):
                return settled, course
            await self.shared.clock.sleep(settled)

    async def perform_once(self, request: Request, not_after: float | None) -> tuple[Response, Course]:
        """The same in one attempt, whose place and turn the caller has taken with `enter`."""
        try:
            course = await self._course(request, 1)
        except IP1Error:
            raise
        except Exception as error:
            # Somebody else's function that gives the token: whatever it raises, nothing was sent.
            raise NotSent(f"no token could be had: {type(error).__name__}") from None
        course.not_after = not_after
        course.deadline = self.shared.clock.monotonic() + self.choices.timeout
        settled = self._settled(course, *await self._attempt(course))
        assert isinstance(settled, Response), "no attempt follows the only one"
        return settled, course

    async def _course(self, request: Request, most: int) -> Course:
        headers = await self.heading.headers(request)
        return Course(request, self.heading.url(request), headers, self.shared.clock.monotonic(), most)

    def _settled(self, course: Course, seen: Response | Failure, took: float) -> Response | float:
        """A whole 2xx answer, or the seconds until the next attempt; anything else is raised."""
        request = course.request
        error = judge(request, seen, self.shared.clock.now())
        if course.doubtful and request.method == "DELETE" and isinstance(error, Rejected) and error.status == 404:
            # An earlier attempt took it away, and only its answer was lost.
            seen, error = Response(204, {}, b""), None
        delay = self._after(course, error)
        self._tell(course, seen.status, error, took, delay)
        if error is None and isinstance(seen, Response):
            return seen
        assert error is not None, "only a whole 2xx is no error"
        course.error = error
        course.doubtful = course.doubtful or isinstance(error, OutcomeUnknown)
        if delay is None:
            raise self.told(course, error) from None
        return delay

    async def _queue(self, course: Course) -> None:
        """Wait for a place and a turn; raises when the queue is too long, or when a repeated call's deadline comes first."""
        seconds = self.choices.queue_timeout
        if course.deadline is not None:
            seconds = course.deadline - self.shared.clock.monotonic()
        try:
            if seconds is None:
                await self.enter()
            else:
                with self.shared.deadlines.span(seconds):
                    await self.enter()
        except TimeoutError:
            waited = ConnectFailed(f"no turn came within queue_timeout of {self.choices.queue_timeout} s")
            raise self.told(course, course.error or waited) from None

    def _at_once(self) -> bool:
        """Take a place and a turn if both are free, as they mostly are."""
        if self.shared.closed or not self.gate.try_acquire():
            return False
        if not self.limiter.try_acquire():
            self.gate.release()
            return False
        return True

    async def enter(self) -> None:
        """Take a place and a turn, however long that takes; the place is given back by `gate.release`."""
        # The place first: a turn that is then kept waiting for a place would be used later, in a burst.
        await self.gate.acquire()
        try:
            await self.limiter.acquire()
            if self.shared.closed:
                raise RuntimeError("the client is closed")
        except BaseException:
            self.gate.release()
            raise

    async def _attempt(self, course: Course) -> tuple[Response | Failure, float]:
        """What one request brought, and its seconds."""
        request, clock = course.request, self.shared.clock
        course.attempts += 1
        began = clock.monotonic()
        deadline = course.deadline or began
        if request.repeat != "once":
            deadline = min(deadline, began + self.choices.attempt_timeout)
        limits = Limits(deadline=deadline, connect_timeout=self.choices.connect_timeout, not_after=course.not_after)
        try:
            seen: Response | Failure = await self.shared.transport.send(
                request.method, course.url, course.headers, request.body, limits, reads=request.repeat == "read"
            )
        except Failure as failure:
            seen = failure
        except BaseException as cut:
            lost = Failure("cancelled", handed_over=getattr(cut, "handed_over", True))
            self._tell(course, None, judge(request, lost, clock.now()), clock.monotonic() - began, None)
            raise
        return seen, clock.monotonic() - began

    def _after(self, course: Course, error: IP1Error | None) -> float | None:
        """Seconds until the next attempt, or None for no more; what the server said of its load is passed on to the limiter."""
        shared, choices = self.shared, self.choices
        if error is None:
            shared.budget.succeeded()
            self.limiter.succeeded()
            return None
        failure, wait = kind(error), error.retry_after
        if error.status in (429, 503):
            self.limiter.pushed_back()
            if wait is not None and wait <= choices.max_retry_after:
                self.limiter.hold(wait)
        decision = decide(
            repeat=course.request.repeat,
            failure=failure,
            attempt=course.attempts,
            attempts=course.most,
            remaining=(course.deadline or 0.0) - shared.clock.monotonic(),
            retry_after=wait,
            max_retry_after=choices.max_retry_after,
            affordable=shared.budget.affordable(failure),
            chance=shared.chance(),
        )
        if not isinstance(decision, Retry):
            return None
        if decision.charged:
            shared.budget.spend(failure)
        return decision.after

    def _tell(
        self, course: Course, status: int | None, error: IP1Error | None, took: float, delay: float | None
    ) -> None:
        request, outcome = course.request, _outcome(error)
        log.debug(
            "%s %s attempt %d: %s, status %s, %.3f s",
            request.method,
            request.template,
            course.attempts,
            outcome,
            status,
            took,
        )
        if self.choices.on_attempt is None:
            return
        made = AttemptMade(
            method=request.method, path=request.template, attempt=course.attempts, status=status, outcome=outcome,
            elapsed=took, retry_in=delay, reference=request.reference,
        )  # fmt: skip
        try:
            self.choices.on_attempt(made)
        except Exception as wrong:
            # A batch that was sent must not become an error because somebody's counter failed.
            log.error("on_attempt raised %s; the call goes on", type(wrong).__name__)

    def told(self, course: Course, error: IP1Error) -> IP1Error:
        """The error, knowing its call and how it could be resolved."""
        if isinstance(error, OutcomeUnknown) and error.reference is not None and (look := self.look) is not None:
            unknown, given_up = error, self.shared.clock.now()
            error.resolver = lambda: look(unknown, given_up)
        elapsed = self.shared.clock.monotonic() - course.began
        return error.during(course.request.method, course.request.template, attempts=course.attempts, elapsed=elapsed)


def _outcome(error: IP1Error | None) -> Literal["done", "not sent", "unknown", "failed"]:
    match error:
        case None:
            return "done"
        case NotSent():
            return "not sent"
        case OutcomeUnknown():
            return "unknown"
        case _:
            return "failed"
