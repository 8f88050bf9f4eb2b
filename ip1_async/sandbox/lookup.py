"""Looking phone numbers up."""

from __future__ import annotations

import re

from ip1_async.api import PhoneNumbersTable
from ip1_async.sandbox.answers import Call, Reply, answers
from ip1_async.sandbox.bodies import invalid, items, sorted_out
from ip1_async.sandbox.phones import phone
from ip1_async.sandbox.state import State

_region = re.compile(r"[A-Za-z]{2}").fullmatch


@answers(PhoneNumbersTable.lookup)
def look_up(state: State, call: Call) -> Reply:
    """Whether each number is valid, and its international form; in the order asked."""
    asked, _ = sorted_out(call.body, ("DefaultRegion", "PhoneNumbers"))
    region = asked.get("DefaultRegion")
    if region is not None and not (isinstance(region, str) and _region(region)):
        raise invalid("DefaultRegion", "A region is an ISO 3166 code of two letters.")
    found: list[dict[str, object]] = []
    for position, number in enumerate(items(asked.get("PhoneNumbers"), "PhoneNumbers")):
        if not isinstance(number, str):
            raise invalid(f"PhoneNumbers[{position}]", "This must be a text.")
        known = phone(number, region)
        found.append({"isValid": known.valid, "e164Format": known.e164, "phoneNumberType": known.kind})
    return Reply(body={"phoneNumbers": found})
