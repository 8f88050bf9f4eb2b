"""How the fields of a model are spelled on the wire.

A field's name there is its Python name in lowerCamelCase; a field that departs from this says so in its metadata: `name`
its own spelling, `also` further ones, `codes` the words behind integers, `null` that None is sent as null, `query` that it
travels in the address, `local` that it is an option of ours and never travels, `texts` that a tuple was checked to hold
nothing else, `few` that neighbours in a list mostly have the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import attrs

_humps = re.compile(r"_([a-z0-9])")


class Mismatch(ValueError):
    """The JSON does not have the promised shape; says where, never what."""


@cache
def fields(kind: Any) -> tuple[tuple[attrs.Attribute[Any], str], ...]:
    """The fields of a model but for `extra`, each with its name on the wire."""
    attrs.resolve_types(kind)
    return tuple(
        (each, each.metadata.get("name") or _humps.sub(lambda hump: hump[1].upper(), each.name))
        for each in attrs.fields(kind)
        if each.name != "extra"
    )


def names(kind: type) -> Mapping[str, str]:
    """Wire name by Python name, for the fields that travel."""
    return {each.name: name for each, name in fields(kind) if not each.metadata.get("local")}


@cache
def _spellings(kind: Any) -> Mapping[object, attrs.Attribute[Any]]:
    known: dict[object, attrs.Attribute[Any]] = {}
    for each, name in fields(kind):
        known[name] = known[_fold(name)] = known[each.name] = each
        for other in each.metadata.get("also", ()):
            known.setdefault(other, each)
    return known


def spelled(kind: Any, name: object) -> attrs.Attribute[Any] | None:
    """The field that a name in JSON means, in any case and with stray spaces; None where it is none that is known."""
    known = _spellings(kind)
    if (found := known.get(name)) is None:
        if not isinstance(name, str):
            raise Mismatch(f"{kind.__name__}: a name in it is no text")
        found = known.get(_fold(name))
    return found


def _fold(name: str) -> str:
    return name.strip().replace("_", "").lower()
