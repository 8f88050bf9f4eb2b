"""What the texts of a whole campaign cost, counted without writing most of them out.

A character of the basic GSM alphabet is one unit in either encoding and forces nothing. So where a recipient's values
hold no other, their lengths alone say what the text costs, and each length has to be measured once only.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from operator import itemgetter
from types import MappingProxyType
from typing import Final, Literal

from attrs import define, field, frozen

from ip1_async.models.checks import MOST_UNITS
from ip1_async.text import GSM_BASIC, Template, measure

__all__ = ["Block", "Longest", "Meter", "Totals"]

MOST_CHARACTERS: Final = 50
"""Different characters that are counted one by one."""
_MOST_SIZES: Final = 4096

Encoding = Literal["gsm", "ucs"]
_Size = int | tuple[int, ...]
"""The length of all values together, or that of each."""

_NONE: Final[Mapping[str, str]] = MappingProxyType({})
_basic_only = re.compile(f"[{re.escape(GSM_BASIC)}]*+").fullmatch


@frozen
class Block:
    """What the texts of some recipients cost. Positions count from 0 within these recipients."""

    segments: Sequence[int]
    """Of each recipient, at least 1."""
    too_long: Sequence[int]
    """The positions, in order, of texts of more than 2000 UTF-16 units, which the provider refuses."""
    blank: Sequence[int]
    """The positions, in order, of texts with nothing but white space, which it refuses as well."""


@frozen
class Longest:
    """The longest text of all, the first where there are several."""

    units: int
    """UTF-16 units."""
    position: int
    """Of its recipient, counted from 0 over all that were added."""


@frozen(kw_only=True)
class Totals:
    """What has been added so far. Texts that are too long or blank are in none of the costs, for they cannot go out."""

    recipients: int
    """All of them."""
    too_long: int
    blank: int
    by_cost: Mapping[tuple[Encoding, int], int]
    """Recipients by encoding and segments."""
    forcing: Mapping[str, int] = field(repr=False)
    """Recipients by the characters that force `ucs` on them; the first 50 characters are counted."""
    lacking: Mapping[str, int]
    """Recipients by the placeholder for which they have no value, where there is no default either."""
    longest: Longest | None
    """Also among those that cannot go out; None before anyone was added."""

    @property
    def segments(self) -> int:
        """What all texts together are charged for."""
        return sum(segments * count for (_, segments), count in self.by_cost.items())


@frozen(eq=False)
class _Cost:
    """What a text costs."""

    encoding: Encoding
    segments: int
    units: int
    """UTF-16 units, also under `gsm`."""
    forcing: tuple[str, ...]
    blank: bool

    @classmethod
    def of(cls, text: str) -> _Cost:
        found = measure(text)
        # What takes two UTF-16 units is never in a `gsm` text.
        units = found.units if found.encoding == "ucs" else len(text)
        return cls(found.encoding, found.segments, units, found.forcing, not text.strip())


class Meter:
    """Counts what a body costs for block after block of recipients, exactly as `measure` of each rendered text would.

    *known* and *default* are as in `Template`: a `{key}` that is not known stays as typed, and the default, also an
    empty one, stands in for a value that is empty or not given.
    """

    def __init__(self, body: str, known: Collection[str], default: Mapping[str, str] = _NONE) -> None:
        self._template = Template(body, known)
        self._default = dict(default)
        constant = self._template.render({}, {})
        self._constant_blank = not constant.strip()
        # Only pairs of units, which are never cut, make it matter where in the text the values stand.
        pairs = measure(constant).units > len(constant)
        self._constant = None if pairs and self._template.keys else constant
        # A key once for each place in which it stands.
        self._inserts = [key for key in self._template.keys for _ in range(body.count("{" + key + "}"))]
        self._by_size: dict[_Size, _Cost] = {}
        self._sums = _Sums()

    @property
    def totals(self) -> Totals:
        """What has been added so far, as a value that later blocks leave as it is."""
        return self._sums.totals()

    def add(self, values: Sequence[Sequence[str]], keys: Sequence[str]) -> Block:
        """What the texts of these recipients cost, each given by a row of values in the order of the *keys*."""
        columns = self._columns(values, keys)
        inserted = self._inserted(columns, len(values))
        sizes = self._sizes(columns, inserted)
        self._measure_sizes(set(sizes))
        costs = list(map(self._by_size.__getitem__, sizes))
        for place in self._unusual(inserted):
            own = {key: column[place] for key, column in columns.items()}
            costs[place] = _Cost.of(self._template.render(own, {}))
        counted = Counter(costs)
        self._sums.add(costs, counted)
        return Block(
            segments=[cost.segments for cost in costs],
            too_long=_places(costs, {cost for cost in counted if cost.units > MOST_UNITS}),
            blank=_places(costs, {cost for cost in counted if cost.blank}),
        )

    def _columns(self, rows: Sequence[Sequence[str]], keys: Sequence[str]) -> dict[str, list[str]]:
        """What is inserted for each key, by recipient."""
        place_of = {key: place for place, key in enumerate(keys)}
        columns: dict[str, list[str]] = {}
        for key in self._template.keys:
            column = list(map(itemgetter(place_of[key]), rows)) if key in place_of else [""] * len(rows)
            if lacking := column.count(""):
                if key not in self._default:
                    self._sums.lacking[key] += lacking
                column = [value or self._default.get(key, "") for value in column]
            columns[key] = column
        return columns

    def _inserted(self, columns: Mapping[str, list[str]], count: int) -> list[str]:
        """All that is inserted for a recipient, in one text."""
        match [columns[key] for key in self._inserts]:
            case []:
                return [""] * count
            case [column]:
                return column
            case several:
                return list(map("".join, zip(*several, strict=True)))

    def _sizes(self, columns: Mapping[str, list[str]], inserted: Sequence[str]) -> Sequence[_Size]:
        if self._constant is not None:
            return list(map(len, inserted))
        return list(zip(*(map(len, column) for column in columns.values()), strict=True))

    def _measure_sizes(self, sizes: Collection[_Size]) -> None:
        if len(self._by_size) > _MOST_SIZES:
            self._by_size.clear()
        for size in sizes:
            if size not in self._by_size:
                self._by_size[size] = _Cost.of(self._typical(size))

    def _typical(self, size: _Size) -> str:
        """A text with inserted values of this size."""
        if isinstance(size, int):
            return f"{self._constant}{'x' * size}"
        return self._template.render(dict(zip(self._template.keys, map("x".__mul__, size), strict=True)), {})

    def _unusual(self, inserted: Sequence[str]) -> Sequence[int]:
        """The places of those whose texts cost something else than others of their size may."""
        if not self._constant_blank and _basic_only("".join(inserted)):
            return ()
        return [
            place
            for place, text in enumerate(inserted)
            if not _basic_only(text) or (self._constant_blank and not text.strip())
        ]


@define
class _Sums:
    """What `Totals` are taken of."""

    recipients: int = 0
    too_long: int = 0
    blank: int = 0
    by_cost: Counter[tuple[Encoding, int]] = field(factory=Counter)
    forcing: Counter[str] = field(factory=Counter)
    lacking: Counter[str] = field(factory=Counter)
    longest: Longest | None = None

    def add(self, costs: Sequence[_Cost], counted: Mapping[_Cost, int]) -> None:
        most = max((cost.units for cost in counted), default=-1)
        if most > (self.longest.units if self.longest else -1):
            first = next(place for place, cost in enumerate(costs) if cost.units == most)
            self.longest = Longest(most, self.recipients + first)
        for cost, times in counted.items():
            self.too_long += times * (cost.units > MOST_UNITS)
            self.blank += times * cost.blank
            if cost.units <= MOST_UNITS and not cost.blank:
                self.by_cost[cost.encoding, cost.segments] += times
                for each in cost.forcing:
                    if each in self.forcing or len(self.forcing) < MOST_CHARACTERS:
                        self.forcing[each] += times
        self.recipients += len(costs)

    def totals(self) -> Totals:
        return Totals(
            recipients=self.recipients,
            too_long=self.too_long,
            blank=self.blank,
            by_cost=dict(self.by_cost),
            forcing=dict(self.forcing),
            lacking=dict(self.lacking),
            longest=self.longest,
        )


def _places(costs: Sequence[_Cost], such: Collection[_Cost]) -> Sequence[int]:
    return [place for place, cost in enumerate(costs) if cost in such] if such else ()
