"""What a benchmark found, told in one line a figure."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Literal

from attrs import frozen

NOISE = 0.1
"""A bar is missed when a figure falls short of it by more than this part of it."""


@frozen
class Bar:
    """What a figure has to reach."""

    side: Literal[">=", "<="]
    value: float

    def met(self, value: float, slack: float = 0.0) -> bool:
        return value >= self.value * (1 - slack) if self.side == ">=" else value <= self.value * (1 + slack)


@frozen
class Figure:
    """One measured value, with the bar that it has to reach if there is one."""

    name: str
    value: float
    unit: str = "x"
    bar: Bar | None = None

    @property
    def failed(self) -> bool:
        """Whether the bar is missed by more than noise explains."""
        return self.bar is not None and not self.bar.met(self.value, NOISE)

    def __str__(self) -> str:
        if self.bar is None:
            return f"{self.name:<50}{_amount(self.value, self.unit):>14}  {'-':>12}  no bar"
        verdict = "met" if self.bar.met(self.value) else "MISSED" if self.failed else "within noise"
        return (
            f"{self.name:<50}{_amount(self.value, self.unit):>14}"
            f"  {self.bar.side + ' ' + _amount(self.bar.value, self.unit):>12}  {verdict}"
        )


def _amount(value: float, unit: str) -> str:
    shown = f"{value:,.2f}" if value < 100 and value != int(value) else f"{value:,.0f}"
    return f"{shown}{unit}" if unit == "x" else f"{shown} {unit}"


def tell(figures: Sequence[Figure]) -> int:
    """Print the figures, and give the exit status."""
    for each in figures:
        print(each)
    sys.stdout.flush()
    return 1 if any(each.failed for each in figures) else 0
