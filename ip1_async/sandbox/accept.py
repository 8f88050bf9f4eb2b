"""Whether a sending is accepted, by the provider's rules: raw JSON to a draft, or a refusal naming each wrong field."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

from attrs import frozen

from ip1_async.sandbox import bodies
from ip1_async.sandbox.answers import Refused
from ip1_async.text import Template, measure
from ip1_async.wire import is_object

_FIELDS = (
    "sender", "recipients", "body", "type", "datacoding", "priority", "deliveryWindows", "deliveryReportUrl", "reference", "tags",
)  # fmt: skip
_sender = re.compile(r"[1-9][0-9]{1,14}|[0-9A-Za-z]{1,11}").fullmatch
_msisdn = re.compile(r"[0-9]{1,15}").fullmatch
_types = {"sms": "sms", "flash": "flash", 0: "flash", 1: "sms"}
_codings = {"gsm": "gsm", "ucs": "ucs", 0: "gsm", 2: "ucs"}
MOST_UNITS = 2000
_WEEK = timedelta(days=7)


@frozen
class Text:
    """What one recipient gets."""

    recipient: str
    body: str | None
    """None where it is the batch's own."""
    segments: int
    coding: Literal["gsm", "ucs"]


@frozen
class Draft:
    """A sending that can be accepted."""

    sender: str
    body: str
    type: str
    datacoding: str
    priority: int
    templated: bool
    windows: tuple[tuple[datetime, datetime], ...]
    report_url: str | None
    reference: str | None
    tags: tuple[str, ...]
    texts: tuple[Text, ...]


def draft(said: Any, senders: frozenset[str], now: datetime) -> Draft:
    """The sending that a request's JSON describes."""
    given, _ = bodies.sorted_out(said, _FIELDS)
    wrong: dict[str, list[str]] = {}

    def check(name: str, read: Callable[[Any], Any], default: Callable[[], Any]) -> Any:
        try:
            return read(given[name]) if name in given else default()
        except Refused as refused:
            wrong.update(refused.errors or {})
        return None

    sender = check("sender", lambda value: _checked_sender(value, senders), lambda: _required("sender"))
    body = check("body", lambda value: _checked_body(value, "body"), lambda: _required("body"))
    coding = check("datacoding", lambda value: _one_of(value, _codings, "datacoding"), lambda: "ucs")
    recipients = check("recipients", _checked_recipients, lambda: _required("recipients"))
    fields = {
        "type": check("type", lambda value: _one_of(value, _types, "type"), lambda: "sms"),
        "priority": check("priority", lambda value: _one_of(value, {1: 1, 2: 2}, "priority"), lambda: 1),
        "windows": check("deliveryWindows", lambda value: _windows(value, now), tuple),
        "report_url": check("deliveryReportUrl", _url, _none),
        "reference": check("reference", _reference, _none),
        "tags": check("tags", lambda value: _tags(value), tuple),
    }
    texts = () if wrong else check("recipients", lambda _: _texts(body, recipients, coding), tuple)
    if wrong:
        raise Refused(400, "One or more validation errors occurred.", errors=wrong)
    return Draft(
        sender=sender, body=body, datacoding=coding, templated=isinstance(recipients, dict), texts=texts, **fields
    )  # fmt: skip


def _none() -> None:
    return None


def _required(name: str) -> Any:
    raise bodies.invalid(name, f"The {name} field is required.")


def _checked_sender(value: Any, senders: frozenset[str]) -> str:
    if not isinstance(value, str) or not _sender(value) or (len(value) < 3 and not value.isdigit()):
        raise bodies.invalid(
            "sender", "A sender is 3 to 11 letters A-Z, a-z and digits, or a number of up to 15 digits."
        )
    if value not in senders:
        raise bodies.invalid("sender", "This sender is not registered.")
    return value


def _checked_body(value: Any, name: str) -> str:
    if not isinstance(value, str) or not value.strip() or _units(value) > MOST_UNITS:
        raise bodies.invalid(name, f"A body is a text of 1 to {MOST_UNITS} characters and not only white space.")
    return value


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _checked_recipients(value: Any) -> list[str] | dict[str, dict[str, str]]:
    """Numbers, each once; or replacements by number, with those of the reserved key `default`."""
    if is_object(value):
        replacements: dict[str, dict[str, str]] = {}
        for number, each in value.items():
            if each is not None and not (is_object(each) and all(isinstance(text, str) for text in each.values())):
                raise bodies.invalid("recipients", "Replacements are texts by name.")
            replacements[number] = each or {}
        numbers = [number for number in replacements if number != "default"]
        _check_numbers(numbers)
        return replacements
    numbers = list(dict.fromkeys(each for each in bodies.items(value, "recipients") if isinstance(each, str)))
    _check_numbers(value if len(numbers) < len(value) and not all(isinstance(each, str) for each in value) else numbers)
    return numbers


def _check_numbers(numbers: list[Any]) -> None:
    if not numbers:
        raise bodies.invalid("recipients", "At least one recipient is required.")
    for position, number in enumerate(numbers):
        if not isinstance(number, str) or not _msisdn(number):
            raise bodies.invalid("recipients", f"The recipient at position {position} is no MSISDN of 1 to 15 digits.")


def _texts(body: str, recipients: list[str] | dict[str, dict[str, str]], coding: str) -> tuple[Text, ...]:
    """What each recipient gets, measured; checked once more after replacement."""
    if isinstance(recipients, list):
        whole = _measured(body, coding)
        return tuple(Text(number, None, whole.segments, whole.coding) for number in recipients)
    default = recipients.get("default", {})
    template = Template(body, {name for each in recipients.values() for name in each})
    made: list[Text] = []
    for number, values in recipients.items():
        if number != "default":
            text = _checked_body(template.render(values, default), "body")
            measured = _measured(text, coding)
            made.append(Text(number, text, measured.segments, measured.coding))
    return tuple(made)


def _measured(text: str, coding: str) -> Text:
    found = measure(text)
    if coding == "gsm" and found.encoding == "ucs":
        raise bodies.invalid("body", "With datacoding gsm a body holds no characters outside the GSM alphabet.")
    return Text("", None, found.segments, found.encoding)


def _one_of(value: Any, allowed: Mapping[Any, Any], name: str) -> Any:
    key = value.lower() if isinstance(value, str) else value
    if isinstance(value, bool | float | list | dict) or key not in allowed:
        raise bodies.invalid(name, f"{name} is one of {', '.join(map(str, allowed))}.")
    return allowed[key]


def _windows(value: Any, now: datetime) -> tuple[tuple[datetime, datetime], ...]:
    found: list[tuple[datetime, datetime]] = []
    for position, each in enumerate(bodies.items(value, "deliveryWindows")):
        at = f"deliveryWindows[{position}]"
        said, _ = bodies.sorted_out(each, ("opens", "closes"), at)
        opens = now if said.get("opens") is None else _time(said["opens"], f"{at}.opens")
        closes = opens + _WEEK if said.get("closes") is None else _time(said["closes"], f"{at}.closes")
        if closes <= opens:
            raise bodies.invalid(at, "A window closes after it opens.")
        found.append((opens, closes))
    return tuple(found)


def _time(value: Any, name: str) -> datetime:
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise bodies.invalid(name, "This must be an ISO 8601 time.") from None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    if not 1971 <= at.year <= 9000:
        raise bodies.invalid(name, "This must be a time between the years 1971 and 9000.")
    return at


def _url(value: Any) -> str | None:
    if value is None:
        return None
    try:
        parts = urlsplit(value) if isinstance(value, str) and len(value) <= 2047 else None
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in ("http", "https") or not parts.netloc:
        raise bodies.invalid(
            "deliveryReportUrl", "This must be an absolute http or https address of at most 2047 characters."
        )
    return str(value)


def _reference(value: Any) -> str | None:
    if value is not None and not (isinstance(value, str) and 1 <= len(value) <= 40):
        raise bodies.invalid("reference", "A reference is 1 to 40 characters long.")
    return value


def _tags(value: Any) -> tuple[str, ...]:
    return bodies.texts(value, "tags")
