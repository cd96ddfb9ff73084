"""What a stranger may say to the SMTP door, in the clear and by TLS."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
import structlog

from tests.certificates import certificate_for
from tests.smtp.peers import INNER, MAIL, FileJournal, Serve, connected, reset_or, until

ODD_COMMANDS = {
    "8-bit command": (b"\xff\xfe\r\n", "5"),
    "8-bit address": (b"MAIL FROM:<\xff@example.com>\r\n", "553"),
    "NUL in address": (b"MAIL FROM:<a\0b@example.com>\r\n", "553"),
    "UTF-8 address": ("MAIL FROM:<zoë@example.com> SMTPUTF8\r\n".encode(), "250"),
    "600 octets": (b"MAIL FROM:<" + b"a" * 600 + b"@example.com>\r\n", "553"),
    "2000 octets": (b"MAIL FROM:<" + b"a" * 2000 + b"@example.com>\r\n", "500"),
    "lower case": (b"mail from:<a@example.com>\r\n", "250"),
    "spaces behind": (b"MAIL FROM:<a@example.com>   \r\n", "250"),
    "space before": (b"MAIL FROM: <a@example.com>\r\n", "250"),
    "tabs": (b"MAIL\tFROM:<a@example.com>\r\n", "500"),
    "no brackets": (b"MAIL FROM:a@example.com SIZE=10\r\n", "250"),
    "source route": (b"MAIL FROM:<@relay.test,@b.test:a@example.com>\r\n", "250"),
    "quoted": (b'MAIL FROM:<"a b"@example.com>\r\n', "250"),
    "two addresses": (b"MAIL FROM:<a@b.test><c@d.test>\r\n", "501"),
    "two at signs": (b"MAIL FROM:<a@b@c.test>\r\n", "553"),
    "parentheses": (b"MAIL FROM:" + b"(" * 900 + b"\r\n", "250 501 553"),
    "no address": (b"MAIL FROM:\r\n", "553"),
    "unknown parameter": (b"MAIL FROM:<a@example.com> FOO=1\r\n", "555"),
    "help": (b"HELP\r\n", "500"),
    "authentication": (b"AUTH PLAIN AGEAYg==\r\n", "500"),
    "expansion": (b"EXPN staff\r\n", "500"),
    "not offered": (b"BDAT 999999999999 LAST\r\n", "500"),
    "a proxy": (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\n", "500"),
    "DATA too early": (b"DATA\r\n", "503"),
    "RCPT too early": (b"RCPT TO:<support@desk.test>\r\n", "503"),
}


@pytest.mark.parametrize(("said", "codes"), ODD_COMMANDS.values(), ids=ODD_COMMANDS)
async def test_an_odd_command_is_answered_and_the_conversation_goes_on(
    opened: Serve, said: bytes, codes: str
) -> None:
    with structlog.testing.capture_logs() as lines:
        async with connected(await opened()) as peer:
            reply = await peer.says(said)
            await peer.says("RSET")
            answer = await peer.sends(MAIL)

    assert reply.startswith(tuple(codes.split()))
    assert answer.startswith("250 ")
    assert [line["event"] for line in lines] == ["kept"]


@pytest.mark.parametrize("recipient", ["", "postmaster", "a@", "@b", "support@desk.test>"])
async def test_a_malformed_recipient_is_no_fault_of_ours(opened: Serve, recipient: str) -> None:
    async with connected(await opened()) as peer:
        await peer.says("MAIL FROM:<ada@example.com>")

        assert (await peer.says(f"RCPT TO:<{recipient}>")).startswith("5")


async def test_what_a_peer_calls_itself_can_be_stored(opened: Serve, journal: FileJournal) -> None:
    async with connected(await opened()) as peer:
        await peer.says(b"EHLO \xff\0\x1b[31m\r\n")
        await peer.sends(MAIL)

    assert journal.kept()[0]["envelope"]["helo"] == "???[31m"


async def test_the_greeting_says_who_we_are_and_not_what(opened: Serve) -> None:
    async with connected(await opened(), greet=False) as peer:
        assert await peer.reply() == "220 desk.test ESMTP"
        assert await peer.says("EHLO x") == (
            "250-desk.test\n250-SIZE 26214400\n250-8BITMIME\n250-PIPELINING\n250 SMTPUTF8"
        )


async def test_commands_that_are_none_are_borne_five_times(opened: Serve) -> None:
    async with connected(await opened()) as peer:
        peer.writer.write(
            b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\nY: c\r\nZ: d\r\nMAIL FROM:<a@b>\r\n"
        )

        assert "502 5.5.1 Too many" in await reset_or(peer.rest())


@pytest.mark.parametrize(
    "said", [b"POST / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"EHLO x\r\n" + INNER]
)
async def test_who_talks_before_the_greeting_is_not_let_in(
    opened: Serve, journal: FileJournal, said: bytes
) -> None:
    door = await opened()

    # The loop stands still meanwhile, so the words are there before it says anything.
    with socket.create_connection(("127.0.0.1", door.port)) as browser:
        browser.sendall(said)
        browser.setblocking(False)
        heard = await asyncio.get_running_loop().sock_recv(browser, 1000)

    assert heard == b"554 5.5.1 Wait for the greeting\r\n"
    assert journal.kept() == []


async def test_what_was_said_before_tls_is_forgotten(
    opened: Serve, journal: FileJournal, tmp_path: Path
) -> None:
    certificate = certificate_for("desk.test", tmp_path)
    door = await opened(tls_context=certificate.server_context())

    async with connected(door) as peer:
        assert "250-STARTTLS" in await peer.says("EHLO mx.example.com")
        ready = await peer.says(
            b"STARTTLS\r\nNOOP\r\nMAIL FROM:<evil@x.test>\r\nRCPT TO:<support@desk.test>\r\n"
        )
        await peer.writer.start_tls(certificate.trusting_context(), server_hostname="desk.test")
        too_early = await peer.says("RCPT TO:<support@desk.test>")
        offered = await peer.says("EHLO mx.example.com")
        answer = await peer.sends(MAIL)

    assert ready.startswith("220 ")
    assert too_early.startswith("503 ")
    assert "STARTTLS" not in offered
    assert "AUTH" not in offered
    assert answer.startswith("250 ")
    assert journal.kept()[0]["envelope"]["tls"] is True


async def test_a_handshake_that_is_none_leaves_nothing_behind(
    opened: Serve, tmp_path: Path
) -> None:
    certificate = certificate_for("desk.test", tmp_path)
    door = await opened(tls_context=certificate.server_context(), handshake_seconds=0.2)

    with structlog.testing.capture_logs() as lines:
        async with connected(door) as talks, connected(door) as waits, connected(door) as goes:
            for peer in (talks, waits, goes):
                await peer.says("STARTTLS")
            talks.writer.write(b"this is no handshake\r\n")
            goes.writer.close()

            await until(lambda: not door._conversations)

    assert lines == []


async def test_starttls_is_not_to_be_had_without_a_certificate(opened: Serve) -> None:
    async with connected(await opened()) as peer:
        assert (await peer.says("STARTTLS")).startswith("454 ")
        assert (await peer.sends(MAIL)).startswith("250 ")
