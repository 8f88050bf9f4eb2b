"""Walks as tables: every value of every row in its column, of a type that depends on the model only."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
import threading
import types
import weakref
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip1_async import Account, Batch, Client, Contact, Message, Pages, ReadFailed, Setting, Status
from ip1_async.api import TABLES
from ip1_async.clock import settle
from ip1_async.frames.columns import columns
from ip1_async.models import Count, Element, LandingPage, NewContact, PriceSummary, StatusChange
from ip1_async.pages import Fetched
from ip1_async.rows import Walk
from ip1_async.sandbox import Sandbox

pa: Any = pytest.importorskip("pyarrow", reason="tables need the extra notebook")
pq: Any = pytest.importorskip("pyarrow.parquet")
pl: Any = pytest.importorskip("polars")
pd: Any = pytest.importorskip("pandas")

MODELS = sorted(
    {row.returns for table in TABLES for row in vars(table).values() if isinstance(row, Walk)},
    key=lambda kind: kind.__name__,
)
"""Of every list there is."""


def walk(
    kind: type, rows: Sequence[Any], *, limit: int = 200, fail_at: int | None = None, **options: Any
) -> Pages[Any]:
    """A walk of these rows; *fail_at* is the row at which the server is lost."""

    async def fetch(start: int, size: int) -> Fetched[Any]:
        if fail_at is not None and start >= fail_at:
            raise ReadFailed("down")
        return Fetched(rows[start : start + size], start + size if start + size < len(rows) else None, True)

    places = {id(row): str(place) for place, row in enumerate(rows)}
    return Pages(fetch, key=lambda row: places[id(row)], limit=limit, kind=kind, **options)


def settings(count: int) -> list[Setting]:
    return [Setting(name=f"setting{number}", value="on") for number in range(count)]


# Any value of any model


_texts = st.text(st.characters(codec="utf-8"), max_size=8)
_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | _texts,
    lambda of: st.lists(of, max_size=2) | st.dictionaries(_texts, of, max_size=2),
    max_leaves=4,
)
_plain: dict[Any, st.SearchStrategy[Any]] = {
    str: _texts | st.sampled_from(["mt", "mo", "sek"]),
    int: st.integers(-(2**63), 2**63 - 1),
    Status: st.sampled_from([0, 101, 201, 405, 999, 2**31 - 1]).map(Status),
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    datetime: st.datetimes(timezones=st.just(UTC)),
    # What the provider's doubles become, and anything with up to 18 digits before the point and 20 behind it.
    Decimal: st.floats(0.0001, 1e9).map(lambda price: Decimal(str(price)))
    | st.integers(-(10**38) + 1, 10**38 - 1).map(lambda digits: Decimal(f"{digits}e-20")),
    types.NoneType: st.none(),
    Any: _json,
}


def of_type(kind: Any) -> st.SearchStrategy[Any]:
    parts = get_args(kind)
    if attrs.has(kind):
        return of_model(kind)
    match get_origin(kind):
        case origin if origin is Sequence:
            return st.lists(of_type(parts[0]), max_size=3).map(tuple)
        case origin if origin is Mapping:
            return st.dictionaries(of_type(parts[0]), of_type(parts[1]), max_size=3)
        case origin if origin in (Union, types.UnionType):
            return st.one_of(map(of_type, parts))
        case _:
            return _plain[kind]


def of_model(kind: type) -> st.SearchStrategy[Any]:
    attrs.resolve_types(kind)
    return st.builds(kind, **{each.name: of_type(each.type) for each in attrs.fields(kind)})


lists = st.sampled_from(MODELS).flatmap(lambda kind: st.tuples(st.just(kind), st.lists(of_model(kind), max_size=5)))


def cell(value: Any, name: str = "") -> Any:
    """A value as Arrow gives it back."""
    if name == "extra":
        return json.loads(json.dumps(value)) if value else None
    if attrs.has(type(value)):
        return {each.name: cell(getattr(value, each.name), each.name) for each in attrs.fields(type(value))}
    if isinstance(value, Mapping):
        return [(cell(key), cell(item)) for key, item in value.items()]
    return [cell(each) for each in value] if isinstance(value, tuple) else value


def found(value: Any, name: str = "") -> Any:
    """The same of what came back: JSON read again, since its spelling is free."""
    if name == "extra":
        return value if value is None else json.loads(value)
    if isinstance(value, dict):
        return {key: found(item, key) for key, item in value.items()}
    return (
        [found(each) for each in value]
        if isinstance(value, list)
        else tuple(map(found, value))
        if isinstance(value, tuple)
        else value
    )


def expected(kind: type, row: Any) -> dict[str, Any]:
    values = {each.name: getattr(row, each.name) for each in attrs.fields(kind)}
    if kind is Message:
        values |= {"status": row.status, "status_name": row.status.name, "is_final": row.is_final}
    values.pop("key", None)
    return {name: cell(value, name) for name, value in values.items()}


@given(lists)
def test_every_value_is_in_arrow_as_it_was(many: tuple[type, list[Any]]) -> None:
    kind, rows = many
    table = asyncio.run(walk(kind, rows).to_arrow())
    assert [found(row) for row in table.to_pylist()] == [expected(kind, row) for row in rows]


@given(lists)
def test_a_parquet_file_gives_back_the_same_table(many: tuple[type, list[Any]]) -> None:
    kind, rows = many
    file = io.BytesIO()

    async def main() -> Any:
        assert await walk(kind, rows).to_parquet(file) == len(rows)
        return await walk(kind, rows).to_arrow()

    table = asyncio.run(main())
    read = pq.read_table(io.BytesIO(file.getvalue()))
    assert read.schema.equals(table.schema)
    assert read.to_pylist() == table.to_pylist()


def same(got: Any, want: Any) -> bool:
    """Whether a cell is the one that Arrow has; pandas and polars have shapes of their own for a mapping."""
    if want is None:
        return got is None or got is pd.NA or got is pd.NaT or got != got
    if isinstance(want, dict):
        return got.keys() == want.keys() and all(same(got[name], item) for name, item in want.items())
    if isinstance(want, list):
        pairs = list(got.items()) if isinstance(got, dict) else list(got)
        return len(pairs) == len(want) and all(map(same, pairs, want))
    if isinstance(want, tuple):
        return all(map(same, got.values() if isinstance(got, dict) else got, want))
    return bool(got == want)


@pytest.mark.parametrize("way", ["to_polars", "to_pandas"])
@given(lists)
def test_a_frame_has_the_values_of_the_arrow_table(way: str, many: tuple[type, list[Any]]) -> None:
    kind, rows = many
    table = asyncio.run(walk(kind, rows).to_arrow())
    frame = asyncio.run(getattr(walk(kind, rows), way)())
    assert list(frame.columns) == table.column_names
    for name in table.column_names:
        got = list(frame[name])
        want = table[name].to_pylist()
        assert len(got) == len(want) and all(map(same, got, want)), name


# Columns


def test_the_columns_are_the_fields_whatever_the_rows_hold() -> None:
    for kind in MODELS:
        names = [each.name for each in columns(kind)]
        fields = {each.name for each in attrs.fields(kind)}
        assert fields - set(names) == ({"key"} if kind is Account else set())
        assert set(names) - fields == ({"status", "status_name", "is_final"} if kind is Message else set())
        assert names[-1] == "extra"


@pytest.mark.parametrize("kind", MODELS)
async def test_an_empty_list_has_the_same_columns_of_the_same_types(kind: type) -> None:
    table = await walk(kind, []).to_arrow()
    assert table.num_rows == 0
    assert table.schema.names == [each.name for each in columns(kind)]
    assert (await walk(kind, []).to_polars()).columns == table.schema.names
    assert list((await walk(kind, []).to_pandas()).columns) == table.schema.names


async def test_columns_have_proper_types() -> None:
    table = await walk(Message, []).to_arrow()
    words = pa.dictionary(pa.int32(), pa.string())
    status = pa.struct(
        {"code": pa.int32(), "duration": pa.int64(), "created": pa.timestamp("us", "UTC"), "extra": pa.string()}
    )
    assert {name: table.schema.field(name).type for name in table.schema.names} == {
        "id": pa.string(), "batch_id": pa.string(), "owner": words, "sender": words, "recipient": pa.string(),
        "body": pa.string(), "direction": words, "segments": pa.int64(), "type": words, "datacoding": words,
        "priority": pa.int64(), "price": pa.decimal128(38, 20), "currency": words, "statuses": pa.list_(status),
        "modified": pa.timestamp("us", "UTC"), "reference": pa.string(), "mcc": words, "mnc": words, "status": pa.int32(),
        "status_name": words, "is_final": pa.bool_(), "extra": pa.string(),
    }  # fmt: skip
    frame = await walk(Message, []).to_polars()
    assert {name: frame.schema[name] for name in ("direction", "price", "modified", "status", "is_final")} == {
        "direction": pl.Categorical, "price": pl.Decimal(38, 20), "modified": pl.Datetime("us", "UTC"),
        "status": pl.Int32, "is_final": pl.Boolean,
    }  # fmt: skip
    batches = await walk(Batch, [Batch(id="b"), Batch(id="c", price_summary=PriceSummary(currency="sek"))]).to_arrow()
    assert batches["price_summary"].is_null().to_pylist() == [True, False]
    contacts = await walk(Contact, []).to_arrow()
    assert contacts.schema.field("properties").type == pa.map_(pa.string(), pa.string())


@pytest.mark.parametrize("level", [None, 1])
async def test_pandas_types_do_not_hang_on_missing_values(level: int | None) -> None:
    frame = await walk(Element, [Element(type="Title", level=level)]).to_pandas()
    assert (frame.dtypes["type"], frame.dtypes["level"], frame.dtypes["bold"]) == ("category", "Int64", "boolean")
    times = await walk(LandingPage, [LandingPage(id="p")]).to_pandas()
    assert times.dtypes["last_modified"] == "datetime64[us, UTC]"


async def test_pandas_reckons_with_amounts_as_they_came() -> None:
    prices = ("0.35", "0.0625", "10", "123456789012345678.12345678901234567891")
    rows = [Message(id="m", currency="sek", price=Decimal(price)) for price in prices]
    frame = await walk(Message, [*rows, Message(id="m")]).to_pandas()
    assert [str(each) for each in frame["price"][:4]] == list(prices)
    assert pd.isna(frame["price"][4])
    assert frame["price"][:3].sum() == Decimal("10.4125")
    assert list(frame[:3].groupby("currency", observed=True)["price"].sum()) == [Decimal("10.4125")]


async def test_a_column_has_one_dictionary_and_one_piece() -> None:
    rows = [Message(id=str(row), sender=f"Shop{row // 150}", direction="mt") for row in range(1000)]
    table = await walk(Message, rows).to_arrow()
    sender = table["sender"]
    assert sender.num_chunks == 1
    assert sender.chunk(0).dictionary.to_pylist() == [f"Shop{shop}" for shop in range(7)]
    assert sender.to_pylist() == [row.sender for row in rows]
    frame = await walk(Message, rows).to_pandas()
    assert list(frame["sender"].cat.categories) == [f"Shop{shop}" for shop in range(7)]


async def test_half_a_surrogate_pair_becomes_a_mark() -> None:
    """A body may be cut between the units of an emoji, and no UTF-8 holds what is left."""
    rows = [Message(id="m", sender="\udc00", body="Hi \ud83d", extra={"cut": "\ud83d"}), Message(id="n", body="Hi 😀")]
    table = await walk(Message, rows).to_arrow()
    assert table["body"].to_pylist() == ["Hi �", "Hi 😀"]
    assert table["sender"].to_pylist() == ["�", ""]
    assert table["extra"].to_pylist() == ['{"cut":"�"}', None]


too_large = [
    (Message(id="m", price=Decimal("0.000000000000000000001")), "Message.price", "decimal128"),
    (Message(id="m", price=Decimal(10) ** 18), "Message.price", "decimal128"),
    (Message(id="m", segments=2**63), "Message.segments", "int64"),
    (Message(id="m", statuses=(StatusChange(code=Status(2**31)),)), "Message.statuses", "int32"),
    (Batch(id="b", price_summary=PriceSummary(total=Decimal("1e30"))), "Batch.price_summary", "decimal128"),
    (Batch(id="b", message_summary={Status(201): Count(sms=2**70)}), "Batch.message_summary", "int64"),
]


@pytest.mark.parametrize(("row", "column", "kind"), too_large)
async def test_a_number_that_does_not_fit_is_refused_and_not_shown(row: Any, column: str, kind: str) -> None:
    with pytest.raises(ValueError, match=rf"^{column}: a number does not fit into .*{kind}") as caught:
        await walk(type(row), [row]).to_arrow()
    assert not any(digits in str(caught.value) for digits in ("000000", "2147483648", "9223372036854775808", "118059"))
    assert caught.value.__suppress_context__


async def test_a_walk_without_a_model_says_so() -> None:
    async def fetch(start: int, limit: int) -> Fetched[str]:
        raise AssertionError

    with pytest.raises(TypeError, match="kind"):
        await Pages(fetch, key=str).to_arrow()


# Walks


async def test_lists_of_a_local_ip1_become_tables(ip1_sandbox: Sandbox, ip1: Client, tmp_path: Path) -> None:
    batch = await ip1.batches.send(sender="iP1", recipients=[f"4670{row:07}" for row in range(450)], body="Hej")
    await ip1.contacts.create([NewContact(properties={"firstName": "Ann"}, labels=["vip"])], sync=True)
    listed = await ip1.batches.messages(batch.id).collect()
    table = await ip1.batches.messages(batch.id).to_arrow()
    assert table["recipient"].to_pylist() == [each.recipient for each in listed]
    assert table["price"].to_pylist() == [each.price for each in listed]
    assert Decimal("0.35") in table["price"].to_pylist()
    assert set((await ip1.batches.messages(batch.id).to_polars())["sender"]) == {"iP1"}
    contacts = await ip1.contacts.list().to_pandas()
    assert (contacts["properties"][0], list(contacts["labels"][0])) == ({"firstName": "Ann"}, ["vip"])
    assert await ip1.batches.messages(batch.id).to_parquet(tmp_path / "messages.parquet") == 450
    assert pq.read_table(tmp_path / "messages.parquet")["id"].to_pylist() == [each.id for each in listed]
    for row in (ip1.batches, ip1.blacklist, ip1.senders, ip1.settings, ip1.landing_pages, ip1.children):
        assert len(await row.list().to_arrow()) == len(await row.list().collect())
    page = await ip1.landing_pages.create(name="x")
    assert len(await ip1.landing_pages.elements(page.id).list().to_polars()) == 0


@pytest.mark.parametrize("way", ["to_arrow", "to_polars", "to_pandas"])
async def test_a_limit_takes_no_more_and_the_cursor_stands_behind_it(way: str) -> None:
    rows = settings(1000)
    pages = walk(Setting, rows)
    frame = await getattr(pages, way)(limit=301)
    assert len(frame) == 301
    rest = await walk(Setting, rows, cursor=pages.cursor).collect()
    assert rest == rows[301:]
    assert len(await getattr(walk(Setting, rows, fail_at=0), way)(limit=0)) == 0


async def test_the_loop_has_turns_while_a_long_page_is_made_into_columns() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    meanwhile = asyncio.create_task(other())
    with pytest.raises(ReadFailed):
        await walk(Setting, settings(10_001), limit=10_000, ahead=0, fail_at=1).to_arrow()
    meanwhile.cancel()
    assert turns >= 10_000 / 200


@pytest.mark.parametrize("way", ["to_arrow", "to_polars", "to_pandas", "to_parquet"])
async def test_an_error_of_the_walk_comes_out_with_its_cursor(way: str, tmp_path: Path) -> None:
    rows = settings(1000)
    pages = walk(Setting, rows, fail_at=500)
    with pytest.raises(ReadFailed) as caught:
        await getattr(pages, way)(*[tmp_path / "x.parquet"] * (way == "to_parquet"))
    assert caught.value.cursor == pages.cursor != walk(Setting, rows).cursor
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["pyarrow", "polars", "pandas"])
async def test_without_the_library_nothing_is_asked_for(
    name: str, ip1_sandbox: Sandbox, ip1: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for each in [each for each in sys.modules if each.partition(".")[0] == name]:
        monkeypatch.setitem(sys.modules, each, None)
    way = {"pyarrow": "to_arrow", "polars": "to_polars", "pandas": "to_pandas"}[name]
    with pytest.raises(ImportError, match=rf"need {name}: .*pip install 'ip1-async\[notebook\]'"):
        await getattr(ip1.batches.list(), way)()
    if name == "pyarrow":
        with pytest.raises(ImportError, match=r"pip install 'ip1-async\[notebook\]'"):
            await ip1.batches.list().to_parquet(tmp_path / "x.parquet")
    assert ip1_sandbox.requests == ()
    assert list(tmp_path.iterdir()) == []


# Parquet


async def test_a_file_is_for_its_owner_only_and_takes_the_place_of_another(tmp_path: Path) -> None:
    path = tmp_path / "settings.parquet"
    path.write_bytes(b"old")
    assert await walk(Setting, settings(450)).to_parquet(os.fspath(path), limit=301) == 301
    assert path.stat().st_mode & 0o777 == 0o600
    assert pq.read_table(path)["name"].to_pylist() == [each.name for each in settings(301)]
    assert list(tmp_path.iterdir()) == [path]


async def test_what_is_held_is_a_row_group_and_some_pages(tmp_path: Path) -> None:
    held: list[int] = []
    alive: weakref.WeakSet[Setting] = weakref.WeakSet()
    empty = pa.total_allocated_bytes()

    async def fetch(start: int, limit: int) -> Fetched[Setting]:
        held.append(pa.total_allocated_bytes() - empty)
        rows = [Setting(name=f"setting{row}", value="x" * 100) for row in range(start, min(start + limit, 70_000))]
        alive.update(rows)
        assert len(alive) <= 5 * limit
        return Fetched(rows, start + limit if start + limit < 70_000 else None, True)

    path = tmp_path / "x.parquet"
    assert await Pages(fetch, key=lambda row: row.name, limit=1000, kind=Setting).to_parquet(path) == 70_000
    groups = pq.ParquetFile(path).metadata
    assert [groups.row_group(each).num_rows for each in range(groups.num_row_groups)] == [20_000] * 3 + [10_000]
    first = max(held[:21])
    assert first > 20_000 * 100
    assert max(held) < 1.5 * first


@pytest.mark.parametrize("at", [1, 30_000])
async def test_a_cancelled_walk_leaves_no_file_and_no_task(at: int, tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(b"old")
    before = asyncio.all_tasks()
    reached = asyncio.Event()

    async def fetch(start: int, limit: int) -> Fetched[Setting]:
        if start >= at:
            reached.set()
            await asyncio.get_running_loop().create_future()
        return Fetched([Setting(name=str(row)) for row in range(start, start + limit)], start + limit, True)

    task = asyncio.create_task(Pages(fetch, key=lambda row: row.name, limit=1000, kind=Setting).to_parquet(path))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await settle()
    assert asyncio.all_tasks() == before
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"old"


class Slow(io.BytesIO):
    """A file that is long in writing."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go_on = threading.Event(), threading.Event()

    def write(self, data: Any) -> int:
        if threading.current_thread() is not threading.main_thread():
            self.begun.set()
            assert self.go_on.wait(10)
        return super().write(data)


async def test_however_often_it_is_cancelled_what_is_being_written_is_waited_for() -> None:
    file = Slow()
    task = asyncio.create_task(walk(Setting, settings(450)).to_parquet(file))
    await asyncio.to_thread(file.begun.wait, 10)
    for _ in range(3):
        task.cancel()
        await settle()
        assert not task.done()
    file.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not file.closed
    with pytest.raises(pa.ArrowInvalid):
        pq.read_table(io.BytesIO(file.getvalue()))


async def test_an_open_file_stays_open_and_holds_no_table_after_an_error() -> None:
    file = io.BytesIO()
    with pytest.raises(ReadFailed):
        await walk(Setting, settings(45_000), limit=1000, fail_at=40_000).to_parquet(file)
    assert len(file.getvalue()) > 10_000
    with pytest.raises(pa.ArrowInvalid):
        pq.read_table(io.BytesIO(file.getvalue()))
    assert not file.closed


async def test_a_file_that_cannot_be_written_to_ends_the_walk(tmp_path: Path) -> None:
    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            if self.tell() > 1000:
                raise OSError(28, "No space left on device")
            return super().write(data)

    with pytest.raises(OSError, match="No space left"):
        await walk(Setting, settings(45_000), limit=1000).to_parquet(Full())


async def test_what_is_no_place_for_a_table_is_refused_before_any_request(tmp_path: Path) -> None:
    for target, error in ((io.StringIO(), TypeError), (tmp_path, IsADirectoryError), (tmp_path / "no" / "x", OSError)):
        with pytest.raises(error):
            await walk(Setting, [], fail_at=0).to_parquet(target)
    assert list(tmp_path.iterdir()) == []


async def test_two_at_once_into_one_file_leave_a_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    counts = await asyncio.gather(*(walk(Setting, settings(count)).to_parquet(path) for count in (500, 900)))
    assert counts == [500, 900]
    assert pq.read_table(path).num_rows in counts
    assert list(tmp_path.iterdir()) == [path]


async def test_a_file_is_where_its_path_led_when_the_walk_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)

    async def fetch(start: int, limit: int) -> Fetched[Setting]:
        monkeypatch.chdir(tmp_path / "other")
        return Fetched(settings(3), None, True)

    assert await Pages(fetch, key=lambda row: row.name, kind=Setting).to_parquet("x.parquet") == 3
    assert sorted(each.name for each in tmp_path.iterdir()) == ["other", "x.parquet"]
