"""Hypothesis strategies of what a program sends, and of what it is told afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

from attrs import evolve, frozen
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from ip1_async.models import DeliveryReport, DeliveryWindow, NewBatch, Status
from ip1_async.sandbox.lifecycle import ENDS, Step, Way, steps
from ip1_async.sandbox.state import id_of

_GSM = "abcdefghijklmnopqrstuvwxyzåäöABCDEFGHIJKLMNOPQRSTUVWXYZÅÄÖ0123456789 .,:;!?@£$&%/()+-€[]^~|\n"
_START = datetime(2030, 1, 1, tzinfo=UTC)
_msisdns = st.integers(0, 9_999_999).map("4670{:07}".format)
_names = st.text("abcdefgh", min_size=1, max_size=8).filter("default".__ne__)


@frozen
class ReportHistory:
    """Delivery reports in the order in which they arrive, and what is true in the end."""

    reports: Sequence[DeliveryReport]
    """At least one of each status of each message; some come twice, or too early or late."""
    ends: Mapping[str, Status]
    """The final status of every message, by its id."""


def new_batches(
    *, senders: Sequence[str] = ("iP1",), msisdns: SearchStrategy[str] = _msisdns, most_recipients: int = 10
) -> SearchStrategy[NewBatch]:
    """Gives batches that the provider accepts: of any text, encoding, type and priority, plain and templated.

    *senders* are registered ones (a fresh sandbox has `iP1`), *msisdns* the numbers to pick from. Delivery windows lie
    in 2030, references and tags are anything that is allowed, and no batch asks for delivery reports.
    """
    return _new_batches(senders, msisdns, most_recipients)


def report_histories(*, most_messages: int = 5, well_behaved: bool = False) -> SearchStrategy[ReportHistory]:
    """Gives what a `delivery_report_url` may be told of one batch: each report at least once, in any order.

    A handler is right when it comes to `ends` whatever the order. *well_behaved* histories have every report once, and
    those of a message in their order.
    """
    return _report_histories(most_messages, well_behaved)


def _texts(coding: str, most: int) -> SearchStrategy[str]:
    letters = st.sampled_from(_GSM)
    if coding == "ucs":
        letters |= st.characters(codec="utf-8", exclude_characters="{}")
    return st.text(letters, max_size=most)


@st.composite
def _new_batches(draw: DrawFn, senders: Sequence[str], msisdns: SearchStrategy[str], most_recipients: int) -> NewBatch:
    codings: tuple[Literal["gsm", "ucs"], ...] = ("gsm", "ucs")
    coding = draw(st.sampled_from(codings))
    body = draw(_texts(coding, 200).filter(str.strip))
    numbers = draw(st.lists(msisdns, min_size=1, max_size=most_recipients, unique=True))
    recipients: Sequence[str] | Mapping[str, Mapping[str, str]] = numbers
    if draw(st.booleans()):
        names = draw(st.lists(_names, max_size=3, unique=True))
        body += "".join(f" {{{name}}}" for name in names)
        values = st.dictionaries(st.sampled_from(names), _texts(coding, 20)) if names else st.just(dict[str, str]())
        recipients = {number: draw(values) for number in numbers}
        if draw(st.booleans()):
            recipients["default"] = draw(values)
    return NewBatch(
        sender=draw(st.sampled_from(senders)),
        recipients=recipients,
        body=body,
        type=draw(st.sampled_from(["sms", "flash"])),
        datacoding=coding,
        priority=draw(st.sampled_from([1, 2])),
        delivery_windows=draw(st.lists(_windows(), max_size=2)),
        reference=draw(st.none() | st.text(_GSM.strip(), min_size=1, max_size=40)),
        tags=draw(st.lists(st.text(_GSM, max_size=10), max_size=3)),
    )


@st.composite
def _windows(draw: DrawFn) -> DeliveryWindow:
    opens = _START + timedelta(minutes=draw(st.integers(0, 365 * 24 * 60)))
    return DeliveryWindow(opens=opens, closes=opens + timedelta(minutes=draw(st.integers(1, 7 * 24 * 60))))


@st.composite
def _report_histories(draw: DrawFn, most_messages: int, well_behaved: bool) -> ReportHistory:
    first = draw(st.integers(1, 10_000))
    sent = _START + timedelta(seconds=draw(st.integers(0, 10_000)))
    ended = st.sampled_from(sorted(ENDS))
    ends = {id_of(first + position): draw(ended) for position in range(1, 1 + draw(st.integers(1, most_messages)))}
    reports: list[DeliveryReport] = []
    for id, code in ends.items():
        recipient, segments = draw(_msisdns), draw(st.integers(1, 3))
        way = Way(sent.timestamp(), code, spread=draw(st.floats(0, 1)))
        told = DeliveryReport(
            message_id=id, batch_id=id_of(first), recipient=recipient, code=Status(0), segments=segments,
            price=Decimal("0.35") * segments, currency="sek",
        )  # fmt: skip
        reports += [_at(told, step) for step in steps(way, float("inf"))]
    if well_behaved:
        reports.sort(key=_created)
    else:
        reports = draw(st.permutations([*reports, *draw(st.lists(st.sampled_from(reports), max_size=5))]))
    return ReportHistory(tuple(reports), {id: Status(code) for id, code in ends.items()})


def _at(told: DeliveryReport, step: Step) -> DeliveryReport:
    created = datetime.fromtimestamp(step.at, UTC)
    return evolve(told, code=Status(step.code), duration=int(step.final), created=created)


def _created(report: DeliveryReport) -> datetime:
    return report.created or _START
