"""What is wrong with a text, or could be better, before anyone gets it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final, Literal

from attrs import Factory, field, frozen

from ip1_async.masking import clean
from ip1_async.models.checks import MOST_UNITS, units
from ip1_async.text import Measure, Template, measure, placeholders, plain

__all__ = ["RULES", "Advice", "Draft", "lint"]

Severity = Literal["error", "warning", "hint"]

MANY_SEGMENTS: Final = 3
"""A text of more than these is worth a second look."""

_NONE: Final[Mapping[str, str]] = MappingProxyType({})


@frozen
class Advice:
    """One thing to know about a text."""

    kind: str
    """Which rule it is of, such as `ucs-2`."""
    words: str
    """A sentence for a person; it may quote the text's characters and placeholders and the columns' names."""
    severity: Severity
    """An error keeps a campaign from being planned; a warning says that people get something odd or dear."""


def _unfilled(draft: Draft) -> str:
    return Template(draft.body, draft.known).render({}, draft.defaults)


def _cost(draft: Draft) -> Measure:
    return measure(draft.unfilled)


@frozen
class Draft:
    """A text as the rules see it."""

    body: str = field(repr=False)
    known: tuple[str, ...]
    """What a placeholder may name: the columns, then the keys that have a default only."""
    defaults: Mapping[str, str] = field(default=_NONE, repr=False)
    unfilled: str = field(init=False, repr=False, default=Factory(_unfilled, takes_self=True))
    """The text for a recipient who has no values of his own."""
    cost: Measure = field(init=False, default=Factory(_cost, takes_self=True))
    """Of the unfilled text."""


def lint(body: str, *, columns: Collection[str], defaults: Mapping[str, str] = _NONE) -> tuple[Advice, ...]:
    """Everything worth saying about a text, errors first, then warnings, then hints.

    *columns* are the names of what each recipient has a value for, *defaults* stand in where such a value is empty; a
    placeholder may name either. A text that is blank is told only that.
    """
    if not body.strip():
        return (
            Advice("blank", "the text is empty or nothing but white space; write what people are to read", "error"),
        )
    draft = Draft(body, tuple(dict.fromkeys([*columns, *defaults])), defaults)
    return tuple(dict.fromkeys(advice for rule in RULES for advice in rule(draft)))


def _length(draft: Draft) -> Iterator[Advice]:
    if (count := units(draft.body)) > MOST_UNITS:
        words = f"the text is {count} UTF-16 units long; at most {MOST_UNITS} are allowed"
        yield Advice("length", words, "error")


def _surrogates(draft: Draft) -> Iterator[Advice]:
    if any("\ud800" <= each <= "\udfff" for each in draft.body):
        words = (
            "the text holds half of a surrogate pair, which cannot be sent; it was probably read in a wrong encoding"
        )
        yield Advice("surrogate", words, "error")


def _namesake(key: str, known: Iterable[str]) -> str | None:
    """The one of these that differs in case only."""
    return next((each for each in known if each.casefold() == key.casefold()), None)


def _unknown(draft: Draft) -> Iterator[Advice]:
    for key in placeholders(draft.body):
        if key in draft.known or key != key.strip() or _namesake(key, draft.known):
            continue
        by_case = {each.casefold(): each for each in draft.known}
        close = get_close_matches(key.casefold(), by_case, 1)
        meant = f"did you mean {_braced(by_case[close[0]])}? " if close else ""
        there = f"known are {_listed(draft.known)}" if draft.known else "there are no columns"
        yield Advice("placeholder", f"{_braced(key)} is no column and has no default; {meant}{there}", "error")


def _case(draft: Draft) -> Iterator[Advice]:
    for key in placeholders(draft.body):
        if key not in draft.known and (meant := _namesake(key, draft.known)):
            words = f"{_braced(key)} is left as typed, for the case matters; write {_braced(meant)}"
            yield Advice("case", words, "warning")


def _blanks_in_braces(draft: Draft) -> Iterator[Advice]:
    for key in placeholders(draft.body):
        if key.strip() != key and key.strip() and key not in draft.known:
            words = f"{_braced(key)} is left as typed, for the blanks count; write {_braced(key.strip())}"
            yield Advice("blanks-in-braces", words, "warning")


def _empty_braces(draft: Draft) -> Iterator[Advice]:
    if re.search(r"\{\s*\}", draft.body) and not any(key.isspace() for key in draft.known):
        yield Advice(
            "empty-braces", "braces with nothing between them are left as typed; name a column there", "warning"
        )


def _unbalanced(draft: Draft) -> Iterator[Advice]:
    open_braces: list[int] = []
    alone: list[int] = []
    for place, each in enumerate(draft.body, 1):
        if each == "{":
            open_braces.append(place)
        elif each == "}" and open_braces:
            open_braces.pop()
        elif each == "}":
            alone.append(place)
    if alone := sorted(alone + open_braces):
        others = f", like {len(alone) - 1} more," if alone[1:] else ""
        words = f"the {draft.body[alone[0] - 1]} at character {alone[0]}{others} has no partner, and is left as typed"
        yield Advice("unbalanced-braces", words, "warning")


def _double_braces(draft: Draft) -> Iterator[Advice]:
    if re.search(r"\{[^{}]*\{[^{}]*\}[^{}]*\}", draft.body):
        words = (
            "braces within braces: the outer ones are left as typed; write a placeholder with one pair, as in {name}"
        )
        yield Advice("double-braces", words, "warning")


def _ucs(draft: Draft) -> Iterator[Advice]:
    if draft.cost.encoding == "gsm":
        return
    easy = measure(plain(draft.unfilled))
    if easy.encoding == "gsm":
        better, how = easy, "with plain characters in their place"
    else:
        forcing = str.maketrans(dict.fromkeys(easy.forcing, ""))
        better, how = measure(plain(draft.unfilled).translate(forcing)), "without them"
    verb = "forces" if len(draft.cost.forcing) == 1 else "force"
    words = (
        f"{_shown(draft.cost.forcing)} {verb} UCS-2: before values are filled in the text takes "
        f"{_segments(draft.cost)}, and {better.segments} {how}"
    )
    yield Advice("ucs-2", words, "warning")


def _many_segments(draft: Draft) -> Iterator[Advice]:
    if draft.cost.segments > MANY_SEGMENTS:
        words = f"the text takes {_segments(draft.cost)} before values are filled in, each charged for every recipient"
        yield Advice("segments", words, "hint")


def _outer_blanks(draft: Draft) -> Iterator[Advice]:
    if draft.body != draft.body.strip():
        yield Advice("outer-blanks", "the text begins or ends with blanks, which are sent and charged", "hint")


# English, Swedish, Danish, Norwegian, Finnish, German; "stop" alone is also a word for other things.
_opt_out = re.compile(
    r"(?<![\w-])STOPP?(?![\w-])"
    r"|(?i:\b(?:reply|text|send|write|svara|skicka|skriv|sms:?a|svar|vastaa|lähetä|kirjoita|antworte\w*|sende\w*)"
    r"(?:\W+\w+){0,2}?\W+stopp?\b"
    r"|(?<![^\W\d_])(?:opt[\W_]?out|unsubscri|avsluta|avregistrer|avanmäl|avprenumerer"
    r"|afmeld|frameld|avmeld|meld\s+(?:deg|dig)\s+a[vf]|peru(?:uta|ta)?\b|poistu\s+listalta|lopeta|abmeld|abbestell|austrag))"
).search


def _no_opt_out(draft: Draft) -> Iterator[Advice]:
    if not _opt_out(draft.body):
        words = "the text does not say how to get no more of them; marketing should, as in “Reply STOP to opt out”"
        yield Advice("opt-out", words, "hint")


_links = re.compile(r"(?i)https?://\S+").findall
_BEHIND: Final = ".,;:!?)]'\"»”’"


def _http(draft: Draft) -> Iterator[Advice]:
    if any(link.lower().startswith("http:") for link in _links(draft.body)):
        words = "a link begins with http://, which anyone on the way can read and change; use https://"
        yield Advice("http-link", words, "hint")


def _link_end(draft: Draft) -> Iterator[Advice]:
    for link in _links(draft.body):
        behind = "another link" if "http" in link.lower()[4:] else f"the {link[-1]}" if link[-1] in _BEHIND else ""
        if behind:
            words = (
                f"{behind} directly behind a link may be taken for a part of it; put a blank or a line break between"
            )
            yield Advice("link-end", words, "hint")


RULES: Final[tuple[Callable[[Draft], Iterator[Advice]], ...]] = (
    _length,
    _surrogates,
    _unknown,
    _case,
    _blanks_in_braces,
    _empty_braces,
    _unbalanced,
    _double_braces,
    _ucs,
    _many_segments,
    _outer_blanks,
    _no_opt_out,
    _http,
    _link_end,
)
"""Each looks at one thing; those that give errors come first, those that give hints last."""


def _braced(key: str) -> str:
    # A file without a header line has people's numbers for the names of its columns.
    return "{" + clean(key) + "}"


def _listed(names: Collection[str]) -> str:
    shown = ", ".join(map(_braced, list(names)[:10]))
    return f"{shown} and {len(names) - 10} more" if len(names) > 10 else shown


def _segments(cost: Measure) -> str:
    return f"{cost.segments} segment{'' if cost.segments == 1 else 's'}"


def _shown(characters: Collection[str]) -> str:
    """Characters for a person to find; those that cannot be seen alone by their names."""
    shown = ", ".join(map(_character, list(characters)[:10]))
    return f"{shown} and {len(characters) - 10} more" if len(characters) > 10 else shown


def _character(each: str) -> str:
    if each.isprintable() and unicodedata.category(each)[0] not in "MZ":
        return each
    return f"U+{ord(each):04X} {unicodedata.name(each, '')}".rstrip()
