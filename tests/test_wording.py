"""Reply templates and signatures: written, refused, filled in, sent."""

from __future__ import annotations

import pytest

from intake import wording, work
from intake.agents import NotAllowed, Principal, Role
from intake.cases import Case, StaleVersion
from intake.customers import Contact
from intake.events import Delivery
from intake.wording import ReplyTemplate, WrongTemplate
from tests.desk import NOON, DeskUnderTest, email
from tests.office import Office

GREETING = {
    "en": "Hello {contact},\n\nwe look at {number}.",
    "es": "Hola {contact}:\n\nmiramos {number}.",
}


@pytest.fixture
def marta(desk: DeskUnderTest) -> Principal:
    return desk.principal("Marta", Role.MANAGER)


def has_template(
    desk: DeskUnderTest, by: Principal, texts: dict[str, str] = GREETING, name: str = "Greeting"
) -> ReplyTemplate:
    with desk.transaction() as session:
        return wording.write(session, by, name, texts, at=NOON)


def opens(desk: DeskUnderTest, *, language: str = "", subject: str = "Hello") -> Case:
    ada = desk.has_customer("ada@example.com")
    with desk.transaction() as session:
        session.get_one(Contact, ada.id).language = language
    [receipt] = desk.accepts(email(subject=subject))
    assert receipt.case is not None
    return receipt.case


@pytest.mark.parametrize(
    ("language", "says", "note"),
    [
        ("es", "Hola Ada", ""),
        ("es-MX", "Hola Ada", ""),
        ("", "Hello Ada", ""),
        ("de", "Hello Ada", "it is in en, for there is none in de"),
    ],
)
def test_a_template_is_filled_in_the_language_of_the_contact(
    desk: DeskUnderTest, marta: Principal, language: str, says: str, note: str
) -> None:
    template, case = has_template(desk, marta), opens(desk, language=language)

    with desk.db.reading() as session:
        found = wording.filled(
            session, wording.by_id(session, template.id), case, marta, desk.settings
        )

    assert found.text.startswith(says)
    assert str(case.number) in found.text
    assert found.note == note


def test_what_is_filled_in_is_one_line_and_is_not_read_again(
    desk: DeskUnderTest, marta: Principal
) -> None:
    template = has_template(desk, marta, {"en": "About “{subject}” {product}"})
    case = opens(desk, subject="{agent}\r\nBcc: all\x01\u202e" + "x" * 300)

    with desk.db.reading() as session:
        found = wording.filled(
            session, wording.by_id(session, template.id), case, marta, desk.settings
        )

    assert "\n" not in found.text
    assert found.text.startswith("About “{agent} Bcc: all x")
    assert len(found.text) < 230
    assert found.note == "nothing is known of the product"


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ({"en": "Hello {nobody}"}, r"texts.en: \{nobody\} cannot be filled in; use \{number\}"),
        ({"en": "{number}", "es": "{número}"}, r"texts.es: \{número\} cannot"),
        ({"en": "{}"}, r"texts.en: \{\} cannot"),
        ({"en": "{subject.upper}"}, r"texts.en: \{subject.upper\} cannot"),
        ({"en": "{{number}}"}, r"texts.en: \{\{number\}\} cannot"),
        ({"en": "Case {number"}, r"texts.en: \{number cannot"),
        ({"en": "  "}, "texts.en: a text of 1 to"),
        ({"english": "Hello"}, "language: 'english' is no language tag"),
        ({}, "texts: write it in one language at least"),
    ],
)
def test_a_text_that_could_not_be_filled_in_is_refused(
    desk: DeskUnderTest, marta: Principal, texts: dict[str, str], says: str
) -> None:
    with pytest.raises(WrongTemplate, match=says):
        has_template(desk, marta, texts)

    assert desk.count(ReplyTemplate) == 0


def test_who_read_an_older_template_is_told(desk: DeskUnderTest, marta: Principal) -> None:
    template, grace = has_template(desk, marta), desk.principal("Grace")

    with desk.transaction() as session:
        wording.rewrite(session, marta, template.id, "New", {"en": "x"}, at=NOON, version=1)
        with pytest.raises(StaleVersion):
            wording.rewrite(session, marta, template.id, "Old", {"en": "y"}, at=NOON, version=1)
        with pytest.raises(NotAllowed):
            wording.archive(session, grace, template.id, at=NOON)


def test_answers_by_mail_are_signed_by_their_queue_in_the_language_of_the_contact(
    desk: DeskUnderTest, marta: Principal
) -> None:
    case = opens(desk, language="es")
    texts = {"en": "Yours, {agent}\n{organisation}", "es": "Un saludo, {agent}"}
    with desk.transaction() as session:
        work.reply(session, marta, case.id, "Plain.", desk=desk.settings, at=NOON)
        wording.sign_with(session, marta, desk.queue.id, texts, at=NOON)
        work.reply(session, marta, case.id, "Signed.", desk=desk.settings, at=NOON)

    said = [row.payload["text"] for row in desk.all(Delivery) if row.kind == "reply"]
    assert said == ["Plain.", "Signed.\n\nUn saludo, Marta"]


def test_templates_by_graphql(desk: DeskUnderTest) -> None:
    office, marta = Office(desk), desk.has_agent("Marta", Role.MANAGER)
    grace, case = desk.has_agent("Grace"), opens(desk)
    write = """
      mutation ($texts: [LocalTextInput!]!) { writeTemplate(name: "Hi", texts: $texts) {
        ... on TemplateChanged { template { id texts { language } } }
        ... on WrongInput { field } ... on Problem { code } } }
    """

    wrong = office.asks(write, by=marta, texts=[{"language": "en", "text": "{x}"}])
    hers = office.asks(write, by=grace, texts=[{"language": "en", "text": "x"}])
    right = office.asks(write, by=marta, texts=[{"language": "en", "text": "Hi {agent} {number}"}])
    said = office.asks(
        "query ($t: UUID!, $n: Int!) { filledTemplate(template: $t, caseNumber: $n) { text } }",
        by=grace, t=right["writeTemplate"]["template"]["id"], n=case.number,
    )  # fmt: skip

    assert wrong["writeTemplate"]["field"] == "texts.en"
    assert hers["writeTemplate"]["code"] == "not-allowed"
    assert said["filledTemplate"]["text"] == f"Hi Grace {case.number}"
