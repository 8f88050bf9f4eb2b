"""What the imitated provider holds: messages as the documents show them, each with values of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

BATCH = "65a1f0c2e4b0a1d2c3e4f506"
ACCOUNT = "AC00000000000000000000000000000000"

_begun = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
_names = ("Ann", "Björn", "Cecilia", "David", "Elin", "Fredrik", "Gunilla", "Håkan", "Ingrid", "Johan", "Karin")
_codes = (201, 201, 201, 201, 112, 201, 201, 202, 201, 511, 201, 201, 405)


def _digits(number: int, many: int) -> str:
    # Multiplied by a prime, so that neighbours have nothing in common.
    return f"{number * 2654435761 % 10**many:0{many}}"


def _text(number: int) -> str:
    return (
        f"Hi {_names[number % len(_names)]}! Your order {_digits(number, 6)} has left our warehouse in Malmö and comes on "
        f"{_begun + timedelta(days=number % 9 + 1):%A %d %B}. Reply STOP to opt out."
    )


def _when(number: int) -> datetime:
    return _begun + timedelta(milliseconds=number * 37)


def message(number: int) -> Mapping[str, object]:
    """The message in this row of the list, as https://ip1sms.com/en/developer/readinsms shows it."""
    code, segments = _codes[number % len(_codes)], 1 + (number % 7 == 0)
    final = f"{_when(number) + timedelta(seconds=3 + number % 50):%Y-%m-%dT%H:%M:%SZ}"
    return {
        "id": f"{number * 2654435761 % 16**24:024x}",
        "batchId": BATCH,
        "owner": "ip1-10042",
        "sender": "Example",
        "recipient": f"467{_digits(number, 8)}",
        "body": _text(number),
        "direction": "mt",
        "segments": segments,
        "type": "SMS",
        "datacoding": "gsm",
        "priority": 1,
        "price": round((0.39, 0.41, 0.36)[number % 3] * segments, 2),
        "currency": "SEK",
        "statuses": [{"code": code, "duration": int(code // 100 != 1), "created": final}],
        "modified": final,
        "reference": "spring-2026",
        "mcc": "240",
        "mnc": ("01", "02", "07", "08")[number % 4],
    }


def twilio_message(number: int) -> Mapping[str, object]:
    """The same as Twilio's list of messages has it."""
    sid, when = f"SM{number:032x}", format_datetime(_when(number))
    here = f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}"
    return {
        "body": _text(number),
        "num_segments": "1",
        "direction": "outbound-api",
        "from": "Example",
        "date_updated": when,
        "price": "-0.00750",
        "error_message": None,
        "uri": f"{here}.json",
        "account_sid": ACCOUNT,
        "num_media": "0",
        "to": f"+467{_digits(number, 8)}",
        "date_created": when,
        "status": "delivered",
        "sid": sid,
        "date_sent": when,
        "messaging_service_sid": None,
        "error_code": None,
        "price_unit": "USD",
        "api_version": "2010-04-01",
        "subresource_uris": {"media": f"{here}/Media.json"},
    }


def row(number: int) -> bytes:
    """A message as it stands in an answer."""
    return json.dumps(message(number), ensure_ascii=False, separators=(",", ":")).encode()


def page(start: int, limit: int) -> bytes:
    """The answer that has these rows."""
    return b"[" + b",".join(map(row, range(start, start + limit))) + b"]"


ACCEPTED = json.dumps(
    {
        "id": BATCH, "sender": "Example", "body": "Hello from the benchmark", "owner": "ip1-10042", "direction": "MT",
        "type": "sms", "datacoding": "UCS", "priority": 1, "templated": False,
        "priceSummary": {"total": 3.9, "currency": "SEK", "average": 0.39},
        "messageSummary": {"101": {"messages": 10, "sms": 10}}, "deliveryWindows": [], "status": 101,
        "deliveryReportUrl": None, "reference": "spring-2026", "tags": [],
    },
    separators=(",", ":"),
).encode()  # fmt: skip
"""What the provider answers to a send, as https://ip1sms.com/en/developer/batches shows a batch."""
