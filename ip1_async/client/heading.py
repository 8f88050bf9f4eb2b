"""What the requests of a client have in common, made once: where they go, and the headers that say who asks."""

from __future__ import annotations

import inspect
from urllib.parse import quote

from yarl import URL

from ip1_async.client.options import Token, checked_token
from ip1_async.masking import Secret
from ip1_async.transport import Headers
from ip1_async.wire import Request


class Heading:
    """The beginning of every address, and the headers."""

    def __init__(self, base: URL, token: Token, user_agent: str) -> None:
        self._start = f"{base.scheme}://{base.raw_authority}{base.raw_path.rstrip('/')}"
        self._token, self._user_agent = token, user_agent
        self._fixed = None if callable(token) else _headers(Secret(token), user_agent)

    def url(self, request: Request) -> Secret:
        """The whole address, percent-encoded."""
        if not request.query:
            return Secret(self._start + request.path)
        query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in request.query)
        return Secret(f"{self._start}{request.path}?{query}")

    async def headers(self, request: Request) -> Headers:
        """Those of this request; a function that gives the token is asked each time."""
        plain, with_body = self._fixed or _headers(await self._given(), self._user_agent)
        return plain if request.body is None else with_body

    async def _given(self) -> Secret:
        assert callable(self._token)
        given = self._token()
        return checked_token(Secret(await given) if inspect.isawaitable(given) else Secret(given))


def _headers(token: Secret, user_agent: str) -> tuple[Headers, Headers]:
    """Without a body and with one."""
    plain = {
        "Authorization": Secret("Bearer " + token),
        "Accept": "application/json",
        "User-Agent": user_agent,
    }
    return Headers(plain), Headers({**plain, "Content-Type": "application/json"})
