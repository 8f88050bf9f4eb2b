"""What the provider would refuse is refused here, in one sentence that names the field and shows no content.

Facts: the provider's pages on sending SMS, on blacklists and on senders.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from ip1_async.errors import Invalid
from ip1_async.wire import is_mapping, is_sequence

_msisdn = re.compile(r"[0-9]{1,15}").fullmatch
_number = re.compile(r"[1-9][0-9]{1,14}").fullmatch
_name = re.compile(r"[0-9A-Za-z]{1,11}").fullmatch
_lengths = frozenset(range(1, 16)).issuperset
_texts = frozenset({str}).issuperset

MOST_UNITS = 2000
"""UTF-16 units of a body."""


def shape(value: object) -> str:
    """The kind of a value in a few words, never the value."""
    if value is None:
        return "None"
    if isinstance(value, str):
        return f"{len(value)} characters long" if value else "empty"
    return f"of type {type(value).__name__}"


def msisdn_of(name: str, value: object) -> None:
    """An MSISDN: digits only, country code first."""
    if not isinstance(value, str) or not _msisdn(value):
        wrong = shape(value)
        if isinstance(value, str) and value:
            if value.isascii() and value.isdigit():
                wrong = f"{len(value)} digits long"
            elif value.startswith("+"):
                wrong = "a number with a plus sign"
            else:
                wrong = "a text with other characters than digits"
        raise Invalid(name, f"{name} is {wrong}; an MSISDN is 1 to 15 digits, country code first, without a plus sign")


def sender_of(name: str, value: object) -> None:
    """A sender: 3 to 11 letters and digits, or a number of up to 15 digits. The server decides about 1 and 2 letters."""
    if not isinstance(value, str) or not (_name(value) or _number(value)):
        wrong = shape(value)
        if isinstance(value, str) and 0 < len(value) < 12:
            wrong = "a text with other characters than A-Z, a-z and 0-9"
        raise Invalid(
            name, f"{name} is {wrong}; a sender is 3 to 11 letters A-Z a-z and digits, or a number of up to 15 digits"
        )
    if len(value) < 3:
        warnings.warn(f"{name} has fewer than 3 characters; the provider may refuse it", UserWarning, stacklevel=4)


def participant_of(name: str, value: object) -> None:
    """One end of a conversation: an MSISDN or a sender's name."""
    if not isinstance(value, str) or not (_msisdn(value) or _name(value)):
        raise Invalid(
            name,
            f"{name} is {shape(value)}; a participant is an MSISDN of digits only, or a sender of up to 11 letters and digits",
        )


ids = {"msisdn": msisdn_of, "sender": sender_of, "participant": participant_of}
"""The rule for an id in a path, by its name there, where it has one beyond not reaching another path."""


def sender(_: object, attribute: Any, value: Any) -> None:
    sender_of(attribute.name, value)


def recipients(_: object, attribute: Any, value: Any) -> None:
    """A sequence of MSISDNs, or a mapping from MSISDN to replacements with the reserved key `default`."""
    name = attribute.name
    numbers: Sequence[Any]
    if is_mapping(value):
        _templated(name, value)
        numbers = [each for each in value if each != "default"]
    elif is_sequence(value):
        numbers = value
    else:
        raise Invalid(
            name,
            f"{name} is {shape(value)}; recipients are a list of MSISDNs, or a mapping from MSISDN to its replacements",
        )
    if not numbers:
        raise Invalid(name, f"{name} is empty; a batch has at least one recipient")
    if _are_msisdns(numbers):
        return
    for position, number in enumerate(numbers):
        if not isinstance(number, str) or not _msisdn(number):
            msisdn_of(name if len(numbers) == 1 else f"{name}[{position}]", number)


def _are_msisdns(numbers: Sequence[Any]) -> bool:
    """Whether all of them are, found out at once: there may be very many."""
    try:
        digits = "".join(numbers)
    except TypeError:
        return False
    return digits.isascii() and digits.encode().isdigit() and _lengths(map(len, numbers))


def _are_texts(values: Iterable[Any]) -> bool:
    return _texts(map(type, values)) or all(isinstance(each, str) for each in values)


def _templated(name: str, value: Mapping[Any, Any]) -> None:
    for position, replacements in enumerate(value.values()):
        if not is_mapping(replacements) or not _are_texts(replacements) or not _are_texts(replacements.values()):
            raise Invalid(
                name,
                f"{name}: the value at position {position} is no mapping from texts to texts, which replacements are",
            )


def body(_: object, attribute: Any, value: Any) -> None:
    """1 to 2000 UTF-16 units, not only white space."""
    name = attribute.name
    if not isinstance(value, str) or not value or value.isspace():
        wrong = "only white space" if isinstance(value, str) and value else shape(value)
        raise Invalid(name, f"{name} is {wrong}; a body is a text of 1 to {MOST_UNITS} UTF-16 units")
    if (count := units(value)) > MOST_UNITS:
        raise Invalid(name, f"{name} is {count} UTF-16 units long; at most {MOST_UNITS} are allowed")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Invalid(name, f"{name} holds half of a surrogate pair, which no text can be sent with") from None


def units(value: str) -> int:
    """How long a text is in UTF-16 units, as the provider counts."""
    return len(value) + sum(each > "\uffff" for each in value) if not value.isascii() else len(value)


def reference(_: object, attribute: Any, value: Any) -> None:
    name = attribute.name
    if value is not None and not (isinstance(value, str) and 1 <= len(value) <= 40):
        raise Invalid(name, f"{name} is {shape(value)}; a reference is 1 to 40 characters long")


def url(_: object, attribute: Any, value: Any) -> None:
    """An absolute http or https address of at most 2047 characters, or None."""
    name = attribute.name
    if value is None:
        return
    if not isinstance(value, str) or len(value) > 2047:
        raise Invalid(name, f"{name} is {shape(value)}; an address is at most 2047 characters long")
    try:
        parts = urlsplit(value)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        fine = False
    if not fine or any(each.isspace() for each in value):
        raise Invalid(name, f"{name} is no absolute address; one begins with https:// and names a host")


def texts(_: object, attribute: Any, value: Any) -> None:
    """A sequence of texts; a single text is a mistake for one."""
    name = attribute.name
    if not is_sequence(value):
        raise Invalid(name, f"{name} is {shape(value)}; it is a list of texts")
    if not all(isinstance(each, str) for each in value):
        raise Invalid(name, f"{name} holds something that is no text; it is a list of texts")


def optional(check: Any, *exempt: object) -> Any:
    """A check that lets a few values pass without looking."""

    def checked(of: object, attribute: Any, value: Any) -> None:
        if not any(value is each for each in exempt):
            check(of, attribute, value)

    return checked


def text(_: object, attribute: Any, value: Any) -> None:
    name = attribute.name
    if not isinstance(value, str) or not value.strip():
        raise Invalid(name, f"{name} is {shape(value)}; it is a text that is not empty")


def one_of(*allowed: object) -> Any:
    """One of a few values."""

    def check(_: object, attribute: Any, value: Any) -> None:
        if value not in allowed or isinstance(value, bool):
            raise Invalid(
                attribute.name, f"{attribute.name} is {shape(value)}; allowed are {', '.join(map(str, allowed))}"
            )

    return check


def at_least(least: int) -> Any:
    """A whole number that is not too small."""

    def check(_: object, attribute: Any, value: Any) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            wrong = "too small" if isinstance(value, int) and not isinstance(value, bool) else shape(value)
            raise Invalid(attribute.name, f"{attribute.name} is {wrong}; it is a whole number of at least {least}")

    return check


def aware(_: object, attribute: Any, value: Any) -> None:
    """A time with its zone, or None."""
    name = attribute.name
    if value is None:
        return
    if not isinstance(value, datetime):
        raise Invalid(name, f"{name} is {shape(value)}; it is a datetime with a time zone")
    if value.utcoffset() is None:
        raise Invalid(name, f"{name} is a datetime without a time zone; give one, such as datetime.now(UTC)")


def sequence_of(*kinds: type) -> Any:
    """A sequence of such values, not one of them alone."""

    def check(_: object, attribute: Any, value: Any) -> None:
        name, wanted = attribute.name, " or ".join(kind.__name__ for kind in kinds)
        if not is_sequence(value):
            raise Invalid(name, f"{name} is {shape(value)}; it is a list of {wanted}")
        for position, each in enumerate(value):
            if not isinstance(each, kinds):
                raise Invalid(name, f"{name}[{position}] is {shape(each)}; it is a list of {wanted}")

    return check


def text_values(*, null: bool = False) -> Any:
    """A mapping from texts to texts."""

    def check(_: object, attribute: Any, value: Any) -> None:
        name = attribute.name
        if not is_mapping(value):
            raise Invalid(name, f"{name} is {shape(value)}; it is a mapping from texts to texts")
        for key, item in value.items():
            if not isinstance(key, str) or not (isinstance(item, str) or (null and item is None)):
                raise Invalid(
                    name,
                    f"{name} holds something that is no text{' or None' if null else ''}; it is a mapping from texts to texts",
                )

    return check
