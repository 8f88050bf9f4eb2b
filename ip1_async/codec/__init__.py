"""Models to and from JSON: the only place that knows how the API spells things.

Reading is tolerant where the provider's documents contradict each other (name case, stray spaces in names, enums as
integers, numbers as text, times without a zone) and strict about types otherwise. What is not known is kept. What comes as
documented is read by code made for its model (`swift`), everything else by rules for each type (`tolerant`), and both give
the same values.
"""

from __future__ import annotations

from ip1_async.codec.fields import Mismatch, names
from ip1_async.codec.plain import decode, dump, encode, query, query_of_body, quote
from ip1_async.codec.tolerant import load, read

__all__ = ["Mismatch", "decode", "dump", "encode", "load", "names", "query", "query_of_body", "quote", "read"]
