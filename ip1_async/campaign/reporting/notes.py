"""What a report says in sentences: its headline, what is not known, and what its words mean. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from ip1_async.campaign.reporting.funnel import funnel
from ip1_async.campaign.reporting.report import Report
from ip1_async.campaign.reporting.words import line, number, people, several, told, visible, zoned
from ip1_async.text import measure, placeholders

_ACCEPTED = """iP.1 has taken the message in: it answered the request with a batch, or showed the batch in its list. That \
does not say that a phone has the message."""
_FINAL = """The message has a status after which nothing follows. An ended message is not always a delivered one: iP.1 counts \
202 Expired and 203 Canceled as success, this report counts them as not delivered."""
_NOT_CERTAIN = """The answer to the request was lost, so these people may have the message or not. Nothing is sent to them \
again unless the batch is shown to be absent and the policy or a person decides so."""

MEANINGS: Final = (
    ("People", "Phone numbers, each counted once; who holds the phone is not known."),
    ("Accepted", _ACCEPTED),
    ("Final", _FINAL),
    ("Delivered", "iP.1 has status 201: the phone has the message. Whether anyone read it is not known."),
    ("Not certain", _NOT_CERTAIN),
)
"""Words of the report that are easily taken for more than they say."""


def headline(report: Report) -> str:
    """One sentence for those who read no other."""
    kept = people(report.kept)
    if not report.total:
        return "There was nobody to text."
    if not report.kept:
        return "Nobody was to be texted: every row was left out."
    if report.accepted:
        if report.unread >= report.accepted:
            return f"iP.1 has accepted the messages for {_of(report.accepted, report.kept)}."
        has = "has" if report.delivered == 1 or report.kept == 1 else "have"
        end = " so far" if report.final < report.accepted or report.pending or report.unknown else ""
        return f"{_of(report.delivered, report.kept)} {has} the message{end}."
    if report.state == "planned":
        return f"{kept} {'is' if report.kept == 1 else 'are'} to be texted; nothing has been sent yet."
    if report.pending >= report.kept:
        return f"Nothing has been accepted yet; {kept} {'is' if report.kept == 1 else 'are'} waiting."
    if report.rejected >= report.kept:
        return f"iP.1 refused the messages for all of {kept}." if report.kept > 1 else "iP.1 refused the message."
    return f"No message is known to be accepted, of those for {kept}."


def _of(part: int, whole: int) -> str:
    return f"{number(part)} of {people(whole)}"


def state(report: Report) -> str:
    """What the campaign does now, in a sentence."""
    match report.state:
        case "planned":
            return "Planned; it has not begun."
        case "running":
            return "Running."
        case "paused":
            return f"Paused: {_ended(told(report.paused) or 'it was interrupted')} It goes on when it is run again."
        case "done" if report.review:
            return f"Done, but for {people(report.review)} on whom a person has to decide."
        case "done":
            return "Done: nothing is waiting to be sent."
        case other:
            return _ended(line(other).capitalize())


def alarm(report: Report) -> str:
    """Says that there were incidents; nothing where there were none."""
    return f"{several(len(report.incidents), 'incident')}, listed below." if report.incidents else ""


def left_out(report: Report) -> str:
    """How many rows the plan dropped, in a sentence; nothing where it dropped none."""
    were = "was" if report.dropped == 1 else "were"
    of = f"{number(report.dropped)} of {several(report.total, 'row')} of the file"
    return f"{of} {were} left out." if report.dropped else ""


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."


def took(report: Report, now: datetime | None) -> timedelta | None:
    """How long it has been sending: until now where it runs, else until the latest chunk was settled."""
    end = now if report.state == "running" and now else report.ended
    return (
        None if report.began is None or end is None else max(timedelta(0), zoned(end, UTC) - zoned(report.began, UTC))
    )


def pace(report: Report, time: timedelta | None) -> str:
    """How fast it was, in messages for the smallest unit of time that gives one or more; empty for less than a second."""
    seconds = 0.0 if time is None else time.total_seconds()
    if seconds < 1 or not report.accepted:
        return ""
    for unit, name in ((1, "second"), (60, "minute"), (3600, "hour"), (86400, "day")):
        if (rate := report.accepted / seconds * unit) >= 1:
            return f"{rate:,.0f} messages a {name}"
    return "less than one message a day"


def unknowns(report: Report) -> Sequence[str]:
    """What is not known, with figures; none where everything is."""
    return tuple(_unknowns(report))


def _unknowns(report: Report) -> Iterator[str]:
    if report.pending:
        yield f"For {people(report.pending)} nothing has been sent yet."
    if report.unread:
        yield (
            f"Accepted and not read back yet: {several(report.unread, 'message')} of {number(report.accepted)}, which "
            "may be under way, delivered or failed."
        )
    if under_way := sum(each.messages for each in report.under_way):
        yield f"Under way when the status was last read: {several(under_way, 'message')}."
    if report.unknown:
        yield (
            f"For {people(report.unknown)} the answer to the request was lost. iP.1's list of batches is searched for "
            "the message before anything else is done."
        )
    if report.review:
        yield (
            f"For {people(report.review)} the answer to the request was lost and no batch was found. They have "
            "probably not got the message, which is not proved; “ip1 campaign review” shows them and takes a decision."
        )
    read = sum(each.messages for each in report.costs)
    if read < report.accepted:
        yield f"The cost is that of the messages that were read back, {number(read)} of {number(report.accepted)}."
    if free := sum(each.messages for each in report.costs if not each.currency):
        yield f"Without a price stated by iP.1: {several(free, 'message')}."
    if any(placeholders(each.body) for each in report.texts):
        yield "Texts are measured as written; a value that is filled in can make one person's message longer."
    steps = funnel(report)
    counted = steps[-1].recipients + sum(left.recipients for step in steps for left in step.left)
    if counted != report.total:
        yield (
            f"The figures do not add up: {number(counted)} people are accounted for, and {number(report.total)} "
            "were in the file. The ledger may be damaged."
        )


def how_sent(body: str) -> tuple[str, str]:
    """How a text goes out: its encoding, segments and length; and the characters that make it UCS-2, if any do."""
    size = measure(body)
    encoding, unit = {"gsm": ("GSM 7-bit", "septets"), "ucs": ("UCS-2", "UTF-16 units")}[size.encoding]
    segments = "1 segment" if size.segments == 1 else f"{number(size.segments)} segments"
    shown = " ".join(visible(each) for each in size.forcing[:12])
    more = f" and {len(size.forcing) - 12} others" if len(size.forcing) > 12 else ""
    words = f"{encoding}, {segments}, {number(size.units)} {unit} with room for {size.left} more"
    return words, f"UCS-2 because of {shown}{more}" if shown else ""
