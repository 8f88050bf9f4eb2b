"""What a segment costs and which network it goes to, by country prefix. Invented, in SEK, of a likely size."""

from __future__ import annotations

from attrs import frozen

PRIORITY_EXTRA = 1000
"""Of an SMS with high priority, in 1/10,000 SEK."""


@frozen
class Country:
    """One destination."""

    price: int
    """Of a segment, in 1/10,000 SEK."""
    mcc: str | None = None
    mnc: str | None = None


_countries = {
    "46": Country(3500, "240", "01"), "45": Country(3900, "238", "01"), "47": Country(4500, "242", "01"),
    "358": Country(5200, "244", "05"), "49": Country(6900, "262", "01"), "44": Country(4200, "234", "10"),
    "1": Country(2500, "310", "260"),
}  # fmt: skip
_elsewhere = Country(8000)


def country(msisdn: str) -> Country:
    """Where a number is."""
    return next((_countries[msisdn[:size]] for size in (3, 2, 1) if msisdn[:size] in _countries), _elsewhere)
