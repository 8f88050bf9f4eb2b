"""Campaigns: one text to any number of people, written down, so that it can be killed at any instant and goes on.

`Campaign.plan` freezes who gets what in a ledger, `Campaign.run` sends it, and nobody is texted twice; what may have been
sent and is not listed by the provider waits for a person. See docs/campaigns.md for what is promised and assumed.
"""

from ip1_async.campaign.campaign import Campaign
from ip1_async.campaign.planning.plan import Plan
from ip1_async.campaign.reporting.outcomes import RowOutcome
from ip1_async.campaign.reporting.report import Report
from ip1_async.campaign.running.run import Settled
from ip1_async.campaign.standing import Standing

__all__ = ["Campaign", "Plan", "Report", "RowOutcome", "Settled", "Standing"]
