"""Requests and responses as values, and what their paths, headers and error bodies say. No I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, TypeGuard
from urllib.parse import quote

from attrs import field, frozen

from ip1_async import masking
from ip1_async.errors import Invalid

Repeat = Literal["read", "idempotent", "once"]
"""Whether a call changes nothing, may be made again safely, or must happen at most once."""

_sequences = (tuple, list)
_plain = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9_.~-]*").fullmatch
_control = re.compile(r"[\x00-\x1f\x7f]").search
_link = re.compile(r"<([^<>]*)>([^<]*)")
_offset = re.compile(r"[?&]start=([0-9]{1,18})(?=[&#]|$)", re.IGNORECASE | re.ASCII).search
_rel = re.compile(r"\brel\s*=\s*\"?\s*([A-Za-z]+)", re.IGNORECASE)


def is_object(data: object) -> TypeGuard[dict[str, Any]]:
    """Whether JSON data is an object."""
    return isinstance(data, dict)


def is_array(data: object) -> TypeGuard[list[Any]]:
    """Whether JSON data is an array."""
    return isinstance(data, list)


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Whether it is a mapping."""
    # The usual ones first: asking an abstract class takes several times as long.
    return isinstance(value, dict) or (type(value) not in _sequences and isinstance(value, Mapping))


def is_sequence(value: object) -> TypeGuard[Sequence[Any]]:
    """Whether it is a sequence of things; a text is none."""
    return type(value) in _sequences or (isinstance(value, Sequence) and not isinstance(value, str | bytes))


@frozen
class Request:
    """One HTTP request, complete but for the host and the token."""

    method: str
    template: str
    path: str = field(repr=False)
    """Percent-encoded."""
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=masking.count)
    repeat: Repeat = "read"
    reference: str | None = field(default=None, repr=False)
    """Of a send."""


@frozen
class Response:
    """One whole HTTP answer."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """Looked up in any case; several headers of one name are joined by commas."""
    body: bytes = field(repr=masking.count)


def split(path: str) -> tuple[list[str], list[str]]:
    """The fixed parts of a path and the names of the ids between them."""
    pieces = re.split(r"\{(\w+)\}", path)
    return pieces[::2], pieces[1::2]


def segment(name: str, id: object) -> str:
    """One id as a path segment; anything that would reach another path is refused, or quoted in a label."""
    if not isinstance(id, str):
        raise Invalid(name, f"{name} is {_kind(id)}; an id is a str")
    if _plain(id):
        return id
    if not id or _control(id):
        raise Invalid(name, f"{name} is {'empty' if not id else 'a text with control characters'}; an id is neither")
    if name == "label":
        return quote(id, safe="").replace(".", "%2E")
    if id in (".", "..") or "/" in id or "\\" in id:
        raise Invalid(name, f"{name} holds a slash or is a dot segment; an id of this API never is")
    return quote(id, safe="")


def fill(parts: Sequence[str], names: Sequence[str], ids: Sequence[str]) -> str:
    """The path with its ids in place."""
    if len(ids) != len(names):
        raise TypeError(f"{len(names)} ids wanted ({', '.join(names) or 'none'}), {len(ids)} given")
    path = parts[0]
    for name, id, rest in zip(names, ids, parts[1:], strict=True):
        path += segment(name, id) + rest
    return path


def links(header: str) -> dict[str, str]:
    """The addresses of a Link header by rel, also where the semicolon before `rel` was forgotten."""
    found: dict[str, str] = {}
    for address, parameters in _link.findall(header):
        if rel := _rel.search(parameters):
            found.setdefault(rel[1].lower(), address)
    return found


def next_start(header: str | None) -> tuple[bool, int | None]:
    """Whether there was a Link header, and the row offset of its next page; nothing else of a link is believed."""
    if header is None or not (found := links(header)):
        return False, None
    if (start := _start(found.get("next", ""))) is not None:
        return True, start
    # A next page without a usable offset is no offset to believe, but still no end of the list.
    return "next" not in found, None


def last_start(header: str | None) -> int | None:
    """The row offset that a Link header names for the last page: a hint, for the list may grow."""
    return _start(links(header or "").get("last", ""))


def _start(address: str) -> int | None:
    found = _offset(address)
    return None if found is None else int(found[1])


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that the server asks to wait, given as seconds or as a date; None where it says nothing usable."""
    value = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,6})?", value, re.ASCII):
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds())


@frozen
class Problem:
    """What an error body says, whatever its shape."""

    title: str | None = field(default=None, repr=False)
    detail: str | None = field(default=None, repr=False)
    errors: Mapping[str, Sequence[str]] = field(factory=dict[str, Sequence[str]], repr=False)


def problem(body: bytes) -> Problem:
    """Reads problem details, the gateway's and V1's own shapes, or plain text; never raises."""
    words = body[:65536].decode("utf-8", "replace").strip()
    try:
        data = json.loads(words)
    except (ValueError, RecursionError):
        return Problem(detail=words[:2000] or None)
    if not is_object(data):
        return Problem(detail=data if isinstance(data, str) else words[:2000])
    said = {str(key).strip().lower(): value for key, value in data.items()}
    return Problem(
        title=_text(said, "title", "error"),
        detail=_text(said, "detail", "message", "error_description"),
        errors=_messages(said.get("errors") or said.get("modelstate")),
    )


def _text(said: Mapping[str, Any], *names: str) -> str | None:
    return next((said[name] for name in names if isinstance(said.get(name), str)), None)


def _messages(errors: Any) -> dict[str, Sequence[str]]:
    if not is_object(errors):
        return {}
    return {
        name: tuple(str(word) for word in words) if is_array(words) else (str(words),) for name, words in errors.items()
    }


def _kind(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"
