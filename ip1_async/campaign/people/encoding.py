"""What the bytes of a text file mean, found out in one pass that holds a piece of it at a time."""

from __future__ import annotations

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from itertools import chain
from typing import Final, TextIO

__all__ = ["BROKEN", "NOT_TEXT", "Text", "encoding"]

Text = Callable[[], AbstractContextManager[TextIO]]
"""Opens a text at its beginning, with the line ends as they are."""

BROKEN: Final = "surrogateescape"
"""How bytes that are no character are carried along, so that the rows they stand in can be found."""
NOT_TEXT: Final = "The file is not text: if it is a spreadsheet, export it as CSV first."


def encoding(pieces: Iterable[bytes]) -> str:
    """Gives the name of the encoding: UTF-8, UTF-16 where its mark comes first, or else what Windows calls Latin-1.

    A file with more UTF-8 in it than bytes that are not is UTF-8 with broken characters: taken for Latin-1, every other
    name in it would be garbled. Raises ValueError for what is no text.
    """
    rest = iter(pieces)
    first = next(rest, b"")
    wide = first.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
    decoder = getincrementaldecoder("utf-16" if wide else "utf-8")("strict" if wide else BROKEN)
    size = characters = broken = 0
    for piece in chain([first] if first else [], rest, [b""]):
        try:
            text = decoder.decode(piece, final=not piece)
        except UnicodeError:
            raise ValueError(NOT_TEXT) from None
        # Text of any kind holds no NUL, and hardly any other kind of file holds none.
        if "\0" in text:
            raise ValueError(NOT_TEXT)
        size, characters = size + len(piece), characters + len(text)
        if not text.isascii():
            broken += len(text) - len(text.encode("utf-8", "ignore").decode())
    if wide:
        return "utf-16"
    return "utf-8-sig" if first.startswith(BOM_UTF8) or broken <= size - characters else "cp1252"
