"""What became of every row in a file: whole or not at all, its owner's only, and every amount as it was told."""

from __future__ import annotations

import asyncio
import csv
import json
import stat
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ip1_async.campaign.reporting.export import export
from ip1_async.campaign.reporting.outcomes import RowOutcome

NOISE = Decimal("0.30000000000000004")
"""What 0.1 + 0.2 is where somebody has counted money in doubles."""


async def told(*rows: str, wait: asyncio.Event | None = None, **facts: Any) -> AsyncIterator[RowOutcome]:
    """A row for each reason; the last one is kept waiting for."""
    for place, reason in enumerate(rows):
        if wait is not None and place == len(rows) - 1:
            await wait.wait()
        yield RowOutcome(row=place, outcome="rejected", reason=reason, **facts)


def reasons(path: Path) -> list[str]:
    return [each["reason"] for each in csv.DictReader(path.read_text("utf-8").splitlines())]


async def test_of_two_exports_to_one_file_each_leaves_it_whole(tmp_path: Path) -> None:
    out, go = tmp_path / "out.csv", asyncio.Event()
    # More than are written at once, so that a part of the slow one is in its file when the other ends.
    slow = asyncio.create_task(export(told(*["slow"] * 6000, wait=go), out))
    while not any(each.stat().st_size for each in tmp_path.iterdir()):
        await asyncio.sleep(0)
    assert await export(told("quick"), out) == 1
    assert reasons(out) == ["quick"]
    go.set()
    assert await slow == 6000
    assert reasons(out) == ["slow"] * 6000
    assert [each.name for each in tmp_path.iterdir()] == ["out.csv"]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
async def test_an_export_that_is_cut_off_leaves_what_was_there_and_nothing_else(ending: str, tmp_path: Path) -> None:
    if ending == "parquet":
        pytest.importorskip("pyarrow.parquet")
    out = tmp_path / f"out.{ending}"
    out.write_text("earlier")
    slow = asyncio.create_task(export(told("a", "b", wait=asyncio.Event()), out, again=True))
    while len([*tmp_path.iterdir()]) == 1:
        await asyncio.sleep(0)
    (part,) = (each for each in tmp_path.iterdir() if each != out)
    assert stat.S_IMODE(part.stat().st_mode) == 0o600
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [(out.name, "earlier")]


async def test_what_is_in_the_way_of_an_export_is_said_of_the_file_that_was_named(tmp_path: Path) -> None:
    out = tmp_path / "none" / "out.csv"
    with pytest.raises(FileNotFoundError) as missing:
        await export(told("a"), out)
    assert missing.value.filename == str(out)
    out.mkdir(parents=True)
    with pytest.raises(IsADirectoryError) as taken:
        await export(told("a"), out, again=True)
    assert taken.value.filename == str(out)
    assert [*out.parent.iterdir()] == [out]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
async def test_a_price_is_written_as_it_was_told(ending: str, tmp_path: Path) -> None:
    out = tmp_path / f"out.{ending}"
    if ending == "parquet":
        pytest.importorskip("pyarrow.parquet")
    await export(told("", price=NOISE, currency="SEK"), out)
    if ending == "parquet":
        parquet: Any = pytest.importorskip("pyarrow.parquet")
        (found,) = parquet.read_table(out).to_pylist()
    elif ending == "csv":
        (found,) = csv.DictReader(out.read_text("utf-8").splitlines())
    else:
        found = json.loads(out.read_text("utf-8"))
    assert Decimal(found["price"]) == NOISE


async def test_a_price_that_no_parquet_column_holds_is_refused_with_a_way_out(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow.parquet")
    out = tmp_path / "out.parquet"
    with pytest.raises(ValueError, match=r"decimal128\(38, 20\).*\.csv or \.jsonl"):
        await export(told("", price=Decimal("1e-21")), out)
    assert [*tmp_path.iterdir()] == []
