"""Reading people for a campaign: every record becomes one row, and a row that cannot be used says why."""

from __future__ import annotations

import csv
import json
import os
import sys
import threading
import tracemalloc
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from io import BytesIO, RawIOBase, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ip1_async.campaign.people.numbers import WrongNumber, to_msisdn
from ip1_async.campaign.people.read import Row, Source, numbers_in, open_async_source, open_source

CUSTOMERS = Path(__file__).parents[1] / "docs" / "examples" / "customers.csv"
BLOCK = 2_000


def source(text: str, *, to: str | None = None) -> Source:
    return open_source(BytesIO(text.encode()), to=to)


def rows(source: Source, *wanted: str) -> list[Row]:
    blocks = list(source.blocks(wanted))
    assert all(0 < len(block) <= BLOCK for block in blocks)
    return [row for block in blocks for row in block]


def read(text: str, *wanted: str, to: str | None = None) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in rows(source(text, to=to), *wanted)]


def numbers(text: str, *, to: str | None = None) -> list[str]:
    return [row.number for row in rows(source(text, to=to))]


# Rows


def test_a_row_has_its_place_its_number_and_the_cells_that_were_asked_for() -> None:
    people = source("Name,Phone,city\n Ann ,0701740605,\nBo, 070-174 06 06 ,Lund\n")
    assert people.columns == ("Name", "Phone", "city")
    assert rows(people, "city", "Name") == [
        Row(2, "0701740605", ("", "Ann"), ""),
        Row(3, "070-174 06 06", ("Lund", "Bo"), ""),
    ]
    assert rows(people)[0].values == ()


def test_the_ten_kinds_of_dirt_each_come_out_in_their_row(tmp_path: Path) -> None:
    path = tmp_path / "kunder.csv"
    lines = [
        '\ufeff"Namn";"Mobil";"Ort"',  # a byte order mark, semicolons
        '"Åsa Öberg";0701740605;Malmö',  # a national number
        ";;",  # a blank line
        '"Bo\r\nBerg";+46 70-174 06 05;Lund',  # a line break in quotes, the same person in another format
        "Cia;4,6701740606E+10;Umeå",  # scientific notation
        "Dan;4,67E+10;Umeå",  # the same, with digits lost
        "Eva",  # a missing column
        "",
        "Finn;+45 20 12 34 56;København",  # a foreign number
        "Gun;0701740607;Ystad;!",
        "Åke;46701740608.0;Luleå",
    ]
    path.write_bytes("\r\n".join(lines).encode())
    assert rows(open_source(path), "Namn", "Ort") == [
        Row(2, "0701740605", ("Åsa Öberg", "Malmö"), ""),
        Row(3, "", ("", ""), "blank row"),
        Row(4, "+46 70-174 06 05", ("Bo\r\nBerg", "Lund"), ""),
        Row(5, "4,6701740606E+10", ("Cia", "Umeå"), ""),
        Row(6, "4,67E+10", ("Dan", "Umeå"), ""),
        Row(7, "", ("Eva", ""), "no cell for the number"),
        Row(8, "", ("", ""), "blank row"),
        Row(9, "+45 20 12 34 56", ("Finn", "København"), ""),
        Row(10, "0701740607", ("Gun", "Ystad"), "more cells than columns"),
        Row(11, "46701740608.0", ("Åke", "Luleå"), ""),
    ]
    # In Latin-1, as Windows writes it, the rows are the same.
    before = rows(open_source(path), "Namn", "Ort")
    path.write_bytes("\r\n".join(lines).removeprefix("\ufeff").encode("cp1252"))
    assert rows(open_source(path), "Namn", "Ort") == before
    fates = [_fate(row.number) for row in before if not row.wrong]
    assert fates == [
        "46701740605",
        "46701740605",
        "46701740606",
        "in scientific notation, its last digits are lost",
        "4520123456",
        "46701740608",
    ]


def _fate(number: str) -> str:
    try:
        return to_msisdn(number)
    except WrongNumber as wrong:
        return str(wrong)


def test_a_short_row_is_used_as_far_as_it_goes() -> None:
    assert read("\nname,phone,city\nAnn,0701740605\n,,\nBo\n", "name", "city") == [
        (3, "0701740605", ("Ann", ""), ""),
        (4, "", ("", ""), "blank row"),
        (5, "", ("Bo", ""), "no cell for the number"),
    ]


def test_a_row_may_end_in_delimiters_but_not_in_more_cells() -> None:
    assert read("phone,name\n0701740605,Ann,,\n0701740606,Bo, ,x\n,,,x\n", "name") == [
        (2, "0701740605", ("Ann",), ""),
        (3, "0701740606", ("Bo",), "more cells than columns"),
        (4, "", ("",), "more cells than columns"),
    ]


def test_blank_rows_are_rows_whatever_white_space_they_are_of() -> None:
    found = read("phone,name\n\n , \n\t,\xa0\n,x\n \n\n")
    assert [(row, wrong) for row, _, _, wrong in found] == [
        (2, "blank row"),
        (3, "blank row"),
        (4, "blank row"),
        (5, ""),
        (6, "blank row"),
        (7, "blank row"),
    ]


def test_a_control_character_makes_its_row_wrong_if_it_is_in_what_was_asked_for() -> None:
    text = 'phone,name,note\n0701740605,"A\tn\nn\x0c",\x07\n070\x011740606,Bo,\n0701740607,C\x1fia,\n0701740608,Dan,\n'
    assert [(row, wrong) for row, _, _, wrong in read(text, "name")] == [
        (2, ""),
        (3, "a control character"),
        (4, "a control character"),
        (5, ""),
    ]
    assert read(text, "note")[0][3] == "a control character"
    assert read(text)[2][3] == ""


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[list[str]], str, str, str]:
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]))
    alphabet = st.characters(codec="cp1252" if encoding == "cp1252" else "utf-8", exclude_categories=["Cc", "Cs"])
    cell = st.one_of(
        st.text(alphabet, max_size=6), st.sampled_from(["", " ", "070-174 06 05", 'a "b"', "a\r\nb", ";", "\n"])
    )
    row = st.lists(cell, min_size=3, max_size=3)
    delimiter, line_end = draw(st.sampled_from(",;\t|")), draw(st.sampled_from(["\r\n", "\n", "\r"]))
    return draw(st.lists(row, max_size=8)), encoding, delimiter, line_end


@given(tables())
@example(([["Å\xa0", "", ""], ["ÄÄ", "", ""]], "cp1252", ";", "\n"))
@example(([["Å", "Ä", "\x85"]], "utf-8", ",", "\r"))
def test_any_table_is_read_back_row_for_row(table: tuple[list[list[str]], str, str, str]) -> None:
    cells, encoding, delimiter, line_end = table
    file = StringIO(newline="")
    # Not every line break is put into quotes by every version of Python.
    writer = csv.writer(file, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writerows([["a", "phone", "b"], *cells])
    content = file.getvalue().encode(encoding)
    if encoding == "cp1252" and _could_be_utf_8(content):
        return
    found = rows(open_source(BytesIO(content)), "a", "b")
    assert [row.row for row in found] == [*range(2, len(cells) + 2)]
    assert [[row.values[0], row.number, row.values[1]] for row in found] == [
        [cell.strip() for cell in row] for row in cells
    ]
    assert [row.wrong == "blank row" for row in found] == [not any(map(str.strip, row)) for row in cells]


def _could_be_utf_8(content: bytes) -> bool:
    """Whether there are pairs of bytes in it that make a character of UTF-8, as hardly any text in Latin-1 has."""
    text = content.decode("utf-8", "ignore")
    return not text.isascii()


records = st.lists(st.lists(st.sampled_from(["", " ", "070", "x", 'a "b"', "a\nb", "\x07"]), max_size=5))


@given(records, st.sampled_from(",;\t|"))
def test_every_record_is_one_row(cells: list[list[str]], delimiter: str) -> None:
    file = StringIO(newline="")
    csv.writer(file, delimiter=delimiter).writerows([["name", "phone", "city"], *cells])
    found = rows(open_source(BytesIO(file.getvalue().encode())), "name")
    assert [row.row for row in found] == [*range(2, len(cells) + 2)]
    assert [row.wrong == "blank row" for row in found] == [not any(map(str.strip, row)) for row in cells]


def test_rows_are_counted_on_from_block_to_block() -> None:
    count = 2 * BLOCK + 700
    lines = [f"{at:010},{at}" if at % 900 else "" for at in range(count)]
    found = rows(source("\n".join(["phone,name", *lines]) + "\n"), "name")
    assert [row.row for row in found] == [*range(2, count + 2)]
    assert [row.row for row in found if row.wrong] == [at + 2 for at in range(0, count, 900)]
    assert all(row.values == (str(row.row - 2),) for row in found if not row.wrong)


def test_reading_takes_less_memory_than_the_file(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    with path.open("w") as file:
        file.write("phone,name,note\n")
        file.writelines(f"4670{at:07},Ann {at},something that is not needed\n" for at in range(80_000))
    tracemalloc.start()
    try:
        assert sum(map(len, open_source(path).blocks(["name"]))) == 80_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 << 20 < path.stat().st_size


def test_a_file_can_be_read_again() -> None:
    people = source("phone\n0701740605\n")
    assert rows(people) == rows(people) != []


def test_reprs_show_neither_numbers_nor_names() -> None:
    people = source("name,phone\nAnn,0701740605\n")
    assert repr(rows(people, "name")[0]) == "Row(row=2, wrong='')"
    assert repr(people) == "Table(name='a stream', columns=('name', 'phone'))"


# Columns


@pytest.mark.parametrize(
    "name", ["phone", "PhoneNumber", "Phone number", "MOBILE", "msisdn", "Number", "Telefon", "mobil"]
)
def test_the_number_column_is_found_by_its_name(name: str) -> None:
    assert numbers(f"name;{name}\nAnn;0701740605\n") == ["0701740605"]


def test_the_usual_names_have_an_order() -> None:
    assert numbers("number,mobile,phone\n1,2,0701740605\n") == ["0701740605"]


def test_to_names_the_column() -> None:
    text = "phone,Work Phone,phone 2\n1,2,3\n"
    assert numbers(text, to="work phone") == ["2"]
    assert numbers(text, to="phone 2") == ["3"]
    assert numbers("Work phone,work phone,work_phone\n1,2,3\n", to="work_phone") == ["3"]


@pytest.mark.parametrize(
    "header", ['"first, last";phone', "first last\tphone", "phone;a,b,c", "first|phone", '"a";"phone"']
)
def test_the_delimiter_is_the_one_that_gives_the_number_column(header: str) -> None:
    delimiter = next(each for each in ";\t|" if each in header)
    row = ["x", "0701740605"] if header.endswith(("phone", '"')) else ["0701740605", "x"]
    assert numbers(f"{header}\n{delimiter.join(row)}\n") == ["0701740605"]


def test_white_space_above_the_header_is_counted_but_is_no_header() -> None:
    assert read(" ; \n\n;;\nname;phone\nAnn;0701740605\n", "name") == [(5, "0701740605", ("Ann",), "")]


def test_a_single_column_needs_no_delimiter() -> None:
    assert numbers("phone\n070-174 06 05\n") == ["070-174 06 05"]


def test_a_column_without_a_name_cannot_be_asked_for() -> None:
    people = source("phone,,name\n0701740605,x,Ann\n")
    assert people.columns == ("phone", "name")
    with pytest.raises(ValueError, match="no column ''"):
        people.blocks([""])


def test_a_column_that_there_is_not_is_refused_before_anything_is_read() -> None:
    for people in (source("phone,name\n"), open_source([{"phone": "1", "name": "Ann"}])):
        with pytest.raises(ValueError, match="no column 'nam': the columns are phone, name"):
            people.blocks(["nam"])


def test_years_in_a_header_are_not_taken_for_numbers() -> None:
    assert source("phone,sent 2024-01\n").columns == ("phone", "sent 2024-01")


# Files


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_the_usual_encodings_are_recognised(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes("phone;namn\n0701740605;Åsa Öberg\n".encode(encoding))
    for people in (path, str(path), BytesIO(path.read_bytes())):
        assert rows(open_source(people), "namn") == [Row(2, "0701740605", ("Åsa Öberg",), "")]
    assert open_source(path).name == "people.csv"


def test_latin_1_is_recognised_at_the_very_end(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(b"phone;namn\n" + b"0701740605;Ann\n" * 30_000 + "0701740605;Åsa".encode("latin-1"))
    assert rows(open_source(path), "namn")[-1].values == ("Åsa",)


def test_one_broken_character_does_not_garble_all_the_others() -> None:
    content = "phone,namn\n1,Åsa\n2,Örjan\n3,Ä".encode()
    found = rows(open_source(BytesIO(content[:-1] + b"\n4,Ann\n")), "namn")
    assert [(row.values[0], row.wrong) for row in found if not row.wrong] == [("Åsa", ""), ("Örjan", ""), ("Ann", "")]
    assert [(row.row, row.wrong) for row in found if row.wrong] == [(4, "a broken character")]
    assert not rows(open_source(BytesIO(content[:-1] + b"\n4,Ann\n")))[2].wrong


def test_a_mark_of_utf_8_is_believed_whatever_follows() -> None:
    found = rows(open_source(BytesIO("\ufeffphone,name\n1,".encode() + b"\xe5\xe4\xf6\n2,Ann\n")), "name")
    assert [(row.number, row.wrong) for row in found] == [("1", "a broken character"), ("2", "")]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "file is empty"),
        (b" \n,,\n", "file is empty"),
        (b"PK\x03\x04\x14\x00\x06\x00", "export it as CSV"),
        (b"phone,name\n1,Ann\n2,B\x00\n", "export it as CSV"),
        (b"\xff\xfe\x00", "export it as CSV"),
        ("phone\n1\n".encode("utf-32"), "export it as CSV"),
        (b"phone,\x01\n", "export it as CSV"),
        (b"name,city\nAnn,Lund\n", "holds the phone numbers: name, city"),
        (b"phone,name,name\n", "2 columns are called 'name'"),
        (b'"phone\n0701740605\n', "from line 1 on"),
        (b"phone," + b"x" * 70_000 + b"\n", "more than 65536 characters"),
        (b"PAR1 or so", "not Parquet, or it is damaged"),
    ],
)
def test_what_is_no_table_of_people_gets_one_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as caught:
        open_source(BytesIO(content))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("before", [1, BLOCK + 1])
def test_a_quotation_mark_that_is_not_closed_is_named_with_its_line(before: int) -> None:
    text = 'phone,name\n1,"A\nnn"\n' + "2,Bo\n" * (before - 1) + '3,"Cia\n4,Dan\n'
    people = source(text + "5,Eva\n" * 30_000)
    with pytest.raises(ValueError, match=f"from line {before + 3} on: is a quotation mark not closed"):
        rows(people)


def test_a_missing_column_is_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="no column 'mob': the columns are name, phone"):
        source("name,phone\n", to="mob")


def test_a_file_without_a_header_is_not_quoted() -> None:
    with pytest.raises(ValueError, match="first row must name the columns") as caught:
        source("Ann,070-174 06 05\nBo,0701740606\n")
    assert "Ann" not in str(caught.value)
    assert "174" not in str(caught.value)


@pytest.mark.parametrize("name", ["none.csv", "none.jsonl", "none.parquet"])
def test_a_path_that_cannot_be_read_gets_one_sentence(name: str, tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="is a directory: give a CSV file"):
        open_source(tmp_path)
    with pytest.raises(FileNotFoundError, match=rf"There is no file .*{name}"):
        open_source(tmp_path / name)


def test_the_shipped_customers_are_a_thousand_rows() -> None:
    found = rows(open_source(CUSTOMERS), "name")
    assert [row.row for row in found] == [*range(2, 1002)]


# Streams


class Pipe(RawIOBase):
    """Bytes that come a few at a time and only once."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def read(self, size: int = -1, /) -> bytes:
        some, self._content = self._content[:7], self._content[7:]
        return some


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_a_stream_that_cannot_go_back_is_read_all_the_same(encoding: str) -> None:
    content = "phone;namn\n0701740605;Åsa\n".encode(encoding)
    people = open_source(Pipe(content))
    assert rows(people, "namn") == rows(people, "namn") == [Row(2, "0701740605", ("Åsa",), "")]


def test_a_text_stream_is_read_as_the_text_it_is() -> None:
    text = "\ufeffphone,namn\n0701740605,Åsa\n0701740606,\udcff\ud800\n"
    for stream in (
        StringIO(text),
        TextIOWrapper(BytesIO(text.encode("utf-8", "surrogatepass")), "utf-8", "surrogatepass"),
    ):
        assert [(row.values, row.wrong) for row in rows(open_source(stream), "namn")][:1] == [(("Åsa",), "")]
        assert rows(open_source(StringIO(text)), "namn")[1].wrong == "a broken character"
    assert rows(open_source(StringIO("phone,namn\n1,\ud800\n")), "namn")[0].wrong == "a broken character"


def test_a_stream_is_read_from_where_it_stands_and_stays_open(tmp_path: Path) -> None:
    path = tmp_path / "people.jsonl"
    path.write_bytes(b"rubbish\nphone\n0701740605\n")
    with path.open("rb") as stream:
        stream.readline()
        people = open_source(stream)
        assert people.name == "people.jsonl"
        assert [row.number for row in rows(people)] == ["0701740605"]
        assert not stream.closed


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_named_pipe_is_read_once_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"phone\n0701740605\n",))
    writer.start()
    people = open_source(path)
    writer.join()
    assert [row.number for row in rows(people)] == ["0701740605"]


# JSON lines


def json_lines(path: Path, lines: Iterable[str], encoding: str = "utf-8") -> Path:
    file = path / "people.jsonl"
    file.write_bytes("\n".join(lines).encode(encoding))
    return file


def test_each_line_of_json_is_a_row_and_a_broken_one_says_so(tmp_path: Path) -> None:
    lines = [
        '{"phone": "0701740605", "name": " Åsa ", "vip": true}',
        "",
        '{"phone": 46701740606, "name": null, "score": 1.50}',
        '{"phone": "0701740607", "name": ["Bo"]}',
        '{"phone": "0701740608", "name": "Cia"',
        '["0701740609"]',
        '"0701740609"',
        '{"phone": "0701740610", "phone": "0701740611"}',
        '{"phone": NaN}',
        "[" * 100_000,
        '{"phone": "0701740612", "name": "\\ud800"}',
        '{"name": "", "phone": null}',
        '{"name": "Dan"}',
        '{"phone": 4.6701740605E+10, "tags": [1]}',
    ]
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "latin-1"):
        people = open_source(json_lines(tmp_path, lines, encoding))
        assert people.columns == ("phone", "name", "vip", "score", "tags")
        assert [tuple(row) for row in rows(people, "name", "vip", "score")] == [
            (1, "0701740605", ("Åsa", "true", ""), ""),
            (2, "", ("", "", ""), "blank row"),
            (3, "46701740606", ("", "", "1.50"), ""),
            (4, "0701740607", ("", "", ""), "a value that is no text"),
            (5, "", ("", "", ""), "not a JSON object"),
            (6, "", ("", "", ""), "not a JSON object"),
            (7, "", ("", "", ""), "not a JSON object"),
            (8, "", ("", "", ""), "a name that appears twice"),
            (9, "", ("", "", ""), "not a JSON object"),
            (10, "", ("", "", ""), "not a JSON object"),
            (11, "0701740612", ("\ud800", "", ""), "a broken character"),
            (12, "", ("", "", ""), "blank row"),
            (13, "", ("Dan", "", ""), ""),
            (14, "4.6701740605E+10", ("", "", ""), ""),
        ]


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([], "file is empty: each line must be"),
        (["[", "{", "}", "]"], "hold no JSON object"),
        (['{"name": "Ann"}'], "holds the phone numbers: name"),
        (["{}"], "There are no columns"),
    ],
)
def test_what_holds_no_people_in_json_gets_one_sentence(lines: list[str], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=sentence):
        open_source(json_lines(tmp_path, lines))


def test_to_names_the_value_that_is_the_number(tmp_path: Path) -> None:
    path = json_lines(tmp_path, ['{"phone": "1", "Work phone": "2"}'])
    assert [row.number for row in rows(open_source(path, to="work phone"))] == ["2"]
    with pytest.raises(ValueError, match="no column 'mob': the columns are phone, Work phone"):
        open_source(path, to="mob")


values = st.one_of(st.none(), st.booleans(), st.integers(), st.text(st.characters(exclude_categories=["Cc", "Cs"])))


@given(st.lists(st.fixed_dictionaries({"phone": st.just("1")}, optional={"a": values, "b": values}), min_size=1))
def test_a_line_of_json_and_its_mapping_make_the_same_row(
    tmp_path_factory: pytest.TempPathFactory, people: list[dict[str, object]]
) -> None:
    people = [{"phone": "1", "a": "", "b": ""}, *people]
    path = json_lines(tmp_path_factory.getbasetemp(), [json.dumps(each, ensure_ascii=False) for each in people])
    assert rows(open_source(path), "a", "b") == rows(open_source(people), "a", "b")


# Iterables


def test_an_iterable_gives_numbers_mappings_or_pairs() -> None:
    people: list[object] = [
        "0701740605",
        46701740606,
        {"phone": " 0701740607", "name": "Ann"},
        ("0701740608", {"name": "Bo", "city": "Lund"}),
        ["0701740609", dict[str, str]()],
        (None, {"name": "Cia"}),
        {"phone": "", "name": None},
        ("0701740610", "Dan"),
        b"0701740611",
        None,
    ]
    source = open_source(people)
    assert (source.name, source.columns) == ("an iterable", ("phone", "name", "city"))
    assert [tuple(row) for row in rows(source, "name")] == [
        (1, "0701740605", ("",), ""),
        (2, "46701740606", ("",), ""),
        (3, "0701740607", ("Ann",), ""),
        (4, "0701740608", ("Bo",), ""),
        (5, "0701740609", ("",), ""),
        (6, "", ("Cia",), ""),
        (7, "", ("",), "blank row"),
        (8, "", ("",), "neither a number nor a mapping"),
        (9, "", ("",), "neither a number nor a mapping"),
        (10, "", ("",), "neither a number nor a mapping"),
    ]


def test_a_mapping_of_numbers_to_values_is_its_pairs() -> None:
    assert rows(open_source({"0701740605": {"name": "Ann"}}), "name") == [Row(1, "0701740605", ("Ann",), "")]


def test_values_become_plain_text_where_there_is_one() -> None:
    given_ = [True, False, 7, 1.5, float("nan"), Decimal("1.50"), date(2024, 5, 1), None, {"a": 1}, b"x"]
    found = rows(open_source([("1", {"x": value}) for value in given_]), "x")
    assert [row.values[0] for row in found] == ["true", "false", "7", "1.5", "", "1.50", "2024-05-01", "", "", ""]
    assert [row.wrong for row in found] == [""] * 8 + ["a value that is no text"] * 2
    assert not any(row.wrong for row in rows(open_source([("1", {"x": value}) for value in given_])))


def test_a_control_character_in_a_value_makes_its_row_wrong() -> None:
    found = rows(
        open_source(
            [("1", {"x": "a\nb"}), ("2", {"x": "a\x00b"}), ("3\x7f", dict[str, str]()), ("4", {"x": "\udfff"})]
        ),
        "x",
    )
    assert [row.wrong for row in found] == ["", "a control character", "a control character", "a broken character"]


def test_people_that_come_one_by_one_are_not_all_taken_at_once() -> None:
    taken = 0

    def people() -> Iterator[Mapping[str, str]]:
        nonlocal taken
        for at in range(6_000):
            taken += 1
            yield {"phone": str(at), "late" if at >= 1_000 else "early": "x"}

    source = open_source(people())
    assert (source.columns, taken) == (("phone", "early"), 1_000)
    blocks = source.blocks(["early"])
    assert next(iter(next(blocks))) == Row(1, "0", ("x",), "")
    assert taken < 3_000
    rest = [row for block in blocks for row in block]
    assert (rest[-1].row, rest[-1].number, rest[-1].values) == (6_000, "5999", ("",))


def test_what_can_be_read_only_once_is_not_found_empty_the_second_time() -> None:
    source = open_source(iter(["0701740605"]))
    assert len(rows(source)) == 1
    with pytest.raises(ValueError, match="only once"):
        source.blocks(())
    again = open_source(["0701740605"] * 3)
    assert len(rows(again)) == len(rows(again)) == 3


@pytest.mark.parametrize(
    ("people", "to", "sentence"),
    [
        ([{"name": "Ann"}], None, "holds the phone numbers: name"),
        ([dict[str, str]()], None, "There are no columns"),
        ([{"phone": "1"}], "mob", "no column 'mob'"),
        (["0701740605"], "mob", "There are no columns"),
        ([{"phone": 1, 2: 3}], "2", "no column '2': the columns are phone"),
    ],
)
def test_an_iterable_without_the_column_gets_one_sentence(
    people: Sequence[object], to: str | None, sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        open_source(people, to=to)


def test_nobody_is_no_rows() -> None:
    assert rows(open_source([])) == []


async def test_an_async_iterable_gives_the_same_rows() -> None:
    people = [{"phone": str(at), "name": f"n{at}"} for at in range(2 * BLOCK + 5)]

    async def one_by_one() -> AsyncIterator[object]:
        for each in people:
            yield each

    source = await open_async_source(one_by_one())
    assert (source.name, source.columns) == ("an iterable", ("phone", "name"))
    with pytest.raises(ValueError, match="no column 'nam'"):
        source.blocks(["nam"])
    blocks = [block async for block in source.blocks(["name"])]
    assert max(map(len, blocks)) <= BLOCK
    assert [row for block in blocks for row in block] == rows(open_source(people), "name")
    with pytest.raises(ValueError, match="only once"):
        source.blocks(())
    with pytest.raises(TypeError, match="open_async_source"):
        open_source(one_by_one())  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [0, 1, 999, 1_000, 1_001, BLOCK])
async def test_nobody_is_lost_behind_those_who_are_looked_at_first(count: int) -> None:
    async def one_by_one() -> AsyncIterator[str]:
        for at in range(count):
            yield str(at)

    blocks = (await open_async_source(one_by_one())).blocks(())
    assert [row.number async for block in blocks for row in block] == [str(at) for at in range(count)]
    assert [row.number for row in rows(open_source(map(str, range(count))))] == [str(at) for at in range(count)]


def test_bytes_are_not_taken_for_people() -> None:
    with pytest.raises(TypeError, match="BytesIO"):
        open_source(b"phone\n0701740605\n")


# Parquet


@pytest.fixture
def parquet(tmp_path: Path) -> Any:
    pyarrow, files = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")

    def write(**columns: Any) -> Path:
        path = tmp_path / "people.parquet"
        files.write_table(pyarrow.table(columns), path, row_group_size=3_000)
        return path

    return write


def test_parquet_is_read_with_numbers_of_any_type(parquet: Any) -> None:
    arrow: Any = pytest.importorskip("pyarrow")
    path = parquet(
        phone=[46701740605, None, 46701740607],
        name=[" Åsa ", None, "B\x01"],
        vip=[True, False, None],
        since=[date(2024, 5, 1), None, None],
        score=[1.5, float("nan"), None],
        city=arrow.array(["Lund", "Lund", "Umeå"]).dictionary_encode(),
        price=[Decimal("1.50"), None, None],
        tags=[["a"], None, []],
    )
    people = open_source(path)
    assert people.columns == ("phone", "name", "vip", "since", "score", "city", "price", "tags")
    assert [tuple(row) for row in rows(people, *people.columns[1:-1])] == [
        (1, "46701740605", ("Åsa", "true", "2024-05-01", "1.5", "Lund", "1.50"), ""),
        (2, "", ("", "false", "", "", "Lund", ""), ""),
        (3, "46701740607", ("B\x01", "", "", "", "Umeå", ""), "a control character"),
    ]
    assert [row.wrong for row in rows(people, "tags")] == ["a value that is no text", "", "a value that is no text"]


def test_parquet_numbers_that_became_fractions_are_still_numbers(parquet: Any) -> None:
    found = rows(open_source(parquet(phone=[46701740605.0, None])))
    assert [_fate(row.number) for row in found] == ["46701740605", "empty number"]


def test_parquet_is_read_on_over_its_row_groups_and_again(parquet: Any) -> None:
    people = open_source(parquet(phone=[str(at) for at in range(7_000)], name=["x"] * 7_000))
    for _ in range(2):
        found = rows(people, "name")
        assert [(row.row, row.number) for row in found] == [(at + 1, str(at)) for at in range(7_000)]


def test_parquet_is_recognised_by_its_content(parquet: Any) -> None:
    stream = BytesIO(parquet(phone=["0701740605"]).read_bytes())
    assert [row.number for row in rows(open_source(stream))] == ["0701740605"]


def test_parquet_without_the_column_or_damaged_gets_one_sentence(parquet: Any) -> None:
    with pytest.raises(ValueError, match="holds the phone numbers: name"):
        open_source(parquet(name=["Ann"]))
    path: Path = parquet(phone=[str(at) for at in range(9_000)], name=["x"] * 9_000)
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xff" * 3_000 + content[3_100:])
    with pytest.raises(ValueError, match="not Parquet, or it is damaged"):
        rows(open_source(path), "name")
    path.write_bytes(b"phone\n0701740605\n")
    with pytest.raises(ValueError, match="not Parquet, or it is damaged"):
        open_source(path)


def test_without_the_extra_a_sentence_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "people.parquet"
    path.write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"ip1-async\[parquet\]"):
        open_source(path)


# Numbers alone


def test_the_numbers_in_a_file_or_an_iterable_are_msisdns() -> None:
    expected = {"46701740605", "4520123456"}
    assert numbers_in(BytesIO(b"phone\n0701740605\n\n+4520123456\n0701740605\n")) == expected
    assert numbers_in({"070-174 06 05", "4520123456"}) == expected
    assert numbers_in(["20123456"], region="DK") == {"4520123456"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("phone\n0701740605\n4.67E+10\n", "Row 3 of a stream cannot be read: in scientific notation"),
        ("phone\n0701740605,x\n", "Row 2 of a stream cannot be read: more cells"),
    ],
)
def test_a_number_that_must_not_be_missed_is_not_passed_over(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        numbers_in(BytesIO(text.encode()))


def test_a_file_of_numbers_alone_needs_no_header(tmp_path: Path) -> None:
    path = tmp_path / "opt-outs.txt"
    path.write_bytes("\ufeff070-174 06 05\r\n\r\n+4520123456\n".encode())
    assert numbers_in(path) == {"46701740605", "4520123456"}
    path.write_text("0701740605\nsomebody\n")
    with pytest.raises(ValueError, match="Row 2"):
        numbers_in(path)
