"""The API's description, and that the sandbox keeps to it whatever it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from threading import Event, Thread
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.specs.openapi import checks

from ip1_async.api import TABLES
from ip1_async.clock import ManualClock
from ip1_async.openapi import description
from ip1_async.rows import Under
from ip1_async.sandbox import Sandbox
from tests.raw import sandbox_caller

api: Any = schemathesis.openapi.from_dict(description())
# Parameters that nobody has heard of are ignored, as servers do.
api.config.generation.update(allow_extra_parameters=False)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A sandbox in a thread of its own, since these tests have no loop."""
    ready, done = Event(), Event()
    urls: list[str] = []

    async def serve() -> None:
        async with Sandbox() as sandbox:
            urls.append(sandbox.url)
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait()
    yield urls[0]
    done.set()
    thread.join()


@api.parametrize()
@settings(max_examples=25, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_the_sandbox_keeps_to_the_description(case: Case, url: str) -> None:
    case.call_and_validate(
        base_url=url,
        headers={"Authorization": "Bearer sandbox"},
        excluded_checks=[
            # What fits the schema may still be refused: a sender that is not registered, a contact that is not there.
            checks.positive_data_acceptance,
            # `meta` is an address of its own, and might be the id of a contact.
            checks.allow_header_conformance,
        ],
    )


async def test_it_is_served_and_names_every_row_once(clock: ManualClock) -> None:
    async with sandbox_caller(clock) as call:
        said = await call.as_holder_of("nobody")("GET", "/_sandbox/openapi.json")
    assert said == description()
    named = [each["operationId"] for path in said["paths"].values() for each in path.values()]
    rows = [row for table in TABLES for row in table.rows.values() if not isinstance(row, Under)]
    assert len(named) == len(set(named)) == len(rows)


def test_a_body_is_described_as_the_client_sends_it() -> None:
    said = description()
    batch = said["components"]["schemas"]["NewBatch"]
    assert batch["required"] == ["sender", "recipients", "body"]
    assert {"deliveryReportUrl", "deliveryWindows", "datacoding"} <= batch["properties"].keys()
    assert "extra" not in batch["properties"]
    assert batch["properties"]["body"]["maxLength"] == 2000
    paging = [each["name"] for each in said["paths"]["/v2/batches"]["get"]["parameters"]]
    assert paging == ["start", "limit", "order"]
    (sync,) = said["paths"]["/v2/contacts"]["post"]["parameters"]
    assert (sync["name"], sync["in"]) == ("sync", "query")
    renamed = said["paths"]["/api/me/children/{child}"]["put"]["requestBody"]["content"]["application/json"]["schema"]
    assert renamed["allOf"][1]["required"] == ["ID"]
