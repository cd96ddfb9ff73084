"""What the desk logs, and what it never does."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys, structlog
from graph.opening import set_up_log
from intake.settings import Settings
set_up_log(Settings(log_format=sys.argv[1]))
try:
    raise ValueError("Key (kind, value)=(email, ada@example.com) already exists.")
except ValueError as error:
    structlog.get_logger().error("not filed", exc_info=error, mailbox="support@desk.example")
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_customers_address_comes_into_the_log_with_an_error(form: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, form],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert "ada@example.com" not in done.stderr
    assert "already exists" in done.stderr
    assert "Traceback" in done.stderr
    assert "support@desk.example" in done.stderr
