"""The verbs: a row of the table is one line with one of these."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from operator import attrgetter
from types import GenericAlias
from typing import Any, Concatenate, Generic, Literal, ParamSpec, TypeAlias, TypeVar, overload

import attrs

from ip1_async import codec
from ip1_async.errors import Invalid
from ip1_async.masking import SecretBytes
from ip1_async.models import Paging
from ip1_async.pages import Fetched, Pages
from ip1_async.table import Body, Dialect, Row, Shape, Table
from ip1_async.wire import Repeat, Request, Response, fill, last_start, next_start

P = ParamSpec("P")
B = TypeVar("B")
C = TypeVar("C")
R = TypeVar("R")
S = TypeVar("S", bound=Table)
Answer: TypeAlias = Coroutine[Any, Any, R]
many = list
"""`many[Contact]`: a table has a row named `list`, so the name is taken there."""


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

        def fetch(start: int, limit: int) -> Coroutine[Any, Any, Fetched[Any]]:
            return table.door.answer(self.page(request, start, limit), lambda response: self.fetched(response, ids))

        key = attrgetter(self.key)
        if not isinstance(paging, Paging):
            return Pages(fetch, key=key, paged=False, kind=self.returns)
        return Pages(
            fetch, key=key, limit=paging.limit, cursor=paging.cursor, ahead=paging.ahead, parallel=paging.parallel,
            kind=self.returns,
        )  # fmt: skip

    def answer(self) -> Any:
        return GenericAlias(Pages, (self.returns,))

    def first(self, request: Request, value: Any) -> Request:
        return self.page(request, 0, value.limit if isinstance(value, Paging) else 0)

    def page(self, request: Request, start: int, limit: int) -> Request:
        """The request for the rows from *start* on."""
        if not self.paged:
            return request
        return attrs.evolve(request, query=(("start", str(start)), ("limit", str(limit)), *request.query))

    def read(self, response: Response, ids: Sequence[str], sent: bytes | None = None) -> Any:
        rows = many[self.returns]  # type: ignore[name-defined]
        if not response.body.strip():
            return codec.load(rows, self.shape([], ids) if self.shape else [])
        shape = self.shape
        return codec.read(rows, response.body, None if shape is None else lambda data: shape(data, ids))

    def fetched(self, response: Response, ids: Sequence[str]) -> Fetched[Any]:
        """The rows of one answer, and where its Link header says that the next ones begin."""
        header = response.headers.get("Link")
        linked, start = next_start(header)
        return Fetched(items=self.read(response, ids), next=start, linked=linked, last=last_start(header))


class _Body(Row[C]):
    """A row whose value is its body."""

    def request(self, path: str, ids: Sequence[str], value: Any, dialect: Dialect) -> Request:
        body = None if value is None else codec.dump(value)
        if self.body is not None:
            body = self.body(body, ids, dialect)
        sent = None if value is None and body is None else _json(body)
        query = () if value is None else codec.query_of_body(value)
        return Request(self.method, self.path, path, query, sent, self.repeat, getattr(value, "reference", None))


def _json(body: Any) -> SecretBytes:
    """A body as it is sent."""
    try:
        return SecretBytes(codec.encode(body))
    except UnicodeEncodeError:
        # From None: the error of encoding holds the whole body.
        raise Invalid("body", "a text holds half of a surrogate pair, which no text can be sent with") from None


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
    def __init__(
        self: Put[Callable[[str], Answer[R]]], path: str, returns: type[R], *, key: str = "id", body: Body | None = None
    ) -> None: ...
    @overload
    def __init__(
        self: Put[WriteTo[P, B, R]],
        path: str, returns: type[R], value: Callable[P, B], *, key: str = "id", body: Body | None = None, shape: Shape | None = None,
    ) -> None: ...  # fmt: skip
    def __init__(
        self,
        path: str,
        returns: Any,
        value: Any = None,
        *,
        key: str = "id",
        body: Body | None = None,
        shape: Shape | None = None,
    ) -> None:
        super().__init__(path, returns, value, 1, body=body, shape=shape)
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
        body: Body | None = None,
    ) -> None:
        super().__init__(path, returns, value, 1, body=body)


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
