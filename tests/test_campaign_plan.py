"""A plan says for each row what happened to it, freezes the rest, and leaves nothing behind when it is refused."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ip1_async import Client, Invalid, LedgerError
from ip1_async.campaign import Campaign, Plan, RowOutcome
from ip1_async.sandbox import Sandbox

DIRT = (
    "﻿namn;telefon;ort\r\n"
    "Åsa;070-174 06 05;Lund\r\n"
    "\r\n"
    '"Bo\nBerg";+46 70 174 06 06;Malmö\r\n'
    "Cia;4,6701740607E+10;Umeå\r\n"
    "Dan;4,67E+10;Umeå\r\n"
    "Eva;46701740605;Lund\r\n"
    "Finn;+45 20 12 34 56;København\r\n"
    "Gun;0701740608;Lund\r\n"
    "Hal\r\n"
    "Ida;ring mig;Lund\r\n"
    "Jan;+44 7700 900461;London\r\n"
    ";;\r\n"
    "Kai;0701740609;Lund;extra\r\n"
)


async def fates(campaign: Campaign) -> dict[int, str]:
    """What happened to each row: its number where it is kept, else the reason."""
    found: dict[int, str] = {}
    async for each in campaign.rows():
        assert each.row not in found, "a row has one fate"
        found[each.row] = each.reason if each.outcome == "dropped" else each.msisdn
    return found


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
async def test_every_row_of_a_dirty_file_has_its_fate_and_its_reason(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "people.csv"
    text = DIRT if encoding == "utf-8" else DIRT.removeprefix("﻿")
    path.write_bytes(text.encode(encoding, "strict" if encoding != "cp1252" else "replace"))
    async with await Campaign.plan(path, ledger=tmp_path / "l", sender="iP1", body="Hej {namn}!") as campaign:
        assert await fates(campaign) == {
            2: "46701740605",
            3: "blank row",
            4: "46701740606",
            5: "46701740607",
            6: "in scientific notation, its last digits are lost",
            7: "duplicate of row 2",
            8: "4520123456",
            9: "46701740608",
            10: "no cell for the number",
            11: "not a phone number",
            12: "not valid in GB",
            13: "blank row",
            14: "more cells than columns",
        }
        stands = await campaign.status()
        assert (stands.state, stands.pending, stands.dropped, stands.total) == ("planned", 5, 8, 13)
        plan = campaign.planned
        assert plan is not None
        assert (plan.total, plan.kept, plan.dropped) == (13, 5, 8)
        assert {each.words: (each.count, list(each.rows)) for each in plan.reasons}["blank row"] == (2, [3, 13])
        assert "Åsa" in plan.samples[0].text


numbers = st.sampled_from(["0701740605", "+46701740605", "46 70 174 06 05", "0701740606", "x", "", "+4520123456"])


@settings(max_examples=30)
@given(
    rows=st.lists(st.tuples(numbers, st.sampled_from(["", "Ann", "🎉", "x" * 2001])), min_size=1, max_size=30),
    chunk=st.integers(1, 5),
)
async def test_nothing_is_dropped_silently_and_nobody_is_there_twice(
    rows: list[tuple[str, str]], chunk: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ledger = tmp_path_factory.mktemp("plan") / "ledger"
    people = [{"phone": number, "name": name} for number, name in rows]
    with contextlib.suppress(Invalid):
        await Campaign.plan(people, ledger=ledger, sender="iP1", body="Hi {name}", chunk=chunk, to="phone")
    if not ledger.exists():
        # Of several rows of one person the first counts, also where its text is too long.
        firsts = {
            number.lstrip("+").replace(" ", "")[-8:]: name for number, name in reversed(rows) if number not in ("x", "")
        }
        assert all(len(name) > 2000 for name in firsts.values()), "there was somebody to text"
        return
    campaign = Campaign(ledger)
    async with campaign:
        found = [each async for each in campaign.rows()]
        assert sorted(each.row for each in found) == list(range(1, len(rows) + 1))
        kept = [each.msisdn for each in found if each.outcome == "pending"]
        assert len(set(kept)) == len(kept)
        assert all(each.reason for each in found if each.outcome == "dropped")
        assert (await campaign.status()).chunks == -(-len(kept) // chunk)


async def test_a_number_that_comes_again_much_later_names_the_row_of_its_first(tmp_path: Path) -> None:
    order = Random(7)
    written = [f"0701{order.randrange(3000):06}" for _ in range(9000)]
    first: dict[str, int] = {}
    for row, number in enumerate(written, 1):
        first.setdefault(number, row)
    async with await Campaign.plan(written, ledger=tmp_path / "l", sender="iP1", body="Hi") as campaign:
        assert await fates(campaign) == {
            row: "46" + number[1:] if first[number] == row else f"duplicate of row {first[number]}"
            for row, number in enumerate(written, 1)
        }


async def test_people_come_from_any_iterable(tmp_path: Path) -> None:
    async def late() -> AsyncIterator[Any]:
        for number in range(3):
            yield f"4670174060{number}", {"name": "Ann"}

    for name, people in {
        "numbers": ["0701740600", "0701740601"],
        "pairs": [("46701740600", {"name": "Ann"})],
        "mappings": ({"phone": f"070174060{number}", "name": "Ann"} for number in range(4)),
        "async": late(),
    }.items():
        body = "Hi" if name == "numbers" else "Hi {name}"
        async with await Campaign.plan(people, ledger=tmp_path / name, sender="iP1", body=body) as campaign:
            assert campaign.planned is not None
            assert campaign.planned.kept == {"numbers": 2, "pairs": 1, "mappings": 4, "async": 3}[name]


async def test_who_must_not_be_texted_is_left_out_with_the_reason(tmp_path: Path) -> None:
    opt_outs = tmp_path / "opt-outs.csv"
    opt_outs.write_text("phone\n070-174 06 01\n")
    people = [f"070174060{number}" for number in range(5)]
    async with Sandbox() as sandbox, Client(sandbox.token, base_url=sandbox.url) as ip1:
        await ip1.blacklist.add("46701740602")
        campaign = await Campaign.plan(
            people, ledger=tmp_path / "l", sender="iP1", body="Hi", client=ip1, opt_outs=opt_outs,
            allow=["0701740600", "46701740601", "46701740602"],
        )  # fmt: skip
        async with campaign:
            assert await fates(campaign) == {
                1: "46701740600", 2: "opted out", 3: "blacklisted", 4: "not on the allow-list", 5: "not on the allow-list",
            }  # fmt: skip
            assert campaign.planned is not None
            assert campaign.planned.blacklist == 1
            # Somebody leaves between the plan and the run, and the file is read again.
            opt_outs.write_text("phone\n0701740601\n0701740600\n")
            assert [each.state async for each in campaign.run(ip1)] == ["REJECTED"]
            assert sandbox.messages() == ()
            stands = await campaign.status()
            assert (stands.state, stands.dropped, stands.total) == ("done", 5, 5)


async def test_an_opt_out_that_cannot_be_read_is_an_error_and_not_overlooked(tmp_path: Path) -> None:
    opt_outs = tmp_path / "opt-outs.csv"
    opt_outs.write_text("phone\n0701740601\nsomebody\n")
    with pytest.raises(ValueError, match="Row 3"):
        await Campaign.plan(["0701740600"], ledger=tmp_path / "l", sender="iP1", body="Hi", opt_outs=opt_outs)
    assert not (tmp_path / "l").exists()


async def test_several_texts_go_to_those_they_are_for(tmp_path: Path) -> None:
    people = [
        {"phone": "0701740600", "language": "sv"}, {"phone": "0701740601", "language": "en"},
        {"phone": "0701740602", "language": "fi"}, {"phone": "0701740603", "language": "sv"},
    ]  # fmt: skip
    async with Sandbox() as sandbox, Client(sandbox.token, base_url=sandbox.url) as ip1:
        campaign = await Campaign.plan(
            people, ledger=tmp_path / "l", sender="iP1", texts={"sv": "Hej", "en": "Hi"}, text_by="language"
        )
        async with campaign:
            assert (await fates(campaign))[3] == "no text is for it"
            async for _ in campaign.run(ip1):
                pass
        assert {each.recipient[-1]: each.body for each in sandbox.messages()} == {"0": "Hej", "1": "Hi", "3": "Hej"}


async def test_an_empty_value_becomes_the_default_and_never_a_placeholder(tmp_path: Path) -> None:
    people = [{"phone": "0701740600", "name": "Ann", "city": ""}, {"phone": "0701740601", "name": "", "city": ""}]
    async with Sandbox() as sandbox, Client(sandbox.token, base_url=sandbox.url) as ip1:
        campaign = await Campaign.plan(
            people, ledger=tmp_path / "l", sender="iP1", body="Hi {name} in {city}!", defaults={"name": "you"}, chunk=1
        )
        async with campaign:
            assert campaign.planned is not None
            assert campaign.planned.lacking == {"city": 2}
            async for _ in campaign.run(ip1):
                pass
        assert [each.body for each in sandbox.messages()] == ["Hi Ann in !", "Hi you in !"]


async def test_what_it_costs_is_learnt_from_earlier_messages_or_given(tmp_path: Path) -> None:
    people = ["0701740600", "+4520123456", "+4520123457"]
    async with Sandbox() as sandbox, Client(sandbox.token, base_url=sandbox.url) as ip1:
        await ip1.batches.send(sender="iP1", recipients=["46701740699", "4520123499"], body="Earlier")
        learnt = (await Campaign.plan(people, ledger=tmp_path / "a", sender="iP1", body="x" * 161, client=ip1)).planned
    given = (await Campaign.plan(people, ledger=tmp_path / "b", sender="iP1", body="Hi", price=Decimal("0.5"))).planned
    unknown = (await Campaign.plan(people, ledger=tmp_path / "c", sender="iP1", body="Hi")).planned
    assert learnt is not None
    assert given is not None
    assert unknown is not None
    assert (learnt.price_from, learnt.price, learnt.segments) == (
        "learnt",
        2 * Decimal("0.35") + 4 * Decimal("0.39"),
        6,
    )
    assert (given.price_from, given.price, given.currency) == ("given", Decimal("1.5"), "sek")
    assert (unknown.price_from, unknown.price) == ("", None)
    assert {each.country: each.recipients for each in given.costs} == {"DK": 2, "SE": 1}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"body": None}, "body"),
        ({"body": "Hi {nme}"}, "body"),
        ({"body": " "}, "body"),
        ({"body": "x" * 2001}, "body"),
        ({"sender": "much too long a sender"}, "sender"),
        ({"chunk": 0}, "chunk"),
        ({"window": "whenever"}, "window"),
        ({"window": "09:00-10:00", "region": "US", "people": ["2125550123"]}, "window"),
        ({"chunk": "10"}, "chunk"),
        ({"text_by": "language"}, "column"),
        ({"max_recipients": 1}, "max_recipients"),
        ({"max_price": Decimal(1)}, "max_price"),
        ({"max_price": Decimal(1), "price": Decimal(1)}, "max_price"),
        ({"confirm": lambda plan: False}, "confirm"),
        ({"priority": 3}, "priority"),
    ],
)
async def test_what_cannot_be_sent_is_refused_and_leaves_nothing_behind(
    tmp_path: Path, wrong: dict[str, Any], field: str
) -> None:
    wrong = dict(wrong)
    people = wrong.pop("people", [{"phone": "0701740600", "name": "Ann"}, {"phone": "0701740601", "name": "Bo"}])
    with pytest.raises(Invalid) as refused:
        await Campaign.plan(people, ledger=tmp_path / "l", **{"sender": "iP1", "body": "Hi"} | wrong)
    assert refused.value.field == field
    assert list(tmp_path.iterdir()) == []


async def test_confirmation_is_asked_for_with_the_whole_plan_and_only_over_its_size(tmp_path: Path) -> None:
    asked: list[Plan] = []

    async def confirm(plan: Plan) -> bool:
        asked.append(plan)
        return True

    for name, over in (("a", 2), ("b", 1)):
        people = ["0701740600", "0701740601"]
        await Campaign.plan(people, ledger=tmp_path / name, sender="iP1", body="Hi", confirm=confirm, confirm_over=over)
    assert [each.kept for each in asked] == [2]


async def test_a_ledger_that_is_there_is_not_planned_into(tmp_path: Path) -> None:
    await Campaign.plan(["0701740600"], ledger=tmp_path / "l", sender="iP1", body="Hi")
    before = (tmp_path / "l").read_bytes()
    with pytest.raises(Invalid, match="is there already"):
        await Campaign.plan(["0701740600"], ledger=tmp_path / "l", sender="iP1", body="Hi")
    assert (tmp_path / "l").read_bytes() == before
    with pytest.raises(LedgerError, match="no ledger can be made"):
        await Campaign.plan(["0701740600"], ledger=tmp_path / "no" / "l", sender="iP1", body="Hi")


async def test_only_what_the_text_uses_is_kept_and_a_purge_forgets_it(tmp_path: Path) -> None:
    people = [{"phone": "0701740600", "name": "Annabella", "diagnosis": "secret"}]
    async with Sandbox() as sandbox, Client(sandbox.token, base_url=sandbox.url) as ip1:
        async with await Campaign.plan(people, ledger=tmp_path / "l", sender="iP1", body="Hi {name}") as campaign:
            held = _everything(tmp_path / "l")
            assert b"Annabella" in held
            assert b"secret" not in held
            with pytest.raises(Invalid, match="planned"):
                await campaign.purge()
            async for _ in campaign.run(ip1):
                pass
            await sandbox.advance(seconds=5)
            async for _ in campaign.read_back(ip1):
                pass
            before = await campaign.report()
            await campaign.purge()
            assert (await campaign.report()).to_dict() == before.to_dict()
            assert [each.msisdn async for each in campaign.rows()] == [""]
            async for _ in campaign.read_back(ip1):
                pytest.fail("what is forgotten is read again")
            with pytest.raises(LedgerError, match="purged"):
                async for _ in campaign.run(ip1):
                    pass
        left = b"".join(each.read_bytes() for each in tmp_path.iterdir())
        assert b"Annabella" not in left
        assert b"46701740600" not in left


def _everything(path: Path) -> bytes:
    with sqlite3.connect(path) as db:
        return b"".join(
            str(row).encode() for table in ("people", "campaign") for row in db.execute(f"SELECT * FROM {table}")
        )


async def test_reprs_show_nobody(tmp_path: Path) -> None:
    campaign = await Campaign.plan(["0701740600"], ledger=tmp_path / "l", sender="46700000099", body="Hi you there")
    async with campaign:
        rows: list[RowOutcome] = [each async for each in campaign.rows()]
        shown = f"{campaign!r} {campaign.planned!r} {rows!r} {await campaign.orders()!r} {await campaign.report()!r}"
        assert "46701740600" not in shown
        assert "46700000099" not in shown
        assert "Hi you" not in shown
