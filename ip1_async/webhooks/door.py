"""Who may post, and how much: decided before anything is read. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hmac import compare_digest
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from attrs import field, frozen

from ip1_async.errors import Invalid

LEAST_SECRET = 16
_plain = re.compile(r"[A-Za-z0-9_~.-]+").fullmatch


def _secrets(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _networks(given: Sequence[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(each) for each in given)
    except ValueError:
        raise Invalid("allow", "allow holds something that is no address or network, such as 192.0.2.0/24") from None


@frozen
class Rules:
    """What a post has to be like to be read at all."""

    secrets: tuple[str, ...] = field(converter=_secrets, repr=False)
    allow: tuple[IPv4Network | IPv6Network, ...] = field(default=(), converter=_networks)
    trusted_proxies: int = 0
    most_bytes: int = 64 << 10

    def __attrs_post_init__(self) -> None:
        if not self.secrets or not all(len(each) >= LEAST_SECRET and _plain(each) for each in self.secrets):
            raise Invalid(
                "secret",
                f"secret is not at least {LEAST_SECRET} letters, digits, dots, dashes or underscores; secrets.token_urlsafe() makes one",
            )

    def refusal(
        self, method: str, path: str, headers: Mapping[str, str], peer: str | None, length: int | None
    ) -> int | None:
        """The status that a post is turned away with, None where it may come in.

        Whoever does not know the secret, or comes from elsewhere, learns nothing but that there is nothing.
        """
        # Some frameworks end the path of what is mounted with a slash.
        if not self._knows(path.rstrip("/").rpartition("/")[2]) or not self._from_here(
            headers.get("x-forwarded-for", ""), peer
        ):
            return 404
        if method != "POST":
            return 405
        if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
            return 400
        return 413 if length is not None and length > self.most_bytes else None

    def _knows(self, said: str) -> bool:
        # All of them, so that the time taken tells nothing.
        return sum(compare_digest(said.encode(errors="surrogatepass"), each.encode()) for each in self.secrets) > 0

    def _from_here(self, forwarded: str, peer: str | None) -> bool:
        if not self.allow:
            return True
        caller = caller_of(forwarded, peer, self.trusted_proxies)
        try:
            address = ip_address(caller or "")
        except ValueError:
            return False
        # An IPv4 caller on a socket for both.
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self.allow)


def caller_of(forwarded: str, peer: str | None, trusted_proxies: int) -> str | None:
    """Who it was before so many proxies of one's own; what others wrote into the header is not believed."""
    chain = [each.strip() for each in forwarded.split(",") if each.strip()]
    chain.append(peer or "")
    return chain[-1 - trusted_proxies] if trusted_proxies < len(chain) else None
