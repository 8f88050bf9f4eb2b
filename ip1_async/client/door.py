"""What a table is given: it makes requests, and has their answers read."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TypeVar, cast

from ip1_async.client.calls import Calls, Course
from ip1_async.client.options import Choices
from ip1_async.codec import Mismatch
from ip1_async.errors import Invalid, IP1Error, OutcomeUnknown, Undecodable
from ip1_async.wire import Request, Response

T = TypeVar("T")


class Door:
    """Makes requests, and has their answers read."""

    def __init__(self, calls: Calls) -> None:
        self.calls = calls

    @property
    def dialect(self) -> Choices:
        return self.calls.choices

    def reference(self) -> str:
        """A fresh reference for a send, of 80 random bits."""
        return "ip1s:" + secrets.token_hex(10)

    async def answer(self, request: Request, read: Callable[[Response], T]) -> T:
        response, course = await self.calls.perform(request)
        return self._read(course, response, read)

    async def call(self, request: Request, read: Callable[[Response], T]) -> T:
        try:
            return await self.answer(request, read)
        except OutcomeUnknown as unknown:
            if self.calls.choices.on_unknown != "resolve" or unknown.resolver is None:
                raise
            found = await unknown.resolve()
            if found.batch is None:
                raise
            return cast("T", found.batch)

    def _read(self, course: Course, response: Response, read: Callable[[Response], T]) -> T:
        """What a whole 2xx stands for; one that cannot be read is the error that it is for this kind of call."""
        try:
            return read(response)
        except (Mismatch, Invalid) as wrong:
            reason = str(wrong)
        if course.request.repeat != "read" and not response.body.lstrip().startswith((b"{", b"[")):
            # A write without any word of the API: only an empty 2xx says by itself that it was accepted.
            error: IP1Error = _unknown(reason, course.request.reference, accepted=not response.body.strip())
        else:
            error = Undecodable(reason)
            error.raw = response.body
        error.status = response.status
        raise self.calls.told(course, error)


def _unknown(reason: str, reference: str | None, *, accepted: bool) -> OutcomeUnknown:
    error = OutcomeUnknown(f"outcome unknown: {reason}")
    error.reference, error.accepted = reference, accepted
    return error
