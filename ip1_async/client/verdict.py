"""From what was observed of an attempt to what it means: pure.

observed                                   read            PUT, DELETE of one   POST, PATCH, delete_matching
no connection was handed over              ConnectFailed   ConnectFailed        ConnectFailed
whole 2xx                                  its value       its value            its value
whole 2xx that lacks what was promised     Undecodable     Undecodable          Undecodable
whole 2xx without any JSON, where needed   Undecodable     OutcomeUnknown       OutcomeUnknown
whole 429                                  RateLimited     RateLimited          RateLimited
whole 408, 409, 425                        Rejected        Rejected             OutcomeUnknown for a POST
any other whole 4xx                        Rejected        Rejected             Rejected
3xx, 5xx                                   ReadFailed      OutcomeUnknown       OutcomeUnknown
time out, reset, cut, not HTTP             ReadFailed      OutcomeUnknown       OutcomeUnknown
the same after a 2xx had begun             ReadFailed      OutcomeUnknown, which says accepted

The second and third row are the door's, which reads the value.
"""

from __future__ import annotations

from datetime import datetime

from ip1_async.errors import ConnectFailed, IP1Error, OutcomeUnknown, RateLimited, ReadFailed, Rejected
from ip1_async.flow import Failure as Kind
from ip1_async.transport import Failure
from ip1_async.wire import Request, Response, problem, retry_after

_doubtful = (408, 409, 425)


def judge(request: Request, seen: Response | Failure, now: datetime) -> IP1Error | None:
    """The error that an attempt ends with; None for a whole 2xx."""
    if isinstance(seen, Failure):
        return _unanswered(request, seen)
    if 200 <= seen.status < 300:
        return None
    error = _refused(request, seen)
    error.status, error.retry_after = seen.status, retry_after(seen.headers, now)
    return error


def _refused(request: Request, seen: Response) -> IP1Error:
    if seen.status == 429:
        return RateLimited("429: the server asks for fewer requests")
    sends = request.method == "POST" and request.repeat == "once"
    if 400 <= seen.status < 500 and not (sends and seen.status in _doubtful):
        said = problem(seen.body)
        return Rejected.answered(seen.status, said.title, said.detail, said.errors)
    return _doubt(request, f"the server answered {seen.status}", seen.status)


def _unanswered(request: Request, seen: Failure) -> IP1Error:
    if not seen.handed_over:
        return ConnectFailed(seen.reason if seen.reason != "no answer in time" else "no connection in time")
    return _doubt(request, seen.reason, seen.status)


def _doubt(request: Request, reason: str, status: int | None) -> IP1Error:
    if request.repeat == "read":
        failed = ReadFailed(reason)
        failed.status = status
        return failed
    unknown = OutcomeUnknown(f"outcome unknown: {reason}")
    unknown.status, unknown.reference = status, request.reference
    unknown.accepted = status is not None and 200 <= status < 300
    return unknown


def kind(error: IP1Error) -> Kind:
    """What the retry decision needs to know of an error."""
    match error:
        case ConnectFailed():
            return "unconnected"
        case RateLimited():
            return "rate_limited"
        case Rejected():
            return "early" if error.status in (408, 425) else "refused"
        case _:
            return "failed"
