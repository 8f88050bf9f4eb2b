"""The benchmarks run, at a size that measures nothing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks import decoding, double_send, importing, limiter, sandbox, webhooks
from benchmarks.__main__ import PROGRAMS
from benchmarks.__main__ import main as run_all
from benchmarks.double_send import OURS, SITUATIONS, Cell, Situation, cell, figures
from benchmarks.figures import Bar, Figure, tell
from benchmarks.flame_picture import Stack, drawn
from benchmarks.flames import sampled
from benchmarks.messages import message, page
from benchmarks.peers import cattrs_decoder, pydantic_decoder, struct_decoder
from benchmarks.results import Run, written
from benchmarks.slices import Took, beside, in_turn

ROOT = Path(__file__).resolve().parents[1]


def _told(program: str, *arguments: str) -> list[str]:
    """The names of the figures that a program prints in a process of its own, which must not crash or warn."""
    # Twilio's client uses what aiohttp advises against.
    advised = ("ignore:BasicAuth is deprecated", "ignore:The 'auth' parameter is deprecated")
    warnings = ["-W", "error", *(part for each in advised for part in ("-W", each))]
    command = [sys.executable, *warnings, "-m", f"benchmarks.{program}", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    run = Run(program, done.returncode, done.stdout, 0.0)
    assert not run.failed, done.stdout
    return [line.name for line in run.lines]


def _beside(name: str, peers: Mapping[str, Sequence[str]]) -> list[str]:
    """The figures for those of the peers that are installed here."""
    found = [peer for peer, modules in peers.items() if all(find_spec(each) for each in modules)]
    return [f"{name}_{peer}.{kind}" for peer in found for kind in ("cpu", "wall")]


def test_sends_are_compared_with_whoever_is_installed() -> None:
    assert _told("sends", "--sends=8", "--slices=1") == [
        *_beside("sends.10_beside", {"bare": ["orjson"], "usual": []}),
        *_beside("sends.1000_beside", {"usual": []}),
    ]


def test_pages_are_decoded_with_and_without_the_optional_decoders() -> None:
    assert _told("decoding", "--pages=1", "--slices=1") == [
        *_beside("decoding_beside", {"struct": ["msgspec"], "cattrs": ["orjson"], "pydantic": ["pydantic"]}),
        *_beside("decoding_required_only_beside", {"cattrs": []}),
    ]


def test_every_decoder_reads_the_same_messages() -> None:
    decoders = [cattrs_decoder("json")]
    if find_spec("msgspec"):
        decoders.append(struct_decoder())
    if find_spec("pydantic"):
        decoders.append(pydantic_decoder())
    body = page(5, 50)
    ours = decoding.ours(body)
    assert [each.recipient for each in ours] == [message(number)["recipient"] for number in range(5, 55)]
    for decode in decoders:
        for mine, their in zip(ours, decode(body), strict=True):
            assert (mine.id, mine.body, mine.price) == (their.id, their.body, their.price)
            assert (mine.modified, mine.status) == (their.modified, their.statuses[0].code)


def test_the_walk_is_measured_to_its_end() -> None:
    peers = {"bare": ["orjson"], "httpx_pydantic": ["httpx", "pydantic"], "twilio": ["twilio"]}
    assert _told("walk", "--rows=1000", "--part=400", "--slices=1") == [
        "walk.1000.memory_growth",
        *_beside("walk.beside", peers),
    ]


def test_slow_pages_are_read_in_every_way() -> None:
    assert _told("pages", "--pages=2", "--slices=1") == [
        f"pages.{way}.wall" for way in ("one_by_one", "one_by_one_by_bare_aiohttp", "read_ahead", "eight_at_a_time")
    ]


async def test_the_limiter_is_measured_at_every_rate() -> None:
    found = await limiter.crowded(2000, 0.2)
    assert [each.name.rpartition(".")[2] for each in found] == [
        "off_target", "fullest_second", "inversions", "lost_after_cancelling",
    ]  # fmt: skip
    assert found[2].value == 0


def test_what_is_looked_for_in_a_limiter_is_seen() -> None:
    steady = [number / 8 for number in range(50)]  # exact, so that a second is one
    assert limiter.reached(steady) == pytest.approx(8)
    assert limiter.fullest(steady) == 8
    assert limiter.fullest([0.0, 0.9, 0.95, 1.0, 1.5, 5.0]) == 4
    assert limiter.overtaken([1, 2, 4, 3, 5]) == 1


def test_the_import_is_compared_and_brings_nothing_optional() -> None:
    found = {each.name: each.value for each in importing.measured(1)}
    assert found["importing.optional_packages"] == 0
    assert found["importing.cpu"] <= found["importing_all_of_a_call.cpu"]


def test_a_package_that_an_import_brings_in_is_seen() -> None:
    assert "attrs" in importing.packages("import attrs") - importing.packages("import json")


def test_kept_messages_are_weighed() -> None:
    weighed = ["keeping.ours", *(["keeping.struct", "keeping.beside_struct"] if find_spec("msgspec") else [])]
    assert _told("keeping", "--messages=4000", "--slices=1") == weighed


async def test_all_ways_take_turns_and_the_first_slice_of_each_is_not_counted() -> None:
    turns: list[str] = []

    async def way(name: str) -> None:
        turns.append(name)

    took = await in_turn({"a": lambda: way("a"), "b": lambda: way("b")}, 3)
    assert {name: len(some) for name, some in took.items()} == {"a": 3, "b": 3}
    assert turns == ["a", "b", "b", "a", "a", "b", "b", "a"]


def test_a_speed_is_the_median_of_what_the_slices_say() -> None:
    ours = [Took(1.0, 2.0), Took(1.0, 2.0), Took(10.0, 2.0)]
    theirs = [Took(3.0, 2.0), Took(2.0, 4.0), Took(2.0, 6.0)]
    cpu, wall = beside("a", ours, theirs, Bar(">=", 1.0))
    assert (cpu.name, cpu.value, cpu.bar) == ("a.cpu", 2.0, Bar(">=", 1.0))
    assert (wall.name, wall.value, wall.bar) == ("a.wall", 2.0, None)


def _printed(program: str, *figures: Figure, status: int = 0) -> Run:
    return Run(program, status, "".join(f"{each}\n" for each in figures) + "something else\n", 1.0)


def test_the_results_have_a_row_for_every_bar_and_say_what_failed() -> None:
    sends = _printed(
        "sends", Figure("sends.10_beside_bare.cpu", 0.5, bar=Bar(">=", 0.95)), Figure("sends.10_beside_bare.wall", 0.6), status=1
    )  # fmt: skip
    growth = _printed("walk", Figure("walk.2000.memory_growth", 1234.5, "MiB", Bar("<=", 20.0)), status=1)
    broken = Run("pages", 1, "Traceback (most recent call last):\n", 1.0)
    assert [each.failed for each in (sends, growth, broken)] == [False, False, True]
    page = written([growth, sends, broken], datetime(2026, 1, 2, tzinfo=UTC))
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| ")][1:]
    assert [(row[0], row[2], row[3], row[4], row[6]) for row in rows] == [
        ("| 1", "`sends.10_beside_bare`", "0.50x", "0.60x", "MISSED |"),
        ("| 5", "`walk.2000.memory_growth`", "1,234 MiB", "", "MISSED |"),
    ]
    assert "02 January 2026" in page
    assert "**pages failed**" in page
    assert "**sends failed**" not in page


def test_every_program_is_run_and_one_that_fails_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    every = {path.stem for path in (ROOT / "benchmarks").glob("*.py") if "figures import" in path.read_text()}
    assert every == PROGRAMS.keys() | {"slices"}
    monkeypatch.setattr(
        "benchmarks.__main__.PROGRAMS", {"limiter": ("--wrong",), "keeping": ("--messages=400", "--slices=1")}
    )
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--quick", "--results", str(tmp_path / "results.md")])
    assert run_all() == 1
    page = (tmp_path / "results.md").read_text()
    assert "**benchmarks.limiter failed**" in page
    assert "keeping.ours" in page
    assert "unrecognized arguments: --wrong" in capsys.readouterr().out


def test_a_flame_graph_shows_whose_time_it_is_and_what_line_takes_it() -> None:
    stacks = Counter[Stack](
        {
            ("ip1_async.rows.Walk.read", "= rows = decode(body) < 5"): 30,
            ("ip1_async.rows.Walk.read", "cattrs.load", "= x"): 10,
            ("asyncio.events.Handle._run", "aiohttp.client.get"): 60,
        }
    )
    picture = drawn("A & B", stacks)
    root = ET.fromstring(picture)
    titles = [each.text for each in root.iter("{http://www.w3.org/2000/svg}title")]
    assert titles == [
        "the event loop: 100.0%", "aiohttp.client.get: 60.0%", "ip1_async.rows.Walk.read: 40.0%",
        "= rows = decode(body) < 5: 30.0%", "cattrs.load: 10.0%", "= x: 10.0%",
    ]  # fmt: skip
    assert {"ip1_async 30%", "aiohttp 60%", "decoders 10%"} <= {
        each.text for each in root.iter("{http://www.w3.org/2000/svg}text")
    }


def test_the_profile_sees_where_a_program_is() -> None:
    stacks = Counter[Stack]()
    with sampled(stacks):
        until = time.process_time() + 0.1
        while time.process_time() < until:
            pass
    assert any(frames[-1].startswith("= while time.process_time()") for frames in stacks)
    assert all(any("test_the_profile_sees" in each for each in frames) for frames in stacks)


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


async def test_no_peer_is_at_work_while_ours_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    at_work: list[str] = []
    beside_ours: set[str] = set()

    async def seen(name: str, situation: Situation) -> Cell:
        at_work.append(name)
        await asyncio.sleep(0)
        beside_ours.update(at_work if OURS in at_work else ())
        at_work.remove(name)
        return Cell(1, 1, name, 0.0)

    monkeypatch.setattr(double_send, "cell", seen)
    cells = await double_send.measured(["telnyx", OURS, "openai"])
    assert beside_ours == {OURS}
    assert {key: each.words for key, each in cells.items()} == {
        (name, situation): name for name in (OURS, "telnyx", "openai") for situation in SITUATIONS
    }


def test_a_send_that_was_not_made_or_accepted_twice_or_judged_wrongly_misses_its_bar() -> None:
    right = {(OURS, each): Cell(0 if each == "429 with 90 s" else 1, 1, "", 0.0) for each in SITUATIONS}
    assert tell(figures(right)) == 0
    assert tell(figures(right | {(OURS, "silent"): Cell(2, 2, "", 0.0)})) == 1
    assert tell(figures(right | {(OURS, "429 with 90 s"): Cell(1, 2, "", 0.0)})) == 1
    for situation in ("silent", "500", "reset", "429 with 3 s"):
        assert tell(figures(right | {(OURS, situation): Cell(0, 0, "", 0.0)})) == 1
    assert tell(figures(right | {(OURS, "500"): Cell(1, 1, "", 0.0, right=False)})) == 1
