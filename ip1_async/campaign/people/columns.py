"""The columns of a table of people: which of them holds the numbers, and which a text may name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from textwrap import shorten
from typing import Final

__all__ = [
    "NUMBER_COLUMNS",
    "NoNumberColumn",
    "check_header",
    "check_names",
    "no_number_column",
    "number_column",
    "places",
]

NUMBER_COLUMNS: Final = ("phone", "phonenumber", "mobile", "msisdn", "number", "telefon", "mobil")
"""The columns that are taken for the number, in any case, when none is named; an earlier one goes before a later."""

# Shorter ones may be years, months or a running number in a name.
_like_a_number = re.compile(r"\d(?:\W?\d){6}").search


def number_column(names: Sequence[str], to: str | None) -> int | None:
    """Gives the place of the column *to*, by default of the first there is of NUMBER_COLUMNS, or None."""
    if to in names:
        return names.index(to)
    folded = [_folded(name) for name in names]
    wanted = NUMBER_COLUMNS if to is None else (_folded(to),)
    return next((folded.index(name) for name in wanted if name in folded), None)


def _folded(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()


def check_header(names: Sequence[str]) -> None:
    """Raises ValueError if these cells of a first row cannot be the names of columns."""
    # Such a cell must not be quoted in a message, and every row would lack its column.
    if any(map(_like_a_number, names)):
        raise ValueError(
            "The first row must name the columns, but it holds a number like those of the people below it."
        )
    check_names(names)


def check_names(names: Sequence[str]) -> None:
    """Raises ValueError if two columns have one name."""
    for name, times in Counter(filter(None, names)).items():
        if times > 1:
            raise ValueError(f"{times} columns are called {name!r}: rename them, so that each has a name of its own.")


class NoNumberColumn(ValueError):
    """No column has a name that is taken for the number's, and none was named."""


def no_number_column(names: Sequence[str], to: str | None) -> ValueError:
    """Gives the error that says which columns there are instead."""
    if not any(names):
        return ValueError("There are no columns, and so none with the phone numbers.")
    if to is None:
        return NoNumberColumn(
            f"No column is called {NUMBER_COLUMNS[0]}: say which of these holds the phone numbers: {_listed(names)}."
        )
    return _no_column(names, to)


def places(names: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Gives where the wanted columns are; raises ValueError for one that there is not."""
    for name in wanted:
        if not name or name not in names:
            raise _no_column(names, name)
    return [names.index(name) for name in wanted]


def _no_column(names: Sequence[str], name: str) -> ValueError:
    return ValueError(f"There is no column {name!r}: the columns are {_listed(names)}.")


def _listed(names: Sequence[str]) -> str:
    return shorten(", ".join(filter(None, names)), 300, placeholder=" ...")
