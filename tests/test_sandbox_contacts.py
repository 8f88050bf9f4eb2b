"""The sandbox's contacts and labels, as raw JSON on a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ip1_async.clock import ManualClock
from tests.raw import NOBODY, Caller, sandbox_caller

ANN = {"properties": {"phoneNumber": "+46701740605", "firstName": "Ann"}, "labels": ["vip", "north"]}
BO = {"properties": {"phoneNumber": "+46701740606", "firstName": "Bo", "email": "bo@example.com"}, "labels": ["vip"]}
EVA = {"properties": {"firstName": "Eva", "email": "eva.eva@example.com"}}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def call(clock: ManualClock) -> AsyncIterator[Caller]:
    async with sandbox_caller(clock) as caller:
        yield caller


@pytest.fixture
async def people(call: Caller) -> list[Any]:
    made: list[Any] = await call("POST", "/v2/contacts?sync=true", [ANN, BO, EVA])
    return made


async def test_contacts_made_with_sync_are_answered_at_once(call: Caller, people: list[Any]) -> None:
    ids = [each["id"] for each in people]
    assert all(len(id) == 24 for id in ids) and len(set(ids)) == 3
    assert people[0] == {"id": ids[0], "ownerId": "ip1-10000", **ANN}
    assert people[2] == {"id": ids[2], "ownerId": "ip1-10000", **EVA, "labels": []}
    assert await call("GET", "/v2/contacts") == people
    assert await call("GET", f"/v2/contacts/{ids[1]}") == people[1]


@pytest.mark.parametrize("flag", ["sync", "sync=", "sync=false", "SYNC=1"])
async def test_sync_is_a_flag_whose_value_does_not_matter(call: Caller, flag: str) -> None:
    assert len(await call("POST", f"/v2/contacts?{flag}", [EVA])) == 1


async def test_contacts_made_without_sync_are_accepted_and_there_a_little_later(
    call: Caller, clock: ManualClock
) -> None:
    assert await call("POST", "/v2/contacts", [ANN, BO], expect=202) is None
    await clock.advance(0.25)
    await call("POST", "/v2/contacts", [EVA], expect=202)
    assert await call("GET", "/v2/contacts") == []
    assert (await call("GET", "/v2/contacts/meta"))["totalCount"] == 0
    await clock.advance(0.25)
    assert [each["properties"]["firstName"] for each in await call("GET", "/v2/contacts")] == ["Ann", "Bo"]
    await clock.advance(0.25)
    there = await call("GET", "/v2/contacts")
    assert [{"properties": each["properties"], "labels": each["labels"]} for each in there] == [
        ANN,
        BO,
        {**EVA, "labels": []},
    ]
    assert await call("GET", "/v2/contacts") == there


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("body", {}),
        ("body", ANN),
        ("body", None),
        ("[0]", ["Ann"]),
        ("[1].properties", [ANN, {"labels": []}]),
        ("[0].properties", [{"properties": None}]),
        ("[0].properties", [{"properties": ["Ann"]}]),
        ("[0].properties.age", [{"properties": {"age": 30}}]),
        ("[0].properties.age", [{"properties": {"age": None}}]),
        ("[1].labels", [ANN, {**ANN, "labels": "vip"}]),
        ("[0].labels[1]", [{**ANN, "labels": ["vip", 1]}]),
    ],
)
@pytest.mark.parametrize("query", ["", "?sync=true"])
async def test_a_wrong_contact_is_refused_by_place_and_name_and_none_is_made(
    call: Caller, clock: ManualClock, field: str, body: Any, query: str
) -> None:
    await call.refused(field, "POST", f"/v2/contacts{query}", body)
    await clock.advance(1)
    assert await call("GET", "/v2/contacts") == []


async def test_at_most_a_thousand_contacts_are_made_with_sync(call: Caller, clock: ManualClock) -> None:
    assert len(await call("POST", "/v2/contacts?sync", [EVA] * 1000)) == 1000
    await call.refused("body", "POST", "/v2/contacts?sync", [EVA] * 1001)
    await call("POST", "/v2/contacts", [EVA] * 1001, expect=202)
    await clock.advance(1)
    assert (await call("GET", "/v2/contacts/meta"))["totalCount"] == 2001


async def test_property_names_of_a_contact_are_read_in_any_case_and_unknown_ones_passed_over(call: Caller) -> None:
    body = [{"Properties": {"Age": "30"}, "LABELS": ["vip", "vip"], "metadata": {"Age": {"x": "y"}}, "colour": 5}]
    (made,) = await call("POST", "/v2/contacts?sync&meta", body)
    assert made == {
        "id": made["id"],
        "ownerId": "ip1-10000",
        "properties": {"Age": "30"},
        "labels": ["vip"],
        "metadata": {},
    }


async def test_metadata_is_made_of_the_phone_number_and_shown_when_asked_for(call: Caller, people: list[Any]) -> None:
    path = f"/v2/contacts/{people[0]['id']}"
    shown = await call("GET", f"{path}?meta=false")
    assert shown == {
        **people[0],
        "metadata": {
            "phoneNumber": {
                "isPossiblePhoneNumber": "true",
                "isValidPhoneNumber": "true",
                "phoneNumberType": "MOBILE",
                "parsedMSISDN": "46701740605",
                "isBlocked": "false",
            }
        },
    }
    assert [each["metadata"] for each in await call("GET", "/v2/contacts?META")][::2] == [shown["metadata"], {}]
    await call("PATCH", path, {"properties": {"phoneNumber": "nonsense"}})
    assert (await call("GET", f"{path}?meta"))["metadata"]["phoneNumber"] == {
        "isPossiblePhoneNumber": "false",
        "isValidPhoneNumber": "false",
        "phoneNumberType": "UNKNOWN",
        "isBlocked": "false",
    }
    assert await call("PATCH", f"{path}?meta", {"properties": {"phoneNumber": "0701740605", "region": "SE"}}) == {
        **shown,
        "properties": {"phoneNumber": "0701740605", "region": "SE", "firstName": "Ann"},
    }


async def test_whether_a_contact_is_blocked_follows_the_blacklist(call: Caller, people: list[Any]) -> None:
    async def blocked(value: str) -> list[str]:
        found = await call("GET", f"/v2/contacts?meta&metadata%5BphoneNumber.isBlocked%5D={value}")
        assert all(each["metadata"]["phoneNumber"]["isBlocked"] == value for each in found)
        return [each["properties"]["firstName"] for each in found]

    assert (await blocked("true"), await blocked("false")) == ([], ["Ann", "Bo"])
    await call("PUT", "/v2/blacklist/46701740605")
    assert (await blocked("true"), await blocked("false")) == (["Ann"], ["Bo"])
    await call("DELETE", "/v2/blacklist/46701740605")
    assert (await blocked("true"), await blocked("false")) == ([], ["Ann", "Bo"])
    assert await blocked("maybe") == []
    await call("PATCH", f"/v2/contacts/{people[0]['id']}", {"properties": {"phoneNumber": "nonsense"}})
    await call("PUT", "/v2/blacklist/46701740606")
    assert (await blocked("true"), await blocked("false")) == (["Bo"], ["Ann"])


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("labels=vip", ["Ann", "Bo"]),
        ("labels=vip&labels=north", ["Ann"]),
        ("labels=VIP", []),
        ("Labels=vip&order=DESC", ["Bo", "Ann"]),
        ("labels=vip&start=1", ["Bo"]),
        ("properties%5BphoneNumber%5D=%2B46701740606", ["Bo"]),
        ("properties%5BfirstName%5D=Eva&properties%5Bemail%5D=eva.eva%40example.com", ["Eva"]),
        ("properties%5Bemail%5D=example.com", []),
        ("properties%5BfirstName%5D=Ann&labels=north", ["Ann"]),
        ("metadata%5BphoneNumber.parsedMSISDN%5D=46701740605", ["Ann"]),
        ("metadata%5BphoneNumber.phoneNumberType%5D=MOBILE", ["Ann", "Bo"]),
        ("metadata%5BphoneNumber.isValidPhoneNumber%5D=false", []),
        ("metadata%5Bemail.isValid%5D=true", []),
        ("metadata%5Bemail.phoneNumberType%5D=MOBILE", []),
        ("colour=red&labelled=vip", ["Ann", "Bo", "Eva"]),
    ],
)
async def test_contacts_are_listed_by_their_labels_properties_and_metadata(
    call: Caller, people: list[Any], query: str, names: list[str]
) -> None:
    assert [each["properties"]["firstName"] for each in await call("GET", f"/v2/contacts?{query}")] == names


@pytest.mark.parametrize(
    "name",
    [
        "properties",
        "properties[",
        "properties[]",
        "properties[a]b",
        "properties[a][b]",
        "metadata[phoneNumber]",
        "metadata[.a]",
        "labels[0]",
    ],
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_malformed_filter_is_refused_by_its_name(
    call: Caller, people: list[Any], method: str, name: str
) -> None:
    await call.refused(name, method, f"/v2/contacts?{quote(name)}=x")
    assert await call("GET", "/v2/contacts") == people


async def test_the_links_of_a_filtered_list_count_what_matches(call: Caller, people: list[Any]) -> None:
    answer = await call.ask("GET", "/v2/contacts?labels=vip&limit=1")
    assert 'rel="next"' in answer.headers["Link"]
    assert 'rel="next"' not in (await call.ask("GET", "/v2/contacts?labels=vip&limit=1&start=1")).headers["Link"]


async def test_a_replaced_contact_is_exactly_the_new_one(call: Caller, people: list[Any]) -> None:
    path = f"/v2/contacts/{people[0]['id']}"
    replaced = await call("PUT", path, {"id": people[0]["id"], "properties": {"email": "ann@example.com"}})
    assert replaced == {
        "id": people[0]["id"],
        "ownerId": "ip1-10000",
        "properties": {"email": "ann@example.com"},
        "labels": [],
    }
    assert await call("GET", "/v2/contacts") == [replaced, *people[1:]]


async def test_a_changed_contact_keeps_what_was_not_given(call: Caller, people: list[Any]) -> None:
    path = f"/v2/contacts/{people[1]['id']}"
    changed = await call("PATCH", path, {"properties": {"firstName": "Bob", "email": None, "city": "Umeå"}})
    assert changed["properties"] == {"phoneNumber": "+46701740606", "firstName": "Bob", "city": "Umeå"}
    assert changed["labels"] == ["vip"]
    assert (await call("PATCH", path, {"labels": ["x", "a"]}))["labels"] == ["x", "a"]
    assert (await call("PATCH", path, {"Labels": None}))["labels"] == []
    assert (await call("PATCH", path, {"properties": None}))["properties"] == {}
    assert await call("GET", path) == {**people[1], "properties": {}, "labels": []}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_the_id_in_the_body_is_the_one_of_the_address(call: Caller, people: list[Any], method: str) -> None:
    path = f"/v2/contacts/{people[0]['id']}"
    await call.refused("id", method, path, {"ID": people[1]["id"], **ANN})
    await call.refused("id", method, path, {"id": 5, **ANN})
    assert await call(method, path, {"id": None, **ANN}) == people[0]
    assert await call("GET", "/v2/contacts") == people


@pytest.mark.parametrize(
    ("method", "field", "body"),
    [
        ("PUT", "properties", {"labels": ["vip"]}),
        ("PUT", "properties.age", {"properties": {"age": None}}),
        ("PUT", "labels", {"properties": {}, "labels": "vip"}),
        ("PATCH", "properties.age", {"properties": {"age": 30}}),
        ("PATCH", "properties", {"properties": []}),
        ("PATCH", "properties", {"properties": ""}),
        ("PATCH", "labels[0]", {"labels": [None]}),
        ("PUT", "body", []),
        ("PATCH", "body", "Ann"),
    ],
)
async def test_a_wrong_change_is_refused_by_name_and_changes_nothing(
    call: Caller, people: list[Any], method: str, field: str, body: Any
) -> None:
    await call.refused(field, method, f"/v2/contacts/{people[0]['id']}", body)
    assert await call("GET", "/v2/contacts") == people


async def test_a_deleted_contact_is_answered_and_then_gone(call: Caller, people: list[Any]) -> None:
    path = f"/v2/contacts/{people[0]['id']}"
    assert await call("DELETE", path) == people[0]
    for method, body in (("GET", []), ("DELETE", []), ("PUT", [ANN]), ("PATCH", [ANN])):
        await call(method, path, *body, expect=404)
    assert await call("GET", "/v2/contacts") == people[1:]
    assert await call("GET", "/v2/contacts?labels=north") == []


async def test_the_contacts_that_match_are_deleted_and_answered(call: Caller, people: list[Any]) -> None:
    assert await call("DELETE", "/v2/contacts?labels=vip&properties%5BfirstName%5D=Bo") == [people[1]]
    assert await call("GET", "/v2/contacts") == [people[0], people[2]]
    assert await call("DELETE", "/v2/contacts?metadata%5BphoneNumber.isBlocked%5D=true") == []


async def test_without_a_filter_all_contacts_are_deleted_whatever_page_is_named(
    call: Caller, people: list[Any]
) -> None:
    assert await call("DELETE", "/v2/contacts?limit=1") == people
    assert await call("GET", "/v2/contacts/meta") == {"totalCount": 0, "labels": [], "properties": []}


async def test_the_summary_counts_contacts_labels_and_properties(call: Caller, people: list[Any]) -> None:
    assert await call("GET", "/v2/contacts/meta") == {
        "totalCount": 3,
        "labels": [{"labelName": "north", "usageCount": 1}, {"labelName": "vip", "usageCount": 2}],
        "properties": [
            {"propertyName": "email", "usageCount": 2, "averageLength": 17, "maxLength": 19, "minLength": 14},
            {"propertyName": "firstName", "usageCount": 3, "averageLength": 3, "maxLength": 3, "minLength": 2},
            {"propertyName": "phoneNumber", "usageCount": 2, "averageLength": 12, "maxLength": 12, "minLength": 12},
        ],
    }


# Labels


async def test_a_label_is_put_on_contacts_and_counted(call: Caller, people: list[Any]) -> None:
    path = f"/v2/labels/{quote('a/b c', safe='')}/contacts"
    assert await call("POST", path, [people[0]["id"]]) == {"labelName": "a/b c", "usageCount": 1}
    assert await call("POST", path, [people[0]["id"], people[2]["id"]]) == {"labelName": "a/b c", "usageCount": 2}
    labels = [each["labels"] for each in await call("GET", "/v2/contacts")]
    assert labels == [["vip", "north", "a/b c"], ["vip"], ["a/b c"]]


async def test_a_deleted_label_is_off_all_contacts_which_stay(call: Caller, people: list[Any]) -> None:
    assert await call("DELETE", "/v2/labels/vip") == {"labelName": "vip", "usageCount": 2}
    assert [each["labels"] for each in await call("GET", "/v2/contacts")] == [["north"], [], []]
    assert await call("DELETE", "/v2/labels/vip") == {"labelName": "vip", "usageCount": 0}


@pytest.mark.parametrize(("field", "wrong"), [("[1]", NOBODY), ("[1]", 5), ("[1]", ["x"])])
async def test_labelling_an_unknown_contact_is_refused_by_its_place_and_labels_nobody(
    call: Caller, people: list[Any], field: str, wrong: Any
) -> None:
    await call.refused(field, "POST", "/v2/labels/new/contacts", [people[0]["id"], wrong])
    await call.refused("body", "POST", "/v2/labels/new/contacts", {"ids": []})
    assert await call("GET", "/v2/contacts") == people


# Laws

names = st.sampled_from(["phoneNumber", "firstName", "city", "å"])
values = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
labels = st.lists(st.sampled_from("abcd"), max_size=4)
replacements = st.fixed_dictionaries(
    {"properties": st.dictionaries(names, values)}, optional={"labels": labels | st.none()}
)
changes = st.fixed_dictionaries(
    {}, optional={"properties": st.dictionaries(names, values | st.none()) | st.none(), "labels": labels | st.none()}
)
steps = st.lists(st.tuples(st.just("PUT"), replacements) | st.tuples(st.just("PATCH"), changes), max_size=6)
laws = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@laws
@given(steps=steps)
async def test_any_row_of_replacements_and_changes_leaves_what_a_dict_would_hold(
    call: Caller, steps: list[Any]
) -> None:
    (made,) = await call("POST", "/v2/contacts?sync", [{"properties": {"firstName": "Ann"}, "labels": ["a"]}])
    properties: dict[str, str] = {"firstName": "Ann"}
    kept = ["a"]
    for method, body in steps:
        given_properties = body.get("properties", {})
        if method == "PUT" or given_properties is None:
            properties = {}
        for name, value in (given_properties or {}).items():
            properties.pop(name, None) if value is None else properties.update({name: value})
        if method == "PUT" or "labels" in body:
            kept = list(dict.fromkeys(body.get("labels") or []))
        assert await call(method, f"/v2/contacts/{made['id']}", body) == {
            **made,
            "properties": properties,
            "labels": kept,
        }
    assert await call("GET", f"/v2/contacts/{made['id']}") == {**made, "properties": properties, "labels": kept}


places = st.lists(st.integers(0, 3), max_size=4)
labellings = st.lists(st.tuples(st.sampled_from("ab"), places | st.none()), max_size=8)


@laws
@given(labellings=labellings)
async def test_any_row_of_labellings_leaves_what_sets_would_hold(call: Caller, labellings: list[Any]) -> None:
    await call("DELETE", "/v2/contacts")
    ids = [each["id"] for each in await call("POST", "/v2/contacts?sync", [{"properties": {}}] * 4)]
    holders: dict[str, set[str]] = {"a": set(), "b": set()}
    for label, chosen in labellings:
        if chosen is None:
            assert (await call("DELETE", f"/v2/labels/{label}"))["usageCount"] == len(holders[label])
            holders[label] = set()
        else:
            holders[label] |= {ids[each] for each in chosen}
            usage = await call("POST", f"/v2/labels/{label}/contacts", [ids[each] for each in chosen])
            assert usage == {"labelName": label, "usageCount": len(holders[label])}
    for label, holding in holders.items():
        assert {each["id"] for each in await call("GET", f"/v2/contacts?labels={label}")} == holding
    summary = (await call("GET", "/v2/contacts/meta"))["labels"]
    assert {each["labelName"]: each["usageCount"] for each in summary} == {k: len(v) for k, v in holders.items() if v}


drafts = st.lists(
    st.fixed_dictionaries({"properties": st.dictionaries(names, st.sampled_from("xyz")), "labels": labels}), max_size=8
)
filters = st.lists(
    st.tuples(st.just("labels"), st.sampled_from("abc")) | st.tuples(names, st.sampled_from("xyz")), max_size=3
)


@laws
@given(drafts=drafts, wanted=filters)
async def test_a_filter_parts_the_contacts_into_those_deleted_and_those_left(
    call: Caller, drafts: list[Any], wanted: list[Any]
) -> None:
    await call("DELETE", "/v2/contacts")
    made = await call("POST", "/v2/contacts?sync", drafts)
    matching = [
        each
        for each in made
        if all(
            value in each["labels"] if name == "labels" else each["properties"].get(name) == value
            for name, value in wanted
        )
    ]
    query = urlencode([(name if name == "labels" else f"properties[{name}]", value) for name, value in wanted])
    assert await call("GET", f"/v2/contacts?{query}") == matching
    assert await call("DELETE", f"/v2/contacts?{query}") == matching
    assert await call("GET", "/v2/contacts") == [each for each in made if each not in matching]
