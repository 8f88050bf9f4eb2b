"""Sendings: one text to many recipients. See https://ip1sms.com/en/developer/sending-sms and …/batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal

from attrs import field, fields, frozen

from ip1_async import masking
from ip1_async.errors import Invalid
from ip1_async.models import checks
from ip1_async.models.status import DATACODINGS, DIRECTIONS, TYPES, Counts, Status, counts_field
from ip1_async.models.value import Open
from ip1_async.text import Template, placeholders
from ip1_async.wire import is_sequence

Recipients = Sequence[str] | Mapping[str, Mapping[str, str]]


def _kept(value: Recipients) -> Recipients:
    """A copy that the caller's later changes do not reach; what is no collection is left for the check to refuse."""
    return dict(value) if isinstance(value, Mapping) else _texts(value)


def _texts(value: Sequence[str]) -> Sequence[str]:
    """A copy; a text is left for the check to refuse."""
    return tuple(value) if is_sequence(value) else value


@frozen(kw_only=True)
class DeliveryWindow(Open):
    """A span of time in which messages may be sent."""

    opens: datetime | None = field(default=None, validator=checks.aware)
    """Earliest time; the server takes now when it is left out."""
    closes: datetime | None = field(default=None, validator=checks.aware)
    """Latest time; the server takes seven days after `opens` when it is left out."""


def _windows(value: Sequence[DeliveryWindow]) -> Sequence[DeliveryWindow]:
    return tuple(value) if is_sequence(value) else value


@frozen(kw_only=True)
class PriceSummary(Open):
    """What a batch costs."""

    total: Decimal = Decimal(0)
    currency: str = field(default="", metadata={"codes": {}})
    """In lower case, such as `sek`."""
    average: Decimal = Decimal(0)
    """Of one message."""


@frozen(kw_only=True)
class Batch(Open):
    """A sending as the provider holds it. Lists leave out both summaries; recipients are read as messages."""

    id: str
    sender: str = field(default="", repr=masking.number)
    body: str = field(default="", repr=masking.text)
    """The text before replacements."""
    owner: str = ""
    direction: str = field(default="mt", metadata=DIRECTIONS)
    """`mt` to phones, `mo` from phones, or `unknown`."""
    type: str = field(default="sms", metadata=TYPES)
    datacoding: str = field(default="ucs", metadata=DATACODINGS)
    """The largest coding allowed: `gsm` or `ucs`."""
    priority: int = 1
    templated: bool = False
    price_summary: PriceSummary | None = None
    message_summary: Counts = counts_field()
    delivery_windows: Sequence[DeliveryWindow] = ()
    status: Status = Status(0)
    """Informational: what it says of the whole batch is documented nowhere."""
    delivery_report_url: str | None = field(default=None, repr=False)
    reference: str | None = field(default=None, repr=False)
    tags: Sequence[str] = field(default=(), repr=False)


@frozen(kw_only=True)
class NewBatch(Open):
    """One text to many recipients, checked as the provider would check it; raises `Invalid` naming the field.

    With a mapping for recipients the text is a template: `{name}` becomes the recipient's own replacement, else that of
    the reserved key `default`, else nothing; a placeholder that no replacement knows stays as it is.
    """

    sender: str = field(validator=checks.sender, repr=masking.number)
    """A registered sender: 3 to 11 letters and digits, or a number of up to 15 digits."""
    recipients: Recipients = field(
        converter=_kept, validator=checks.recipients, repr=masking.count, metadata={"texts": True}
    )
    """MSISDNs, or a mapping from MSISDN to replacements."""
    body: str = field(validator=checks.body, repr=masking.text)
    """1 to 2000 UTF-16 units, before and after replacement."""
    type: Literal["sms", "flash"] = field(default="sms", validator=checks.one_of("sms", "flash"))
    datacoding: Literal["gsm", "ucs"] = field(default="ucs", validator=checks.one_of("gsm", "ucs"))
    """The largest coding allowed; with `gsm` the provider refuses texts that need UCS-2."""
    priority: Literal[1, 2] = field(default=1, validator=checks.one_of(1, 2))
    """2 goes first and costs more."""
    delivery_windows: Sequence[DeliveryWindow] = field(
        default=(), converter=_windows, validator=checks.sequence_of(DeliveryWindow)
    )
    """When it may be sent; at once when empty."""
    delivery_report_url: str | None = field(default=None, validator=checks.url, repr=False)
    """Where the provider posts delivery reports of this batch; at most 2047 characters."""
    reference: str | None = field(default=None, validator=checks.reference, repr=False)
    """Your own mark, 1 to 40 characters; `batches.send` makes a unique one when it is left out."""
    tags: Sequence[str] = field(
        default=(), converter=_texts, validator=checks.texts, repr=False, metadata={"texts": True}
    )

    def __attrs_post_init__(self) -> None:
        for position, window in enumerate(self.delivery_windows):
            if window.opens and window.closes and window.closes <= window.opens:
                raise Invalid("delivery_windows", f"delivery_windows[{position}] closes before it opens")
        if isinstance(self.recipients, Mapping) and placeholders(self.body):
            self._check_rendered(self.recipients)

    def _check_rendered(self, recipients: Mapping[str, Mapping[str, str]]) -> None:
        longest = max((checks.units(text) for each in recipients.values() for text in each.values()), default=0)
        if checks.units(self.body) + longest * len(placeholders(self.body)) <= checks.MOST_UNITS:
            return
        template = Template(self.body, {name for each in recipients.values() for name in each})
        default = recipients.get("default", {})
        for position, (msisdn, values) in enumerate(recipients.items()):
            if msisdn != "default" and (count := checks.units(template.render(values, default))) > checks.MOST_UNITS:
                raise Invalid(
                    "body",
                    f"body is {count} UTF-16 units long for the recipient at position {position}; at most {checks.MOST_UNITS} are allowed",
                )

    def marked(self, reference: str) -> NewBatch:
        """The same batch with this reference, where it has none of its own."""
        if self.reference is not None:
            return self
        checks.reference(self, fields(NewBatch).reference, reference)
        # What was checked once is not checked again: there may be very many recipients.
        made = object.__new__(NewBatch)
        for each in fields(NewBatch):
            object.__setattr__(made, each.name, reference if each.name == "reference" else getattr(self, each.name))
        return made
