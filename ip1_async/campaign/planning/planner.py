"""Sorts rows into those that are texted, in chunks, and those that are not, each for its reason.

Everything is done block by block and nothing is kept but counts and the chunks that are not full yet, so that memory does
not grow with the number of rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice

from attrs import define, field

from ip1_async import codec
from ip1_async.campaign.ledger.draft import Draft
from ip1_async.campaign.orders import Orders
from ip1_async.campaign.people.numbers import Numbers, WrongNumber, countries, country
from ip1_async.campaign.people.read import Block
from ip1_async.campaign.planning import zones
from ip1_async.campaign.planning.measuring import Meter
from ip1_async.errors import Invalid
from ip1_async.text import Template

FIRST_ROWS = 6
SAMPLES = 3


@define(kw_only=True)
class Rules:
    """Who gets what."""

    region: str = "SE"
    chunk: int = 1000
    text_by: str | None = None
    """The column that names each recipient's text."""
    zone_by: str | None = None
    """The column with each recipient's time zone."""
    allowed: AbstractSet[str] | None = None
    """Only these numbers; None allows all."""
    opted_out: AbstractSet[str] = frozenset()
    blacklist: AbstractSet[str] = frozenset()


@define
class _People:
    """Some recipients, column by column: a million of them are sorted a block at a time, not one by one."""

    rows: list[int] = field(factory=list[int])
    msisdns: list[str] = field(factory=list[str])
    values: list[Sequence[str]] = field(factory=list[Sequence[str]])

    def at(self, places: Iterable[int]) -> _People:
        """Those at these places."""
        picked = [*places]
        return _People(
            [self.rows[at] for at in picked], [self.msisdns[at] for at in picked], [self.values[at] for at in picked]
        )

    def without(self, places: Collection[int]) -> _People:
        """All but those at these places."""
        return self.at(at for at in range(len(self.rows)) if at not in places) if places else self

    def add(self, more: _People) -> None:
        """More of them, behind these."""
        self.rows += more.rows
        self.msisdns += more.msisdns
        self.values += more.values

    def take(self, count: int) -> _People:
        """The first of them, which are gone from here."""
        taken = _People(self.rows[:count], self.msisdns[:count], self.values[:count])
        del self.rows[:count], self.msisdns[:count], self.values[:count]
        return taken


Drops = list[tuple[int, str]]


class Planner:
    """Takes the rows of a plan, and counts."""

    def __init__(self, draft: Draft, orders: Orders, columns: Sequence[str], rules: Rules) -> None:
        self._draft, self._orders, self._rules = draft, orders, rules
        self._numbers = Numbers(rules.region)
        self._names = orders.placeholders
        found = [key for keys in self._names.values() for key in keys if key in columns]
        extra = [each for each in (rules.text_by, rules.zone_by) if each is not None]
        for each in extra:
            if each not in columns:
                raise Invalid("column", f"there is no column {each}; the columns are {', '.join(columns)}")
        self.wanted = tuple(dict.fromkeys([*found, *extra]))
        """The columns whose values are needed."""
        self._place = {name: at for at, name in enumerate(self.wanted)}
        self._default = {key: orders.defaults.get(key, "") for keys in self._names.values() for key in keys}
        self._groups: dict[tuple[str, str], _People] = {}
        """Those who are in no batch yet."""
        self.meters = {
            name: Meter(
                body,
                self._names[name],
                {key: orders.defaults[key] for key in self._names[name] if key in orders.defaults},
            )
            for name, body in orders.texts.items()
        }
        self.reasons: Counter[str] = Counter()
        self.first_rows: dict[str, list[int]] = {}
        self.texts: Counter[str] = Counter()
        self.zones: set[str] = set()
        self.countries: Counter[str] = Counter()
        self.segments: Counter[str] = Counter()
        self.samples: list[tuple[int, str]] = []
        self.total = self.kept = self.batches = 0

    def block(self, block: Block) -> None:
        """Some more rows, in their order."""
        self.total += len(block)
        drops: Drops = []
        people = self._numbered(block, drops)
        people = self._first(people, drops)
        people = self._wanted(people, drops)
        for (text, zone), some in self._grouped(people, drops):
            self._put(text, zone, self._measured(text, some, drops))
        drops.sort()
        self._draft.drop(drops)
        for row, reason in drops:
            self._count(row, reason)

    def finish(self) -> None:
        """No more rows come: the last chunks are what they are."""
        for (text, zone), people in self._groups.items():
            if people.rows:
                self._write(text, zone, people)
        self._groups.clear()

    def _numbered(self, block: Block, drops: Drops) -> _People:
        """Rows with a number."""
        found = self._numbers.plain(block.numbers)
        rows = [*range(block.first, block.first + len(block))]
        people = _People(rows, found, [*islice(block.values(), len(block))])
        if all(found) and not block.wrong:
            return people
        for at, number in enumerate(block.numbers):
            if (wrong := block.wrong.get(at, "")) or not found[at]:
                found[at], reason = ("", wrong) if wrong else self._looked_at(number)
                if reason:
                    drops.append((rows[at], reason))
        return people.at(at for at, each in enumerate(found) if each)

    def _looked_at(self, number: str) -> tuple[str, str]:
        """The MSISDN of a number in a less usual spelling, or why it is none."""
        try:
            return self._numbers.msisdn(number), ""
        except WrongNumber as error:
            return "", str(error)

    def _grouped(self, people: _People, drops: Drops) -> Iterable[tuple[tuple[str, str], _People]]:
        """Those that can share a batch: with the same text and, where there are hours, the same time zone."""
        texts, hours = self._orders.texts, self._orders.hours
        if len(texts) == 1 and self._rules.text_by is None and not hours:
            return [((next(iter(texts)), ""), people)]
        places: dict[tuple[str, str], list[int]] = {}
        for at, values in enumerate(people.values):
            text = self._text(values)
            zone = self._zone(people.msisdns[at], values) if hours else ""
            if text is None or zone is None:
                drops.append((people.rows[at], "no text is for it" if text is None else "its time zone is not known"))
            else:
                places.setdefault((text, zone), []).append(at)
        return [(key, people.at(some)) for key, some in places.items()]

    def _text(self, values: Sequence[str]) -> str | None:
        by = self._rules.text_by
        name = values[self._place[by]] if by is not None else ""
        return name if name in self._orders.texts else "" if "" in self._orders.texts else None

    def _zone(self, msisdn: str, values: Sequence[str]) -> str | None:
        by = self._rules.zone_by
        if by is not None and (named := values[self._place[by]]):
            return named if "/" in named and zones.is_zone(named) else None
        found = country(msisdn)
        try:
            return found if found and zones.clocks(found) else None
        except Invalid:
            return None

    def _first(self, people: _People, drops: Drops) -> _People:
        """Without those whose number stood in an earlier row, however it was written there."""
        if not (first := self._draft.first(people.msisdns, people.rows)):
            return people
        found = [first.get(int(each), row) for each, row in zip(people.msisdns, people.rows, strict=True)]
        again = {at for at, row in enumerate(people.rows) if found[at] != row}
        drops += [(people.rows[at], f"duplicate of row {found[at]}") for at in again]
        return people.without(again)

    def _wanted(self, people: _People, drops: Drops) -> _People:
        """Without those that must not be texted."""
        rules, found = self._rules, people.msisdns
        reasons: dict[int, str] = {}
        for numbers, reason in ((rules.blacklist, "blacklisted"), (rules.opted_out, "opted out")):
            if numbers and not numbers.isdisjoint(found):
                reasons |= {at: reason for at, each in enumerate(found) if each in numbers}
        if (allowed := rules.allowed) is not None:
            reasons |= {at: "not on the allow-list" for at, each in enumerate(found) if each not in allowed}
        drops += [(people.rows[at], reason) for at, reason in reasons.items()]
        return people.without(reasons)

    def _measured(self, text: str, people: _People, drops: Drops) -> _People:
        """Those whose text can be sent, and counts what it costs."""
        found = self.meters[text].add(people.values, self.wanted)
        wrong = {
            **dict.fromkeys(found.blank, "its text would be blank"),
            **dict.fromkeys(found.too_long, "its text would be too long"),
        }
        drops += [(people.rows[at], reason) for at, reason in wrong.items()]
        kept = people.without(wrong)
        segments = [each for at, each in enumerate(found.segments) if at not in wrong] if wrong else found.segments
        for (where, each), count in Counter(zip(countries(kept.msisdns), segments, strict=True)).items():
            self.countries[where] += count
            self.segments[where] += count * each
        self.kept += len(kept.rows)
        return kept

    def _put(self, text: str, zone: str, people: _People) -> None:
        waiting = self._groups.setdefault((text, zone), _People())
        waiting.add(people)
        while len(waiting.rows) >= self._rules.chunk:
            self._write(text, zone, waiting.take(self._rules.chunk))

    def _write(self, text: str, zone: str, people: _People) -> None:
        keys = self._names[text]
        self._draft.chunk(self._recipients(keys, people), people.rows, text=text, zone=zone)
        self.texts[text] += len(people.rows)
        self.zones.add(zone)
        self.batches += 1
        template = Template(self._orders.texts[text], keys)
        for row, given in zip(people.rows[: SAMPLES - len(self.samples)], people.values, strict=False):
            values = {key: given[self._place[key]] for key in keys if key in self._place}
            self.samples.append((row, template.render({k: v for k, v in values.items() if v}, self._default)))

    def _recipients(self, keys: Sequence[str], people: _People) -> bytes:
        """As the wire has them; an empty value is left out, so that the default applies."""
        quote = codec.quote
        if not keys:
            return f"[{','.join(map(quote, people.msisdns))}]".encode()
        columns = [self._column(key, people) for key in keys if key in self._place]
        values = (
            columns[0] if len(columns) == 1 else [",".join(filter(None, each)) for each in zip(*columns, strict=True)]
        )
        each = [
            f'"{msisdn}":{{{value}}}'
            for msisdn, value in zip(people.msisdns, values or [""] * len(people.msisdns), strict=True)
        ]
        # With every key in it: the provider leaves a placeholder as typed that no replacement knows.
        default = ",".join(f"{quote(key)}:{quote(self._default[key])}" for key in keys)
        return f'{{{",".join(each)},"default":{{{default}}}}}'.encode()

    def _column(self, key: str, people: _People) -> list[str]:
        """The values of a placeholder, each with its name; empty where there is none."""
        quote, at = codec.quote, self._place[key]
        name = quote(key) + ":"
        return [name + quote(value) if (value := values[at]) else "" for values in people.values]

    def _count(self, row: int, reason: str) -> None:
        words = "duplicate" if reason.startswith("duplicate of row ") else reason
        self.reasons[words] += 1
        rows = self.first_rows.setdefault(words, [])
        if len(rows) < FIRST_ROWS:
            rows.append(row)
