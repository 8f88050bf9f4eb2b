"""Which contacts a query asks for, as a condition of SQL. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from attrs import frozen

from ip1_async.sandbox.bodies import invalid

_bracketed = re.compile(r"(properties|metadata)\[([^\[\]]+)\]", re.IGNORECASE).fullmatch

COLUMNS = {
    "isPossiblePhoneNumber": "possible",
    "isValidPhoneNumber": "valid",
    "phoneNumberType": "kind",
    "parsedMSISDN": "msisdn",
}
"""The metadata of `phoneNumber` that is kept with a contact; whether it is blocked is asked of the blacklist."""

# Driven by the inner query, whose index knows the few that match, not by a look at every contact.
_LABEL = "number IN (SELECT contact FROM contact_labels WHERE account = ? AND label = ?)"
_PROPERTY = "number IN (SELECT contact FROM contact_properties WHERE account = ? AND name = ? AND value = ?)"
_ENTRY = "SELECT msisdn FROM blacklist WHERE account = ?"
_BLOCKED = {
    "true": f"msisdn IN ({_ENTRY})",
    "false": f"possible IS NOT NULL AND (msisdn IS NULL OR msisdn NOT IN ({_ENTRY}))",
}


@frozen
class Condition:
    """A WHERE clause over the contacts and what fills its question marks."""

    sql: str
    values: tuple[str, ...]


def condition(account: str, query: Iterable[tuple[str, str]]) -> Condition:
    """The account's contacts that meet every filter of the query: all labels, and each value exactly.

    What several labels mean is not documented; here a contact must have all of them. Unknown parameters are ignored.
    """
    parts, values = ["account = ?"], [account]
    for name, value in query:
        kind = name.partition("[")[0].lower()
        if kind not in ("labels", "properties", "metadata"):
            continue
        sql, filled = _filter(account, kind, name, value)
        parts.append(sql)
        values += filled
    return Condition(" AND ".join(parts), tuple(values))


def _filter(account: str, kind: str, name: str, value: str) -> tuple[str, tuple[str, ...]]:
    if name.lower() == "labels":
        return _LABEL, (account, value)
    if not (found := _bracketed(name)):
        raise invalid(name, "A filter is written labels, properties[name] or metadata[property.name].")
    if kind == "properties":
        return _PROPERTY, (account, found[2], value)
    described, dot, key = found[2].partition(".")
    if not (described and dot and key):
        raise invalid(name, "A filter on metadata is written metadata[property.name].")
    return _metadata(account, described, key, value)


def _metadata(account: str, described: str, key: str, value: str) -> tuple[str, tuple[str, ...]]:
    if described == "phoneNumber" and key in COLUMNS:
        return f"{COLUMNS[key]} = ?", (value,)
    if described == "phoneNumber" and key == "isBlocked" and value in _BLOCKED:
        return _BLOCKED[value], (account,)
    return "0", ()
