"""The fixtures that come with the package, as a user's tests see them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ip1_async import Client
from ip1_async.sandbox import Sandbox


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
