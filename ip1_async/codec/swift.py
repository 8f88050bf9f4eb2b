"""Reading at full speed: code that is made for a model when it is first needed.

It reads what the rules of `tolerant` would read, to the same value; a row that is anything less usual is left to them.
Three things make it fast.

* *A shape at a time.* A server spells, orders and leaves out its fields alike from row to row. So the code is made for the
  names that a row has, in one loop for that row and all that follow it: nothing is looked for, and nothing called.
* *Twins.* A frozen model forbids to set its fields, and the ways around that take longer than the reading. Its twin is a
  subclass without fields of its own whose instances can be set, by the quickest instruction that the interpreter has; a
  filled instance is then given the model's own class.
* *Structs*, where msgspec is installed. It reads JSON into them faster than anything reads it into dicts, checks all types
  and refuses unknown names; what is left is to take their values over, by the same loop.

What neighbours in a list mostly have in common (`few` in a field's metadata) is kept once for both.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from itertools import islice
from typing import Any, Generic, TypeVar, cast

import attrs

from ip1_async.codec.code import Code, Model, Odd, Part, Reading, Shape, compiled
from ip1_async.codec.fields import fields, spelled
from ip1_async.codec.scalars import EXACT, amount, time, utc
from ip1_async.wire import is_array, is_object

K = TypeVar("K")
V = TypeVar("V")
Rule = Callable[[Any, Any], Any]
MOST_SHAPES = 64
"""Of one model; what a server has beyond them is left to the rules."""


class Kept(dict[K, V], Generic[K, V]):
    """What the latest values stand for, each made once."""

    def __init__(self, make: Callable[[K], V]) -> None:
        self._make = make

    def __missing__(self, key: K) -> V:
        value = self._make(key)
        if len(self) >= 1024:
            self.clear()
        self[key] = value
        return value


def _amount(said: float) -> Decimal:
    # Beyond, an int and a float may be the same key and mean different amounts.
    if -EXACT < said < EXACT:
        return amount(said)
    raise Odd


SHARED: dict[str, Any] = {
    "new": object.__new__,
    "Odd": Odd,
    "UTC": UTC,
    "utc": utc,
    "iso": datetime.fromisoformat,
    "texts": frozenset({str}).issuperset,
    "words": Kept[str, str](lambda said: said.strip().lower()),
    "times": Kept[str, datetime](lambda said: utc(time(said.strip()))),
    "amounts": Kept[float, Decimal](_amount),
}
"""What all code may name."""


class Swift:
    """The code for one model; *rule_of* gives the rule for a type that has no code."""

    def __init__(self, kind: Any, rule_of: Callable[[Any], Rule]) -> None:
        self._rule_of = rule_of
        settable = {"__slots__": (), "__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
        self.model = Model(kind, type(kind.__name__, (kind,), settable), dict(SHARED))
        self.model.parts = {each.name: self._part(each, wire) for each, wire in fields(kind)}
        self.model.extra = next((self._default(each) for each in attrs.fields(kind) if each.name == "extra"), None)
        self._codes: dict[Shape, Code] = {}

    def rows(self, data: Sequence[Any], rule: Rule) -> list[Any]:
        """Values from rows of plain data; the rule reads the odd ones."""
        made: list[Any] = []
        while (begun := len(made)) < len(data):
            try:
                self._code(data[begun])(islice(data, begun, None), made)
            except (ValueError, LookupError, ArithmeticError):
                # The code has stopped in front of a row that is unlike the one that it was made for.
                if len(made) == begun:
                    made.append(rule(data[begun], self.model.kind))
        return made

    def from_json(self, *, several: bool) -> Callable[[bytes], Any] | None:
        """What reads a value, or a list of them, from JSON; it raises `Odd` where the rules may know better, or another
        `ValueError`. None without msgspec.
        """
        try:
            from msgspec import MsgspecError
            from msgspec.json import Decoder
        except ImportError:
            return None
        one = _struct(self.model)
        decode = Decoder(types.GenericAlias(list, (one,)) if several else one).decode
        take = compiled(self.model, None)

        def read(body: bytes) -> Any:
            made: list[Any] = []
            try:
                rows = decode(body)
                take(rows if several else (rows,), made)
            except (MsgspecError, RecursionError, ArithmeticError):
                raise Odd from None
            return made if several else made[0]

        return read

    def _code(self, row: Any) -> Code:
        shape = _shape(self.model, row)
        if (code := self._codes.get(shape)) is None:
            if len(self._codes) >= MOST_SHAPES:
                raise Odd
            code = self._codes[shape] = compiled(self.model, shape)
        return code

    def _part(self, field: attrs.Attribute[Any], wire: str) -> Part:
        kind, optional = _bare(field.type)
        reading = self._reading(field, kind)
        nullable = field.default is not attrs.NOTHING and "null" not in field.metadata
        plain = nullable and type(field.default) in (str, int, bool) and reading.model is None
        return Part(
            name=field.name,
            wire=wire,
            reading=reading,
            required=field.default is attrs.NOTHING,
            absent=self._default(field) if nullable else "None" if optional else None,
            default=field.default if plain else None,
            few="few" in field.metadata or "codes" in field.metadata,
        )

    def _reading(self, field: attrs.Attribute[Any], kind: Any) -> Reading:
        if "codes" in field.metadata:
            return Reading("type(v) is str", "words[v]", str, "words[v]")
        if kind in (str, int, float, bool):
            return Reading(f"type(v) is {kind.__name__}", "v", kind, "v")
        if kind is Decimal:
            return Reading("type(v) is float or type(v) is int", "amounts[v]", float, "amounts[v]")
        if kind is datetime:
            # The usual form is read without a call of ours: `2026-01-02T08:00:05Z`.
            plain = "iso(v) if len(v) == 20 and v[19] == 'Z' else times[v]"
            return Reading("type(v) is str", plain, datetime, "v if v.tzinfo is UTC else utc(v)")
        if _is_whole(kind):
            made = self.model.name(Kept[int, Any](kind))
            return Reading("type(v) is int", f"{made}[v]", int, f"{made}[v]")
        origin, inner = typing.get_origin(kind), typing.get_args(kind)
        if origin is Sequence and inner[0] is str:
            return Reading("type(v) is list and texts(map(type, v))", "tuple(v)", tuple[str, ...], "v")
        if origin is Mapping and inner == (str, str):
            return Reading("type(v) is dict and texts(map(type, v.values()))", "dict(v)", dict[str, str], "v")
        if fit(kind):
            return Reading("v is not None", "", model=swift(kind, self._rule_of).model)
        if origin is Sequence and fit(inner[0]):
            return Reading("type(v) is list", "", model=swift(inner[0], self._rule_of).model, many="sequence")
        if origin is Mapping and fit(inner[1]):
            key = self._rule_of(inner[0])
            keys = self.model.name(Kept[str, Any](lambda name: key(name, inner[0])))
            model = swift(inner[1], self._rule_of).model
            return Reading("type(v) is dict", "", model=model, many="mapping", keys=keys)
        made = f"{self.model.name(self._rule_of(field.type))}(v, {self.model.name(field.type)})"
        return Reading("v is not None", made, Any, made)

    def _default(self, field: attrs.Attribute[Any]) -> str:
        factory = getattr(field.default, "factory", None)
        return f"{self.model.name(factory)}()" if factory else self.model.name(field.default)


@cache
def swift(kind: Any, rule_of: Callable[[Any], Rule]) -> Swift:
    """The code for a model that is `fit` for it."""
    return Swift(kind, rule_of)


@cache
def fit(kind: Any) -> bool:
    """Whether a model does nothing but hold its values: one that checks or converts them is left to itself."""
    return (
        isinstance(kind, type)
        and attrs.has(kind)
        and not kind.__dictoffset__
        and not hasattr(kind, "__attrs_post_init__")
        and not hasattr(kind, "_body")
        and not any(each.validator or each.converter for each in attrs.fields(kind))
    )


def _is_whole(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, int)


def _bare(kind: Any) -> tuple[Any, bool]:
    """A type without its None, and whether it had one."""
    several = typing.get_args(kind) if typing.get_origin(kind) in (typing.Union, types.UnionType) else ()
    others = [each for each in several if each is not types.NoneType]
    return (others[0], True) if len(others) == 1 < len(several) else (kind, False)


def _shape(model: Model, row: Any) -> Shape:
    """What a row is like; raises `Odd` where it is no object."""
    if type(row) is not dict:
        raise Odd
    return tuple((wire, _inside(model, wire, item)) for wire, item in cast("dict[str, Any]", row).items())


def _inside(model: Model, wire: str, item: Any) -> Shape:
    """What the first row inside a value is like."""
    field = spelled(model.kind, wire)
    reading = None if field is None else model.parts[field.name].reading
    if reading is None or reading.model is None or not item:
        return ()
    if reading.many == "sequence" and is_array(item):
        item = item[0]
    elif reading.many == "mapping" and is_object(item):
        item = next(iter(item.values()))
    return _shape(reading.model, item)


@cache
def _struct(model: Model) -> Any:
    """The Struct that a model's JSON is read into."""
    import msgspec

    typed = [(each, _typed(each)) for each in model.parts.values()]
    return msgspec.defstruct(
        model.kind.__name__,
        [(each.name, kind) if each.required else (each.name, kind, each.default) for each, kind in typed],
        rename={each.name: each.wire for each, _ in typed},
        kw_only=True,
        forbid_unknown_fields=True,
        gc=False,
    )


def _typed(part: Part) -> Any:
    """The type of a field of a Struct."""
    typed, model = part.reading.typed, part.reading.model
    if model is not None:
        one = _struct(model)
        typed = {
            "": one,
            "sequence": types.GenericAlias(tuple, (one, ...)),
            "mapping": types.GenericAlias(dict, (str, one)),
        }[part.reading.many]
    return typed if part.default is not None or part.absent is None else typed | None
