"""Who wants to be told of what, and how a handler is called. Whether one is wanted is pure."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from attrs import field, frozen

from ip1_async.models import IncomingSms
from ip1_async.models.status import Group
from ip1_async.webhooks.events import Event, Kind
from ip1_async.webhooks.truth import MessageState


@frozen
class Wanted:
    """Which events."""

    kind: Kind
    codes: frozenset[int] = frozenset()
    """All when empty, together with *groups*."""
    groups: frozenset[Group] = frozenset()
    reference: str | None = field(default=None, repr=False)
    """What the reference of a report begins with."""
    stop: bool | None = None
    """Of incoming messages: only STOP, or all but STOP."""

    def fits(self, event: Event) -> bool:
        value = event.value
        if event.kind != self.kind:
            return False
        if isinstance(value, IncomingSms):
            return self.stop is None or self.stop == value.is_stop
        if self.reference is not None and not (value.reference or "").startswith(self.reference):
            return False
        return not (self.codes or self.groups) or int(value.code) in self.codes or value.code.group in self.groups


@frozen
class Handler:
    """One function and the events that it wants."""

    name: str
    """Remembered with the events that it has handled: the same over restarts."""
    function: Callable[..., Any] = field(repr=False)
    wanted: Wanted
    takes_state: bool

    async def __call__(self, event: Event, state: MessageState | None) -> None:
        given = (event.value, state) if self.takes_state else (event.value,)
        try:
            if inspect.iscoroutinefunction(self.function):
                await self.function(*given)
                return
            made = await asyncio.to_thread(_called, self.function, given)
            if inspect.isawaitable(made):
                await made
        except SystemExit as error:
            raise RuntimeError("a handler asked to end the process") from error


def _called(function: Callable[..., Any], given: tuple[Any, ...]) -> Any:
    try:
        return function(*given)
    except StopIteration as error:
        # No future can hold one, so that it would never be heard of.
        raise RuntimeError("a handler raised StopIteration") from error


def handler(function: Callable[..., Any], wanted: Wanted, names: Sequence[str]) -> Handler:
    """A handler under a name that none of the others has."""
    name = f"{function.__module__}.{getattr(function, '__qualname__', type(function).__qualname__)}"
    count = 1 + sum(each == name or each.startswith(f"{name}#") for each in names)
    takes = [
        each for each in inspect.signature(function).parameters.values()
        if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD, each.VAR_POSITIONAL)
    ]  # fmt: skip
    takes_state = wanted.kind == "report" and len(takes) > 1
    return Handler(name if count == 1 else f"{name}#{count}", function, wanted, takes_state)


def again_after(tries: int) -> float:
    """Seconds until a handler that has failed so often is run again."""
    return min(600.0, 2.0**tries)
