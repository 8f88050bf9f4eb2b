"""Reading by a rule for each type, in any of the spellings that the API is known to use; see the package's first lines."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from ip1_async.codec.fields import Mismatch, fields, spelled
from ip1_async.codec.plain import decode
from ip1_async.codec.scalars import amount, time, utc
from ip1_async.codec.swift import fit, swift
from ip1_async.wire import is_array, is_object

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")
Hook = Callable[[Any, Any], Any]


def load(kind: type[T], data: Any) -> T:
    """A value of this kind from plain data; raises `Mismatch`, or `Invalid` where a model refuses its own values."""
    anything: Any = kind
    made: T = _hook(anything)(data, kind)
    return made


def read(kind: type[T], body: bytes, shape: Callable[[Any], Any] | None = None) -> T:
    """The same from JSON, where *shape* makes the promised form of what comes in another one."""
    anything: Any = kind
    if (swiftly := _from_json(anything)) is not None:
        try:
            made: T = swiftly(body)
            return made
        except ValueError:
            # What it is, or what is wrong with it, is for the rules to say.
            pass
    data = decode(body)
    return load(kind, data if shape is None else shape(data))


@cache
def _from_json(kind: Any) -> Callable[[bytes], Any] | None:
    several = typing.get_origin(kind) is list
    model = typing.get_args(kind)[0] if several else kind
    return swift(model, _converter().get_structure_hook).from_json(several=several) if fit(model) else None


@cache
def _hook(kind: Any) -> Hook:
    return _converter().get_structure_hook(kind)


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
    """What makes one model from its JSON object: by code made for it, or with care where that code refuses."""
    careful = _careful(converter, kind)
    if not fit(kind):
        return careful
    rows = swift(kind, converter.get_structure_hook).rows
    return lambda data, _: rows((data,), careful)[0]


@cache
def _careful(converter: Converter, kind: Any) -> Hook:
    bare = getattr(kind, "_body", None)
    rules = {each.name: _rule(converter, each) for each, _ in fields(kind)}
    keeps = any(each.name == "extra" for each in attrs.fields(kind))

    def read(data: Any, _: Any) -> Any:
        if bare is not None and not is_object(data):
            data = {bare: data}
        if not is_object(data):
            raise Mismatch(f"{kind.__name__}: an object was promised, there is {_shape(data)}")
        values: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        for name, item in data.items():
            field = spelled(kind, name)
            if field is None:
                extra[name] = item
                continue
            hook, nullable = rules[field.name]
            if item is None and nullable:
                continue
            try:
                values[field.name] = hook(item, field.type)
            except Mismatch as wrong:
                raise Mismatch(f"{kind.__name__}.{field.name}: {wrong}") from None
        if extra and keeps:
            values["extra"] = extra
        try:
            return kind(**values)
        except TypeError:
            missing = [e.name for e in attrs.fields(kind) if e.default is attrs.NOTHING and e.name not in values]
            raise Mismatch(f"{kind.__name__}: without {', '.join(missing) or 'what it needs'}") from None

    return read


def _rule(converter: Converter, each: attrs.Attribute[Any]) -> tuple[Hook, bool]:
    """What reads a field, and whether a null there means that the field is left out."""
    hook = _word(each.metadata["codes"]) if "codes" in each.metadata else converter.get_structure_hook(each.type)
    return hook, each.default is not attrs.NOTHING and "null" not in each.metadata


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

    rows = swift(item, converter.get_structure_hook).rows if fit(item) else None

    def read(data: Any, _: Any) -> Any:
        if not is_array(data):
            raise Mismatch(f"an array was promised, there is {_shape(data)}")
        return made([hook(each, item) for each in data] if rows is None else rows(data, _careful(converter, item)))

    return read


def _union(converter: Converter, kind: Any) -> Hook:
    """Of several types the one that the JSON looks like; enum members stand for things left out and never come."""
    choices: dict[Any, tuple[Any, Hook]] = {
        _looks(each): (each, converter.get_structure_hook(each))
        for each in typing.get_args(kind)
        if not (isinstance(each, type) and issubclass(each, Enum))
    }

    def read(data: Any, _: Any) -> Any:
        chosen = choices.get(data.__class__) or (choices.get(str) if data is not None else None)
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
        with suppress(OverflowError):
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
            made = amount(data)
        except (InvalidOperation, ValueError):
            made = Decimal("nan")
        if made.is_finite():
            return made
    raise Mismatch(f"an amount was promised, there is {_shape(data)}")


def _datetime(data: Any, _: Any) -> datetime:
    if not isinstance(data, str):
        raise Mismatch(f"a time was promised, there is {_shape(data)}")
    try:
        return utc(time(data.strip()))
    except ValueError:
        raise Mismatch("a time was promised, there is another text") from None
    except OverflowError:
        raise Mismatch("a time is beyond the end of time") from None


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
    return shapes.get(data.__class__, "something else")
