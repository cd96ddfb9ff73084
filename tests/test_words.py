"""Words: folding, stems, and what a mail says without what is around it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.gist import gist
from kb.words import FAINT, SILENT, stem, tokens


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Contraseña CADUCADA", ["contrasena", "caducada"]),
        ("can't log-in", ["cant", "log", "in"]),
        ("SEC_ERROR_REUSED 0x80", ["sec", "error", "reused", "0x80"]),
        ("Straße ÉTÉ", ["strasse", "ete"]),
        ("パスワード", ["パス", "スワ", "ワー", "ード"]),
        ("сбросить пароль", ["сбросить", "пароль"]),
        ("key " + "a" * 41, ["key"]),
        ("", []),
    ],
    ids=[
        "accents",
        "apostrophe",
        "underscores",
        "sharp s",
        "kana",
        "cyrillic",
        "checksum",
        "empty",
    ],
)
def test_words_are_read_folded_whatever_the_alphabet(text, words):
    assert tokens(text) == words


@pytest.mark.parametrize(
    "forms",
    [
        "activate activated activating activates",
        "change changes changing changed",
        "entry entries",
        "crash crashes crashed crashing",
        "stop stopped stopping",
        "invoice invoices",
        "factura facturas facturado facturación",
        "cancela cancelado cancelación cancelando",
        "contraseña contraseñas",
        "configuración configuraciones",
    ],
)
def test_the_forms_of_a_word_share_a_stem(forms):
    assert len({stem(token) for token in tokens(forms)}) == 1


@pytest.mark.parametrize(
    "pair",
    ["date data", "form firm", "string sting", "bus business", "401 404", "ios io", "pass passive"],
)
def test_different_words_keep_different_stems(pair):
    first, second = tokens(pair)

    assert stem(first) != stem(second)


def test_no_word_is_both_silent_and_faint_and_all_are_folded():
    assert not SILENT & FAINT
    assert all(tokens(word) == [word] for word in SILENT | FAINT)


MAIL = """\
Good afternoon, hope you are well.

Invoice missing

I cannot find the invoice for March.
- it is not in the portal
---
Where is it?

Kind regards,
Ada Lovelace
Analytical Engines Ltd. | Tel. 555-0147

On Tue, 12 Mar 2024 at 09:41, Support
<support@example.com> wrote:
> Your request has been received.
"""


def test_the_gist_of_a_mail_has_neither_greeting_nor_signature_nor_history():
    said = gist(MAIL)

    assert said.startswith("Invoice missing\nI cannot find")
    assert said.endswith("Where is it?")


def test_an_answer_below_the_quoted_question_is_kept():
    said = gist(
        "On Monday Bo wrote:\n> Which version?\nVersion 7 on Windows.\n> And since when?\nMay."
    )

    assert said == "Version 7 on Windows.\nMay."


@pytest.mark.parametrize(
    "tail",
    [
        "-- \nAda\nOffice 4.12",
        "-----Original Message-----\nFrom: Support\nWe will look into it.",
        "________________________________\nFrom: Support\nSent: Monday\nWe will look into it.",
        "From: Support\nSent: Monday\nTo: Ada\nWe will look into it.",
        "De: Soporte\nEnviado: lunes\nPara: Ada\nLo miraremos.",
        "Sent from my iPhone",
        "Enviado desde mi iPhone",
        "This e-mail is confidential and intended solely for the addressee.",
        "Un saludo,\nAda",
        "Thanks, Ada",
        "El mar, 12 mar 2024 a las 9:41, Soporte escribió:\n> Lo miraremos.",
    ],
)
def test_what_follows_the_message_is_cut(tail):
    assert gist(f"The printer is on fire.\n\n{tail}\n") == "The printer is on fire."


@pytest.mark.parametrize(
    "text",
    [
        "Hi, my printer prints only every second page since the update",
        "Thanks to the last update my printer is broken and nobody answers the phone",
        "Best printer for the office?",
        "From: which page on does it print?",
        "Hello world does not compile in the online editor",
        "Thanks!\nBut now the scanner has stopped working, can you have a look at that as well?",
    ],
)
def test_words_of_courtesy_do_not_cut_what_is_asked(text):
    assert gist(text) == text


def test_a_mail_of_nothing_but_courtesy_stays_as_it_is():
    assert gist("Hello,\n") == "Hello,"
    assert gist("> only a quote") == "> only a quote"


HOSTILE = (
    *("\n", " ", "\t\n", "> ", ">\n", "On ", "On \n", "-- \n", "--\n", "From: a\n", "Sent from "),
    *("Thanks\n", "Hi\n", "wrote:\n", "_", "\x00", "\u2028", "éé\n"),
)


@pytest.mark.parametrize("piece", HOSTILE, ids=repr)
def test_a_megabyte_costs_no_more_than_what_is_read_of_it(piece):
    megabyte = (piece * (1_000_000 // len(piece) + 1))[:1_000_000]

    assert gist(megabyte)[:100] == gist(megabyte[:40_000])[:100]
    assert len(gist(megabyte)) <= 2_000


@given(st.text())
def test_the_gist_is_bounded_and_never_loses_everything(text):
    said = gist(text, limit=50)

    assert len(said) <= 50
    assert said or not text.strip()
