"""A campaign's report on a page, in a terminal and as JSON: the same figures, nothing but text, and nobody's number."""

from __future__ import annotations

import io
import json
import re
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from html.parser import HTMLParser
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from attrs import Factory, define, evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from ip1_async import masking
from ip1_async.campaign.reporting.bill import bills
from ip1_async.campaign.reporting.charts import steps, ticks
from ip1_async.campaign.reporting.funnel import funnel, standing
from ip1_async.campaign.reporting.notes import headline, took
from ip1_async.campaign.reporting.page import page
from ip1_async.campaign.reporting.report import Cost, Incident, Progress, Report, StatusCount, TextUsed
from ip1_async.campaign.reporting.style import STYLE
from ip1_async.campaign.reporting.words import clock, date, duration, number, share, told, visible
from ip1_async.models import Status
from ip1_async.text import measure

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
HOSTILE = '"><script>alert(1)</script><img src="https://evil.example/x" onerror=alert(1)>[red]\x1b[31m\u202e\ud800\x00'
VOID = {"meta", "br"}
TAGS = """
    html head meta title style body main header section footer h1 h2 h3 p div span small bdi br code dl dt dd ul li
    table caption thead tbody tfoot tr th td figure figcaption details summary blockquote
    svg defs pattern rect circle line path text
"""


def a_report(**changes: Any) -> Report:
    """10,000 rows of which most ended well, everything that can be open is open, and the figures add up."""
    usual = Report(
        campaign="k3jd7a2qxw5m6tzp", source="customers.csv", sender="iP1", state="done", paused="",
        planned=NOON - timedelta(minutes=5), began=NOON, ended=NOON + timedelta(seconds=252),
        read_back=NOON + timedelta(minutes=9), total=10_000, kept=9_900, dropped=100, accepted=9_500, rejected=150,
        unknown=120, review=80, pending=50, chunks=10,
        texts=(TextUsed(name="", body="Hello {name}, the sale begins.", recipients=9_900),),
        drops=(("duplicate of another row", 70), ("not a phone number", 30)), refusals=(("is blacklisted", 150),),
        statuses=(_count(201, 9_001, 18_002), _count(511, 203), _count(202, 102), _count(112, 94), _count(0, 100)),
        costs=(
            _cost("SE", "240-01", 6_000, 12_000, 5_900, "4200.00"), _cost("SE", "240-07", 2_000, 4_000, 1_900, "1400.10"),
            _cost("NO", "242-01", 1_000, 2_000, 901, "900"), _cost("PL", "", 390, 780, 300, "31.23", "eur"),
            _cost("", "", 10, 10, 0, "0", ""),
        ),
        progress=tuple(_point(60 * each, 950 * each, 900 * each) for each in range(11)),
        incidents=(Incident(at=NOON, chunk=1_234, words="It was found in two batches."),),
    )  # fmt: skip
    return evolve(usual, **changes)


def nothing_yet(**changes: Any) -> Report:
    """A plan over 250 rows that was not begun."""
    nothing: dict[str, Any] = {
        "state": "planned", "began": None, "ended": None, "read_back": None, "total": 250, "kept": 250, "dropped": 0,
        "accepted": 0, "rejected": 0, "unknown": 0, "review": 0, "pending": 250, "drops": (), "refusals": (),
        "statuses": (), "costs": (), "progress": (), "incidents": (),
    }  # fmt: skip
    return a_report(**{**nothing, **changes})


def _count(code: int, messages: int, segments: int | None = None) -> StatusCount:
    return StatusCount(status=Status(code), messages=messages, segments=messages if segments is None else segments)


def _cost(
    country: str, operator: str, messages: int, segments: int, delivered: int, price: str, currency: str = "sek"
) -> Cost:
    return Cost(
        country=country, operator=operator, messages=messages, segments=segments, delivered=delivered,
        price=Decimal(price), currency=currency,
    )  # fmt: skip


def _point(seconds: float, accepted: int, final: int) -> Progress:
    return Progress(at=NOON + timedelta(seconds=seconds), accepted=accepted, final=final)


@define
class Node:
    """An element of a page."""

    tag: str
    attrs: dict[str, str]
    children: list[Node | str] = Factory(list)

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    def all(self, tag: str = "", **attrs: str) -> list[Node]:
        """This and those within that have the tag and the attributes, in the order of the page."""
        found = [each for child in self.children if isinstance(child, Node) for each in child.all(tag, **attrs)]
        fits = tag in ("", self.tag) and all(self.attrs.get(name.rstrip("_")) == value for name, value in attrs.items())
        return [self, *found] if fits else found

    def one(self, tag: str, **attrs: str) -> Node:
        (found,) = self.all(tag, **attrs)
        return found


class Reader(HTMLParser):
    """Reads a page strictly: every element that was opened is closed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open = [Node("", {})]
        self.declared = ""

    def handle_decl(self, decl: str) -> None:
        self.declared = decl

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice"
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError("the page has a comment")


def read(html: str) -> Node:
    html.encode()
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.declared == "doctype html"
    (root,) = reader.open
    return root.one("html")


def opened(report: Report, **more: Any) -> Node:
    return read(page(report, **more))


def part(root: Node, id: str) -> Node:
    return next(each for each in root.all("section") if each.one("h2").attrs["id"] == id)


def rows(table: Node) -> dict[str, list[str]]:
    """The cells of a table's lines by what names the line; the title of a bar is not part of a name."""
    found: dict[str, list[str]] = {}
    for row in table.all("tr"):
        if row.all("td"):
            name = "".join(
                each if isinstance(each, str) else each.text
                for each in row.one("th").children
                if isinstance(each, str) or each.tag != "svg"
            )
            assert name not in found
            found[name] = [cell.text for cell in row.all("td")]
    return found


def figure(text: str) -> Decimal:
    return Decimal(text.replace(",", "").replace("−", "-"))


@pytest.fixture(params=[60, 80, 120])
def terminal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[Report], list[str]]:
    """Gives the lines that a terminal of so many columns shows."""
    return in_terminal(request.param, monkeypatch)


def in_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[Report], list[str]]:
    pytest.importorskip("rich", reason="the command line needs the extra cli")
    from rich.cells import cell_len
    from rich.console import Console

    from ip1_async.cli import show
    from ip1_async.cli.campaign_report import tables

    def lines(report: Report) -> list[str]:
        screen = io.StringIO()
        monkeypatch.setattr(show, "out", lambda: Console(file=screen, width=width, color_system=None))
        tables(report)
        found = screen.getvalue().split("\n")
        assert max(map(cell_len, found)) <= width
        return found

    return lines


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (a_report(), "9,001 of 9,900 people have the message so far."),
        (
            a_report(accepted=9_900, rejected=0, unknown=0, review=0, pending=0, statuses=(_count(201, 9_900),)),
            "9,900 of 9,900 people have the message.",
        ),
        (
            nothing_yet(state="done", total=1, kept=1, accepted=1, pending=0, statuses=(_count(201, 1),)),
            "1 of 1 person has the message.",
        ),
        (a_report(statuses=(_count(0, 9_500, 0),)), "iP.1 has accepted the messages for 9,500 of 9,900 people."),
        (nothing_yet(), "250 people are to be texted; nothing has been sent yet."),
        (nothing_yet(state="running"), "Nothing has been accepted yet; 250 people are waiting."),
        (nothing_yet(state="done", pending=0, rejected=250), "iP.1 refused the messages for all of 250 people."),
        (
            nothing_yet(state="done", pending=0, unknown=250),
            "No message is known to be accepted, of those for 250 people.",
        ),
        (nothing_yet(kept=0, pending=0, dropped=250), "Nobody was to be texted: every row was left out."),
        (nothing_yet(kept=0, pending=0, total=0), "There was nobody to text."),
    ],
)
def test_the_headline_says_what_has_become_of_it(report: Report, words: str) -> None:
    assert headline(report) == words
    assert opened(report).one("h1").text == words


def test_the_funnel_names_everyone_who_left_and_where() -> None:
    found = rows(part(opened(a_report()), "steps"))
    assert found == {
        "in the file": ["10,000", "100%"],
        "left out: duplicate of another row": ["−70", "0.7%"],
        "left out: not a phone number": ["−30", "0.3%"],
        "to text": ["9,900", "99.0%"],
        "refused by iP.1: is blacklisted": ["−150", "1.5%"],
        "answer lost; whether iP.1 has it is being found out": ["−120", "1.2%"],
        "answer lost; a person has to decide": ["−80", "0.8%"],
        "waiting to be sent": ["−50", "0.5%"],
        "accepted by iP.1": ["9,500", "95.0%"],
        "under way: 112 DeliveredToCarrier": ["−94", "0.9%"],
        "not read back yet": ["−100", "1.0%"],
        "with a final status": ["9,306", "93.1%"],
        "ended without delivery: 511 (failed)": ["−203", "2.0%"],
        "ended without delivery: 202 Expired": ["−102", "1.0%"],
        "delivered": ["9,001", "90.0%"],
    }
    left = [figure(cells[0]) for cells in found.values() if cells[0].startswith("−")]
    assert 10_000 + sum(left) == 9_001


def test_the_four_parts_are_all_who_were_to_be_texted() -> None:
    root = opened(a_report())
    assert {name: cells[:2] for name, cells in rows(root.one("div", **{"class": "tiles"})).items()} == {
        "have it": ["9,001", "90.9%"],
        "on the way": ["244", "2.5%"],
        "did not get it": ["455", "4.6%"],
        "not certain": ["200", "2.0%"],
    }


def test_failures_stand_by_their_code_with_name_and_group_and_add_up() -> None:
    found = rows(part(opened(a_report()), "failures"))
    assert found == {
        "511 error": ["203", "203", "2.1%"],
        "202 Expired success": ["102", "102", "1.1%"],
        "all": ["305", "305", "3.2%"],
    }


def test_costs_add_up_by_country_and_in_each_currency() -> None:
    tables = {each.one("caption").text: rows(each) for each in part(opened(a_report()), "costs").all("table")}
    assert tables == {
        "Cost in EUR, by country and operator": {
            "PL": ["390", "300", "780", "31.23", "0.0400"],
            "all": ["390", "300", "780", "31.23", "0.0400"],
        },
        "Cost in SEK, by country and operator": {
            "SE": ["8,000", "7,800", "16,000", "5,600.10", "0.3500"],
            "240-01": ["6,000", "5,900", "12,000", "4,200.00", "0.3500"],
            "240-07": ["2,000", "1,900", "4,000", "1,400.10", "0.3500"],
            "NO, 242-01": ["1,000", "901", "2,000", "900.00", "0.4500"],
            "all": ["9,000", "8,701", "18,000", "6,500.10", "0.3611"],
        },
        "Messages without a known price": {
            "country not known": ["10", "0", "10"],
            "all": ["10", "0", "10"],
        },
    }
    facts = [each.text for each in opened(a_report()).one("header").all("dd")]
    assert facts[0] == "31.23 EUR6,500.10 SEKso far"


def test_what_is_not_known_is_said_with_its_figures() -> None:
    said = part(opened(a_report()), "unknowns").text
    for words in (
        "For 50 people nothing has been sent yet.",
        "Accepted and not read back yet: 100 messages of 9,500",
        "Under way when the status was last read: 94 messages.",
        "For 120 people the answer to the request was lost.",
        "For 80 people the answer to the request was lost and no batch was found.",
        "messages that were read back, 9,400 of 9,500",
        "Without a price stated by iP.1: 10 messages.",
        "Texts are measured as written",
    ):
        assert words in said
    assert "do not add up" not in said
    settled = a_report(
        accepted=9_900, rejected=0, unknown=0, review=0, pending=0, statuses=(_count(201, 9_900),), refusals=(),
        costs=(_cost("SE", "", 9_900, 9_900, 9_900, "1"),), texts=(TextUsed(name="", body="Hi", recipients=9_900),),
    )  # fmt: skip
    assert "Nothing: nobody is waiting" in part(opened(settled), "unknowns").text


def test_a_text_is_shown_as_written_and_measured() -> None:
    body = "Cześć {name}!\n<b>20% taniej</b> & więcej"
    root = part(opened(a_report(texts=(TextUsed(name="pl", body=body, recipients=1),))), "texts")
    assert root.one("blockquote").text == body
    assert root.one("h3").text == "pl"
    size = measure(body)
    assert f"For 1 person: UCS-2, 1 segment, {size.units} UTF-16 units with room for {size.left} more." in root.text
    assert "UCS-2 because of ś ć ę" in root.text


def test_a_paused_campaign_says_why_and_a_running_one_for_how_long() -> None:
    paused = opened(a_report(state="paused", paused="The balance is too low"))
    assert "Paused: The balance is too low. It goes on" in paused.one("p", **{"class": "alert"}).text
    running = a_report(state="running")
    assert took(running, NOON + timedelta(hours=2)) == timedelta(hours=2)
    assert took(running, None) == timedelta(seconds=252)
    assert took(nothing_yet(), NOON) is None
    assert "2 h" in opened(running, now=NOON + timedelta(hours=2)).one("header").text


def test_every_chart_has_a_name_and_its_figures_stand_in_a_table() -> None:
    root = opened(a_report())
    charts = root.all("svg", role="img")
    assert len(charts) == 1 + 5 + 2 + 5 + 1
    cells = {cell.text for table in root.all("table") for cell in table.all("td")}
    for chart in charts:
        label = chart.attrs["aria-label"]
        assert chart.all("title")[0].text == label
        said = re.findall(r": ([\d,.]*\d)", label) or re.findall(r"([\d,]+) (?:messages|of them)", label)
        assert said
        assert set(said) <= cells, label
    assert all("role" in svg.attrs or svg.attrs.get("aria-hidden") == "true" for svg in _outermost(root))


def _outermost(node: Node) -> Iterator[Node]:
    if node.tag == "svg":
        yield node
        return
    for child in node.children:
        if isinstance(child, Node):
            yield from _outermost(child)


def test_the_chart_of_the_progress_has_round_times_in_the_zone_that_is_asked_for() -> None:
    zone = timezone(timedelta(hours=1))
    root = part(opened(a_report(), now=(NOON + timedelta(days=1)).astimezone(zone)), "progress")
    marks = [text.text for text in root.all("text")]
    assert [mark for mark in marks if ":" in mark] == ["13:00", "13:02", "13:04", "13:06", "13:08", "13:10"]
    assert "3 Mar" in marks
    assert "times are UTC+01:00" in root.text
    figures = rows(root.one("table"))
    assert len(figures) == 11
    assert figures["3 Mar 2026, 13:10:00 UTC+01:00"] == ["9,500", "9,000"]
    path = root.one("path", **{"class": "line accepted"}).attrs["d"]
    assert path.startswith("M0.0,1000.0 L100.0,905.0 ")
    assert path.endswith(" L1000.0,50.0")


@pytest.mark.parametrize("points", [(), (_point(0, 5, 1),), (_point(0, 5, 1), _point(0, 7, 2))])
def test_without_two_times_there_is_no_chart_but_the_figures(points: tuple[Progress, ...]) -> None:
    root = part(opened(a_report(progress=points)), "progress")
    assert not root.all("svg")
    if points:
        assert f"{points[-1].accepted} messages had been accepted and {points[-1].final} of them" in root.text
    else:
        assert "no progress to show" in root.text


def test_a_plan_that_has_not_begun_has_a_page_without_failures_and_prices() -> None:
    root = opened(nothing_yet())
    assert "Nothing was accepted yet." in part(root, "failures").text
    assert "Nothing is known of the cost yet" in part(root, "costs").text
    assert "Nothing happened that should not happen." in part(root, "incidents").text
    assert "For 250 people nothing has been sent yet." in part(root, "unknowns").text


def hostile() -> Report:
    """Everything that comes from outside tries to get out of its place."""
    return a_report(
        campaign=HOSTILE, source=HOSTILE, sender=HOSTILE, state="paused", paused=HOSTILE,
        texts=(TextUsed(name=HOSTILE, body=HOSTILE, recipients=9_900),), drops=((HOSTILE, 100),),
        refusals=((HOSTILE, 150),), costs=(_cost(HOSTILE, HOSTILE, 1, 1, 1, "1", HOSTILE), _cost("SE", HOSTILE, 1, 1, 1, "1")),
        incidents=(Incident(at=NOON, chunk=1, words=HOSTILE),),
    )  # fmt: skip


@pytest.mark.parametrize("report", [a_report(), nothing_yet(), hostile()])
def test_a_page_has_no_script_and_asks_nobody_for_anything(report: Report) -> None:
    root = opened(report, now=NOON)
    assert {node.tag for node in root.all()} <= set(TAGS.split())
    policy = root.all("meta", **{"http-equiv": "Content-Security-Policy"})[0].attrs["content"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline';")
    for node in root.all():
        for name, value in node.attrs.items():
            assert not name.startswith("on")
            assert name not in ("href", "src", "srcset", "xlink:href", "style", "action")
            assert "://" not in value or name == "aria-label"
    style = root.one("style").text
    assert style == STYLE
    assert "@import" not in style
    assert set(re.findall(r"url\((.)", style)) == {"#"}


def test_strangers_words_stay_text_and_what_cannot_be_seen_does_nothing() -> None:
    root = opened(hostile())
    assert root.one("blockquote").text == visible(HOSTILE)
    assert not root.all("script")
    assert not root.all("img")
    assert visible(HOSTILE) in root.one("header").text
    assert set(root.text) & {"\x1b", "\x00", "\u202e", "\ud800"} == set()
    assert "\u241b[31m\ufffd\ufffd\u2400" in root.one("blockquote").text


def test_incidents_are_announced_at_the_top_and_listed() -> None:
    root = opened(a_report())
    assert "1 incident, listed below." in root.one("header").text
    assert rows(part(root, "incidents")) == {"3 Mar 2026, 12:00:00 UTCIt was found in two batches.": ["1,234"]}
    assert "incident" not in opened(nothing_yet()).one("header").text


def test_ids_are_unique_and_every_table_has_a_caption_and_scopes() -> None:
    root = opened(a_report())
    ids = [node.attrs["id"] for node in root.all() if "id" in node.attrs]
    assert len(ids) == len(set(ids))
    assert {each.attrs["aria-labelledby"] for each in root.all("section")} <= set(ids)
    assert root.attrs["lang"] == "en"
    assert all(table.one("caption").text for table in root.all("table"))
    assert {cell.attrs.get("scope") for cell in root.all("th")} == {"col", "row"}
    levels = [int(node.tag[1]) for node in root.all() if re.fullmatch("h[1-6]", node.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))


@pytest.mark.parametrize("revealed", [False, True])
def test_no_number_of_a_phone_is_shown_whatever_the_server_said(
    revealed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "46701234567 is wrong, so are +46 70 123 45 68 and (070) 123-45.69"
    report = a_report(
        state="paused", paused=said, drops=((said, 100),), refusals=((said, 100), (said.replace("567", "999"), 50)),
        incidents=(Incident(at=NOON, chunk=1, words=said),),
    )  # fmt: skip
    screen = in_terminal(120, monkeypatch)
    masking.reveal(revealed)
    try:
        shown = opened(report).text + "\n".join(screen(report))
    finally:
        masking.reveal(False)
    for digits in ("4670", "123", "45 68", "45.69"):
        assert digits not in shown
    assert "refused by iP.1: … is wrong, so are … and (…" in shown
    # The two reasons differ in the number only.
    assert rows(part(opened(report), "steps"))["refused by iP.1: … is wrong, so are … and (…"][0] == "−150"


def test_many_reasons_are_counted_together_and_none_is_lost() -> None:
    refusals = tuple((f"reason {'x' * each}", 40 - each) for each in range(20))
    report = a_report(rejected=sum(count for _, count in refusals), refusals=refusals)
    left = next(each for each in funnel(report) if each.name == "accepted by iP.1").left
    refused = [each for each in left if each.words.startswith("refused")]
    assert len(refused) == 9
    assert refused[-1].words == "refused by iP.1: for other reasons"
    assert sum(each.recipients for each in refused) == report.rejected


def test_the_page_is_made_of_the_report_and_nothing_else() -> None:
    assert page(a_report()) == page(a_report())
    assert "Made 3 Mar 2026, 12:00:00 UTC" in page(a_report(), now=NOON)


def test_the_words_can_be_read_in_light_and_dark() -> None:
    palettes = [
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", block))
        for block in re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    ]
    assert len(palettes) == 2
    for palette in palettes:
        for ink, paper, least in (
            ("ink", "paper", 4.5), ("soft", "paper", 4.5), ("accent", "paper", 4.5), ("ink", "sunk", 4.5),
            ("soft", "sunk", 4.5), ("ink", "alert-wash", 4.5), ("other", "paper", 3), ("accent", "sunk", 3),
            ("other", "sunk", 3), ("accent", "wash", 3), ("ink", "wash", 4.5), ("alert", "alert-wash", 3),
        ):  # fmt: skip
            assert _contrast(palette[ink], palette[paper]) >= least, (ink, paper)


def _contrast(one: str, other: str) -> float:
    lights = sorted(map(_luminance, (one, other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_a_terminal_shows_the_same_figures(terminal: Callable[[Report], list[str]]) -> None:
    report = a_report()
    shown = " ".join(" ".join(terminal(report)).split())
    wanted = [step.recipients for step in funnel(report)] + [
        each.recipients for step in funnel(report) for each in step.left
    ]
    wanted += [each.messages for each in report.failed] + [each.segments for each in report.costs]
    for count in wanted:
        assert re.search(rf"(?<![\d,.]){number(count)}(?![\d,])", shown), count
    for words in (
        "9,001 of 9,900 people have the message so far.", "customers.csv", "k3jd7a2qxw5m6tzp", "31.23 EUR + 6,500.10 SEK",
        "0.3611", "5,600.10", "240-07", "202 Expired", "4 min 12 s", "Hello {name}, the sale begins.",
        "GSM 7-bit, 1 segment, 32 septets with room for 128 more", "It was found in two batches.", "chunk 1,234",
        "For 80 people the answer to the request was lost", "1 incident, listed below.", "100 of 10,000 rows",
    ):  # fmt: skip
        assert words in shown, words


def test_a_terminal_cuts_no_figure_of_a_million_people(terminal: Callable[[Report], list[str]]) -> None:
    big = 123_456_789
    cost = _cost("SE", "240-01", big, 4 * big, big - 1, "172839504.60")
    report = a_report(
        total=big, kept=big, dropped=0, accepted=big, rejected=0, unknown=0, review=0, pending=0, drops=(), refusals=(),
        statuses=(_count(201, big - 1, 4 * big), _count(599, 1)), costs=(cost, evolve(cost, operator="ŧ " * 40)),
        source="a-file-with-a-name-" * 9,
    )  # fmt: skip
    joined = "".join("".join(terminal(report)).split())
    for words in ("123,456,789", "493,827,156", "123,456,788", "172,839,504.60", "0.3500", "a-file-with-a-name-" * 9):
        assert words in joined, words
    assert joined.count("ŧ") == 40


def test_a_terminal_shows_strangers_words_as_text(terminal: Callable[[Report], list[str]]) -> None:
    shown = "\n".join(terminal(hostile()))
    assert "[red]" in shown
    assert {char for char in shown if unicodedata.category(char) in ("Cc", "Cs")} == {"\n"}
    assert "\u202e" not in shown


@pytest.mark.parametrize(("count", "bar"), [(0, ""), (1, "▏"), (500_000, "█" * 5), (1_000_000, "█" * 10)])
def test_a_bar_shows_even_one_of_a_million(count: int, bar: str) -> None:
    pytest.importorskip("rich", reason="the command line needs the extra cli")
    from ip1_async.cli import figures

    assert figures.bar(count, 1_000_000, 10) == bar


def test_the_report_is_plain_data_for_machines() -> None:
    data = json.loads(json.dumps(a_report().to_dict()))
    assert data["total"] == sum(
        data[each] for each in ("dropped", "accepted", "rejected", "unknown", "review", "pending")
    )
    assert data["statuses"][0] == {
        "status": {"code": 201, "name": "DeliveredToHandset", "group": "success"}, "messages": 9_001, "segments": 18_002,
    }  # fmt: skip
    assert data["drops"][0] == {"reason": "duplicate of another row", "recipients": 70}
    assert data["spent"] == {"sek": 6500.1, "eur": 31.23}
    assert (data["delivered"], data["final"], data["unread"], data["segments"]) == (9_001, 9_306, 100, 18_501)
    assert datetime.fromisoformat(data["began"]) == NOON
    assert data["progress"][1] == {"at": "2026-03-03T12:01:00+00:00", "accepted": 950, "final": 900}
    assert data["costs"][0]["price"] == 4200.0
    assert json.loads(json.dumps(nothing_yet().to_dict()))["began"] is None


def test_a_report_in_a_log_shows_no_text_and_no_number() -> None:
    shown = repr(a_report(sender="46700000001"))
    assert "the sale begins" not in shown
    assert "4670" not in shown


words = st.text(max_size=12) | st.just(HOSTILE)
counts = st.integers(0, 2_000_000)
times = st.datetimes(datetime(2001, 1, 1), datetime(2099, 1, 1)).flatmap(
    lambda at: st.sampled_from([UTC, timezone(timedelta(hours=-9, minutes=-30)), ZoneInfo("Europe/Stockholm")]).map(
        lambda zone: at.replace(tzinfo=zone)
    )
)
codes = st.sampled_from([0, 101, 112, 201, 202, 203, 301, 402, 405, 511, 599])
status_counts = st.builds(StatusCount, status=codes.map(Status), messages=counts, segments=counts)
amounts = st.decimals(0, 10**7, places=4)
all_costs = st.builds(
    Cost, country=words, operator=words, messages=counts, segments=counts, delivered=counts, price=amounts,
    currency=st.sampled_from(["sek", "eur", ""]),
)  # fmt: skip
reasons = st.lists(st.tuples(words, counts), max_size=12).map(tuple)


@st.composite
def reports(draw: st.DrawFn, adding_up: bool = True) -> Report:
    """Any report; unless they are to add up, its figures have nothing to do with each other."""
    statuses = draw(st.lists(status_counts, max_size=6, unique_by=lambda each: each.status))
    drops, refusals = draw(reasons), draw(reasons)
    figures = {name: draw(counts) for name in ("unknown", "review", "pending", "accepted", "rejected", "dropped")}
    if adding_up:
        figures["accepted"] = sum(each.messages for each in statuses)
        figures["rejected"] = sum(count for _, count in refusals)
        figures["dropped"] = sum(count for _, count in drops)
        total = sum(figures.values())
    else:
        total = draw(counts)
    return a_report(
        state=draw(st.sampled_from(["planned", "running", "paused", "done"]) | words), total=total,
        kept=total - figures["dropped"] if adding_up else draw(counts), **figures, statuses=statuses, drops=drops,
        refusals=refusals, costs=draw(st.lists(all_costs, max_size=5)), chunks=draw(counts),
        texts=draw(st.lists(st.builds(TextUsed, name=words, body=st.text(max_size=300), recipients=counts), max_size=2)),
        incidents=draw(st.lists(st.builds(Incident, at=times, chunk=counts, words=words), max_size=2)),
        progress=draw(st.lists(st.builds(Progress, at=times, accepted=counts, final=counts), max_size=4)),
        planned=draw(times), began=draw(st.none() | times), ended=draw(st.none() | times), read_back=draw(st.none() | times),
        paused=draw(words), source=draw(words), sender=draw(words), campaign=draw(words),
    )  # fmt: skip


@settings(max_examples=60)
@given(reports(), st.none() | times)
def test_the_leaves_of_the_funnel_are_everyone_in_the_file(report: Report, now: datetime | None) -> None:
    found = funnel(report)
    assert found[-1].recipients + sum(left.recipients for step in found for left in step.left) == report.total
    for above, below in pairwise(found):
        assert below.recipients + sum(left.recipients for left in below.left) == above.recipients
    assert sum(each.recipients for each in standing(report)) == report.kept
    root = opened(report, now=now)
    assert "do not add up" not in root.text
    shown = [
        figure(row.all("td")[0].text)
        for row in part(root, "steps").all("tr")
        if row.attrs.get("class") in ("step", "left")
    ]
    assert sum(count for count in shown if count < 0) + report.total == report.delivered
    bill_rows = [each for bill in bills(report.costs) for each in bill.lines if each.kind != "country"]
    assert sum(each.cost.messages for each in bill_rows) == sum(each.messages for each in report.costs)
    assert sum(bill.total.price for bill in bills(report.costs)) == sum(each.price for each in report.costs)


@settings(max_examples=60)
@given(reports(adding_up=False), st.none() | times)
def test_a_page_is_made_of_any_figures_and_says_where_they_cannot_be_right(
    report: Report, now: datetime | None
) -> None:
    root = opened(report, now=now)
    accounted = sum(left.recipients for step in funnel(report) for left in step.left) + report.delivered
    assert ("do not add up" in root.text) == (accounted != report.total)
    for rect in root.all("rect"):
        if rect.attrs.get("width", "").endswith("%"):
            assert 0 <= float(rect.attrs["width"][:-1]) + float(rect.attrs.get("x", "0%")[:-1]) <= 100.02
    json.dumps(report.to_dict())


@pytest.mark.parametrize("width", [60, 97])
def test_any_report_fits_a_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = in_terminal(width, monkeypatch)

    @settings(max_examples=25)
    @given(reports() | reports(adding_up=False))
    def fits(report: Report) -> None:
        shown = "".join(screen(report))
        for step in funnel(report):
            assert number(step.recipients) in shown

    fits()


@given(times, st.timedeltas(timedelta(milliseconds=1), timedelta(days=30_000)))
def test_times_below_a_chart_are_few_and_in_order_and_on_it(start: datetime, span: timedelta) -> None:
    end = start.astimezone(UTC) + span
    marks = ticks(start.astimezone(UTC), end, start.tzinfo or UTC)
    places = [place for place, _ in marks]
    assert 2 <= len(marks) <= 7
    assert places == sorted(places)
    assert 0 <= places[0] <= places[-1] <= 100
    assert all(1 <= len(lines) <= 2 for _, lines in marks)


@given(st.integers(0, 10**9))
def test_the_levels_of_a_chart_are_round_and_few_and_reach_the_top(most: int) -> None:
    levels = steps(most)
    assert levels[0] == 0
    assert levels[-1] >= max(1, most)
    assert 2 <= len(levels) <= 6
    assert str(levels[1]).rstrip("0") in ("1", "2", "5")


@given(counts, counts)
def test_a_share_says_none_and_all_only_of_none_and_all(part: int, whole: int) -> None:
    if 0 < part < whole:
        assert share(part, whole) not in ("0%", "100%", "0.0%", "100.0%")
    if whole > 0:
        assert share(0, whole) == "0%"
        assert share(whole, whole) == "100%"
    assert share(part, 0) == "–"


@given(st.text())
def test_what_is_visible_has_no_control_characters_and_stays_as_long(text: str) -> None:
    shown = visible(text)
    assert len(shown) == len(text)
    assert not [char for char in shown if unicodedata.category(char) in ("Cc", "Cs") and char != "\n"]
    assert visible(shown) == shown
    assert told(text) == told(told(text))
    assert len(told(text)) <= 200


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (timedelta(milliseconds=1_400), "1.4 s"), (timedelta(seconds=59), "59 s"), (timedelta(seconds=252), "4 min 12 s"),
        (timedelta(hours=3, minutes=12), "3 h 12 min"), (timedelta(days=3), "3 d"), (timedelta(seconds=-1), "0.0 s"),
    ],
)  # fmt: skip
def test_a_length_of_time_has_two_units(time: timedelta, words: str) -> None:
    assert duration(time) == words


def test_a_time_is_shown_in_the_zone_that_is_asked_for() -> None:
    zone = ZoneInfo("Europe/Stockholm")
    late = datetime(2026, 6, 30, 23, 30, 5, tzinfo=UTC)
    assert (date(late, zone), clock(late, zone)) == ("1 Jul 2026", "01:30:05 CEST")
    assert clock(late.replace(tzinfo=None), UTC) == "23:30:05 UTC"


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs the Debian package chromium")
@pytest.mark.skipif(find_spec("playwright") is None, reason="needs the Python package playwright")
@pytest.mark.parametrize("width", [390, 1200])
async def test_in_a_browser_it_fits_and_complains_about_nothing(width: int, tmp_path: Path) -> None:
    from playwright.async_api import async_playwright

    file = tmp_path / "report.html"
    file.write_text(page(evolve(hostile(), statuses=a_report().statuses)), encoding="utf-8")
    wrong: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"))
        tab = await browser.new_page(viewport={"width": width, "height": 800})
        tab.on("console", lambda message: wrong.append(message.text))
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.on("dialog", lambda dialog: wrong.append(dialog.message))
        tab.on("request", lambda request: wrong.append(request.url) if request.url != file.as_uri() else None)
        await tab.goto(file.as_uri())
        assert await tab.evaluate("document.documentElement.scrollWidth") == width
        assert await tab.locator("summary").is_visible()
        await browser.close()
    assert wrong == []
