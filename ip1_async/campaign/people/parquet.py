"""People in a Parquet file, read batch by batch and only in the columns that are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from typing import IO, Any, Final

from attrs import field, frozen

from ip1_async.campaign.people.columns import check_names, no_number_column, number_column, places
from ip1_async.campaign.people.objects import text_of
from ip1_async.campaign.people.rows import BLOCK, NO_TEXT, Block, rows

__all__ = ["Parquet", "parquet"]

File = Callable[[], AbstractContextManager[IO[bytes]]]
"""Opens the file at its beginning."""

_DAMAGED: Final = "The file is not Parquet, or it is damaged."


@frozen(kw_only=True)
class Parquet:
    """A Parquet file; it can be read more than once."""

    name: str
    columns: tuple[str, ...]
    _file: File = field(alias="file", repr=False)
    _number: str = field(alias="number", repr=False)

    def blocks(self, wanted: Sequence[str]) -> Iterator[Block]:
        """Gives every row, counted from 1, up to 2,000 at a time, with the values of the wanted columns.

        Raises ValueError for a column that there is not, and for a file that is damaged.
        """
        places(self.columns, wanted)
        return self._blocks([self._number, *wanted])

    def _blocks(self, names: Sequence[str]) -> Iterator[Block]:
        row = 1
        with self._file() as file:
            for batch in _batches(file, sorted({*names})):
                wrong: dict[int, str] = {}
                numbers, *values = [_texts(batch.column(name), wrong) for name in names]
                yield rows(row, numbers, values, wrong)
                row += len(numbers)


def parquet(name: str, file: File, to: str | None) -> Parquet:
    """Gives the table in a Parquet file; *to* names the column of the numbers.

    Raises ValueError when this is no such file, or no column is that of the numbers, and ImportError without pyarrow.
    """
    arrow, files = _pyarrow()
    with file() as opened:
        try:
            names: list[str] = _opened(files, opened).schema_arrow.names
        except (arrow.ArrowException, OSError):
            raise ValueError(_DAMAGED) from None
    check_names(names)
    at = number_column(names, to)
    if at is None:
        raise no_number_column(names, to)
    return Parquet(name=name, columns=tuple(filter(None, names)), file=file, number=names[at])


def _pyarrow() -> tuple[Any, Any]:
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise ImportError("Reading Parquet needs pyarrow: install it with pip install 'ip1-async[parquet]'.") from None


def _opened(files: Any, file: IO[bytes]) -> Any:
    # By itself it would read whole columns of a row group, which may be the whole file.
    return files.ParquetFile(file, buffer_size=1 << 16, pre_buffer=False)


def _batches(file: IO[bytes], names: Sequence[str]) -> Iterator[Any]:
    arrow, files = _pyarrow()
    try:
        yield from _opened(files, file).iter_batches(batch_size=BLOCK, columns=names)
    except (arrow.ArrowException, OSError):
        raise ValueError(_DAMAGED) from None


def _texts(column: Any, wrong: dict[int, str]) -> list[str]:
    """The column's values as plain text; *wrong* is told where there are others."""
    arrow, _ = _pyarrow()
    kinds, kind = arrow.types, column.type
    if not (kinds.is_floating(kind) or kinds.is_binary(kind) or kinds.is_large_binary(kind) or kinds.is_nested(kind)):
        # Whole numbers, dates and words that are stored once each have a text of their own in Arrow.
        column = column.cast(arrow.string())
    try:
        found = list(map(text_of, column.to_pylist()))
    except UnicodeDecodeError:
        raise ValueError("The file holds text that is not UTF-8.") from None
    wrong.update((at, NO_TEXT) for at, text in enumerate(found) if text is None)
    return [text or "" for text in found]
