"""What goes wrong on purpose: rules that match requests, and what becomes of one that is hit. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

from attrs import Attribute, field, fields, frozen

from ip1_async.wire import is_object

Act = Literal["delay", "status", "reset", "silence", "cut", "garbage", "late", "hidden"]
ACTS: tuple[Act, ...] = get_args(Act)
When = Literal["before", "after"]


class Wrong(ValueError):
    """A rule that makes no sense, in one sentence."""


Check = Callable[[object, "Attribute[Any]", Any], None]


_MOST = 1_000_000_000


def _at_least(least: float, most: float, *, whole: bool = False) -> Check:
    kind, called = (int, "whole number") if whole else (int | float, "number")

    def fits(value: Any) -> bool:
        return isinstance(value, kind) and not isinstance(value, bool) and least <= value <= most

    def check(rule: object, attribute: Attribute[Any], value: Any) -> None:
        if not fits(value) and not (value is None and attribute.default is None):
            raise Wrong(f"{attribute.name} of a fault is a {called} from {least:g} to {most:.16g}")

    return check


def _one_of(*allowed: str) -> Check:
    def check(rule: object, attribute: Attribute[Any], value: Any) -> None:
        if value not in allowed:
            raise Wrong(f"{attribute.name} of a fault is one of {', '.join(allowed)}")

    return check


def _text(rule: object, attribute: Attribute[Any], value: Any) -> None:
    if not isinstance(value, str) or not value:
        raise Wrong(f"{attribute.name} of a fault is a text that is not empty")


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


@frozen
class Fault:
    """One rule: which requests it hits, how often, and what becomes of them.

    *do* is one of these; those that say so come before or after the request is carried out, as *when* says:

    * `status`: it is answered with *status* (before or after), and with *retry_after* where that is given;
    * `reset`: the connection is reset (before or after);
    * `delay`: it is answered only after *seconds*;
    * `silence`: it is carried out and never answered;
    * `cut`: it is carried out, and the answer ends in the middle of its body;
    * `garbage`: it is carried out, and what is answered is not HTTP;
    * `late`: the connection is reset, and it is carried out *seconds* afterwards;
    * `hidden`: it is carried out, and the batch is listed only *seconds* later.

    *path* may hold `*`. *times* is how many requests it hits before it is used up, for ever when left out, each with
    probability *chance*. *seconds* are the clock's for `delay` and `late`, the sandbox's for `hidden`.
    """

    do: Act = field(validator=_one_of(*ACTS))
    method: str = field(default="*", converter=_upper, validator=_text)
    path: str = field(default="*", validator=_text)
    when: When = field(default="before", kw_only=True, validator=_one_of("before", "after"))
    status: int = field(default=503, kw_only=True, validator=_at_least(400, 599, whole=True))
    seconds: float = field(default=1.0, kw_only=True, validator=_at_least(0, _MOST))
    retry_after: int | None = field(default=None, kw_only=True, validator=_at_least(0, _MOST, whole=True))
    times: int | None = field(default=None, kw_only=True, validator=_at_least(1, _MOST, whole=True))
    chance: float = field(default=1.0, kw_only=True, validator=_at_least(0, 1))

    def hits(self, method: str, path: str) -> bool:
        """Whether a request is one of those it is about."""
        return self.method in ("*", method) and fnmatchcase(path, self.path)

    @property
    def refuses(self) -> bool:
        """Whether the request is not carried out at all."""
        return self.do in ("status", "reset") and self.when == "before"

    def as_json(self) -> dict[str, Any]:
        """Everything that is said of it."""
        return {each.name: getattr(self, each.name) for each in fields(Fault)}


def picked(rules: Sequence[Fault], method: str, path: str, chance: Callable[[], float]) -> int | None:
    """The position of the rule that a request runs into; the first that matches and whose chance comes."""
    for position, rule in enumerate(rules):
        if rule.hits(method, path) and (rule.chance >= 1 or chance() < rule.chance):
            return position
    return None


def from_json(said: Any) -> Fault:
    """The rule that a JSON object describes; raises `Wrong` for anything else."""
    if not is_object(said):
        raise Wrong("a fault is an object with at least a do")
    given = said
    names = [each.name for each in fields(Fault)]
    unknown = [name for name in given if name not in names]
    if unknown:
        raise Wrong(f"a fault has no {unknown[0]}; it has {', '.join(names)}")
    if "do" not in given:
        raise Wrong(f"a fault needs a do, one of {', '.join(ACTS)}")
    return Fault(**{name: value for name, value in given.items() if value is not None})


def parse(line: str) -> Fault:
    """The rule in a line such as `POST /v2/batches 503 after times=3 chance=0.5`; raises `Wrong` for anything else.

    Method and path may be left out. A number is a status, `before` and `after` say when, and what is left is what to do.
    """
    given: dict[str, Any] = {}
    for word in line.split():
        name, equals, value = word.partition("=")
        if equals:
            given[name] = _number(name, value)
        elif re.fullmatch("[45][0-9][0-9]", word):
            given |= {"do": "status", "status": int(word)}
        elif word in ("before", "after"):
            given["when"] = word
        elif word in ACTS:
            given["do"] = word
        elif word.startswith(("/", "*")):
            given["path"] = word
        elif word.isalpha() and word.isupper():
            given["method"] = word
        else:
            raise Wrong(
                f"a fault has no word {word}; it is written [METHOD] [/path] WHAT [before|after] [NAME=NUMBER], the method in "
                f"capitals, and what is a status from 400 to 599 or one of {', '.join(ACTS[:1] + ACTS[2:])}"
            )
    return from_json(given)


def _number(name: str, value: str) -> Any:
    try:
        return int(value) if value.isdigit() else float(value)
    except ValueError:
        raise Wrong(f"{name} of a fault is a number") from None
