"""The ledger of a campaign on SQLite, from the plan that is written into it to what it is asked for in the end."""

from ip1_async.campaign.ledger.draft import Draft
from ip1_async.campaign.ledger.sqlite import SQLiteLedger

__all__ = ["Draft", "SQLiteLedger"]
