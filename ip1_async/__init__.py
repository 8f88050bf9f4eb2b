"""An async SDK for the iP.1 SMS API: typed calls, streamed pages, and sends that are never repeated blindly."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ip1_async.client import AttemptMade, Client, NotSeen, Outcome, Refused, Sent, Undecided, Unknown
    from ip1_async.errors import (
        BadRequest,
        CampaignPaused,
        Conflict,
        ConnectFailed,
        Forbidden,
        Invalid,
        IP1Error,
        LedgerError,
        LedgerHeld,
        NotFinal,
        NotFound,
        NotSent,
        OutcomeUnknown,
        RateLimited,
        ReadFailed,
        Rejected,
        TooLarge,
        Unauthorized,
        Undecodable,
    )
    from ip1_async.masking import reveal
    from ip1_async.models import (
        OMITTED,
        Account,
        Batch,
        Blocked,
        ChildName,
        Contact,
        ContactChange,
        ContactIds,
        ContactQuery,
        ContactSummary,
        ConversationSummary,
        Count,
        DeliveryReport,
        DeliveryWindow,
        Element,
        IncomingSms,
        LabelUsage,
        LandingPage,
        Matching,
        Message,
        NewBatch,
        NewContact,
        NewContacts,
        NewElement,
        NewLandingPage,
        Overview,
        Paging,
        PhoneNumber,
        PhoneNumbers,
        PriceSummary,
        PropertyUsage,
        Sender,
        Setting,
        SettingValue,
        Status,
        StatusChange,
    )
    from ip1_async.pages import Page, Pages, merge
    from ip1_async.table import Raw, raw

__all__ = [
    "OMITTED",
    "Account",
    "AttemptMade",
    "BadRequest",
    "Batch",
    "Blocked",
    "CampaignPaused",
    "ChildName",
    "Client",
    "Conflict",
    "ConnectFailed",
    "Contact",
    "ContactChange",
    "ContactIds",
    "ContactQuery",
    "ContactSummary",
    "ConversationSummary",
    "Count",
    "DeliveryReport",
    "DeliveryWindow",
    "Element",
    "Forbidden",
    "IP1Error",
    "IncomingSms",
    "Invalid",
    "LabelUsage",
    "LandingPage",
    "LedgerError",
    "LedgerHeld",
    "Matching",
    "Message",
    "NewBatch",
    "NewContact",
    "NewContacts",
    "NewElement",
    "NewLandingPage",
    "NotFinal",
    "NotFound",
    "NotSeen",
    "NotSent",
    "Outcome",
    "OutcomeUnknown",
    "Overview",
    "Page",
    "Pages",
    "Paging",
    "PhoneNumber",
    "PhoneNumbers",
    "PriceSummary",
    "PropertyUsage",
    "RateLimited",
    "Raw",
    "ReadFailed",
    "Refused",
    "Rejected",
    "Sender",
    "Sent",
    "Setting",
    "SettingValue",
    "Status",
    "StatusChange",
    "TooLarge",
    "Unauthorized",
    "Undecided",
    "Undecodable",
    "Unknown",
    "merge",
    "raw",
    "reveal",
]


if not TYPE_CHECKING:
    # Loaded when first asked for: models and errors come without aiohttp, and `import ip1_async` with nothing at all. To a
    # type checker, to `dir()`, to `from ip1_async import *` and to pickle they are plain names of this module.
    def __getattr__(name):
        """A public name, from the first of these modules that has it; each loads those before it anyhow."""
        from importlib import import_module

        if name in __all__:
            for home in ("masking", "errors", "models", "pages", "table", "client"):
                module = import_module(f"ip1_async.{home}")
                if hasattr(module, name):
                    found = globals()[name] = getattr(module, name)
                    return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__():
        return sorted({*globals(), *__all__})
