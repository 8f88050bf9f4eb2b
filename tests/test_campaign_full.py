"""On a disk that is full nothing is sent that could not be written down, and with room again everything goes on."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import Any

import pytest

from tests.campaign_full import CHUNKS, EACH
from tests.campaign_ledgers import ROOT

EVERYBODY = CHUNKS * EACH
WAY_OUT = "is full: nothing is sent that is not written down first. Make room, and do the same again"


@pytest.fixture(scope="module")
def became(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Of campaigns whose disk was full at different moments."""
    folder = tmp_path_factory.mktemp("full")
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare here, so no file system can be mounted that only the test sees")
    # As root, or as a user who is root in a namespace of its own.
    for apart in (["unshare", "-m"], ["unshare", "-rm"]):
        probe = [*apart, "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
        if (tried := subprocess.run(probe, capture_output=True, text=True)).returncode == 0:
            break
    else:
        pytest.skip(f"no file system can be mounted here: {tried.stderr.strip()}")
    run = subprocess.run(
        [*apart, sys.executable, "-m", "tests.campaign_full", str(folder)], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize("when", ["at the first opening", "at the second opening", "at the lease", "at the claim"])
def test_no_request_is_made_that_could_not_be_written_down_and_with_room_it_goes_on(became: Any, when: str) -> None:
    found = became[when]
    assert WAY_OUT in found["error"], found
    assert f"/{when} is on" in found["error"]
    assert found["posts"] == 0
    assert found["states"] == {"PENDING": EVERYBODY}
    assert found["after"] == {"ACCEPTED": EVERYBODY}
    assert found["texts"] == {"1": EVERYBODY}
    assert found["incidents"] == 0


def test_what_was_sent_and_could_not_be_written_down_is_found_again_and_nobody_is_texted_twice(became: Any) -> None:
    found = became["at the settle"]
    assert WAY_OUT in found["error"], found
    assert 1 <= found["posts"] <= 3, "no more than were under way"
    assert found["states"]["SENDING"] == found["posts"] * EACH
    assert sum(found["states"].values()) == EVERYBODY
    assert found["after"] == {"ACCEPTED": EVERYBODY}
    assert found["texts"] == {"1": EVERYBODY}
    assert found["incidents"] == 0


def test_a_plan_for_which_there_is_no_room_leaves_nothing_behind(became: Any) -> None:
    assert WAY_OUT in became["plan"]["error"], became["plan"]
    assert became["plan"]["left"] == []
    assert became["plan"]["total"] == 5000
