"""The sandbox as a plain HTTP client sees it: JSON in, JSON out, and nothing of the package in between."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from attrs import frozen
from yarl import URL

from ip1_async.clock import Clock
from ip1_async.sandbox import Sandbox

NOBODY = "0" * 24


@frozen
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@frozen
class Caller:
    """Speaks HTTP and JSON and knows nothing of the package."""

    session: aiohttp.ClientSession
    url: str
    token: str

    async def __call__(self, method: str, path: str, *body: Any, expect: int = 200) -> Any:
        answer = await self.ask(method, path, *body)
        assert answer.status == expect, f"{method} {path}: {answer.status} {answer.text}"
        return answer.json if answer.text else None

    async def ask(self, method: str, path: str, *body: Any) -> Answer:
        headers = {"Authorization": f"Bearer {self.token}"} | ({"Content-Type": "application/json"} if body else {})
        data = json.dumps(body[0]) if body else None
        url = URL(self.url.rstrip("/") + path, encoded=True)
        async with self.session.request(method, url, headers=headers, data=data) as response:
            return Answer(response.status, response.headers, await response.text())

    async def refused(self, field: str, method: str, path: str, *body: Any) -> None:
        answer = await self.ask(method, path, *body)
        assert answer.status == 400, f"{method} {path}: {answer.status} {answer.text}"
        assert answer.headers["Content-Type"].startswith("application/problem+json")
        assert list(answer.json["errors"]) == [field]

    def as_holder_of(self, token: str) -> Caller:
        return Caller(self.session, self.url, token)


@asynccontextmanager
async def caller(sandbox: Sandbox) -> AsyncIterator[Caller]:
    """A caller with the token of a sandbox that runs."""
    async with aiohttp.ClientSession() as session:
        yield Caller(session, sandbox.url, sandbox.token)


@asynccontextmanager
async def sandbox_caller(clock: Clock) -> AsyncIterator[Caller]:
    """A caller with the token of a fresh sandbox."""
    async with Sandbox(port=0, clock=clock) as sandbox, caller(sandbox) as call:
        yield call
