"""Who is measured beside us: installed from the registry, at whatever version it is there; nobody is imitated."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from importlib import import_module, metadata
from importlib.util import find_spec
from types import GenericAlias
from typing import Any

import attrs

STATUS: dict[str, Any] = {"code": int, "duration": int, "created": datetime}
MESSAGE: dict[str, Any] = {
    "id": str, "batchId": str, "owner": str, "sender": str, "recipient": str, "body": str, "direction": str, "segments": int,
    "type": str, "datacoding": str, "priority": int, "price": Decimal | None, "currency": str | None, "statuses": list,
    "modified": datetime | None, "reference": str | None, "mcc": str | None, "mnc": str | None,
}  # fmt: skip
"""A message by the names it has on the wire, so that no peer has to rename anything."""


def missing(*modules: str) -> list[str]:
    """Those that are not installed, each told in a line: what needs them is left out."""
    gone = [each for each in modules if find_spec(each) is None]
    for each in gone:
        print(f"left out, because it is not installed: {each}")
    return gone


def versions(names: Sequence[str]) -> dict[str, str]:
    """The version of every distribution that is installed."""
    found: dict[str, str] = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def struct_decoder() -> Any:
    """bytes -> a list of frozen `msgspec.Struct`."""
    msgspec = import_module("msgspec")
    status = msgspec.defstruct("StatusChange", list(STATUS.items()), frozen=True)
    message = msgspec.defstruct(
        "Message", [*(MESSAGE | {"statuses": GenericAlias(list, (status,))}).items()], frozen=True
    )
    return msgspec.json.Decoder(GenericAlias(list, (message,))).decode


def pydantic_decoder() -> Any:
    """bytes -> a list of frozen pydantic models."""
    pydantic = import_module("pydantic")
    config = pydantic.ConfigDict(frozen=True)
    # `...` stands for: required.
    status = pydantic.create_model(
        "StatusChange", __config__=config, **{name: (kind, ...) for name, kind in STATUS.items()}
    )
    fields = {name: (kind, ...) for name, kind in (MESSAGE | {"statuses": GenericAlias(list, (status,))}).items()}
    message = pydantic.create_model("Message", __config__=config, **fields)
    return pydantic.TypeAdapter(GenericAlias(list, (message,))).validate_json


def cattrs_decoder(preconf: str) -> Any:
    """bytes -> a list of frozen attrs values, by one of the converters that cattrs comes with."""
    converter = import_module(f"cattrs.preconf.{preconf}").make_converter()
    # The one thing that it cannot do as it comes.
    converter.register_structure_hook(Decimal, _decimal)
    status = _attrs_class("StatusChange", STATUS)
    message = _attrs_class("Message", MESSAGE | {"statuses": GenericAlias(list, (status,))})
    messages = GenericAlias(list, (message,))

    def decode(body: bytes) -> Any:
        return converter.loads(body, messages)

    return decode


def _decimal(value: object, _: object) -> Decimal:
    return Decimal(str(value))


def _attrs_class(name: str, fields: dict[str, Any]) -> type:
    return attrs.make_class(name, {each: attrs.field(type=kind) for each, kind in fields.items()}, frozen=True)
