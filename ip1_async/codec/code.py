"""The code itself: a loop that makes values of a model from rows of plain data of one shape, or from Structs.

For Structs of `Blocked`, which has a number and a time, it is this; from plain data each value is looked at before it is taken.

    for s1 in rows:                                        # s: the row
        t1 = new(twin7)                                    # t: the value that it becomes
        t1.msisdn = s1.msisdn
        v = s1.created                                     # v: what is being read
        if v is None: t1.created = None
        else:
            t1.created = v if v.tzinfo is UTC else utc(v)
        t1.extra = given3                                  # given: a value that has no name of its own
        t1.__class__ = kind7
        made.append(t1)

Numbers tell apart what has the same letter: rows inside rows have loops inside the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, Literal

import attrs

from ip1_async.codec.fields import spelled

Code = Callable[[Any, list[Any]], None]
"""Puts the values of some rows into a list."""
Shape = tuple[tuple[str, "Shape"], ...]
"""The names that a row has, each with those of the row inside, if it is one."""
_numbers = count()


class Odd(ValueError):
    """The JSON is not as documented: the rules may still make sense of it."""


@attrs.frozen
class Reading:
    """How the values of one type are read; the texts are expressions in `v`."""

    takes: str
    """What is true of plain data that can be read."""
    plain: str
    """The value from plain data."""
    typed: Any = None
    """The type in a Struct."""
    struct: str = ""
    """The value from a Struct."""
    model: Model | None = None
    many: Literal["", "sequence", "mapping"] = ""
    """Whether it is not one value of that model but a sequence of them, or a mapping from what *keys* makes of the names."""
    keys: str = ""


@attrs.frozen
class Part:
    """One field of a model."""

    name: str
    wire: str
    reading: Reading
    required: bool
    absent: str | None
    """What a null, or nothing at all, stands for, as an expression; None where neither is allowed."""
    default: object
    """What stands in a Struct where nothing came."""
    few: bool
    """Whether neighbours mostly have the same, which is then read and kept once."""


@attrs.define(eq=False)
class Model:
    """A model as the code knows it."""

    kind: Any
    twin: type
    names: dict[str, Any]
    """What the code may name."""
    parts: Mapping[str, Part] = attrs.field(factory=dict[str, Part])
    extra: str | None = None
    """What stands for no unknown fields, as an expression; None where unknown fields are dropped."""
    number: int = attrs.field(factory=lambda: next(_numbers))

    def name(self, value: object) -> str:
        """What the code calls a value."""
        if value is None:
            return "None"
        name = f"given{next(_numbers)}"
        self.names[name] = value
        return name


def compiled(model: Model, shape: Shape | None) -> Code:
    """The code for rows of this shape, or for Structs where there is none; raises `Odd` where no row of it can be read.

    It goes on until a row is unlike the shape, and then raises a `ValueError`, a `LookupError` or an `ArithmeticError`.
    """
    names: dict[str, Any] = {}
    lines = _loop(model, shape, "rows", "made", names)
    firsts = [f"{name} = Odd" for name in names if name.startswith("before")]
    # Names that came from a server stand in it as literals only.
    exec("\n".join(["def read(rows, made):", *_deeper([*firsts, *lines])]), names)  # noqa: S102
    code: Code = names["read"]
    return code


def _loop(model: Model, shape: Shape | None, rows: str, made: str, names: dict[str, Any]) -> list[str]:
    """Lines that put values of the model into the list *made*; *names* gets what they name."""
    n = next(_numbers)
    names |= model.names | {f"kind{model.number}": model.kind, f"twin{model.number}": model.twin}
    lines = [f"t{n} = new(twin{model.number})"]
    unknown = ""
    if shape is None:
        for part in model.parts.values():
            lines += _from_struct(part, n, names)
    else:
        if not all(type(wire) is str for wire, _ in shape):
            raise Odd
        meant = {wire: spelled(model.kind, wire) for wire, _ in shape}
        places = {field.name: (wire, inner) for wire, inner in shape if (field := meant[wire]) is not None}
        doubled = len(places) + list(meant.values()).count(None) < len(shape)
        if doubled or any(each.required and each.name not in places for each in model.parts.values()):
            raise Odd
        lines.insert(0, f"if type(s{n}) is not dict or len(s{n}) != {len(shape)}: raise Odd")
        for part in model.parts.values():
            lines += _from_plain(part, places.get(part.name), n, names)
        unknown = ", ".join(f"{wire!r}: s{n}[{wire!r}]" for wire, field in meant.items() if field is None)
        if unknown and model.extra is None:
            # Nothing would look whether the rows that follow have these names.
            raise Odd
    if model.extra is not None:
        lines.append(f"t{n}.extra = {f'{{{unknown}}}' if unknown else model.extra}")
    lines += [f"t{n}.__class__ = kind{model.number}", f"{made}.append(t{n})"]
    return [f"for s{n} in {rows}:", *_deeper(lines)]


def _from_struct(part: Part, n: int, names: dict[str, Any]) -> list[str]:
    never_null = part.default is not None or part.absent is None
    if part.reading.struct == "v" and not part.few and (never_null or part.absent == "None"):
        return [f"t{n}.{part.name} = s{n}.{part.name}"]
    lines, value = _value(part, part.reading.struct, None, names)

    def assign(target: str) -> list[str]:
        taken = [*lines, f"{target} = {value}"]
        return taken if never_null else [f"if v is None: {target} = {part.absent}", "else:", *_deeper(taken)]

    return [f"v = s{n}.{part.name}", *_kept(part, f"t{n}.{part.name}", assign, names)]


def _from_plain(part: Part, place: tuple[str, Shape] | None, n: int, names: dict[str, Any]) -> list[str]:
    if place is None:
        return [f"t{n}.{part.name} = {part.absent}"]
    wire, inner = place
    if part.reading.model is not None and not inner:
        # The row that the code is made for has nothing inside, so nothing is known of what may be there.
        takes, value = {"": ("False", "v"), "sequence": ("v == []", "()"), "mapping": ("v == {}", "{}")}[
            part.reading.many
        ]
        lines: list[str] = []
    else:
        takes = part.reading.takes
        lines, value = _value(part, part.reading.plain, inner, names)

    def assign(target: str) -> list[str]:
        null = [f"elif v is None: {target} = {part.absent}"] if part.absent else []
        return [f"if {takes}:", *_deeper([*lines, f"{target} = {value}"]), *null, "else: raise Odd"]

    return [f"v = s{n}[{wire!r}]", *_kept(part, f"t{n}.{part.name}", assign, names)]


def _value(part: Part, value: str, inner: Shape | None, names: dict[str, Any]) -> tuple[list[str], str]:
    """Lines that have to come first, and the expression for the value of `v`."""
    model = part.reading.model
    if model is None:
        return [], value
    made = f"made{next(_numbers)}"
    rows, value = {
        "": ("(v,)", f"{made}[0]"),
        "sequence": ("v", f"tuple({made})"),
        "mapping": ("v.values()", f"dict(zip(keys{made}, {made}))"),
    }[part.reading.many]
    # Before the loop, in which `v` becomes other values.
    keys = [f"keys{made} = [{part.reading.keys}[key] for key in v]"] if part.reading.many == "mapping" else []
    return [f"{made} = []", *keys, *_loop(model, inner, rows, made, names)], value


def _kept(part: Part, target: str, assign: Callable[[str], list[str]], names: dict[str, Any]) -> list[str]:
    """Lines that give the target its value, which is that of the row before where the same came."""
    if not part.few:
        return assign(target)
    kept, before = f"kept{next(_numbers)}", f"before{next(_numbers)}"
    names[before] = None
    return [f"if v != {before}:", *_deeper([*assign(kept), f"{before} = v"]), f"{target} = {kept}"]


def _deeper(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]
