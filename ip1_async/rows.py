"""The verbs: a row of the table is data on its class and a typed call on an instance. No I/O.

A row makes the whole `Request` of a call and reads the `Response` to it; the door that a table is given does the rest.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from inspect import Signature
from types import GenericAlias, MethodType
from typing import (
    Any,
    ClassVar,
    Concatenate,
    Generic,
    Literal,
    ParamSpec,
    Protocol,
    Self,
    TypeAlias,
    TypeGuard,
    TypeVar,
    overload,
)
from urllib.parse import urlsplit

import attrs
from attrs import field, frozen

from ip1_async import codec, help
from ip1_async.codec import Mismatch
from ip1_async.masking import Secret, SecretBytes
from ip1_async.models import NewBatch, Paging, checks
from ip1_async.pages import Fetched, Pages
from ip1_async.wire import Repeat, Request, Response, fill, is_array, is_object, next_start, split

P = ParamSpec("P")
B = TypeVar("B")
C = TypeVar("C")
R = TypeVar("R")
T = TypeVar("T")
S = TypeVar("S", bound="Table")
Answer: TypeAlias = Coroutine[Any, Any, R]
many = list
"""`many[Contact]`: a table has a row named `list`, so the name is taken there."""

Shape = Callable[[Any, Sequence[str]], Any]
"""Turns an answer that has several documented forms into the one that the codec reads, given the ids of the call."""


class Dialect(Protocol):
    """What may be said in two ways, because the provider's documents do not say which is right."""

    @property
    def settings_body(self) -> Literal["value", "bare"]: ...
    @property
    def senders_body(self) -> Literal["none", "named"]: ...


class Door(Protocol):
    """What a table is given: it makes a row's request and gives what the row reads from the answer."""

    @property
    def dialect(self) -> Dialect: ...
    def reference(self) -> str: ...
    def call(self, row: Row[Any], request: Request, ids: tuple[str, ...], /) -> Coroutine[Any, Any, Any]: ...
    def raw(self, row: Row[Any], request: Request, ids: tuple[str, ...], /) -> Coroutine[Any, Any, Raw[Any]]: ...
    def walk(self, row: Walk[Any], request: Request, ids: tuple[str, ...], paging: Any, /) -> Pages[Any]: ...


@frozen
class Raw(Generic[T]):
    """An answer as it came, beside the value that was read from it."""

    value: T
    status: int
    headers: Mapping[str, str] = field(repr=False)
    json: Any = field(repr=False)
    """The body as plain data; None where there was none."""


async def raw(call: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> Raw[T]:
    """The value together with the status, the headers and the JSON it came with: `await raw(ip1.batches.get, id)`."""
    row: Any = getattr(call, "__func__", None)
    table: Any = getattr(call, "__self__", None)
    if not _is_row(row) or not isinstance(table, Table):
        raise TypeError("raw takes a row of a table, such as raw(ip1.batches.get, id)")
    request, ids, _ = row.prepare(table, args, kwargs)
    del args, kwargs
    return await table.door.raw(row, request, ids)


def _is_row(value: object) -> TypeGuard[Row[Any]]:
    return isinstance(value, Row) and not isinstance(value, Under)


class Write(ABC, Generic[P, B, R]):
    """A ready value, or its keywords."""

    @overload
    @abstractmethod
    def __call__(self, value: B, /) -> Answer[R]: ...
    @overload
    @abstractmethod
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Answer[R]: ...


class WriteTo(ABC, Generic[P, B, R]):
    """The same for the thing with this id."""

    @overload
    @abstractmethod
    def __call__(self, id: str, value: B, /) -> Answer[R]: ...
    @overload
    @abstractmethod
    def __call__(self, id: str, /, *args: P.args, **kwargs: P.kwargs) -> Answer[R]: ...


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
        names_itself: str | None = None,
    ) -> None:
        self.path, self.returns, self.value, self.ids = path, returns, value, ids
        self.parts, self.names = split(path)
        self.shape, self.names_itself = shape, names_itself

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
        return table.door.call(self, request, ids)

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
            ready = len(rest) == 1 and not kwargs and type(rest[0]) is self.value
            value = rest[0] if ready else self.value(*rest, **kwargs)
            if isinstance(value, NewBatch):
                value = value.marked(table.door.reference())
        elif rest or kwargs:
            raise TypeError(f"{self.__qualname__}() takes {self.ids} ids and nothing else")
        return self.request(path, ids, value, table.door.dialect), ids, value

    def request(self, path: str, ids: Sequence[str], value: Any, dialect: Dialect) -> Request:
        """What goes over the wire; a row without a body puts its value into the address."""
        return Request(self.method, self.path, path, () if value is None else codec.query(value), repeat=self.repeat)

    def read(self, response: Response, ids: Sequence[str], sent: bytes | None = None) -> Any:
        """The value that a 2xx answer stands for; raises `Mismatch` where it is not what was promised."""
        if self.returns is None or (not response.body.strip() and self.method == "DELETE"):
            return [] if self._many else None
        data = codec.decode(response.body) if response.body.strip() else self._substitute(response, ids, sent)
        if self.shape is not None:
            data = self.shape(data, ids)
        if not self._many:
            data = _one(data)
        if self.method == "POST" and is_object(data) and not data.keys() - {self.key}:
            data = {**self._sent(sent), **data}
        return codec.load(self.returns, data)

    def plain(self, response: Response) -> Any:
        """The body as plain data; None where there is none."""
        return codec.decode(response.body) if response.body.strip() else None

    @property
    def _many(self) -> bool:
        return getattr(self.returns, "__origin__", None) is many

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


class Get(Row[C]):
    """Reads one thing."""

    @overload
    def __init__(
        self: Get[Callable[[str], Answer[R]]], path: str, returns: type[R], *, shape: Shape | None = None
    ) -> None: ...
    @overload
    def __init__(self: Get[Callable[[], Answer[R]]], path: str, returns: type[R], *, ids: Literal[0]) -> None: ...
    @overload
    def __init__(
        self: Get[Callable[[str, str], Answer[R]]], path: str, returns: type[R], *, ids: Literal[2]
    ) -> None: ...
    @overload
    def __init__(
        self: Get[Callable[Concatenate[str, P], Answer[R]]], path: str, returns: type[R], query: Callable[P, object]
    ) -> None: ...
    def __init__(self, path: str, returns: Any, query: Any = None, *, ids: int = 1, shape: Shape | None = None) -> None:
        super().__init__(path, returns, query, ids, shape=shape)


class Walk(Row[C]):
    """Reads a collection page by page."""

    @overload
    def __init__(
        self: Walk[Callable[P, Pages[R]]],
        path: str,
        item: type[R],
        query: Callable[P, object],
        *,
        key: str = "id",
        shape: Shape | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self: Walk[Callable[Concatenate[str, P], Pages[R]]],
        path: str, item: type[R], query: Callable[P, object], *, ids: Literal[1], key: str = "id", shape: Shape | None = None,
    ) -> None: ...  # fmt: skip
    def __init__(
        self, path: str, item: Any, query: Any, *, ids: int = 0, key: str = "id", shape: Shape | None = None
    ) -> None:
        super().__init__(path, item, query, ids, shape=shape)
        self.key = key
        self.paged = isinstance(query, type) and issubclass(query, Paging)

    def __call__(self, table: Table, /, *args: Any, **kwargs: Any) -> Any:
        request, ids, paging = self.prepare(table, args, kwargs)
        return table.door.walk(self, request, ids, paging)

    def answer(self) -> Any:
        return GenericAlias(Pages, (self.returns,))

    def page(self, request: Request, start: int, limit: int) -> Request:
        """The request for the rows from *start* on."""
        if not self.paged:
            return request
        return attrs.evolve(request, query=(("start", str(start)), ("limit", str(limit)), *request.query))

    def read(self, response: Response, ids: Sequence[str], sent: bytes | None = None) -> Any:
        data: Any = codec.decode(response.body) if response.body.strip() else []
        return codec.load(many[self.returns], self.shape(data, ids) if self.shape else data)  # type: ignore[name-defined]

    def fetched(self, response: Response, ids: Sequence[str]) -> Fetched[Any]:
        """The rows of one answer, and where its Link header says that the next ones begin."""
        linked, start = next_start(response.headers.get("Link"))
        return Fetched(items=self.read(response, ids), next=start, linked=linked)


class _Body(Row[C]):
    """A row whose value is its body."""

    def request(self, path: str, ids: Sequence[str], value: Any, dialect: Dialect) -> Request:
        if value is None:
            body = {self.key: ids[-1]} if self.key == "sender" and dialect.senders_body == "named" else None
        else:
            body = codec.dump(value)
            if self.names_itself:
                body = {self.names_itself: ids[-1], **body}
            elif self.key == "name" and dialect.settings_body == "bare":
                body = body["value"]
        sent = None if value is None and body is None else SecretBytes(codec.encode(body))
        query = () if value is None else codec.query_of_body(value)
        return Request(self.method, self.path, path, query, sent, self.repeat, getattr(value, "reference", None))


class Post(_Body[C]):
    """Makes something; never repeated unless it surely was not sent."""

    method = "POST"
    repeat: Repeat = "once"

    @overload
    def __init__(
        self: Post[Write[P, B, R]],
        path: str,
        value: Callable[P, B],
        returns: type[R],
        *,
        repeat: Repeat = "once",
        shape: Shape | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self: Post[WriteTo[P, B, R]], path: str, value: Callable[P, B], returns: type[R], *, ids: Literal[1]
    ) -> None: ...
    def __init__(
        self, path: str, value: Any, returns: Any, *, ids: int = 0, repeat: Repeat = "once", shape: Shape | None = None
    ) -> None:
        super().__init__(path, returns, value, ids, shape=shape)
        self.repeat = repeat


class Put(_Body[C]):
    """Replaces one thing, or makes sure that it is there."""

    method = "PUT"
    repeat: Repeat = "idempotent"

    @overload
    def __init__(self: Put[Callable[[str], Answer[R]]], path: str, returns: type[R], *, key: str = "id") -> None: ...
    @overload
    def __init__(
        self: Put[WriteTo[P, B, R]],
        path: str, returns: type[R], value: Callable[P, B], *, key: str = "id", names_itself: str | None = None, shape: Shape | None = None,
    ) -> None: ...  # fmt: skip
    def __init__(
        self,
        path: str,
        returns: Any,
        value: Any = None,
        *,
        key: str = "id",
        names_itself: str | None = None,
        shape: Shape | None = None,
    ) -> None:
        super().__init__(path, returns, value, 1, names_itself=names_itself, shape=shape)
        self.key = key


class Patch(_Body[C]):
    """Changes the parts that are given."""

    method = "PATCH"
    repeat: Repeat = "once"

    def __init__(
        self: Patch[WriteTo[P, B, R]],
        path: str,
        value: Callable[P, B],
        returns: type[R],
        *,
        names_itself: str | None = None,
    ) -> None:
        super().__init__(path, returns, value, 1, names_itself=names_itself)


class Delete(Row[C]):
    """Takes one thing away, or all that match."""

    method = "DELETE"
    repeat: Repeat = "idempotent"

    @overload
    def __init__(self: Delete[Callable[[str], Answer[None]]], path: str) -> None: ...
    @overload
    def __init__(self: Delete[Callable[[str], Answer[R | None]]], path: str, returns: type[R]) -> None: ...
    @overload
    def __init__(self: Delete[Write[P, B, R]], path: str, returns: type[R], matching: Callable[P, B]) -> None: ...
    def __init__(self, path: str, returns: Any = None, matching: Any = None) -> None:
        super().__init__(path, returns, matching, 0 if matching else 1)
        if matching:
            self.repeat = "once"


class Under(Row[C]):
    """A table of its own for each id."""

    method = ""

    def __init__(self: Under[Callable[[str], S]], path: str, table: type[S]) -> None:
        super().__init__(path, table, None, 1)

    def __call__(self, table: Table, /, *args: Any, **kwargs: Any) -> Any:
        fill(self.parts, self.names, (*table.ids, *args))
        return self.returns(table.door, *table.ids, *args)

    def answer(self) -> Any:
        return self.returns
