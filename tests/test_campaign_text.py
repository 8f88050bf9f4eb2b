"""What is said of a campaign's text, and what its texts cost together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ip1_async.campaign.planning.lint import Advice, lint
from ip1_async.campaign.planning.measuring import Longest, Meter
from ip1_async.text import GSM_BASIC, GSM_EXTENSION, Template, measure, placeholders

EMOJI = "\U0001f600"
FINE = "Hej {name}, svara STOP för att slippa."


def said(body: str, kind: str, columns: Sequence[str] = ("name", "code"), **defaults: str) -> list[Advice]:
    """The advice of one kind."""
    return [each for each in lint(body, columns=columns, defaults=defaults) if each.kind == kind]


def kinds(body: str, columns: Sequence[str] = ("name", "code"), **defaults: str) -> list[str]:
    return [each.kind for each in lint(body, columns=columns, defaults=defaults)]


# Advice


def test_errors_come_first_and_hints_last() -> None:
    found = lint(" Hej {NAME} { x } {} {{nmae} – \udce5 http://x.se.", columns=["name"])
    assert [each.severity for each in found] == ["error"] * 2 + ["warning"] * 5 + ["hint"] * 4


def test_a_good_text_is_told_nothing() -> None:
    assert lint(FINE, columns=["name"]) == ()


@pytest.mark.parametrize("body", ["", " \n\t"])
def test_a_blank_text_is_an_error_and_nothing_else(body: str) -> None:
    assert [(each.kind, each.severity) for each in lint(body, columns=[])] == [("blank", "error")]


def test_a_text_may_have_2000_utf_16_units_and_no_more() -> None:
    assert said("STOP " + EMOJI * 997 + "x", "length") == []
    [advice] = said("STOP " + EMOJI * 998, "length")
    assert advice.severity == "error"
    assert "2001 UTF-16 units" in advice.words


def test_half_a_surrogate_pair_is_an_error() -> None:
    assert [each.severity for each in said("Hej \udce5 STOP", "surrogate")] == ["error"]
    assert said(f"Hej {EMOJI} STOP", "surrogate") == []


def test_a_placeholder_that_names_nothing_is_an_error_with_the_columns_and_a_close_one() -> None:
    [advice] = said("Hej {nmae} från {shop}", "placeholder", shop="iP.1")
    assert advice.severity == "error"
    assert (
        advice.words == "{nmae} is no column and has no default; did you mean {name}? known are {name}, {code}, {shop}"
    )


def test_a_placeholder_without_any_column_is_told_so() -> None:
    [advice] = said("Hej {name}", "placeholder", columns=())
    assert advice.words == "{name} is no column and has no default; there are no columns"


def test_of_many_columns_ten_are_named() -> None:
    [advice] = said("Hej {zzz}", "placeholder", columns=[f"c{number}" for number in range(13)])
    assert "{c9} and 3 more" in advice.words
    assert "{c10}" not in advice.words


def test_columns_that_are_numbers_are_not_quoted() -> None:
    assert "4670" not in str(lint("Hej {nam} {46700000003}", columns=["46700000001", "46700000002"]))


def test_a_placeholder_in_another_case_is_a_warning_with_the_right_one() -> None:
    [advice] = said("Hej {NAME}", "case")
    assert advice.severity == "warning"
    assert advice.words.endswith("write {name}")
    assert kinds("Hej {NAME}, STOP") == ["case"]


def test_a_column_that_has_the_case_is_not_mistaken_for_another() -> None:
    assert kinds("Hej {NAME}, STOP", columns=["name", "NAME"]) == []


def test_blanks_inside_braces_are_a_warning_unless_a_column_is_named_so() -> None:
    [advice] = said("Hej { name }", "blanks-in-braces")
    assert advice.severity == "warning"
    assert "{ name } is left as typed" in advice.words
    assert kinds("Hej { name }, STOP", columns=[" name "]) == []


@pytest.mark.parametrize("body", ["Hej {}, STOP", "Hej { }, STOP"])
def test_empty_braces_are_a_warning(body: str) -> None:
    assert [each.severity for each in lint(body, columns=["name"])] == ["warning"]
    assert kinds(body) == ["empty-braces"]


def test_a_column_may_be_named_with_a_blank() -> None:
    assert kinds("Hej { }, STOP", columns=[" "]) == []


@pytest.mark.parametrize(
    ("body", "words"),
    [("Hej {name", "the { at character 5 has"), ("Hej name}", "the } at character 9 has"),
     ("Hej }{", "the } at character 5, like 1 more, has"), ("Hej {name}}", "the } at character 11 has")],
)  # fmt: skip
def test_a_brace_without_a_partner_is_a_warning_with_its_place(body: str, words: str) -> None:
    [advice] = said(body, "unbalanced-braces")
    assert advice.severity == "warning"
    assert words in advice.words


@given(st.text("{}ab ", min_size=1).filter(str.strip))
def test_braces_have_partners_exactly_when_taking_pairs_away_leaves_none(body: str) -> None:
    rest = body.replace("a", "").replace("b", "").replace(" ", "")
    while "{}" in rest:
        rest = rest.replace("{}", "")
    assert bool(said(body, "unbalanced-braces")) is bool(rest)


@pytest.mark.parametrize("body", ["Hej {{name}}, STOP", "Hej {x{name}y}, STOP"])
def test_double_braces_are_a_warning(body: str) -> None:
    assert [each.severity for each in said(body, "double-braces")] == ["warning"]
    assert kinds(body) == ["double-braces"]


def test_braces_side_by_side_are_not_double() -> None:
    assert kinds("Hej {name}{code}, STOP") == []


# What it costs


def test_characters_that_plain_text_avoids_are_a_warning_with_both_costs() -> None:
    [advice] = said("x" * 100 + "\u2013\u200b", "ucs-2")
    assert advice.severity == "warning"
    assert "\u2013, U+200B ZERO WIDTH SPACE force UCS-2" in advice.words
    assert advice.words.endswith("takes 2 segments, and 1 with plain characters in their place")


def test_characters_that_nothing_replaces_are_counted_without_them() -> None:
    [advice] = said("x" * 160 + "\u2013" + EMOJI, "ucs-2")
    assert advice.words.endswith("takes 3 segments, and 2 without them")
    [advice] = said("x" * 160 + EMOJI + "ł", "ucs-2")
    assert advice.words.endswith("takes 3 segments, and 1 without them")
    [advice] = said("x" * 159 + "€" + EMOJI, "ucs-2")
    assert advice.words.startswith(f"{EMOJI} forces UCS-2")
    assert advice.words.endswith("takes 3 segments, and 2 without them")


def test_at_most_ten_characters_are_shown() -> None:
    [advice] = said("абвгдежзиклм", "ucs-2")
    assert advice.words.startswith("а, б, в, г, д, е, ж, з, и, к and 2 more force")


def test_a_default_counts_in_the_cost_and_a_placeholder_does_not() -> None:
    assert said("Hej {name}", "ucs-2", name="ł") != []
    assert said("x" * 459 + "{name}", "segments") == []
    assert [each.severity for each in said("x" * 459 + "{name}", "segments", name="y")] == ["hint"]


# Hints


@pytest.mark.parametrize("body", [" Hej STOP", "Hej STOP\n"])
def test_blanks_around_the_text_are_a_hint(body: str) -> None:
    assert [(each.kind, each.severity) for each in lint(body, columns=[])] == [("outer-blanks", "hint")]


@pytest.mark.parametrize(
    "words",
    ["Reply STOP to end", "Svara STOPP till 71700", "text stop to 123", "Opt out: x.se/u", "opt-out here", "{optout_url}",
     "Unsubscribe at x.se", "Svara stopp", "Skicka STOPP", "avregistrera dig på x.se", "avsluta: x.se", "Afmeld: SMS STOP",
     "Afmeld på x.dk", "Send STOP til 1999", "Meld deg av på x.no", "Avmeld her", "Peruuta: x.fi", "Vastaa stop",
     "Lähetä viesti STOP", "Abmelden: x.de", "Antworten Sie mit stopp", "Hier abbestellen"],
)  # fmt: skip
def test_a_way_out_is_recognised(words: str) -> None:
    assert said(f"Rea! {words}", "opt-out") == []


@pytest.mark.parametrize(
    "body", ["Rea hela dagen", "Non-STOP party", "Stop by our shop", "Peruna 2 e/kg", "Adopt outdoors", "STOPPED"]
)
def test_a_text_without_a_way_out_gets_a_hint(body: str) -> None:
    assert [each.severity for each in said(body, "opt-out")] == ["hint"]


def test_a_link_that_is_not_encrypted_is_a_hint() -> None:
    assert [each.severity for each in said("Se HTTP://x.se/a", "http-link")] == ["hint"]
    assert said("Se https://x.se/http:", "http-link") == []


@pytest.mark.parametrize(
    "link", ["https://x.se.", "(https://x.se)", "https://x.se/a, ", "https://x.se/ahttps://x.se/b"]
)
def test_something_right_behind_a_link_is_a_hint(link: str) -> None:
    assert [each.severity for each in said(f"Se {link}", "link-end")] == ["hint"]


def test_a_link_with_a_blank_behind_it_is_fine() -> None:
    assert said("Se https://x.se/a?b=1, https://x.se/{code} och https://x.se/ .", "link-end") != []
    assert said("Se https://x.se/a?b=1 eller https://x.se/{code} och https://x.se/ .", "link-end") == []


def test_the_same_is_said_once() -> None:
    assert len(said("https://x.se. https://y.se.", "link-end")) == 1


@given(st.text(st.characters(exclude_categories=[]) | st.sampled_from("{} ab"), max_size=60))
def test_any_text_gets_advice_with_errors_first_and_one_for_each_unknown_placeholder(body: str) -> None:
    found = lint(body, columns=["a"], defaults={"b": "x"})
    order = [("error", "warning", "hint").index(each.severity) for each in found]
    assert order == sorted(order), found
    assert len(set(found)) == len(found)
    if body.strip():
        left = [key for key in placeholders(body) if key not in "ab" and key.strip()]
        about = [each for each in found if each.kind in ("placeholder", "case", "blanks-in-braces")]
        assert bool(about) is bool(left)


# The meter


KEYS = ("name", "code", "note")


def one_by_one(
    body: str, known: Sequence[str], default: Mapping[str, str], keys: Sequence[str], rows: Sequence[Sequence[str]]
) -> list[str]:
    template = Template(body, known)
    return [
        template.render({key: value for key, value in zip(keys, row, strict=True) if value}, default) for row in rows
    ]


def utf_16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


ordinary = st.text(GSM_BASIC, max_size=8) | st.integers(0, 170).map("a".__mul__)
values = st.one_of(
    ordinary,
    st.text(GSM_BASIC + GSM_EXTENSION, max_size=8),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    st.sampled_from(["", " ", EMOJI, "€" * 80, "ł" * 67, "{name}"]),
)
pieces = st.one_of(
    st.sampled_from(["{name}", "{code}", "{note}"]),
    st.sampled_from(["{other}", "{ name }", " ", "{", "}"]),
    st.sampled_from(["€", "ł", EMOJI]),
    st.integers(0, 160).map("b".__mul__),
)
bodies = st.lists(pieces, min_size=1, max_size=6).map("".join)
no_defaults: dict[str, str] = {}


@settings(max_examples=300)
@given(
    bodies,
    st.just([*KEYS, "other"]) | st.lists(st.sampled_from([*KEYS, "other"]), unique=True),
    st.just(no_defaults) | st.dictionaries(st.sampled_from([*KEYS, "other"]), values, max_size=2),
    st.permutations(KEYS).flatmap(lambda keys: st.sampled_from([keys, keys, keys[:2], keys[:1]])),
    st.data(),
)
def test_the_meter_gives_what_measuring_every_text_would(
    body: str, known: list[str], default: dict[str, str], keys: list[str], data: st.DataObject
) -> None:
    kind = data.draw(st.tuples(*(st.sampled_from([ordinary, values]) for _ in keys)))
    blocks = data.draw(st.lists(st.lists(st.tuples(*kind), min_size=1, max_size=5), max_size=3))
    meter = Meter(body, known, default)
    texts: list[str] = []
    for rows in blocks:
        new = one_by_one(body, known, default, keys, rows)
        block = meter.add(rows, keys)
        assert list(block.segments) == [measure(text).segments for text in new]
        assert list(block.too_long) == [place for place, text in enumerate(new) if utf_16(text) > 2000]
        assert list(block.blank) == [place for place, text in enumerate(new) if not text.strip()]
        texts += new
    totals = meter.totals
    going = [measure(text) for text in texts if text.strip() and utf_16(text) <= 2000]
    assert totals.by_cost == Counter((each.encoding, each.segments) for each in going)
    assert totals.segments == sum(each.segments for each in going)
    assert totals.forcing == Counter(character for each in going for character in each.forcing)
    assert totals.recipients == len(texts)
    assert totals.blank == sum(not text.strip() for text in texts)
    assert totals.too_long == sum(utf_16(text) > 2000 for text in texts)
    lengths = [utf_16(text) for text in texts]
    assert totals.longest == (Longest(max(lengths), lengths.index(max(lengths))) if lengths else None)
    place_of = {key: place for place, key in enumerate(keys)}
    lacking = {
        key: sum(key not in place_of or not row[place_of[key]] for rows in blocks for row in rows)
        for key in placeholders(body)
        if key in known and key not in default
    }
    assert totals.lacking == {key: count for key, count in lacking.items() if count}


def many(body: str, rows: Sequence[Sequence[str]], keys: Sequence[str] = ("name", "code")) -> None:
    """Compares a block with the texts one by one."""
    expected = [measure(text).segments for text in one_by_one(body, keys, {}, keys, rows)]
    assert list(Meter(body, keys).add(rows, keys).segments) == expected


@pytest.mark.parametrize(
    "body", ["b" * 140 + "{name}{code}", "b" * 280 + "{name}{code}{name}", "ł" * 50 + "{name}{code}",
             "{name}" + "€" * 140 + "{code}", "{name}" + EMOJI * 55 + "{code}", "{name}" + EMOJI * 66]
)  # fmt: skip
def test_at_the_borders_of_segments_every_length_is_right(body: str) -> None:
    many(body, [("a" * first, "b" * second) for first in range(40) for second in range(40)])


def test_more_different_sizes_than_are_kept_are_right() -> None:
    keys = ("name", "code")
    meter = Meter("{name}" + "€" * 70 + "{code}", keys)
    for first in [*range(70), *range(70)]:
        rows = [("a" * first, "b" * second) for second in range(70)]
        expected = [measure("a" * first + "€" * 70 + "b" * second).segments for second in range(70)]
        assert list(meter.add(rows, keys).segments) == expected, first


@example(EMOJI)
@example("x" * 2001)
@example(" ")
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="{}"), min_size=1))
def test_a_body_without_placeholders_costs_no_defaults_the_same(body: str) -> None:
    meter = Meter(body, ("name",))
    assert list(meter.add([("Anna",), ("",), ("ł",)], ("name",)).segments) == [measure(body).segments] * 3
    assert meter.totals.lacking == {}


def test_a_blank_body_is_blank_for_no_defaults() -> None:
    meter = Meter(" \n", ())
    assert list(meter.add([("Anna",), ("ł",)], ("name",)).blank) == [0, 1]
    assert (meter.totals.blank, meter.totals.by_cost) == (2, {})


def test_a_key_that_is_not_known_stays_as_typed_and_is_not_lacking() -> None:
    meter = Meter("b" * 155 + "{name}", ())
    assert list(meter.add([("",)], ("name",)).segments) == [measure("b" * 155 + "{name}").segments] == [2]
    assert meter.totals.lacking == {}


def test_texts_that_cannot_go_out_are_named_and_cost_nothing() -> None:
    meter = Meter("{name}", ("name",))
    block = meter.add([("Anna",), ("",), ("a" * 2001,), (" \n",), (EMOJI * 1000,), (EMOJI * 1001,)], ("name",))
    assert (list(block.too_long), list(block.blank)) == ([2, 5], [1, 3])
    totals = meter.totals
    assert (totals.recipients, totals.too_long, totals.blank) == (6, 2, 2)
    assert totals.by_cost == {("gsm", 1): 1, ("ucs", 31): 1}
    assert totals.forcing == {EMOJI: 1}
    assert totals.longest == Longest(2002, 5)


def test_a_value_of_blanks_alone_is_no_text() -> None:
    assert list(Meter(" {name}", ("name",)).add([("Anna",), ("",), ("  ",)], ("name",)).blank) == [1, 2]


def test_the_longest_is_counted_over_all_blocks_and_the_first_of_its_length() -> None:
    meter = Meter("{name}", ("name",))
    meter.add([("a",), ("bb",)], ("name",))
    meter.add([("ł",), ("łłł",), ("ccc",)], ("name",))
    meter.add([("ddd",)], ("name",))
    assert meter.totals.longest == Longest(3, 3)


def test_fifty_different_characters_are_counted() -> None:
    meter = Meter("{name}", ("name",))
    rows = [(chr(0x4E00 + number),) for number in range(60)]
    meter.add(rows, ("name",))
    meter.add(rows, ("name",))
    assert meter.totals.forcing == dict.fromkeys((name for (name,) in rows[:50]), 2)


def test_totals_that_were_taken_stay_as_they_are() -> None:
    meter = Meter("Hej {name}", ("name",))
    meter.add([("ł",), ("",)], ("name",))
    taken = meter.totals
    before = str(taken), dict(taken.forcing), dict(taken.by_cost)
    meter.add([("ł",), ("",)], ("name",))
    assert (str(taken), dict(taken.forcing), dict(taken.by_cost)) == before
    assert taken.lacking == {"name": 1}


def test_an_empty_default_is_meant_to_be_empty() -> None:
    meter = Meter("Hej {name}", ("name",), {"name": ""})
    meter.add([("",)], ("name",))
    assert meter.totals.lacking == {}


def test_totals_do_not_quote_what_people_have_in_their_values() -> None:
    meter = Meter("Hej {name}", ("name",))
    meter.add([("ł",)], ("name",))
    assert "ł" not in repr(meter.totals)
