"""The sandbox: whatever a message does to the child that reads it, it costs that message only."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from channels import email, reader
from channels.sandbox import Sandbox, Unreadable
from intake.messages import Message

GOOD = b"From: ada@example.com\r\nSubject: hello\r\n\r\nIt stops.\r\n"


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(faults=True, cpu_seconds=1, wall_seconds=10, memory_bytes=256 << 20) as box:
        yield box


@pytest.fixture
def fair() -> Iterator[Sandbox]:
    """A sandbox as the desk uses it, with the limits that hold there."""
    with Sandbox() as box:
        yield box


def test_a_message_comes_back_as_the_parser_gave_it(fair: Sandbox):
    envelope = {"mail_from": "ada@example.com", "rcpt_to": ["support@contoso.example"]}

    assert fair.parse("email", GOOD, envelope) == email.parse(GOOD, envelope)
    assert fair.part("email", GOOD, 0) == ("text/plain", b"It stops.\r\n")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("segfault", "crashed (SIGSEGV)"),
        ("memory", "more memory"),
        ("loop", "more processor time"),
        ("exit", "ended with status 3"),
    ],
)
def test_a_fault_costs_the_message_that_made_it(box: Sandbox, fault: str, reason: str):
    items = [("email", GOOD, {}), ("email", GOOD, {"fault": fault})] + [("email", GOOD, {})] * 3

    before, hit, *after = box.parse_all(items)

    assert isinstance(hit, Unreadable)
    assert reason in str(hit)
    for neighbour in (before, *after):
        assert isinstance(neighbour, Message)
        assert neighbour.text.strip() == "It stops."


def test_a_child_that_only_waits_is_killed():
    with Sandbox(faults=True, wall_seconds=0.5) as box:
        hit, after = box.parse_all([("email", GOOD, {"fault": "sleep"}), ("email", GOOD, {})])

    assert isinstance(hit, Unreadable)
    assert "longer than 0.5 s" in str(hit)
    assert isinstance(after, Message)


def test_an_envelope_cannot_ask_for_a_fault_outside_tests(fair: Sandbox):
    assert fair.parse("email", GOOD, {"fault": "segfault"}).subject == "hello"


def test_a_library_that_prints_does_not_confuse_the_answers(box: Sandbox):
    assert box.parse("email", GOOD, {"fault": "print"}).subject == "hello"


def test_what_a_parser_raises_is_the_reason(fair: Sandbox):
    with pytest.raises(Unreadable, match=r"IndexError: the mail has no part 7 \(parser.py:\d+\)"):
        fair.part("email", GOOD, 7)
    with pytest.raises(Unreadable, match="KeyError: 'pigeon'"):
        fair.parse("pigeon", GOOD, {})


def test_a_large_message_and_a_large_file_pass_through_the_pipes(fair: Sandbox):
    content = bytes(range(256)) * (8 << 10)
    raw = b"From: ada@example.com\nContent-Type: application/x-tape; name=tape\n\n" + content

    messages = fair.parse_all([("email", raw, {}), ("email", GOOD, {}), ("email", raw, {})])

    assert [len(m.attachments) for m in messages if isinstance(m, Message)] == [1, 0, 1]
    assert fair.part("email", raw, 0) == ("application/x-tape", content)


def test_threads_share_one_child_without_mixing_their_messages(fair: Sandbox):
    raws = [b"From: ada@example.com\nSubject: %d\n\n%d" % (n, n) for n in range(200)]

    with ThreadPoolExecutor(8) as threads:
        messages = list(threads.map(lambda raw: fair.parse("email", raw, {}), raws))

    assert [message.subject for message in messages] == [str(n) for n in range(200)]


def test_a_child_is_replaced_after_a_number_of_messages(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reader, "MESSAGES_PER_CHILD", 3)
    started: list[object] = []
    start = subprocess.Popen

    def counted(*args: object, **options: object) -> subprocess.Popen[bytes]:
        process = start(*args, **options)  # type: ignore[call-overload]
        started.append(process)
        return process  # type: ignore[no-any-return]

    monkeypatch.setattr(subprocess, "Popen", counted)
    with Sandbox() as box:
        messages = box.parse_all([("email", GOOD, {})] * 8)

    assert all(isinstance(message, Message) for message in messages)
    assert len(started) == 3


def test_a_reader_that_does_not_start_is_no_fault_of_a_message(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reader, "_START", "import no_such_module  # {root} {limits}")

    with Sandbox() as box, pytest.raises(RuntimeError, match="no_such_module"):
        box.parse("email", GOOD, {})


def test_a_child_that_was_killed_while_idle_costs_nothing(fair: Sandbox):
    fair.parse("email", GOOD, {})
    process = fair._idle[0]._process
    process.kill()
    process.wait()

    assert fair.parse("email", GOOD, {}).subject == "hello"


def test_a_closed_sandbox_leaves_no_child_behind():
    box = Sandbox()
    box.parse("email", GOOD, {})
    (child,) = box._idle

    box.close()

    assert child._process.returncode is not None


def in_a_child(program: str) -> str:
    """What a program prints that runs confined, as the readers do."""
    confined = (
        "import sys; sys.path.insert(0, sys.argv[1]); from channels import confined\n"
        f"confined._renounce({512 << 20})\n"
    )
    root = str(Path(__file__).parents[1])
    command = [sys.executable, "-I", "-c", confined + program, root]
    return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.strip()


def test_a_child_loads_no_database_web_framework_or_network_library():
    program = (
        "from channels import channel; channel('email').parse(b'From: a@b.c\\n\\nhi', {})\n"
        "heavy = {'sqlalchemy', 'starlette', 'strawberry', 'aiosmtpd', 'slack_sdk', 'smtplib',\n"
        "  'httpx', 'httpx2', 'asyncio', 'ssl', 'lxml', 'inscriptis', 'charset_normalizer'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )

    assert in_a_child(program) == "[]"


def test_a_child_cannot_write_a_file(tmp_path: Path):
    target = tmp_path / "file"
    program = (
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"try:\n  open({str(target)!r}, 'wb', buffering=0).write(b'x')\n"
        "except OSError as error: print(type(error).__name__)"
    )

    assert in_a_child(program) == "OSError"
    assert not target.exists() or target.read_bytes() == b""


def test_a_child_cannot_reach_the_network():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        program = (
            "import socket\n"
            f"try: socket.create_connection({address!r}, 5); print('reached')\n"
            "except OSError: print('refused')"
        )
        answer = in_a_child(program)

    if answer == "reached":
        pytest.skip("this system does not let a process leave the network")
    assert answer == "refused"


def test_a_child_inherits_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("DESKBELL_SECRET", "hush")

    with Sandbox() as box:
        box.parse("email", GOOD, {})
        environment = Path(f"/proc/{box._idle[0]._process.pid}/environ")
        if not environment.exists():
            pytest.skip("this system does not show the environment of a process")
        seen = environment.read_bytes()

    assert b"hush" not in seen


HOSTILE = {
    "20,000 encoded words": b"From: a@b.co\nSubject: " + b"=?utf-8?q?abcdefg?= " * 20_000,
    "20,000 encoded words, folded": b"From: a@b.co\nSubject: " + b"=?utf-8?q?abc?=\n " * 20_000,
    "50,000 parentheses": b"From: " + b"(" * 50_000,
    "25,000 escaped quotes": b"From: " + b'"\\' * 25_000,
    "40,000 addresses": b"From: a@b.co\nTo: " + b"a b <c@example.com>, " * 40_000,
    "40,000 references": b"From: a@b.co\nReferences: " + b"<c@example.com>\n " * 40_000,
    "5,000 parameters": b"From: a@b.co\nContent-Type: text/plain" + b"; a*1=b" * 5_000,
    "300,000 fields": b"a:b\n" * 300_000,
    "30,000 levels": b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n) for n in range(30_000)
    ),
    "30,000 mails in mails": b"Content-Type: message/rfc822\n\n" * 30_000,
    "100,000 parts": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n" * 100_000,
    "a boundary of 100,000": b"Content-Type: multipart/mixed; boundary=%b\n\n--%b\n\nhi"
    % (b"b" * 100_000, b"b" * 100_000),
    "1,000,000 delimiters": b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\n"
    + b"--\n" * 1_000_000,
    "2,000,000 blank lines": b"From: a@b.co\n" + b"\n" * 2_000_000,
    "12 MB of base64": b"Content-Transfer-Encoding: base64\n\n" + (b"QUFB" * 19 + b"\n") * 160_000,
}
for _name, _unit in {
    "On": b"On ", "lines": b"\n", "spaces": b" ", "quotes": b"> ", "signatures": b"-- \n",
    "labels": b"From: a\n", "advertisements": b"Sent from ", "attributions": b"1 12:30 a@b.c:\n",
    "rules": b"_" * 30 + b"\n", "titles": b"--- abc", "wrapped": b"x" * 70 + b"\n",
}.items():  # fmt: skip
    HOSTILE[f"1 MB of {_name}"] = b"From: a@b.co\n\n" + _unit * (1_000_000 // len(_unit))
for _name, _unit in {
    "divs": b"<div>", "tables": b"<table><tr><td>", "brackets": b"<", "comments": b"<!--",
    "scripts": b"<script></script>", "tags": b"<a ", "quotes": b"<blockquote>", "list": b"<li>x",
}.items():  # fmt: skip
    HOSTILE[f"1 MB of HTML {_name}"] = b"Content-Type: text/html\n\n" + _unit * (
        1_000_000 // len(_unit)
    )


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_mail_is_read_within_two_seconds_and_256_mb(box: Sandbox, raw: bytes):
    message = box.parse("email", raw, {})

    assert message.channel == "email"
    assert len(message.text) <= 1 << 20
    assert len(message.attachments) <= 1_000
