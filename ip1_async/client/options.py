"""What a client can be told, with its defaults."""

from __future__ import annotations

import ipaddress
import ssl as tls
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypedDict

from attrs import field, frozen
from yarl import URL

from ip1_async.errors import Invalid
from ip1_async.masking import Secret

Token = str | Callable[[], str | Awaitable[str]]


@frozen(kw_only=True)
class AttemptMade:
    """One request, as `on_attempt` is told of it when it is over."""

    method: str
    path: str
    """The template, such as `/v2/batches/{batch}`."""
    attempt: int
    """From 1."""
    status: int | None
    outcome: Literal["done", "not sent", "unknown", "failed"]
    """*unknown*: a write that may have happened. *failed*: a read without a whole answer."""
    elapsed: float
    """Seconds of this attempt."""
    retry_in: float | None = None
    """Seconds until the next attempt; None where there is none."""
    reference: str | None = field(default=None, repr=False)
    """Of a send."""


class Options(TypedDict, total=False):
    """Options that `Client` and `with_options` take."""

    timeout: float
    attempt_timeout: float
    connect_timeout: float
    queue_timeout: float | None
    attempts: int
    max_retry_after: float
    rate: float | None
    max_in_flight: int
    on_unknown: Literal["raise", "resolve"]
    on_attempt: Callable[[AttemptMade], object] | None
    user_agent: str
    settings_body: Literal["value", "bare"]
    senders_body: Literal["none", "named"]


def _positive(_: object, attribute: Any, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise Invalid(attribute.name, f"{attribute.name} is {_shape(value)}; it is a number of seconds above 0")


def _positive_or_none(_: object, attribute: Any, value: object) -> None:
    if value is not None and (
        isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf")
    ):
        raise Invalid(
            attribute.name, f"{attribute.name} is {_shape(value)}; it is a number above 0, or None for no limit"
        )


def _count(_: object, attribute: Any, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise Invalid(attribute.name, f"{attribute.name} is {_shape(value)}; it is a whole number of at least 1")


def _one_of(*allowed: str) -> Any:
    def check(_: object, attribute: Any, value: object) -> None:
        if value not in allowed:
            raise Invalid(attribute.name, f"{attribute.name} is not known; allowed are {', '.join(map(repr, allowed))}")

    return check


def _header(_: object, attribute: Any, value: object) -> None:
    if not isinstance(value, str) or not value.isprintable():
        raise Invalid(
            attribute.name, f"{attribute.name} holds control characters or is no text; it is one printable line"
        )


def _shape(value: object) -> str:
    return (
        "out of range"
        if isinstance(value, int | float) and not isinstance(value, bool)
        else f"of type {type(value).__name__}"
    )


@frozen(kw_only=True)
class Choices:
    """The options of a client, checked; each with the value it has when nothing is said."""

    timeout: float = field(default=60.0, validator=_positive)
    """Seconds over all attempts of a call, from when limiter and gate let it go."""
    attempt_timeout: float = field(default=20.0, validator=_positive)
    """Seconds for one attempt of a call that may be repeated; a send's single attempt has the whole `timeout`."""
    connect_timeout: float = field(default=10.0, validator=_positive)
    """Seconds until a connection stands."""
    queue_timeout: float | None = field(default=None, validator=_positive_or_none)
    """Seconds that a call waits at most for limiter and gate before `ConnectFailed`; None waits as long as it takes."""
    attempts: int = field(default=3, validator=_count)
    """Requests at most for one call."""
    max_retry_after: float = field(default=30.0, validator=_positive)
    """Seconds of the server's `Retry-After` that are waited out; beyond them `RateLimited` is raised at once."""
    rate: float | None = field(default=50.0, validator=_positive_or_none)
    """Requests a second at most; None for no limit. It goes down on 429 and 503 and comes back by itself."""
    max_in_flight: int = field(default=16, validator=_count)
    """Requests under way at once."""
    on_unknown: Literal["raise", "resolve"] = field(default="raise", validator=_one_of("raise", "resolve"))
    """With `resolve` a send whose outcome is unknown looks for its batch by itself, and raises only if it is not found."""
    on_attempt: Callable[[AttemptMade], object] | None = None
    """Called after every request."""
    user_agent: str = field(default="ip1-async", validator=_header)
    settings_body: Literal["value", "bare"] = field(default="value", validator=_one_of("value", "bare"))
    """Whether a setting is written as `{"value": …}` or as the bare value: the provider does not say."""
    senders_body: Literal["none", "named"] = field(default="none", validator=_one_of("none", "named"))
    """Whether registering a sender sends no body or `{"sender": …}`: the provider shows both."""


def checked_url(base_url: str) -> URL:
    """The address of the API; https, or http on this machine, without a user, a query or a fragment."""
    try:
        url = URL(base_url)
        host = url.host or ""
    except (ValueError, TypeError):
        raise Invalid("base_url", "base_url is no address; it is like https://api.example.com") from None
    if not host or url.scheme not in ("http", "https"):
        raise Invalid("base_url", "base_url is no absolute http address; it is like https://api.example.com")
    if url.user is not None or url.password is not None or url.query_string or url.fragment:
        raise Invalid(
            "base_url", "base_url holds a user, a query or a fragment; it is only scheme, host, port and path"
        )
    if url.path.rstrip("/").endswith(("/v2", "/api")):
        raise Invalid("base_url", "base_url ends with /v2 or /api, which every request adds by itself; leave it out")
    if url.scheme == "http" and not _is_loopback(host):
        raise Invalid("base_url", "base_url is plain http to another machine, which would show the token; use https")
    return url


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def checked_token(token: object) -> Secret:
    """The token as it goes into a header; surrounding white space, as mounted secrets have it, is taken off."""
    if not isinstance(token, str):
        raise Invalid("token", f"token is of type {type(token).__name__}; it is a text")
    token = Secret(token.strip())
    if not token:
        raise Invalid("token", "there is no token; give one to Client, or set IP1_TOKEN in the environment")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise Invalid("token", "token holds control characters, blanks or characters outside ASCII, which no token has")
    return token


def checked_ssl(context: object) -> tls.SSLContext | None:
    """The TLS context; switching the checks off is not on offer."""
    if context is not None and not isinstance(context, tls.SSLContext):
        raise Invalid(
            "ssl",
            f"ssl is of type {type(context).__name__}; it is an ssl.SSLContext, and certificate checks cannot be switched off",
        )
    return context
