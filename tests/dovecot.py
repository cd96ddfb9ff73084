"""A real IMAP server for tests: Dovecot 2.3 with a configuration of its own, on a free port."""

from __future__ import annotations

import contextlib
import getpass
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from imapclient import IMAPClient

from tests.certificates import Certificate, certificate_for

CONFIGURATION = """
protocols = imap
listen = 127.0.0.1
base_dir = {base}/run
log_path = {base}/log
default_internal_user = {internal}
default_login_user = {login}
default_internal_group = {group}
first_valid_uid = 1
mail_location = maildir:{base}/mail/%u
mail_uid = {owner}
mail_gid = {owner_group}
disable_plaintext_auth = no
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
passdb {{
  driver = static
  args = password=right
}}
userdb {{
  driver = static
  args = uid={owner} gid={owner_group} home={base}/mail/%u
}}
service imap-login {{
  {chroot}
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  {chroot}
}}
service stats {{
  {chroot}
}}
"""


@dataclass(frozen=True, slots=True)
class Dovecot:
    """A running server. Anybody is a user, and the password is `right`."""

    base: Path
    port: int
    tls_port: int
    certificate: Certificate

    @contextlib.contextmanager
    def logged_in(self, user: str) -> Iterator[IMAPClient]:
        """A person's own mail program."""
        with IMAPClient("127.0.0.1", self.port, ssl=False, timeout=20) as client:
            client.login(user, "right")
            yield client

    def delivers(self, user: str, *mails: bytes, folder: str = "INBOX") -> None:
        with self.logged_in(user) as client:
            for mail in mails:
                client.append(folder, mail)


def running() -> Iterator[Dovecot]:
    """A Dovecot until the end of the tests; skips them, saying so, where there is none."""
    dovecot = shutil.which("dovecot", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    version = subprocess.run([dovecot, "--version"], capture_output=True) if dovecot else None
    if version is None or not version.stdout.startswith(b"2.3."):
        pytest.skip("NO IMAP SERVER: fetching mail is NOT TESTED; install dovecot-imapd 2.3")
    # Not below pytest's own folder, which only its owner may enter: Dovecot changes its user.
    base = Path(tempfile.mkdtemp(prefix="dovecot-"))
    try:
        yield from _started(str(dovecot), base)
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _started(dovecot: str, base: Path) -> Iterator[Dovecot]:
    base.chmod(0o755)
    certificate = certificate_for("imap.test", base)
    port, tls_port = _free_port(), _free_port()
    (base / "mail").mkdir()
    (base / "conf").write_text(
        CONFIGURATION.format(
            base=base,
            port=port,
            tls_port=tls_port,
            certificate=certificate.certificate,
            key=certificate.key,
            **_users(base / "mail"),
        )
    )
    with subprocess.Popen([dovecot, "-F", "-c", str(base / "conf")]) as process:
        try:
            _wait_until_open(port, process, base / "log")
            yield Dovecot(base, port, tls_port, certificate)
        finally:
            process.send_signal(signal.SIGTERM)


def _users(mails: Path) -> dict[str, str]:
    """Whom the server runs as: the package's users when we are root, else ourselves."""
    if os.geteuid() != 0:
        me = getpass.getuser()
        group = str(os.getegid())
        return {
            **dict.fromkeys(("internal", "login", "owner"), me),
            **dict.fromkeys(("group", "owner_group"), group),
            "chroot": "chroot =",
        }
    nobody = pwd.getpwnam("nobody")
    os.chown(mails, nobody.pw_uid, nobody.pw_gid)
    return {
        "internal": "dovecot",
        "login": "dovenull",
        "group": "dovecot",
        "owner": str(nobody.pw_uid),
        "owner_group": str(nobody.pw_gid),
        "chroot": "",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_open(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"dovecot did not start: {log.read_text() if log.exists() else ''}")
