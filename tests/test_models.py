"""Models: what they refuse, what they keep, what they show."""

from __future__ import annotations

import pickle
import string
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ip1_async
from ip1_async import (
    OMITTED,
    Batch,
    Contact,
    ContactChange,
    ContactIds,
    DeliveryReport,
    DeliveryWindow,
    Element,
    Invalid,
    LandingPage,
    Matching,
    Message,
    NewBatch,
    NewContact,
    NewContacts,
    SettingValue,
    Status,
    reveal,
)

GOOD: dict[str, Any] = {"sender": "iP1", "recipients": ["46700000001"], "body": "Hello"}


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("sender", "a" * 12, "12 characters long"),
        ("sender", "iP.1", "other characters than"),
        ("sender", "", "empty"),
        ("sender", "0" * 16, "16 characters long"),
        ("sender", None, "None"),
        ("recipients", ["+46700000001"], "plus sign"),
        ("recipients", ["4670000000a"], "other characters than digits"),
        ("recipients", ["46700000001", "1" * 16], "16 digits long"),
        ("recipients", ["\u0664\u0666"], "other characters than digits"),
        ("recipients", [], "at least one recipient"),
        ("recipients", {"default": {"name": "x"}}, "at least one recipient"),
        ("recipients", "46700000001", "a list of MSISDNs"),
        ("recipients", [46700000001], "of type int"),
        ("recipients", {"46700000001": {"name": 1}}, "texts to texts"),
        ("body", "", "empty"),
        ("body", " \n", "only white space"),
        ("body", "x" * 2001, "2001 UTF-16 units"),
        ("body", "\U0001f600" * 1001, "2002 UTF-16 units"),
        ("body", "\ud800", "surrogate"),
        ("reference", "", "empty"),
        ("reference", "x" * 41, "41 characters long"),
        ("delivery_report_url", "example.com/x", "no absolute address"),
        ("delivery_report_url", "https://e.com/" + "x" * 2040, "2047"),
        ("tags", "vip", "a list of texts"),
        ("type", "mms", "allowed are sms, flash"),
        ("priority", 3, "allowed are 1, 2"),
        ("priority", True, "allowed are 1, 2"),
        ("datacoding", "utf8", "allowed are gsm, ucs"),
        ("delivery_windows", ["now"], "DeliveryWindow"),
    ],
)
def test_a_batch_that_the_provider_would_refuse_is_refused_naming_the_field(field: str, value: Any, said: str) -> None:
    with pytest.raises(Invalid) as caught:
        NewBatch(**{**GOOD, field: value})
    assert caught.value.field.partition("[")[0] == field
    assert said in str(caught.value)
    assert str(caught.value).startswith(field)
    assert isinstance(caught.value, ValueError)


def test_a_mark_is_checked_like_any_reference() -> None:
    with pytest.raises(Invalid, match="41 characters long"):
        NewBatch(**GOOD).marked("x" * 41)


def test_the_longest_body_and_reference_pass() -> None:
    batch = NewBatch(**{**GOOD, "body": "x" * 2000, "reference": "r" * 40})
    assert len(batch.body) == 2000


def test_a_text_that_grows_too_long_by_its_replacements_is_refused() -> None:
    recipients = {"46700000001": {"name": "Ann"}, "46700000002": {"name": "x" * 30}}
    with pytest.raises(Invalid, match="2009 UTF-16 units long for the recipient at position 1"):
        NewBatch(sender="iP1", recipients=recipients, body="y" * 1979 + "{name}")
    assert NewBatch(sender="iP1", recipients=recipients, body="y" * 1970 + "{name}")


def test_a_short_sender_is_left_to_the_server_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="fewer than 3"):
        NewBatch(**{**GOOD, "sender": "Ab"})


def test_a_window_needs_a_zone_and_an_order() -> None:
    with pytest.raises(Invalid, match="time zone"):
        DeliveryWindow(opens=datetime(2026, 1, 1))
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    with pytest.raises(Invalid, match="closes before it opens"):
        NewBatch(**GOOD, delivery_windows=[DeliveryWindow(opens=noon, closes=noon - timedelta(hours=1))])


def test_later_changes_of_the_callers_list_do_not_reach_the_batch() -> None:
    mine = ["46700000001"]
    batch = NewBatch(sender="iP1", recipients=mine, body="Hello")
    mine.append("46700000002")
    assert list(batch.recipients) == ["46700000001"]


def test_what_is_not_given_is_not_sent_and_null_is_sent_where_it_means_something() -> None:
    assert "reference" not in NewBatch(**GOOD).to_dict()
    assert SettingValue(None).to_dict() == {"value": None}
    assert ContactChange(properties={"email": None}).to_dict() == {"properties": {"email": None}}
    assert ContactChange(labels=None).to_dict() == {"properties": {}, "labels": None}
    assert ContactChange(properties={"a": "b"}).labels is OMITTED


def test_lists_are_sent_bare_and_query_flags_stay_out_of_the_body() -> None:
    assert NewContacts([NewContact(properties={"a": "b"})], sync=True).to_dict() == [
        {"properties": {"a": "b"}, "labels": []}
    ]
    assert ContactIds(["c"]).to_dict() == ["c"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: NewContacts([]),
        lambda: NewContacts([NewContact(properties={})] * 1001, sync=True),
        lambda: NewContacts(["x"]),  # type: ignore[list-item]
        lambda: ContactIds([]),
        lambda: ContactIds("abc"),
        lambda: ContactChange(),
        lambda: ContactChange(labels="vip"),
        lambda: Matching(),
        lambda: Matching(labels=["a"], everything=True),
        lambda: NewContact(properties={"a": 1}),  # type: ignore[dict-item]
        lambda: SettingValue("not an address"),
    ],
)
def test_other_values_are_refused_too(make: Any) -> None:
    with pytest.raises(Invalid):
        make()


def test_unknown_fields_survive_a_read_modify_write() -> None:
    page = LandingPage.from_dict({"id": "p", "name": "Spring", "theme": {"dark": True}})
    assert page.edit(name="Summer").to_dict() == {"name": "Summer", "theme": {"dark": True}}
    contact = Contact.from_dict({"id": "c", "properties": {"a": "b"}, "labels": ["x"], "score": 7})
    assert contact.edit(labels=[]).to_dict() == {"properties": {"a": "b"}, "labels": [], "score": 7}
    element = Element.from_dict({"type": "Video", "id": "e", "url": "https://x", "level": 2})
    assert element.edit(level=3).to_dict() == {"type": "Video", "level": 3, "url": "https://x"}
    assert next(iter(element.edit().to_dict())) == "type"


def test_a_message_tells_its_latest_status_and_whether_it_has_ended() -> None:
    message = Message.from_dict(
        {
            "id": "m",
            "statuses": [
                {"code": 201, "duration": 0, "created": "2026-01-02T08:00:05Z"},
                {"code": 101, "duration": 0, "created": "2026-01-02T08:00:00Z"},
                {"code": 104, "duration": 0, "created": "2026-01-02T08:00:09Z"},
            ],
        }
    )
    assert message.status == 104
    assert message.is_final
    assert Message(id="m").status == 0
    assert not Message(id="m").is_final


def test_statuses_know_their_group_by_the_first_digit() -> None:
    assert [Status(code).group for code in (114, 299, 404, 599, 7, 301)] == [
        "info",
        "success",
        "rejection",
        "error",
        "unknown",
        "unknown",
    ]
    assert Status(201).name == "DeliveredToHandset"
    assert Status(599).name is None
    assert str(Status(402)) == "402 InsufficientFunds"
    assert Status(203).is_final
    assert not Status(113).is_final


def test_money_is_exact() -> None:
    message = Message.from_dict({"id": "m", "price": 0.35, "segments": 5, "currency": "SEK"})
    assert message.price == Decimal("0.35")
    assert message.price_per_segment == Decimal("0.07")


words = st.text(string.ascii_letters, min_size=1, max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
)
stamps = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
codes = st.integers(100, 599)


@given(
    st.fixed_dictionaries(
        {"id": words},
        optional={
            "sender": words,
            "body": st.text(max_size=20),
            "templated": st.booleans(),
            "priority": st.integers(1, 2),
            "status": codes,
            "tags": st.lists(words, max_size=3),
            "priceSummary": st.fixed_dictionaries(
                {"total": st.integers(0, 10**6).map(lambda n: n / 10_000), "currency": st.sampled_from(["SEK", "eur"])}
            ),
            "messageSummary": st.dictionaries(
                codes.map(str),
                st.fixed_dictionaries({"messages": st.integers(0, 9), "sms": st.integers(0, 9)}),
                max_size=3,
            ),
            "deliveryWindows": st.lists(st.fixed_dictionaries({"opens": stamps.map(datetime.isoformat)}), max_size=2),
            "xNew": json_values,
        },
    )
)
def test_what_was_read_can_be_written_and_read_again(data: dict[str, Any]) -> None:
    batch = Batch.from_dict(data)
    assert Batch.from_dict(batch.to_dict()) == batch
    assert pickle.loads(pickle.dumps(batch)) == batch
    assert batch.extra == ({"xNew": data["xNew"]} if "xNew" in data else {})


@given(
    st.builds(
        NewBatch,
        sender=st.from_regex(r"[0-9A-Za-z]{3,11}", fullmatch=True),
        recipients=st.lists(st.from_regex(r"[0-9]{1,15}", fullmatch=True), min_size=1, max_size=5)
        | st.dictionaries(
            st.from_regex(r"[0-9]{1,15}", fullmatch=True),
            st.dictionaries(words, words, max_size=2),
            min_size=1,
            max_size=3,
        ),
        body=st.text(string.printable, min_size=1, max_size=30).filter(str.strip),
        type=st.sampled_from(["sms", "flash"]),
        reference=st.none() | words,
        tags=st.lists(words, max_size=3),
    )
)
def test_what_is_to_be_sent_can_be_read_back(batch: NewBatch) -> None:
    assert NewBatch.from_dict(batch.to_dict()) == batch


CANARY_NUMBER, CANARY_TEXT = "46709999111", "canary in a text"


def canaries() -> list[Any]:
    values = {"phoneNumber": "+" + CANARY_NUMBER, "note": CANARY_TEXT}
    return [
        NewBatch(sender=CANARY_NUMBER, recipients=[CANARY_NUMBER], body=CANARY_TEXT, reference=CANARY_TEXT),
        NewBatch(sender="iP1", recipients={CANARY_NUMBER: {"a": CANARY_TEXT}}, body=CANARY_TEXT),
        Batch(id="b", sender=CANARY_NUMBER, body=CANARY_TEXT, extra={"x": CANARY_TEXT}),
        Message(id="m", sender=CANARY_NUMBER, recipient=CANARY_NUMBER, body=CANARY_TEXT, reference=CANARY_TEXT),
        DeliveryReport(message_id="m", code=Status(201), recipient=CANARY_NUMBER, reference=CANARY_TEXT),
        Contact(id="c", properties=values, metadata={"phoneNumber": {"parsedMSISDN": CANARY_NUMBER}}),
        NewContact(properties=values),
        NewContacts([NewContact(properties=values)]),
        ContactChange(properties=values),
        Matching(properties=values, metadata={"phoneNumber.parsedMSISDN": CANARY_NUMBER}),
        ip1_async.ContactQuery(properties=values),
        ip1_async.Blocked(msisdn=CANARY_NUMBER),
        ip1_async.Sender(sender=CANARY_NUMBER),
        ip1_async.ConversationSummary(participant=CANARY_NUMBER),
        ip1_async.PhoneNumbers([CANARY_NUMBER]),
        ip1_async.PhoneNumber(is_valid=True, e164="+" + CANARY_NUMBER),
        ip1_async.Account(id="ip1-1", key=CANARY_TEXT),
    ]


@pytest.mark.parametrize("value", canaries(), ids=lambda value: type(value).__name__)
def test_no_repr_shows_a_number_or_a_text(value: Any) -> None:
    assert CANARY_NUMBER not in repr(value)
    assert CANARY_TEXT not in repr(value)


def test_one_switch_reveals_them_but_never_a_key() -> None:
    reveal()
    try:
        assert CANARY_NUMBER in repr(Message(id="m", recipient=CANARY_NUMBER))
        assert CANARY_TEXT in repr(Message(id="m", body=CANARY_TEXT))
        assert CANARY_TEXT not in repr(ip1_async.Account(id="ip1-1", key=CANARY_TEXT))
    finally:
        reveal(False)


def test_every_model_is_frozen_and_keyword_only_where_it_has_several_fields() -> None:
    models = [getattr(ip1_async, name) for name in ip1_async.__all__ if attrs.has(getattr(ip1_async, name))]
    assert len(models) > 25
    for model in models:
        assert model.__setattr__ is not object.__setattr__, model


def test_from_dict_says_which_field_is_wrong_and_not_what_it_holds() -> None:
    with pytest.raises(ValueError, match=r"Batch.priority: a whole number was promised, there is a text") as caught:
        Batch.from_dict({"id": "b", "priority": CANARY_TEXT})
    assert CANARY_TEXT not in str(caught.value)
    with pytest.raises(ValueError, match="without id"):
        Batch.from_dict({})
    with pytest.raises(ValueError, match="there is null"):
        Batch.from_dict({"id": None})
