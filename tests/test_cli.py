"""The command line: every row of the table, exit codes by their real causes, output for people and for machines."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ip1_async.__main__ import main
from ip1_async.api import TABLES
from ip1_async.client import Client, Mount
from ip1_async.sandbox import Sandbox

pytest.importorskip("cyclopts", reason="the command line needs the extra cli")


@pytest.fixture
def ip1(command: Callable[..., tuple[int, str, str]]) -> Callable[..., tuple[int, str, str]]:
    """As it is typed."""
    return command


def commands() -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, mount in vars(Client).items():
        if isinstance(mount, Mount):
            for row_name, row in mount.table.rows.items():
                group = (name.replace("_", "-"),)
                if row.method:
                    found.append((*group, row_name.replace("_", "-")))
                else:
                    found += [(*group, row_name, each) for each in row.returns.rows]
    return found


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_row_has_a_command_with_a_help_that_says_what_it_does(words: tuple[str, ...], ip1: Any) -> None:
    code, out, _ = ip1(*words, "--help")
    assert code == 0
    assert "/v2/" in out or "/api/" in out
    assert "--json" in out
    first = out.split("\n\n")[1].strip()
    assert len(first) > 10
    assert not first.startswith(("GET", "POST", "PUT", "PATCH", "DELETE"))


def test_no_row_is_without_a_command() -> None:
    assert len(commands()) == sum(bool(row.method) for table in TABLES for row in table.rows.values())


def test_a_batch_is_sent_listed_and_read(local: Sandbox, ip1: Any) -> None:
    code, out, _ = ip1(
        "send", "070-123 45 67", "+46 70 111 14 05", "--sender", "iP1", "--body", "Hello [bold]", "--json"
    )
    assert code == 0
    batch = json.loads(out)
    code, out, _ = ip1("batches", "list", "--order", "DESC", "--limit", "20", "--json")
    assert [json.loads(line)["id"] for line in out.splitlines()] == [batch["id"]]
    code, out, _ = ip1("batches", "messages", batch["id"])
    assert code == 0
    assert "46701234567" in out
    assert "Hello" in out
    assert max(map(len, out.splitlines())) <= 80
    code, out, _ = ip1("batches", "get", batch["id"], "--json")
    assert json.loads(out)["body"] == "Hello [bold]"


def test_every_kind_of_option_reaches_the_api(local: Sandbox, ip1: Any, tmp_path: Path) -> None:
    people = tmp_path / "people.json"
    people.write_text(
        '[{"properties": {"phoneNumber": "+46700000001"}, "labels": ["vip"]}, {"properties": {"a": "b"}}]'
    )
    code, out, _ = ip1("contacts", "create", "--data", f"@{people}", "--sync", "--json")
    first = json.loads(out)[0]
    assert code == 0
    assert (
        ip1(
            "contacts",
            "update",
            first["id"],
            "--properties",
            "firstName=Ann=e",
            "--properties",
            "phoneNumber",
            "--labels",
            "x",
            "--labels",
            "y",
        )[0]
        == 0
    )
    _, out, _ = ip1("contacts", "list", "--properties", "firstName=Ann=e", "--labels", "x", "--meta", "--json")
    found = json.loads(out)
    assert (found["properties"], found["labels"]) == ({"firstName": "Ann=e"}, ["x", "y"])
    assert (
        ip1(
            "batches",
            "send",
            "--data",
            '{"sender": "iP1", "recipients": {"46700000001": {"n": "A"}}, "body": "Hi"}',
            "--body",
            "Hi {n}",
            "--priority",
            "2",
        )[0]
        == 0
    )
    _, out, _ = ip1("batches", "list", "--json")
    assert (json.loads(out)["body"], json.loads(out)["priority"], json.loads(out)["templated"]) == ("Hi {n}", 2, True)
    windows = '[{"opens": "2099-01-01T00:00:00Z"}]'
    _, out, _ = ip1(
        "batches",
        "send",
        "--sender",
        "iP1",
        "--recipients",
        "46700000001",
        "--recipients",
        "46700000002",
        "--body",
        "x",
        "--delivery-windows",
        windows,
        "--json",
    )
    assert json.loads(out)["deliveryWindows"][0]["opens"] == "2099-01-01T00:00:00Z"
    assert ip1("batches", "cancel", json.loads(out)["id"])[0] == 0
    _, out, _ = ip1("landing-pages", "create", "--name", "Spring", "--json")
    page = json.loads(out)["id"]
    assert (
        ip1("landing-pages", "elements", "create", page, "--type", "Title", "--content", "Hi", "--level", "1")[0] == 0
    )
    assert "Title" in ip1("landing-pages", "elements", "list", page)[1]
    assert ip1("contacts", "delete-matching", "--everything", "--json")[0] == 0
    assert ip1("contacts", "list") == (0, "", "Nothing there.\n")


def test_the_limit_is_the_number_of_rows_shown_and_the_cursor_goes_on(local: Sandbox, ip1: Any) -> None:
    for number in range(5):
        assert ip1("blacklist", "add", f"4670000000{number}")[0] == 0
    code, out, err = ip1("blacklist", "list", "--limit", "3", "--json")
    assert (code, len(out.splitlines())) == (0, 3)
    cursor = err.split("--cursor ")[1].split(",")[0]
    _, out, err = ip1("blacklist", "list", "--cursor", cursor, "--json")
    assert [json.loads(line)["msisdn"] for line in out.splitlines()] == ["46700000003", "46700000004"]
    assert err == ""
    assert len(ip1("blacklist", "list", "--limit", "0", "--json")[1].splitlines()) == 5


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["batches", "send", "--sender", "a" * 12, "--recipients", "46700000001", "--body", "x"], "sender is 12 characters long"),
        (["batches", "send", "--sender", "iP1"], "--recipients, --body or --data"),
        (["batches", "send", "--data", "{"], "--data is not valid JSON"),
        (["batches", "send", "--data", "@/nowhere/at/all"], "/nowhere/at/all: No such file"),
        (["batches", "send", "--data", '{"sender": 5}'], "NewBatch.sender: a text was promised"),
        (["batches", "get", "a/b"], "slash"),
        (["batches", "list", "--limit", "x"], "--limit"),
        (["batches", "list", "--cursor", "x"], "cursor is none of ours"),
        (["batches", "bogus"], "bogus"),
        (["batches", "get"], "BATCH"),
        (["contacts", "delete-matching"], "no filter was given"),
        (["send", "--sender", "iP1", "--body", "x"], "no number"),
        (["send", "12", "--sender", "iP1", "--body", "x"], "number 1 of 1 is wrong: too short"),
        (["demo", "/nowhere.csv"], "nowhere.csv"),
        (["demo", "--body", " "], "the text is empty or nothing but white space"),
        (["sandbox", "--port", "99999"], "--port is a number from 0 to 65535"),
        (["sandbox", "--speed", "-1"], "speed is a number from 0"),
        (["sandbox", "--fault", "explode"], "a fault has no word explode"),
        (["contacts", "create", "--data", '[{"properties": {}}, {"properties": {}, "phone": "46"}]'],
         "--data[1] has a phone, which is not known; known are properties, labels"),
        (["contacts", "create", "--data", '[{"labels": []}]'], '--data[0] does not fit, it lacks properties; it is written {"properties"'),
        (["batches", "send", "--data", '{"sender": "iP1", "recipient": ["46"], "body": "x"}'], "--data has a recipient"),
        (["demo", "--body", "Hi {nobody}"], "{nobody} is no column"),
    ],
)  # fmt: skip
def test_wrong_input_ends_with_2_and_one_clear_line(argv: list[str], said: str, local: Sandbox, ip1: Any) -> None:
    code, out, err = ip1(*argv)
    assert (code, out) == (2, "")
    assert said in err
    assert err.startswith("ip1: ")
    assert "Traceback" not in err


def test_without_a_token_it_says_how_to_get_one(ip1: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IP1_TOKEN", raising=False)
    code, _, err = ip1("account", "overview")
    assert code == 2
    assert "ip1 sandbox" in err


def test_what_the_server_refuses_ends_with_1_and_its_words(
    local: Sandbox, ip1: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = ip1("batches", "send", "--sender", "Nobody", "--recipients", "46700000001", "--body", "x")
    assert code == 1
    assert "not registered" in err
    assert ip1("batches", "get", "nope")[0] == 1
    monkeypatch.setenv("IP1_TOKEN", "wrong")
    code, _, err = ip1("account", "overview")
    assert code == 1
    assert "Check IP1_TOKEN" in err


def test_no_connection_ends_with_4(ip1: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IP1_TOKEN", "x")
    monkeypatch.setenv("IP1_BASE_URL", "http://127.0.0.1:9")
    code, _, err = ip1("account", "overview")
    assert code == 4
    assert "Nothing was sent" in err


def test_an_unknown_outcome_ends_with_3_and_the_reference(ip1: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def accept_and_close() -> None:
            connection, _ = server.accept()
            connection.recv(65536)
            connection.close()

        thread = threading.Thread(target=accept_and_close)
        thread.start()
        monkeypatch.setenv("IP1_TOKEN", "x")
        monkeypatch.setenv("IP1_BASE_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        code, _, err = ip1("send", "0701234567", "--sender", "iP1", "--body", "x", "--reference", "order-17")
        thread.join()
    assert code == 3
    assert "order-17" in err


def test_a_text_is_measured_for_people_and_machines(ip1: Any) -> None:
    code, out, _ = ip1("text", "Hello – you")
    assert code == 0
    assert "UCS-2" in out
    assert "U+2013 en dash" in out
    facts = json.loads(ip1("text", "x" * 161, "--json")[1])
    assert (facts["encoding"], facts["segments"], facts["units"]) == ("gsm", 2, 161)


def test_a_text_may_come_by_standard_input_or_begin_with_a_hyphen(ip1: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("x" * 161 + "\n"))
    assert json.loads(ip1("text", "-", "--json")[1])["segments"] == 2
    assert json.loads(ip1("text", "-5 today", "--json")[1])["units"] == 8
    assert json.loads(ip1("text", "--json", "- a list")[1])["units"] == 8


@pytest.mark.parametrize("typed", [("--jsno",), ("--jsno", "Hello"), ("Hello", "--jsno"), ("--jsno=1", "- a list")])
def test_a_text_is_not_what_looks_like_an_option_unless_it_stands_behind_two_hyphens(
    typed: tuple[str, ...], ip1: Any
) -> None:
    code, out, err = ip1("text", *typed)
    assert (code, out, "nknown option" in err, "--jsno" in err) == (2, "", True, True)
    assert json.loads(ip1("text", "--json", "--", typed[0])[1])["units"] == len(typed[0])


def test_ctrl_c_while_everything_is_imported_ends_quietly_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted:
        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            if name == "ip1_async.cli.main":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "ip1_async.cli.main", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupted(), *sys.meta_path])
    assert main() == 130


def test_the_demo_texts_everybody_reads_them_back_and_says_who_was_left_out(tmp_path: Path, ip1: Any) -> None:
    people = tmp_path / "people.csv"
    people.write_text(
        "name;mobile\nAnn;070-123 45 67\nBo;+46 70 123 45 67\nŁukasz;0701234568\nEve;nonsense\nJan;46701111405\n",
        "utf-8",
    )
    code, out, _ = ip1("demo", str(people), "--body", "Hi {name}", "--json", "--batch-size", "2")
    facts = json.loads(out)
    assert code == 0
    assert facts["dropped"] == [{"row": 3, "reason": "duplicate of row 2"}, {"row": 5, "reason": "not a phone number"}]
    assert (facts["rows"], facts["accepted"], facts["final"], len(facts["batches"])) == (5, 3, 3, 2)
    assert facts["statuses"] == {"201": 2, "405": 1}
    assert facts["segments"] == 3
    code, out, _ = ip1("demo", str(people), "--body", "Hi {name}")
    assert code == 0
    assert "3 of 3 messages have a final status" in out
    assert "duplicate" in out
    assert max(map(len, out.splitlines())) <= 80


def program(*argv: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "ip1_async", *argv],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "80"}, **options,
    )  # fmt: skip


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_sandbox_says_where_it_is_and_stops_cleanly(how: signal.Signals, tmp_path: Path) -> None:
    with program("sandbox", "--port", "0", "--token", "secret", "--db", str(tmp_path / "ip1.db")) as server:
        assert server.stdout
        lines = [server.stdout.readline() for _ in range(2)]
        assert lines[0].startswith("IP1_BASE_URL=http://127.0.0.1:")
        assert lines[1] == "IP1_TOKEN=secret\n"
        port = lines[0].strip().rpartition(":")[2]
        with program("sandbox", "--port", port) as second:
            assert "cannot be used" in second.communicate(timeout=60)[1]
            assert second.returncode == 1
        server.send_signal(how)
        _, err = server.communicate(timeout=60)
    assert server.returncode == 0
    assert "Traceback" not in err


def test_an_interrupted_demo_says_how_far_it_came(tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    # The last three digits let the message stall, so that the demo waits for it.
    people.write_text("name,phone\nAnn,46701234110\n")
    with program("demo", str(people), "--body", "Hi {name}") as demo:
        assert demo.stderr
        assert "Messages accepted: 1" in demo.stderr.readline()
        demo.send_signal(signal.SIGINT)
        _, err = demo.communicate(timeout=60)
    assert demo.returncode == 130
    assert "Stopped. Of 1 messages that were accepted 0 had a final status" in err
    assert "Traceback" not in err


def test_a_reader_that_has_had_enough_ends_the_output_quietly(local: Sandbox) -> None:
    with program("batches", "list", "--help") as writer:
        assert writer.stdout
        writer.stdout.close()
        assert writer.stderr
        assert writer.stderr.read() == ""


def test_help_and_version_are_there(ip1: Any) -> None:
    code, out, _ = ip1("--help")
    assert code == 0
    for word in ("demo", "send", "sandbox", "text", "batches", "landing-pages"):
        assert word in out
    assert ip1()[1] == out
    assert ip1("--version")[1].strip()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nonsense", "See `ip1 --help`."),
        ("batches nonsense x", "See `ip1 batches --help`."),
        ("text a b", "nothing is expected where b stands"),
        ("text a -5", "nothing is expected where -5 stands"),
    ],
)
def test_a_wrong_word_is_named_with_where_to_look(ip1: Any, line: str, said: str) -> None:
    code, out, err = ip1(*line.split())
    assert (code, out) == (2, "")
    assert said in err


def test_a_complaint_is_broken_between_words_and_at_a_terminal_only(ip1: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    ledger = "/srv/" + "campaigns-of-this-year/" * 4 + "spring.ledger"
    words = f"there is no ledger {ledger}; `ip1 campaign plan` makes one"
    assert ip1("campaign", "status", ledger)[2] == f"ip1: {words}\n"
    # What makes it write as it does to a terminal.
    monkeypatch.setenv("FORCE_COLOR", "1")
    err = ip1("campaign", "status", ledger)[2]
    first, *others = err.splitlines()
    assert [first, others[0]] == ["ip1: there is no ledger", f"     {ledger};"]
    assert " ".join(err.split()) == f"ip1: {words}"
    monkeypatch.delenv("IP1_TOKEN", raising=False)
    advice = ip1("batches", "list")[2].splitlines()[-2:]
    assert advice == ["     Set IP1_TOKEN, or start `ip1 sandbox` and use what it", "     prints."]


# Webhooks in a terminal

SECRET = "0123456789abcdef"
REPORT = {
    "messageId": "m", "batchId": "b", "recipient": "46700000001", "code": 201, "duration": 1, "reference": "[red]order",
    "created": "2026-01-02T08:00:05Z",
}  # fmt: skip
INCOMING = {"id": "i", "batchId": "b", "sender": "46700000002", "recipient": "iP1", "body": "STOP"}


async def posted(url: str, *bodies: Any) -> list[int]:
    async with aiohttp.ClientSession() as session:
        return [(await session.post(url, json=body)).status for body in bodies]


def test_events_are_shown_once_forwarded_and_recorded_and_can_be_replayed(
    tmp_path: Path, ip1: Callable[..., tuple[int, str, str]]
) -> None:
    record = tmp_path / "events.jsonl"
    with program("listen", "--port", "0", "--secret", SECRET) as behind:
        assert behind.stderr
        assert behind.stdout
        forward = behind.stderr.readline().strip().rpartition(" ")[2]
        with program("listen", "--port", "0", "--json", "--record", str(record), "--forward", forward) as front:
            assert front.stderr
            assert front.stdout
            url = front.stderr.readline().strip().rpartition(" ")[2]
            statuses = asyncio.run(posted(url, REPORT, REPORT, INCOMING, {"hello": 1}))
            shown = [json.loads(front.stdout.readline()) for _ in range(2)]
            lines = sorted(behind.stdout.readline() for _ in range(2))
            front.send_signal(signal.SIGINT)
            told = front.communicate(timeout=60)[1]
        again = ip1("webhooks", "replay", str(record), "--to", forward)
        nowhere = ip1("webhooks", "replay", str(record), "--to", forward + "x")
        behind.send_signal(signal.SIGTERM)
        behind.communicate(timeout=60)
    assert statuses == [200, 200, 200, 400]
    assert sorted(each["recipient"] for each in shown) == ["46700000001", "iP1"]
    assert "46700000002 → iP1 STOP  STOP" in lines[1]
    assert "46700000001  201 DeliveredToHandset  [red]order" in lines[0]
    assert (front.returncode, "2 events, 1 repetitions, 1 turned away" in told) == (0, True)
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert (again[0], "2 events posted: 2 answered with 200" in again[2]) == (0, True)
    assert (nowhere[0], "2 answered with 404" in nowhere[2]) == (1, True)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["listen", "--port", "-1"], "--port is a number"),
        (["listen", "--secret", "short"], "secret is not at least 16"),
        (["listen", "--forward", "ftp://x"], "begins with http"),
        (["webhooks", "replay", "missing.jsonl", "--to", "http://127.0.0.1:1"], "missing.jsonl"),
        (["webhooks", "replay", "pyproject.toml", "--to", "http://127.0.0.1:1"], "line 1 is no recorded event"),
    ],
)
def test_what_cannot_be_listened_to_or_replayed_is_said(
    ip1: Callable[..., tuple[int, str, str]], argv: list[str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).resolve().parents[1])
    code, _, err = ip1(*argv)
    assert (code, words in err) == (2, True), err
