"""What a type checker tells a user: nothing about right calls, and something about every wrong one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RIGHT, WRONG = "tests/types/right.py", "tests/types/wrong.py"

Refusals = dict[str, dict[int, str]]
"""What was said, by file and line."""


def _run(module: str, *arguments: str) -> str:
    command = [sys.executable, "-m", module, *arguments, RIGHT, WRONG]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "MYPYPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, f"{module} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


def _mypy() -> Refusals:
    said: Refusals = {RIGHT: {}, WRONG: {}}
    for line in _run("mypy", "--strict", "--no-pretty", "--no-color-output").splitlines():
        if found := re.fullmatch(r"(.+?):(\d+): error: (.*)", line):
            said[found[1]][int(found[2])] = found[3]
    return said


def _basedpyright() -> Refusals:
    said: Refusals = {RIGHT: {}, WRONG: {}}
    answer = json.loads(_run("basedpyright", "--outputjson", "--pythonpath", sys.executable))
    assert answer["summary"]["filesAnalyzed"] == 2
    for each in answer["generalDiagnostics"]:
        file = Path(each["file"]).relative_to(ROOT).as_posix()
        said[file][each["range"]["start"]["line"] + 1] = each["message"]
    return said


@pytest.fixture(scope="module", params=["mypy", "basedpyright"])
def refusals(request: pytest.FixtureRequest) -> Refusals:
    if find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed; it comes with the extra test")
    return {"mypy": _mypy, "basedpyright": _basedpyright}[request.param]()


@pytest.mark.timeout(300)
def test_right_calls_are_left_alone(refusals: Refusals) -> None:
    assert refusals[RIGHT] == {}


@pytest.mark.timeout(300)
def test_exactly_the_wrong_calls_are_refused(refusals: Refusals) -> None:
    lines = (ROOT / WRONG).read_text().splitlines()
    marked = {number for number, line in enumerate(lines, 1) if "  # E" in line}
    assert len(marked) > 50
    said = refusals[WRONG]
    assert {number: lines[number - 1] for number in marked - said.keys()} == {}, "these should be refused"
    assert {number: said[number] for number in said.keys() - marked} == {}, "these should be left alone"
