"""The benchmarks run, at a size that measures nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import sandbox, webhooks
from benchmarks.double_send import OURS, SITUATIONS, Cell, cell, figures
from benchmarks.figures import Bar, Figure, tell

ROOT = Path(__file__).resolve().parents[1]


def test_the_walk_is_measured_to_its_end() -> None:
    command = [sys.executable, "-W", "error", "-m", "benchmarks.walk", "--rows", "1800"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "walk.1800.memory_growth",
        "walk.items_per_cpu_second",
        "walk.cpu_beside_bare_aiohttp",
        "walk.wall_beside_bare_aiohttp",
    ]


async def test_every_page_of_the_sandbox_is_compared(capsys: pytest.CaptureFixture[str]) -> None:
    await sandbox.main(2000)
    named = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert named == [f"{shape}.{page}" for shape in ("large_batches", "small_batches") for page in sandbox.PAGES]


async def test_every_report_is_posted_and_handled() -> None:
    found = {each.name: each.value for each in await webhooks.measured(150)}
    for connections in (100, 150):
        assert found[f"webhooks.{connections}_connections.answered_200"] == 1.0
        assert found[f"webhooks.{connections}_connections.handled"] == 1.0
        assert found[f"webhooks.{connections}_connections.loop_lag"] > 0


def test_a_bar_is_missed_only_by_more_than_noise() -> None:
    at_least, at_most = Bar(">=", 1.0), Bar("<=", 20.0)
    assert tell([Figure("a", 1.0, bar=at_least), Figure("b", 0.95, bar=at_least), Figure("c", 21.0, bar=at_most)]) == 0
    assert tell([Figure("a", 1.0, bar=at_least), Figure("b", 0.85, bar=at_least)]) == 1
    assert tell([Figure("c", 22.5, bar=at_most), Figure("d", 0.01)]) == 1
    assert [str(Figure("a", value, bar=at_least)).rpartition("  ")[2] for value in (1.0, 0.95, 0.85)] == [
        "met", "within noise", "MISSED",
    ]  # fmt: skip


async def test_a_send_that_a_server_accepts_and_answers_wrongly_is_counted_once_and_judged_right() -> None:
    for situation in ("500", "reset"):
        each = await cell(OURS, situation)
        assert (each.accepted, each.posts, each.right) == (1, 1, True)
        assert each.words == "OutcomeUnknown, resolve() -> Sent"


def test_a_send_that_was_accepted_twice_or_judged_wrongly_misses_its_bar() -> None:
    right = {(OURS, each): Cell(0 if each == "429 with 90 s" else 1, 1, "", 0.0) for each in SITUATIONS}
    assert tell(figures(right)) == 0
    assert tell(figures(right | {(OURS, "silent"): Cell(2, 2, "", 0.0)})) == 1
    assert tell(figures(right | {(OURS, "429 with 90 s"): Cell(1, 2, "", 0.0)})) == 1
    assert tell(figures(right | {(OURS, "500"): Cell(1, 1, "", 0.0, right=False)})) == 1
