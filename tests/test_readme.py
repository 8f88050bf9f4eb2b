"""What the README and the documentation show is true."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ip1_async.sandbox import Sandbox
from ip1_async.sandbox.faults import ACTS, parse

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
PAGES = [README, *(page.read_text() for page in sorted((ROOT / "docs").glob("*.md")))]


def block(mark: str) -> str:
    found = re.search(rf"<!-- {mark} -->\n```bash\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
async def test_the_commands_with_curl_are_answered_as_they_say(tmp_path: Path) -> None:
    async with Sandbox() as sandbox:
        script = "set -euo pipefail\n" + block("test: curl").replace("http://127.0.0.1:8411", sandbox.url)
        done = await asyncio.to_thread(
            subprocess.run,
            ["bash", "-c", script],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")
    headers = [line for line in done.stdout.splitlines() if line.startswith("Link: ")]
    answers: list[Any] = [json.loads(line) for line in done.stdout.splitlines() if line.startswith(("{", "["))]
    sent, listed, messages, incoming, talk, blocked, setting, made, found, refused = answers
    assert (sent["sender"], listed[0]["id"], messages[0]["batchId"]) == ("iP1", sent["id"], sent["id"])
    assert "rel=" in headers[0]
    assert [each["direction"] for each in talk] == ["mt", "mo"]
    assert talk[1]["id"] == incoming["id"]
    assert blocked[0]["msisdn"] == "46700000001"
    assert setting["value"] == "http://127.0.0.1:8000/incoming"
    assert made == found
    assert refused["status"] == 400
    assert set(refused["errors"]) == {"sender", "recipients", "body"}


def test_every_fault_that_is_shown_is_one() -> None:
    shown = {line for page in PAGES for line in re.findall(r"(?:--fault '|fault\(\")([^'\"]+)", page)}
    assert len(shown) >= 3
    for line in shown:
        assert parse(line).do in ACTS


def test_every_file_that_is_linked_to_is_there() -> None:
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (ROOT / link).is_file(), link
    for page in (ROOT / "docs").glob("*.md"):
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / link).is_file(), (page.name, link)
