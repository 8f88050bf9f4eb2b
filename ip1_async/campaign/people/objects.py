"""People as objects, which may have different columns: what an iterable gives."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from itertools import chain, islice
from math import isnan
from numbers import Real
from typing import Final, cast

from attrs import field, frozen

from ip1_async.campaign.people.columns import no_number_column, number_column, places
from ip1_async.campaign.people.rows import BLOCK, NO_TEXT, Block, rows

__all__ = ["AHEAD", "AsyncObjects", "NoObject", "Objects", "from_async_iterable", "from_iterable", "layout", "text_of"]

AHEAD: Final = 1_000
"""Objects that are looked at to learn their columns."""

_NAME: Final = "an iterable"
_READ: Final = "These people can be read only once, and they were."


@frozen
class NoObject:
    """Stands for something that could not be read."""

    wrong: str


@frozen
class Layout:
    """What objects have in common: a number or a mapping each, or a pair of them."""

    columns: tuple[str, ...]
    number: str | None
    """The column of the number, if any of them is a mapping."""

    def block(self, first: int, objects: Sequence[object], wanted: Sequence[str]) -> Block:
        """Gives a row for each; the first of them is row *first*."""
        table: list[list[str]] = []
        wrong: dict[int, str] = {}
        for at, each in enumerate(objects):
            number, values, reason = self._taken_apart(each)
            texts = [text_of(number), *[text_of(values.get(name)) for name in wanted]]
            if reason or None in texts:
                wrong[at] = reason or NO_TEXT
            table.append([text or "" for text in texts])
        numbers, *columns = zip(*table, strict=True)
        return rows(first, numbers, columns, wrong)

    def _taken_apart(self, each: object) -> tuple[object, Mapping[object, object], str]:
        """The number, the values, and what is wrong."""
        number, values = _pair(each)
        if values is None:
            return None, {}, each.wrong if isinstance(each, NoObject) else "neither a number nor a mapping"
        if number is values:
            number = values.get(self.number or "")
            # The number is looked at first, for most rows have one.
            blank = not number and all(text_of(value) == "" for value in values.values())
            return number, values, "blank row" if blank else ""
        return number, values, ""


def _pair(each: object) -> tuple[object, Mapping[object, object] | None]:
    """The number and its values; the same mapping twice where they are together, and no values if it is something else."""
    if isinstance(each, (dict, Mapping)):
        values = cast("Mapping[object, object]", each)
        return values, values
    if isinstance(each, (str, Real)):
        return each, {}
    if isinstance(each, (tuple, list)) and len(pair := cast("Sequence[object]", each)) == 2:
        return pair[0], cast("Mapping[object, object]", pair[1]) if isinstance(pair[1], Mapping) else None
    return None, None


def text_of(value: object) -> str | None:
    """Gives a value as plain text, a missing one as "", or None for what is no text, such as a list."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    # Where tables have been computed with, what is not a number stands for what is missing.
    if value is None or (isinstance(value, float) and isnan(value)):
        return ""
    return str(value) if isinstance(value, (Real, Decimal, date, time)) else None


def layout(objects: Iterable[object], to: str | None) -> Layout:
    """Gives what the first objects have in common; *to* names the column of the numbers.

    Raises ValueError if none of them has such a column, or if there are mappings, but none with a usual one.
    """
    columns: dict[str, None] = {}
    mappings = False
    for each in objects:
        number, values = _pair(each)
        mappings = mappings or (values is not None and number is values)
        columns.update(dict.fromkeys(name for name in values or () if isinstance(name, str) and name))
    names = [*columns]
    at = number_column(names, to)
    if at is None and (mappings or to is not None):
        raise no_number_column(names, to)
    return Layout(tuple(names), names[at] if at is not None else None)


@frozen(kw_only=True)
class Objects:
    """People that an iterable gives."""

    name: str
    _layout: Layout = field(alias="layout", repr=False)
    _objects: Callable[[], Iterator[object]] = field(alias="objects", repr=False)
    """Gives them from the first on, or raises ValueError."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names that a text may use: those of the first 1,000 people."""
        return self._layout.columns

    def blocks(self, wanted: Sequence[str]) -> Iterator[Block]:
        """Gives every row, counted from 1, up to 2,000 at a time, with the values of the wanted columns.

        Raises ValueError for a column that there is not, and for what can be read only once, and was.
        """
        places(self.columns, wanted)
        return self._blocks(self._objects(), wanted)

    def _blocks(self, objects: Iterator[object], wanted: Sequence[str]) -> Iterator[Block]:
        row = 1
        while block := list(islice(objects, BLOCK)):
            yield self._layout.block(row, block, wanted)
            row += len(block)


@frozen(kw_only=True)
class AsyncObjects:
    """People that an async iterable gives; they can be read once."""

    name: str
    _layout: Layout = field(alias="layout", repr=False)
    _parts: list[tuple[list[object], AsyncIterator[object]]] = field(alias="parts", repr=False)
    """The first ones and the rest, until they are read."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names that a text may use: those of the first 1,000 people."""
        return self._layout.columns

    def blocks(self, wanted: Sequence[str]) -> AsyncIterator[Block]:
        """Gives every row, counted from 1, up to 2,000 at a time, with the values of the wanted columns.

        Raises ValueError for a column that there is not, and when they were read before.
        """
        places(self.columns, wanted)
        if not self._parts:
            raise ValueError(_READ)
        return self._blocks(*self._parts.pop(), wanted)

    async def _blocks(
        self, block: list[object], rest: AsyncIterator[object], wanted: Sequence[str]
    ) -> AsyncIterator[Block]:
        row = 1
        async for each in rest:
            block.append(each)
            if len(block) == BLOCK:
                yield self._layout.block(row, block, wanted)
                row += len(block)
                block = []
        if block:
            yield self._layout.block(row, block, wanted)


def from_iterable(people: Iterable[object], to: str | None) -> Objects:
    """Gives the people of an iterable, of which the first 1,000 are taken at once; *to* is as in `layout`."""
    # A mapping would give its keys only.
    iterable = cast("Mapping[object, object]", people).items() if isinstance(people, Mapping) else people
    rest = iter(iterable)
    ahead = list(islice(rest, AHEAD))
    whole = [chain(ahead, rest)]

    def objects() -> Iterator[object]:
        if whole:
            return whole.pop()
        if isinstance(iterable, Collection):
            return iter(iterable)
        raise ValueError(_READ)

    return Objects(name=_NAME, layout=layout(ahead, to), objects=objects)


async def from_async_iterable(people: AsyncIterable[object], to: str | None) -> AsyncObjects:
    """Gives the people of an async iterable, of which the first 1,000 are taken at once; *to* is as in `layout`."""
    rest = aiter(people)
    ahead: list[object] = []
    async for each in rest:
        ahead.append(each)
        if len(ahead) == AHEAD:
            break
    return AsyncObjects(name=_NAME, layout=layout(ahead, to), parts=[(ahead, rest)])
