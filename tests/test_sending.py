"""What goes out by mail: the bytes, and what becomes of them at a mail server of every mood."""

from __future__ import annotations

import asyncio
import email
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from channels import Never, NotNow, Sent
from channels.email import composing, sending
from channels.email.automatic import LOOP_FIELD
from channels.email.composing import Unsendable, compose
from intake.messages import Outgoing
from tests.certificates import Certificate, certificate_for

AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
FIELDS = [
    *("Date", "From", "Reply-To", "To", "Subject", "Message-ID", "In-Reply-To", "References"),
    *("MIME-Version", "Content-Type", "Content-Transfer-Encoding"),
]
REPLY = Outgoing(
    message_id="m1@desk.test",
    from_address="support@desk.test",
    from_name="Grace (Contoso)",
    to=("ada@example.com",),
    reply_to="support+c12.k3j2@desk.test",
    subject="Re: The printer",
    text="Hello Ada,\n\nplease try again.\n",
    in_reply_to="q1@example.com",
    references=("q0@example.com", "q1@example.com"),
)
ACKNOWLEDGEMENT = replace(REPLY, from_name="Contoso", references=(), automatic=True)


@dataclass(frozen=True)
class Promised:
    """A promise as the dispatcher hands it over."""

    payload: dict[str, Any]
    target: str = "ada@example.com"
    id: UUID = field(default_factory=uuid4)
    kind: str = "reply"
    attempts: int = 1
    promised_at: datetime = AT


def promised(outgoing: Outgoing, **changes: Any) -> Any:
    return Promised(outgoing.as_json(), **changes)


def read(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=policy.default)  # type: ignore[return-value]


def text_of(raw: bytes) -> str:
    return str(read(raw).get_content()).replace("\r\n", "\n")


# The bytes


def test_a_reply_says_who_answers_what_and_where_to_answer() -> None:
    mail = read(compose(REPLY, at=AT))

    assert mail.keys() == FIELDS
    assert mail["From"] == '"Grace (Contoso)" <support@desk.test>'
    assert mail["Reply-To"] == "support+c12.k3j2@desk.test"
    assert mail["To"] == "ada@example.com"
    assert mail["Message-ID"] == "<m1@desk.test>"
    assert mail["In-Reply-To"] == "<q1@example.com>"
    assert mail["References"] == "<q0@example.com> <q1@example.com>"
    assert mail["Date"].datetime == AT
    assert text_of(compose(REPLY, at=AT)) == REPLY.text


def test_automatic_mail_says_so_to_every_machine() -> None:
    mail = read(compose(ACKNOWLEDGEMENT, at=AT))

    assert mail["Auto-Submitted"] == "auto-replied"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail[LOOP_FIELD] == "support@desk.test"
    assert composing.LOOP_FIELD.lower() == LOOP_FIELD
    assert mail["In-Reply-To"] == "<q1@example.com>"
    assert not [name for name in mail.keys() if name.startswith("List-")]  # noqa: SIM118


def test_the_same_promise_makes_the_same_bytes() -> None:
    madrid = AT.astimezone(__import__("zoneinfo").ZoneInfo("Europe/Madrid"))

    assert compose(REPLY, at=AT) == compose(Outgoing.from_json(REPLY.as_json()), at=madrid)


INJECTIONS = {
    "encoded word": "=?utf-8?q?a=0D=0ABcc:_v=40x.org?=",
    "encoded word in base64": "=?utf-8?b?YQ0KQmNjOiB2QHgub3Jn?=",
    "encoded twice": "=?utf-8?q?=3D=3Futf-8=3Fq=3Fa=3D0D=3D0ABcc:=5Fv=3D40x.org=3F=3D?=",
    "two encoded words": "=?utf-8?q?a=0D?= =?utf-8?q?=0ABcc:_v=40x.org?=",
    "CR LF": "a\r\nBcc: v@x.org",
    "CR LF CR LF": "a\r\n\r\nNot the body",
    "CR": "a\rBcc: v@x.org",
    "LF": "a\nBcc: v@x.org",
    "LF and space": "a\n Bcc: v@x.org",
    "line separator": "a\u2028Bcc: v@x.org",
    "paragraph separator": "a\u2029Bcc: v@x.org",
    "vertical tab": "a\x0bBcc: v@x.org",
    "form feed": "a\x0cBcc: v@x.org",
    "next line": "a\x85Bcc: v@x.org",
    "file separator": "a\x1cBcc: v@x.org",
    "percent": "a%0d%0aBcc: v@x.org",
    "quoted-printable": "a=0D=0ABcc: v@x.org",
    "NUL": "a\0Bcc: v@x.org",
    "lone surrogate": "a\udc0aBcc: v@x.org",
    "no place to fold": "a" * 500,
    "no place to fold, beyond ASCII": "ñ" * 500,
    "quotes": 'a" <v@x.org>, "b',
    "backslash": 'a\\" <v@x.org>, b\\',
    "comment": "a (b\\) <v@x.org>",
}


@pytest.mark.parametrize("text", INJECTIONS.values(), ids=INJECTIONS)
def test_no_text_becomes_a_header_or_moves_the_body(text: str) -> None:
    raw = compose(replace(REPLY, subject=text, from_name=text), at=AT)

    again = read(raw).as_bytes(policy=policy.SMTP)
    for reading in (policy.default, policy.compat32):
        for octets in (raw, again):
            mail = email.message_from_bytes(octets, policy=reading)  # type: ignore[call-overload]
            assert mail.keys() == FIELDS
            assert mail["To"] == "ada@example.com"
    assert [a.addr_spec for a in read(raw)["From"].addresses] == ["support@desk.test"]
    assert text_of(raw) == REPLY.text
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))


def test_the_library_would_let_a_header_in_where_it_reads_header_text() -> None:
    """The control of the test above, on the versions of Python that have the fault."""
    mail = EmailMessage(policy=policy.SMTP)
    mail["Subject"] = INJECTIONS["encoded word"]

    injected = "Bcc" in email.message_from_bytes(mail.as_bytes()).keys()  # noqa: SIM118

    if not injected:
        pytest.skip("this Python has CVE-2024-6923 mended")
    assert injected


@pytest.mark.parametrize(
    "subject",
    [
        "Re: The printer",
        "Re: ¿Dónde está mi pedido? 🖨️",
        "=?utf-8?q?shown=5Fas=5Ftyped?=",
        "a very long one " * 14,
        "日本語" * 60,
        "",
    ],
)
def test_a_subject_arrives_as_it_was(subject: str) -> None:
    assert read(compose(replace(REPLY, subject=subject), at=AT))["Subject"] == subject.strip()


def test_a_subject_of_any_length_is_cut() -> None:
    subject = read(compose(replace(REPLY, subject="word " * 5000), at=AT))["Subject"]

    assert len(subject) <= 250
    assert subject.endswith("…")


TEXTS = {
    "emoji and accents": "Señora 🖨️ ok\n",
    "dots": ".\n..\n.x\n",
    "a long line": "word " * 1000 + "\n",
    "From": "From here\n>From there\n",
    "spaces at the end": "a  \nb\t\n",
    "no end of line": "bye",
    "empty": "",
    "equals": "a=20b =?utf-8?q?x?=\n",
    "NUL": "a\0b\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_text_arrives_as_it_was(text: str) -> None:
    raw = compose(replace(REPLY, text=text), at=AT)

    assert text_of(raw).removesuffix("\n") == text.removesuffix("\n")
    assert all(len(line) <= 78 for line in raw.split(b"\r\n"))
    assert b"\nFrom " not in raw


@given(subject=st.text(), name=st.text(), text=st.text(), message_id=st.text())
@settings(deadline=None, max_examples=200)
def test_whatever_is_typed_the_fields_are_ours(
    subject: str, name: str, text: str, message_id: str
) -> None:
    outgoing = replace(
        REPLY, subject=subject, from_name=name, text=text, in_reply_to=message_id, references=()
    )

    mail = read(compose(outgoing, at=AT))

    assert set(mail.keys()) <= set(FIELDS)
    assert [a.addr_spec for a in mail["From"].addresses] == ["support@desk.test"]


@pytest.mark.parametrize(
    "address",
    [
        *("", "ada", "@example.com", "ada@", "a b@example.com", "ada@exam ple.com"),
        *("ada@example.com\r\nBcc: v@x.org", "ada@example.com>, <v@x.org", "ada@[127.0.0.1]"),
        *("ada,v@x.org", "ada\u2028@example.com", "ada@example..com", "a" * 250 + "@example.com"),
    ],
)
def test_what_is_no_address_gets_no_mail(address: str) -> None:
    with pytest.raises(Unsendable):
        compose(replace(REPLY, to=(address,)), at=AT)
    with pytest.raises(Never):
        sending.send(promised(REPLY, target=address or "x"), FileSettings(Path("never")))


def test_a_malformed_id_of_somebody_elses_mail_is_left_out() -> None:
    outgoing = replace(REPLY, in_reply_to="a>\r\nBcc: v@x.org", references=("b c", "q1@b.test"))

    mail = read(compose(outgoing, at=AT))

    assert "In-Reply-To" not in mail
    assert mail["References"] == "<q1@b.test>"


def test_a_domain_beyond_ascii_is_written_in_ascii() -> None:
    assert b"To: ada@xn--bcher-kva.example\r\n" in compose(
        replace(REPLY, to=("ada@bücher.example",)), at=AT
    )


# Into a folder


@dataclass(frozen=True)
class FileSettings:
    folder: Path
    outgoing_smtp_password: SecretStr | None = None

    @property
    def outgoing(self) -> str:
        return f"file://{self.folder}"


def test_without_a_mail_server_a_mail_is_a_file_and_twice_the_same_one(tmp_path: Path) -> None:
    promise = promised(REPLY)

    first = sending.send(promise, FileSettings(tmp_path / "out box"))
    second = sending.send(promise, FileSettings(tmp_path / "out box"))

    [file] = (tmp_path / "out box").iterdir()
    assert file.name == first.remote_id == second.remote_id
    assert file.suffix == ".eml"
    assert file.read_bytes() == compose(REPLY, at=AT)


def test_a_folder_that_cannot_be_written_is_tried_again_later(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(NotNow):
        sending.send(promised(REPLY), FileSettings(tmp_path / "file" / "outbox"))


@pytest.mark.parametrize(
    "target",
    [
        *("a@localhost", "a@mail.localhost", "a@LOCALHOST", "a@localhost.localdomain"),
        *("a@127.0.0.1", "a@[127.0.0.1]", "a@[::1]", "a@[IPv6:::1]", "a@192.0.2.7"),
        *("support@desk.test", "Support@Desk.test", "support+c99.aaaaaaaaaaaaaaaaaaaa@desk.test"),
    ],
)
def test_nothing_is_sent_to_a_machine_or_to_ourselves(target: str, tmp_path: Path) -> None:
    with pytest.raises(Never):
        sending.send(promised(REPLY, target=target), FileSettings(tmp_path / "outbox"))

    assert not (tmp_path / "outbox").exists()


# To a mail server


class Post:
    """A mail server that notes what it is told, and answers as the test wants."""

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}
        self.mails: list[tuple[str, list[str], bytes]] = []
        self.options: list[str] = []
        self.heard: list[str] = []

    async def handle_EHLO(
        self, server: Any, session: Any, envelope: Any, host: str, lines: list[str]
    ) -> list[str]:
        self.heard.append(f"EHLO {host}")
        session.host_name = host
        return lines

    async def handle_MAIL(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        self.heard.append("MAIL")
        self.options = options
        envelope.mail_from = address
        return self.answers.get("MAIL", "250 ok")

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        self.heard.append("RCPT")
        envelope.rcpt_tos.append(address)
        return self.answers.get(address, self.answers.get("RCPT", "250 ok"))

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.heard.append("DATA")
        answer = self.answers.get("DATA", "250 2.0.0 queued as 4711")
        if answer.startswith("250"):
            self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return answer

    async def handle_QUIT(self, server: Any, session: Any, envelope: Any) -> str:
        return self.answers.get("QUIT", "221 bye")

    def authenticate(
        self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any
    ) -> AuthResult:
        self.heard.append(f"AUTH {data.login.decode()} {data.password.decode()}")
        return AuthResult(success=data.password == b"right", handled=False)


@dataclass(frozen=True)
class MailSettings:
    outgoing: str
    outgoing_smtp_password: SecretStr | None = None


@pytest.fixture
def post() -> Post:
    return Post()


Opens = Callable[..., Awaitable[int]]


@pytest.fixture
async def opened(post: Post) -> AsyncIterator[Opens]:
    """A function that opens the mail server and says at which port."""
    servers = []

    async def open_post(*, implicit_tls: ssl.SSLContext | None = None, **options: Any) -> int:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SMTP(post, hostname="post.test", loop=loop, **options),
            "127.0.0.1",
            0,
            ssl=implicit_tls,
        )
        servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    yield open_post
    for server in servers:
        server.close()
        await server.wait_closed()


async def sent(promise: Any, url: str, password: str | None = None) -> Sent:
    """What came of it; `send` blocks, so it has a thread, as in the dispatcher."""
    secret = SecretStr(password) if password else None
    return await asyncio.to_thread(sending.send, promise, MailSettings(url, secret))


async def test_a_reply_is_handed_over_as_composed(opened: Opens, post: Post) -> None:
    port = await opened()

    result = await sent(promised(REPLY), f"smtp+plain://127.0.0.1:{port}")

    assert result == Sent(response="250 2.0.0 queued as 4711")
    assert post.mails == [
        ("support+c12.k3j2@desk.test", ["ada@example.com"], compose(REPLY, at=AT))
    ]
    assert post.heard[0] == "EHLO desk.test"


async def test_automatic_mail_wants_no_bounce(opened: Opens, post: Post) -> None:
    port = await opened()

    await sent(promised(ACKNOWLEDGEMENT), f"smtp+plain://127.0.0.1:{port}")

    assert post.mails[0][0] == "<>"


async def test_lines_of_dots_arrive(opened: Opens, post: Post) -> None:
    port = await opened()

    await sent(promised(replace(REPLY, text=".\n..\n")), f"smtp+plain://127.0.0.1:{port}")

    assert text_of(post.mails[0][2]) == ".\n..\n"


async def test_who_is_only_shown_gets_nothing_by_this_promise(opened: Opens, post: Post) -> None:
    port = await opened()
    both = replace(REPLY, to=("ada@example.com", "bob@example.com"), cc=("eve@example.com",))

    await sent(promised(both, target="bob@example.com"), f"smtp+plain://127.0.0.1:{port}")

    assert post.mails[0][1] == ["bob@example.com"]
    assert read(post.mails[0][2])["To"] == "ada@example.com, bob@example.com"


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("421 4.3.2 closing", NotNow),
        ("450 4.2.0 greylisted", NotNow),
        ("452 4.3.1 full", NotNow),
        ("550 5.1.1 no such user", Never),
        ("554 5.7.1 spam", Never),
    ],
)
async def test_a_refusal_is_for_now_or_for_good(
    opened: Opens, post: Post, stage: str, answer: str, error: type[Exception]
) -> None:
    post.answers[stage] = answer
    port = await opened()

    with pytest.raises(error, match=answer):
        await sent(promised(REPLY), f"smtp+plain://127.0.0.1:{port}")

    assert post.mails == []


async def test_one_refused_mail_does_not_hold_up_the_next(opened: Opens, post: Post) -> None:
    post.answers["poison@example.com"] = "550 5.7.1 never"
    url = f"smtp+plain://127.0.0.1:{await opened()}"

    with pytest.raises(Never):
        await sent(promised(REPLY, target="poison@example.com"), url)
    await sent(promised(REPLY), url)

    assert [recipients for _, recipients, _ in post.mails] == [["ada@example.com"]]


async def test_a_mail_that_was_taken_is_sent_however_we_part(opened: Opens, post: Post) -> None:
    post.answers["QUIT"] = "500 what?"
    port = await opened()

    assert (await sent(promised(REPLY), f"smtp+plain://127.0.0.1:{port}")).response


@pytest.fixture
async def scripted() -> AsyncIterator[Callable[..., Awaitable[int]]]:
    """A function that opens a server which says these lines, one per line heard, and then waits
    in silence, or hangs up."""
    servers = []

    async def open_script(*lines: bytes, hangs_up: bool) -> int:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for line in lines:
                writer.write(line + b"\r\n")
                await reader.readline()
            if not hangs_up:
                await reader.read()
            writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    yield open_script
    for server in servers:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (b"421 4.3.2 too busy",),
        (b"554 5.7.1 your address is on a list",),
        (b"220 hello",),
        (b"220 hello", b"550 who are you", b"550 still not"),
        (b"220 hello", b"250 ok"),
        (b"220 hello", b"250 ok", b"250 ok"),
        (b"220 hello", b"250 ok", b"250 ok", b"250 ok", b"354 go"),
        (b"this is no mail server",),
        (b"220 " + b"x" * 9000,),
    ],
    ids=lambda lines: (lines[-1].decode()[:24] + f" {len(lines)}") if lines else "nothing",
)
@pytest.mark.parametrize("hangs_up", [True, False], ids=["hangs up", "silence"])
async def test_a_server_that_fails_us_is_tried_again_later(
    scripted: Callable[..., Awaitable[int]],
    monkeypatch: pytest.MonkeyPatch,
    lines: tuple[bytes, ...],
    hangs_up: bool,
) -> None:
    monkeypatch.setattr(sending, "TIMEOUT_SECONDS", 0.2)
    port = await scripted(*lines, hangs_up=hangs_up)

    with pytest.raises(NotNow):
        await sent(promised(REPLY), f"smtp+plain://127.0.0.1:{port}")


async def test_a_server_that_is_not_there_is_tried_again_later(unused_tcp_port: int) -> None:
    with pytest.raises(NotNow):
        await sent(promised(REPLY), f"smtp+plain://127.0.0.1:{unused_tcp_port}")


async def test_a_way_out_that_is_none_is_a_matter_for_later() -> None:
    with pytest.raises(NotNow, match="outgoing_smtp"):
        await sent(promised(REPLY), "gopher://127.0.0.1")


# An address beyond ASCII


async def test_an_address_beyond_ascii_needs_a_server_that_knows_them(
    opened: Opens, post: Post
) -> None:
    zoe = replace(REPLY, to=("zoë@example.com",))
    knows = f"smtp+plain://127.0.0.1:{await opened(enable_SMTPUTF8=True)}"
    does_not = f"smtp+plain://127.0.0.1:{await opened()}"

    with pytest.raises(Never, match="SMTPUTF8"):
        await sent(promised(zoe, target="zoë@example.com"), does_not)
    await sent(promised(zoe, target="zoë@example.com"), knows)

    assert post.mails[0][1] == ["zoë@example.com"]
    assert "SMTPUTF8" in post.options


# TLS


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return certificate_for("post.test", tmp_path)


@pytest.fixture
def trusted(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator trusts the certificate, in the way of OpenSSL."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))


async def opened_with_tls(opened: Opens, post: Post, certificate: Certificate, scheme: str) -> str:
    context = certificate.server_context()
    options: dict[str, Any] = {"authenticator": post.authenticate}
    if scheme == "smtps":
        options |= {"implicit_tls": context, "auth_require_tls": False}
    else:
        options |= {"tls_context": context, "require_starttls": True}
    return f"{scheme}://us%40desk@127.0.0.1:{await opened(**options)}"


SCHEMES = pytest.mark.parametrize("scheme", ["smtp", "smtp+starttls", "smtps"])


@SCHEMES
async def test_a_certificate_that_nobody_vouches_for_is_refused(
    opened: Opens, post: Post, certificate: Certificate, scheme: str
) -> None:
    url = await opened_with_tls(opened, post, certificate, scheme)

    with pytest.raises(NotNow, match="certificate is not to be trusted"):
        await sent(promised(REPLY), url, "right")

    assert not [word for word in post.heard if not word.startswith("EHLO")]


@SCHEMES
async def test_with_a_trusted_certificate_we_log_in_and_send(
    opened: Opens, post: Post, certificate: Certificate, trusted: None, scheme: str
) -> None:
    url = await opened_with_tls(opened, post, certificate, scheme)

    await sent(promised(REPLY), url, "right")

    assert "AUTH us@desk right" in post.heard
    assert len(post.mails) == 1


async def test_without_a_context_of_ours_any_certificate_would_do(
    opened: Opens, post: Post, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = await opened_with_tls(opened, post, certificate, "smtp+starttls")
    monkeypatch.setattr(ssl, "create_default_context", lambda: None)

    await sent(promised(REPLY), url, "right")

    assert "AUTH us@desk right" in post.heard


async def test_a_certificate_of_another_host_is_refused(
    opened: Opens, post: Post, certificate: Certificate, trusted: None
) -> None:
    url = await opened_with_tls(opened, post, certificate, "smtp+starttls")

    with pytest.raises(NotNow, match="Hostname mismatch"):
        await sent(promised(REPLY), url.replace("127.0.0.1", "localhost"), "right")


async def test_a_wrong_password_keeps_the_mail_for_later(
    opened: Opens, post: Post, certificate: Certificate, trusted: None
) -> None:
    url = await opened_with_tls(opened, post, certificate, "smtps")

    with pytest.raises(NotNow, match="refuses our login"):
        await sent(promised(REPLY), url, "wrong")


@pytest.mark.parametrize("scheme", ["smtp", "smtp+starttls", "smtp+plain"])
async def test_no_password_goes_over_the_wire_without_tls(
    opened: Opens, post: Post, scheme: str
) -> None:
    port = await opened(auth_require_tls=False, authenticator=post.authenticate)

    with pytest.raises(NotNow):
        await sent(promised(REPLY), f"{scheme}://us@127.0.0.1:{port}", "right")

    assert not [word for word in post.heard if word.startswith("AUTH")]


def test_a_promise_keeps_its_date_through_the_days_of_trying() -> None:
    late = promised(REPLY, attempts=9, promised_at=AT - timedelta(days=4))

    assert b"Date: Tue, 17 Nov 2026 09:30:00 +0000" in compose(REPLY, at=late.promised_at)
