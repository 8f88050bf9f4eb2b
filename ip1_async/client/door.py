"""What a table is given: it makes the requests of rows and gives what the rows read from the answers."""

from __future__ import annotations

import secrets
from base64 import b32encode
from collections.abc import Callable
from typing import Any, TypeVar

from ip1_async.client.calls import Calls, Course
from ip1_async.client.options import Choices
from ip1_async.codec import Mismatch
from ip1_async.errors import Invalid, IP1Error, OutcomeUnknown, Undecodable
from ip1_async.models import Paging
from ip1_async.pages import Fetched, Pages
from ip1_async.rows import Walk
from ip1_async.table import Raw, Row
from ip1_async.wire import Request, Response

T = TypeVar("T")


class Door:
    """Makes the requests of rows and gives what the rows read from the answers."""

    def __init__(self, calls: Calls) -> None:
        self.calls = calls

    @property
    def dialect(self) -> Choices:
        return self.calls.choices

    def reference(self) -> str:
        """A fresh reference for a send, of 80 random bits."""
        return "ip1s:" + b32encode(secrets.token_bytes(10)).decode().lower()

    async def call(self, row: Row[Any], request: Request, ids: tuple[str, ...]) -> Any:
        try:
            response, course = await self.calls.perform(request)
            return self._read(course, response, lambda: row.read(response, ids, request.body))
        except OutcomeUnknown as unknown:
            if self.calls.choices.on_unknown != "resolve" or unknown.resolver is None:
                raise
            found = await unknown.resolve()
            if found.batch is None:
                raise
            return found.batch

    async def raw(self, row: Row[Any], request: Request, ids: tuple[str, ...]) -> Raw[Any]:
        if isinstance(row, Walk):
            request = row.page(request, 0, 200)
        response, course = await self.calls.perform(request)
        value, data = self._read(course, response, lambda: (row.read(response, ids, request.body), row.plain(response)))
        return Raw(value, response.status, response.headers, data)

    def walk(self, row: Walk[Any], request: Request, ids: tuple[str, ...], paging: Any) -> Pages[Any]:
        async def fetch(start: int, limit: int) -> Fetched[Any]:
            response, course = await self.calls.perform(row.page(request, start, limit))
            return self._read(course, response, lambda: row.fetched(response, ids))

        def key(item: Any) -> str:
            return str(getattr(item, row.key))

        if not isinstance(paging, Paging):
            return Pages(fetch, key=key, paged=False)
        return Pages(fetch, key=key, limit=paging.limit, cursor=paging.cursor, ahead=paging.ahead)

    def _read(self, course: Course, response: Response, read: Callable[[], T]) -> T:
        """What a whole 2xx stands for; one that cannot be read is the error that it is for this kind of call."""
        try:
            return read()
        except (Mismatch, Invalid) as wrong:
            reason = str(wrong)
        if course.request.reference is not None and not response.body.lstrip().startswith((b"{", b"[")):
            # A send without any word of the API: only an empty 2xx says by itself that it was accepted.
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
