"""`ip1 campaign` and `ip1 demo` as they are typed: exit codes, what people read, what machines read, and signals."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import select
import signal
import stat
import subprocess
import sys
import time
import webbrowser
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ip1_async.sandbox import Sandbox

pytest.importorskip("cyclopts", reason="the command line needs the extra cli")

Command = Callable[..., tuple[int, str, str]]
COUNTS = ("accepted", "rejected", "unknown", "review", "pending", "dropped")
SOON = ("--landing", "0.2", "--visibility", "0.2")
TEXT = ("--sender", "iP1", "--body", "Hi {name}! Reply STOP to opt out.")


def number(person: int) -> str:
    """A Swedish mobile number whose message is delivered."""
    return f"4670{person:04}567"


def table(path: Path, people: int) -> Path:
    lines = [f"Name{each},{number(each)}\n" for each in range(people)]
    path.write_text("name,phone\n" + "".join(lines), "utf-8")
    return path


@pytest.fixture
def ip1(command: Command) -> Command:
    """`ip1 campaign` as it is typed."""
    return lambda *words: command("campaign", *map(str, words))


@pytest.fixture
def planned(local: Sandbox, ip1: Command, tmp_path: Path) -> Callable[..., Path]:
    """Plans a campaign to so many people; gives its ledger."""

    def make(people: int, *words: str, chunk: int = 5) -> Path:
        ledger = tmp_path / "spring.ledger"
        given = words if "--sender" in words else (*TEXT, *words)
        people_file = table(tmp_path / "people.csv", people)
        code, _, err = ip1("plan", people_file, "--ledger", ledger, "--chunk", chunk, *given)
        assert code == 0, err
        return ledger

    return make


def status(ip1: Command, ledger: Path) -> dict[str, Any]:
    code, out, err = ip1("status", ledger, "--json")
    assert (code, err) == (0, "")
    found: dict[str, Any] = json.loads(out)
    return found


def counts(ip1: Command, ledger: Path) -> dict[str, int]:
    """The counts that are not zero, and the state."""
    found = status(ip1, ledger)
    return {name: found[name] for name in ("state", *COUNTS) if found[name]}


def received(sandbox: Sandbox) -> Counter[str]:
    return Counter(each.recipient for each in sandbox.messages())


def once(people: int) -> dict[str, int]:
    return {number(each): 1 for each in range(people)}


def program(*words: object, terminal: int | None = None, columns: int = 80) -> subprocess.Popen[str]:
    """`ip1` in a process of its own, for signals; at a terminal it has that for everything but standard output."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "ip1_async", *map(str, words)],
        text=True, stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.PIPE if terminal is None else terminal,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "TERM": "xterm", "NO_COLOR": "1", "COLUMNS": str(columns)},
    )  # fmt: skip


def until(true: Callable[[], Any], *, seconds: float = 30.0) -> None:
    """Comes back when it is true."""
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "it did not come true"
        time.sleep(0.02)


class Keyboard(io.StringIO):
    """A terminal at which this is typed."""

    def isatty(self) -> bool:
        return True


# A plan


def test_a_plan_says_who_is_left_out_what_they_read_what_it_costs_and_what_to_do_next(
    local: Sandbox, ip1: Command, tmp_path: Path
) -> None:
    people, ledger = tmp_path / "people.csv", tmp_path / "spring.ledger"
    people.write_text("name;mobile\nAnn [x];070-123 45 67\nBo;+46701234567\n\nEve;nonsense\n;0701234568\n", "utf-8")
    code, out, err = ip1("plan", people, "--ledger", ledger, *TEXT, "--price", "0.4")
    assert code == 0
    assert "people.csv: 5 rows, 2 to text, 3 left out" in out
    assert re.search(r"1\s+duplicate\s+row 3", out)
    assert re.search(r"1\s+blank row\s+row 4", out)
    assert re.search(r"1\s+not a phone number\s+row 5", out)
    assert "row 2, 1 segment: Hi Ann [x]! Reply STOP to opt out." in out
    assert "1 have no value for {name}" in " ".join(out.split())
    assert "0.80 SEK" in out
    assert "1 batch, about 1 s to hand over" in out
    assert f"ip1 campaign run {ledger}" in err
    assert max(map(len, out.splitlines())) <= 80
    assert stat.S_IMODE(ledger.stat().st_mode) == 0o600


def test_a_plan_that_did_not_read_the_blacklist_says_so_and_why(
    local: Sandbox, ip1: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = table(tmp_path / "people.csv", 1)
    assert "blacklist" not in ip1("plan", people, "--ledger", tmp_path / "read", *TEXT)[2]
    _, _, err = ip1("plan", people, "--ledger", tmp_path / "offline", *TEXT, "--offline")
    assert "blacklist was not read, for --offline was given; it is read before anything is sent" in err
    monkeypatch.delenv("IP1_TOKEN")
    _, _, err = ip1("plan", people, "--ledger", tmp_path / "no-token", *TEXT)
    assert "blacklist was not read, for there is no IP1_TOKEN" in err


def test_people_come_from_standard_input_too(
    local: Sandbox, ip1: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table(tmp_path / "people.csv", 3)
    with (tmp_path / "people.csv").open(encoding="utf-8") as given:
        monkeypatch.setattr(sys, "stdin", given)
        code, out, _ = ip1("plan", "-", "--ledger", tmp_path / "ledger", *TEXT, "--json")
    plan = json.loads(out)
    assert (code, plan["kept"], plan["ledger"]) == (0, 3, str(tmp_path / "ledger"))


def test_people_get_the_text_that_is_named_in_their_row(local: Sandbox, ip1: Command, tmp_path: Path) -> None:
    people, ledger = tmp_path / "people.csv", tmp_path / "ledger"
    rows = [f"{lang},{number(each)}\n" for each, lang in enumerate(("sv", "en", "de"))]
    people.write_text("language,phone\n" + "".join(rows), "utf-8")
    texts = ("--text", "sv=Hej", "--text", "en=Hi = hello", "--text-by", "language")
    code, out, _ = ip1("plan", people, "--ledger", ledger, "--sender", "iP1", *texts, "--body", "Ciao")
    assert (code, "sv 1, en 1, --body 1" in out) == (0, True)
    assert ip1("run", ledger)[0] == 0
    assert [each.body for each in sorted(local.messages(), key=lambda each: each.recipient)] == [
        "Hej", "Hi = hello", "Ciao",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--body", "x", "--text", "sv"], "--text is not of the form NAME=WORDS"),
        (["--body", "x", "--text", "=x", "--text-by", "name"], "--text is not of the form NAME=WORDS"),
        (["--text", "sv=x", "--text", "sv=y", "--text-by", "name"], "--text gives sv twice"),
        (["--text", "sv=x"], "--text-by names the column"),
        (["--body", "x", "--text-by", "name"], "give them with --text NAME=TEXT"),
        (["--text", "sv=x", "--text-by", "lang"], "there is no column lang; the columns are name, phone"),
        (["--text", "sv=Hi {x}", "--text-by", "name"], "'sv'"),
        (["--body", "Hi {name}", "--default", "name"], "--default is not of the form NAME=WORDS"),
        (["--body", "Hi {name}", "--default", "nam=x"], "--default nam stands for nothing in the text, which has {name}"),
        (["--body", "Hi", "--default", "nam=x"], "which has no placeholder"),
        (["--body", "Hi {nam}"], "{nam} is no column"),
        (["--body", "x", "--window", "mon 25:00"], "window"),
        (["--body", "x", "--zone-by", "zone"], "there is no column zone"),
        (["--body", "x", "--to", "nope"], "no column 'nope'"),
        (["--body", "x", "--region", "Sweden"], "two letters of a country"),
        (["--body", "x", "--chunk", "0"], "chunk is out of range"),
        (["--body", "x", "--max-recipients", "1"], "--max-recipients is 1, and 2 would be texted"),
        (["--body", "x", "--price", "0.4", "--max-price", "0.5"], "--max-price is 0.50, and it would cost 0.80"),
        (["--body", "x", "--price", "-1"], "--price is below 0"),
        (["--body", "x", "--price", "cheap"], "--price"),
        (["--body", "x", "--opt-outs", "/nowhere"], "There is no file /nowhere"),
        (["--body", "x", "--delivery-report-url", "here"], "delivery_report_url is no absolute address"),
        (["--body", "x", "--sender", "far too long a name"], "sender"),
        ([], "there is no text; give one with --body"),
    ],
)  # fmt: skip
def test_a_plan_that_cannot_be_is_refused_by_name_and_leaves_nothing(
    words: list[str], said: str, ip1: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IP1_TOKEN", raising=False)
    ledger, people = tmp_path / "ledger", table(tmp_path / "people.csv", 2)
    sender = () if "--sender" in words else ("--sender", "iP1")
    code, out, err = ip1("plan", people, "--ledger", ledger, *sender, *words)
    assert (code, out) == (2, "")
    assert said in err
    assert not list(tmp_path.glob("ledger*"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "There is no file"),
        (b"", "The file is empty"),
        (b"\x00\x01\x02\xff\xfe" * 100, "not text"),
        (b"name,city\nAnn,Lund\n", "name, city"),
        (b"phone\nnobody\n\n", "there is nobody to text: 1 not a phone number, 1 blank row"),
    ],
)
def test_a_file_without_people_is_refused(
    content: bytes | None, said: str, ip1: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IP1_TOKEN", raising=False)
    people = tmp_path / "people.csv"
    if content is not None:
        people.write_bytes(content)
    code, out, err = ip1("plan", people, "--ledger", tmp_path / "ledger", "--sender", "iP1", "--body", "x")
    assert (code, out) == (2, "")
    assert said in err
    assert not list(tmp_path.glob("ledger*"))


def test_a_ledger_that_is_there_is_not_planned_into(planned: Callable[..., Path], ip1: Command, tmp_path: Path) -> None:
    ledger = planned(2)
    before = ledger.read_bytes()
    code, _, err = ip1("plan", tmp_path / "people.csv", "--ledger", ledger, *TEXT)
    assert (code, "is there already" in err, ledger.read_bytes()) == (2, True, before)


def test_a_plan_that_cannot_reach_the_provider_says_how_to_go_without(
    ip1: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IP1_TOKEN", "x")
    monkeypatch.setenv("IP1_BASE_URL", "http://127.0.0.1:9")
    code, _, err = ip1("plan", table(tmp_path / "people.csv", 1), "--ledger", tmp_path / "ledger", *TEXT)
    assert code == 4
    assert "--offline" in err
    assert not (tmp_path / "ledger").exists()


# Confirmation


def test_a_large_plan_without_a_terminal_wants_yes(local: Sandbox, ip1: Command, tmp_path: Path) -> None:
    people, ledger = table(tmp_path / "people.csv", 3), tmp_path / "ledger"
    asked = ("plan", people, "--ledger", ledger, *TEXT, "--confirm-over", "2")
    code, out, err = ip1(*asked)
    assert (code, out) == (2, "")
    assert "a plan of 3 people wants to be confirmed; say so with --yes" in err
    assert not ledger.exists()
    assert ip1(*asked, "--yes")[0] == 0
    assert ledger.exists()


@pytest.mark.parametrize(("typed", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1), ("", 1)])
def test_a_large_plan_is_shown_and_asked_about_once(
    typed: str, code: int, local: Sandbox, ip1: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people, ledger = table(tmp_path / "people.csv", 3), tmp_path / "ledger"
    monkeypatch.setattr(sys, "stdin", Keyboard(typed))
    got, out, err = ip1("plan", people, "--ledger", ledger, *TEXT, "--confirm-over", "2")
    assert got == code
    assert out.count("3 rows, 3 to text") == 1
    assert "Plan 3 messages into" in err
    assert ledger.exists() == (code == 0)
    assert ("Nothing was planned." in err) == (code == 1)


def test_a_plan_for_a_machine_that_is_confirmed_prints_nothing_but_json(
    local: Sandbox, ip1: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Keyboard("y\n"))
    people = table(tmp_path / "people.csv", 3)
    code, out, err = ip1("plan", people, "--ledger", tmp_path / "ledger", *TEXT, "--confirm-over", "2", "--json")
    assert (code, json.loads(out)["kept"], "3 rows, 3 to text" in err) == (0, 3, True)


# A run


@pytest.mark.parametrize("word", ["run", "resume"])
def test_everybody_gets_one_message_and_the_run_ends_with_0(
    word: str, planned: Callable[..., Path], local: Sandbox, ip1: Command
) -> None:
    ledger = planned(12)
    code, out, err = ip1(word, ledger)
    assert code == 0
    assert "people.csv" in out
    assert "done" in out
    assert re.search(r"12\s+accepted", out)
    assert f"ip1 campaign report {ledger}" in err
    assert received(local) == once(12)
    assert ip1(word, ledger)[0] == 0
    assert received(local) == once(12)


def test_the_status_for_machines_is_what_was_promised(
    planned: Callable[..., Path], local: Sandbox, ip1: Command, tmp_path: Path
) -> None:
    ledger = planned(12)
    found = status(ip1, ledger)
    assert {"state", "total", *COUNTS} <= set(found)
    assert (found["state"], found["pending"], found["total"]) == ("planned", 12, 12)
    local.fault("POST /v2/batches reset before times=1")
    assert ip1("run", ledger, *SOON)[0] == 3
    found = status(ip1, ledger)
    assert sum(found[name] for name in COUNTS) == found["total"] == 12
    assert (found["state"], found["accepted"], found["review"], found["unknown"]) == ("done", 7, 5, 0)


def test_the_status_for_people_says_what_to_do_next(planned: Callable[..., Path], ip1: Command) -> None:
    ledger = planned(3)
    code, out, err = ip1("status", ledger)
    assert (code, "planned" in out) == (0, True)
    assert err == f"Send it with: ip1 campaign run {ledger}\n"


def test_the_events_are_json_lines_that_end_with_the_status(
    planned: Callable[..., Path], local: Sandbox, ip1: Command
) -> None:
    ledger = planned(12)
    local.fault("POST /v2/batches reset after times=1")
    code, out, _ = ip1("run", ledger, *SOON, "--json")
    assert code == 0
    *events, ended = map(json.loads, out.splitlines())
    assert {each["event"] for each in events} == {"chunk"}
    assert Counter(each["state"] for each in events) == {"ACCEPTED": 3, "UNKNOWN": 1}
    assert sum(each["recipients"] for each in events if each["state"] == "ACCEPTED") == 12
    assert ended == {"event": "ended"} | status(ip1, ledger)
    assert ended["state"] == "done"
    assert received(local) == once(12)


def test_what_is_refused_of_everybody_pauses_with_the_reason_and_1(
    planned: Callable[..., Path], local: Sandbox, ip1: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = planned(12, "--sender", "Nobody", "--body", "Hi")
    code, out, err = ip1("run", ledger)
    assert code == 1
    assert "paused: the sender is not registered" in out
    assert f"Go on with: ip1 campaign run {ledger}" in err
    assert counts(ip1, ledger) == {"state": "paused", "pending": 12}
    monkeypatch.setenv("IP1_TOKEN", "wrong")
    code, out, err = ip1("run", ledger)
    assert (code, "401" in out + err, "Is IP1_TOKEN right" in err) == (1, True, True)
    assert not local.messages()


def test_no_connection_ends_with_4_and_nothing_is_sent(
    planned: Callable[..., Path], ip1: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = planned(3)
    monkeypatch.setenv("IP1_BASE_URL", "http://127.0.0.1:9")
    code, out, err = ip1("run", ledger)
    assert (code, out) == (4, "")
    assert "no connection could be made" in err
    assert counts(ip1, ledger)["pending"] == 3


def test_without_a_token_it_says_how_to_get_one(
    planned: Callable[..., Path], ip1: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = planned(3)
    monkeypatch.delenv("IP1_TOKEN")
    code, _, err = ip1("run", ledger)
    assert (code, "Set IP1_TOKEN, or start `ip1 sandbox`" in err) == (2, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--landing", "-1"], "landing is out of range"),
        (["--visibility", "0"], "visibility is out of range"),
        (["--deadline", "-1"], "deadline is out of range"),
        (["--concurrency", "0"], "concurrency is out of range"),
        (["--rate", "0"], "rate is out of range"),
        (["--on-absent", "forget"], "--on-absent"),
    ],
)
def test_terms_that_are_none_are_refused_before_anything_happens(
    words: list[str], said: str, planned: Callable[..., Path], local: Sandbox, ip1: Command
) -> None:
    ledger = planned(3)
    code, out, err = ip1("run", ledger, *words)
    assert (code, out) == (2, "")
    assert said in err
    assert counts(ip1, ledger) == {"state": "planned", "pending": 3}


@pytest.mark.parametrize(
    "words",
    [["run"], ["status"], ["status", "--json"], ["review"], ["report"], ["export"], ["purge", "--yes"]],
    ids=" ".join,
)
def test_what_is_no_ledger_is_refused(words: list[str], local: Sandbox, ip1: Command, tmp_path: Path) -> None:
    name, *options = words
    out = [tmp_path / "out.csv"] if name == "export" else []
    code, said, err = ip1(name, tmp_path / "none.ledger", *out, *options)
    assert (code, said) == (2, "")
    assert "`ip1 campaign plan` makes one" in err
    assert not (tmp_path / "none.ledger").exists()
    code, said, err = ip1(name, table(tmp_path / "people.csv", 100), *out, *options)
    assert (code, said) == (1, "")
    assert "no ledger" in err


def test_where_nobody_watches_a_line_is_written_now_and_then(
    planned: Callable[..., Path], ip1: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ip1_async.cli.campaign_run.EVERY_LINE", 0.05)
    code, out, err = ip1("run", planned(12, chunk=1), "--rate", "20")
    assert code == 0
    assert re.search(r"^\d+ of 12 accepted; \d+ waiting$", err, re.MULTILINE)
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", out + err)


@pytest.mark.parametrize("columns", [100, 60])
def test_in_a_terminal_a_bar_shows_how_far_it_is(columns: int, planned: Callable[..., Path], local: Sandbox) -> None:
    ledger = planned(40)
    local.fault("POST /v2/batches reset before times=2")
    ours, theirs = pty.openpty()
    with program("campaign", "run", ledger, *SOON, "--rate", "20", terminal=theirs, columns=columns) as process:
        os.close(theirs)
        shown = "".join(heard(ours))
    os.close(ours)
    assert process.returncode == 3
    lines = [re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", each) for each in re.split(r"[\r\n]+", shown)]
    # A command is to be copied, so that it is not broken.
    assert max(len(each) for each in lines if "ip1 campaign" not in each) <= columns
    bars = [each for each in lines if each.startswith("Sending")]
    assert any(re.search(r" 0/40 .*40 waiting", each) for each in bars)
    assert re.search(r"40/40 +\d+/s \d\d:\d\d 10 in review", bars[-1])
    words = " ".join(" ".join(lines).split())
    assert re.search(r"Chunk \d, 5 recipients: in doubt, the connection broke", words)
    assert "looked for in the provider's list for about 1 s; what is not there by then is left for you to" in words


def heard(end: int) -> Iterator[str]:
    """What is written to a terminal, until nobody has it open any more."""
    while True:
        ready, _, _ = select.select([end], [], [], 30)
        assert ready, "nothing is written, and nothing ends"
        try:
            said = os.read(end, 65536)
        except OSError:
            return
        if not said:
            return
        yield said.decode("utf-8", "replace")


def test_a_send_window_that_is_closed_is_waited_for_and_said(planned: Callable[..., Path], local: Sandbox) -> None:
    day = (datetime.now(UTC) + timedelta(days=3)).strftime("%a").lower()
    with program("campaign", "run", planned(3, "--window", f"{day} 09:00-10:00")) as run:
        assert run.stderr
        assert f"It is sent {day} 09:00-10:00 in the recipient's local time" in run.stderr.readline()
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=30)
    assert run.returncode == 130
    assert not local.messages()


# Signals


@contextmanager
def running(ledger: Path, *words: object) -> Generator[subprocess.Popen[str]]:
    """A slow run in a process of its own, that is over afterwards."""
    with program("campaign", "run", ledger, *words) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_cleanly_and_the_next_run_sends_the_rest_once(
    how: signal.Signals, planned: Callable[..., Path], local: Sandbox, ip1: Command
) -> None:
    ledger = planned(24, chunk=1)
    with running(ledger, "--rate", "8") as run:
        until(lambda: status(ip1, ledger)["accepted"] >= 3)
        run.send_signal(how)
        out, err = run.communicate(timeout=30)
    assert run.returncode == 130
    assert "Stopped: nothing is under way." in err
    assert f"Go on with: ip1 campaign run {ledger}" in err
    assert "Traceback" not in err
    assert "paused, not finished" in out
    stands = counts(ip1, ledger)
    assert stands == {"state": "paused", "accepted": stands["accepted"], "pending": 24 - stands["accepted"]}
    assert 3 <= stands["accepted"] < 24
    assert ip1("run", ledger)[0] == 0
    assert received(local) == once(24)


def test_ctrl_c_twice_cuts_it_off_and_the_next_run_finds_what_was_under_way(
    planned: Callable[..., Path], local: Sandbox, ip1: Command
) -> None:
    ledger = planned(12)
    local.fault("POST /v2/batches silence")
    with running(ledger) as run:
        until(lambda: received(local).total() == 12)
        run.send_signal(signal.SIGINT)
        assert run.stderr
        assert run.stderr.readline().startswith("Stopping: what is under way is brought to its end.")
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=30)
    assert run.returncode == 130
    assert "Cut off: what was under way is in doubt, and the next run looks for it first." in err
    assert "Traceback" not in err
    assert counts(ip1, ledger) == {"state": "paused", "unknown": 12}
    local.clear_faults()
    assert ip1("run", ledger, *SOON)[0] == 0
    assert received(local) == once(12)


def test_a_run_that_was_killed_is_gone_on_with(planned: Callable[..., Path], local: Sandbox, ip1: Command) -> None:
    ledger = planned(24, chunk=1)
    with running(ledger, "--rate", "10") as run:
        until(lambda: status(ip1, ledger)["accepted"] >= 3)
        run.kill()
        run.communicate(timeout=30)
    assert status(ip1, ledger)["state"] != "done"
    code, out, _ = ip1("run", ledger, *SOON)
    assert (code, "24  accepted" in out) == (0, True)
    assert received(local) == once(24)


def test_the_second_of_two_runs_says_who_has_the_campaign(
    planned: Callable[..., Path], local: Sandbox, ip1: Command
) -> None:
    ledger = planned(24, chunk=1)
    with running(ledger, "--rate", "5") as run:
        until(lambda: status(ip1, ledger)["accepted"] >= 1)
        code, out, err = ip1("run", ledger)
        assert (code, out) == (1, "")
        assert f"is run by process {run.pid}" in err
        found = status(ip1, ledger)
        assert found["state"] == "running"
        assert str(run.pid) in found["held_by"]
        assert f"running by process {run.pid}" in ip1("status", ledger)[1]
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=30)
    assert ip1("run", ledger)[0] == 0
    assert received(local) == once(24)


# Review


@pytest.fixture
def doubted(planned: Callable[..., Path], local: Sandbox, ip1: Command) -> Path:
    """A ledger of 12 people of which 5 are in review, in chunk 1, 2 or 3."""
    ledger = planned(12)
    local.fault("POST /v2/batches reset before times=1")
    code, out, err = ip1("run", ledger, *SOON, "--concurrency", "1")
    assert code == 3
    assert re.search(r"5\s+in review", out)
    assert "Chunk 1, 5 recipients: in doubt, the connection broke." in err
    assert "Chunk 1, 5 recipients: left to review, the provider does not list it." in err
    assert f"Decide what became of those in review: ip1 campaign review {ledger}" in err
    return ledger


def test_a_review_shows_what_is_known_and_how_to_decide(doubted: Path, ip1: Command) -> None:
    code, out, err = ip1("review", doubted)
    assert code == 3
    assert "Chunk 1, 5 recipients: the connection broke" in out
    assert re.search(r"mark +ip1a:[a-z2-7]{16}:1:1\n", out)
    assert f"ip1 campaign review {doubted} --accept 1" in err
    assert f"ip1 campaign review {doubted} --resend 1" in err
    code, out, err = ip1("review", doubted, "--json")
    facts = json.loads(out)
    assert (code, err) == (3, "")
    assert (facts["chunk"], facts["recipients"], facts["attempt"], facts["acknowledged"]) == (1, 5, 1, False)
    assert datetime.fromisoformat(facts["began"]) <= datetime.fromisoformat(facts["looked"])


def test_a_decision_that_is_none_is_refused_and_changes_nothing(doubted: Path, ip1: Command) -> None:
    before = counts(ip1, doubted)
    for line, said in {
        "--accept 2": "chunk 2 is not in review",
        "--resend 99": "chunk 99 is not in review",
        "--accept 1 --resend 1": "decide about one chunk at a time",
        "--accept x": "--accept",
        "--forget 1": "--forget",
        "accept 1": "nothing is expected where accept",
    }.items():
        code, out, err = ip1("review", doubted, *line.split())
        assert (code, out, said in err) == (2, "", True), line
    assert counts(ip1, doubted) == before


def test_a_chunk_that_is_accepted_counts_as_sent_and_is_not_sent(doubted: Path, local: Sandbox, ip1: Command) -> None:
    code, _, err = ip1("review", doubted, "--accept", "1")
    assert (code, "Chunk 1 counts as sent." in err, "Nothing is in review." in err) == (0, True, True)
    assert counts(ip1, doubted) == {"state": "done", "accepted": 12}
    before = received(local)
    assert ip1("run", doubted, *SOON)[0] == 0
    assert received(local) == before


def test_a_chunk_that_is_sent_again_goes_out_with_the_next_run(doubted: Path, local: Sandbox, ip1: Command) -> None:
    assert received(local).total() == 7
    code, _, err = ip1("review", doubted, "--resend", "1")
    assert (code, f"by the next run: ip1 campaign run {doubted}" in err) == (0, True)
    assert counts(ip1, doubted) == {"state": "paused", "accepted": 7, "pending": 5}
    assert ip1("run", doubted)[0] == 0
    assert received(local) == once(12)


def test_what_is_absent_is_sent_again_at_once_where_that_was_chosen(
    planned: Callable[..., Path], local: Sandbox, ip1: Command
) -> None:
    ledger = planned(12)
    local.fault("POST /v2/batches reset before times=1")
    code, _, err = ip1("run", ledger, *SOON, "--on-absent", "retry")
    assert (code, "what is not there by then is sent again." in err) == (0, True)
    assert received(local) == once(12)


# What became of it


def test_a_report_is_a_table_a_page_and_json(
    planned: Callable[..., Path], local: Sandbox, ip1: Command, tmp_path: Path
) -> None:
    ledger, page = planned(12), tmp_path / "spring.html"
    assert ip1("run", ledger)[0] == 0
    code, out, _ = ip1("report", ledger)
    assert code == 0
    assert "From the file to the phones" in out
    assert max(map(len, out.splitlines())) <= 80
    end, beginning = os.pipe()
    os.close(end)
    words = [sys.executable, "-m", "ip1_async", "campaign", "report", ledger, "--no-read"]
    done = subprocess.run(words, stdout=beginning, stderr=subprocess.PIPE, text=True, check=False)
    os.close(beginning)
    assert (done.returncode, done.stderr) == (0, ""), "who reads no more has had enough"
    code, out, err = ip1("report", ledger, "--html", page)
    assert (code, out, str(page) in err) == (0, "", True)
    written = page.read_text("utf-8")
    assert written.startswith("<!doctype html>")
    assert "<script" not in written
    assert "people.csv" in written
    code, out, err = ip1("report", ledger, "--json", "--no-read")
    facts = json.loads(out)
    assert (code, err, facts["accepted"], facts["total"], facts["state"]) == (0, "", 12, 12, "done")
    assert ip1("report", ledger, "--html", tmp_path / "none" / "page.html")[0] == 2
    code, _, err = ip1("report", ledger, "--webhooks", tmp_path / "none.db")
    assert (code, "there is no store of webhooks" in err) == (2, True)


def test_a_report_that_cannot_be_read_back_is_of_what_was_known_and_ends_with_4(
    planned: Callable[..., Path], local: Sandbox, ip1: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = planned(3)
    local.fault("GET /v2/batches 503")
    monkeypatch.setenv("IP1_TOKEN", "wrong")
    assert ip1("report", ledger)[0] == 0  # nothing was sent, so nothing is asked
    local.clear_faults()
    monkeypatch.setenv("IP1_TOKEN", local.token)
    assert ip1("run", ledger)[0] == 0
    monkeypatch.setenv("IP1_BASE_URL", "http://127.0.0.1:9")
    code, out, err = ip1("report", ledger, "--json")
    assert (code, json.loads(out)["accepted"]) == (4, 3)
    assert "the report is of what was known before" in err
    assert ip1("report", ledger, "--no-read")[0] == 0
    monkeypatch.setenv("IP1_BASE_URL", local.url)
    monkeypatch.setenv("IP1_TOKEN", "wrong")
    code, out, err = ip1("report", ledger)
    assert (code, "401" in err, "From the file to the phones" in out) == (1, True, True)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_every_row_is_exported_with_what_became_of_it(
    ending: str, planned: Callable[..., Path], local: Sandbox, ip1: Command, tmp_path: Path
) -> None:
    ledger, out = planned(3), tmp_path / f"out.{ending}"
    assert ip1("run", ledger)[0] == 0
    if ending == "parquet":
        pytest.importorskip("pyarrow.parquet")
    code, said, err = ip1("export", ledger, out)
    assert (code, said, f"3 rows are in {out}." in err) == (0, "", True)
    assert {(each["msisdn"], each["outcome"]) for each in _rows(out)} == {(number(i), "accepted") for i in range(3)}
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def _rows(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        parquet: Any = pytest.importorskip("pyarrow.parquet")
        return [each | {"msisdn": str(each["msisdn"])} for each in parquet.read_table(path).to_pylist()]
    if path.suffix == ".csv":
        return list(csv.DictReader(path.read_text("utf-8").splitlines()))
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_an_export_replaces_no_file_unasked_and_knows_its_endings(
    planned: Callable[..., Path], ip1: Command, tmp_path: Path
) -> None:
    ledger, out = planned(3), tmp_path / "out.csv"
    out.write_text("mine")
    code, _, err = ip1("export", ledger, out)
    assert (code, "is there already; --force replaces it" in err, out.read_text()) == (2, True, "mine")
    assert ip1("export", ledger, out, "--force")[0] == 0
    assert len(_rows(out)) == 3
    code, _, err = ip1("export", ledger, tmp_path / "out.xlsx")
    assert (code, ".csv, .jsonl" in err) == (2, True)


def test_a_purge_forgets_the_numbers_once_everything_is_decided(
    doubted: Path, local: Sandbox, ip1: Command, tmp_path: Path
) -> None:
    code, _, err = ip1("purge", doubted, "--yes")
    assert (code, "what became of 5 people has to be decided first" in err) == (2, True)
    assert ip1("review", doubted, "--resend", "1")[0] == 0
    code, _, err = ip1("purge", doubted, "--yes")
    assert (code, "purge it when it is done" in err) == (2, True)
    assert ip1("run", doubted)[0] == 0
    code, _, err = ip1("purge", doubted)
    assert (code, "say so with --yes" in err) == (2, True)
    assert number(1).encode() in _bytes(doubted)
    code, out, err = ip1("purge", doubted, "--yes")
    assert (code, out, "holds figures only" in err) == (0, "", True)
    assert number(1).encode() not in _bytes(doubted)
    assert counts(ip1, doubted) == {"state": "done", "accepted": 12}
    code, _, err = ip1("run", doubted)
    assert (code, "have been purged" in err) == (1, True)


def _bytes(ledger: Path) -> bytes:
    return b"".join(each.read_bytes() for each in ledger.parent.glob(f"{ledger.name}*"))


@pytest.mark.parametrize(("typed", "code"), [("yes\n", 0), ("n\n", 1), ("", 1)])
def test_a_purge_asks_first(
    typed: str, code: int, planned: Callable[..., Path], ip1: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = planned(3)
    assert ip1("run", ledger)[0] == 0
    monkeypatch.setattr(sys, "stdin", Keyboard(typed))
    got, _, err = ip1("purge", ledger)
    assert (got, "It cannot be undone. [y/N]" in err) == (code, True)
    assert status(ip1, ledger)["purged"] == (code == 0)


def test_no_number_stands_in_anything_that_is_shown(local: Sandbox, ip1: Command, tmp_path: Path) -> None:
    people, ledger, page = tmp_path / "people.csv", tmp_path / "ledger", tmp_path / "page.html"
    wrong = ["46701", "+999123456789", "4.6701E+10", "0701234x67", "46701234567890123"]
    spellings = ["070-123 45 67", "0046 70 222 33 44", "46703334455", "0703334455", *wrong]
    people.write_text("name,phone\n" + "".join(f"Ann,{each}\n" for each in spellings), "utf-8")
    local.fault("POST /v2/batches reset before times=1")
    shown = [
        "".join(map(str, ip1(*words)))
        for words in (
            ("plan", people, "--ledger", ledger, *TEXT, "--chunk", "1"),
            ("run", ledger, *SOON, "--json"),
            ("status", ledger),
            ("status", ledger, "--json"),
            ("review", ledger),
            ("review", ledger, "--json"),
            ("report", ledger, "--html", page),
            ("report", ledger),
            ("report", ledger, "--json"),
            ("review", ledger, "--resend", "1"),
            ("run", ledger),
            ("plan", people, "--ledger", ledger, *TEXT),
        )
    ]
    everything = "\n".join([*shown, page.read_text("utf-8")])
    assert received(local) == {"46701234567": 1, "46702223344": 1, "46703334455": 1}
    digits = ["701234567", "702223344", "703334455", "701234"]
    for each in [*spellings, *digits]:
        assert each not in everything, each


@pytest.mark.parametrize("name", ["plan", "run", "resume", "status", "review", "report", "export", "purge"])
def test_every_command_has_a_help_that_fits(name: str, local: Sandbox, ip1: Command) -> None:
    code, out, _ = ip1(name, "--help")
    assert code == 0
    assert f"ip1 campaign {name}" in out
    assert max(map(len, out.splitlines())) <= 80
    assert name in ip1("--help")[1]


# The demo


def test_the_demo_ends_by_offering_the_report(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setenv("COLUMNS", "60")
    people, ledger = table(tmp_path / "people.csv", 3), tmp_path / "my demo.ledger"
    monkeypatch.setattr(sys, "stdin", Keyboard("y\n"))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    code, out, err = command("demo", str(people), "--ledger", str(ledger))
    page = ledger.with_suffix(".html")
    assert code == 0
    assert f"The report as a page: {page}" in out
    assert f"ip1 campaign status '{ledger}'" in out
    assert "3 of 3 messages have a final status" in out
    assert "Open the report in a browser? [y/N]" in err
    assert opened == [page.as_uri()]
    assert page.read_text("utf-8").startswith("<!doctype html>")
    code, out, _ = command("campaign", "status", str(ledger), "--json")
    assert (code, json.loads(out)["state"], json.loads(out)["accepted"]) == (0, "done", 3)


def test_a_demo_that_is_refused_says_why(command: Command, tmp_path: Path) -> None:
    people = table(tmp_path / "people.csv", 3)
    code, out, err = command("demo", str(people), "--sender", "Nobody")
    assert code == 1
    assert "The campaign is paused: the sender is not registered" in err
    assert "have a final status" not in out
    code, out, _ = command("demo", str(people), "--sender", "Nobody", "--json")
    facts = json.loads(out)
    assert (code, facts["accepted"], len(facts["refused"])) == (1, 0, 1)
