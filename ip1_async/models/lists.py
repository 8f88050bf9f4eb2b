"""Blacklist entries, registered senders and settings: short lists of an account."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from attrs import field, frozen

from ip1_async import masking
from ip1_async.models import checks
from ip1_async.models.value import Open, Value
from ip1_async.wire import is_array, is_object


@frozen(kw_only=True)
class Blocked(Open):
    """A number that gets no more messages. See https://ip1sms.com/en/developer/blacklist."""

    msisdn: str = field(repr=masking.number)
    created: datetime | None = None


@frozen(kw_only=True)
class Sender(Open):
    """A registered sender. See https://ip1sms.com/en/developer/register-sender."""

    sender: str = field(repr=masking.number)
    created: datetime | None = None


@frozen(kw_only=True)
class Setting(Open):
    """One setting of the account. See https://ip1sms.com/utvecklare/installningar/."""

    name: str
    value: str | None = field(default=None, repr=False, metadata={"null": True})
    """None where the setting is off."""


@frozen
class SettingValue(Value):
    """What a setting is set to."""

    value: str | None = field(repr=False, metadata={"null": True}, validator=checks.url)
    """An absolute address, or None to switch it off."""


def settings_in(data: Any, name: str | None = None) -> Sequence[dict[str, Any]]:
    """Settings in their documented-nowhere shapes, as objects with `name` and `value`: a bare value, an object with
    `value` (and `name` or `setting`), an array of such, or an object from name to value."""
    if is_array(data):
        return [each for item in data for each in settings_in(item, name)]
    if not is_object(data):
        return [{"name": name or "", "value": data}]
    folded = {key.strip().lower(): key for key in data}
    if "value" in folded:
        called = next((folded[key] for key in ("name", "setting") if key in folded), None)
        rest = {key: item for key, item in data.items() if key not in (called, folded["value"])}
        return [{**rest, "name": data[called] if called else name or "", "value": data[folded["value"]]}]
    if name is not None and name in data:
        return [{"name": name, "value": data[name]}]
    return [{"name": key, "value": item} for key, item in data.items()]
