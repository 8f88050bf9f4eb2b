"""Phone numbers as people write them, made into MSISDNs."""

from __future__ import annotations

import re

try:
    import phonenumbers
except ImportError:
    raise ImportError(
        "Reading phone numbers needs phonenumberslite: install it with pip install 'ip1-async[cli]'."
    ) from None

__all__ = ["WrongNumber", "to_msisdn"]


class WrongNumber(ValueError):
    """What was written is not a number that can be texted; the message says why in a few plain words."""


def to_msisdn(number: str, *, region: str = "SE") -> str:
    """Gives the number's digits, country code first, if it exists in its country's numbering plan.

    Without a country code it is read as a number of *region* (two letters), or, where that fails, as an MSISDN.
    Raises WrongNumber, without the number in its message, or ValueError for a region that does not exist.
    """
    region = region.upper()
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("The region must be the two letters of a country, such as SE.")
    if not number.strip():
        raise WrongNumber("empty number")
    parsed = _parse(number, region)
    # Ten digits without a zero in front are too many for a national number that lost its zero in a spreadsheet.
    if re.fullmatch(r"[1-9]\d{9,14}", number) and not phonenumbers.is_valid_number(parsed):
        foreign = _parse("+" + number, region)
        parsed = foreign if phonenumbers.is_valid_number(foreign) else parsed
    wrong = _what_is_wrong(parsed)
    if wrong:
        raise WrongNumber(wrong)
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")


def _parse(number: str, region: str) -> phonenumbers.PhoneNumber:
    # The parser would pick a number out of a sentence, and read letters as the keys they stand on.
    if any(map(str.isalpha, number)):
        raise WrongNumber("not a phone number")
    try:
        return phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException as error:
        match error.error_type:
            case error.INVALID_COUNTRY_CODE:
                reason = "unknown country code"
            case error.TOO_SHORT_AFTER_IDD | error.TOO_SHORT_NSN:
                reason = "too short"
            case error.TOO_LONG:
                reason = "too long"
            case _:
                reason = "not a phone number"
        raise WrongNumber(reason) from None


def _what_is_wrong(number: phonenumbers.PhoneNumber) -> str:
    """Why a number that could be read cannot be texted, or nothing."""
    length = phonenumbers.is_possible_number_with_reason(number)
    if number.extension:
        return "has an extension"
    if length == phonenumbers.ValidationResult.TOO_LONG:
        return "too long"
    if length in (phonenumbers.ValidationResult.TOO_SHORT, phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY):
        return "too short"
    if not phonenumbers.is_valid_number(number):
        return f"not valid in {phonenumbers.region_code_for_country_code(number.country_code or 0)}"
    return ""
