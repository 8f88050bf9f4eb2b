"""What a request's JSON says, checked property by property; what is wrong is refused with the property's name."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

from ip1_async.sandbox.answers import MISSING, Refused
from ip1_async.wire import is_array

_msisdn = re.compile(r"[0-9]{1,15}").fullmatch
_name = re.compile(r"[0-9A-Za-z]{1,11}").fullmatch
_sender = re.compile(r"[1-9][0-9]{2,14}|[0-9A-Za-z]{3,11}").fullmatch


def invalid(name: str, words: str) -> Refused:
    """The refusal of one property."""
    return Refused(400, "One or more validation errors occurred.", errors={name: [words]})


def absent(kind: str) -> Refused:
    """The refusal of an address at which there is nothing, or nothing of the caller's."""
    return Refused(404, "Not Found", detail=f"There is no such {kind}.")


def sorted_out(body: Any, names: Collection[str], at: str = "body") -> tuple[dict[str, Any], dict[str, Any]]:
    """The named properties of an object, under their own spelling whatever theirs was, and the others as they came."""
    if not isinstance(body, dict):
        raise invalid(at, "A JSON object is required." if body is MISSING else "This must be a JSON object.")
    spelled = {name.lower(): name for name in names}
    known: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for key, value in cast("dict[str, Any]", body).items():
        if name := spelled.get(key.lower()):
            known[name] = value
        else:
            others[key] = value
    return known, others


def items(body: Any, at: str = "body") -> Sequence[Any]:
    """The members of an array."""
    if not is_array(body):
        raise invalid(at, "This must be a JSON array.")
    return body


def texts(value: Any, at: str) -> tuple[str, ...]:
    """The texts of an array, each once; none where there is no array."""
    if value is None:
        return ()
    for position, each in enumerate(items(value, at)):
        if not isinstance(each, str):
            raise invalid(f"{at}[{position}]", "This must be a text.")
    return tuple(dict.fromkeys(value))


def text(value: Any, at: str) -> str:
    """A text that is not blank."""
    if not isinstance(value, str) or not value.strip():
        raise invalid(at, "A text that is not blank is required.")
    return value


def msisdn(value: str) -> str:
    """A number of digits only, as it is blacklisted."""
    if not _msisdn(value):
        raise invalid("msisdn", "An MSISDN is 1 to 15 digits, country code first, without a plus sign.")
    return value


def sender(value: str) -> str:
    """A sender that can be registered."""
    if not _sender(value):
        raise invalid("sender", "A sender is 3 to 11 letters A-Z a-z and digits, or a number of at most 15 digits.")
    return value


def is_participant(value: str) -> bool:
    """Whether this can be one end of a conversation: a number, or a sender."""
    return bool(_msisdn(value) or _name(value))


def participant(value: str) -> str:
    """One end of a conversation."""
    if not is_participant(value):
        raise invalid("participant", "A participant is an MSISDN, or a sender of up to 11 letters and digits.")
    return value


def address(value: Any, at: str) -> str | None:
    """An absolute http or https address, or None."""
    if value is None:
        return None
    if not isinstance(value, str) or not _absolute(value):
        raise invalid(at, "This must be an absolute http or https address, or null.")
    return value


def _absolute(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not any(map(str.isspace, value))
    except ValueError:
        return False
