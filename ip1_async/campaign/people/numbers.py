"""Phone numbers as people and spreadsheets write them, made into MSISDNs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from attrs import Factory, field, frozen

from ip1_async.campaign.people import numbering
from ip1_async.campaign.people.numbering import countries, country

try:
    import phonenumbers
except ImportError:
    raise ImportError(
        "Reading phone numbers needs phonenumberslite: install it with pip install 'ip1-async[campaign]'."
    ) from None

__all__ = ["Numbers", "WrongNumber", "countries", "country", "to_msisdn"]

_LONGEST: Final = 40
"""Characters of what is read the fast way; phonenumbers has a limit of its own, far above."""
_MOST_DIGITS: Final = 15
"""Of an MSISDN. Some countries have longer numbers, landlines and such, for one of which the provider refuses a whole batch."""
_MOBILE: Final = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)

_scientific = re.compile(r"([0-9]+)(?:[.,]([0-9]+))?[eE]\+?([0-9]{1,3})").fullmatch
_decimal = re.compile(r"([0-9]+)[.,]0").fullmatch
_bare = re.compile(r"[1-9][0-9]{9,14}").fullmatch


class WrongNumber(ValueError):
    """What was written is not a number that can be texted; the message says why in a few plain words."""


def _checked(region: str) -> str:
    region = region.upper()
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("The region must be the two letters of a country, such as SE.")
    return region


def _its_plan(numbers: Numbers) -> numbering.Plan | None:
    return numbering.plan(numbers.region)


@frozen
class Numbers:
    """Reads many numbers: what `to_msisdn` gives, fast for mobile numbers in their usual spellings.

    *region* (two letters) is whose numbers are written without a country code. Raises ValueError for a region that does
    not exist.
    """

    region: str = field(default="SE", converter=_checked)
    _plan: numbering.Plan | None = field(init=False, repr=False, eq=False, default=Factory(_its_plan, takes_self=True))

    def plain(self, written: Sequence[str]) -> list[str]:
        """Gives the digits of those that are mobile numbers of the region in their usual spelling, and "" for the others.

        Of a million numbers most are; `msisdn` reads the rest.
        """
        if (plan := self._plan) is None:
            return [""] * len(written)
        code, found = plan.code, plan.lines("\n".join(written))
        if len(found) != len(written):
            # Somebody wrote more than one line into a cell.
            return ["".join(self.plain([each])) if "\n" not in each else "" for each in written]
        return [code + national if national else "" for national in found]

    def msisdn(self, written: str) -> str:
        """Gives the number's digits, country code first; raises WrongNumber, without the number in its message."""
        if (plan := self._plan) and len(written) <= _LONGEST:
            plain = _joined(written)
            if found := plan.own(plain):
                return plan.code + found[1]
            if (found := plan.foreign(plain)) and _is_mobile(msisdn := found[1] or found[2]):
                return msisdn
        return to_msisdn(written, region=self.region)


def _joined(written: str) -> str:
    return written.replace(" ", "").replace("-", "")


def _is_mobile(msisdn: str) -> bool:
    """Whether it surely is a mobile number; False says nothing."""
    code = numbering.calling_code(msisdn)
    plan = numbering.plan(numbering.REGIONS[code][0]) if code else None
    return plan is not None and plan.international(msisdn) is not None


def to_msisdn(number: str, *, region: str = "SE") -> str:
    """Gives the number's digits, country code first, if it exists in its country's numbering plan.

    Without a country code it is read as a number of *region* (two letters), or, where that fails, as an MSISDN. A number
    that a spreadsheet has made a decimal or put in scientific notation is restored if all its digits are there. Raises
    WrongNumber, without the number in its message, or ValueError for a region that does not exist.
    """
    region = _checked(region)
    number = _restored(number.strip())
    if not number:
        raise WrongNumber("empty number")
    parsed = _choice(number, region)
    wrong = _what_is_wrong(parsed)
    msisdn = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
    if wrong or len(msisdn) > _MOST_DIGITS:
        raise WrongNumber(wrong or "too long")
    return msisdn


def _restored(number: str) -> str:
    """The digits of what a spreadsheet took for a quantity; anything else as it is."""
    if decimal := _decimal(number):
        return decimal[1]
    if not (scientific := _scientific(number)):
        return number
    whole, fraction, exponent = scientific[1], scientific[2] or "", int(scientific[3])
    # A zero at the end may have been left out, but so may any other digit.
    if len(fraction) < exponent:
        raise WrongNumber("in scientific notation, its last digits are lost")
    if fraction[exponent:].strip("0"):
        raise WrongNumber("not a phone number")
    return whole + fraction[:exponent]


def _choice(number: str, region: str) -> phonenumbers.PhoneNumber:
    """The number as one of the region, or as an MSISDN, whichever makes sense."""
    parsed = _parse(number, region)
    digits = _joined(number)
    # Ten digits without a zero in front are too many for a national number that lost its zero in a spreadsheet.
    if not _bare(digits):
        return parsed
    valid = phonenumbers.is_valid_number(parsed)
    # Some plans are so roomy that an MSISDN of theirs, 4915… in Germany, could be a landline that lost its zero.
    own = digits.startswith(str(phonenumbers.country_code_for_region(region)))
    if valid and not (own and phonenumbers.number_type(parsed) not in _MOBILE):
        return parsed
    msisdn = _parse("+" + digits, region)
    better = phonenumbers.number_type(msisdn) in _MOBILE if valid else phonenumbers.is_valid_number(msisdn)
    return msisdn if better else parsed


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
