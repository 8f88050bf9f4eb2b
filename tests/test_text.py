"""What texts cost, and what templates become."""

from __future__ import annotations

import pytest
from attrs.exceptions import FrozenInstanceError
from hypothesis import example, given
from hypothesis import strategies as st

from ip1_async.text import GSM_BASIC, GSM_EXTENSION, Template, measure, placeholders, plain, render

EMOJI = "\U0001f600"


# The alphabet


def test_the_basic_alphabet_is_the_standard_s_without_the_escape() -> None:
    # Line by line as the standard prints its square: the low half of the code goes down, the high half across.
    # fmt: off
    lines = [
        "@Δ 0¡P¿p", "£_!1AQaq", '$Φ"2BRbr', "¥Γ#3CScs", "èΛ¤4DTdt", "éΩ%5EUeu", "ùΠ&6FVfv", "ìΨ'7GWgw",
        "òΣ(8HXhx", "ÇΘ)9IYiy", "\nΞ*:JZjz", "Ø\x1b+;KÄkä", "øÆ,<LÖlö", "\ræ-=MÑmñ", "Åß.>NÜnü", "åÉ/?O§oà",
    ]
    # fmt: on
    assert sorted(GSM_BASIC) == sorted("".join(lines).replace("\x1b", ""))


@pytest.mark.parametrize("character", list(GSM_BASIC))
def test_a_basic_character_costs_one_septet(character: str) -> None:
    assert (measure(character).encoding, measure(character).units) == ("gsm", 1)


@pytest.mark.parametrize("character", ["\f", "^", "{", "}", "\\", "[", "~", "]", "|", "€"])
def test_an_extension_character_costs_two_septets(character: str) -> None:
    assert (measure(character).encoding, measure(character).units) == ("gsm", 2)


@pytest.mark.parametrize("character", ["ç", "`", "\t", "\x1b", "á", "Ł", "α", "Α", "–", "’", "\xa0", "\u2126", EMOJI])
def test_other_characters_force_ucs_2(character: str) -> None:
    result = measure("Hej " + character)
    assert (result.encoding, result.forcing) == ("ucs", (character,))


def test_the_forcing_characters_come_once_each_in_order_of_appearance() -> None:
    assert measure(f"ł{EMOJI} and ł – {EMOJI}").forcing == ("ł", EMOJI, "–")


def test_gsm_texts_have_no_forcing_characters() -> None:
    assert measure("Priset är 5 € [rabatt]").forcing == ()


# Segments


@pytest.mark.parametrize(
    ("text", "encoding", "segments", "units", "left"),
    [
        ("", "gsm", 1, 0, 160),
        ("a" * 160, "gsm", 1, 160, 0),
        ("a" * 161, "gsm", 2, 161, 145),
        ("a" * 306, "gsm", 2, 306, 0),
        ("a" * 307, "gsm", 3, 307, 152),
        ("€" * 80, "gsm", 1, 160, 0),
        ("a" * 152 + "€" + "a" * 20, "gsm", 2, 174, 131),
        ("a" * 151 + "€" + "a" * 20, "gsm", 2, 173, 133),
        ("a" * 152 + "€" + "a" * 151, "gsm", 2, 305, 0),
        ("a" * 152 + "€" + "a" * 152, "gsm", 3, 306, 152),
        ("ł" * 70, "ucs", 1, 70, 0),
        ("ł" * 71, "ucs", 2, 71, 63),
        ("ł" * 134, "ucs", 2, 134, 0),
        ("ł" * 135, "ucs", 3, 135, 66),
        (EMOJI * 35, "ucs", 1, 70, 0),
        ("ł" * 66 + EMOJI + "ł" * 3, "ucs", 2, 71, 62),
        ("ł" * 66 + EMOJI + "ł" * 65, "ucs", 2, 133, 0),
        ("ł" * 66 + EMOJI + "ł" * 66, "ucs", 3, 134, 66),
    ],
)
def test_the_boundaries(text: str, encoding: str, segments: int, units: int, left: int) -> None:
    result = measure(text)
    assert (result.encoding, result.segments, result.units, result.left) == (encoding, segments, units, left)


def cut(pieces: list[int], single: int, part: int) -> tuple[int, int]:
    """Segments and room left, the plain way: put each character, whole, into the segment that still takes it."""
    if sum(pieces) <= single:
        return 1, single - sum(pieces)
    rooms = [part]
    for piece in pieces:
        if piece > rooms[-1]:
            rooms.append(part)
        rooms[-1] -= piece
    return len(rooms), rooms[-1]


gsm_texts = st.lists(st.sampled_from("aå €[") | st.integers(0, 160).map("a".__mul__)).map("".join)
ucs_texts = st.lists(st.sampled_from(["ł", "€", EMOJI]) | st.integers(0, 70).map("ł".__mul__)).map("".join)


@given(gsm_texts)
def test_gsm_texts_are_cut_as_if_filled_character_by_character(text: str) -> None:
    pieces = [2 if character in GSM_EXTENSION else 1 for character in text]
    result = measure(text)
    assert (result.encoding, result.units) == ("gsm", sum(pieces))
    assert (result.segments, result.left) == cut(pieces, 160, 153)


@given(ucs_texts.map("ł".__add__))
def test_ucs_texts_are_cut_as_if_filled_character_by_character(text: str) -> None:
    pieces = [len(character.encode("utf-16-le")) // 2 for character in text]
    result = measure(text)
    assert (result.encoding, result.units) == ("ucs", sum(pieces))
    assert (result.segments, result.left) == cut(pieces, 70, 67)


@given(st.text())
def test_a_text_is_gsm_exactly_when_nothing_forces_it_out(text: str) -> None:
    result = measure(text)
    outside = dict.fromkeys(character for character in text if character not in GSM_BASIC + GSM_EXTENSION)
    assert result.forcing == tuple(outside)
    assert (result.encoding == "gsm") is (not outside)


@given(st.text(st.characters(), min_size=1))
@example("\ud83d" * 80)
def test_a_character_more_never_makes_a_text_cheaper(text: str) -> None:
    assert measure(text).segments >= measure(text[:-1]).segments >= 1


def test_two_halves_of_a_pair_count_as_the_one_character_they_are() -> None:
    assert measure("\ud83d\ude00") == measure(EMOJI)


def test_half_a_pair_is_one_unit_that_can_be_shown() -> None:
    result = measure("a\ud83d" * 40)
    assert (result.units, result.segments, result.forcing) == (80, 2, ("\ufffd",))


def test_the_repr_does_not_quote_the_text() -> None:
    assert "ł" not in repr(measure("ł"))


# Plain


def test_pasted_typography_becomes_gsm() -> None:
    pasted = "\ufeff“Hej” – det\u2019s\xa0klart\u200b…\ta\u030a"
    assert plain(pasted) == '"Hej" - det\'s klart... å'
    assert measure(plain(pasted)).encoding == "gsm"


@given(st.text(GSM_BASIC + GSM_EXTENSION))
def test_plain_leaves_gsm_texts_alone(text: str) -> None:
    assert plain(text) == text


@given(st.text(st.sampled_from("a\u030a\u200b’´\u1ffd…\u2126ł") | st.characters(exclude_categories=["Cs"])))
def test_plain_is_done_after_once(text: str) -> None:
    assert plain(plain(text)) == plain(text)


def test_plain_keeps_what_it_cannot_replace() -> None:
    family = "\U0001f468\u200d\U0001f469"
    assert plain(f"Łukasz {family}") == f"Łukasz {family}"


# Templates


def test_placeholders_come_once_each_in_order() -> None:
    assert placeholders("{b} {a} {b} {} {{c}} {d") == ("b", "a", "c")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("Hi {name}", "Hi Ann"),
        ("Hi {Name}", "Hi {Name}"),
        ("Hi {city}", "Hi Lund"),
        ("Hi {shop}!", "Hi !"),
        ("Hi {street}", "Hi {street}"),
        ("{name}{name}", "AnnAnn"),
        ("{{name}}", "{Ann}"),
        ("100 % {name} {}", "100 % Ann {}"),
        ("{empty}.", "."),
    ],
)
def test_a_key_takes_the_number_s_value_then_the_default_s_then_nothing(body: str, text: str) -> None:
    values = {"name": "Ann", "empty": ""}
    default = {"name": "friend", "city": "Lund", "empty": "full"}
    assert render(body, values, default, known={"name", "empty", "city", "shop"}) == text


keys = st.sampled_from(["a", "b", "c", "A"])
loose = st.lists(st.sampled_from(["{", "}", "{a}", "{b}", "{zz}", "x", "%s", "\\1"])).map("".join)
replacements = st.dictionaries(keys, loose)


@given(loose, replacements, replacements)
def test_a_body_without_known_keys_comes_back_as_typed(
    body: str, values: dict[str, str], default: dict[str, str]
) -> None:
    assert render(body, values, default, known=()) == body


@given(st.lists(keys | loose.filter(lambda text: "{" not in text)), replacements, replacements)
def test_values_are_inserted_once_and_never_expanded_again(
    parts: list[str], values: dict[str, str], default: dict[str, str]
) -> None:
    known = {"a", "b", "c", "A"}
    body = "".join(f"{{{part}}}" if part in known else f" {part} ".replace("}", "") for part in parts)
    expected = "".join(
        values.get(part, default.get(part, "")) if part in known else f" {part} ".replace("}", "") for part in parts
    )
    assert render(body, values, default, known) == expected


@given(loose, replacements)
def test_only_the_keys_of_the_template_matter(body: str, values: dict[str, str]) -> None:
    template = Template(body, known=("a", "b"))
    used = {key: value for key, value in values.items() if key in template.keys}
    assert template.render(values, {}) == template.render(used, {})


def test_a_template_is_a_value_that_keeps_its_text_to_itself() -> None:
    template = Template("Secret {a}", known=["a"])
    assert template == Template("Secret {a}", known={"a"})
    assert "Secret" not in repr(template)
    with pytest.raises(FrozenInstanceError):
        template.body = "other"  # type: ignore[misc]
