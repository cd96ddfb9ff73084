"""The web form, from a browser's post to a case."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from channels.journal import Journal, StorageFull
from channels.networks import LOOPBACK
from channels.web.entry import TICKET_LASTS, instance_of, new_ticket
from channels.web.headers import hosts
from channels.web.limits import LOOPBACK_SHARE, Allowance, Patience
from intake.agents import SYSTEM
from intake.cases import ActivityKind, Attachment, Case
from intake.db import Busy, new_id
from intake.events import Delivery, Event
from intake.fields import FieldKind, FieldValue, Required, custom
from intake.inbound import Inbound
from intake.products import Product
from tests.desk import NOON, DeskUnderTest
from tests.web import Face, face

FILLED = {
    "name": "Ada",
    "email": "Ada@Example.com",
    "subject": "Printer offline",
    "text": "It does not print.\r\nSince Monday.",
}
FILE = b'--x\r\nContent-Disposition: form-data; name="files"; filename="f"\r\n\r\n'
HEADER_INJECTIONS = [
    "a\r\nBcc: v@x.org",
    "a\nBcc: v@x.org",
    "a\rBcc: v@x.org",
    "a\u2028Bcc: v@x.org",
    "a\x0bBcc: v@x.org",
    "a\x85Bcc: v@x.org",
    "=?utf-8?q?a=0D=0ABcc:_v=40x.org?=",
    "%0d%0aBcc: v@x.org",
]


async def posted(web: Face, files: list[Any] | None = None, **fields: str) -> Any:
    """The answer to a filled-in form; what is not named is filled in well."""
    data = {"ticket": await web.ticket(), **FILLED, **fields}
    return await web.browser.post("/form", data=data, files=files or [("files", ("", b""))])


async def test_a_form_becomes_a_case_that_draws_on_its_own_allotment(desk: DeskUnderTest) -> None:
    entitled = {"channels": {"web": 2, "email": 5}}
    ada = desk.has_customer("ada@example.com", allotment=7, **entitled)
    async with face(desk) as web:
        answer = await posted(web)
        await web.files()

    assert (answer.status_code, answer.headers["location"][:14]) == (303, "/form/received")
    (case,) = desk.all(Case)
    (activity,) = desk.activities(case)
    assert (case.channel, case.contact_id, case.billable) == ("web", ada.id, False)
    assert activity.kind is ActivityKind.WEB_FORM
    assert activity.text == "It does not print.\nSince Monday."
    with desk.db.reading() as session:
        entitlement = session.get_one(Case, case.id).entitlement
        assert entitlement is not None
        assert {row.channel: row.remaining for row in entitlement.channels} == {
            "web": 1,
            "email": 5,
        }


async def test_the_answer_names_a_reference_but_no_case(desk: DeskUnderTest) -> None:
    async with face(desk) as web:
        answer = await posted(web)
        page = await web.browser.get(answer.headers["location"])
        await web.files()

    (case,) = desk.all(Case)
    (activity,) = desk.activities(case)
    reference = re.search(r"[A-Z2-7]{4}-[A-Z2-7]{4}", page.text)
    assert reference is not None
    assert activity.notes == [f"The form showed the reference {reference[0]}."]
    assert str(case.number) not in page.text + answer.headers["location"]


async def test_a_form_is_acknowledged_without_a_word_of_its_sender(desk: DeskUnderTest) -> None:
    async with face(desk) as web:
        await posted(web, name="Buy pills", subject="Cheap pills", text="At pills.example")
        await web.files()

    (promise,) = desk.all(Delivery)
    assert promise.target == "ada@example.com"
    assert "pills" not in str(promise.payload)


async def test_a_product_of_the_catalogue_is_named_on_the_case(desk: DeskUnderTest) -> None:
    product = Product(id=new_id(), number="P-1", name="<b>Printer</b>")
    with desk.transaction() as session:
        session.add(product)
    async with face(desk) as web:
        page = await web.browser.get("/form")
        await posted(web, product="P-1")
        await posted(web, product="P-999", subject="Of no product")
        await web.files()

    assert "&lt;b&gt;Printer&lt;/b&gt;" in page.text
    by_subject = {case.subject: case.product_id for case in desk.all(Case)}
    assert by_subject == {"Printer offline": product.id, "Of no product": None}


async def test_files_reach_the_case_and_come_back_unchanged(desk: DeskUnderTest) -> None:
    content = bytes(range(256)) * 300
    async with face(desk) as web:
        answer = await posted(
            web,
            [
                ("files", ("../../etc/pass\u202ewd.txt", content, "text/plain; charset=x")),
                ("files", ("", b"")),
                ("files", ("empty.bin", b"", "not a type")),
            ],
        )
        await web.files()
        (raw,) = _raw(desk)
        back = web.sandbox.part("web", raw, 0)

    assert answer.status_code == 303
    first, second = sorted(desk.all(Attachment), key=lambda file: file.part)
    assert (first.name, first.content_type, first.size_bytes) == ("passwd.txt", "text/plain", 76800)
    assert (second.name, second.content_type) == ("empty.bin", "application/octet-stream")
    assert back == ("text/plain", content)


async def test_five_files_of_ten_megabytes_are_taken_and_more_are_not(desk: DeskUnderTest) -> None:
    def files(count: int, size_bytes: int) -> list[Any]:
        return [("files", (f"{i}.bin", b"\1" * size_bytes)) for i in range(count)]

    async with face(desk) as web:
        most = await posted(web, files(5, 2 << 20))
        sixth = await posted(web, files(6, 10))
        heavier = await posted(web, files(5, (2 << 20) + 1))
        await web.files()

    assert [most.status_code, sixth.status_code, heavier.status_code] == [303, 422, 422]
    assert "at most 5 files" in sixth.text
    assert "at most 10 MB" in heavier.text
    assert desk.count(Attachment) == 5


async def test_a_form_sent_twice_is_one_message(desk: DeskUnderTest) -> None:
    async with face(desk) as web:
        data = {"ticket": await web.ticket(), **FILLED}
        answers = await asyncio.gather(*(web.browser.post("/form", data=data) for _ in range(5)))
        await web.files()

    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert desk.count(Case) == 1


async def test_a_form_gone_back_to_and_changed_is_not_lost(desk: DeskUnderTest) -> None:
    async with face(desk) as web:
        data = {"ticket": await web.ticket(), **FILLED}
        await web.browser.post("/form", data=data)
        await web.browser.post("/form", data={**data, "text": "And the fax is dead too."})
        await web.files()

    assert desk.count(Case) == 2


@pytest.mark.parametrize("subject", HEADER_INJECTIONS)
async def test_a_subject_is_one_line_of_text_and_no_header(
    sqlite_desk: DeskUnderTest, subject: str
) -> None:
    async with face(sqlite_desk) as web:
        answer = await posted(web, subject=subject, name=subject)
        await web.files()

    assert answer.status_code == 303
    (case,) = sqlite_desk.all(Case)
    (promise,) = sqlite_desk.all(Delivery)
    assert "v@x.org" in case.subject or "v=40x.org" in case.subject
    assert case.subject.isprintable()
    assert "x.org" not in str(promise.payload)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"name": " "}, "tell us your name"),
        ({"name": "a" * 121}, "below 120"),
        ({"email": "ada"}, "mail address we can answer to"),
        ({"email": "a@b.example, c@d.example"}, "mail address we can answer to"),
        ({"email": "ada@example.com\r\nBcc: v@x.org"}, "mail address we can answer to"),
        ({"email": "a" * 65 + "@example.com"}, "mail address we can answer to"),
        ({"subject": ""}, "what this is about"),
        ({"subject": "a" * 301}, "below 300"),
        ({"text": "\r\n"}, "describe what happened"),
        ({"text": "a" * 20_001}, "below 20,000"),
        ({"website": "http://pills.example"}, "leave this field empty"),
        ({"ticket": ""}, "send it once more"),
        ({"ticket": f"{'0' * 32}.1772452800.{'a' * 20}"}, "send it once more"),
    ],
)
async def test_what_is_wrong_is_said_and_what_was_typed_is_kept(
    sqlite_desk: DeskUnderTest, wrong: dict[str, str], says: str
) -> None:
    async with face(sqlite_desk) as web:
        answer = await posted(web, **{"text": "Tres <i>días</i>", **wrong})

    assert answer.status_code == 422
    assert says in answer.text
    assert "text" in wrong or "Tres &lt;i&gt;días&lt;/i&gt;" in answer.text
    assert sqlite_desk.count(Inbound) == 0


@pytest.mark.parametrize(
    "odd",
    [
        "<script>alert(1)</script>",
        "'; DROP TABLE cases; --",
        "NUL\0byte",
        "🏳️‍🌈 ﷽ Ω≈ç√",
        "{{7*7}}${7*7}",
    ],
)
async def test_odd_text_is_stored_as_text_and_shown_escaped(desk: DeskUnderTest, odd: str) -> None:
    async with face(desk) as web:
        shown = await posted(web, name=odd, subject=odd, text=odd, email="")
        answer = await posted(web, name=odd, subject=odd, text=odd)
        await web.files()

    assert "<script>alert" not in shown.text
    assert answer.status_code == 303
    (case,) = desk.all(Case)
    assert case.subject == odd.replace("\0", "\ufffd")
    assert desk.activities(case)[0].text == odd.replace("\0", "\ufffd")


@pytest.mark.parametrize("error", [StorageFull("full"), Busy("busy"), OSError(28, "full")])
async def test_what_cannot_be_kept_is_given_back(
    sqlite_desk: DeskUnderTest, error: Exception
) -> None:
    def failing(journal: Journal) -> Journal:
        async def keep(*_arrived: Any) -> None:
            raise error

        journal.keep = keep  # type: ignore[method-assign]
        return journal

    async with face(sqlite_desk, change=failing) as web:
        answer = await posted(web, text="A long story")

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "30"
    assert "A long story" in answer.text
    assert sqlite_desk.count(Inbound) == 0


async def test_a_database_that_comes_back_takes_the_same_form(sqlite_desk: DeskUnderTest) -> None:
    async with face(sqlite_desk) as web:
        data = {"ticket": await web.ticket(), **FILLED}
        with _locked(sqlite_desk):
            refused = await web.browser.post("/form", data=data)
        again = re.search(r'name="ticket" value="([^"]+)"', refused.text)
        assert again is not None
        taken = await web.browser.post("/form", data={**data, "ticket": again[1]})
        await web.files()

    assert (refused.status_code, taken.status_code) == (503, 303)
    assert again[1] == data["ticket"]
    assert sqlite_desk.count(Case) == 1


async def test_a_body_over_the_limit_is_refused_while_it_comes(sqlite_desk: DeskUnderTest) -> None:
    kind = {"content-type": "multipart/form-data; boundary=x"}
    block = _chunk(b"a" * 65536)
    async with face(sqlite_desk, patience=Patience(heard_out_seconds=0.2)) as web:
        said = await web.browser.post("/form", content=b"a" * (12 << 20), headers=kind)
        unsaid = await _raw_post(web, "Transfer-Encoding: chunked", _chunk(FILE), *[block] * 300)

    assert said.status_code == 413
    assert unsaid.startswith("HTTP/1.1 413")


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"content-type": "application/json"}, b"{}", 415),
        (
            {"content-type": "application/x-www-form-urlencoded", "content-encoding": "gzip"},
            b"",
            415,
        ),
        ({"content-type": "multipart/form-data"}, b"--x--", 400),
        ({"content-type": "multipart/form-data; boundary=x"}, b"--x\r\nnot a header", 400),
        ({"content-type": "application/x-www-form-urlencoded"}, b"&".join([b"a=1"] * 10_000), 400),
        ({"content-type": "application/x-www-form-urlencoded"}, b"text=" + b"a" * 300_000, 400),
        (
            {"content-type": "multipart/form-data; boundary=x"},
            (FILE + b"\r\n") * 1000 + b"--x--",
            400,
        ),
    ],
    ids=[
        "json",
        "gzip",
        "no boundary",
        "never closed",
        "10,000 fields",
        "one huge field",
        "1,000 files",
    ],
)
async def test_what_is_no_form_of_ours_is_refused(
    sqlite_desk: DeskUnderTest, headers: dict[str, str], body: bytes, status: int
) -> None:
    async with face(sqlite_desk) as web:
        answer = await web.browser.post("/form", content=body, headers=headers)
        well = await posted(web)

    assert answer.status_code == status
    assert well.status_code == 303


async def test_a_slow_body_is_hung_up_and_others_are_served(sqlite_desk: DeskUnderTest) -> None:
    patience = Patience(grace_seconds=0.5, bytes_per_second=1000, heard_out_seconds=0.2)
    async with face(sqlite_desk, patience=patience) as web:
        slow = asyncio.create_task(_raw_post(web, "Content-Length: 1000", FILE))
        honest = await posted(web)
        answer = await asyncio.wait_for(slow, 20)

    assert honest.status_code == 303
    assert answer.startswith("HTTP/1.1 408")


@pytest.mark.parametrize(
    ("received_bytes", "since_seconds", "goes_on"),
    [
        (0, 59.9, True),
        (0, 60.1, False),
        (50_000, 99, True),
        (50_000, 101, False),
        (10_000_000, 899, True),
        (10_000_000, 901, False),
    ],
)
def test_a_body_may_be_slow_but_not_for_ever(
    received_bytes: int, since_seconds: float, goes_on: bool
) -> None:
    assert (Patience().left(received_bytes, since_seconds) > 0) is goes_on


async def test_one_address_may_not_be_named_over_and_over(sqlite_desk: DeskUnderTest) -> None:
    async with face(sqlite_desk) as web:
        answers = [await posted(web, subject=f"Number {i}") for i in range(7)]
        other = await posted(web, email="bob@example.com")

    assert [answer.status_code for answer in answers] == [303] * 6 + [429]
    assert int(answers[-1].headers["retry-after"]) <= 600
    assert other.status_code == 303


def test_an_allowance_refills_and_forgets_nobody_it_should_know() -> None:
    allowance = Allowance(3, 30)

    taken = [allowance.wait("a", now=0.0) for _ in range(4)]

    assert taken == [0.0, 0.0, 0.0, 10.0]
    assert allowance.wait("b", now=0.0) == 0.0
    assert allowance.wait("a", now=9.0) == pytest.approx(1.0)
    assert allowance.wait("a", now=10.0) == 0.0
    assert [allowance.wait("a", now=1e6) > 0 for _ in range(4)] == [False, False, False, True]
    assert not any(allowance.wait(LOOPBACK, now=0.0) for _ in range(3 * LOOPBACK_SHARE))
    assert allowance.wait(LOOPBACK, now=0.0) > 0


def test_a_ticket_is_ours_whole_and_fresh(sqlite_desk: DeskUnderTest) -> None:
    desk = sqlite_desk.settings
    ticket = new_ticket(desk, NOON)

    assert instance_of(desk, ticket, NOON + TICKET_LASTS) == ticket[:32]
    assert instance_of(desk, ticket, NOON + TICKET_LASTS + timedelta(seconds=1)) is None
    assert instance_of(desk, ticket, NOON - timedelta(seconds=1)) is None
    for at in range(len(ticket)):
        changed = "b" if ticket[at] != "b" else "c"
        assert instance_of(desk, ticket[:at] + changed + ticket[at + 1 :], NOON) is None


@pytest.mark.parametrize(
    "path", ["/form", "/form/received", "/chat", "/chat/widget.js", "/style.css", "/nowhere"]
)
async def test_every_page_says_how_it_may_be_used(sqlite_desk: DeskUnderTest, path: str) -> None:
    async with face(sqlite_desk) as web:
        answer = await web.browser.get(path)

    policy = answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert not re.search(r"<script>|<style|\son\w+=|style=", answer.text) or path.endswith("js")


@pytest.mark.parametrize(
    ("host", "status"),
    [("evil.example", 400), ("127.0.0.1:1", 400), ("localhost:{}", 200), ("127.0.0.1:{}", 200)],
)
async def test_only_our_own_host_is_answered(
    sqlite_desk: DeskUnderTest, host: str, status: int
) -> None:
    async with face(sqlite_desk) as web:
        answer = await web.browser.get("/form", headers={"host": host.format(web.port)})

    assert answer.status_code == status
    assert "evil" not in answer.text


def test_a_public_name_is_known_with_and_without_its_usual_port() -> None:
    assert hosts("https://Help.example") == {"help.example", "help.example:443"}
    assert hosts("http://help.example:8080") == {"help.example:8080"}
    assert "[::1]:8000" in hosts("http://localhost:8000")


@pytest.fixture
def sqlite_desk(sqlite_url: str) -> Iterator[DeskUnderTest]:
    """A desk for what does not depend on the engine."""
    from intake.db import Database

    db = Database(sqlite_url)
    yield DeskUnderTest(db)
    db.close()


@contextmanager
def _locked(desk: DeskUnderTest) -> Iterator[None]:
    """Another process writes and does not end."""
    import fcntl

    path: Path | None = desk.db.lock_path
    assert path is not None
    with open(path, "a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _raw(desk: DeskUnderTest) -> list[bytes]:
    with desk.db.reading() as session:
        return list(session.scalars(select(Inbound.raw)))


def _chunk(block: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(block), block)


async def _raw_post(web: Face, header: str, *blocks: bytes) -> str:
    """The first line answered to a body that never ends; returns when we are hung up on."""
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    writer.write(
        f"POST /form HTTP/1.1\r\nHost: 127.0.0.1:{web.port}\r\n{header}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n".encode()
    )
    for block in blocks:
        writer.write(block)
        with suppress(ConnectionError):
            await writer.drain()
    answer = (await reader.readline()).decode()
    with suppress(ConnectionError):
        await reader.read()
    writer.close()
    return answer


async def test_the_form_asks_what_the_desk_laid_out_and_the_case_says_it(
    desk: DeskUnderTest,
) -> None:
    lay_out(desk, "serial_no", FieldKind.TEXT, required=Required.OPENING)
    lay_out(desk, "seats", FieldKind.NUMBER)
    lay_out(desk, "floors", FieldKind.CHOICES, choices=["Ground", "Roof"])
    lay_out(desk, "cause", FieldKind.TEXT, public=False)
    async with face(desk) as web:
        page = (await web.browser.get("/form")).text
        wrong = await posted(web, **{"asked.seats": "many", "asked.floors": "Roof"})
        taken = await posted(
            web,
            **{"asked.serial_no": "K-7", "asked.seats": "12", "asked.floors": "Roof"},
            **{"asked.cause": "dust", "asked.other": "x"},
        )
        await web.files()

    assert "asked.serial_no" in page
    assert "asked.cause" not in page
    assert wrong.status_code == 422
    assert "Please fill this in." in wrong.text
    assert "Please write a number, such as 12 or 0.5." in wrong.text
    assert re.search(r'value="Roof"\s+checked', wrong.text)
    assert taken.status_code == 303
    assert {row.key: row.value for row in desk.all(FieldValue)} == {
        "serial_no": "K-7", "seats": 12, "floors": ["Roof"],
    }  # fmt: skip
    [opened] = [event for event in desk.all(Event) if event.kind == "case.opened"]
    assert opened.data["changes"]["number.seats"] == [None, 12]


async def test_an_answer_to_what_is_asked_no_more_is_a_note_for_the_agent(
    desk: DeskUnderTest,
) -> None:
    lay_out(desk, "seats", FieldKind.NUMBER)
    async with face(desk) as web:
        await posted(web, **{"asked.seats": "12"})
        with desk.transaction() as session:
            custom.archive_field(session, SYSTEM, "seats", at=NOON)
        await web.files()

    [case] = desk.all(Case)
    [activity] = desk.activities(case)
    assert "The form also said of seats: 12" in activity.notes
    assert desk.all(FieldValue) == []


def lay_out(desk: DeskUnderTest, key: str, kind: FieldKind, **more: Any) -> None:
    with desk.transaction() as session:
        said = {"label": key.title(), "public": True, **more}
        custom.add_field(session, SYSTEM, key=key, kind=kind, at=NOON, **said)
