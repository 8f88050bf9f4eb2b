"""Rows as Arrow arrays, column by column."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import import_module
from itertools import accumulate, chain
from typing import Any, Final

from ip1_async.frames.columns import Many, Named, Parts, Plain, Shape, columns

DIGITS: Final = 38
DECIMALS: Final = 20
"""Of an amount. They hold every amount of less than 10^18 that is a double of 0.0001 or more, exactly as it was written."""


def library(name: str) -> Any:
    """The library of this name; raises `ImportError` with what to do where it is not installed."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        missing = name.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != missing:
            raise
        raise ModuleNotFoundError(
            f"Tables need {missing}: install it with pip install 'ip1-async[notebook]'.", name=missing
        ) from None


@cache
def schema(kind: type) -> Any:
    """The Arrow schema of a model's rows."""
    arrow = library("pyarrow")
    return arrow.schema([(each.name, _type(each.shape)) for each in columns(kind)])


def batch(kind: type, rows: Sequence[Any]) -> Any:
    """The rows as an Arrow record batch.

    Raises `ValueError` naming the column where a number has more digits than its type; nothing is rounded. Half of a
    surrogate pair, which no UTF-8 can hold, becomes U+FFFD.
    """
    arrow = library("pyarrow")
    made: list[Any] = []
    for each in columns(kind):
        try:
            made.append(_array(each.shape, [each.of(row) for row in rows]))
        except (arrow.ArrowInvalid, OverflowError):
            # Arrow's own words would quote the value.
            raise ValueError(
                f"{kind.__name__}.{each.name}: a number does not fit into {_type(each.shape)}; nothing was rounded"
            ) from None
    return arrow.record_batch(made, schema=schema(kind))


@cache
def _plain_types() -> dict[Plain, Any]:
    arrow = library("pyarrow")
    return {
        "text": arrow.string(),
        "word": arrow.dictionary(arrow.int32(), arrow.string()),
        "whole": arrow.int64(),
        "code": arrow.int32(),
        "number": arrow.float64(),
        "yes": arrow.bool_(),
        "time": arrow.timestamp("us", "UTC"),
        "money": arrow.decimal128(DIGITS, DECIMALS),
        "json": arrow.string(),
    }


def _type(shape: Shape) -> Any:
    arrow = library("pyarrow")
    match shape:
        case Many():
            return arrow.list_(_type(shape.of))
        case Named():
            return arrow.map_(_type(shape.key), _type(shape.of))
        case Parts():
            return arrow.struct([(each.name, _type(each.shape)) for each in shape.columns])
        case _:
            return _plain_types()[shape]


def _array(shape: Shape, values: Sequence[Any]) -> Any:
    match shape:
        case Many():
            items = list(chain.from_iterable(each or () for each in values))
            return library("pyarrow").ListArray.from_arrays(_offsets(values), _array(shape.of, items))
        case Named():
            keys = list(chain.from_iterable(each or () for each in values))
            items = list(chain.from_iterable(each.values() for each in values if each))
            made = _array(shape.key, keys), _array(shape.of, items)
            return library("pyarrow").MapArray.from_arrays(_offsets(values), *made)
        case Parts():
            return _struct(shape, values)
        case "json":
            return _texts("text", [_json(each) if each else None for each in values])
        case "text" | "word":
            return _texts(shape, values)
        case _:
            return library("pyarrow").array(values, _plain_types()[shape])


def _offsets(values: Iterable[Any]) -> Any:
    """Where the items of each row begin, and where those of the last one end."""
    arrow = library("pyarrow")
    return arrow.array(accumulate((len(each) if each else 0 for each in values), initial=0), arrow.int32())


def _struct(shape: Parts, values: Sequence[Any]) -> Any:
    arrow = library("pyarrow")
    empty = [each is None for each in values]
    made = [
        _array(each.shape, [None if value is None else each.of(value) for value in values]) for each in shape.columns
    ]
    return arrow.StructArray.from_arrays(
        made, fields=list(_type(shape)), mask=arrow.array(empty, arrow.bool_()) if any(empty) else None
    )


def _texts(shape: Plain, values: Sequence[str | None]) -> Any:
    arrow = library("pyarrow")
    try:
        return arrow.array(values, _plain_types()[shape])
    except UnicodeEncodeError:
        whole = [None if each is None else each.encode("utf-16", "surrogatepass") for each in values]
        return arrow.array(
            [None if each is None else each.decode("utf-16", "replace") for each in whole], _plain_types()[shape]
        )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
