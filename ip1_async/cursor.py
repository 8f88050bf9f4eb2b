"""Where a walk stands, as a short text that can be kept and shows nobody's number."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b

from attrs import frozen

from ip1_async.errors import Invalid

ANCHORS = 3
"""Rows that a cursor remembers, so that it holds even when the last of them is deleted."""


@frozen
class Cursor:
    """Behind which row a walk goes on."""

    offset: int = 0
    """Rows before it, as far as was known."""
    anchors: tuple[str, ...] = ()
    """Digests of the last rows given, the latest first; keys may be phone numbers."""

    def __str__(self) -> str:
        text = json.dumps([1, self.offset, *self.anchors], separators=(",", ":"))
        return urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """The cursor that `str` gave; raises `Invalid` for anything else."""
        try:
            version, offset, *anchors = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            good = (
                version == 1 and type(offset) is int and offset >= 0 and all(isinstance(each, str) for each in anchors)
            )
        except (ValueError, TypeError):
            good, offset, anchors = False, 0, []
        if not good:
            raise Invalid("cursor", "cursor is none of ours; it is the `cursor` of an earlier walk, unchanged")
        return cls(offset, tuple(anchors))


def digest(key: str) -> str:
    """A row's key, unrecognisable."""
    return blake2b(key.encode(), digest_size=6, person=b"ip1cursor").hexdigest()
