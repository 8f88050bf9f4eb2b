"""A disk that is full stops a campaign before the request, says what to do, and loses and doubles nobody."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
SIZE = "400k"


def on_a_small_disk(folder: Path, when: str) -> Any:
    """What is seen on a file system of its own, in a namespace of its own."""
    mounted = f'mount -t tmpfs -o size={SIZE} none "$0" && exec "$1" -W error -m tests.full_disk "$0" "$2"'
    for options in ("-m", "-rm"):
        done = subprocess.run(
            ["unshare", options, "sh", "-c", mounted, str(folder), sys.executable, when],
            cwd=ROOT, capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
        if done.returncode == 0:
            return json.loads(done.stdout)
        if "Traceback" in done.stderr:
            pytest.fail(done.stderr)
    return pytest.skip(f"needs unshare and mount, to have a small disk: {done.stderr.strip()}")


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare, to have a small disk")
@pytest.mark.parametrize(("when", "posts"), [("claim", 0), ("settle", 1)])
def test_what_cannot_be_written_down_is_not_sent_and_going_on_texts_everybody_once(
    tmp_path: Path, when: str, posts: int
) -> None:
    seen = on_a_small_disk(tmp_path, when)
    assert "is full" in seen["said"]
    assert "Make room, and do the same again" in seen["said"]
    assert seen["posts"] == posts
    assert (seen["again"], seen["state"], seen["accepted"]) == ("", "done", 20)
    assert (seen["texted"], seen["most"]) == (20, 1)
