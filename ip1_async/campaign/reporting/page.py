"""The report as one HTML page that needs nothing else: no script, no file, no network. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from html import escape

from ip1_async.campaign.reporting import sections
from ip1_async.campaign.reporting.markup import facts, note, row, section, table, text
from ip1_async.campaign.reporting.notes import (
    MEANINGS,
    alarm,
    headline,
    how_sent,
    left_out,
    pace,
    state,
    took,
    unknowns,
)
from ip1_async.campaign.reporting.report import Report, TextUsed
from ip1_async.campaign.reporting.style import STYLE
from ip1_async.campaign.reporting.words import (
    clock,
    currency,
    date,
    duration,
    line,
    moment,
    money,
    number,
    people,
    told,
)

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(report: Report, *, now: datetime | None = None) -> str:
    """Gives the whole document, in light and dark, for wide and narrow screens and for paper.

    It shows the campaign's texts and no phone numbers. Times are shown in the zone of *now*, without it in that of
    `report.planned`; *now* also says when the page was made and how long a running campaign has taken.
    """
    zone = (now or report.planned).tzinfo or UTC
    title = f"SMS campaign {line(report.source)}"
    body = "".join(
        (
            _header(report, zone, now),
            sections.steps(report),
            sections.failures(report),
            sections.costs(report),
            sections.progress(report, zone),
            _texts(report),
            _incidents(report, zone),
            _unknowns(report),
            _meanings(),
        )
    )
    made = f"Made {moment(now, zone)} by ip1-async. " if now else "Made by ip1-async. "
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body><main>{body}<footer>{made}It holds no phone numbers.</footer></main></body>\n</html>\n"
    )


def _header(report: Report, zone: tzinfo, now: datetime | None) -> str:
    words = " ".join(filter(None, (state(report), alarm(report), left_out(report))))
    kind = "alert" if report.state == "paused" or report.incidents else "lead"
    return (
        f'<header><p class="eyebrow">SMS campaign {text(line(report.source))}</p><h1>{escape(headline(report))}</h1>'
        f"{note(words, kind)}{sections.everyone(report)}{facts(_facts(report, zone, now))}</header>"
    )


def _facts(report: Report, zone: tzinfo, now: datetime | None) -> Iterator[tuple[str, str, str]]:
    spent = [f"{money(amount)} {currency(code)}" for code, amount in sorted(report.spent.items())]
    so_far = "so far" if report.unread else ""
    yield "Cost", "<br>".join(map(text, spent)) or "not known yet", so_far if spent else ""
    yield "Segments", number(report.segments) if report.segments else "not known yet", so_far if report.segments else ""
    length = took(report, now)
    yield "Time to send", "not begun" if length is None else duration(length), pace(report, length)
    yield "Chunks", number(report.chunks), "each sent as one batch"
    yield "Source", text(line(report.source)), ""
    yield "Sender", text(line(report.sender)), ""
    yield "Campaign", f"<code>{text(line(report.campaign))}</code>", "also the tag of its batches"
    yield "State", text(line(report.state)), ""
    for name, at in (
        ("Planned", report.planned),
        ("Began", report.began),
        ("Latest change", report.ended),
        ("Statuses read", report.read_back),
    ):
        yield (name, date(at, zone), clock(at, zone)) if at else (name, "not yet", "")


def _texts(report: Report) -> str:
    return section("texts", "What was sent", *map(_text, report.texts)) if report.texts else ""


def _text(used: TextUsed) -> str:
    name = f"<h3>{text(line(used.name))}</h3>" if used.name else ""
    words, forcing = how_sent(used.body)
    because = note(forcing) if forcing else ""
    return (
        f'<div class="text">{name}{note(f"For {people(used.recipients)}: {words}.")}{because}'
        f'<blockquote class="bubble" dir="auto">{text(used.body)}</blockquote></div>'
    )


def _incidents(report: Report, zone: tzinfo) -> str:
    title = "Incidents"
    if not report.incidents:
        return section("incidents", title, note("Nothing happened that should not happen."))
    rows = [
        row(f"{moment(each.at, zone)}<p>{text(told(each.words))}</p>", (number(each.chunk),))
        for each in report.incidents
    ]
    return section("incidents", title, table("What should not happen, as it was found", ("time", "chunk"), rows))


def _unknowns(report: Report) -> str:
    items = "".join(f"<li>{escape(words)}</li>" for words in unknowns(report))
    body = (
        f'<ul class="plain">{items}</ul>'
        if items
        else note("Nothing: nobody is waiting, and every accepted message has a final status.")
    )
    return section("unknowns", "What is not known", body)


def _meanings() -> str:
    items = "".join(f"<dt>{escape(word)}</dt><dd>{escape(meaning)}</dd>" for word, meaning in MEANINGS)
    return section("meanings", "What the words mean", f'<dl class="meanings">{items}</dl>')
