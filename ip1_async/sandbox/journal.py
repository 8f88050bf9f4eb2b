"""What came in and what went out: the latest requests with their answers, and the latest posts to webhooks. In memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from secrets import token_hex
from typing import Any

from attrs import asdict, field, frozen

MOST_ENTRIES = 1000
MOST_TEXT = 64 << 10
"""Characters that are kept of a body."""


@frozen(kw_only=True)
class Logged:
    """One request of the API and what was answered."""

    number: int
    """Counts all requests since the start, from 1."""
    at: str
    """Sandbox time, ISO 8601."""
    method: str
    path: str = field(repr=False)
    query: str = field(repr=False)
    body: str = field(repr=False)
    status: int | None
    """None where nothing was answered."""
    answer: str = field(repr=False)
    fault: str | None
    """What went wrong on purpose."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@frozen(kw_only=True)
class Posted:
    """One post to a webhook, and how it went."""

    number: int
    at: str
    kind: str
    """`report` or `incoming`."""
    url: str = field(repr=False)
    body: str = field(repr=False)
    attempt: int
    """From 1."""
    status: int | None
    """What was answered; only 200 is success."""
    problem: str | None
    """Why nothing was answered."""
    next: str | None
    """When it is repeated; None for done or given up."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Journal:
    """Keeps the latest entries of both kinds and tells when there is a new one."""

    def __init__(self) -> None:
        self.requests: deque[Logged] = deque(maxlen=MOST_ENTRIES)
        self.posts: deque[Posted] = deque(maxlen=MOST_ENTRIES)
        self.changed: Callable[[], object] = lambda: None
        self._requests = self._posts = 0
        self.run = token_hex(8)
        """Tells a page that the numbers have begun again."""

    def request(self, **facts: Any) -> None:
        self._requests += 1
        self.requests.append(Logged(number=self._requests, **_short(facts)))
        self.changed()

    def post(self, **facts: Any) -> None:
        self._posts += 1
        self.posts.append(Posted(number=self._posts, **_short(facts)))
        self.changed()

    def clear(self) -> None:
        """Forget all entries; the count goes on."""
        self.requests.clear()
        self.posts.clear()
        self.changed()


def _short(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value[:MOST_TEXT] if isinstance(value, str) else value for name, value in facts.items()}
