"""What every row of the table is: data on its class, a typed call on an instance. No I/O.

A row makes the whole `Request` of a call and reads the `Response` to it; the door that a table is given does the rest.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import cached_property
from inspect import Signature
from types import GenericAlias, MethodType
from typing import (
    Any,
    ClassVar,
    Generic,
    Literal,
    ParamSpec,
    Protocol,
    Self,
    TypeGuard,
    TypeVar,
    overload,
)
from urllib.parse import urlsplit

from attrs import field, frozen

from ip1_async import codec, help
from ip1_async.codec import Mismatch
from ip1_async.masking import Secret
from ip1_async.models import NewBatch, checks
from ip1_async.wire import Repeat, Request, Response, fill, is_array, is_object, split

P = ParamSpec("P")
C = TypeVar("C")
T = TypeVar("T")

_single = re.compile(rb'\s*\{\s*"[^"]*"\s*:\s*(?:"(?:[^"\\]|\\.)*"|[^",\[\]{}\s]+)\s*\}\s*', re.DOTALL).fullmatch
"""Whether JSON is an object with one name, as where only the id of what was made is told."""

Shape = Callable[[Any, Sequence[str]], Any]
"""Turns an answer that has several documented forms into the one that the codec reads, given the ids of the call."""


Body = Callable[[Any, Sequence[str], "Dialect"], Any]
"""Turns the plain data of a value, None where a row has none, into the body that is sent, given the ids of the call."""


class Dialect(Protocol):
    """What may be said in two ways, because the provider's documents do not say which is right."""

    @property
    def settings_body(self) -> Literal["value", "bare"]: ...
    @property
    def senders_body(self) -> Literal["none", "named"]: ...


class Door(Protocol):
    """What a table is given: it makes a row's requests."""

    @property
    def dialect(self) -> Dialect: ...
    def reference(self) -> str:
        """A fresh reference for a send."""
        ...

    def answer(self, request: Request, read: Callable[[Response], T], /) -> Coroutine[Any, Any, T]:
        """What *read* makes of the whole 2xx answer to a request."""
        ...

    def call(self, request: Request, read: Callable[[Response], T], /) -> Coroutine[Any, Any, T]:
        """The same; a send in doubt is looked for first, where the options say so."""
        ...


@frozen
class Raw(Generic[T]):
    """An answer as it came, beside the value that was read from it."""

    value: T
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @cached_property
    def json(self) -> Any:
        """The body as plain data, read when it is first asked for; None where there was none.

        Raises `ValueError` where it is no JSON.
        """
        return codec.decode(self.body) if self.body.strip() else None


async def raw(call: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> Raw[T]:
    """The value together with the status, the headers and the JSON it came with: `await raw(ip1.batches.get, id)`."""
    row: Any = getattr(call, "__func__", None)
    table: Any = getattr(call, "__self__", None)
    if not _is_row(row) or not isinstance(table, Table):
        raise TypeError("raw takes a row of a table, such as raw(ip1.batches.get, id)")
    request, ids, value = row.prepare(table, args, kwargs)
    del args, kwargs
    request = row.first(request, value)

    def read(response: Response) -> Raw[Any]:
        return Raw(row.read(response, ids, request.body), response.status, response.headers, response.body)

    return await table.door.answer(request, read)


def _is_row(value: object) -> TypeGuard[Row[Any]]:
    # One without a method only leads to another table.
    return isinstance(value, Row) and value.method != ""


class Table:
    """An area of the API."""

    rows: ClassVar[dict[str, Row[Any]]] = {}

    def __init__(self, door: Door, *ids: str) -> None:
        self.door, self.ids = door, ids

    def __init_subclass__(cls, under: int = 0) -> None:
        super().__init_subclass__()
        cls.rows = {name: row for name, row in vars(cls).items() if isinstance(row, Row)}
        for name, row in cls.rows.items():
            if len(row.names) != under + row.ids:
                raise TypeError(f"{cls.__name__}.{name}: {row.path} does not take {under + row.ids} ids")


class Row(Generic[C]):
    """One endpoint; *C* is the call that it becomes on a table."""

    method: ClassVar[str] = "GET"
    repeat: Repeat = "read"
    table: type[Table]
    key: str = "id"
    """The field that tells the things of a collection apart."""

    def __init__(
        self,
        path: str,
        returns: Any,
        value: Callable[..., Any] | None,
        ids: int,
        *,
        shape: Shape | None = None,
        body: Body | None = None,
    ) -> None:
        self.path, self.returns, self.value, self.ids = path, returns, value, ids
        self.parts, self.names = split(path)
        self.shape, self.body = shape, body

    def __set_name__(self, owner: type[Table], name: str) -> None:
        self.__name__, self.__qualname__, self.__module__ = name, f"{owner.__qualname__}.{name}", owner.__module__
        self.table = owner

    def __init_subclass__(cls) -> None:
        cls.__doc__ = help.Text(cls.__doc__)  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{self.__qualname__}: {self.method} {self.path}>"

    def answer(self) -> Any:
        """What a call gives, for `__signature__`."""
        return GenericAlias(Awaitable, (self.returns,))

    @property
    def __signature__(self) -> Signature:
        return help.signature(self)

    @overload
    def __get__(self, table: None, owner: type[Table]) -> Self: ...
    @overload
    def __get__(self, table: Table, owner: type[Table]) -> C: ...
    def __get__(self, table: Table | None, owner: type[Table]) -> Any:
        return self if table is None else MethodType(self, table)

    def __call__(self, table: Table, /, *args: Any, **kwargs: Any) -> Any:
        request, ids, _ = self.prepare(table, args, kwargs)
        return table.door.call(request, lambda response: self.read(response, ids, request.body))

    def prepare(
        self, table: Table, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Request, tuple[str, ...], Any]:
        """The request of a call, its ids and its value; raises `Invalid` for what the provider would refuse."""
        own, rest = args[: self.ids], args[self.ids :]
        ids = tuple(Secret(id) if isinstance(id, str) else id for id in (*table.ids, *own))
        path = fill(self.parts, self.names, ids)
        for name, id in zip(self.names, ids, strict=True):
            if check := checks.ids.get(name):
                check(name, id)
        value: Any = None
        if self.value is not None:
            value = self._value(table.door, rest, kwargs)
        elif rest or kwargs:
            raise TypeError(f"{self.__qualname__}() takes {self.ids} ids and nothing else")
        return self.request(path, ids, value, table.door.dialect), ids, value

    def _value(self, door: Door, given: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The ready value, or the one that the keywords make; a batch without a reference is given one."""
        assert self.value is not None
        if len(given) == 1 and not kwargs and type(given[0]) is self.value:
            value = given[0]
            return value.marked(door.reference()) if isinstance(value, NewBatch) and value.reference is None else value
        if self.value is NewBatch and kwargs.get("reference") is None:
            # Before it is made and not after: making another one would check all recipients again.
            kwargs["reference"] = door.reference()
        return self.value(*given, **kwargs)

    def request(self, path: str, ids: Sequence[str], value: Any, dialect: Dialect) -> Request:
        """What goes over the wire; a row without a body puts its value into the address."""
        return Request(self.method, self.path, path, () if value is None else codec.query(value), repeat=self.repeat)

    def read(self, response: Response, ids: Sequence[str], sent: bytes | None = None) -> Any:
        """The value that a 2xx answer stands for; raises `Mismatch` where it is not what was promised."""
        empty = not response.body.strip()
        if self.returns is None or (empty and self.method == "DELETE"):
            return [] if self._many else None

        def form(data: Any) -> Any:
            if self.shape is not None:
                data = self.shape(data, ids)
            if not self._many:
                data = _one(data)
            if self.method == "POST" and is_object(data) and not data.keys() - {self.key}:
                data = {**self._sent(sent), **data}
            return data

        if empty:
            return codec.load(self.returns, form(self._substitute(response, ids, sent)))
        if self.shape is not None or (self.method == "POST" and _single(response.body)):
            return codec.load(self.returns, form(codec.decode(response.body)))
        return codec.read(self.returns, response.body, form)

    def first(self, request: Request, value: Any) -> Request:
        """The one request that stands for a call."""
        return request

    @property
    def _many(self) -> bool:
        return getattr(self.returns, "__origin__", None) is list

    def _substitute(self, response: Response, ids: Sequence[str], sent: bytes | None) -> Any:
        """For an empty answer: what is known of the thing all the same."""
        if self._many:
            return []
        last = (
            ids[-1]
            if ids and self.method != "POST"
            else urlsplit(response.headers.get("Location", "")).path.rstrip("/").rpartition("/")[2]
        )
        if not last:
            raise Mismatch("the answer is empty and names no id")
        return {**self._sent(sent), self.key: last}

    def _sent(self, sent: bytes | None) -> dict[str, Any]:
        """The fields of the request that the answer has too."""
        data = codec.decode(sent) if sent else None
        shared = codec.names(self.returns).values()
        return {name: item for name, item in data.items() if name in shared} if is_object(data) else {}

    __wrapped__ = __call__  # Sphinx takes a descriptor for a method when it wraps one


def _one(data: Any) -> Any:
    """The first of an array where one thing was promised."""
    if is_array(data):
        if not data:
            raise Mismatch("the answer is an empty array where one thing was promised")
        return data[0]
    return data
