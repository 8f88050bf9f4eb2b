"""The package keeps its shape, and the checker of that shape sees each way to lose it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.layers import breaches, sources

ROOT = Path(__file__).resolve().parents[1]


def test_the_package_keeps_to_its_layers() -> None:
    files = sources(ROOT)
    assert "ip1_async/api.py" in files
    found = breaches(files)
    assert not found, "\n" + "\n".join(map(str, found))


def said(files: dict[str, str]) -> list[str]:
    """What is said of invented files, named as they would be inside the package."""
    return [str(breach) for breach in breaches({f"ip1_async/{name}.py": text for name, text in files.items()})]


@pytest.mark.parametrize(
    ("place", "source", "words"),
    [
        ("wire", "import ip1_async.client", "imports upwards, from ip1_async.client"),
        ("errors", "def later():\n    from ip1_async.wire import Request", "imports upwards, from ip1_async.wire"),
        ("api", "from ip1_async import client", "imports upwards, from ip1_async.client"),
        ("rows", "from ip1_async import Client", "imports the front door ip1_async"),
        ("text", "from ip1_async.__main__ import main", "imports the front door ip1_async.__main__"),
        ("client/door", "from .verdict import judge", "imports by a relative name"),
        ("helpers", "", "stands in no layer"),
        ("client/door", "import aiohttp", "imports aiohttp, which only transport may"),
        ("sandbox/server", "from aiohttp import ClientSession", "imports aiohttp, which only transport may"),
        ("transport", "from aiohttp import web", "imports aiohttp.web, which only sandbox.server and sandbox.control"),
        ("sandbox/batches", "from aiohttp.web import Response", "imports aiohttp.web, which only"),
        ("rows", "from cattrs import Converter", "imports cattrs, which only codec may"),
        ("rows", "if TYPE_CHECKING:\n    from cattrs import Converter", "imports cattrs, which only codec may"),
        (
            "client/door",
            "import sqlite3",
            "imports sqlite3, which only commits and sandbox and webhooks and campaign may",
        ),
        ("sandbox/batches", "import sqlite3\nsqlite3.connect(':memory:')", "opens a database"),
        ("campaign/plan", "from sqlite3 import connect", "opens a database"),
        ("sandbox/answers", "from ip1_async.models import Batch", "would agree on the same mistake"),
        ("sandbox/answers", "from ip1_async import codec", "would agree on the same mistake"),
        ("sandbox/answers", "if TYPE_CHECKING:\n    from ip1_async.models import Batch", "the same mistake"),
        ("sandbox/answers", "from ip1_async.api import Batches, Batch", "imports the model Batch by way of"),
        ("pages", "import time", "imports time, which only"),
        ("sandbox/state", "from random import random", "imports random, which only"),
        ("rows", "import uuid", "imports uuid, which only"),
        ("codec", "from datetime import datetime\ndatetime.now()", "asks the machine for the time with datetime.now"),
        ("models/batches", "import datetime\ndatetime.date.today()", "asks the machine for the time with date.today"),
        ("transport", "import asyncio\nasyncio.timeout(5)", "waits by asyncio.timeout"),
        ("client/door", "import asyncio\nasyncio.sleep(delay=1)", "waits by asyncio.sleep"),
        ("pages", "import asyncio\nasyncio.wait_for(x, 5)", "waits by asyncio.wait_for"),
        ("resolve", "", "stands in no layer"),
        ("client/resolve", "path = '/v2/batches'", "spells a path with /v2/"),
        ("sandbox/account", "path = f'/api/me/{name}'", "spells a path with /api/"),
        ("text", "import rich", "imports rich, which only cli may"),
        ("client/door", "import pytest", "imports pytest, which only testing may"),
        ("flow", "import tenacity", "imports tenacity, which the package does not depend on"),
    ],
)
def test_a_breach_is_found_in_its_file(place: str, source: str, words: str) -> None:
    around = {"client": "", "models/batches": "class Batch: ...", "api": "", "codec": "", "__init__": ""}
    found = said({**around, place: source})
    assert [line for line in found if words in line], found
    assert all(line.startswith(f"ip1_async/{place}.py:") for line in found)


def test_the_line_of_a_breach_is_named() -> None:
    assert said({"wire": "import re\n\nimport ip1_async.rows\n", "rows": ""}) == [
        "ip1_async/wire.py:3: ip1_async.wire imports upwards, from ip1_async.rows"
    ]


def test_modules_that_import_each_other_are_a_circle() -> None:
    found = said({"flow/gate": "from ip1_async.flow import rate", "flow/rate": "from ip1_async.flow.gate import Gate"})
    assert len([line for line in found if "is in a circle of imports" in line]) == 1


def test_parts_that_import_each_other_are_a_circle_though_their_modules_are_none() -> None:
    found = said(
        {
            "codec": "from ip1_async.models.status import Status",
            "models/status": "",
            "models/value": "from ip1_async import codec",
        }
    )
    assert len(found) == 1
    assert "is in a circle of imports" in found[0]


@pytest.mark.parametrize(
    "files",
    [
        {
            "cli/main": "import rich, time, asyncio\nfrom ip1_async.client import Client\nasyncio.sleep(1)",
            "client": "",
        },
        {
            "__init__": "from ip1_async.client import Client",
            "client": "",
            "__main__": "import ip1_async.cli",
            "cli": "",
        },
        {"errors": "if TYPE_CHECKING:\n    from ip1_async.client import Sent", "client": ""},
        {"models/value": "from ip1_async import codec", "codec": "import cattrs, json"},
        {"sandbox/state": "import sqlite3\nsqlite3.connect(':memory:')", "sandbox/rows": "from sqlite3 import Row"},
        {"sandbox/server": "from aiohttp import web\nfrom ip1_async.api import TABLES", "api": "TABLE = '/v2/x'"},
        {"rows": '"""Knows `/v2/batches`."""\nclass Row:\n    path: str\n    """Such as `/api/me`."""'},
        {"transport": "import asyncio, aiohttp\nasyncio.timeout(None)\nasyncio.sleep(0)", "clock": "import time"},
    ],
)
def test_what_is_allowed_is_left_alone(files: dict[str, str]) -> None:
    assert said(files) == []
