"""A walk's rows as a table of Arrow, polars or pandas, or as a Parquet file.

A table's columns are the fields of the rows' model, in their order and by their names. They depend on the model only: an
empty list has the same ones, of the same types, and so has every file.

| a field that is | is in Arrow | in polars | in pandas |
|---|---|---|---|
| a text | `string` | `String` | pandas' own type of texts |
| a word of which there are few, such as `direction`, `type`, `currency`, `sender` | `dictionary<int32, string>` | `Categorical` | `category` |
| a time | `timestamp[us, UTC]` | `Datetime("us", "UTC")` | `datetime64[us, UTC]` |
| an amount | `decimal128(38, 20)` | `Decimal(38, 20)` | `decimal.Decimal` |
| a whole number; a status code | `int64`; `int32` | `Int64`; `Int32` | `Int64`; `Int32` |
| a yes or no | `bool` | `Boolean` | `boolean` |
| a sequence, such as `statuses`, `tags` | `list` of structs or texts | `List` | Arrow's own, with `.list` and `.struct` |
| a model, such as `price_summary` | `struct` | `Struct` | Arrow's own, with `.struct` |
| a mapping, such as `properties` | `map` | `Map`, or `List` of pairs before polars 2 | `dict` |

A message has `status`, `status_name` and `is_final` as well. The last column is `extra`: what the API sent beyond the
documented fields, as JSON, null where that is nothing. None is null; in pandas it is what pandas has for it in a column
of that type. An account's `key` is left out, because it is a secret, and a table prints what it holds.

Amounts are exact: what has more digits than the type is refused with `ValueError`, and nothing is rounded.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any, Final

from ip1_async.frames.arrays import DIGITS, batch, library, schema

if TYPE_CHECKING:
    from ip1_async.pages import Pages

__all__ = ["AT_ONCE", "arrow", "batches", "pandas", "polars"]

AT_ONCE: Final = 200
"""Rows that are made into columns while nothing else has a turn: about a page."""


async def arrow(kind: type, pages: Pages[Any], limit: int | None = None) -> Any:
    """All rows, or the first *limit* of them, as a `pyarrow.Table` of one chunk and one dictionary a column."""
    made = library("pyarrow")
    async with aclosing(batches(kind, pages, limit)) as some:
        found = [each async for each in some]
    table = made.Table.from_batches(found, schema(kind))
    return await asyncio.to_thread(table.combine_chunks)


async def polars(kind: type, pages: Pages[Any], limit: int | None = None) -> Any:
    """All rows, or the first *limit* of them, as a `polars.DataFrame`."""
    made = library("polars")
    return await asyncio.to_thread(made.from_arrow, await arrow(kind, pages, limit))


async def pandas(kind: type, pages: Pages[Any], limit: int | None = None) -> Any:
    """All rows, or the first *limit* of them, as a `pandas.DataFrame`."""
    library("pandas")
    return await asyncio.to_thread(_pandas, await arrow(kind, pages, limit))


async def batches(kind: type, pages: Pages[Any], limit: int | None = None) -> AsyncGenerator[Any]:
    """The rows as Arrow record batches of 200, as they come; the last one may be shorter."""
    library("pyarrow")
    left = limit
    if left is not None and left <= 0:
        return
    some: list[Any] = []
    async with pages:
        async for row in pages:
            some.append(row)
            if left is not None and (left := left - 1) == 0:
                break
            if len(some) == AT_ONCE:
                yield batch(kind, some)
                some.clear()
                # Rows that are there already come without a pause, and a page may be long.
                await asyncio.sleep(0)
    if some:
        yield batch(kind, some)


def _pandas(table: Any) -> Any:
    frame = table.to_pandas(types_mapper=_pandas_type, maps_as_pydicts="strict")
    for column in table.schema:
        if library("pyarrow").types.is_decimal(column.type):
            # pandas cannot yet multiply or describe Arrow's decimals; those of Python it can.
            frame[column.name] = frame[column.name].map(_short, na_action="ignore")
    return frame


def _pandas_type(kind: Any) -> Any:
    """The type that pandas is to have for an Arrow type; None leaves it to pandas.

    By default whole numbers become floating ones where one is missing, so the type would depend on the rows.
    """
    made, types = library("pandas"), library("pyarrow").types
    if types.is_list(kind) or types.is_struct(kind):
        return made.ArrowDtype(kind)
    numbers = {types.is_int64: made.Int64Dtype, types.is_int32: made.Int32Dtype, types.is_boolean: made.BooleanDtype}
    return next((dtype() for is_it, dtype in numbers.items() if is_it(kind)), None)


_exact = Context(prec=DIGITS)


def _short(amount: Decimal) -> Decimal:
    """The same amount without the zeros at its end that Arrow has added."""
    short = _exact.normalize(amount)
    return _exact.quantize(short, Decimal(1)) if short == short.to_integral_value() else short
