"""What a campaign sends, as it was planned: frozen into its ledger, and the template of all its batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from attrs import asdict, field, fields, frozen

from ip1_async import masking
from ip1_async.models import DeliveryWindow, NewBatch
from ip1_async.text import placeholders


@frozen(kw_only=True)
class Orders:
    """One sender and its texts, with everything else that all batches of a campaign have in common."""

    sender: str = field(repr=masking.number)
    texts: Mapping[str, str] = field(repr=masking.count)
    """By name; the name is empty where there is only one."""
    defaults: Mapping[str, str] = field(factory=dict[str, str], repr=masking.count)
    """What stands for a placeholder where the recipient has no value; nothing where this has none either."""
    type: Literal["sms", "flash"] = "sms"
    datacoding: Literal["gsm", "ucs"] = "ucs"
    priority: Literal[1, 2] = 1
    hours: str = ""
    """When messages may go out in the recipient's local time, as `windows.Hours` writes it; empty for at any time."""
    delivery_report_url: str | None = field(default=None, repr=False)
    opt_outs: str | None = field(default=None, repr=False)
    """The file with one's own opt-outs, read again while the campaign runs."""
    region: str = "SE"
    """The country of numbers without a country code in that file."""

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Orders:
        """Read again from `to_dict`."""
        return cls(**{each.name: said[each.name] for each in fields(cls) if each.name in said})

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)

    @property
    def placeholders(self) -> Mapping[str, tuple[str, ...]]:
        """Of each text."""
        return {name: placeholders(body) for name, body in self.texts.items()}

    def batch(
        self,
        text: str,
        recipients: Sequence[str] | Mapping[str, Mapping[str, str]],
        *,
        campaign: str,
        reference: str | None = None,
        windows: Sequence[DeliveryWindow] = (),
    ) -> NewBatch:
        """A batch of one of the texts; raises `Invalid` where the provider would refuse it."""
        return NewBatch(
            sender=self.sender, recipients=recipients, body=self.texts[text], type=self.type, datacoding=self.datacoding,
            priority=self.priority, delivery_windows=windows, delivery_report_url=self.delivery_report_url,
            reference=reference, tags=[campaign],
        )  # fmt: skip
