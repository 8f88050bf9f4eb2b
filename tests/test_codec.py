"""Code made for a model, msgspec's and the rules read the same values out of the same documents, however odd they are."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from ip1_async import Batch, Blocked, Contact, ContactSummary, Element, LandingPage, Message, Setting, codec
from ip1_async.api import TABLES
from ip1_async.codec import plain, tolerant
from ip1_async.errors import Invalid
from ip1_async.models import WithMeta, status
from ip1_async.rows import Walk

TIMES = [
    "2026-01-02T08:00:05Z", "2026-01-02T08:00:05.123Z", "2026-01-02T08:00:05.1234567Z", "2026-01-02T08:00:05.9999995Z",
    "2026-01-02T08:00:05+02:00", "2026-01-02T08:00:05", "2026-01-02T08:00:05z", "2026-01-02 08:00:05Z", "2026-01-02",
    "0001-01-01T00:00:00+02:00", "9999-12-31T23:59:59.9999999Z", "2026-01-02T24:00:00Z", " 2026-01-02T08:00:05Z ", "soon",
    "2026-01-02T08:00:05-00:00", "20260102T080005.1234567Z", "2026-01-02T08:00:5Z ", "2026-02-30T08:00:05Z",
]  # fmt: skip
NUMBERS: list[Any] = [
    0, 1, 2, -1, True, False, 201, 999, 1.0, -0.0, 0.35, 0.1 + 0.2, 2**53, 2**53 + 1, float(2**53), 2**64, 10**30, 1e23, 1e300,
]  # fmt: skip
WORDS = ["SMS", "sms", " Flash ", "mt", "", "Åäö", "\ud800", "\u0000", "İ", "x" * 300]
FIELDS: dict[str, list[Any]] = {
    "id": ["a1", "a2"], "batchId": ["b", "b", "c"], "owner": ["ip1-1"], "sender": ["iP1", "Shop"], "recipient": ["46700000001"],
    "body": ["Hello", "Hej å"], "direction": ["mt", "MO", 0, -1], "segments": [1, 2], "type": ["SMS", 1], "datacoding": ["gsm"],
    "priority": [1], "price": [0.04, 0.35, 1, 1.0, None], "currency": ["SEK", "EUR", None], "modified": [*TIMES[:4], None],
    "reference": ["r", "r", None], "mcc": ["240"], "mnc": ["01"],
}  # fmt: skip


@some.composite
def messages(draw: some.DrawFn) -> dict[str, Any]:
    """A message, mostly as documented, with fields left out, misspelled, unknown and of other types here and there."""
    made: dict[str, Any] = {}
    for name, values in FIELDS.items():
        match draw(some.integers(0, 60)):
            case 0:
                continue
            case 1:
                name = draw(some.sampled_from([name.upper(), f" {name}", "id", "statuses", "price", name + "X"]))
            case 2:
                values = [*TIMES, *NUMBERS, *WORDS, None, [], {}, [None], {"a": 1}]
            case _:
                pass
        made[name] = draw(some.sampled_from(values))
    changes = some.lists(_changes(), max_size=2)
    match draw(some.integers(0, 30)):
        case 0:
            pass
        case 1:
            made["statuses"] = draw(some.sampled_from([None, {}, [1], [[]], "code", [{}], [None]]))
        case _:
            made["statuses"] = draw(changes)
    return made


@some.composite
def _changes(draw: some.DrawFn) -> dict[str, Any]:
    odd = draw(some.integers(0, 20)) == 0
    made: dict[str, Any] = {"code": draw(some.sampled_from([*NUMBERS, "201", " 201", None] if odd else [101, 201]))}
    if draw(some.booleans()):
        made["duration"] = draw(some.sampled_from([True, 1.0, None, "1"] if odd else [0, 1]))
    if draw(some.booleans()):
        made["created"] = draw(some.sampled_from([*TIMES, 5, None] if odd else TIMES[:2]))
    return made | ({"later": {"code": 1}} if draw(some.integers(0, 20)) == 0 else {})


def outcome(read: Callable[[], Any]) -> Any:
    """The value with the types of everything in it, or the words of the refusal."""
    try:
        return _deep(read())
    except (codec.Mismatch, Invalid) as wrong:
        return type(wrong), str(wrong)


def _deep(value: Any) -> Any:
    if hasattr(value, "__attrs_attrs__"):
        return type(value), {each.name: _deep(getattr(value, each.name)) for each in value.__attrs_attrs__}
    if isinstance(value, dict):
        return {key: _deep(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value), [_deep(each) for each in value]
    return type(value), repr(value)


def by_rules(kind: Any, data: list[Any]) -> list[Any]:
    careful = tolerant._careful(tolerant._converter(), kind)
    return [careful(each, kind) for each in data]


def _agree(kind: Any, rows: list[Any], body: bytes) -> None:
    expected = outcome(lambda: by_rules(kind, json.loads(body)))
    assert outcome(lambda: codec.load(list[kind], json.loads(body))) == expected
    assert outcome(lambda: codec.read(list[kind], body)) == expected
    for row in rows:
        assert outcome(lambda row=row: codec.load(kind, row)) == outcome(lambda row=row: by_rules(kind, [row])[0])


@given(some.lists(messages(), max_size=6), some.sampled_from([None, (",", ":"), (" , ", " : ")]), some.booleans())
@example([{"id": "a", "statuses": []}, {"id": "b", "statuses": [{"code": 201}]}], None, True)
@example([{"id": "a", "extra": {"x": 1}, "status": 5}], None, True)
@example([{"id": "a", "ID": "b"}, ["id"], "id", None, {"id": None}, {}], None, True)
def test_odd_messages_are_read_alike(rows: list[Any], separators: Any, ascii_only: bool) -> None:
    body = json.dumps(rows, separators=separators, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    _agree(Message, rows, body)


anything = some.recursive(
    some.none() | some.booleans() | some.sampled_from([*NUMBERS, *WORDS, *TIMES]),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.sampled_from(
        ["id", "name", "msisdn", "created", "views", "elements", "type", "value", "messageSummary", "201", "deliveryWindows",
         "priceSummary", "total", "opens", "tags", "status", "properties", "labels", "metadata", "level", "bold", "lastModified"]
    ), inner, max_size=6),
    max_leaves=12,
)  # fmt: skip


@given(some.sampled_from([Batch, Contact, LandingPage, Element, Blocked, Setting]), some.lists(anything, max_size=4))
@example(
    Batch, [{"id": "b", "messageSummary": {"201": {"messages": 1, "sms": 2}}, "deliveryWindows": [{"opens": TIMES[0]}]}]
)
@example(
    Batch,
    [{"id": "b", "status": 201, "priceSummary": {"total": 1.5, "currency": "SEK", "average": 0.3}, "tags": ["a"]}],
)
@example(Batch, [{"id": "b", "status": True, "priceSummary": None}])
@example(LandingPage, [{"id": "p", "elements": [{"type": "text", "bold": True, "level": 1}], "views": {"2026": 1}}])
@example(Setting, [{"name": "n", "value": None}, {"name": "m"}])
def test_anything_else_is_read_alike(kind: Any, rows: list[Any]) -> None:
    _agree(kind, rows, json.dumps(rows).encode("utf-8", "surrogatepass"))


@given(
    some.sampled_from(TIMES)
    | some.from_regex(r"\A2026-0[1-3]-[0-3][0-9]T[0-2][0-9]:00:59(\.[0-9]{0,9})?(Z|z|\+01:30)?\Z")
)
def test_times_are_read_alike(at: str) -> None:
    _agree(Blocked, [{"msisdn": "1", "created": at}], json.dumps([{"msisdn": "1", "created": at}]).encode())


@given(some.floats(allow_nan=False, allow_infinity=False) | some.integers(-(2**70), 2**70))
def test_amounts_are_read_alike(price: float) -> None:
    rows = [{"id": "m", "price": price}, {"id": "m", "price": -price}]
    _agree(Message, rows, json.dumps(rows).encode())


@pytest.mark.parametrize("bytes_", [b"", b"{", b"[1", b"\xff", b"nonsense", b"[" * 100_000, b'{"a":1}x'])
def test_what_is_no_json_is_refused(bytes_: bytes) -> None:
    with pytest.raises(codec.Mismatch, match=r"\Athe answer is not JSON\Z"):
        codec.read(list[Message], bytes_)


@pytest.mark.parametrize(
    "body", ['[{"id": "a"}]'.encode("utf-16"), b'\xef\xbb\xbf[{"id": "a"}]', b'[{"id": "\\ud800"}]']
)
def test_what_only_the_standard_library_reads_is_read(body: bytes) -> None:
    assert codec.read(list[Message], body) == codec.load(list[Message], json.loads(body))


@given(anything)
def test_plain_data_comes_back_from_json(data: Any) -> None:
    try:
        body = codec.encode(data)
    except UnicodeEncodeError:
        assert "\\ud800" in json.dumps(data)
        return
    assert _deep(codec.decode(body)) == _deep(json.loads(json.dumps(data)))


def test_numbers_that_json_has_no_word_for_are_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        Message(id="m", extra={"x": float("nan")}).to_dict()


def test_a_model_that_drops_unknown_names_still_looks_for_its_own_in_each_row() -> None:
    _agree(WithMeta, [{"unknown": 1}, {"meta": True}], b'[{"unknown": 1}, {"meta": true}]')


@pytest.mark.parametrize("kind", [Message, Setting])
def test_names_that_are_no_texts_are_refused(kind: Any) -> None:
    with pytest.raises(codec.Mismatch, match=r"a name in it is no text\Z"):
        kind.from_dict({"id": "m", "name": "n", 1: "x"})


def test_a_number_beyond_all_doubles_is_refused() -> None:
    body = b'{"totalCount": 1, "properties": [{"propertyName": "p", "averageLength": 1' + b"0" * 400 + b"}]}"
    with pytest.raises(codec.Mismatch, match="a number was promised"):
        codec.read(ContactSummary, body)


def test_every_listed_model_has_code_of_its_own() -> None:
    """Otherwise a list of it is read by the rules, five times as slowly."""
    listed = {row.returns for table in TABLES for row in table.rows.values() if isinstance(row, Walk)}
    assert listed == {each for each in listed if tolerant.fit(each)}


def test_a_value_cannot_be_told_from_one_that_was_made_by_hand() -> None:
    (read,) = codec.read(
        list[Message], b'[{"id":"m","statuses":[{"code":201,"created":"2026-01-02T08:00:05Z"}],"price":0.35}]'
    )
    change = status.StatusChange(code=status.Status(201), created=datetime(2026, 1, 2, 8, 0, 5, tzinfo=UTC))
    made = Message(id="m", statuses=(change,), price=Decimal("0.35"))
    assert (read, hash(read), repr(read)) == (made, hash(made), repr(made))
    assert pickle.loads(pickle.dumps(read)) == made
    with pytest.raises(AttributeError):
        read.id = "x"  # type: ignore[misc]
    with pytest.raises(TypeError, match="not changed"):
        read.extra["x"] = 1  # type: ignore[index]


def test_neighbours_share_what_they_have_in_common() -> None:
    rows = [{"id": str(at), "owner": "ip1-10000", "body": "Hello everybody", "type": "SMS"} for at in range(3)]
    body = json.dumps(rows).encode()
    for read in (codec.read(list[Message], body), codec.load(list[Message], json.loads(body))):
        assert len({id(each.owner) for each in read}) == len({id(each.body) for each in read}) == 1


@pytest.mark.parametrize("module", ["msgspec", "orjson"])
def test_nothing_is_lost_without_the_fast_libraries(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    for cached in (plain._decoder, plain._encoder, tolerant._from_json):
        cached.cache_clear()
    try:
        body = codec.encode([{"id": "m", "body": "Hej å", "price": 0.35}])
        assert codec.read(list[Message], body) == [Message(id="m", body="Hej å", price=Decimal("0.35"))]
    finally:
        for cached in (plain._decoder, plain._encoder, tolerant._from_json):
            cached.cache_clear()
