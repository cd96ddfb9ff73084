"""Reading mail: what a customer meant, whatever their program made of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels import email
from channels.email.attachments import safe_name
from channels.email.charsets import codec_of, decode
from channels.email.quotes import new_text
from intake.messages import Automatic, Message

MAIL = Path(__file__).parent / "mail"


def parsed(name: str, **envelope: object) -> Message:
    return email.parse((MAIL / f"{name}.eml").read_bytes(), envelope)


def mail(*fields: str, text: str = "hello", **envelope: object) -> Message:
    header = "".join(f"{field}\r\n" for field in fields)
    return email.parse(f"{header}\r\n{text}".encode("utf-8", "surrogateescape"), envelope)


# What a mail says


def test_the_text_and_the_html_of_one_saying_are_both_kept():
    message = parsed("text-and-html")

    assert message.text.strip() == "It stops at card 12 – every time."
    assert "<b>12</b>" in message.html
    assert message.attachments == ()
    assert message.sender is not None
    assert (message.sender.value, message.sender.name) == ("ada@example.com", "Ada Lovelace")
    assert message.message_id == "engine-1@example.com"
    assert message.sent_on == "2026-11-02T09:15:00+01:00"


def test_html_alone_becomes_text_without_what_nobody_sees():
    message = parsed("only-html")

    assert "The printer shows:" in message.text
    assert "E-42" in message.text
    assert not any(word in message.text for word in ("preheader", "not text", "color", "alert"))


def test_flowed_lines_are_joined_and_quotes_and_signatures_are_not():
    message = parsed("flowed-paragraphs")

    assert "stops when it reads a card that is bent." in message.text
    assert "> You wrotethis." in message.text
    assert message.new_text == "The machine stops when it reads a card that is bent."


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mailbox-file-first-line", "hello"),
        ("no-blank-line-before-the-text", "Hello, the text begins at once."),
        ("text-without-headers", "Hello? Is anybody there"),
        ("multipart-that-never-begins", "The boundary never comes, the text does."),
        ("multipart-cut-in-the-middle", "All of the text is here."),
    ],
)
def test_a_broken_mail_still_says_what_it_says(name: str, words: str):
    assert words in parsed(name).text


def test_headers_alone_are_a_mail_without_text():
    message = parsed("only-headers")

    assert (message.subject, message.text, message.new_text) == ("Nothing more", "", "")


def test_no_bytes_at_all_are_a_mail_from_nobody():
    message = email.parse(b"", {})

    assert (message.sender, message.subject, message.text) == (None, "", "")
    assert message.sender_doubt == "there is no From field"


def test_a_file_that_is_the_whole_mail_stays_a_file():
    message = mail(
        "From: ada@example.com",
        "Content-Type: text/plain",
        "Content-Disposition: attachment; filename=log.txt",
        text="line 1",
    )

    assert message.text == ""
    assert [each.name for each in message.attachments] == ["log.txt"]


# Charsets that lie


@pytest.mark.parametrize(
    ("name", "words", "guessed"),
    [
        ("umlauts-declared-as-ascii", "Grüße aus Köln, die Maschine läuft wieder.", False),
        ("windows-1252-declared-as-latin-1", "It costs 100 € — “cheap”.", False),
        ("chinese-declared-gb2312-sent-as-utf-8", "打印机不能工作，请帮助我们。", True),
        ("cyrillic-without-any-charset", "Здравствуйте! Принтер не работает", True),
    ],
)
def test_text_is_readable_whatever_charset_was_declared(name: str, words: str, guessed: bool):
    message = parsed(name)

    assert words in message.text
    assert any("by guess" in note for note in message.notes) is guessed


def test_utf_7_is_never_decoded_into_markup():
    message = parsed("utf-7-that-hides-a-script")

    assert "+ADw-script+AD4-" in message.text
    assert "<script" not in message.html + message.subject


@pytest.mark.parametrize(
    "label",
    [
        "utf-7",
        "unicode_escape",
        "raw_unicode_escape",
        "idna",
        "punycode",
        "zlib",
        "base64",
        "rot13",
    ],
)
def test_a_codec_that_is_no_charset_of_mail_is_unknown(label: str):
    assert codec_of(label) == ""
    assert decode(b"+ADw-b+AD4- \\u003cb\\u003e", label).text == "+ADw-b+AD4- \\u003cb\\u003e"


@pytest.mark.parametrize(
    ("content", "label", "text"),
    [
        ("Grüße".encode("utf-16"), "utf-16", "Grüße"),
        ("Grüße".encode("utf-16-be"), "utf-16", "Grüße"),
        ("Grüße".encode("utf-16-le"), "utf-16", "Grüße"),
        (b"plain", "utf-16", "plain"),
        ("こんにちは".encode("iso-2022-jp")[:-3], "iso-2022-jp", "こんにちは"),
        ("你好".encode("hz"), "hz-gb-2312", "你好"),
        (b"Gr\xfc\xdfe", "x-user-defined", "Grüße"),
        (b"Gr\xfc\xdfe", "1252", "Grüße"),
        ("Grüße ".encode() * 20 + b"\xc3", "utf-8", "Grüße " * 20 + "\ufffd"),
    ],
    ids=repr,
)
def test_odd_labels_give_readable_text(content: bytes, label: str, text: str):
    assert decode(content, label).text == text


@given(content=st.binary(max_size=200), label=st.sampled_from(["", "utf-8", "gb2312", "hz", "x"]))
@settings(max_examples=60, deadline=None)
def test_any_bytes_become_text(content: bytes, label: str):
    assert isinstance(decode(content, label).text, str)


def test_a_letter_cut_between_two_encoded_words_is_whole():
    message = parsed("letter-cut-between-encoded-words")

    assert message.subject == "Grüße 👋 and more"
    assert message.sender is not None
    assert message.sender.name == "Ädä Lövelace"


def test_nothing_that_postgresql_refuses_or_a_header_of_ours_would_break_is_left():
    message = parsed("nul-characters")

    assert message.subject == "NUL and bell and more"
    assert message.text.strip() == "zerozero"


@pytest.mark.parametrize(
    "subject",
    [
        "=?utf-8?q?a=0D=0ABcc:_v=40x.org?=",
        "=?utf-8?b?YQ0KQmNjOiB2QHgub3Jn?=",
        "a\r\n Bcc: v@x.org",
        "a\x0bBcc: v@x.org",
        "a\u2028Bcc: v@x.org",
        "a\x85Bcc: v@x.org",
    ],
)
def test_a_subject_is_one_line_so_it_cannot_start_a_header(subject: str):
    assert mail(f"Subject: {subject}").subject.splitlines() == [
        "a Bcc: v@x.org"
    ]  # U+2028 and U+0085 count as line ends here


# Who sent it


@pytest.mark.parametrize(
    ("written", "address", "name"),
    [
        ("Ada Lovelace <ADA@Example.com>", "ada@example.com", "Ada Lovelace"),
        ('"Lovelace, Ada" <ada@example.com>', "ada@example.com", "Lovelace, Ada"),
        ("ada@example.com (Ada)", "ada@example.com", "Ada"),
        ("ada@example.com", "ada@example.com", ""),
        ("'ada@example.com' <ada@example.com>", "ada@example.com", "ada@example.com"),
        ("=?utf-8?b?QWRh?= <ada@example.com>", "ada@example.com", "Ada"),
        ("Pat O'Brien <o'brien@example.com>", "o'brien@example.com", "Pat O'Brien"),
        ('"ada l"@example.com', '"ada l"@example.com', ""),
    ],
)
def test_an_ordinary_sender_is_certain(written: str, address: str, name: str):
    message = mail(f"From: {written}")

    assert message.sender is not None
    assert (message.sender.value, message.sender.name) == (address, name)
    assert message.sender_doubt == ""


@pytest.mark.parametrize(
    "written",
    [
        "alice@example.org <bob@evil.example>",
        '"alice@example.org" <bob@evil.example>',
        "=?utf-8?q?alice=40example.org?= <bob@evil.example>",
        "<alice@example.org>bob@evil.example",
        "Alice <alice@example.org> <bob@evil.example>",
        "<alice@example.org>, <bob@evil.example>",
        "alice@example.org, bob@evil.example",
        "(alice@example.org) bob@evil.example",
        "bob@evil.example (alice@example.org)",
        "<@alice@example.org:bob@evil.example>",
        "group: alice@example.org;, bob@evil.example",
        "group: alice@example.org;",
        "<alice@example.org\0@evil.example>",
        "alice@example.org@evil.example",
        '"alice@example.org <bob@evil.example>',
        "<alice@example.org <bob@evil.example>>",
        '"a\\"@example.org <alice@example.org>" <bob@evil.example>',
        "<alice@example.org,bob@evil.example>",
        "alice@example.org\r\n bob@evil.example",
        "alice@example.org\r\nFrom: bob@evil.example",
        "alice@example.org\r\nfrom : bob@evil.example",
        "alice@example.org\rX: bob@evil.example",
        "=?utf-8?q?alice=40example.org?=",
        "(" * 500,
        "(" * 50_000,
        "a@b@c",
        "",
    ],
    ids=lambda written: repr(written[:45]),
)
def test_a_sender_that_two_programs_read_differently_is_doubted(written: str):
    message = mail(f"From: {written}")

    assert message.sender_doubt != ""


def test_two_senders_with_an_equal_claim_are_neither():
    message = parsed("two-from-fields")

    assert message.sender is None
    assert "several From fields" in message.sender_doubt


def test_a_sender_whose_envelope_is_malformed_is_doubted():
    plain = mail("From: ada@example.com", mail_from="ada@example.com")
    odd = mail("From: ada@example.com", mail_from="ada@example.com(.evil.example")

    assert plain.sender_doubt == ""
    assert odd.sender_doubt == "the envelope sender is not well formed"


def test_where_a_mail_was_handed_in_comes_from_the_envelope_first():
    message = mail(
        "From: ada@example.com",
        "To: Desk <desk@contoso.example>",
        "Delivered-To: support+t123@contoso.example",
        rcpt_to=["Support@contoso.example"],
    )

    assert [each.value for each in message.to] == ["desk@contoso.example"]
    assert [each.value for each in message.delivered_to] == [
        "support@contoso.example",
        "support+t123@contoso.example",
    ]


# Threads


def test_a_reply_names_what_it_answers_without_brackets():
    assert parsed("reply-without-references").in_reply_to == ("reply-7@contoso.example",)


def test_of_a_thread_of_forty_thousand_both_ends_are_kept():
    ids = " ".join(f"<{n}@example.com>" for n in range(40_000))

    references = mail(f"References: {ids}").references

    assert references[0] == "0@example.com"
    assert references[-1] == "39999@example.com"
    assert len(references) == 100


# Files


def test_a_forwarded_mail_is_one_file_named_by_its_subject():
    raw = (MAIL / "forwarded-mail-inside.eml").read_bytes()

    message = email.parse(raw, {})

    assert message.text.strip() == "Is this from you?"
    (attachment,) = message.attachments
    assert (attachment.name, attachment.content_type) == ("Your invoice.eml", "message/rfc822")
    kind, content = email.part(raw, attachment.part)
    assert kind == "message/rfc822"
    assert content.startswith(b"From: stranger@example.net")
    assert len(content) == attachment.size_bytes


def test_an_inline_picture_is_found_by_its_content_id():
    (picture,) = parsed("inline-picture").attachments

    assert (picture.content_id, picture.inline) == ("photo@ada", True)
    assert picture.sha256 == hashlib.sha256(b"\x89PNG\r\n\x1a\n").hexdigest()


def test_a_file_name_in_pieces_is_put_together():
    assert [each.name for each in parsed("file-name-in-pieces").attachments] == [
        "März report €.pdf"
    ]


def test_a_file_that_was_cut_off_is_kept_as_far_as_it_goes():
    (half,) = parsed("multipart-cut-in-the-middle").attachments

    assert half.name == "half.png"
    assert half.size_bytes > 0


def test_a_part_that_is_not_there_is_an_index_error():
    with pytest.raises(IndexError):
        email.part(b"From: ada@example.com\n\nhello", 1)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Temp\\report.pdf", "report.pdf"),
        ("a\0.exe", "a.exe"),
        ("ph\u202egnp.exe", "phgnp.exe"),
        ("x.jpg\u200b.php", "x.jpg.php"),
        ("a\r\nb.txt", "a b.txt"),
        ("=?utf-8?q?M=C3=A4rz.pdf?=", "März.pdf"),
        (" ..", ""),
        ("a" * 300 + ".pdf", "a" * 115 + "…" + ".pdf"),
    ],
    ids=repr,
)
def test_a_file_name_is_safe_to_show(written: str, shown: str):
    assert safe_name(written) == shown


# Machines


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        (["Auto-Submitted: auto-replied"], Automatic.AUTO_REPLY),
        (["Auto-Submitted: AUTO-REPLIED (vacation)"], Automatic.AUTO_REPLY),
        (["Auto-Submitted: auto-generated"], Automatic.OTHER),
        (["Auto-Submitted: auto-notified; x"], Automatic.OTHER),
        (["Precedence: bulk"], Automatic.BULK),
        (["Precedence: list"], Automatic.BULK),
        (["Precedence: junk"], Automatic.BULK),
        (["Precedence: auto_reply"], Automatic.AUTO_REPLY),
        (["List-Id: <news.example.com>"], Automatic.BULK),
        (["List-Unsubscribe: <mailto:u@example.com>"], Automatic.BULK),
        (["List-Post: <mailto:u@example.com>"], Automatic.BULK),
        (["Feedback-ID: 1:2:3:x"], Automatic.BULK),
        (["X-Auto-Response-Suppress: All"], Automatic.OTHER),
        (["X-Auto-Response-Suppress: DR, RN"], Automatic.OTHER),
        (["X-Auto-Response-Suppress: OOF"], Automatic.OTHER),
        (["X-Auto-Response-Suppress: AutoReply"], Automatic.OTHER),
        (["X-Autoreply: yes"], Automatic.AUTO_REPLY),
        (["X-Autorespond: yes"], Automatic.AUTO_REPLY),
        (["X-Auto-Reply-From: a@example.com"], Automatic.AUTO_REPLY),
        (["Delivered-To: Autoresponder"], Automatic.AUTO_REPLY),
        (["Subject: Automatic reply: hello"], Automatic.AUTO_REPLY),
        (["Subject: Out of office"], Automatic.AUTO_REPLY),
        (["Return-Path: <>"], Automatic.OTHER),
        (["Return-Path: <>", "Subject: Undelivered Mail"], Automatic.BOUNCE),
        (["X-Failed-Recipients: a@example.com"], Automatic.BOUNCE),
        (["X-Deskbell-Loop: desk@contoso.example"], Automatic.LOOP),
        (["Content-Type: multipart/report; report-type=delivery-status"], Automatic.BOUNCE),
        (["Content-Type: multipart/report; report-type=feedback-report"], Automatic.OTHER),
        (
            ["Content-Type: multipart/report; report-type=disposition-notification"],
            Automatic.OTHER,
        ),
    ],
    ids=lambda value: value[0][:50] if isinstance(value, list) else str(value),
)
def test_a_mail_with_a_machines_mark_is_automatic(fields: list[str], kind: Automatic):
    assert mail("From: ada@example.com", *fields).automatic is kind


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("MAILER-DAEMON@example.com", Automatic.BOUNCE),
        ("postmaster@example.com", Automatic.OTHER),
        ("noreply@example.com", Automatic.OTHER),
        ("no-reply@example.com", Automatic.OTHER),
        ("do-not-reply@example.com", Automatic.OTHER),
        ("owner-users@example.com", Automatic.BULK),
        ("users-request@example.com", Automatic.BULK),
        ("users-bounces@example.com", Automatic.BULK),
        ("support@contoso.example", Automatic.LOOP),
        ("SUPPORT@contoso.example", Automatic.LOOP),
    ],
)
def test_a_mail_from_a_machines_address_is_automatic(address: str, kind: Automatic):
    message = mail(f"From: {address}", own_addresses=["support@contoso.example"])

    assert message.automatic is kind


@pytest.mark.parametrize(
    ("fields", "envelope"),
    [
        (["Auto-Submitted: no"], {}),
        (["X-Auto-Response-Suppress: None"], {}),
        (["Subject: Re: Undeliverable letters, a question"], {}),
        (["Precedence: first-class"], {}),
        (["Subject: The office door is out of order"], {"mail_from": "ada@example.com"}),
    ],
)
def test_a_mail_by_a_person_is_not_automatic(fields: list[str], envelope: dict[str, str]):
    assert mail("From: ada@example.com", *fields, **envelope).automatic is None


def test_mail_that_nobody_may_answer_is_automatic():
    assert mail("From: ada@example.com", mail_from="").automatic is Automatic.OTHER
    assert mail("From: ada@example.com", mail_from="ada@example.com").automatic is None


def test_a_report_of_success_is_no_bounce():
    raw = (MAIL / "delivery-failed.eml").read_bytes()

    assert email.parse(raw, {}).automatic is Automatic.BOUNCE
    delivered = raw.replace(b"Action: failed", b"Action: delivered")
    assert email.parse(delivered, {}).automatic is Automatic.OTHER


def test_an_absence_note_is_an_automatic_reply():
    assert parsed("out-of-office").automatic is Automatic.AUTO_REPLY


# What is new


NEW = "It still stops."
ATTRIBUTIONS = {
    "english": "On Mon, Nov 2, 2026 at 9:15 AM, Desk <desk@contoso.example> wrote:",
    "german": "Am Mo., 2. Nov. 2026 um 09:15 Uhr schrieb Desk <desk@contoso.example>:",
    "french": "Le lun. 2 nov. 2026 à 09:15, Desk <desk@contoso.example> a écrit :",
    "spanish": "El lun, 2 nov 2026 a las 9:15, Desk (<desk@contoso.example>) escribió:",
    "russian": "пн, 2 нояб. 2026 г. в 09:15, Desk <desk@contoso.example>:",
    "japanese": "2026年11月2日(月) 9:15 Desk <desk@contoso.example>:",
    "wrapped": "On Mon, Nov 2, 2026 at 9:15 AM, The Friendly Service Desk of Contoso\n"
    "<desk@contoso.example> wrote:",
}
HEADER_BLOCKS = {
    "outlook": "From: Desk <desk@contoso.example>\nSent: Monday, 9:15\nTo: Ada\nSubject: Re: x\n",
    "outlook in german": "Von: Desk [mailto:desk@contoso.example]\nGesendet: Montag\nAn: Ada\n"
    "Betreff: AW: x\n",
    "a rule": "________________________________\nFrom: Desk <desk@contoso.example>\nSent: 9:15\n",
    "original message": "-----Original Message-----\nFrom: Desk\nSent: Monday\n",
    "mensaje original": "-----Mensaje original-----\nDe: Desk <desk@contoso.example>\n",
}


@pytest.mark.parametrize("marks", ["> ", ""], ids=["marked", "unmarked"])
@pytest.mark.parametrize("attribution", ATTRIBUTIONS.values(), ids=ATTRIBUTIONS)
def test_what_an_attribution_quotes_is_not_new(attribution: str, marks: str):
    old = "\n".join(f"{marks}{line}" for line in ("Does it work now?", "Your desk"))

    assert new_text(f"{NEW}\n\n{attribution}\n\n{old}\n") == NEW


@pytest.mark.parametrize("block", HEADER_BLOCKS.values(), ids=HEADER_BLOCKS)
def test_what_stands_below_a_header_block_is_not_new(block: str):
    assert new_text(f"{NEW}\n\n{block}\nDoes it work now?\n") == NEW


def test_answers_between_quoted_lines_are_new():
    text = f"{ATTRIBUTIONS['english']}\n> Does it work?\nNo.\n> Since when?\nSince Monday.\n"

    assert new_text(text) == "No.\nSince Monday."


@pytest.mark.parametrize(
    "text",
    [
        "On 3 May 2024 at 10:30 this happened:\n\nthe engine stopped.",
        "I need:\n- paper\n- ink\nby 10:30.",
        "Name: Ada\nDepartment: Research\nMachine: 12\n\nIt stops.",
        "Sent from my desk, because the printer is broken.",
        "---- urgent ----\n\nIt stops.",
        "Two things:\n---\nThe first.\n---\nThe second.",
        "Please write to:\nada@example.com\nThank you.",
        "Our address was on the label that the driver showed to us when he came:\nad@example.com",
    ],
    ids=lambda text: text[:20],
)
def test_a_customers_own_words_are_not_taken_for_history(text: str):
    assert new_text(text) == text


@pytest.mark.parametrize("text", ["> all quoted\n> and nothing else", "-- \nAda", "\n\n> x\n"])
def test_the_new_text_is_never_empty_when_the_text_is_not(text: str):
    assert new_text(text) == text.strip()


def test_history_that_only_the_html_marks_is_not_new():
    message = mail(
        "From: ada@example.com",
        "Content-Type: text/html",
        text="<p>It still stops.</p><blockquote type=cite><p>Does it work?</p></blockquote>",
    )

    assert message.new_text == "It still stops."
    assert "Does it work?" in message.text


@given(st.text(alphabet="ab :>-_\n@.1", max_size=300))
@settings(max_examples=150, deadline=None)
def test_whatever_the_text_something_of_it_is_new(text: str):
    assert bool(new_text(text)) == bool(text.strip())


# Whatever comes


@given(st.binary(max_size=400))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_a_mail(raw: bytes):
    message = email.parse(raw, {})

    assert "\0" not in message.text + message.subject
    assert Message.from_json(message.as_json()) == message


@given(
    st.lists(
        st.sampled_from(
            [
                b"From: a@b.c\n", b"Content-Type: multipart/mixed; boundary=x\n", b"--x\n",
                b"--x--\n", b"\n", b"Content-Type: message/rfc822\n", b"text\n", b"\r", b" \n",
                b"Content-Type: text/html\n", b"<p>=?utf-8?q?=ff?=\n", b"Subject: =?x?b?////?=\n",
                b"Content-Transfer-Encoding: base64\n", b"Content-Type: multipart/related\n",
                b"Content-Type: text/plain; charset=utf-16\n", b"Content-Disposition: inline\n",
                b"Content-Transfer-Encoding: x-uuencode\n", b"From: b <\n", b"begin 644 x\n",
            ]
        ),
        max_size=30,
    )
)  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_any_order_of_mail_lines_is_a_mail(lines: list[bytes]):
    message = email.parse(b"".join(lines), {})

    leaves = [each.part for each in message.attachments]
    assert len(leaves) == len(set(leaves))
    for each in message.attachments:
        assert len(email.part(b"".join(lines), each.part)[1]) == each.size_bytes
