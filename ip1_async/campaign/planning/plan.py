"""What a plan comes to: who is texted and who is not, what it costs, and what is worth knowing before it is run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from attrs import asdict, field, frozen

from ip1_async import masking
from ip1_async.campaign.planning.lint import Advice


@frozen(kw_only=True)
class Reason:
    """Why some rows are dropped."""

    words: str
    count: int
    rows: Sequence[int]
    """The first of them, at most six."""


@frozen(kw_only=True)
class Cost:
    """What the messages to one country cost."""

    country: str
    """Two letters; empty where it is not known."""
    recipients: int
    segments: int
    price: Decimal | None
    """Of all of them; None where no price is known."""


@frozen(kw_only=True)
class Sample:
    """What one recipient would read."""

    row: int
    text: str = field(repr=masking.text)
    segments: int


@frozen(kw_only=True)
class Plan:
    """A plan in figures. Counts are recipients."""

    campaign: str
    """Its id, and the tag of its batches."""
    source: str
    sender: str = field(repr=masking.number)
    total: int
    """Rows of the input, dropped ones included."""
    kept: int
    dropped: int
    reasons: Sequence[Reason]
    """Why rows are dropped, most frequent first."""
    texts: Mapping[str, int]
    """Recipients of each text, by its name."""
    costs: Sequence[Cost]
    """By country, most recipients first."""
    encodings: Mapping[str, int]
    """Recipients by encoding and segments, such as `gsm 1`."""
    segments: int
    currency: str
    """Of the prices, in lower case; empty where none is known."""
    price_from: str
    """Where the prices come from: `given`, `learnt` from the account's earlier messages, or empty."""
    batches: int
    seconds: float
    """How long the requests take at the client's rate."""
    advice: Sequence[Advice] = ()
    lacking: Mapping[str, int] = field(factory=dict[str, int])
    """Recipients without a value, by placeholder, where there is no default."""
    forcing: Mapping[str, int] = field(factory=dict[str, int], repr=masking.count)
    """Recipients by the characters that force UCS-2 on them."""
    blacklist: int | None = None
    """How many numbers the provider's blacklist has; None where it was not read."""
    samples: Sequence[Sample] = field(default=(), repr=False)

    @property
    def price(self) -> Decimal | None:
        """Of all messages; None where the price of one of them is not known."""
        prices = [each.price for each in self.costs]
        return None if not prices or None in prices else sum((each for each in prices if each is not None), Decimal(0))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, without the samples."""
        made = asdict(self)
        del made["samples"]
        for each in made["costs"]:
            each["price"] = None if each["price"] is None else str(each["price"])
        return made | {"price": None if self.price is None else str(self.price)}
