"""What is to be known of a phone number: through the phonenumbers library where it is installed, else by its shape."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from typing import Any

from attrs import frozen

_grouping = re.compile(r"[\s().-]+")
_international = re.compile(r"\+[1-9][0-9]{6,14}").fullmatch


@frozen
class Phone:
    """A number as it was understood; without an MSISDN it was not."""

    msisdn: str | None = None
    possible: bool = False
    valid: bool = False
    kind: str = "UNKNOWN"

    @property
    def e164(self) -> str | None:
        return self.msisdn and f"+{self.msisdn}"


def phone(number: str, region: str | None = None) -> Phone:
    """A number in any spelling; one without a country code is of the region, an ISO 3166 code of two letters."""
    numbers = library()
    return _by_shape(number) if numbers is None else _by_library(numbers, number, region)


@cache
def library() -> Any:
    """The phonenumbers module, or None where this extra is not installed."""
    try:
        return import_module("phonenumbers")
    except ImportError:
        return None


def _by_shape(number: str) -> Phone:
    bare = _grouping.sub("", number)
    return Phone(bare[1:], possible=True, valid=True) if _international(bare) else Phone()


def _by_library(numbers: Any, number: str, region: str | None) -> Phone:
    try:
        parsed = numbers.parse(number, region.upper() if region else None)
    except numbers.NumberParseException:
        return Phone()
    kind = numbers.number_type(parsed)
    return Phone(
        msisdn=numbers.format_number(parsed, numbers.PhoneNumberFormat.E164)[1:],
        possible=numbers.is_possible_number(parsed),
        valid=kind != numbers.PhoneNumberType.UNKNOWN,
        kind=numbers.PhoneNumberType.to_string(kind),
    )
