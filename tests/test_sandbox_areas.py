"""The sandbox's lists, settings, accounts, landing pages and lookup, as raw JSON on a real socket."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ip1_async.clock import ManualClock
from ip1_async.sandbox import phones
from tests.raw import NOBODY, Caller, sandbox_caller


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def call(clock: ManualClock) -> AsyncIterator[Caller]:
    async with sandbox_caller(clock) as caller:
        yield caller


@pytest.fixture
async def child(call: Caller) -> Caller:
    made = await call("POST", "/api/me/children", {"Name": "Support"})
    return call.as_holder_of(made["Key"])


# Senders


async def test_senders_are_listed_in_alphabetical_order(call: Caller) -> None:
    for sender in ("Zebra", "apple", "4670000"):
        await call("PUT", f"/v2/me/senders/{sender}")
    names = [each["sender"] for each in await call("GET", "/v2/me/senders")]
    assert names == ["4670000", "apple", "iP1", "iP1sms", "Zebra"]
    assert [each["sender"] for each in await call("GET", "/v2/me/senders?order=DESC&limit=2")] == ["Zebra", "iP1sms"]


async def test_registering_a_sender_twice_changes_nothing_and_no_body_is_looked_at(
    call: Caller, clock: ManualClock
) -> None:
    first = await call("PUT", "/v2/me/senders/Example")
    assert first == {"sender": "Example", "created": "2026-01-01T00:00:00Z"}
    await clock.advance(60)
    assert await call("PUT", "/v2/me/senders/Example", {"sender": "Example"}) == first
    assert await call("PUT", "/v2/me/senders/Example", None) == first
    assert await call("GET", "/v2/me/senders/Example") == first


async def test_a_removed_sender_is_answered_and_then_gone(call: Caller) -> None:
    made = await call("PUT", "/v2/me/senders/Example")
    assert await call("DELETE", "/v2/me/senders/Example") == made
    await call("GET", "/v2/me/senders/Example", expect=404)
    await call("DELETE", "/v2/me/senders/Example", expect=404)


@pytest.mark.parametrize("sender", ["ab", "TwelveLetter", "i.P1", "a%20b", "1234567890123456", "%C3%A5%C3%A4%C3%B6"])
async def test_a_sender_that_breaks_the_rule_is_refused_by_name(call: Caller, sender: str) -> None:
    await call.refused("sender", "PUT", f"/v2/me/senders/{sender}")


@pytest.mark.parametrize("sender", ["abc", "ElevenChars", "467", "123456789012345"])
async def test_a_sender_at_the_edge_of_the_rule_is_registered(call: Caller, sender: str) -> None:
    assert (await call("PUT", f"/v2/me/senders/{sender}"))["sender"] == sender


# Blacklist


async def test_a_blacklist_entry_has_milliseconds_and_no_zone(call: Caller, clock: ManualClock) -> None:
    await clock.advance(1.25)
    made = await call("PUT", "/v2/blacklist/46700000001")
    assert made == {"msisdn": "46700000001", "created": "2026-01-01T00:00:01.250"}
    await clock.advance(60)
    assert await call("PUT", "/v2/blacklist/46700000001") == made
    assert await call("GET", "/v2/blacklist/46700000001") == made
    assert await call("GET", "/v2/blacklist") == [made]


async def test_a_removed_blacklist_entry_is_answered_and_then_gone(call: Caller) -> None:
    made = await call("PUT", "/v2/blacklist/46700000001")
    assert await call("DELETE", "/v2/blacklist/46700000001") == made
    await call("GET", "/v2/blacklist/46700000001", expect=404)
    await call("DELETE", "/v2/blacklist/46700000001", expect=404)
    assert await call("GET", "/v2/blacklist") == []


@pytest.mark.parametrize("msisdn", ["%2B46700000001", "0123456789012345", "46-70", "abc", "%D9%A1%D9%A2%D9%A3"])
async def test_a_blacklist_entry_is_refused_unless_it_is_an_msisdn(call: Caller, msisdn: str) -> None:
    await call.refused("msisdn", "PUT", f"/v2/blacklist/{msisdn}")


async def test_the_blacklist_pages_with_links(call: Caller) -> None:
    for number in range(5):
        await call("PUT", f"/v2/blacklist/4670000000{number}")
    answer = await call.ask("GET", "/v2/blacklist?start=2&limit=2&order=DESC")
    assert [each["msisdn"] for each in answer.json] == ["46700000002", "46700000001"]
    assert 'rel="next"' in answer.headers["Link"]
    assert 'rel="next"' not in (await call.ask("GET", "/v2/blacklist?start=4&limit=2")).headers["Link"]


# Settings


@pytest.mark.parametrize(
    "body", [{"value": "https://example.com/in"}, {"VALUE": "https://example.com/in"}, "https://example.com/in"]
)
async def test_a_setting_is_set_by_an_object_or_a_bare_text(call: Caller, body: Any) -> None:
    shown = {"name": "IncomingCallbackUrl", "value": "https://example.com/in"}
    assert await call("PUT", "/v2/me/sms/settings/IncomingCallbackUrl", body) == shown
    assert await call("GET", "/v2/me/sms/settings/IncomingCallbackUrl") == shown
    assert await call("GET", "/v2/me/sms/settings") == [shown]


@pytest.mark.parametrize("off", [{"value": None}, None])
async def test_a_setting_is_switched_off_by_null(call: Caller, off: Any) -> None:
    await call("PUT", "/v2/me/sms/settings/IncomingCallbackUrl", {"value": "http://example.com"})
    shown = await call("PUT", "/v2/me/sms/settings/IncomingCallbackUrl", off)
    assert shown == {"name": "IncomingCallbackUrl", "value": None}


async def test_a_reset_setting_is_null_again_and_answered_without_a_body(call: Caller) -> None:
    await call("PUT", "/v2/me/sms/settings/IncomingCallbackUrl", {"value": "http://example.com"})
    assert await call("DELETE", "/v2/me/sms/settings/IncomingCallbackUrl", expect=204) is None
    assert await call("GET", "/v2/me/sms/settings/IncomingCallbackUrl") == {
        "name": "IncomingCallbackUrl",
        "value": None,
    }


@pytest.mark.parametrize(
    "value", ["/in", "ftp://example.com", "https://", "https://exa mple.com", "", 5, ["https://example.com"]]
)
async def test_a_setting_is_refused_unless_it_is_an_absolute_address(call: Caller, value: Any) -> None:
    await call.refused("value", "PUT", "/v2/me/sms/settings/IncomingCallbackUrl", {"value": value})
    await call.refused("value", "PUT", "/v2/me/sms/settings/IncomingCallbackUrl", value)


async def test_setting_nothing_at_all_is_refused(call: Caller) -> None:
    await call.refused("value", "PUT", "/v2/me/sms/settings/IncomingCallbackUrl", {})
    assert (await call.ask("PUT", "/v2/me/sms/settings/IncomingCallbackUrl")).status == 400


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_there_is_no_other_setting(call: Caller, method: str) -> None:
    await call(method, "/v2/me/sms/settings/Colour", *([{"value": None}] if method == "PUT" else []), expect=404)


# Accounts


async def test_the_overview_is_of_the_caller(call: Caller) -> None:
    overview = await call("GET", "/api/me")
    assert set(overview) == {"Account", "Organization", "Type", "Balance", "Currency"}
    assert overview["Account"] == "ip1-10000"
    assert isinstance(overview["Balance"], float)


async def test_the_details_hold_the_key_that_is_the_token(call: Caller) -> None:
    details = await call("GET", "/api/me/account")
    assert set(details) == {"Key", "Parent", "Type", "Balance", "Currency", "ID", "Name"}
    assert (details["ID"], details["Parent"], details["Key"]) == ("ip1-10000", None, call.token)


async def test_a_sub_account_is_made_like_its_parent_and_its_key_is_its_token(call: Caller) -> None:
    made = await call("POST", "/api/me/children", {"name": "Support"})
    parent = await call("GET", "/api/me/account")
    assert (made["Name"], made["Parent"], made["Balance"]) == ("Support", "ip1-10000", 0.0)
    assert (made["Type"], made["Currency"]) == (parent["Type"], parent["Currency"])
    assert await call("GET", f"/api/me/children/{made['ID']}") == made
    assert (await call.as_holder_of(made["Key"])("GET", "/api/me"))["Account"] == made["ID"]


async def test_all_sub_accounts_come_in_one_array_without_links(call: Caller) -> None:
    made = [await call("POST", "/api/me/children", {"Name": f"Shop {each}"}) for each in range(60)]
    answer = await call.ask("GET", "/api/me/children?limit=5")
    assert answer.json == made
    assert "Link" not in answer.headers
    assert len({each["ID"] for each in made}) == len({each["Key"] for each in made}) == 60


async def test_a_sub_account_is_renamed_by_its_id_and_name(call: Caller) -> None:
    made = await call("POST", "/api/me/children", {"Name": "Support"})
    renamed = await call("PUT", f"/api/me/children/{made['ID']}", {"ID": made["ID"], "Name": "Help"})
    assert renamed == {**made, "Name": "Help"}
    assert await call("GET", f"/api/me/children/{made['ID']}") == renamed
    await call.refused("ID", "PUT", f"/api/me/children/{made['ID']}", {"ID": "ip1-10000", "Name": "Help"})
    await call.refused("ID", "PUT", f"/api/me/children/{made['ID']}", {"Name": "Help"})
    await call.refused("Name", "PUT", f"/api/me/children/{made['ID']}", {"ID": made["ID"], "Name": ""})


@pytest.mark.parametrize("body", [{"Name": ""}, {"Name": " "}, {"Name": 7}, {}])
async def test_a_sub_account_without_a_name_is_refused(call: Caller, body: Any) -> None:
    await call.refused("Name", "POST", "/api/me/children", body)


async def test_only_the_parent_sees_a_sub_account(call: Caller, child: Caller) -> None:
    grandchild = await child("POST", "/api/me/children", {"Name": "Desk"})
    await call("GET", f"/api/me/children/{grandchild['ID']}", expect=404)
    await call("PUT", f"/api/me/children/{grandchild['ID']}", {"ID": grandchild["ID"], "Name": "x"}, expect=404)
    await child("GET", "/api/me/children/ip1-10000", expect=404)
    assert await child("GET", "/api/me/children") == [grandchild]


async def test_an_account_has_nothing_of_another_one(call: Caller, child: Caller) -> None:
    page = await call("POST", "/v2/landings", {"name": "Spring"})
    (contact,) = await call(
        "POST", "/v2/contacts?sync=true", [{"properties": {"phoneNumber": "+46700000001"}, "labels": ["vip"]}]
    )
    await call("PUT", "/v2/me/senders/Example")
    await call("PUT", "/v2/blacklist/46700000001")
    await call("PUT", "/v2/me/sms/settings/IncomingCallbackUrl", {"value": "http://example.com"})
    for path in ("/v2/landings", "/v2/contacts", "/v2/blacklist"):
        assert await child("GET", path) == []
    for path in (f"/v2/landings/{page['id']}", f"/v2/contacts/{contact['id']}", "/v2/me/senders/Example"):
        await child("GET", path, expect=404)
    assert (await child("GET", "/v2/me/sms/settings/IncomingCallbackUrl"))["value"] is None
    assert await child("GET", "/v2/contacts/meta") == {"totalCount": 0, "labels": [], "properties": []}
    await child.refused("[0]", "POST", "/v2/labels/vip/contacts", [contact["id"]])
    assert await child("DELETE", "/v2/contacts") == []
    assert await child("DELETE", "/v2/labels/vip") == {"labelName": "vip", "usageCount": 0}
    assert await call("GET", "/v2/contacts?labels=vip") == [contact]


# Landing pages


async def test_a_page_is_made_from_a_name(call: Caller) -> None:
    made = await call("POST", "/v2/landings", {"Name": "Spring"})
    id = made["id"]
    assert len(id) == 24 and int(id, 16) >= 0
    assert made.pop("shortLink").startswith("https://url.ip1.net/")
    assert made == {
        "id": id,
        "name": "Spring",
        "views": {},
        "link": f"https://landing.ip1.net/{id}",
        "lastModified": "2026-01-01T00:00:00.000Z",
        "elements": [],
    }


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "  "}, {"name": None}, {"name": 5}])
async def test_a_page_without_a_name_is_refused(call: Caller, body: Any) -> None:
    await call.refused("name", "POST", "/v2/landings", body)
    page = await call("POST", "/v2/landings", {"name": "Spring"})
    await call.refused("name", "PUT", f"/v2/landings/{page['id']}", body)


async def test_replacing_a_page_leaves_elements_views_and_links_alone(call: Caller, clock: ManualClock) -> None:
    page = await call("POST", "/v2/landings", {"name": "Spring", "theme": {"dark": True}, "motto": "a"})
    path = f"/v2/landings/{page['id']}"
    assert (page["theme"], page["motto"]) == ({"dark": True}, "a")
    element = await call("POST", f"{path}/elements", {"type": "Title", "content": "Hi"})
    await clock.advance(0.125)
    body = {
        "name": "Summer",
        "motto": "b",
        "views": {"2026": 9},
        "link": "x",
        "shortLink": "x",
        "elements": [],
        "id": NOBODY,
    }
    replaced = await call("PUT", path, body)
    del page["theme"]
    assert replaced == {
        **page,
        "name": "Summer",
        "motto": "b",
        "elements": [element],
        "lastModified": "2026-01-01T00:00:00.125Z",
    }
    assert await call("GET", path) == replaced
    assert await call("GET", "/v2/landings") == [replaced]


async def test_a_deleted_page_is_answered_and_gone_with_its_elements(call: Caller) -> None:
    page = await call("POST", "/v2/landings", {"name": "Spring", "elements": [{"type": "Title"}]})
    path = f"/v2/landings/{page['id']}"
    element = f"{path}/elements/{page['elements'][0]['id']}"
    assert (await call("GET", element))["type"] == "Title"
    assert await call("DELETE", path) == page
    for gone in (path, f"{path}/elements", element):
        await call("GET", gone, expect=404)
    await call("PUT", path, {"name": "x"}, expect=404)
    await call("DELETE", path, expect=404)


async def test_pages_are_listed_in_the_order_they_were_made(call: Caller) -> None:
    made = [await call("POST", "/v2/landings", {"name": f"Page {each}"}) for each in range(3)]
    assert await call("GET", "/v2/landings?start=1&limit=1") == made[1:2]
    assert await call("GET", "/v2/landings?order=DESC") == made[::-1]


# Elements

TITLE = {
    "type": "Title",
    "backgroundColor": "#ffffff",
    "foregroundColor": "#111",
    "padding": "2",
    "margin": "0",
    "textAlignment": "Center",
    "font": "Roboto",
    "content": "Welcome",
    "level": 1,
    "bold": False,
    "italic": False,
    "underline": True,
}


@pytest.fixture
async def elements(call: Caller) -> str:
    page = await call("POST", "/v2/landings", {"name": "Spring"})
    return f"/v2/landings/{page['id']}/elements"


async def test_elements_keep_all_their_fields_and_get_an_id_and_a_place(call: Caller, elements: str) -> None:
    title = await call("POST", elements, TITLE)
    carousel = await call(
        "POST", elements, {"type": "Carousel", "id": NOBODY, "Slides": [{"image": 1}, None], "level": "high"}
    )
    assert title == {**TITLE, "id": title["id"], "order": 0}
    assert carousel == {
        "type": "Carousel",
        "id": carousel["id"],
        "order": 1,
        "Slides": [{"image": 1}, None],
        "level": "high",
    }
    assert carousel["id"] != NOBODY
    assert next(iter(title)) == "type"
    assert await call("GET", elements) == [title, carousel]
    assert await call("GET", f"{elements}?order=DESC&limit=1") == [carousel]
    assert await call("GET", f"{elements}/{title['id']}") == title
    assert (await call("GET", elements.removesuffix("/elements")))["elements"] == [title, carousel]


async def test_property_names_of_an_element_are_read_in_any_case(call: Caller, elements: str) -> None:
    made = await call("POST", elements, {"Type": "Title", "BackgroundColor": "#fff", "ORDER": 4})
    assert made == {"type": "Title", "id": made["id"], "order": 4, "backgroundColor": "#fff"}


async def test_elements_stand_in_their_order(call: Caller, elements: str) -> None:
    second = await call("POST", elements, {"type": "Text", "order": 5})
    first = await call("POST", elements, {"type": "Text", "order": 2})
    last = await call("POST", elements, {"type": "Text"})
    assert last["order"] == 6
    assert await call("GET", elements) == [first, second, last]
    assert (await call("GET", elements.removesuffix("/elements")))["elements"] == [first, second, last]


async def test_a_replaced_element_is_exactly_the_new_one_and_keeps_its_place(call: Caller, elements: str) -> None:
    await call("POST", elements, {"type": "Text"})
    made = await call("POST", elements, TITLE)
    replaced = await call("PUT", f"{elements}/{made['id']}", {"type": "Title", "content": "Bye"})
    assert replaced == {"type": "Title", "id": made["id"], "order": 1, "content": "Bye"}
    assert await call("GET", f"{elements}/{made['id']}") == replaced
    assert (await call("PUT", f"{elements}/{made['id']}", {"type": "Title", "order": 7}))["order"] == 7


async def test_a_deleted_element_is_answered_and_then_gone(call: Caller, elements: str) -> None:
    made = await call("POST", elements, TITLE)
    assert await call("DELETE", f"{elements}/{made['id']}") == made
    for method in ("GET", "DELETE"):
        await call(method, f"{elements}/{made['id']}", expect=404)
    await call("PUT", f"{elements}/{made['id']}", TITLE, expect=404)
    assert await call("GET", elements) == []


async def test_changing_an_element_changes_when_its_page_was_modified(
    call: Caller, elements: str, clock: ManualClock
) -> None:
    page, stamps = elements.removesuffix("/elements"), []
    path = elements
    for method, body in (("POST", [TITLE]), ("PUT", [TITLE]), ("DELETE", [])):
        await clock.advance(1)
        made = await call(method, path, *body)
        path = f"{elements}/{made['id']}"
        stamps.append((await call("GET", page))["lastModified"])
    assert stamps == [f"2026-01-01T00:00:0{second}.000Z" for second in (1, 2, 3)]


async def test_an_element_of_another_page_is_not_found(call: Caller, elements: str) -> None:
    made = await call("POST", elements, TITLE)
    other = await call("POST", "/v2/landings", {"name": "Other"})
    await call("GET", f"/v2/landings/{other['id']}/elements/{made['id']}", expect=404)
    await call("POST", f"/v2/landings/{NOBODY}/elements", TITLE, expect=404)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", None),
        ("type", " "),
        ("type", 5),
        ("order", -1),
        ("order", "1"),
        ("order", True),
        ("order", 2**31),
        ("backgroundColor", "white"),
        ("backgroundColor", "#ffff"),
        ("foregroundColor", "#ggg"),
        ("textAlignment", "Middle"),
        ("level", 0),
        ("level", 7),
        ("level", "1"),
        ("level", True),
        ("padding", 2),
        ("margin", "wide"),
        ("font", 1),
        ("content", ["Hi"]),
        ("bold", "false"),
        ("italic", 0),
        ("underline", "yes"),
    ],
)
async def test_a_title_with_a_wrong_field_is_refused_by_name(
    call: Caller, elements: str, field: str, value: Any
) -> None:
    await call.refused(field, "POST", elements, {**TITLE, field: value})
    made = await call("POST", elements, TITLE)
    await call.refused(field, "PUT", f"{elements}/{made['id']}", {**TITLE, field: value})
    await call.refused(
        f"elements[1].{field}", "POST", "/v2/landings", {"name": "x", "elements": [TITLE, {**TITLE, field: value}]}
    )
    assert len(await call("GET", "/v2/landings")) == 1


# Lookup


async def test_numbers_are_looked_up_in_their_order(call: Caller) -> None:
    body = {"DefaultRegion": "SE", "PhoneNumbers": ["070-174 06 05", "+1 202 555 0123", "nonsense", "+46701740605"]}
    found = (await call("POST", "/api/phonenumber/lookup", body))["phoneNumbers"]
    assert [each["e164Format"] for each in found] == ["+46701740605", "+12025550123", None, "+46701740605"]
    assert [each["isValid"] for each in found] == [True, True, False, True]


async def test_a_national_number_needs_its_region(call: Caller) -> None:
    for body, number in (({"defaultregion": "no"}, "+4740612345"), ({}, None), ({"DefaultRegion": None}, None)):
        found = await call("POST", "/api/phonenumber/lookup", {**body, "phonenumbers": ["40612345"]})
        assert found["phoneNumbers"][0]["e164Format"] == number


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("PhoneNumbers", {"DefaultRegion": "SE"}),
        ("PhoneNumbers", {"PhoneNumbers": "070"}),
        ("PhoneNumbers[1]", {"PhoneNumbers": ["070", 70]}),
        ("DefaultRegion", {"DefaultRegion": "Sweden", "PhoneNumbers": []}),
        ("DefaultRegion", {"DefaultRegion": 46, "PhoneNumbers": []}),
    ],
)
async def test_a_lookup_without_its_parts_is_refused(call: Caller, field: str, body: Any) -> None:
    await call.refused(field, "POST", "/api/phonenumber/lookup", body)


async def test_without_the_phone_number_library_international_numbers_are_still_known(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "phonenumbers", None)
    phones.library.cache_clear()
    body = {"DefaultRegion": "SE", "PhoneNumbers": ["+46 (70) 174-06.05", "0701740605", "+0701740605", "+467"]}
    found = (await call("POST", "/api/phonenumber/lookup", body))["phoneNumbers"]
    phones.library.cache_clear()
    assert [each["e164Format"] for each in found] == ["+46701740605", None, None, None]


# Bodies that are no objects


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/me/children"),
        ("POST", "/v2/landings"),
        ("POST", "/api/phonenumber/lookup"),
    ],
)
@pytest.mark.parametrize("body", [[], "text", 5, None])
async def test_a_body_that_is_no_object_is_refused(call: Caller, method: str, path: str, body: Any) -> None:
    await call.refused("body", method, path, body)
    assert (await call.ask(method, path)).status == 400
