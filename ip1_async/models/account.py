"""The account, its sub-accounts, and phone number lookup. See https://ip1sms.com/en/developer/overview-account and its neighbours.

These endpoints are of the provider's first generation and spell their names in PascalCase.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from attrs import field, frozen

from ip1_async import masking
from ip1_async.models import checks
from ip1_async.models.value import Open, Value


@frozen(kw_only=True)
class Overview(Open):
    """The account that the token belongs to."""

    account: str = field(metadata={"name": "Account"})
    """Such as `ip1-10000`."""
    organization: str | None = field(default=None, metadata={"name": "Organization"})
    type: str = field(default="", metadata={"name": "Type", "codes": {}})
    """`swedish` or `international`."""
    balance: Decimal | None = field(default=None, metadata={"name": "Balance"})
    """May be negative where the account pays afterwards."""
    currency: str = field(default="", metadata={"name": "Currency", "codes": {}})
    """In lower case, such as `sek`."""


@frozen(kw_only=True)
class Account(Open):
    """An account and what belongs to it."""

    id: str = field(metadata={"name": "ID"})
    name: str = field(default="", metadata={"name": "Name"})
    key: str | None = field(default=None, repr=False, metadata={"name": "Key"})
    """Its API key: a secret, in no repr."""
    parent: str | None = field(default=None, metadata={"name": "Parent"})
    type: str = field(default="", metadata={"name": "Type", "codes": {}})
    balance: Decimal | None = field(default=None, metadata={"name": "Balance"})
    currency: str = field(default="", metadata={"name": "Currency", "codes": {}})


@frozen
class ChildName(Value):
    """The name of a sub-account."""

    name: str = field(validator=checks.text, metadata={"name": "Name"})


@frozen
class PhoneNumbers(Value):
    """Numbers to look up, in any spelling, and the country (ISO code) of those without a country code."""

    numbers: Sequence[str] = field(validator=checks.texts, repr=masking.count, metadata={"name": "PhoneNumbers"})
    region: str = field(default="SE", validator=checks.text, metadata={"name": "DefaultRegion"})


@frozen(kw_only=True)
class PhoneNumber(Open):
    """What is known of a looked-up number."""

    is_valid: bool = False
    e164: str | None = field(default=None, repr=masking.number, metadata={"name": "e164Format"})
    """With a leading plus sign."""
