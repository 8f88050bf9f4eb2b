"""Models to plain data, and plain data to JSON and back."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, cast

from ip1_async.codec.fields import Mismatch, fields
from ip1_async.wire import is_mapping, is_sequence

quote = json.encoder.encode_basestring
"""A text as JSON; for whoever writes so many of them that making the plain data first would take longer."""

_as_they_are = frozenset({str, int, bool, type(None)})
_are_texts = frozenset({str}).issuperset


def decode(body: bytes) -> Any:
    """JSON to plain data; raises `Mismatch` for anything else."""
    swift = _decoder()
    if swift is not None:
        try:
            return swift(body)
        except (ValueError, RecursionError):
            # What it refuses, such as half of a surrogate pair or another encoding, is the standard library's to judge.
            pass
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Mismatch("the answer is not JSON") from None


def encode(data: Any) -> bytes:
    """Plain data to JSON."""
    swift = _encoder()
    if swift is not None:
        try:
            return swift(data)
        except TypeError:
            # A whole number of more than 64 bits.
            pass
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


@cache
def _decoder() -> Callable[[bytes], Any] | None:
    """msgspec's where it is installed: of the fast ones it is the one that keeps large whole numbers exact."""
    try:
        import msgspec
    except ImportError:
        return None
    return msgspec.json.Decoder().decode


@cache
def _encoder() -> Callable[[Any], bytes] | None:
    """orjson's where it is installed."""
    try:
        import orjson
    except ImportError:
        return None
    return orjson.dumps


def dump(value: Any) -> Any:
    """Plain data, as the API spells it, from a model or anything made of models."""
    kind = _kind(value)
    if kind in _as_they_are:
        return value
    if kind is dict:
        return _dump_mapping(value)
    if hasattr(value, "__attrs_attrs__"):
        return _dump_model(value)
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Decimal | float):
        if not math.isfinite(value):
            raise Mismatch("a number is not finite, which JSON has no word for")
        return float(value)
    if isinstance(value, datetime):
        return _stamp(value)
    if is_mapping(value):
        return _dump_mapping(value)
    if is_sequence(value):
        return list(value) if _are_texts(map(type, value)) else [dump(item) for item in value]
    return value


def query(value: Any) -> tuple[tuple[str, str], ...]:
    """The parameters of an address that a query model, or the query part of a body's model, stands for."""
    pairs: list[tuple[str, str]] = []
    for each, name in fields(_kind(value)):
        given = getattr(value, each.name)
        if each.metadata.get("local") or given is None or given is False:
            continue
        if isinstance(given, Mapping):
            pairs += [(f"{name}[{key}]", item) for key, item in cast("Mapping[str, str]", given).items()]
        elif isinstance(given, str | int):
            pairs.append((name, "true" if given is True else str(given)))
        else:
            pairs += [(name, str(item)) for item in given]
    return tuple(pairs)


def query_of_body(value: Any) -> tuple[tuple[str, str], ...]:
    """The flags that a body's model sends in the address."""
    return tuple((name, "true") for field, name in _flags(_kind(value)) if getattr(value, field))


def _dump_mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    # Recipients may be very many, and their values with them.
    if not _are_texts(map(type, value)):
        return {str(dump(key)): dump(item) for key, item in value.items()}
    return dict(value) if _are_texts(map(type, value.values())) else {key: dump(item) for key, item in value.items()}


def _dump_model(value: Any) -> Any:
    bare = getattr(value, "_body", None)
    if bare is not None:
        return dump(getattr(value, bare))
    made: dict[str, Any] = {}
    for field, name, null, texts in _sent(_kind(value)):
        given = getattr(value, field)
        if given is None:
            if null:
                made[name] = None
        elif type(given) in _as_they_are:
            made[name] = given
        elif texts and type(given) is tuple:
            made[name] = list(cast("tuple[str, ...]", given))
        elif not isinstance(given, Enum):
            made[name] = dump(given)
    if extra := getattr(value, "extra", None):
        for name, item in extra.items():
            made.setdefault(name, dump(item))
    return made


@cache
def _sent(kind: Any) -> tuple[tuple[str, str, bool, bool], ...]:
    """The fields that travel in a body: name, name on the wire, whether None is sent as null, and whether a tuple there
    is known to hold texts only.
    """
    return tuple(
        (each.name, name, bool(each.metadata.get("null")), bool(each.metadata.get("texts")))
        for each, name in fields(kind)
        if not each.metadata.get("local") and not each.metadata.get("query")
    )


@cache
def _flags(kind: Any) -> tuple[tuple[str, str], ...]:
    return tuple((each.name, name) for each, name in fields(kind) if each.metadata.get("query"))


def _kind(value: Any) -> Any:
    return value.__class__


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
