"""What becomes of a chunk whose request ended like this, line by line of the algorithm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip1_async import (
    Batch,
    ConnectFailed,
    Count,
    Invalid,
    IP1Error,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Status,
    Undecodable,
)
from ip1_async.campaign.running.terms import Terms
from ip1_async.campaign.states import (
    Accept,
    Decision,
    Doubt,
    GiveBack,
    Pause,
    Reject,
    Split,
    chunk_of,
    reference,
    settle,
)

CAMPAIGN = "abcdefghijklmnop"


def decided(
    result: Batch | Exception, *, recipients: int = 10, any_accepted: bool = True, attempt: int = 1
) -> Decision:
    return settle(result, recipients=recipients, any_accepted=any_accepted, attempt=attempt, chance=0.5)


def refused(status: int, **errors: list[str]) -> Rejected:
    return Rejected.answered(status, None, None, errors)


def test_a_batch_is_accepted_with_as_many_messages_as_its_answer_says() -> None:
    assert decided(Batch(id="b1")) == Accept("b1", None)
    summary = {Status(101): Count(messages=9, sms=9), Status(402): Count(messages=1, sms=1)}
    assert decided(Batch(id="b1", message_summary=summary)) == Accept("b1", 10, 1)


def test_what_was_not_sent_is_given_back_for_longer_and_longer() -> None:
    waits = [decided(ConnectFailed(), attempt=attempt) for attempt in (1, 2, 3, 50)]
    assert [each.after for each in waits if isinstance(each, GiveBack)] == [0.75, 1.5, 3.0, 45.0]


def test_the_servers_own_time_is_waited_for() -> None:
    limited = RateLimited()
    limited.retry_after = 17
    assert decided(limited) == GiveBack(17, "the server asked for fewer requests")
    assert isinstance(decided(RateLimited()), GiveBack)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (refused(401), "token"),
        (refused(402), "credit"),
        (refused(403), "may not send"),
        (refused(400, sender=["This sender is not registered."]), "sender"),
        (refused(422, Sender=["no"]), "sender"),
        (Invalid("token", "there is no token"), "token"),
    ],
)
def test_what_would_be_refused_of_every_chunk_pauses_the_campaign(error: IP1Error, words: str) -> None:
    for any_accepted in (True, False):
        decision = decided(error, any_accepted=any_accepted)
        assert isinstance(decision, Pause)
        assert words in decision.reason


@pytest.mark.parametrize(
    "error",
    [
        refused(413),
        refused(400, recipients=["no"]),
        refused(422, Recipients=["no"]),
        refused(400, **{"$.recipients[3]": ["no"]}),
    ],
)
def test_a_chunk_that_is_too_large_or_has_a_bad_recipient_is_split_down_to_one(error: Rejected) -> None:
    assert isinstance(decided(error, recipients=2), Split)
    assert isinstance(decided(error, recipients=1), Reject)


def test_any_other_refusal_is_final_once_something_was_accepted_and_pauses_before() -> None:
    for status in (400, 404, 405, 410, 422):
        assert isinstance(decided(refused(status, body=["no"]), any_accepted=True), Reject)
        assert isinstance(decided(refused(status), any_accepted=False), Pause)


def test_everything_else_is_in_doubt() -> None:
    unknown = OutcomeUnknown("outcome unknown: the server answered 503")
    assert decided(unknown) == Doubt("the server answered 503")
    for error in (RuntimeError(), ValueError(), IP1Error("odd")):
        assert isinstance(decided(error), Doubt)


def test_a_success_that_cannot_be_read_is_in_doubt_and_said_to_be_acknowledged() -> None:
    lost = OutcomeUnknown("outcome unknown: the answer was cut off")
    lost.accepted = True
    odd = Undecodable("the answer is not JSON")
    odd.status = 200
    assert decided(lost) == Doubt("the answer was cut off", acknowledged=True)
    assert decided(odd) == Doubt("the answer is not JSON", acknowledged=True)


@given(st.sampled_from(range(300, 600)), st.booleans(), st.integers(1, 1000))
def test_only_a_complete_answer_of_the_4xx_kind_may_end_a_chunk_without_a_batch(
    status: int, any_accepted: bool, recipients: int
) -> None:
    unknown = OutcomeUnknown()
    unknown.status = status
    assert isinstance(decided(unknown, any_accepted=any_accepted, recipients=recipients), Doubt)


@given(st.integers(1, 10**10), st.integers(1, 10**6))
def test_a_mark_leads_back_to_its_chunk_and_is_short_enough(chunk: int, attempt: int) -> None:
    mark = reference(CAMPAIGN, chunk, attempt)
    assert len(mark) <= 40
    assert chunk_of(CAMPAIGN, mark) == chunk
    assert chunk_of("ponmlkjihgfedcba", mark) is None


@pytest.mark.parametrize(
    "mark", [None, "", "order-17", f"ip1a:{CAMPAIGN}:0:1", f"ip1a:{CAMPAIGN}:1:1x", f"xip1a:{CAMPAIGN}:1:1"]
)
def test_other_marks_are_nobodys(mark: str | None) -> None:
    assert chunk_of(CAMPAIGN, mark) is None


def test_the_quarantine_is_ten_minutes_or_exactly_what_was_said() -> None:
    assert Terms().quarantine == 600
    assert Terms(landing=3).quarantine == 3 + 120
    assert Terms(visibility=3).quarantine == 300 + 3
    assert Terms(landing=3, visibility=4).quarantine == 7


def test_a_lease_lasts_at_least_as_long_as_a_request_may_be_late() -> None:
    assert Terms(deadline=60).holds == 60
    assert Terms(deadline=1).holds == 10
    with pytest.raises(Invalid, match="lease is shorter"):
        Terms(deadline=30, lease=29)


@pytest.mark.parametrize(
    "wrong", [{"landing": 0}, {"visibility": -1}, {"deadline": float("nan")}, {"on_absent": "hope"}, {"concurrency": 0}]
)
def test_terms_that_make_no_sense_are_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(Invalid) as caught:
        Terms(**wrong)  # type: ignore[arg-type]
    assert caught.value.field in wrong
