"""The fixtures that come with the package, as a user's tests see them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

import ip1_async.testing
from ip1_async import Client, DeliveryReport, NewBatch
from ip1_async.sandbox import Sandbox
from ip1_async.testing import ReportHistory, new_batches, report_histories
from ip1_async.text import measure


async def test_a_test_gets_a_local_ip1_and_a_client_on_it(ip1: Client, ip1_sandbox: Sandbox) -> None:
    batch = await ip1.batches.send(sender="iP1", recipients=["46700000001", "46700000405"], body="News")
    assert {message.recipient for message in await ip1.batches.messages(batch.id)} == {"46700000001", "46700000405"}
    assert ip1_sandbox.url.startswith("http://127.0.0.1:")


USERS_TESTS = """
import pytest

@pytest.mark.asyncio
async def test_it(ip1):
    assert (await ip1.account.overview()).account == "ip1-10000"
"""

WITHOUT_ASYNCIO = """
import importlib.util, sys, pytest
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "pytest_asyncio" else real(name, *rest)
sys.exit(pytest.main(["-q", "-p", "no:asyncio", "-p", "no:cacheprovider", "-W", "ignore", "test_it.py", "-rs"]))
"""


def run(folder: Path, *argv: str) -> str:
    (folder / "test_it.py").write_text(
        USERS_TESTS if "-c" not in argv else USERS_TESTS.replace("async def", "def").replace("await ", "")
    )
    done = subprocess.run([sys.executable, *argv], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_the_fixtures_work_in_both_modes_of_pytest_asyncio(mode: str, tmp_path: Path) -> None:
    assert "1 passed" in run(
        tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", f"asyncio_mode={mode}", "test_it.py"
    )


def test_without_pytest_asyncio_other_tests_still_run_and_ours_are_skipped_with_the_reason(tmp_path: Path) -> None:
    said = run(tmp_path, "-c", WITHOUT_ASYNCIO)
    assert "1 skipped" in said
    assert "need pytest-asyncio" in said


def test_the_fixtures_work_side_by_side_under_xdist(tmp_path: Path) -> None:
    said = run(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", "test_it.py")
    assert "1 passed" in said


# Strategies


@settings(max_examples=50)
@given(st.lists(new_batches(), min_size=1, max_size=3))
async def test_drawn_batches_are_accepted_as_they_are(batches: list[NewBatch]) -> None:
    async with Sandbox() as sandbox, Client(sandbox.token, base_url=sandbox.url, rate=None) as ip1:
        for batch in batches:
            made = await ip1.batches.send(batch)
            recipients = {message.recipient for message in await ip1.batches.messages(made.id)}
            assert recipients == set(batch.recipients) - {"default"}
            assert (made.type, made.datacoding, made.priority) == (batch.type, batch.datacoding, batch.priority)


@pytest.mark.parametrize(
    "wanted",
    [
        lambda batch: isinstance(batch.recipients, Mapping) and "default" in batch.recipients,
        lambda batch: batch.datacoding == "ucs" and measure(batch.body).encoding == "ucs",
        lambda batch: len(batch.delivery_windows) == 2,
        lambda batch: "{" in batch.body,
    ],
)
def test_every_kind_of_batch_is_drawn(wanted: Callable[[NewBatch], bool]) -> None:
    find(new_batches(), wanted)


@given(report_histories())
def test_a_history_tells_all_there_is_to_tell_in_any_order(history: ReportHistory) -> None:
    final = {report.message_id: report.code for report in history.reports if report.is_final}
    assert final == history.ends
    for report in history.reports:
        assert DeliveryReport.from_dict(report.to_dict()) == report


@given(report_histories(well_behaved=True))
def test_a_well_behaved_history_has_every_report_once_and_in_order(history: ReportHistory) -> None:
    for message in history.ends:
        own = [report for report in history.reports if report.message_id == message]
        assert own == sorted(own, key=lambda report: (report.created, report.is_final))
        assert [report.is_final for report in own] == [False] * (len(own) - 1) + [True]
    assert len({(each.message_id, each.code) for each in history.reports}) == len(history.reports)


def test_histories_are_drawn_that_are_out_of_order_and_doubled() -> None:
    find(report_histories(), lambda history: history.reports[0].is_final and len(history.reports) > 2)
    find(report_histories(), lambda history: len(set(history.reports)) < len(history.reports))


def test_what_it_does_not_have_is_said() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(ip1_async.testing, "nothing")
