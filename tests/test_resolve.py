"""What became of a send whose outcome is unknown is found out from the list of batches, or said to be undecided."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from attrs import define, field

from ip1_async import (
    Client,
    IP1Error,
    NotSeen,
    OutcomeUnknown,
    ReadFailed,
    Sent,
    Unauthorized,
    Undecided,
)
from ip1_async.clock import ManualClock
from tests.misbehaving import reset, serving
from tests.scripted import Answer, Asked, Scripted

OURS = "order-17"


@define
class Provider:
    """Answers every send with the same failure, whether it was accepted or not; its list is what it is told to be."""

    references: list[str]
    """The newest first."""
    failure: Answer = Answer(status=500)
    page: int = 200
    during: Callable[[Provider], None] = lambda provider: None
    """What happens before each page is read."""
    listing: Answer | None = None
    """Instead of the list."""
    pages: int = 0
    posts: int = 0
    on: Scripted = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.on = Scripted(self.answer)

    def answer(self, asked: Asked) -> Answer:
        if asked.method == "POST":
            self.posts += 1
            return self.failure
        assert asked.query["order"] == "DESC"
        self.during(self)
        self.pages += 1
        if self.listing is not None:
            return self.listing
        start = int(asked.query["start"])
        stop = start + min(self.page, int(asked.query["limit"]))
        rows = [{"id": f"b-{each}", "reference": each} for each in self.references[start:stop]]
        link = f'<{self.on.url}/v2/batches?start={stop}>; rel="next"'
        return Answer(rows, headers={"Link": link if stop < len(self.references) else '<x>; rel="first"'})


def client(provider: Provider, **options: Any) -> Client:
    return Client("token", base_url=provider.on.url, rate=None, **options)


async def unknown(ip1: Client) -> OutcomeUnknown:
    with pytest.raises(OutcomeUnknown) as caught:
        await ip1.batches.send(sender="iP1", recipients=["46700000001"], body="Hello", reference=OURS)
    return caught.value


def others(count: int) -> list[str]:
    return [f"other-{each}" for each in range(count)]


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 409, 425, 302])
async def test_a_send_that_was_carried_out_is_found_and_never_sent_again(status: int) -> None:
    provider = Provider([*others(3), OURS], Answer(status=status))
    async with provider.on, client(provider) as ip1:
        error = await unknown(ip1)
        found = await error.resolve()
        assert isinstance(found, Sent)
        assert (found.batch.id, found.batch.reference) == (f"b-{OURS}", error.reference)
        assert provider.posts == 1


async def test_an_accepted_answer_that_names_no_batch_is_found_too() -> None:
    provider = Provider([OURS], Answer(b"", status=202))
    async with provider.on, client(provider) as ip1:
        error = await unknown(ip1)
        assert error.accepted
        assert isinstance(await error.resolve(), Sent)


async def test_it_is_found_on_a_later_page_while_new_batches_arrive() -> None:
    def arrive(provider: Provider) -> None:
        provider.references[:0] = [f"new-{provider.pages}-{each}" for each in range(3)]

    provider = Provider([*others(30), OURS], page=4, during=arrive)
    async with provider.on, client(provider) as ip1:
        assert isinstance(await (await unknown(ip1)).resolve(), Sent)
        assert provider.pages > 8


async def test_it_is_found_while_newer_batches_are_deleted() -> None:
    def vanish(provider: Provider) -> None:
        del provider.references[: 2 if provider.pages else 0]

    provider = Provider([*others(30), OURS, *(f"older-{each}" for each in range(5))], page=6, during=vanish)
    async with provider.on, client(provider) as ip1:
        assert isinstance(await (await unknown(ip1)).resolve(), Sent)


async def test_what_is_not_in_the_whole_list_is_proved_unsent_only_after_a_while(clock: ManualClock) -> None:
    provider = Provider(others(500))
    async with provider.on, client(provider, clock=clock) as ip1:
        error = await unknown(ip1)
        given_up = clock.now()
        await clock.advance(60)
        verdict = await error.resolve()
        assert verdict == NotSeen(given_up + timedelta(minutes=10))
        assert provider.pages == 3
        await clock.advance(600)
        again = await error.resolve()
        assert isinstance(again, NotSeen)
        assert again.proof_after < clock.now()


async def test_what_arrives_late_is_found_by_the_second_look() -> None:
    provider = Provider(others(3))
    async with provider.on, client(provider) as ip1:
        error = await unknown(ip1)
        assert isinstance(await error.resolve(), NotSeen)
        provider.references.insert(0, OURS)
        assert isinstance(await error.resolve(), Sent)


@pytest.mark.parametrize(("newer", "verdict"), [(9_999, Sent), (10_000, Undecided)])
async def test_the_look_back_ends_and_says_so(newer: int, verdict: type) -> None:
    provider = Provider([*others(newer), OURS])
    async with provider.on, client(provider) as ip1:
        found = await (await unknown(ip1)).resolve()
        assert isinstance(found, verdict)
        if isinstance(found, Undecided):
            assert found.reason == "the newest 10000 batches do not hold it, and there are more"


@pytest.mark.parametrize(("status", "kind"), [(401, Unauthorized), (500, ReadFailed)])
async def test_a_list_that_cannot_be_read_to_its_end_decides_nothing(status: int, kind: type[IP1Error]) -> None:
    def fail(provider: Provider) -> None:
        if provider.pages == 2:
            provider.listing = Answer(status=status)

    provider = Provider([*others(30), OURS], page=10, during=fail)
    async with provider.on, client(provider, attempts=1) as ip1:
        found = await (await unknown(ip1)).resolve()
        assert isinstance(found, Undecided)
        assert isinstance(found.error, kind)
        assert OURS not in found.reason


async def test_a_client_can_look_by_itself_and_raises_only_where_it_does_not_find_it() -> None:
    provider = Provider([OURS])
    async with provider.on, client(provider, on_unknown="resolve") as ip1:
        batch = await ip1.batches.send(sender="iP1", recipients=["46700000001"], body="Hello", reference=OURS)
        assert batch.id == f"b-{OURS}"
        provider.references.clear()
        error = await unknown(ip1)
        assert isinstance(await error.resolve(), NotSeen)


async def test_an_error_from_far_away_or_of_another_call_says_that_it_cannot_be_resolved() -> None:
    provider = Provider([], Answer(status=500))
    async with provider.on, client(provider) as ip1:
        error = pickle.loads(pickle.dumps(await unknown(ip1)))
        assert error.reference == OURS
        with pytest.raises(TypeError, match="only a send by its own client"):
            await error.resolve()
        with pytest.raises(OutcomeUnknown) as caught:
            await ip1.children.create(name="Support")
        with pytest.raises(TypeError, match="POST /api/me/children left nothing to look for"):
            await caught.value.resolve()


async def test_a_view_looks_with_its_own_options() -> None:
    async def refuse(reader: Any, writer: Any) -> None:
        reset(writer)

    async with serving(refuse) as (address, met), Client("token", base_url=f"http://{address}", rate=None) as ip1:
        error = await unknown(ip1.with_options(attempts=1))
        assert isinstance(await error.resolve(), Undecided)
        assert len(met) == 2
