"""What all models share."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, Literal, Self

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


@frozen(kw_only=True)
class Open(Value):
    """A value that keeps the fields it does not know."""

    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False, hash=False)
    """What the API sent, or is to be sent, beyond the fields that are documented; by its name on the wire."""
