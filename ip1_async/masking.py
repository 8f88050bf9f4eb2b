"""What keeps tokens, phone numbers and message texts out of reprs, logs and errors, and the one switch that shows them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sized
from typing import cast

_digits = re.compile(r"\d{5,}")
_revealed = os.environ.get("IP1_REVEAL", "") not in ("", "0")


def reveal(on: bool = True, /) -> None:
    """Show phone numbers and message texts in reprs, errors and logs of this process, or hide them again.

    The token stays hidden in any case. `IP1_REVEAL=1` in the environment does the same from the start.
    """
    global _revealed
    _revealed = on


def revealed() -> bool:
    """Whether phone numbers and texts are shown."""
    return _revealed


class Secret(str):
    """A text that prints as `<hidden>`, wherever a frame or a log shows it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<hidden>"


class SecretBytes(bytes):
    """Bytes that print as their length only."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self)} bytes>"


def number(value: object) -> str:
    """A phone number's last two digits; a sender's name as it is."""
    if _revealed or not isinstance(value, str) or not _digits.search(value):
        return repr(value)
    return f"'…{value[-2:]}'"


def text(value: object) -> str:
    """How long a text is."""
    if _revealed or not isinstance(value, str):
        return repr(value)
    return f"<{len(value)} characters>"


def count(value: object) -> str:
    """How many there are."""
    if _revealed or not isinstance(value, Sized):
        return repr(value)
    return f"<{len(value)}>"


def keys(value: object) -> str:
    """The names in a mapping without what they stand for."""
    if _revealed or not isinstance(value, Mapping):
        return repr(value)
    names = cast("Mapping[object, object]", value)
    return "{" + ", ".join(f"{clean(str(name))!r}: …" for name in names) + "}"


def clean(words: str) -> str:
    """The words with every longer run of digits replaced."""
    return words if _revealed else _digits.sub("…", words)
