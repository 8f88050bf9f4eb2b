"""Where the provider's documents contradict each other or are silent, and what a tolerant client does: one test a case.

The numbers are those of the list that the project keeps of them in docs/contradictions.md.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from ip1_async import (
    BadRequest,
    Batch,
    Blocked,
    Client,
    Contact,
    ContactSummary,
    DeliveryReport,
    Invalid,
    LandingPage,
    Message,
    NewBatch,
    NewContact,
    NewElement,
    OutcomeUnknown,
    Overview,
    RateLimited,
    Rejected,
    Setting,
    Status,
    Undecodable,
)
from ip1_async.api import TABLES, Contacts, Conversations, LandingPages
from ip1_async.wire import links, next_start, problem
from tests.scripted import Answer, Asked, Scripted

NUMBER = "46700000001"


def client(server: Scripted, **options: Any) -> Client:
    return Client("token", base_url=server.url, **options)


def rows(*ids: int) -> list[dict[str, Any]]:
    return [{"id": str(each)} for each in ids]


def listing(total: int, *, cap: int = 1000, link: Callable[[int, int], str] | None = None) -> Callable[[Asked], Answer]:
    """A collection of that many batches, paged by offset."""

    def answer(asked: Asked) -> Answer:
        start, limit = int(asked.query["start"]), min(cap, int(asked.query["limit"]))
        found = rows(*range(total)[start : start + limit])
        more = start + limit < total
        headers = (
            {} if link is None else {"Link": link(start + limit, limit) if more else '<http://x/?start=0>; rel="first"'}
        )
        return Answer(found, headers=headers)

    return answer


async def collected(server: Scripted, **paging: Any) -> list[int]:
    async with client(server) as ip1:
        return [int(batch.id) for batch in await ip1.batches.list(**paging).collect()]


async def test_01_link_offsets_one_too_high_lose_nothing() -> None:
    async with Scripted(
        listing(25, link=lambda start, limit: f'<http://x/v2/batches?start={start + 1}&limit={limit}>; rel="next"')
    ) as server:
        assert await collected(server, limit=10) == list(range(25))


@pytest.mark.parametrize(
    "form",
    ['<{}>; rel="next"', '<{}> rel="next"', "<{}>; rel=next", '<{}>;REL="Next"', '<{}>; title="a, b"; rel="next"'],
)
async def test_02_links_are_read_with_and_without_a_semicolon(form: str) -> None:
    url = "https://api.example.com/v2/batches?start=7&limit=2"
    assert links(form.format(url) + ', <https://x/>; rel="last"') == {"next": url, "last": "https://x/"}
    async with Scripted(
        listing(5, link=lambda start, limit: form.format(f"http://x/?start={start}&limit={limit}"))
    ) as server:
        assert await collected(server, limit=2) == list(range(5))


async def test_03_pages_are_asked_200_rows_long_and_a_server_that_gives_fewer_loses_nothing() -> None:
    async with Scripted(listing(120, cap=50)) as server:
        assert await collected(server) == list(range(120))
        assert {asked.query["limit"] for asked in server.asked} == {"200"}


async def test_04_no_total_is_offered() -> None:
    async with Scripted(listing(3)) as server, client(server) as ip1:
        assert not hasattr(ip1.batches.list(), "total")


async def test_05_a_429_is_obeyed_and_the_client_has_a_rate_of_its_own() -> None:
    async with Scripted(Answer(status=429, headers={"Retry-After": "90"})) as server, client(server) as ip1:
        assert ip1.calls.choices.rate == 50
        with pytest.raises(RateLimited) as caught:
            await ip1.account.overview()
        assert caught.value.retry_after == 90
        assert len(server.asked) == 1


async def test_06_a_send_is_not_repeated_and_carries_a_unique_reference() -> None:
    async with Scripted(Answer(status=500)) as server, client(server) as ip1:
        references = set()
        for _ in range(2):
            with pytest.raises(OutcomeUnknown) as caught:
                await ip1.batches.send(sender="iP1", recipients=[NUMBER], body="Hello")
            references.add(caught.value.reference)
        assert {asked.json["reference"] for asked in server.asked} == references
        assert len(references) == len(server.asked) == 2


@pytest.mark.parametrize(
    ("body", "title", "detail", "errors"),
    [
        ({"title": "T", "detail": "D", "status": 400}, "T", "D", {}),
        ({"title": "T", "errors": {"Sender": ["bad", "worse"]}}, "T", None, {"Sender": ("bad", "worse")}),
        ({"statusCode": 401, "message": "M"}, None, "M", {}),
        ({"Message": "M", "ModelState": {"a.b": ["c"]}}, None, "M", {"a.b": ("c",)}),
        ({"error": "E", "error_description": "D"}, "E", "D", {}),
        ({"errors": {"x": "one"}}, None, None, {"x": ("one",)}),
        (b"plain words", None, "plain words", {}),
        (b"", None, None, {}),
    ],
)
async def test_07_every_known_error_body_is_understood(
    body: Any, title: str | None, detail: str | None, errors: dict[str, Any]
) -> None:
    async with Scripted(Answer(body, status=400)) as server, client(server) as ip1:
        with pytest.raises(BadRequest) as caught:
            await ip1.account.overview()
    assert (caught.value.title, caught.value.detail, caught.value.errors) == (title, detail, errors)


@pytest.mark.parametrize("body", [b"[" * 100_000, b"\xff\xfe", b"null", b"3", b"[1]"])
def test_07_error_bodies_of_no_known_form_are_kept_as_words(body: bytes) -> None:
    assert problem(body).errors == {}


@pytest.mark.parametrize(
    "answer",
    [
        Answer({"id": "b1"}, status=200),
        Answer({"id": "b1", "sender": "iP1", "body": "Hello"}, status=201),
        Answer([{"id": "b1"}], status=202),
        Answer(None, status=201, headers={"Location": "https://api.example.com/v2/batches/b1"}),
        Answer(None, status=202, headers={"Location": "/v2/batches/b1/"}),
    ],
)
async def test_08_a_send_understands_an_object_an_array_and_a_location(answer: Answer) -> None:
    async with Scripted(answer) as server, client(server) as ip1:
        batch = await ip1.batches.send(sender="iP1", recipients=[NUMBER], body="Hello", reference="r")
    assert (batch.id, batch.sender, batch.body) == ("b1", "iP1", "Hello")


async def test_08_a_send_that_was_accepted_without_naming_the_batch_says_so() -> None:
    async with Scripted(Answer(None, status=202)) as server, client(server) as ip1:
        with pytest.raises(OutcomeUnknown) as caught:
            await ip1.batches.send(sender="iP1", recipients=[NUMBER], body="Hello", reference="r")
    assert caught.value.accepted
    assert caught.value.reference == "r"


@pytest.mark.parametrize(
    ("answer", "given"), [(Answer(status=204), None), (Answer(status=200), None), (Answer({"id": "b1"}), "b1")]
)
async def test_09_a_cancel_is_fine_with_or_without_a_body(answer: Answer, given: str | None) -> None:
    async with Scripted(answer) as server, client(server) as ip1:
        batch = await ip1.batches.cancel("b1")
    assert (batch.id if batch else None) == given


async def test_10_one_send_is_one_batch_however_many_recipients() -> None:
    async with Scripted(Answer({"id": "b1"})) as server, client(server) as ip1:
        await ip1.batches.send(sender="iP1", recipients=[str(46700000000 + each) for each in range(2500)], body="Hello")
    assert [len(asked.json["recipients"]) for asked in server.asked] == [2500]


def test_11_a_sender_of_one_or_two_letters_is_left_to_the_server() -> None:
    with pytest.warns(UserWarning, match="fewer than 3"):
        NewBatch(sender="A", recipients=[NUMBER], body="Hello")


def test_12_a_sender_is_letters_and_digits_only() -> None:
    for sender in ("iP.1", "My Shop", "Åsa"):
        with pytest.raises(Invalid):
            NewBatch(sender=sender, recipients=[NUMBER], body="Hello")


def test_13_enums_are_read_in_any_case_and_sent_in_lower_case() -> None:
    message = Message.from_dict({"id": "m", "direction": "MT", "type": "SMS", "datacoding": "GSM"})
    assert (message.direction, message.type, message.datacoding) == ("mt", "sms", "gsm")
    assert Message.from_dict({"id": "m", "type": "Hologram"}).type == "hologram"
    sent = NewBatch(sender="iP1", recipients=[NUMBER], body="Hello", type="flash", datacoding="gsm").to_dict()
    assert (sent["type"], sent["datacoding"]) == ("flash", "gsm")


async def test_14_enums_are_read_as_integers_and_a_direction_is_never_guessed() -> None:
    numbers = {
        "id": "m",
        "type": 0,
        "datacoding": 2,
        "priority": 2,
        "direction": 1,
        "sender": NUMBER,
        "recipient": "46700000099",
    }
    message = Message.from_dict(numbers)
    assert (message.type, message.datacoding, message.priority, message.direction) == ("flash", "ucs", 2, "unknown")
    assert Message.from_dict({"id": "m", "type": 1, "datacoding": 0}).type == "sms"
    async with Scripted(Answer([numbers])) as server, client(server) as ip1:
        assert [m.direction for m in await ip1.conversations.outgoing(NUMBER)] == ["mt"]
        assert [m.direction for m in await ip1.conversations.incoming(NUMBER)] == ["mo"]
        assert [m.direction for m in await ip1.conversations.messages(NUMBER)] == ["mo"]
        assert [m.direction for m in await ip1.conversations.messages("46700000099")] == ["mt"]
        assert [m.direction for m in await ip1.conversations.messages("46700000055")] == ["unknown"]


@pytest.mark.parametrize("name", ["messageId", "id"])
def test_15_a_report_names_its_message_in_two_ways(name: str) -> None:
    assert DeliveryReport.from_dict({name: "m1", "code": 201}).message_id == "m1"


def test_16_a_code_is_a_number_also_as_a_text_or_a_key() -> None:
    assert DeliveryReport.from_dict({"id": "m", "code": "201"}).code == 201
    assert (
        Batch.from_dict({"id": "b", "messageSummary": {"201": {"messages": 1, "sms": 2}}})
        .message_summary[Status(201)]
        .sms
        == 2
    )


def test_17_final_is_what_duration_or_the_group_says() -> None:
    for code, duration, final in (
        (201, 0, True),
        (201, 1, True),
        (112, 1, True),
        (112, 0, False),
        (404, 0, True),
        (599, 0, True),
    ):
        assert Message.from_dict({"id": "m", "statuses": [{"code": code, "duration": duration}]}).is_final is final


def test_18_codes_without_a_visible_name_have_their_number_and_group() -> None:
    for code in (404, 408, 409, 500, 511, 516, 599):
        assert Status(code).name is None
        assert str(Status(code)) == str(code)
        assert Status(code).group in ("rejection", "error")


def test_19_codes_that_are_in_no_document_are_kept() -> None:
    assert Status(114).name == "QueuedAtGateway"
    message = Message.from_dict({"id": "m", "statuses": [{"code": 177, "duration": 0}]})
    assert message.status == 177
    assert message.status.group == "info"


def test_20_booleans_of_the_metadata_are_texts_and_are_converted_on_request() -> None:
    contact = Contact.from_dict(
        {"id": "c", "metadata": {"phoneNumber": {"isBlocked": "false", "isValidPhoneNumber": "True"}}}
    )
    assert contact.metadata["phoneNumber"]["isBlocked"] == "false"
    assert contact.flag("isBlocked") is False
    assert contact.flag("isValidPhoneNumber") is True
    assert contact.flag("other") is None


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-02T03:04:05.123",
        "2026-01-02T03:04:05.123Z",
        "2026-01-02T03:04:05.1230000+00:00",
        "2026-01-02T05:04:05.123+02:00",
    ],
)
def test_21_a_time_without_a_zone_is_utc(text: str) -> None:
    assert Blocked.from_dict({"msisdn": NUMBER, "created": text}).created == datetime(2026, 1, 2, 3, 4, 5, 123000, UTC)


def test_22_every_path_begins_with_its_version() -> None:
    for table in TABLES:
        for row in table.rows.values():
            assert row.path.startswith(("/v2/", "/api/")), row
    assert {
        row.path.split("/")[1] for table in TABLES for row in table.rows.values() if "me" in row.path.split("/")
    } == {"v2", "api"}


def test_23_deleting_is_a_delete_and_reading_a_get() -> None:
    assert Contacts.delete.method == LandingPages.delete.method == "DELETE"
    assert Conversations.messages.method == "GET"


def test_24_stray_spaces_are_taken_off_names_and_never_off_values() -> None:
    batch = Batch.from_dict(
        {" id": "b", " body": " two  spaces ", "messageSummary ": {"201": {" messages": 1, " sms": 1}}}
    )
    assert batch.body == " two  spaces "
    assert batch.message_summary[Status(201)].messages == 1


URL = "https://example.com/mo"


@pytest.mark.parametrize(
    "body",
    [
        URL, {"value": URL}, {"name": "IncomingCallbackUrl", "value": URL}, {"setting": "IncomingCallbackUrl", "value": URL},
        [{"name": "IncomingCallbackUrl", "value": URL}], {"IncomingCallbackUrl": URL}, {"Value": URL},
    ],
)  # fmt: skip
async def test_25_settings_are_read_in_every_form(body: Any) -> None:
    async with Scripted(Answer(body)) as server, client(server) as ip1:
        assert await ip1.settings.get("IncomingCallbackUrl") == Setting(name="IncomingCallbackUrl", value=URL)
        if not isinstance(body, str) and "Value" not in body and body != {"value": URL}:
            assert await ip1.settings.list() == [Setting(name="IncomingCallbackUrl", value=URL)]


async def test_25_settings_are_written_in_the_form_that_is_chosen() -> None:
    async with Scripted(Answer({"value": URL})) as server, client(server) as ip1:
        await ip1.settings.set("IncomingCallbackUrl", URL)
        await ip1.with_options(settings_body="bare").settings.set("IncomingCallbackUrl", URL)
        await ip1.with_options(settings_body="bare").settings.set("IncomingCallbackUrl", None)
        assert [asked.json for asked in server.asked] == [{"value": URL}, URL, None]


async def test_26_a_number_is_blacklisted_by_a_put_without_a_body() -> None:
    async with (
        Scripted(Answer({"msisdn": NUMBER, "created": "2026-01-02T03:04:05.123"})) as server,
        client(server) as ip1,
    ):
        await ip1.blacklist.add(NUMBER)
    assert [(asked.method, asked.body) for asked in server.asked] == [("PUT", b"")]
    assert (
        "Content-Type" not in server.asked[0].headers or server.asked[0].headers["Content-Type"] != "application/json"
    )


async def test_27_a_sender_is_registered_without_a_body_or_with_its_name() -> None:
    async with Scripted(Answer({"sender": "Shop"})) as server, client(server) as ip1:
        await ip1.senders.register("Shop")
        await ip1.with_options(senders_body="named").senders.register("Shop")
    assert [asked.body for asked in server.asked] == [b"", b'{"sender":"Shop"}']


async def test_28_elements_of_any_type_pass_and_send_their_type_first() -> None:
    async with Scripted(Answer({"type": "Map", "id": "e1", "zoom": 3})) as server, client(server) as ip1:
        element = await ip1.landing_pages.elements("p").create(NewElement(type="Map", content="x", extra={"zoom": 3}))
    assert element.extra == {"zoom": 3}
    assert server.asked[0].body.startswith(b'{"type":"Map"')
    assert server.asked[0].json["zoom"] == 3


async def test_29_several_labels_are_sent_as_a_repeated_parameter() -> None:
    async with Scripted(Answer([])) as server, client(server) as ip1:
        await ip1.contacts.list(labels=["a", "b"], properties={"phoneNumber": "+467"})
    query = server.asked[0].query
    assert query.getall("labels") == ["a", "b"]
    assert query["properties[phoneNumber]"] == "+467"


async def test_30_a_patch_is_json() -> None:
    async with Scripted(Answer({"id": "c"})) as server, client(server) as ip1:
        await ip1.contacts.update("c", properties={"a": "b"})
    assert server.asked[0].headers["Content-Type"] == "application/json"


async def test_31_a_report_can_be_confirmed_by_reading_its_message() -> None:
    report = DeliveryReport.from_dict({"messageId": "m", "batchId": "b", "code": 201})
    async with (
        Scripted(Answer({"id": "m", "batchId": "b", "statuses": [{"code": 405, "duration": 1}]})) as server,
        client(server) as ip1,
    ):
        message = await ip1.batches.message(report.batch_id, report.message_id)
    assert message.status != report.code


def test_32_incoming_messages_are_told_apart_by_their_id() -> None:
    told = {
        "id": "m",
        "direction": "mt",
        "sender": NUMBER,
        "statuses": [{"code": 201, "duration": 1, "created": "2026-01-02T09:00:00Z"}],
    }
    assert Message.from_dict(told).id == Message.from_dict(dict(told)).id == "m"
    assert Message.from_dict(told) == Message.from_dict(dict(told))


def test_33_the_price_of_a_segment_is_the_price_by_the_segments() -> None:
    assert Message.from_dict({"id": "m", "price": 0.7, "segments": 2}).price_per_segment == Decimal("0.35")
    assert Message(id="m").price_per_segment is None


def test_34_currencies_and_account_types_come_in_any_case() -> None:
    for currency, type in (("SEK", "Swedish"), ("sek", "swedish")):
        overview = Overview.from_dict({"Account": "ip1-1", "Type": type, "Currency": currency, "Balance": -1.5})
        assert (overview.currency, overview.type, overview.balance) == ("sek", "swedish", Decimal("-1.5"))


def test_35_the_status_of_a_batch_is_information_only() -> None:
    assert Batch.from_dict({"id": "b", "status": 112}).status == 112
    assert Batch.from_dict({"id": "b", "status": None}).status == 0


def test_36_the_coding_is_always_said_when_sending() -> None:
    assert NewBatch(sender="iP1", recipients=[NUMBER], body="Hello").to_dict()["datacoding"] == "ucs"


async def test_37_a_contact_names_itself_in_the_body_of_an_update() -> None:
    async with Scripted(Answer({"id": "c"})) as server, client(server) as ip1:
        await ip1.contacts.update("c", properties={"a": "b"})
        await ip1.contacts.replace("c", NewContact(properties={"a": "b"}))
        await ip1.children.rename("ip1-2", name="Support")
    assert [asked.json.get("id") or asked.json.get("ID") for asked in server.asked] == ["c", "c", "ip1-2"]


async def test_38_flags_are_sent_with_the_value_true() -> None:
    async with Scripted(Answer([])) as server, client(server) as ip1:
        await ip1.contacts.create([NewContact(properties={"a": "b"})], sync=True)
        await ip1.contacts.list(meta=True)
        await ip1.contacts.list()
    assert [asked.query.get("sync") or asked.query.get("meta") for asked in server.asked] == ["true", "true", None]


async def test_an_answer_that_is_json_but_not_what_was_promised_is_undecodable() -> None:
    async with Scripted(Answer({"total": 3})) as server, client(server) as ip1:
        with pytest.raises(Undecodable) as caught:
            await ip1.batches.get("b")
    assert caught.value.raw == b'{"total": 3}'
    assert (
        ContactSummary.from_dict({"totalCount": 2, "properties": [{"propertyName": "a", "averageLength": 1.5}]})
        .properties[0]
        .average_length
        == 1.5
    )
    assert LandingPage.from_dict({"id": "p", "views": {"2026": 3}}).views == {"2026": 3}


def test_a_link_without_a_usable_offset_does_not_end_a_walk() -> None:
    assert next_start('<https://x/?page=2>; rel="next"') == (False, None)
    assert next_start('<https://x/?start=2>; rel="first"') == (True, None)
    assert next_start(None) == (False, None)
    assert Rejected.answered(418, None, None, {}).status == 418
