"""What all models share."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, Literal, NoReturn, Self

from attrs import field, frozen

from ip1_async import codec


class Omission(Enum):
    """The type of `OMITTED`."""

    OMITTED = "omitted"

    def __repr__(self) -> str:
        return "OMITTED"


Omitted = Literal[Omission.OMITTED]
OMITTED: Final = Omission.OMITTED
"""A part that is not given, where None would mean null."""


class Value:
    """A value of the API that turns into plain data and back."""

    __slots__ = ()

    def to_dict(self) -> Any:
        """The value as plain data, ready for JSON, spelled as the API spells it, with the unknown fields it came with."""
        return codec.dump(self)

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """The value from plain data, in any spelling that the API is known to use.

        Raises `ValueError` naming the field whose type is wrong, and `Invalid` for values that the API would refuse.
        """
        return codec.load(cls, data)


class _Nothing(dict[str, Any]):
    """An empty mapping that no one can write to, so that all values can have the same one."""

    __slots__ = ()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("a value of the API is not changed; make another one, with extra={…}")

    __setitem__ = __ior__ = setdefault = update = _refuse  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]

    def __reduce__(self) -> str:
        return "NOTHING"


NOTHING: Mapping[str, Any] = _Nothing()
"""What `extra` is where the API has sent nothing beyond what is documented."""


@frozen(kw_only=True)
class Open(Value):
    """A value that keeps the fields it does not know."""

    extra: Mapping[str, Any] = field(default=NOTHING, repr=False, hash=False)
    """What the API sent, or is to be sent, beyond the fields that are documented; by its name on the wire."""
