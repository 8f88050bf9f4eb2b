"""The sections of the report's page that hold figures, one function each, in HTML. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, tzinfo
from html import escape

from ip1_async.campaign.reporting.bill import Bill, bills
from ip1_async.campaign.reporting.charts import KINDS, PATTERNS, bar, lines, stacked, swatch
from ip1_async.campaign.reporting.funnel import GROUPS, Step, funnel, standing
from ip1_async.campaign.reporting.markup import Row, note, row, section, table, text
from ip1_async.campaign.reporting.report import Cost, Progress, Report, StatusCount
from ip1_async.campaign.reporting.words import moment, money, number, several, share, unit_price, zone_name, zoned

_LEGEND = (
    '<p class="legend"><span><svg aria-hidden="true"><rect class="area" width="100%" height="100%"/>'
    '<line class="line accepted" x2="100%"/></svg>accepted by iP.1</span>'
    '<span><svg aria-hidden="true"><line class="line final" x2="100%" y1="50%" y2="50%"/></svg>'
    "with a final status</span></p>"
)


def everyone(report: Report) -> str:
    """Who has the message and who has not, as one bar and four figures; nothing where nobody was to be texted."""
    if not report.kept:
        return ""
    parts = standing(report)
    label = ", ".join(f"{part.name}: {number(part.recipients)}" for part in parts)
    rows = [
        row(
            f"{swatch(kind)}{part.name}",
            (number(part.recipients), share(part.recipients, report.kept), part.words),
            "" if part.recipients else "none",
        )
        for kind, part in zip(KINDS, parts, strict=True)
    ]
    figures = table("Whether the people to text have the message", ("answer", "people", "share", "meaning"), rows)
    drawn = stacked([(part.name, part.recipients) for part in parts], label)
    return f'{PATTERNS}{drawn}<div class="tiles">{figures}</div>'


def steps(report: Report) -> str:
    """From the file to the phones."""
    found = funnel(report)
    rows = [line for before, step in zip((None, *found), found, strict=False) for line in _step(step, before, report)]
    figures = table("How many got so far, with their share of the file", ("step", "people", "share"), rows)
    legend = note("Above each step stand those who did not reach it; the grey end of its bar is as many.")
    return section("steps", "From the file to the phones", figures, legend if report.total else "")


def _step(step: Step, before: Step | None, report: Report) -> Iterator[Row]:
    for left in step.left:
        yield row(escape(left.words), (f"−{number(left.recipients)}", share(left.recipients, report.total)), "left")
    lost = max(0, before.recipients - step.recipients) if before else 0
    drawn = bar(step.recipients, report.total, f"{step.name}: {number(step.recipients)}", lost=lost)
    yield row(f"{step.name}{drawn}", (number(step.recipients), share(step.recipients, report.total)), "step")


def failures(report: Report) -> str:
    """What ended without delivery, by status code."""
    title = "What was not delivered"
    if not report.failed:
        words = "No accepted message has ended without delivery." if report.accepted else "Nothing was accepted yet."
        return section("failures", title, note(words))
    most = max(each.messages for each in report.failed)
    rows = [row(_status(each, most), _counts(each.messages, each.segments, report.accepted)) for each in report.failed]
    messages = sum(each.messages for each in report.failed)
    segments = sum(each.segments for each in report.failed)
    foot = row("all", _counts(messages, segments, report.accepted))
    columns = ("status and group", "messages", "segments", "of accepted")
    groups = dict.fromkeys(each.status.group for each in report.failed)
    meaning = "; ".join(f"“{group}” means {GROUPS[group]}" for group in groups)
    figures = table("Messages that ended without delivery, by status code", columns, rows, foot)
    return section("failures", title, figures, note(f"The groups are iP.1's: {meaning}."))


def _status(count: StatusCount, most: int) -> str:
    drawn = bar(count.messages, most, f"{count.status}: {number(count.messages)}", kind="not")
    return f'{count.status} <span class="soft">{count.status.group}</span>{drawn}'


def _counts(messages: int, segments: int, accepted: int) -> tuple[str, ...]:
    return number(messages), number(segments), share(messages, accepted)


def costs(report: Report) -> str:
    """What it cost, by country and operator, with a table for each currency."""
    found = [_bill(bill) for bill in bills(report.costs)]
    nothing = note("Nothing is known of the cost yet: no message has been read back.")
    return section("costs", "What it cost", *(found or [nothing]))


def _bill(bill: Bill) -> str:
    names = ["messages", "delivered", "segments"]
    if bill.currency:
        names += [f"price in {bill.currency}", "per segment"]
    rows = [row(_line(line.words, line.cost, bill), _figures(line.cost), line.kind) for line in bill.lines]
    caption = f"Cost in {bill.currency}, by country and operator" if bill.currency else "Messages without a known price"
    return table(caption, ("country and operator", *names), rows, row("all", _figures(bill.total)))


def _line(words: str, cost: Cost, bill: Bill) -> str:
    if not bill.currency:
        return text(words)
    return text(words) + bar(float(cost.price), float(bill.total.price), f"{words}: {money(cost.price)}")


def _figures(cost: Cost) -> list[str]:
    figures = [number(cost.messages), number(cost.delivered), number(cost.segments)]
    return [*figures, money(cost.price), unit_price(cost.price, cost.segments)] if cost.currency else figures


def progress(report: Report, zone: tzinfo) -> str:
    """How it went over time: a chart and the same figures."""
    title = "How it went"
    points = sorted(report.progress, key=lambda point: zoned(point.at, UTC))
    if not points:
        return section("progress", title, note("Nothing was accepted yet, so there is no progress to show."))
    last = points[-1]
    summary = (
        f"By {moment(last.at, zone)}, {several(last.accepted, 'message')} had been accepted and {number(last.final)} of "
        "them had a final status."
    )
    if zoned(points[0].at, UTC) == zoned(last.at, UTC):
        return section("progress", title, note(summary), note("There is no other time to compare it with."))
    chart = f"{_LEGEND}<figure>{lines(points, zone, summary)}</figure>"
    axis = note(f"Messages over time; times are {zone_name(zoned(last.at, zone))}.")
    figures = f"<details><summary>The figures of this chart</summary>{_points(points, zone)}</details>"
    return section("progress", title, note(summary), chart, axis, figures)


def _points(points: list[Progress], zone: tzinfo) -> str:
    rows = [row(moment(each.at, zone), (number(each.accepted), number(each.final))) for each in points]
    return table("Messages accepted and final over time", ("time", "accepted", "final"), rows)
