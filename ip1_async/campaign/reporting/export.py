"""Writes what became of every row into a file that spreadsheets and data tools read."""

from __future__ import annotations

import asyncio
import csv
import errno
import json
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

from ip1_async.campaign.reporting.outcomes import RowOutcome
from ip1_async.errors import Invalid
from ip1_async.frames.arrays import DECIMALS, DIGITS

COLUMNS = (
    "row", "msisdn", "outcome", "reason", "chunk", "batch", "status", "status_name", "at", "segments", "price", "currency",
    "country", "operator",
)  # fmt: skip
AT_ONCE = 5000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Write = Callable[[Sequence[RowOutcome]], None]


async def export(rows: AsyncIterator[RowOutcome], path: str | os.PathLike[str], *, again: bool = False) -> int:
    """Writes CSV, Parquet or JSON lines, as the file's name ends, and gives the number of rows.

    The file is there whole or not at all, and only its owner can read it: it holds numbers. Raises `Invalid` for another
    ending, and for a file that is there already unless it is to be written *again*.
    """
    path = Path(path)
    kinds = {".csv": _csv, ".jsonl": _json_lines, ".ndjson": _json_lines, ".parquet": _parquet}
    if (kind := kinds.get(path.suffix.lower())) is None:
        raise Invalid("out", f"out ends with {path.suffix or 'nothing'}; it ends with {', '.join(kinds)}")
    if path.exists() and not again:
        raise Invalid("out", f"out is {path.name}, which is there already")
    count = 0
    with whole(path) as part:
        with kind(part) as write:
            some: list[RowOutcome] = []
            async for each in rows:
                some.append(each)
                if len(some) == AT_ONCE:
                    write(some)
                    count, some = count + len(some), []
            write(some)
        await asyncio.to_thread(_flush, part)
    return count + len(some)


@contextmanager
def whole(path: Path) -> Generator[Path]:
    """A file beside the one that is meant, which takes its place at the end."""
    part, path = _beside(path)
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _beside(path: Path) -> tuple[Path, Path]:
    """A new file, and where the other one is to be, also if the working directory changes meanwhile."""
    whole = path.absolute()
    if whole.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    try:
        # Of a name of its own, so that two at once do not take each other's; and for its owner only: it holds numbers.
        number, name = tempfile.mkstemp(prefix=f".{whole.name}.", suffix=".part", dir=whole.parent)
    except OSError as error:
        # What is asked for is no file of this name.
        error.filename = str(path)
        raise
    os.close(number)
    return Path(name), whole


def _flush(path: Path) -> None:
    """Puts a file's content on the disk, without which a power cut could leave the new name with nothing behind it."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


@contextmanager
def _csv(path: Path) -> Generator[Write]:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)

        def write(rows: Sequence[RowOutcome]) -> None:
            for each in rows:
                facts = each.to_dict()
                writer.writerow([_cell(facts[name]) for name in COLUMNS])

        yield write


@contextmanager
def _json_lines(path: Path) -> Generator[Write]:
    with path.open("w", encoding="utf-8") as file:

        def write(rows: Sequence[RowOutcome]) -> None:
            for each in rows:
                facts = each.to_dict()
                file.write(json.dumps({name: _plain(facts[name]) for name in COLUMNS}, ensure_ascii=False) + "\n")

        yield write


@contextmanager
def _parquet(path: Path) -> Generator[Write]:
    try:
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise ImportError("Writing Parquet needs pyarrow: install it with pip install 'ip1-async[parquet]'.") from None
    numbers = dict.fromkeys(("row", "chunk", "status", "segments"), arrow.int64())
    kinds = {"at": arrow.timestamp("us", "UTC"), "price": arrow.decimal128(DIGITS, DECIMALS), **numbers}
    schema = arrow.schema([(name, kinds.get(name, arrow.string())) for name in COLUMNS])
    with parquet.ParquetWriter(path, schema) as writer:

        def write(rows: Sequence[RowOutcome]) -> None:
            facts = [each.to_dict() for each in rows]
            try:
                some = arrow.Table.from_pylist([{name: each[name] for name in COLUMNS} for each in facts], schema)
            except arrow.ArrowInvalid:
                raise ValueError(
                    f"a price does not fit into {kinds['price']}, and nothing is rounded; a .csv or .jsonl file holds it"
                ) from None
            writer.write_table(some)

        yield write


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value.isoformat() if isinstance(value, datetime) else value


def _cell(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula."""
    value = "" if value is None else _plain(value)
    return "'" + value if isinstance(value, str) and value.startswith(_FORMULA) else value
