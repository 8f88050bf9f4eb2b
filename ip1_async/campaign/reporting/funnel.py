"""From the rows of the file to the phones: how many got how far, and why the others did not. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from attrs import frozen

from ip1_async.campaign.reporting.report import Report, StatusCount
from ip1_async.campaign.reporting.words import told

MOST = 8
"""Reasons that are named at one step; the others are counted together."""

GROUPS = {
    "info": "under way",
    "success": "ended as intended or allowed",
    "rejection": "rejected",
    "error": "failed",
    "unknown": "of an unknown group",
}
"""What the provider's groups of status codes say."""


@frozen(kw_only=True)
class Leaving:
    """Those who went no further, for one reason."""

    words: str
    recipients: int


@frozen(kw_only=True)
class Step:
    """How many got so far."""

    name: str
    recipients: int
    left: Sequence[Leaving]
    """Those of the step before who did not."""


@frozen(kw_only=True)
class Part:
    """One of the four answers to: has this person got the message?"""

    name: str
    recipients: int
    words: str
    """What it consists of."""


def funnel(report: Report) -> Sequence[Step]:
    """The steps from the file to the phones.

    All who left at some step, and those of the last step, are together everyone in the file.
    """
    waiting = (
        ("answer lost; whether iP.1 has it is being found out", report.unknown),
        ("answer lost; a person has to decide", report.review),
        ("waiting to be sent", report.pending),
    )
    open_ = [(f"under way: {called(each)}", each.messages) for each in report.under_way]
    failed = [(f"ended without delivery: {called(each)}", each.messages) for each in report.failed]
    refusals = _named(report.refusals, report.rejected, "refused by iP.1")
    return (
        Step(name="in the file", recipients=report.total, left=()),
        Step(name="to text", recipients=report.kept, left=_named(report.drops, report.dropped, "left out")),
        Step(name="accepted by iP.1", recipients=report.accepted, left=(*refusals, *_leaving(waiting))),
        Step(
            name="with a final status",
            recipients=report.final,
            left=_leaving((*open_, ("not read back yet", report.unread))),
        ),
        Step(name="delivered", recipients=report.delivered, left=_leaving(failed)),
    )


def standing(report: Report) -> Sequence[Part]:
    """The same in four parts of all who were to be texted."""
    failed = sum(each.messages for each in report.failed)
    under_way = sum(each.messages for each in report.under_way) + report.unread
    return (
        Part(name="have it", recipients=report.delivered, words="the phone has the message"),
        Part(name="on the way", recipients=under_way + report.pending, words="no final status known, or not sent yet"),
        Part(name="did not get it", recipients=failed + report.rejected, words="refused, or ended without delivery"),
        Part(name="not certain", recipients=report.unknown + report.review, words="the answer to the request was lost"),
    )


def called(count: StatusCount) -> str:
    """A status by its code and the name or, where it has none, the group."""
    return str(count.status) if count.status.name else f"{count.status} ({GROUPS[count.status.group]})"


def _named(reasons: Iterable[tuple[str, int]], whole: int, what: str) -> tuple[Leaving, ...]:
    """The most frequent reasons, and as many others as there are in the whole."""
    # Two reasons may differ in nothing but a number that is not shown.
    counts: Counter[str] = Counter()
    for reason, count in reasons:
        counts[told(reason)] += count
    first = counts.most_common(MOST)
    others = ("for other reasons" if first else "for reasons that were not kept", whole - sum(n for _, n in first))
    return _leaving((f"{what}: {words}" if words else what, count) for words, count in (*first, others))


def _leaving(pairs: Iterable[tuple[str, int]]) -> tuple[Leaving, ...]:
    return tuple(Leaving(words=words, recipients=count) for words, count in pairs if count > 0)
