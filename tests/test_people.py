"""Reading people from CSV files: every row is kept or dropped, once, with a reason."""

from __future__ import annotations

import csv
import sys
from importlib import import_module
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip1_async.cli.numbers import WrongNumber, to_msisdn
from ip1_async.cli.people import People, read_people

CUSTOMERS = Path(__file__).parents[1] / "docs" / "examples" / "customers.csv"


def read(text: str, *, to: str | None = None, region: str = "SE") -> People:
    return read_people(StringIO(text), to=to, region=region)


def numbers(people: People) -> list[str]:
    return [person.msisdn for person in people.kept]


# Numbers


@pytest.mark.parametrize(
    ("written", "msisdn"),
    [
        ("070-174 06 05", "46701740605"),
        ("0701740605", "46701740605"),
        ("701740605", "46701740605"),
        ("46701740605", "46701740605"),
        ("+46 (0)70-174 06 05", "46701740605"),
        ("0046701740605", "46701740605"),
        ("\u200e+46\xa070\xa0174\xa006\xa005", "46701740605"),
        ("+45 20 12 34 56", "4520123456"),
        ("4520123456", "4520123456"),
        ("358401234567", "358401234567"),
    ],
)
def test_a_number_becomes_an_msisdn_however_it_is_written(written: str, msisdn: str) -> None:
    assert to_msisdn(written) == msisdn


def test_a_national_number_belongs_to_the_region() -> None:
    assert to_msisdn("20 12 34 56", region="dk") == "4520123456"


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", "empty number"),
        ("\xa0 ", "empty number"),
        ("-", "not a phone number"),
        ("ring mig på 0701740605", "not a phone number"),
        ("0701-ACCESS", "not a phone number"),
        ("7.01741E+08", "not a phone number"),
        ("0701740605 #5", "has an extension"),
        ("070-17", "too short"),
        ("112", "too short"),
        ("0701740605 / 0701740606", "too long"),
        ("0701740605" * 40, "too long"),
        ("+99 70 174 06 05", "unknown country code"),
        ("074-174 06 05", "not valid in SE"),
        ("+44 7700 900461", "not valid in GB"),
    ],
)
def test_a_wrong_number_has_a_reason_that_does_not_quote_it(written: str, reason: str) -> None:
    with pytest.raises(WrongNumber) as caught:
        to_msisdn(written)
    assert str(caught.value) == reason


def test_a_region_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="two letters of a country"):
        read("phone\n0701740605\n", region="Sweden")


def test_without_the_extra_a_sentence_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "phonenumbers", None)
    monkeypatch.delitem(sys.modules, "ip1_async.cli.numbers")
    with pytest.raises(ImportError, match=r"ip1-async\[cli\]"):
        import_module("ip1_async.cli.numbers")


# Rows


def test_a_row_gives_its_number_its_values_and_its_place() -> None:
    people = read("Name,Phone,city\n Ann ,0701740605,\nBo,070-174 06 06,Lund\n")
    ann, bo = people.kept
    assert (ann.msisdn, dict(ann.values), ann.row) == ("46701740605", {"Name": "Ann", "Phone": "0701740605"}, 2)
    assert (bo.values["city"], bo.row) == ("Lund", 3)
    assert people.columns == ("Name", "Phone", "city")


def test_dropped_rows_say_where_and_why() -> None:
    people = read("phone,name\n0701740605,Ann\nx,Bo\n\n+46701740605,Ann\n,Cia\n0701740606,Dan,1\n")
    assert [person.row for person in people.kept] == [2]
    assert [(dropped.row, dropped.reason) for dropped in people.dropped] == [
        (3, "not a phone number"),
        (5, "duplicate of row 2"),
        (6, "empty number"),
        (7, "more cells than columns"),
    ]


def test_the_reasons_are_counted_with_all_duplicates_together() -> None:
    people = read("phone,name\n,x\n0701740605,\n0701740605,\n0701740606,\n0701740606,\n")
    assert people.reasons == {"duplicate": 2, "empty number": 1}


def test_blank_rows_are_no_rows_and_missing_cells_are_empty() -> None:
    people = read("\nname,phone,city\n\n,,\nAnn,0701740605\nBo\n")
    assert [(person.row, dict(person.values)) for person in people.kept] == [
        (5, {"name": "Ann", "phone": "0701740605"})
    ]
    assert [(dropped.row, dropped.reason) for dropped in people.dropped] == [(6, "empty number")]


def test_a_quoted_line_break_belongs_to_its_cell() -> None:
    people = read('name,phone\r\n"Ann\r\nBerg",0701740605\r\nBo,0701740606\r\n')
    assert [(person.values["name"], person.row) for person in people.kept] == [("Ann\r\nBerg", 2), ("Bo", 3)]


cells = st.sampled_from(
    ["", " ", "0701740605", "+46701740605", "070-174 06 06", "4520123456", "x", "123", 'a "b"', "a\nb"]
)


@given(st.lists(st.lists(cells, max_size=4)), st.sampled_from(",;\t|"))
def test_every_row_that_is_not_blank_has_one_fate(rows: list[list[str]], delimiter: str) -> None:
    file = StringIO(newline="")
    csv.writer(file, delimiter=delimiter).writerows([["name", "phone", "city"], *rows])
    people = read(file.getvalue())
    fates = [person.row for person in people.kept] + [dropped.row for dropped in people.dropped]
    assert sorted(fates) == [at for at, row in enumerate(rows, start=2) if any(map(str.strip, row))]
    assert len(set(numbers(people))) == len(people.kept)


# Columns


@pytest.mark.parametrize(
    "name", ["phone", "PhoneNumber", "Phone number", "MOBILE", "msisdn", "Number", "Telefon", "mobil"]
)
def test_the_number_column_is_found_by_its_name(name: str) -> None:
    assert numbers(read(f"name;{name}\nAnn;0701740605\n")) == ["46701740605"]


def test_the_usual_names_have_an_order() -> None:
    assert numbers(read("number,mobile,phone\n1,2,0701740605\n")) == ["46701740605"]


def test_to_names_the_column() -> None:
    text = "phone,Work Phone,phone 2\n0701740605,0701740606,0701740607\n"
    assert numbers(read(text, to="work phone")) == ["46701740606"]
    assert numbers(read(text, to="phone 2")) == ["46701740607"]


@pytest.mark.parametrize(
    "header", ['"first, last";phone', "first last\tphone", "phone;a,b,c", "first|phone", '"a";"phone"']
)
def test_the_delimiter_is_the_one_that_gives_the_number_column(header: str) -> None:
    delimiter = next(each for each in ";\t|" if each in header)
    row = ["x", "0701740605"] if header.endswith(("phone", '"')) else ["0701740605", "x"]
    assert numbers(read(f"{header}\n{delimiter.join(row)}\n")) == ["46701740605"]


def test_a_single_column_needs_no_delimiter() -> None:
    assert numbers(read("phone\n070-174 06 05\n")) == ["46701740605"]


# Files


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_the_usual_encodings_are_recognised(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes("phone;namn\n0701740605;Åsa Öberg\n".encode(encoding))
    for source in (path, str(path), BytesIO(path.read_bytes())):
        assert [dict(person.values) for person in read_people(source).kept] == [
            {"phone": "0701740605", "namn": "Åsa Öberg"}
        ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "file is empty"),
        (b" \n,,\n", "file is empty"),
        (b"PK\x03\x04\x14\x00\x06\x00", "export it as CSV"),
        (b"\xff\xfe\x00", "export it as CSV"),
        (b"name,phone\n\x81\n", "export it as CSV"),
        (b"name,city\nAnn,Lund\n", "holds the phone numbers: name, city"),
        (b"phone,name,name\n", "2 columns are called 'name'"),
        (b'phone,name\n0701740605,Ann\n0701740606,"Bo\n0701740607,Cia\n', "from line 3 on"),
    ],
)
def test_what_is_no_table_of_people_gets_one_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as caught:
        read_people(BytesIO(content))
    assert "\n" not in str(caught.value)


def test_a_missing_column_is_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="no column 'mob': the columns are name, phone"):
        read("name,phone\n", to="mob")


def test_a_file_without_a_header_is_not_quoted() -> None:
    with pytest.raises(ValueError, match="first row must name the columns") as caught:
        read("Ann,070-174 06 05\nBo,0701740606\n")
    assert "Ann" not in str(caught.value)
    assert "174" not in str(caught.value)


def test_a_path_that_cannot_be_read_gets_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="is a directory: give a CSV file"):
        read_people(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"There is no file .*none\.csv"):
        read_people(tmp_path / "none.csv")


def test_reprs_show_neither_numbers_nor_names() -> None:
    people = read("name,phone\nAnn,0701740605\nBo,123\n")
    assert repr(people) == "People(kept=1, dropped=1, columns=('name', 'phone'))"
    assert repr(people.kept[0]) == "Person(row=2)"


# The shipped file


def test_the_shipped_customers_are_a_thousand_rows_some_of_them_wrong() -> None:
    people = read_people(CUSTOMERS)
    assert len(people.kept) + len(people.dropped) == 1000
    assert people.reasons["duplicate"] == 15
    assert {"empty number", "not a phone number", "too short", "too long"} <= people.reasons.keys()


def test_no_shipped_customer_stalls_in_the_sandbox_and_some_fail_there() -> None:
    endings = [int(number[-3:]) for number in numbers(read_people(CUSTOMERS))]
    assert not [ending for ending in endings if 101 <= ending <= 114]
    assert {202, 405, 501, 515} <= set(endings)
