"""The time zones of countries, named as in the IANA database, such as `Europe/Stockholm`."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Mapping
from contextlib import suppress
from functools import cache, lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ip1_async.errors import Invalid

_SAME_CLOCKS: Final = {"AC": "SH", "TA": "SH", "XK": "RS"}
"""Codes that numbering plans know and the zone table does not, with countries on whose clocks they live."""


def zones(country: str) -> tuple[str, ...]:
    """The time zones of a country, given by its ISO 3166 code of two letters, in the order of the zone table.

    The table is that of the `tzdata` package, else of the system. Raises `Invalid` for a country that it does not have.
    """
    code = country.upper()
    if found := _table().get(_SAME_CLOCKS.get(code, code)):
        return found
    named = code if re.fullmatch("[A-Z]{2}", code) else f"{len(country)} characters long"
    raise Invalid(
        "country",
        f"country is {named}, whose time zones are not known; "
        "give a column with each recipient's own zone, such as Europe/Stockholm",
    )


@cache
def _table() -> Mapping[str, tuple[str, ...]]:
    """The zones by country."""
    found: dict[str, tuple[str, ...]] = {}
    for line in _zone_tab().splitlines():
        if line and not line.startswith("#"):
            countries, _, zone = line.split("\t")[:3]
            for country in countries.split(","):
                found[country] = (*found.get(country, ()), zone)
    return found


def _zone_tab() -> str:
    places: list[Traversable] = [Path(each) for each in zoneinfo.TZPATH]
    with suppress(ModuleNotFoundError):
        places.insert(0, files("tzdata") / "zoneinfo")
    for place in places:
        for name in ("zone.tab", "zone1970.tab"):
            with suppress(OSError):
                return (place / name).read_text("utf-8")
    raise Invalid("country", "country cannot be looked up, for no table of time zones is here; install tzdata")


def is_zone(name: str) -> bool:
    """Whether this is the name of an IANA time zone that is known here."""
    return named_zone(name) is not None


@lru_cache(4096)
def named_zone(name: str) -> ZoneInfo | None:
    """The time zone of this name; None where none is known."""
    # A folder of zones, a path that leads elsewhere and a name too long for a file each have an error of their own.
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        return None


def clocks(zone: str) -> tuple[str, ...]:
    """The time zones that a chunk's zone stands for: a country's, or the one that it names."""
    return (zone,) if "/" in zone else zones(zone)
