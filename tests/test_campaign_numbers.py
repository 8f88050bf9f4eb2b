"""Numbers as people write them: fast where that is safe, and then the same as phonenumbers says."""

from __future__ import annotations

import sys
from importlib import import_module

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneMetadata, PhoneNumberType

from ip1_async.campaign.people.numbers import Numbers, WrongNumber, country, to_msisdn

REGIONS = ("SE", "DK", "NO", "FI", "DE", "FR", "ES", "US", "GB")
DIGITS = st.sampled_from("0123456789")


@pytest.mark.parametrize(
    ("written", "msisdn"),
    [
        ("070-174 06 05", "46701740605"),
        ("0701740605", "46701740605"),
        ("701740605", "46701740605"),
        ("46701740605", "46701740605"),
        ("46 70 174 06 05", "46701740605"),
        ("+46 (0)70-174 06 05", "46701740605"),
        ("0046701740605", "46701740605"),
        ("\u200e+46\xa070\xa0174\xa006\xa005", "46701740605"),
        ("'0701740605", "46701740605"),
        ("+45 20 12 34 56", "4520123456"),
        ("4520123456", "4520123456"),
        ("45 20 12 34 56", "4520123456"),
        ("358401234567", "358401234567"),
        ("+1 201 555 0123", "12015550123"),
        ("08-123 456", "468123456"),
    ],
)
def test_a_number_becomes_an_msisdn_however_it_is_written(written: str, msisdn: str) -> None:
    assert to_msisdn(written) == msisdn
    assert Numbers("SE").msisdn(written) == msisdn


def test_a_national_number_belongs_to_the_region() -> None:
    assert to_msisdn("20 12 34 56", region="dk") == "4520123456"
    assert Numbers("dk").msisdn("20 12 34 56") == "4520123456"


@pytest.mark.parametrize(
    ("written", "msisdn"),
    [
        ("4.6701740605E+10", "46701740605"),
        ("4,6701740605E+10", "46701740605"),
        ("4.6701740605e10", "46701740605"),
        ("7.01740605E+08", "46701740605"),
        ("46.701740605E+9", "46701740605"),
        ("4.670174060500E+10", "46701740605"),
        ("46701740605.0", "46701740605"),
        ("46701740605,0", "46701740605"),
        ("701740605.0", "46701740605"),
    ],
)
def test_what_a_spreadsheet_made_a_quantity_is_restored_when_no_digit_is_lost(written: str, msisdn: str) -> None:
    assert to_msisdn(written) == msisdn
    assert Numbers("SE").msisdn(written) == msisdn


@pytest.mark.parametrize("written", ["4.67E+10", "4,67E+10", "4.67017E+10", "5E+10", "4.670174060E+10"])
def test_digits_that_a_spreadsheet_lost_are_not_made_up(written: str) -> None:
    with pytest.raises(WrongNumber) as caught:
        to_msisdn(written)
    assert str(caught.value) == "in scientific notation, its last digits are lost"


@given(st.integers(10**6, 10**12), st.sampled_from(".,"))
def test_scientific_notation_with_all_digits_reads_as_the_digits(number: int, point: str) -> None:
    digits = str(number)
    written = f"{digits[0]}{point}{digits[1:]}E+{len(digits) - 1:02}"
    assert outcome(lambda: to_msisdn(written)) == outcome(lambda: to_msisdn(digits))


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", "empty number"),
        ("\xa0 ", "empty number"),
        ("-", "not a phone number"),
        ("ring mig på 0701740605", "not a phone number"),
        ("0701-ACCESS", "not a phone number"),
        ("4.67017406055E+10", "not a phone number"),
        ("0701740605 #5", "has an extension"),
        ("070-17", "too short"),
        ("112", "too short"),
        ("0701740605 / 0701740606", "too long"),
        ("0701740605" * 40, "too long"),
        ("0701740605" + " " * 300 + "1", "too long"),
        ("+81 0066 12345678901", "too long"),
        ("+99 70 174 06 05", "unknown country code"),
        ("074-174 06 05", "not valid in SE"),
        ("+44 7700 900461", "not valid in GB"),
    ],
)
def test_a_wrong_number_has_a_reason_that_does_not_quote_it(written: str, reason: str) -> None:
    for read in (to_msisdn, Numbers("SE").msisdn):
        with pytest.raises(WrongNumber) as caught:
            read(written)
        assert str(caught.value) == reason


@pytest.mark.parametrize("region", ["Sweden", "", "46", "XX"])
def test_a_region_that_does_not_exist_is_refused(region: str) -> None:
    with pytest.raises(ValueError, match="two letters of a country"):
        to_msisdn("0701740605", region=region)
    with pytest.raises(ValueError, match="two letters of a country"):
        Numbers(region)


@pytest.mark.parametrize(
    ("msisdn", "region"), [("4915123456789", "DE"), ("4917612345678", "DE"), ("62812345678", "ID")]
)
def test_a_mobile_msisdn_is_not_taken_for_a_landline_that_lost_its_zero(msisdn: str, region: str) -> None:
    for written in (msisdn, "+" + msisdn, f"{msisdn[:2]} {msisdn[2:5]}-{msisdn[5:]}"):
        assert to_msisdn(written, region=region) == Numbers(region).msisdn(written) == msisdn


def test_a_landline_of_a_roomy_plan_stays_one() -> None:
    assert to_msisdn("30123456789", region="DE") == "4930123456789"
    assert to_msisdn("04915123456", region="DE") == "494915123456"


# The fast way


def outcome(read: object) -> str:
    assert callable(read)
    try:
        return str(read())
    except WrongNumber as wrong:
        return str(wrong)


def patterns(region: str) -> list[str]:
    metadata = PhoneMetadata.metadata_for_region(region)
    assert metadata is not None
    described = (metadata.mobile, metadata.mobile, metadata.fixed_line, metadata.toll_free, metadata.premium_rate)
    return [each.national_number_pattern for each in described if each and each.national_number_pattern]


@st.composite
def spellings(draw: st.DrawFn, region: str) -> str:
    """A spelling near those that mean a number of the region, or of one of the others."""
    country = draw(st.sampled_from([region, region, *REGIONS]))
    pattern = draw(st.sampled_from(patterns(country)))
    number = draw(st.from_regex(pattern, fullmatch=True, alphabet=DIGITS))
    number += draw(st.sampled_from(["", "", "", "0", "7"]))
    number = number[: draw(st.sampled_from([20, 20, 20, len(number) - 1]))]
    code, own = (str(phonenumbers.country_code_for_region(each)) for each in (country, region))
    prefixes = ["", "0", "1", "8", code, own, own + own, "+", "+" + code, "+" + own, "00" + code, "011" + code, "000"]
    written = draw(st.sampled_from(prefixes)) + number
    at = draw(st.integers(0, len(written)))
    return written[:at] + draw(st.sampled_from(["", "", "", " ", "-", "  "])) + written[at:]


@pytest.mark.parametrize("region", REGIONS)
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_the_fast_way_gives_what_the_slow_way_gives(region: str, data: st.DataObject) -> None:
    written = data.draw(spellings(region))
    assert outcome(lambda: Numbers(region).msisdn(written)) == outcome(lambda: to_msisdn(written, region=region))


@pytest.mark.parametrize("region", REGIONS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_many_at_once_are_read_as_each_is_alone(region: str, data: st.DataObject) -> None:
    numbers = Numbers(region)
    spelling = spellings(region)
    cell = st.one_of(
        spelling, spelling, st.just(""), st.tuples(spelling, st.sampled_from("\n\r"), spelling).map("".join)
    )
    written = data.draw(st.lists(cell, max_size=9))
    found = numbers.plain(written)
    assert found == [numbers.plain([each])[0] for each in written]
    for each, msisdn in zip(written, found, strict=True):
        assert msisdn in ("", outcome(lambda each=each: numbers.msisdn(each)))


def test_no_number_of_a_list_in_its_usual_spelling_needs_a_second_look() -> None:
    assert Numbers("SE").plain(["0701740605", "46701740606", "+46701740607", "070-174 06 08", "x\n0701740609"]) == [
        "46701740605", "46701740606", "46701740607", "", "",
    ]  # fmt: skip


@pytest.mark.parametrize("region", REGIONS)
def test_the_usual_spellings_of_a_mobile_number_need_no_parser(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    example = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    assert example is not None
    msisdn = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
    national = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.NATIONAL)
    monkeypatch.delattr(phonenumbers, "parse")
    for written in (msisdn, "+" + msisdn, f"+{msisdn[:5]} {msisdn[5:8]}-{msisdn[8:]}", national.strip("(")):
        if ")" not in written:
            assert Numbers(region).msisdn(written) == msisdn
    assert Numbers("FR").msisdn("+" + msisdn) == msisdn
    with pytest.raises(AttributeError):
        Numbers(region).msisdn("+46 (0)70-174 06 05")


# Countries


@pytest.mark.parametrize(
    ("msisdn", "region"),
    [
        ("46701740605", "SE"),
        ("4740612345", "NO"),
        ("4779123456", "SJ"),
        ("15062345678", "CA"),
        ("12015550123", "US"),
        ("447400123456", "GB"),
        ("441481960194", "GG"),
        ("358412345678", "FI"),
        ("77710009998", "KZ"),
        ("870773111632", ""),
        ("0701740605", ""),
        ("999", ""),
        ("", ""),
    ],
)
def test_an_msisdn_shows_its_country(msisdn: str, region: str) -> None:
    assert country(msisdn) == region


@pytest.mark.parametrize("region", [*REGIONS, "CA", "AX", "SJ", "IM", "JM", "KZ", "IT", "VA"])
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_the_country_is_the_one_that_phonenumbers_names(region: str, data: st.DataObject) -> None:
    number = data.draw(st.from_regex(data.draw(st.sampled_from(patterns(region))), fullmatch=True, alphabet=DIGITS))
    parsed = phonenumbers.parse(f"+{phonenumbers.country_code_for_region(region)}{number}")
    msisdn = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
    assert country(msisdn) == (phonenumbers.region_code_for_number(parsed) or "")


@pytest.mark.parametrize("module", ["ip1_async.campaign.people.numbers", "ip1_async.campaign.people.numbering"])
def test_without_the_extra_a_sentence_names_it(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "phonenumbers", None)
    monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(ImportError, match=r"ip1-async\[campaign\]"):
        import_module(module)
