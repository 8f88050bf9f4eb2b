"""Countries' numbering plans as regular expressions, made of the patterns that phonenumbers itself checks a number with.

phonenumbers takes some 40 µs for a number, and nearly all numbers of a list are mobile numbers in a few plain spellings. What
these expressions accept, phonenumbers accepts and reads as the same digits; about anything else they say nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from itertools import groupby
from typing import Final

from attrs import field, frozen

try:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata
except ImportError:
    raise ImportError(
        "Reading phone numbers needs phonenumberslite: install it with pip install 'ip1-async[campaign]'."
    ) from None

__all__ = ["REGIONS", "Plan", "calling_code", "countries", "country", "plan"]

Match = Callable[[str], "re.Match[str] | None"]

REGIONS: Final = {str(code): regions for code, regions in COUNTRY_CODE_TO_REGION_CODE.items()}
"""The regions by calling code, the main one first. No code begins with another."""

KINDS: Final = [
    "premium_rate",
    "toll_free",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
    "fixed_line",
    "mobile",
]
"""The kinds of numbers, as the metadata calls them; what is of none is not valid. Mobile numbers come last."""


@frozen
class Plan:
    """How the mobile numbers of one country are written, plainly."""

    code: str
    """The calling code."""
    own: Match = field(repr=False)
    """Matches a whole spelling that means a mobile number within the country; its group 1 is the national number."""
    lines: Callable[[str], list[str]] = field(repr=False)
    """Gives for each line of a text the national number, where the whole line is a spelling that `own` matches, else nothing."""
    international: Match = field(repr=False)
    """Matches the whole MSISDN of a mobile number."""
    foreign: Match = field(repr=False)
    """Matches a whole spelling that means a number elsewhere, if it is valid there; groups 1 and 2 are what its MSISDN
    would be, behind an international prefix or bare."""


@cache
def plan(region: str) -> Plan | None:
    """Gives the plan of a region, or None where only phonenumbers can tell.

    That is so for the lesser of several regions with one calling code, and where national prefixes are rewritten.
    """
    metadata = PhoneMetadata.metadata_for_region(region)
    if not metadata or not (mobile := _mobile(metadata)):
        return None
    code, abroad = str(metadata.country_code), metadata.international_prefix or "(?!)"
    trunk = metadata.national_prefix_for_parsing or "(?!)"
    if REGIONS[code][0] != region or re.compile(trunk).groups or re.compile(abroad).groups:
        return None
    general = "|".join(map(_general, REGIONS[code]))
    prefixes = [
        rf"\+{code}",
        # A prefix is taken off as the library does it, and is not tried in another length.
        f"(?!{code})(?>{abroad}){code}",
        # The calling code is seen only where the whole cannot be a national number.
        f"(?!{abroad}|{general}){code}",
        f"(?!{code}|{abroad})(?>{trunk})",
        # Ten digits with the calling code in front may be an MSISDN rather than a national number.
        rf"(?!{abroad}|{code}\d{{{10 - len(code)}}})",
    ]
    if len(REGIONS[code]) == 1:
        # They are one if that makes them a mobile number, which they are not as they stand: see numbers.py.
        others = "|".join(map(_whole, _patterns(metadata, KINDS[:-1])))
        prefixes.append(rf"(?=\d{{10,15}}\Z)(?!{abroad}|{trunk}|{_whole(mobile)}){code}(?!{others})")
    # What is left behind a prefix must not look as if it had one more.
    national = f"((?!{trunk})(?:{mobile}))"
    own = f"(?:{'|'.join(prefixes)}){national}"
    return Plan(
        code,
        _compiled(own),
        _by_line(own),
        _compiled(f"{code}{national}"),
        _compiled(
            rf"(?:\+|(?!{code})(?>{abroad}))([1-9]\d{{6,14}})|(?!{abroad}|{trunk}|{code}|{general})([1-9]\d{{9,14}})"
        ),
    )


def _compiled(pattern: str) -> Match:
    return re.compile(pattern, re.ASCII).fullmatch


def _by_line(pattern: str) -> Callable[[str], list[str]]:
    r"""The same for many texts in one, without an object for each match; a plan's patterns know no end but that of \Z."""
    ends = pattern.replace(r"\Z", "$")
    return re.compile(f"^{ends}$|^.*$", re.ASCII | re.MULTILINE).findall


def _whole(pattern: str | None) -> str:
    return rf"(?:{pattern or '(?!)'})\Z"


def _general(region: str) -> str:
    metadata = PhoneMetadata.metadata_for_region(region)
    general = metadata.general_desc if metadata else None
    return _whole(general.national_number_pattern if general else None)


def _mobile(metadata: PhoneMetadata) -> str:
    """What a mobile national number looks like; empty where there are none."""
    kind = "fixed_line" if metadata.same_mobile_and_fixed_line_pattern else "mobile"
    if not (lengths := _lengths(metadata, kind)):
        return ""
    # Which region of several with one calling code it is, these digits alone tell.
    leading = f"(?={metadata.leading_digits})" if metadata.leading_digits else ""
    patterns = "|".join(_patterns(metadata, [kind]))
    return rf"{leading}(?={_digits(lengths)}\Z)(?={_general(metadata.id)})(?:{patterns})"


def _patterns(metadata: PhoneMetadata, kinds: Iterable[str]) -> list[str]:
    descriptions = [getattr(metadata, kind) for kind in kinds]
    return [each.national_number_pattern for each in descriptions if each and each.national_number_pattern]


def _lengths(metadata: PhoneMetadata, kind: str) -> set[int]:
    general, own = metadata.general_desc, getattr(metadata, kind)
    return set(general.possible_length) & set(own.possible_length) if general and own else set()


def _digits(lengths: Iterable[int]) -> str:
    """So many digits; neighbouring lengths are put together."""
    runs = groupby(enumerate(sorted(lengths)), lambda pair: pair[1] - pair[0])
    spans = [[length for _, length in run] for _, run in runs]
    return "(?:" + "|".join(rf"\d{{{span[0]},{span[-1]}}}\Z" for span in spans) + ")"


@cache
def _owners(code: str) -> tuple[tuple[str, Match], ...]:
    """The countries with a calling code, each with what a national number of it matches from its beginning."""
    countries = [region for region in REGIONS[code] if region != "001"]
    if len(countries) == 1:
        return ((countries[0], re.compile("").match),)
    return tuple((region, re.compile(_belonging(region), re.ASCII).match) for region in countries)


def _belonging(region: str) -> str:
    metadata = PhoneMetadata.metadata_for_region(region)
    if metadata is None:
        return "(?!)"
    kinds = KINDS[:-1] if metadata.same_mobile_and_fixed_line_pattern else KINDS
    numbers = [
        f"(?={_digits(lengths)})(?:{'|'.join(_patterns(metadata, [kind]))})"
        for kind in kinds
        if (lengths := _lengths(metadata, kind))
    ]
    return metadata.leading_digits or f"(?={_general(region)}){_whole('|'.join(numbers))}"


def calling_code(msisdn: str) -> str:
    """Gives the calling code that an MSISDN begins with, or nothing if it begins with none."""
    return next((code for length in (2, 3, 1) if (code := msisdn[:length]) in REGIONS), "")


@lru_cache(4096)
def _sole_country(prefix: str) -> str:
    """The only country that numbers with these first three digits can be of; empty where there are several, or none."""
    code = calling_code(prefix)
    owners = _owners(code) if code else ()
    return owners[0][0] if len(owners) == 1 else ""


def countries(msisdns: Iterable[str]) -> list[str]:
    """Gives the country of each, as `country` does."""
    return [_sole_country(msisdn[:3]) or country(msisdn) for msisdn in msisdns]


def country(msisdn: str) -> str:
    """Gives the two letters of the country that an MSISDN is of, or nothing if that cannot be told.

    Of several countries with one calling code it is the one whose numbering plan has the number.
    """
    if sole := _sole_country(msisdn[:3]):
        return sole
    code = calling_code(msisdn)
    national = msisdn[len(code) :]
    return next((region for region, belongs in _owners(code) if belongs(national)), "") if code else ""
