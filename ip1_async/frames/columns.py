"""Which columns a table of a model's rows has: by the model alone, whatever the rows hold, and without any library."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from operator import attrgetter
from typing import Any, Final, Literal, Union, get_args, get_origin

import attrs
from attrs import frozen

from ip1_async.models import Account, Batch, Contact, Element, Message, Status

Plain = Literal["text", "word", "whole", "code", "number", "yes", "time", "money", "json"]
"""A cell's kind: a `word` is a text of which there are few, a `code` a status, `json` plain data of any shape as a text."""


@frozen
class Many:
    """Any number of the same."""

    of: Shape


@frozen
class Named:
    """Any number of the same, each under a key of its own."""

    key: Shape
    of: Shape


@frozen
class Parts:
    """A model inside of another one."""

    columns: tuple[Column, ...]


Shape = Plain | Many | Named | Parts


@frozen
class Column:
    """One column: its name, what its cells are, and what a row has in it."""

    name: str
    shape: Shape
    of: Callable[[Any], Any]


_FEW: Final[Mapping[type, frozenset[str]]] = {
    Batch: frozenset({"owner", "sender"}),
    Message: frozenset({"owner", "sender", "mcc", "mnc"}),
    Contact: frozenset({"owner_id"}),
    Element: frozenset({"type", "background_color", "foreground_color", "text_alignment", "font"}),
    Account: frozenset({"parent"}),
}
"""Texts of which there are few in a list, beyond those that a model's metadata calls words."""

_KEPT_BACK: Final[Mapping[type, frozenset[str]]] = {Account: frozenset({"key"})}
"""Secrets: a table prints what it holds."""

_FURTHER: Final[Mapping[type, tuple[Column, ...]]] = {
    Message: (
        Column("status", "code", attrgetter("status")),
        Column("status_name", "word", attrgetter("status.name")),
        Column("is_final", "yes", attrgetter("is_final")),
    )
}
"""What everybody asks a model that has no field for it."""

_PLAIN: Final[Mapping[Any, Plain]] = {
    str: "text", int: "whole", Status: "code", float: "number", bool: "yes", datetime: "time", Decimal: "money",
}  # fmt: skip


@cache
def columns(kind: type) -> tuple[Column, ...]:
    """The columns of a model's rows: its fields, what else is often asked for, and last what the API sent beyond them.

    A column has its field's name, and a row's cell is the field's value. Raises `TypeError` for a field of a type that
    no column has.
    """
    few = _FEW.get(kind, frozenset())
    made = [
        Column(each.name, "word" if each.name in few else _shape(kind, each), attrgetter(each.name))
        for each in _fields(kind)
        if each.name not in _KEPT_BACK.get(kind, ())
    ]
    return (*made[:-1], *_FURTHER.get(kind, ()), *made[-1:])


@cache
def _parts(kind: type) -> Parts:
    """A model inside of another one has its fields and no more; words are not worth a dictionary there."""
    made = [Column(each.name, _shape(kind, each), attrgetter(each.name)) for each in _fields(kind)]
    return Parts(tuple(attrs.evolve(each, shape="text") if each.shape == "word" else each for each in made))


def _fields(kind: type) -> Sequence[attrs.Attribute[Any]]:
    """The fields as they are written down, and behind them the inherited `extra`, which stands first."""
    attrs.resolve_types(kind)
    return sorted(attrs.fields(kind), key=lambda each: each.name == "extra")


def _shape(kind: type, field: attrs.Attribute[Any]) -> Shape:
    if "codes" in field.metadata:
        return "word"
    shape = _shape_of(field.type)
    if shape is None:
        raise TypeError(f"{kind.__name__}.{field.name} is of a type that no column has")
    return shape


def _shape_of(kind: Any) -> Shape | None:
    origin: Any = get_origin(kind)
    parts = get_args(kind)
    if origin in (Union, types.UnionType):
        some = [each for each in parts if each is not types.NoneType]
        return _shape_of(some[0]) if len(some) == 1 else None
    if origin is Mapping:
        key, of = map(_shape_of, parts)
        return "json" if of == "json" else Named(key, of) if key and of else None
    if origin is Sequence:
        of = _shape_of(parts[0])
        return Many(of) if of else None
    if kind is Any:
        return "json"
    return _parts(kind) if attrs.has(kind) else _PLAIN.get(kind)
