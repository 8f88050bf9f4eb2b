"""What went wrong: first whether it may have happened, then why.

    IP1Error
    ├── NotSent            the request surely had no effect: it may be made again
    │   ├── Invalid            refused here, before any request; also a ValueError
    │   ├── ConnectFailed      no connection: DNS, refused, TLS, too late, or the queue was too long
    │   ├── RateLimited        a complete 429; .retry_after
    │   └── Rejected           any other complete 4xx
    │       └── BadRequest  Unauthorized  Forbidden  NotFound  Conflict  TooLarge
    ├── OutcomeUnknown     a write that may have happened: resolve it, never repeat it blindly
    ├── ReadFailed         a call that changes nothing failed
    ├── NotFinal           a message that was waited for is still under way; .last
    ├── CampaignPaused     a campaign stopped before its end; what it has done is in its ledger
    ├── LedgerError        a campaign's ledger cannot be used
    │   └── LedgerHeld         … because another process runs the campaign
    └── Undecodable        a whole answer that is not what the API promises

Errors carry the call's method and path template, the status, the attempts made and the seconds spent. They hold no
token, and their text shows neither numbers nor messages; the server's own words are in attributes of `Rejected`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

from ip1_async.masking import clean, revealed

if TYPE_CHECKING:
    from ip1_async.client import NotSeen, Sent, Undecided

_field = re.compile(r"[A-Za-z$][\w.$\[\]]{0,60}").fullmatch


class IP1Error(Exception):
    """The call failed."""

    method: str = ""
    """Of the request, such as `POST`; empty where none was made."""
    path: str = ""
    """The template of the request's path, such as `/v2/batches/{batch}`."""
    status: int | None = None
    """The HTTP status, if a complete answer came."""
    attempts: int = 0
    """Requests made for this one call."""
    elapsed: float = 0.0
    """Seconds from the call to the error."""
    retry_after: float | None = None
    """Seconds that the server asked to wait, if it said."""
    cursor: str | None = None
    """In a walk: behind the last item given, so that `cursor=` goes on from there."""

    def __init__(self, reason: str | None = None) -> None:
        super().__init__(reason or (type(self).__doc__ or "").partition("\n")[0])

    @property
    def reason(self) -> str:
        """Why, in one sentence."""
        return str(self.args[0])

    def during(self, method: str, path: str, *, attempts: int, elapsed: float) -> Self:
        """The same error, told which call it ended."""
        self.method, self.path, self.attempts, self.elapsed = method, path, attempts, elapsed
        return self

    def __str__(self) -> str:
        if not self.method:
            return self.reason
        tries = f"{self.attempts} attempt{'' if self.attempts == 1 else 's'}, {self.elapsed:.1f} s"
        return f"{self.method} {self.path}: {self.reason} ({tries})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (
            type(self),
            self.args,
            {k: v for k, v in vars(self).items() if k not in ("resolver", "__notes__")},
        )


def _restored(kind: type[IP1Error], args: tuple[Any, ...], state: dict[str, Any]) -> IP1Error:
    error = kind.__new__(kind, *args)
    error.args = args
    vars(error).update(state)
    return error


class NotSent(IP1Error):
    """The request surely had no effect."""


class Invalid(NotSent, ValueError):
    """A value was refused before any request was made."""

    field: str
    """The parameter that was refused, by its Python name."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


class ConnectFailed(NotSent):
    """No connection could be made, so nothing was sent."""


class RateLimited(NotSent):
    """The server asked for fewer requests; `retry_after` has the seconds it named."""


class Rejected(NotSent):
    """The server refused the request."""

    title: str | None = None
    """The server's short name for the problem; may quote what was sent."""
    detail: str | None = None
    """The server's explanation; may quote what was sent."""
    errors: Mapping[str, Sequence[str]] = {}
    """By field, the server's messages; may quote what was sent."""

    @classmethod
    def answered(
        cls, status: int, title: str | None, detail: str | None, errors: Mapping[str, Sequence[str]]
    ) -> Rejected:
        """The error for this status, with the server's words kept in attributes."""
        kind = _by_status.get(status, Rejected)
        phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "refused"
        reason = f"{status} {phrase}"
        if errors:
            named = [clean(name) if _field(name) else "…" for name in list(errors)[:5]]
            reason += ", about " + ", ".join(named)
        if revealed() and (said := detail or title):
            reason += f": {said}"
        error = kind(reason)
        error.status, error.title, error.detail, error.errors = status, title, detail, errors
        return error


class BadRequest(Rejected):
    """The server found the request wrong (400 or 422)."""


class Unauthorized(Rejected):
    """The token is missing, unknown, or not allowed from this address (401)."""


class Forbidden(Rejected):
    """The account may not do this (403)."""


class NotFound(Rejected):
    """There is no such thing (404)."""


class Conflict(Rejected):
    """The thing is in a state that forbids this (409)."""


class TooLarge(Rejected):
    """The request was too large (413)."""


_by_status: dict[int, type[Rejected]] = {
    400: BadRequest, 401: Unauthorized, 403: Forbidden, 404: NotFound, 409: Conflict, 413: TooLarge, 422: BadRequest,
}  # fmt: skip


class OutcomeUnknown(IP1Error):
    """The request may or may not have been carried out."""

    accepted: bool = False
    """True when the server answered with a 2xx whose body was lost: it was carried out."""
    reference: str | None = None
    """Of a send: what `resolve` looks for among the newest batches."""
    resolver: Callable[[], Awaitable[Sent | NotSeen | Undecided]] | None = None

    async def resolve(self) -> Sent | NotSeen | Undecided:
        """What became of the send: `Sent(batch)`, `NotSeen(proof_after)` or `Undecided`; it reads, it never sends.

        The newest batches are read, at most 10,000, and the one with this error's `reference` is taken for it: a
        reference of your own must be unique. Seeing nothing proves something only after `proof_after`.

        Raises `TypeError` when the call was not `batches.send`, or when the error was unpickled far from its client.
        """
        if self.resolver is None:
            raise TypeError(
                f"{self.method or 'this call'} {self.path} left nothing to look for: only a send by its own client can be resolved"
            )
        return await self.resolver()


class ReadFailed(IP1Error):
    """A call that changes nothing got no whole answer."""


class NotFinal(IP1Error, TimeoutError):
    """A message had no final status when the time was up."""

    last: Any = None
    """What was known of it last: a `Message`, or of `Webhooks` a `MessageState`; None where nothing was."""


class CampaignPaused(IP1Error):
    """The campaign stopped before its end."""


class LedgerError(IP1Error):
    """The campaign's ledger cannot be used."""


class LedgerHeld(LedgerError):
    """Another process runs the campaign."""


class Undecodable(IP1Error):
    """The server's answer is not what its documentation promises."""

    raw: bytes = b""
    """The body as it came; may hold numbers and texts."""
