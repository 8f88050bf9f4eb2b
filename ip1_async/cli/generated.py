"""A command for every row of the table: ids by position, fields by name, a whole body by `--data`."""

from __future__ import annotations

import inspect
import json
import sys
import types
import typing
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from inspect import Parameter
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any, cast

import attrs
import cyclopts

from ip1_async import codec, help
from ip1_async.cli import show
from ip1_async.client import Client, Mount
from ip1_async.errors import Invalid
from ip1_async.rows import Under, Walk
from ip1_async.table import Row, Table
from ip1_async.wire import is_array, is_object

ROWS_SHOWN = 50


def mount(app: cyclopts.App) -> None:
    """Add a group for every table of the client, with a command for every row."""
    for name, value in vars(Client).items():
        if isinstance(value, Mount):
            app.command(_group(name, cast("type[Table]", value.table), attrgetter(name)))


def _group(name: str, table: type[Table], reach: Callable[..., Any], above: tuple[str, ...] = ()) -> cyclopts.App:
    group = cyclopts.App(name=_kebab(name), help=table.__doc__ or "", group="The API")
    for row_name, row in table.rows.items():
        if isinstance(row, Under):
            under = row

            def reach_under(client: Client, *ids: str, under: Any = under) -> Any:
                return getattr(reach(client), under.__name__)(*ids)

            group.command(_group(row_name, row.returns, reach_under, (*above, *row.names)))
        else:
            group.command(_command(row, reach, above), name=_kebab(row_name))
    return group


def _command(row: Row[Any], reach: Callable[..., Any], above: tuple[str, ...]) -> Callable[..., Awaitable[None]]:
    """The function behind one command, with a signature made from the row."""
    fields = _options(row)
    ids = [*above, *row.names[len(row.names) - row.ids :]]

    async def command(*args: str, **given: Any) -> None:
        machine, data, shown = given.pop("json"), given.pop("data", None), given.pop("limit", 0)
        values = {name: fields[name].read(value) for name, value in given.items() if value is not None}
        async with Client() as client:
            call = getattr(reach(client, *args[: len(above)]), row.__name__)
            own = args[len(above) :]
            if isinstance(row, Walk):
                await show.walk(call(*own, **_page_size(row, values, shown)), row.returns, shown, machine)
            elif row.value is None:
                show.thing(await call(*own), machine)
            else:
                show.thing(await call(*own, _value(row, data, values)), machine)

    parameters = [Parameter(id, Parameter.POSITIONAL_ONLY, annotation=str) for id in ids]
    for name, option in fields.items():
        parameters.append(Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=option.annotation))
    for name, annotation, default in _extras(row):
        parameters.append(Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation))
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    command.__doc__ = f"{help.sentence(row)}\n\n{row.method} {row.path}"
    return command


@attrs.frozen
class Option:
    """One field of a row's value as an option."""

    annotation: Any
    read: Callable[[Any], Any]
    """From what the command line gives to what the model takes."""


def _options(row: Row[Any]) -> dict[str, Option]:
    model: Any = row.value
    if model is None:
        return {}
    hints = typing.get_type_hints(model, include_extras=False)
    left_out = {"extra", "limit", "ahead", "parallel"} if isinstance(row, Walk) else {"extra"}
    return {
        each.name: _option(model, each.name, hints[each.name])
        for each in attrs.fields(model)
        if each.name not in left_out
    }


def _option(model: Any, name: str, hint: Any) -> Option:
    words = help.field_sentence(model, name)
    kind = _without_none(hint)
    if typing.get_origin(kind) is typing.Literal or kind in (str, int, bool, datetime):
        negative = cyclopts.Parameter(help=words, negative=())
        return Option(Annotated[kind | None, negative], lambda value: value)
    kinds = {typing.get_origin(each) or each: each for each in _members(kind)}
    if Sequence in kinds and typing.get_args(kinds[Sequence]) == (str,):
        many = cyclopts.Parameter(help=f"{words} Repeat it for several.".strip(), negative=(), consume_multiple=False)
        return Option(Annotated[list[str] | None, many], lambda value: value)
    if Mapping in kinds:
        pairs = cyclopts.Parameter(help=f"{words} As NAME=VALUE; repeat it for several.".strip(), negative=())
        return Option(Annotated[list[str] | None, pairs], lambda value: _pairs(name, value))
    whole = cyclopts.Parameter(help=f"{words} As JSON.".strip(), negative=())
    return Option(Annotated[str | None, whole], lambda value: codec.load(kind, _json(name, value)))


def _extras(row: Row[Any]) -> list[tuple[str, Any, Any]]:
    def said(kind: Any, words: str) -> Any:
        return Annotated[kind, cyclopts.Parameter(help=words, negative=())]

    found: list[tuple[str, Any, Any]] = []
    if isinstance(row, Walk) and row.paged:
        found.append(("limit", said(int, "Rows shown at most; 0 shows all."), ROWS_SHOWN))
    elif row.value is not None and row.method in ("POST", "PUT", "PATCH"):
        found.append(
            (
                "data",
                said(
                    str | None,
                    f"The whole body as JSON: @FILE, - for standard input, or the JSON itself, `{_shape(row.value)}`.",
                ),
                None,
            )
        )
    found.append(("json", said(bool, "JSON on standard output, and nothing else there."), False))
    return found


def _page_size(row: Walk[Any], values: dict[str, Any], shown: int) -> dict[str, Any]:
    """No more rows are asked for at a time than are shown."""
    return {**values, "limit": min(shown or 200, 200)} if row.paged else values


def _value(row: Row[Any], data: str | None, values: dict[str, Any]) -> Any:
    """The model of a body, from its JSON and its options; an option wins over the same field of the JSON."""
    model: Any = row.value
    if data is None:
        missing = [
            each.name for each in attrs.fields(model) if each.default is attrs.NOTHING and each.name not in values
        ]
        if missing:
            raise Invalid(missing[0], f"{', '.join('--' + _kebab(each) for each in missing)} or --data is needed")
        return model(**values)
    body = _json("data", _content(data))
    # What is made anew and has an unknown field is mistyped; what was read and is written again may have any.
    strict = row.method == "POST"
    bare = getattr(model, "_body", None)
    if bare is not None:
        item = _item(model, bare)
        if is_array(body) and item is not None:
            for position, each in enumerate(body):
                _checked(item, each, f"[{position}]", strict=strict)
        return model(**{bare: getattr(_checked(model, body, strict=strict), bare), **values})
    if is_object(body):
        body = {**body, **{codec.names(model)[name]: codec.dump(value) for name, value in values.items()}}
    return _checked(model, body, strict=strict)


def _checked(model: Any, data: Any, at: str = "", *, strict: bool) -> Any:
    """The model in a piece of `--data`; where *strict*, with no field that it does not know."""
    known = _known(model)
    if is_object(data) and strict:
        spelled = {name.lower() for name in known}
        for key in data:
            if key.strip().lower() not in spelled:
                raise Invalid("data", f"--data{at} has a {key}, which is not known; known are {', '.join(known)}")
    try:
        return model.from_dict(data)
    except Invalid:
        raise
    except ValueError as wrong:
        words = str(wrong).removeprefix(f"{model.__name__}: ").replace("without ", "it lacks ")
        raise Invalid("data", f"--data{at} does not fit, {words}; it is written {_shape(model)}") from None


def _known(model: Any) -> list[str]:
    """The names of a model's fields on the wire."""
    return [name for field, name in codec.names(model).items() if field not in ("sync", "everything", "extra")]


def _item(model: Any, bare: str) -> Any:
    """The model of each member of a body that is an array; None where they are plain."""
    kinds = typing.get_args(typing.get_type_hints(model)[bare])
    return kinds[0] if kinds and attrs.has(kinds[0]) else None


def _shape(model: Any) -> str:
    """What the JSON of a model looks like."""
    bare = getattr(model, "_body", None)
    if bare is not None:
        item = _item(model, bare)
        return f"[{_shape(item)}, …]" if item is not None else "[…]"
    return "{" + ", ".join(f'"{name}": …' for name in _known(model)) + "}"


def _content(data: str) -> str:
    if data == "-":
        return sys.stdin.read()
    if not data.startswith("@"):
        return data
    try:
        return Path(data[1:]).read_text("utf-8-sig")
    except OSError as error:
        raise Invalid("data", f"--data: {data[1:]}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Invalid("data", f"--data: {data[1:]} is no text in UTF-8") from None


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        where = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise Invalid(name, f"--{_kebab(name)} is not valid JSON{where}") from None


def _pairs(name: str, given: Sequence[str]) -> dict[str, Any]:
    """NAME=VALUE pairs; a NAME alone stands for null, which takes a value away."""
    pairs = (each.partition("=") for each in given)
    return {key: value if equals else None for key, equals, value in pairs}


def _members(kind: Any) -> tuple[Any, ...]:
    return typing.get_args(kind) if typing.get_origin(kind) in (typing.Union, types.UnionType) else (kind,)


def _without_none(hint: Any) -> Any:
    kinds = [each for each in _members(hint) if each is not types.NoneType and not _is_omission(each)]
    return typing.Union[tuple(kinds)] if len(kinds) > 1 else kinds[0]  # noqa: UP007


def _is_omission(kind: Any) -> bool:
    return typing.get_origin(kind) is typing.Literal and not isinstance(typing.get_args(kind)[0], str | int)


def _kebab(name: str) -> str:
    return name.replace("_", "-")
