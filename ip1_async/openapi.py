"""The API as an OpenAPI 3.1 description, generated from the table and the models: `description()`."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import attrs

from ip1_async import codec, help
from ip1_async.api import TABLES, Contacts, PhoneNumbersTable, WithId
from ip1_async.models import checks
from ip1_async.rows import Delete, Under, Walk
from ip1_async.table import Row

Schema = dict[str, Any]

_text: Schema = {"type": "string"}
_msisdn: Schema = {"type": "string", "pattern": "^[0-9]{1,15}$"}
_sender: Schema = {"type": "string", "pattern": "^([0-9A-Za-z]{3,11}|[1-9][0-9]{2,14})$"}
_plain: dict[Any, Schema] = {
    str: _text,
    bool: {"type": "boolean"},
    float: {"type": "number"},
    Decimal: {"type": "number"},
    datetime: {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2})?$"},
    types.NoneType: {"type": "null"},
}
_ids: dict[str, Schema] = {
    "msisdn": _msisdn,
    "sender": _sender,
    "participant": {"type": "string", "pattern": "^([0-9A-Za-z]{1,11}|[0-9]{1,15})$"},
}
_id: Schema = {"type": "string", "minLength": 1, "pattern": "^[^/]+$"}
_replacements: Schema = {"type": "object", "additionalProperties": _text}
_limits: dict[Any, Schema] = {
    checks.sender: _sender,
    checks.body: {"type": "string", "minLength": 1, "maxLength": checks.MOST_UNITS, "pattern": r"\S"},
    checks.text: {"type": "string", "minLength": 1, "pattern": r"\S"},
    checks.reference: {"type": ["string", "null"], "minLength": 1, "maxLength": 40},
    checks.url: {"type": ["string", "null"], "format": "uri", "pattern": "^https?://[^/]", "maxLength": 2047},
    checks.recipients: {
        "anyOf": [
            {"type": "array", "items": _msisdn, "minItems": 1},
            {
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"pattern": "^([0-9]{1,15}|default)$"},
                "additionalProperties": _replacements,
            },
        ]
    },
}
"""What is allowed in a field that one of our own checks looks at."""
_start: Schema = {"type": "integer", "minimum": 0, "default": 0}
_limit: Schema = {"type": "integer", "minimum": 1, "default": 50}
_problem: Schema = {
    "type": "object",
    "description": "Problem details, RFC 7807.",
    "required": ["title", "status"],
    "properties": {
        "type": _text,
        "title": _text,
        "status": {"type": "integer"},
        "detail": _text,
        "errors": {"type": "object", "additionalProperties": {"type": "array", "items": _text}},
    },
}


def description() -> Schema:
    """What the API is asked and answers, as a JSON object."""
    shapes = _Shapes()
    paths: dict[str, Schema] = {}
    for table in TABLES:
        for row in table.rows.values():
            if not isinstance(row, Under):
                paths.setdefault(row.path, {})[row.method.lower()] = _operation(row, shapes)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "iP.1 SMS API",
            "version": "2",
            "description": "The provider's API as ip1_async uses it, generated from its table of endpoints.",
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "tags": [{"name": _tag(table), "description": table.__doc__} for table in TABLES],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {**shapes.named, "Problem": _problem},
        },
    }


def _tag(table: type) -> str:
    return table.__name__.removesuffix("Table")


def _operation(row: Row[Any], shapes: _Shapes) -> Schema:
    made: Schema = {
        "operationId": f"{_tag(row.table)}.{row.__name__}",
        "tags": [_tag(row.table)],
        "summary": help.sentence(row),
        "parameters": [*_path(row), *_query(row, shapes)],
        "responses": _answers(row, shapes),
    }
    body = _body(row, shapes)
    if body is not None:
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return made


def _path(row: Row[Any]) -> list[Schema]:
    return [{"name": name, "in": "path", "required": True, "schema": _ids.get(name, _id)} for name in row.names]


def _query(row: Row[Any], shapes: _Shapes) -> list[Schema]:
    found: list[Schema] = []
    if isinstance(row, Walk) and row.paged:
        found += [
            {"name": name, "in": "query", "schema": said} for name, said in (("start", _start), ("limit", _limit))
        ]
    if row.value is None:
        return found
    for each, name in codec.names(typing.cast("type", row.value)).items():
        field = attrs.fields_dict(typing.cast("Any", row.value))[each]
        if row.method in ("GET", "DELETE") or field.metadata.get("query"):
            found.append(_parameter(name, field, row.value, shapes))
    return found


def _parameter(name: str, field: attrs.Attribute[Any], model: Any, shapes: _Shapes) -> Schema:
    made: Schema = {"name": name, "in": "query", **_told(model, field)}
    kind = field.type
    if kind is bool:
        # A flag counts by being there, whatever its value.
        return made | {"schema": {}}
    if typing.get_origin(kind) is Mapping:
        return made | {"style": "deepObject", "explode": True, "schema": shapes.of(kind)}
    return made | {"schema": shapes.of(kind)}


def _body(row: Row[Any], shapes: _Shapes) -> Schema | None:
    if row.method in ("GET", "DELETE") or row.value is None:
        return None
    if not isinstance(row.body, WithId):
        return shapes.of(row.value)
    again = {row.body.name: {"type": "string", "description": "The id of the address once more."}}
    return {"allOf": [shapes.of(row.value), {"type": "object", "required": [*again], "properties": again}]}


def _answers(row: Row[Any], shapes: _Shapes) -> Schema:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    made: Schema = {"default": {"description": "Refused, or gone wrong.", "content": problem}}
    if isinstance(row, Delete):
        made["204"] = {"description": "Done; nothing to say."}
    if row is Contacts.create:
        made["202"] = {"description": "Queued; nothing to say."}
    if row.returns is None:
        return made
    answer: Schema = {"description": "Done.", "content": {"application/json": {"schema": _answer(row, shapes)}}}
    if isinstance(row, Walk) and row.paged:
        answer["headers"] = {"Link": {"description": "The pages around this one, RFC 8288.", "schema": _text}}
    return made | {"200": answer}


def _answer(row: Row[Any], shapes: _Shapes) -> Schema:
    if row is PhoneNumbersTable.lookup:
        found = shapes.of(row.returns)
        return {"type": "object", "required": ["phoneNumbers"], "properties": {"phoneNumbers": found}}
    one = shapes.of(row.returns)
    return {"type": "array", "items": one} if isinstance(row, Walk) else one


class _Shapes:
    """JSON schemas of types; those of models are named and written once."""

    def __init__(self) -> None:
        self.named: dict[str, Schema] = {}

    def of(self, kind: Any) -> Schema:
        origin, inside = typing.get_origin(kind) or kind, typing.get_args(kind)
        if origin in _plain:
            return _plain[origin]
        if attrs.has(origin):
            return self._model(origin)
        if origin in (Sequence, list, tuple):
            return {"type": "array", "items": self.of(inside[0])}
        if origin is Mapping:
            return {"type": "object", "additionalProperties": self.of(inside[1])}
        if origin is typing.Literal:
            return {"enum": [each for each in inside if not isinstance(each, Enum)]}
        if origin in (typing.Union, types.UnionType):
            choices = [each for each in inside if not _is_omission(each)]
            return self.of(choices[0]) if len(choices) == 1 else {"anyOf": [self.of(each) for each in choices]}
        return {"type": "integer"} if isinstance(origin, type) and issubclass(origin, int) else {}

    def _model(self, model: Any) -> Schema:
        names, fields = codec.names(model), attrs.fields_dict(model)
        bare = getattr(model, "_body", None)
        if bare is not None:
            return self._field(fields[bare], model)
        if model.__name__ not in self.named:
            self.named[model.__name__] = {}  # where it leads back to itself
            own = {name: fields[each] for each, name in names.items() if not fields[each].metadata.get("query")}
            self.named[model.__name__] = {
                "type": "object",
                "required": [name for name, field in own.items() if field.default is attrs.NOTHING],
                "properties": {name: self._field(field, model) for name, field in own.items()},
            }
        return {"$ref": f"#/components/schemas/{model.__name__}"}

    def _field(self, field: attrs.Attribute[Any], model: Any) -> Schema:
        limit: Any = field.validator
        said = _limits.get(limit) or self.of(field.type)
        # A null stands for a text or texts left out.
        if field.default is not attrs.NOTHING and limit in (checks.text, checks.texts):
            said = {"anyOf": [said, _plain[types.NoneType]]}
        # What a field says of itself is said to the client's user, and true of the wire only for what is sent.
        return {**said, **(_told(model, field) if limit is not None else {})}


def _told(model: Any, field: attrs.Attribute[Any]) -> Schema:
    words = help.field_sentence(model, field.name)
    return {"description": words} if words else {}


def _is_omission(kind: Any) -> bool:
    return typing.get_origin(kind) is typing.Literal and all(isinstance(each, Enum) for each in typing.get_args(kind))
