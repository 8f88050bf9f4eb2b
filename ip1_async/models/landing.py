"""Landing pages and what stands on them. See https://ip1sms.com/en/developer/pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import field, frozen

from ip1_async.models import checks
from ip1_async.models.value import Open


@frozen(kw_only=True)
class Element(Open):
    """One part of a landing page. Only the type `Title` is documented; the fields of others are in `extra`."""

    type: str
    id: str = ""
    order: int | None = None
    content: str | None = field(default=None, repr=False)
    level: int | None = None
    """Of a heading."""
    background_color: str | None = None
    """CSS, such as `#f7f7f7`."""
    foreground_color: str | None = None
    padding: str | None = None
    """A number as a text."""
    margin: str | None = None
    text_alignment: str | None = None
    font: str | None = None
    bold: bool | None = None
    italic: bool | None = None
    underline: bool | None = None

    def edit(self, **changes: Any) -> NewElement:
        """What to pass to `elements.replace`, with these fields changed and unknown ones kept."""
        from attrs import fields

        own = {each.name: getattr(self, each.name) for each in fields(NewElement)}
        return NewElement(**{**own, **changes})


@frozen(kw_only=True)
class NewElement(Open):
    """A part of a landing page to make, or what one becomes; fields of undocumented types go into `extra`."""

    type: str = field(validator=checks.text)
    order: int | None = None
    content: str | None = field(default=None, repr=False)
    level: int | None = None
    background_color: str | None = None
    foreground_color: str | None = None
    padding: str | None = None
    margin: str | None = None
    text_alignment: str | None = None
    font: str | None = None
    bold: bool | None = None
    italic: bool | None = None
    underline: bool | None = None


@frozen(kw_only=True)
class LandingPage(Open):
    """A web page that messages can link to."""

    id: str
    name: str = ""
    views: Mapping[str, int] = field(factory=dict[str, int], hash=False, repr=False)
    """By a piece of time: `2026`, `2026-01`, `2026-01-02` or `2026-01-02 09:00:00`."""
    link: str = ""
    short_link: str = ""
    last_modified: datetime | None = None
    elements: Sequence[Element] = ()

    def edit(self, *, name: str | None = None) -> NewLandingPage:
        """What to pass to `landing_pages.replace`, with the name changed and unknown fields kept."""
        return NewLandingPage(name=self.name if name is None else name, extra=self.extra)


@frozen(kw_only=True)
class NewLandingPage(Open):
    """A landing page to make, or what one becomes; elements, views and links are not touched by it."""

    name: str = field(validator=checks.text)
