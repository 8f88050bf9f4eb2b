"""Models to and from JSON: the only place that knows how the API spells things.

A field's name on the wire is its Python name in lowerCamelCase; a field that departs from this says so in its metadata.
Reading is tolerant where the provider's documents contradict each other (name case, stray spaces in names, enums as
integers, numbers as text, times without a zone) and strict about types otherwise. What is not known is kept.

Metadata of a field: `name` its own spelling, `codes` the words behind integers, `null` that None is sent as null,
`query` that it travels in the address, `local` that it is an option of ours and never travels.
"""

from __future__ import annotations

import json
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

import attrs

from ip1_async.wire import is_array, is_mapping, is_object, is_sequence

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")
Hook = Callable[[Any, Any], Any]

_humps = re.compile(r"_([a-z0-9])")


class Mismatch(ValueError):
    """The JSON does not have the promised shape; says where, never what."""


def decode(body: bytes) -> Any:
    """JSON to plain data; raises `Mismatch` for anything else."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Mismatch("the answer is not JSON") from None


def encode(data: Any) -> bytes:
    """Plain data to JSON."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


quote = json.encoder.encode_basestring
"""A text as JSON; for whoever writes so many of them that making the plain data first would take longer."""


def load(kind: type[T], data: Any) -> T:
    """A value of this kind from plain data; raises `Mismatch`, or `Invalid` where a model refuses its own values."""
    return cast("T", _converter().get_structure_hook(kind)(data, kind))


def dump(value: Any) -> Any:
    """Plain data, as the API spells it, from a model or anything made of models."""
    if hasattr(value, "__attrs_attrs__"):
        return _dump_model(value)
    if isinstance(value, str | bool) or value is None:
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return _stamp(value)
    if is_mapping(value):
        return {str(dump(key)): dump(item) for key, item in value.items()}
    if is_sequence(value):
        return [dump(item) for item in value]
    return value


def query(value: Any) -> tuple[tuple[str, str], ...]:
    """The parameters of an address that a query model, or the query part of a body's model, stands for."""
    pairs: list[tuple[str, str]] = []
    for each, name in _fields(_kind(value)):
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
    return tuple(
        (name, "true")
        for each, name in _fields(_kind(value))
        if each.metadata.get("query") and getattr(value, each.name)
    )


def names(kind: type) -> Mapping[str, str]:
    """Wire name by Python name, for the fields that travel."""
    return {each.name: name for each, name in _fields(kind) if not each.metadata.get("local")}


def _dump_model(value: Any) -> Any:
    bare = getattr(value, "_body", None)
    if bare is not None:
        return dump(getattr(value, bare))
    made: dict[str, Any] = {}
    for each, name in _fields(_kind(value)):
        given = getattr(value, each.name)
        left_out = isinstance(given, Enum) or (given is None and not each.metadata.get("null"))
        if left_out or each.metadata.get("local") or each.metadata.get("query"):
            continue
        made[name] = dump(given)
    for name, item in getattr(value, "extra", {}).items():
        made.setdefault(name, item)
    return made


@cache
def _fields(kind: Any) -> tuple[tuple[attrs.Attribute[Any], str], ...]:
    """The fields of a model but for `extra`, each with its name on the wire."""
    attrs.resolve_types(kind)
    return tuple(
        (each, each.metadata.get("name") or _camel(each.name)) for each in attrs.fields(kind) if each.name != "extra"
    )


def _kind(value: Any) -> Any:
    return value.__class__


def _camel(name: str) -> str:
    return _humps.sub(lambda hump: hump[1].upper(), name)


def _fold(name: str) -> str:
    return name.strip().replace("_", "").lower()


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


@cache
def _converter() -> Converter:
    from cattrs import Converter

    made = Converter()
    strict: dict[Any, Hook] = {
        str: _str, int: _int, float: _float, bool: _bool, Decimal: _decimal, datetime: _datetime, types.NoneType: _none,
    }  # fmt: skip
    for kind, hook in strict.items():
        made.register_structure_hook(kind, hook)
    made.register_structure_hook_func(lambda kind: kind is Any or kind is object, lambda data, _: data)
    made.register_structure_hook_factory(attrs.has, partial(_model, made))
    made.register_structure_hook_factory(_is(Mapping), partial(_mapping, made))
    made.register_structure_hook_factory(_is(Sequence, list, tuple), partial(_sequence, made))
    made.register_structure_hook_factory(_is(typing.Union, types.UnionType), partial(_union, made))
    made.register_structure_hook_factory(_is(typing.Literal), _literal)
    return made


def _is(*origins: Any) -> Callable[[Any], bool]:
    return lambda kind: typing.get_origin(kind) in origins


def _model(converter: Converter, kind: Any) -> Hook:
    """What makes one model from its JSON object."""
    bare = getattr(kind, "_body", None)
    known: dict[str, tuple[str, Hook, Any, bool]] = {}
    for each, name in _fields(kind):
        hook = _word(each.metadata["codes"]) if "codes" in each.metadata else converter.get_structure_hook(each.type)
        # A null stands for "not there" wherever the model has something to put in its place.
        entry = (each.name, hook, each.type, each.default is not attrs.NOTHING and "null" not in each.metadata)
        known[name] = known[_fold(name)] = known[each.name] = entry
        for other in each.metadata.get("also", ()):
            known.setdefault(other, entry)
    keeps = any(each.name == "extra" for each in attrs.fields(kind))

    def read(data: Any, _: Any) -> Any:
        if bare is not None and not is_object(data):
            data = {bare: data}
        if not is_object(data):
            raise Mismatch(f"{kind.__name__}: an object was promised, there is {_shape(data)}")
        values: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        for name, item in data.items():
            entry = known.get(name) or known.get(_fold(name))
            if entry is None:
                extra[name] = item
                continue
            field, hook, type_, nullable = entry
            if item is None and nullable:
                continue
            try:
                values[field] = hook(item, type_)
            except Mismatch as wrong:
                raise Mismatch(f"{kind.__name__}.{field}: {wrong}") from None
        if extra and keeps:
            values["extra"] = extra
        try:
            return kind(**values)
        except TypeError:
            missing = [e.name for e in attrs.fields(kind) if e.default is attrs.NOTHING and e.name not in values]
            raise Mismatch(f"{kind.__name__}: without {', '.join(missing) or 'what it needs'}") from None

    return read


def _mapping(converter: Converter, kind: Any) -> Hook:
    key, item = typing.get_args(kind)
    key_hook, item_hook = converter.get_structure_hook(key), converter.get_structure_hook(item)

    def read(data: Any, _: Any) -> Any:
        if not is_object(data):
            raise Mismatch(f"an object was promised, there is {_shape(data)}")
        return {key_hook(name, key): item_hook(each, item) for name, each in data.items()}

    return read


def _sequence(converter: Converter, kind: Any) -> Hook:
    item = typing.get_args(kind)[0]
    hook = converter.get_structure_hook(item)
    made: Any = list if typing.get_origin(kind) is list else tuple

    def read(data: Any, _: Any) -> Any:
        if not is_array(data):
            raise Mismatch(f"an array was promised, there is {_shape(data)}")
        return made([hook(each, item) for each in data])

    return read


def _union(converter: Converter, kind: Any) -> Hook:
    """Of several types the one that the JSON looks like; enum members stand for things left out and never come."""
    choices: dict[Any, tuple[Any, Hook]] = {
        _looks(each): (each, converter.get_structure_hook(each))
        for each in typing.get_args(kind)
        if not (isinstance(each, type) and issubclass(each, Enum))
    }

    def read(data: Any, _: Any) -> Any:
        chosen = choices.get(_kind(data)) or (choices.get(str) if data is not None else None)
        if chosen is None:
            raise Mismatch(f"there is {_shape(data)}, which is not one of the promised kinds")
        return chosen[1](data, chosen[0])

    return read


def _looks(kind: Any) -> Any:
    origin: Any = typing.get_origin(kind) or kind
    if origin is types.NoneType:
        return types.NoneType
    if origin is Mapping or attrs.has(origin):
        return dict
    return list if origin in (Sequence, list, tuple) else str


def _literal(kind: Any) -> Hook:
    allowed = typing.get_args(kind)
    folded = {each.lower() if isinstance(each, str) else each: each for each in allowed}

    def read(data: Any, _: Any) -> Any:
        key = data.lower() if isinstance(data, str) else data
        if isinstance(data, bool | dict | list) or key not in folded:
            raise Mismatch(f"there is {_shape(data)}; allowed are {', '.join(map(str, allowed))}")
        return folded[key]

    return read


def _word(codes: Mapping[int, str]) -> Hook:
    """An enum: a word in any case, or an integer that stands for one; unknown ones are kept."""

    def read(data: Any, _: Any) -> str:
        if isinstance(data, str):
            return data.strip().lower()
        if isinstance(data, int) and not isinstance(data, bool):
            return codes.get(data, "unknown" if -1 in codes else str(data))
        raise Mismatch(f"a word was promised, there is {_shape(data)}")

    return read


def _str(data: Any, _: Any) -> str:
    if type(data) is str:
        return data
    if isinstance(data, str):
        # An id of the call, where the answer does not name the thing: the value is not hidden in a model.
        return str(data)
    raise Mismatch(f"a text was promised, there is {_shape(data)}")


def _int(data: Any, kind: Any) -> Any:
    """A whole number, as this kind of number."""
    if type(data) is int:
        return data if kind is int else kind(data)
    if isinstance(data, float) and data.is_integer():
        return kind(data)
    if isinstance(data, str) and re.fullmatch(r"-?[0-9]{1,18}", data.strip()):
        return kind(data)
    raise Mismatch(f"a whole number was promised, there is {_shape(data)}")


def _float(data: Any, _: Any) -> float:
    if isinstance(data, int | float) and not isinstance(data, bool):
        return float(data)
    raise Mismatch(f"a number was promised, there is {_shape(data)}")


def _bool(data: Any, _: Any) -> bool:
    if isinstance(data, bool):
        return data
    if isinstance(data, str) and data.strip().lower() in ("true", "false"):
        return data.strip().lower() == "true"
    raise Mismatch(f"true or false was promised, there is {_shape(data)}")


def _decimal(data: Any, _: Any) -> Decimal:
    if isinstance(data, int | float | str) and not isinstance(data, bool):
        try:
            # By way of the shortest text that gives the same double: 0.35 is meant, not 0.34999….
            made = Decimal(str(data).strip())
        except InvalidOperation:
            made = Decimal("nan")
        if made.is_finite():
            return made
    raise Mismatch(f"an amount was promised, there is {_shape(data)}")


def _datetime(data: Any, _: Any) -> datetime:
    if isinstance(data, str):
        try:
            at = datetime.fromisoformat(data.strip())
        except ValueError:
            raise Mismatch("a time was promised, there is another text") from None
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    raise Mismatch(f"a time was promised, there is {_shape(data)}")


def _none(data: Any, _: Any) -> None:
    if data is not None:
        raise Mismatch(f"null was promised, there is {_shape(data)}")


def _shape(data: Any) -> str:
    shapes = {
        type(None): "null",
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a text",
        list: "an array",
        dict: "an object",
    }
    return shapes.get(_kind(data), "something else")
