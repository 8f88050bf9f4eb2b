"""Campaigns are safe and lose nothing under their assumptions, and under no fewer: shown by visiting every state."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator
from typing import get_args

import pytest
from attrs import evolve, frozen

from tests.campaign_model import (
    CURRENT,
    NOBODY,
    TRANSITIONS,
    Model,
    Posted,
    Rule,
    Sending,
    Setting,
    State,
    Step,
    Task,
)

Found = Callable[[State], bool]


@frozen
class Explored:
    """The states that were visited, numbered as they were met, the nearest first."""

    states: list[State]
    came: list[tuple[int, Step]]
    """Of each state: from which it was met first, and how."""
    after: list[list[tuple[Step, int]]]
    """Of each state: all that may happen, and where that leads."""

    def edges(self) -> Iterator[tuple[State, tuple[Step, int]]]:
        return ((self.states[number], edge) for number, edges in enumerate(self.after) for edge in edges)

    def path(self, found: Found) -> list[Step]:
        """What happens up to the nearest state that is looked for, which must be there."""
        number = self._first(found)
        assert number is not None
        return [self.came[at][1] for at in self._way_to(number)]

    def shown(self, found: Found) -> str:
        """How the nearest state that is looked for is reached, to read; nothing if there is none."""
        return self._told(self._first(found))

    def shown_without_way_to(self, goal: Found, misfortunes: frozenset[str]) -> str:
        """How a state is reached from which there is no way to the goal but through a misfortune; nothing if none is."""
        before: list[list[int]] = [[] for _ in self.states]
        for number, steps in enumerate(self.after):
            for step, to in steps:
                if step.name not in misfortunes:
                    before[to].append(number)
        saved = {number for number, state in enumerate(self.states) if goal(state)}
        fresh = list(saved)
        while fresh:
            new = set(before[fresh.pop()]) - saved
            saved |= new
            fresh.extend(new)
        return self._told(next((number for number in range(len(self.states)) if number not in saved), None))

    def _first(self, found: Found) -> int | None:
        return next((number for number, state in enumerate(self.states) if found(state)), None)

    def _way_to(self, number: int) -> list[int]:
        way: list[int] = []
        while number:
            way.append(number)
            number = self.came[number][0]
        return way[::-1]

    def _told(self, number: int | None) -> str:
        """A line for each step: the time, who does what, the rows and the provider afterwards."""
        if number is None:
            return ""
        lines = ["  0   planned"]
        time, attempts = 0, Counter[int | None]()
        for at in self._way_to(number):
            step, state = self.came[at][1], self.states[at]
            time += step.name == "tick"
            attempts[step.chunk] += step.name == "claim"
            who = "" if step.who == NOBODY else "AB"[step.who]
            what = WORDS[step.name] + (f" (attempt {attempts[step.chunk]})" if step.name in ("claim", "post") else "")
            rows = " ".join(row.state for row in state.rows)
            flying = sum(not request.answer for request in state.requests)
            lines.append(f"{time:>3} {who:1} {what:<56} {rows:<9} {flying} in flight, {len(state.batches)} batches")
        return "\n".join(lines)


WORDS = {
    "resume": "resume: takes the lease and what was SENDING, scans",
    "renew": "renews its lease",
    "claim": "P1 claim",
    "give_back": "nothing was sent, or 429, 401, 404: gives back",
    "post": "P3 post",
    "accept": "P4 settle: 2xx",
    "reject": "P4 settle: rejected",
    "split": "P4 settle: split",
    "doubt": "P4 settle: no usable answer",
    "fenced": "finds that the row is no longer its own",
    "scan": "R1 wait is over, R2 scan begins",
    "read": "R2 scan reads a page",
    "error": "R2 scan meets an error",
    "settle again": "R3 settle by what was found",
    "hear": "is told of a batch by a delivery report",
    "crash": "dies",
    "power cut": "dies in a power cut, and its claim is lost",
    "restore": "an old copy of the ledger is put back",
    "decide_accept": "a person says: accepted",
    "decide_resend": "a person says: send again",
    "reset": "the connection is reset",
    "accepted": "the server accepts a request",
    "never": "the server drops a request",
    "401": "the server answers 401, 402 or 403",
    "404": "the server answers with some other 4xx",
    "422": "the server answers 413 or 422",
    "429": "the server answers 429",
    "listed": "a batch is listed",
    "moved": "a batch moves in the list",
    "tick": "a tick passes",
}


def messages(state: State) -> Counter[str]:
    """How many each recipient gets."""
    return Counter(recipient for batch in state.batches for recipient in state.rows[batch.chunk].recipients)


def doubled(state: State) -> bool:
    return len(state.batches) > 1 and max(messages(state).values()) > 1


@pytest.fixture(autouse=True)
def _uncollected() -> Iterator[None]:
    """A third of the time would go into looking for circles among the states, and there are none."""
    gc.disable()
    yield
    gc.enable()


def explore(setting: Setting, until: Found = doubled) -> Explored:
    """Every state that can be reached, or those up to the first that is looked for: there may be no end behind it."""
    model = Model(setting)
    start = model.start()
    known, visited = {start: 0}, Explored([start], [(0, Step("start"))], [])
    while len(visited.after) < len(visited.states):
        at = len(visited.after)
        if until(visited.states[at]):
            break
        steps: list[tuple[Step, int]] = []
        for step, state in model.steps(visited.states[at]):
            number = known.setdefault(state, len(known))
            if number == len(visited.states):
                visited.states.append(state)
                visited.came.append((at, step))
            steps.append((step, number))
        visited.after.append(steps)
    return visited


def untrue(state: State) -> set[str]:
    """What rows say that is not so.

    SENDING and UNKNOWN say nothing, and ACCEPTED without a batch is a person's word. Otherwise ACCEPTED is one batch, every
    other state is none, and no batch may still come of a request.
    """
    made = Counter(batch.chunk for batch in state.batches)
    coming = Counter(request.chunk for request in state.requests if not request.answer)
    return {
        row.state
        for chunk, row in enumerate(state.rows)
        if row.state not in ("SENDING", "UNKNOWN")
        and not (row.state == "ACCEPTED" and row.batches == 0)
        and (made[chunk], coming[chunk]) != (int(row.state == "ACCEPTED"), 0)
    }


def stands(state: State, *ends: str) -> bool:
    """Whether each recipient of the campaign is in a chunk that came to one of these ends."""
    ended = {recipient for row in state.rows if row.state in ends for recipient in row.recipients}
    return ended == set(state.rows[0].recipients)


def finished(state: State) -> bool:
    return stands(state, "ACCEPTED", "REJECTED", "REVIEW")


def sent_or_refused(state: State) -> bool:
    """Everybody has one message, and the ledger knows of it; or the server has rejected somebody."""
    sent = stands(state, "ACCEPTED") and set(messages(state).values()) == {1}
    return sent or any(row.state == "REJECTED" for row in state.rows)


MISFORTUNES = frozenset({"crash", "error", "moved", "401", "404", "422", "429", "decide_accept", "decide_resend"})
"""What a campaign must not need in order to end."""

REVIEW = Setting(policy="review")
RETRY = Setting(policy="retry_absent")
SHORT = evolve(RETRY, landing=1, quarantine=2)


def without(setting: Setting, *rules: Rule) -> Setting:
    return evolve(setting, without=frozenset(rules))


@pytest.mark.parametrize(
    ("setting", "least"),
    [
        (REVIEW, 7_400),
        (RETRY, 13_500),
        (evolve(REVIEW, person=True), 14_200),
        (evolve(RETRY, landing=1, visibility=2), 13_900),
        (evolve(RETRY, landing=1, quarantine=2, deadline=2, lease=2), 14_400),
        (evolve(REVIEW, recipients="ab", runners=1), 18_600),
        (evolve(RETRY, recipients="ab", runners=1), 17_800),
    ],
)
def test_nobody_gets_two_messages_no_row_says_what_is_not_so_and_nothing_is_lost(setting: Setting, least: int) -> None:
    visited = explore(setting)
    count = f"one of {len(visited.states)} states"
    assert visited.shown(doubled) == "", count
    assert visited.shown(lambda state: bool(untrue(state))) == "", count
    assert visited.shown_without_way_to(finished, MISFORTUNES) == "", count
    if setting.policy == "retry_absent":
        assert visited.shown_without_way_to(sent_or_refused, MISFORTUNES) == "", count
    assert len(visited.states) >= least, f"the model has lost something: {len(visited.states)} states"


def test_what_has_no_way_out_is_seen_to_be_lost() -> None:
    visited = explore(evolve(REVIEW, runners=1))
    assert visited.shown_without_way_to(lambda _: False, frozenset())
    assert visited.shown_without_way_to(finished, frozenset({"claim"}))
    assert visited.shown_without_way_to(sent_or_refused, frozenset()), "a chunk in review is sent by nobody"


def test_a_refusal_that_is_none_makes_a_rejected_row_a_lie() -> None:
    def lies(state: State) -> bool:
        return "REJECTED" in untrue(state)

    assert explore(without(REVIEW, "a complete 4xx makes no batch"), until=lies).shown(lies)


def test_a_chunk_is_split_only_where_nothing_of_it_was_sent_or_can_be_also_with_two_runners() -> None:
    """The halves stay, to keep this small: each is a chunk like any other, and nobody has a message yet."""
    visited = explore(evolve(RETRY, recipients="ab", sends_halves=False))
    split = [state for state in visited.states if state.rows[0].state == "SPLIT"]
    assert len(split) >= 300
    assert visited.shown(lambda state: bool(untrue(state))) == "", f"one of {len(visited.states)} states"
    assert not any(state.batches for state in split)


CAUTIONS: dict[Rule, str] = {
    "resume starts the quarantine of UNKNOWN afresh": "what is UNKNOWN was abandoned before it became so",
    "a claim raises the epoch": "nobody claims again what another runner has claimed but after a takeover",
    "resume raises the epoch": "what was taken over is no longer SENDING until it is claimed again",
}
"""The rules that can be missed, each alone, and why."""


@pytest.mark.parametrize("rule", [rule for rule in get_args(Rule) if rule not in CAUTIONS])
def test_without_any_one_assumption_or_rule_somebody_gets_two_messages(rule: Rule) -> None:
    trace = explore(without(SHORT, rule)).shown(doubled)
    print(f"without {rule!r}\n{trace}")
    assert trace


@pytest.mark.parametrize(
    "setting",
    [
        evolve(RETRY, quarantine=2),
        evolve(RETRY, landing=1, visibility=2, quarantine=2),
        evolve(RETRY, lease=0),
        evolve(RETRY, deadline=2, lease=1),
    ],
)
def test_with_a_quarantine_below_l_plus_v_or_a_lease_below_d_somebody_gets_two_messages(setting: Setting) -> None:
    trace = explore(setting).shown(doubled)
    print(trace)
    assert trace


@pytest.mark.parametrize("rule", CAUTIONS)
def test_each_of_these_rules_can_be_missed(rule: Rule) -> None:
    visited = explore(without(SHORT, rule))
    assert visited.shown(doubled) == ""
    assert visited.shown(lambda state: bool(untrue(state))) == ""


def test_but_the_epoch_must_be_raised_somewhere() -> None:
    assert explore(without(SHORT, "a claim raises the epoch", "resume raises the epoch")).shown(doubled)


LEASE: tuple[Rule, ...] = ("resume asks for the lease", "a claim asks for the lease", "a claim renews the lease")


def test_a_quarantine_that_is_longer_by_d_makes_the_lease_a_courtesy() -> None:
    """So it is for the sake of Q = L + V alone that a lease lasts D and is asked for and renewed by every claim."""
    visited = explore(without(evolve(SHORT, quarantine=3, lease=0), *LEASE))
    assert visited.shown(doubled) == ""
    assert visited.shown(lambda state: bool(untrue(state))) == ""


@pytest.mark.parametrize(
    "rules",
    [
        (*LEASE, "every change asks for the epoch"),
        ("every change asks for the epoch",),
        ("A6: nobody writes later than D",),
        ("A2: so is one whose runner has lost the lease",),
    ],
)
def test_but_no_quarantine_replaces_the_epoch_the_guard_and_a_bound_for_open_connections(
    rules: tuple[Rule, ...],
) -> None:
    assert explore(without(evolve(SHORT, quarantine=3), *rules)).shown(doubled)


def test_a_runner_that_was_stopped_before_its_request_writes_it_after_the_takeover_unless_it_is_guarded() -> None:
    visited = explore(without(RETRY, "A6: nobody writes later than D"))
    steps = [(step.name, step.who) for step in visited.path(doubled)]
    claim, late = steps.index(("claim", 0)), steps.index(("post", 0))
    assert claim < steps.index(("resume", 1)) < late < steps.index(("scan", 1)) < steps.index(("post", 1))
    assert Counter(name for name, _ in steps[claim:late])["tick"] > RETRY.deadline, visited.shown(doubled)


REVIEWED: tuple[Rule, ...] = (
    "A1: the list shows references",
    "A2: an aborted request is accepted within L",
    "A2: so is one whose runner has lost the lease",
    "A3: a batch is listed within V",
    "A6: nobody writes later than D",
    *LEASE,
    "a connection is reset before its chunk is UNKNOWN",
    "a scan waits for Q",
    "an error is not absence",
    "pages overlap",
)


SHORT_REVIEW = evolve(SHORT, policy="review")


@pytest.mark.parametrize(
    "setting", [evolve(SHORT_REVIEW, quarantine=1), *(without(SHORT_REVIEW, rule) for rule in REVIEWED)]
)
def test_with_review_these_cost_only_a_chunk_in_review_that_was_sent(setting: Setting) -> None:
    """So the default is at most once, whatever the provider's times are; what is in review is then not surely unsent."""
    visited = explore(setting)
    assert visited.shown(doubled) == ""
    assert set().union(*map(untrue, visited.states)) == {"REVIEW"}
    for state, (step, to) in visited.edges():
        for row, after in zip(state.rows, visited.states[to].rows, strict=False):
            if row.state in ("UNKNOWN", "REVIEW"):
                assert after.state in ("UNKNOWN", "REVIEW", "ACCEPTED"), f"an absent chunk is sent again by {step}"


@pytest.mark.parametrize(
    "rule",
    [
        "A1: a request makes one batch",
        "A4: a committed intent survives",
        "A4: no old copy of the ledger is restored",
        "A5: there is one ledger",
        "a complete 4xx makes no batch",
        "a claim comes before its request",
    ],
)
def test_without_these_review_does_not_help(rule: Rule) -> None:
    assert explore(without(SHORT_REVIEW, rule)).shown(doubled)


@pytest.mark.parametrize("rule", ["every change asks for the epoch", "A2: an aborted request is accepted within L"])
def test_a_person_who_sends_again_needs_what_retry_needs(rule: Rule) -> None:
    assert explore(without(evolve(SHORT_REVIEW, person=True), rule)).shown(doubled)


def test_a_batch_that_is_found_twice_is_an_accepted_chunk_and_an_incident() -> None:
    visited = explore(without(evolve(REVIEW, runners=1), "A1: a request makes one batch"), until=lambda _: False)
    incidents = [row for state in visited.states for row in state.rows if row.batches > 1]
    assert incidents
    assert {row.state for row in incidents} == {"ACCEPTED"}


def test_every_change_of_the_table_happens_and_no_other() -> None:
    """The last two show adoption of what should not be there: a chunk in review, and one whose claim was lost."""
    happened: set[tuple[str, str]] = set()
    for setting in (
        evolve(RETRY, runners=1, recipients="ab"),
        evolve(REVIEW, runners=1, person=True),
        without(evolve(REVIEW, runners=1), "A3: a batch is listed within V"),
        without(evolve(REVIEW, runners=1), "A4: a committed intent survives"),
    ):
        visited = explore(setting)
        for state, (step, to) in visited.edges():
            if step.name != "power cut":
                rows = zip(state.rows, visited.states[to].rows, strict=False)
                happened |= {(row.state, after.state) for row, after in rows if row.state != after.state}
    assert happened == {(before, after) for _, before, after in TRANSITIONS if before != after}


def test_different_tasks_of_equal_numbers_are_different_states() -> None:
    """Or one would pass for the other, and what can come of it would not be visited."""
    tasks: list[Task] = [Sending(0, CURRENT, 1), Posted(0, CURRENT, claimed=True)]
    assert len(set(tasks)) == 2
