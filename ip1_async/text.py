"""What a message costs before it is sent, and what a template becomes for one recipient.

The GSM 7-bit alphabet and its extension table are those of 3GPP TS 23.038, without national shift tables:
the provider knows `gsm` and `ucs` only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Final, Literal

from attrs import Factory, field, frozen

__all__ = ["GSM_BASIC", "GSM_EXTENSION", "Measure", "Template", "measure", "placeholders", "plain", "render"]

GSM_BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The characters that take one septet."""

GSM_EXTENSION: Final = "\f^{}\\[~]|€"
"""The characters that take two septets, the first of them an escape."""

# A lone surrogate cannot be left in a text that is being counted, so it can stand for "the first half of a pair".
_FIRST_HALF: Final = "\ud800"
_PAIR: Final = _FIRST_HALF + "."

_basic_only = re.compile(f"[{re.escape(GSM_BASIC)}]*+").fullmatch
_gsm_only = re.compile(f"[{re.escape(GSM_BASIC + GSM_EXTENSION)}]*+").fullmatch
_outside_gsm = re.compile(f"[^{re.escape(GSM_BASIC + GSM_EXTENSION)}]").findall
_split_escapes = re.compile(f"[{re.escape(GSM_EXTENSION)}]").sub
_split_astral = re.compile("[\U00010000-\U0010ffff]").sub


@frozen
class Measure:
    """How a text goes out: its encoding, and the number of segments it is charged for.

    A single segment holds 160 septets (`gsm`) or 70 UTF-16 units (`ucs`); a text of more than that goes in
    segments of 153 or 67, because each then carries a header that joins them again.
    """

    encoding: Literal["gsm", "ucs"]
    segments: int
    """At least 1, also for an empty text."""
    units: int
    """Septets, where an extension character counts 2, or UTF-16 units, where most emoji count 2."""
    forcing: tuple[str, ...] = field(default=(), repr=False)
    """The distinct characters that force `ucs`, in order of appearance; an unpaired surrogate shows as U+FFFD."""
    left: int = 0
    """The units that the last segment has room for."""


def measure(text: str) -> Measure:
    """Gives the encoding, the segments and the characters behind them, for any text; never raises."""
    if _basic_only(text):
        return _measure("gsm", text, (), 160, 153)
    if _gsm_only(text):
        return _measure("gsm", _split_escapes(_PAIR, text), (), 160, 153)
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    forcing = tuple(dict.fromkeys(_outside_gsm(text)))
    return _measure("ucs", _split_astral(_PAIR, text), forcing, 70, 67)


def _measure(encoding: Literal["gsm", "ucs"], stream: str, forcing: tuple[str, ...], single: int, part: int) -> Measure:
    """Cut a stream of units, one character for each, so that no pair comes to lie in two segments."""
    units = len(stream)
    if units <= single:
        return Measure(encoding, 1, units, forcing, single - units)
    segments, start = 1, 0
    while units - start > part:
        start += part
        if stream[start - 1] == _FIRST_HALF:
            start -= 1
        segments += 1
    return Measure(encoding, segments, units, forcing, start + part - units)


_SUBSTITUTES: Final = {
    **dict.fromkeys("‘’‚‛′´`\u1fef\u1ffd", "'"),
    **dict.fromkeys("“”„‟″«»", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    **dict.fromkeys("\t\xa0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f", " "),
    **dict.fromkeys("\u2028\u2029", "\n"),
    # The zero-width joiners stay: emoji and several scripts need them, and those are UCS-2 anyway.
    **dict.fromkeys("\xad\u200b\u200e\u202a\u202c\u2060\ufeff", ""),
    "…": "...",
}
_PLAIN: Final = str.maketrans(_SUBSTITUTES)


def plain(text: str) -> str:
    """Gives the text with typographic quotes, dashes, spaces and the like as plain characters of the GSM alphabet.

    Accents that were typed as separate characters are joined to their letters. A text that GSM can hold comes
    back unchanged; other characters (emoji, letters of other alphabets) stay, so the result may still need UCS-2.
    """
    return unicodedata.normalize("NFC", text.translate(_PLAIN))


_placeholder = re.compile(r"\{([^{}]+)\}")


def placeholders(body: str) -> tuple[str, ...]:
    """Gives the distinct keys written as `{key}`, in order of appearance."""
    return tuple(dict.fromkeys(_placeholder.findall(body)))


def _frozen_set(keys: Collection[str]) -> frozenset[str]:
    return frozenset(keys)


def _take_apart(template: Template) -> tuple[str, ...]:
    pieces = [""]
    for at, piece in enumerate(_placeholder.split(template.body)):
        if at % 2 == 0:
            pieces[-1] += piece
        elif piece in template.known:
            pieces += piece, ""
        else:
            pieces[-1] += "{" + piece + "}"
    return tuple(pieces)


@frozen
class Template:
    """A body that is taken apart once and filled in for any number of recipients.

    *known* holds every key of every replacement object of the batch, the default one included: a `{key}` that is
    not among them stays as typed.
    """

    body: str = field(repr=False)
    known: frozenset[str] = field(repr=False, converter=_frozen_set)
    # Plain text and keys in turn; the keys stand at the odd places.
    _pieces: tuple[str, ...] = field(init=False, repr=False, eq=False, default=Factory(_take_apart, takes_self=True))

    @property
    def keys(self) -> tuple[str, ...]:
        """The distinct keys that are filled in, in order of appearance."""
        return tuple(dict.fromkeys(self._pieces[1::2]))

    def render(self, values: Mapping[str, str], default: Mapping[str, str]) -> str:
        """Gives the text for one recipient: its own value of each key, else the default's, else nothing.

        A value is inserted as it is, also when it holds something that looks like a placeholder.
        """
        pieces = list(self._pieces)
        pieces[1::2] = [values[key] if key in values else default.get(key, "") for key in pieces[1::2]]
        return "".join(pieces)


def render(body: str, values: Mapping[str, str], default: Mapping[str, str], known: Collection[str]) -> str:
    """Gives the text for one recipient; for many of them make one `Template`, which also states the rules."""
    return Template(body, known).render(values, default)
