"""What the sandbox is asked and what it says, as values; each behaviour is a function from one to the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from attrs import field, frozen

from ip1_async.table import Row

if TYPE_CHECKING:
    from ip1_async.sandbox.state import State


class Missing:
    """The type of `MISSING`."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()
"""There is no body, where None would be JSON's null."""


@frozen
class Call:
    """One request, checked and parsed."""

    account: str
    """That the token belongs to."""
    ids: tuple[str, ...] = field(repr=False)
    """Of the path, percent-decoded."""
    query: tuple[tuple[str, str], ...] = field(repr=False)
    body: Any = field(repr=False)
    """Parsed JSON, or `MISSING`."""
    url: str = field(repr=False)
    """Scheme, host and path, for links."""


@frozen
class Reply:
    """What is answered."""

    status: int = 200
    body: Any = field(default=MISSING, repr=False)
    headers: Mapping[str, str] = field(factory=dict[str, str], repr=False)


class Refused(Exception):
    """A request that is answered with problem details (RFC 7807)."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str | None = None,
        errors: Mapping[str, list[str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {title}")
        self.status, self.title, self.detail, self.errors = status, title, detail, errors
        self.headers: Mapping[str, str] = headers or {}

    def body(self) -> dict[str, Any]:
        """The problem details."""
        said: dict[str, Any] = {
            "type": f"https://httpstatuses.io/{self.status}",
            "title": self.title,
            "status": self.status,
        }
        if self.detail is not None:
            said["detail"] = self.detail
        if self.errors is not None:
            said["errors"] = self.errors
        return said


Behaviour = Callable[["State", Call], Reply]

ANSWERS: dict[Row[Any], Behaviour] = {}
"""The behaviour of every row of the table."""


def answers(row: Row[Any]) -> Callable[[Behaviour], Behaviour]:
    """Makes a function the behaviour of a row."""

    def register(behaviour: Behaviour) -> Behaviour:
        ANSWERS[row] = behaviour
        return behaviour

    return register
