"""A campaign's report in a terminal of 60 columns or more: the figures of its page, without markup of strangers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, timedelta, tzinfo

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from ip1_async.campaign.reporting.bill import bills
from ip1_async.campaign.reporting.funnel import funnel
from ip1_async.campaign.reporting.notes import (
    alarm,
    headline,
    how_sent,
    left_out,
    pace,
    state,
    took,
    unknowns,
)
from ip1_async.campaign.reporting.report import Cost, Progress, Report
from ip1_async.campaign.reporting.words import (
    currency,
    day,
    duration,
    line,
    moment,
    money,
    number,
    people,
    several,
    share,
    told,
    unit_price,
    visible,
    zone_name,
    zoned,
)
from ip1_async.cli import show
from ip1_async.cli.figures import Row, bar, figures, pairs, room, title

MOMENT = timedelta(minutes=1)
POINTS = 10
"""Times of the progress that are shown; the first and the last are among them."""
_colours = {"success": "yellow", "rejection": "yellow", "error": "red"}


def brief(report: Report) -> None:
    """Prints what it came to: the funnel and the cost."""
    console = show.out()
    console.print(Text(headline(report), style="bold"))
    _steps(console, report)
    _costs(console, report)


def tables(report: Report) -> None:
    """Prints the report; times are shown in the zone of `report.planned`, as the page shows them."""
    console = show.out()
    zone = report.planned.tzinfo or UTC
    _about(console, report, zone)
    _steps(console, report)
    _failures(console, report)
    _costs(console, report)
    _progress(console, report, zone)
    _texts(console, report)
    _incidents(console, report, zone)
    _notes(console, report)


def _about(console: Console, report: Report, zone: tzinfo) -> None:
    console.print(Text(headline(report), style="bold"))
    console.print(Text(state(report), style="yellow" if report.state == "paused" else ""))
    for words in filter(None, (alarm(report), left_out(report))):
        console.print(Text(words))
    length = took(report, None)
    spent = [f"{money(amount)} {currency(code)}" for code, amount in sorted(report.spent.items())]
    so_far = " so far" if report.unread else ""
    facts = (
        ("source", line(report.source)),
        ("sender", line(report.sender)),
        ("campaign", f"{line(report.campaign)}, {several(report.chunks, 'chunk')}"),
        ("planned", moment(report.planned, zone)),
        ("began", moment(report.began, zone) if report.began else "not yet"),
        ("latest change", moment(report.ended, zone) if report.ended else "not yet"),
        ("statuses read", moment(report.read_back, zone) if report.read_back else "not yet"),
        ("time to send", "not begun" if length is None else duration(length)),
        ("pace", pace(report, length)),
        ("segments", f"{number(report.segments)}{so_far}" if report.segments else "not known yet"),
        ("cost", f"{' + '.join(spent)}{so_far}" if spent else "not known yet"),
    )
    console.print()
    pairs(console, [fact for fact in facts if fact[1]])


def _steps(console: Console, report: Report) -> None:
    title(console, "From the file to the phones")
    width = room(console, 50)
    rows: list[Row] = []
    for step in funnel(report):
        for left in step.left:
            cells = (f"−{number(left.recipients)}", share(left.recipients, report.total))
            rows.append(
                Row(left.words, cells, Text(bar(left.recipients, report.total, width), "bright_black"), indent=2)
            )
        drawn = Text(bar(step.recipients, report.total, width), "green" if step.name == "delivered" else "cyan")
        rows.append(
            Row(step.name, (number(step.recipients), share(step.recipients, report.total)), drawn, style="bold")
        )
    figures(console, ("step", "people", "share"), rows)


def _failures(console: Console, report: Report) -> None:
    if not report.failed:
        return
    title(console, "What was not delivered")
    width = room(console, 56)
    most = max(each.messages for each in report.failed)
    rows = [
        Row(
            f"{each.status} {each.status.group}",
            (number(each.messages), number(each.segments), share(each.messages, report.accepted)),
            Text(bar(each.messages, most, width), _colours[each.status.group]),
        )
        for each in report.failed
    ]
    messages, segments = (sum(each.messages for each in report.failed), sum(each.segments for each in report.failed))
    rows.append(Row("all", (number(messages), number(segments), share(messages, report.accepted)), style="bold"))
    figures(console, ("status and group", "messages", "segments", "of\naccepted"), rows)


def _costs(console: Console, report: Report) -> None:
    for bill in bills(report.costs):
        title(console, f"Cost in {bill.currency}" if bill.currency else "Messages without a known price")
        rows = [Row(each.words, _priced(each.cost), indent=2 * (each.kind == "operator")) for each in bill.lines]
        rows.append(Row("all", _priced(bill.total), style="bold"))
        names = ["messages", "delivered", "segments"]
        if bill.currency:
            names += [f"price in\n{bill.currency}", "per\nsegment"]
        figures(console, ("country,\noperator", *names), rows)


def _priced(cost: Cost) -> Sequence[str]:
    figures = (number(cost.messages), number(cost.delivered), number(cost.segments))
    return (*figures, money(cost.price), unit_price(cost.price, cost.segments)) if cost.currency else figures


def _progress(console: Console, report: Report, zone: tzinfo) -> None:
    points = sorted(report.progress, key=lambda point: zoned(point.at, UTC))
    # What was over in a moment has no course to be shown.
    if len(points) < 2 or points[-1].at - points[0].at < MOMENT:
        return
    title(console, f"How it went, times in {zone_name(zoned(points[-1].at, zone))}")
    most = max(max(each.accepted, each.final) for each in points)
    width = room(console, 46)
    rows = [
        Row(
            f"{day(zoned(each.at, zone))}, {zoned(each.at, zone):%H:%M:%S}",
            (number(each.accepted), number(each.final)),
            Text(bar(each.final, most, width), "green") + Text(_beyond(each, most, width), "bright_black"),
        )
        for each in _some(points)
    ]
    figures(console, ("time", "accepted", "final"), rows)


def _beyond(point: Progress, most: int, width: int) -> str:
    """What of the accepted is not final, to be drawn behind the bar of the final."""
    return "░" * max(0, len(bar(point.accepted, most, width)) - len(bar(point.final, most, width)))


def _some(points: Sequence[Progress]) -> Sequence[Progress]:
    """Some of them, evenly spread."""
    if len(points) <= POINTS:
        return points
    return [points[round(each * (len(points) - 1) / (POINTS - 1))] for each in range(POINTS)]


def _texts(console: Console, report: Report) -> None:
    if report.texts:
        title(console, "What was sent")
    for each in report.texts:
        words, forcing = how_sent(each.body)
        name = f"{line(each.name)}, f" if each.name else "F"
        console.print(Text(f"{name}or {people(each.recipients)}: {words}.", style="dim"))
        if forcing:
            console.print(Text(forcing, style="dim"))
        console.print(Padding(Text(visible(each.body), overflow="fold"), (0, 0, 0, 2)))


def _incidents(console: Console, report: Report, zone: tzinfo) -> None:
    if report.incidents:
        title(console, "Incidents")
    for each in report.incidents:
        when = f"{moment(each.at, zone)}, chunk {number(each.chunk)}:"
        console.print(Text(f"{when} {told(each.words)}", overflow="fold"))


def _notes(console: Console, report: Report) -> None:
    if found := unknowns(report):
        title(console, "What is not known")
        pairs(console, [("-", words) for words in found])
