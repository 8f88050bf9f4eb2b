"""People in a file with a JSON object in each line."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from json import JSONDecoder
from typing import NoReturn, cast

from ip1_async.campaign.people.encoding import Text
from ip1_async.campaign.people.objects import AHEAD, NoObject, Objects, layout

__all__ = ["json_lines"]


def json_lines(name: str, text: Text, to: str | None) -> Objects:
    """Gives the people of a file with a JSON object in each line; it can be read more than once. *to* is as in
    `layout`.

    Raises ValueError if there are none in the first lines.
    """

    def objects() -> Iterator[object]:
        with text() as lines:
            yield from map(_parsed, lines)

    ahead = list(islice(objects(), AHEAD))
    if not any(isinstance(each, dict) for each in ahead):
        found = "The file is empty" if not ahead else "The first lines hold no JSON object"
        raise ValueError(f"{found}: each line must be one, with a name for every value.")
    return Objects(name=name, layout=layout(ahead, to), objects=objects)


class _Twice(ValueError):
    """An object has a name twice."""


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Twice
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


# Numbers stay as they are written: a phone number is none to compute with.
_decoded = JSONDecoder(object_pairs_hook=_object, parse_float=str, parse_int=str, parse_constant=_refuse).decode


def _parsed(line: str) -> object:
    if not line.strip():
        return NoObject("blank row")
    try:
        found: object = _decoded(line)
    except _Twice:
        return NoObject("a name that appears twice")
    except (ValueError, RecursionError):
        found = None
    return cast("object", found) if isinstance(found, dict) else NoObject("not a JSON object")
