"""Templates that go out by themselves: chosen, refused, sent, on both databases."""

from __future__ import annotations

from uuid import UUID

import pytest

from channels.sandbox import Sandbox
from intake import wording
from intake.agents import NotAllowed, Principal, Role
from intake.customers import Contact
from intake.db import Database
from intake.events import Delivery, Event
from intake.messages import Outgoing
from intake.queues import WhenNotCovered
from intake.wording import Occasion, WrongTemplate
from tests.console import Console, tree, words
from tests.desk import NOON, DeskUnderTest, email
from tests.office import Office
from tests.test_acknowledge import sent
from tests.test_renewals import ENDING, day, tick
from tests.test_wording import has_template

HERE = {"en": "Thanks, we are on {number}.", "es": "Gracias, miramos {number}.", "de": "Danke."}
ACKNOWLEDGEMENT = Occasion.ACKNOWLEDGEMENT


@pytest.fixture
def marta(desk: DeskUnderTest) -> Principal:
    return desk.principal("Marta", Role.MANAGER)


def choose(
    desk: DeskUnderTest, by: Principal, occasion: Occasion, id: UUID | None, *, queue: bool = False
) -> None:
    with desk.transaction() as session:
        queue_id = desk.queue.id if queue else None
        wording.choose(session, by, occasion, id, queue_id=queue_id, at=NOON)


@pytest.mark.parametrize(
    ("prefers", "writes", "text", "subject"),
    [
        ("", "", "Thanks, we are on 1001.", "Case 1001: we have your message"),
        ("es-MX", "en", "Gracias, miramos 1001.", "Caso 1001: hemos recibido su mensaje"),
        ("", "es", "Gracias, miramos 1001.", "Caso 1001: hemos recibido su mensaje"),
        ("de", "es", "Danke.", "Case 1001: we have your message"),
    ],
)
def test_a_new_case_is_acknowledged_in_the_chosen_words_and_the_language_preferred(
    desk: DeskUnderTest, marta: Principal, prefers: str, writes: str, text: str, subject: str
) -> None:
    choose(desk, marta, ACKNOWLEDGEMENT, has_template(desk, marta, HERE).id)
    ada = desk.has_customer("ada@example.com")
    with desk.transaction() as session:
        session.get_one(Contact, ada.id).language = prefers

    desk.accepts(email("ada@example.com", language=writes))

    [mail] = sent(desk)
    assert (mail.text, mail.subject) == (text, subject)


def test_a_queue_chooses_before_the_desk_and_what_is_gone_leaves_our_own_words(
    desk: DeskUnderTest, marta: Principal
) -> None:
    of_desk = has_template(desk, marta, {"en": "The desk has it."}, "Desk").id
    of_queue = has_template(desk, marta, {"en": "{queue} has it."}, "Queue").id
    choose(desk, marta, ACKNOWLEDGEMENT, of_desk)
    choose(desk, marta, ACKNOWLEDGEMENT, of_queue, queue=True)

    desk.accepts(email("a@example.com"))
    choose(desk, marta, ACKNOWLEDGEMENT, None, queue=True)
    desk.accepts(email("b@example.com"))
    with desk.transaction() as session:
        wording.archive(session, marta, of_desk, at=NOON)
    desk.accepts(email("c@example.com"))

    by_address = {mail.to[0]: mail.text for mail in sent(desk)}
    assert by_address["a@example.com"] == "Support has it."
    assert by_address["b@example.com"] == "The desk has it."
    assert by_address["c@example.com"].startswith("Hello,")
    told = [event.data["name"] for event in desk.all(Event) if event.kind == "template.chosen"]
    assert told == ["Desk", "Queue", ""]


def test_an_offer_has_words_of_its_own(desk: DeskUnderTest, marta: Principal) -> None:
    with desk.transaction() as session:
        queue = session.get_one(type(desk.queue), desk.queue.id)
        queue.when_not_covered = WhenNotCovered.OFFER
    offer = has_template(desk, marta, {"en": "Nothing covers {number}."}, "Offer").id
    choose(desk, marta, Occasion.OFFER, offer, queue=True)
    choose(desk, marta, ACKNOWLEDGEMENT, has_template(desk, marta, HERE).id)

    desk.accepts(email("a@example.com"))

    [mail] = sent(desk)
    assert mail.text == "Nothing covers 1001."


def test_a_plan_that_ends_is_told_of_in_the_chosen_words(
    desk: DeskUnderTest, marta: Principal
) -> None:
    news = {"en": "Of {plan}, {left} are left until {ends}, {account}. {organisation}"}
    choose(desk, marta, Occasion.BEFORE, has_template(desk, marta, news).id)
    desk.has_entitlement(desk.has_customer().account_id, **ENDING)

    for at in (day("2026-05-31"), day("2026-07-05")):
        tick(desk, at)

    told = [Outgoing.from_json(d.payload) for d in desk.all(Delivery) if d.kind == "notice"]
    before, after = sorted(told, key=lambda mail: "ended" in mail.subject)
    left = "5 of 5 cases are left until 2026-06-30, example.com. Example Desk"
    assert (before.subject, before.text) == (
        "Support plan ends on 2026-06-30", f"Of Support plan, {left}",
    )  # fmt: skip
    assert after.text.startswith("Hello,"), "of that nothing was chosen"


@pytest.mark.parametrize("name", ["subject", "contact", "account", "plan", "left", "agent"])
def test_no_word_of_a_stranger_is_chosen_nor_written_into_what_was(
    desk: DeskUnderTest, marta: Principal, name: str
) -> None:
    wrong = {"en": "We have it.", "es": f"Tenemos {{{name}}}."}
    template = has_template(desk, marta, wrong)
    fine = has_template(desk, marta, HERE, "Fine")
    choose(desk, marta, ACKNOWLEDGEMENT, fine.id)

    with pytest.raises(WrongTemplate, match=rf"^texts.es: {{{name}}} may not stand in what goes"):
        choose(desk, marta, ACKNOWLEDGEMENT, template.id)
    with pytest.raises(WrongTemplate, match=r"^texts.es: "), desk.transaction() as session:
        wording.rewrite(session, marta, fine.id, "Fine", wrong, at=NOON)
    desk.accepts(email("victim@example.com", "BUY PILLS", "http://evil.example"))

    [mail] = sent(desk)
    assert mail.text == "Thanks, we are on 1001."


def test_only_managers_choose_and_only_what_is_there(desk: DeskUnderTest, marta: Principal) -> None:
    template = has_template(desk, marta, HERE)
    with pytest.raises(NotAllowed):
        choose(desk, desk.principal("Grace"), ACKNOWLEDGEMENT, template.id)
    with pytest.raises(WrongTemplate, match=r"^queue: .* is of no queue"):
        choose(desk, marta, Occasion.LOW, template.id, queue=True)
    with desk.transaction() as session:
        wording.archive(session, marta, template.id, at=NOON)
    with pytest.raises(WrongTemplate, match=r"^template: “Greeting” is offered no more"):
        choose(desk, marta, ACKNOWLEDGEMENT, template.id)


CHOOSE = """mutation($of: TextOccasion!, $template: UUID, $queue: UUID) {
  chooseText(occasion: $of, template: $template, queue: $queue) { __typename
    ... on TextsChosen { texts { occasion template { name } queue { name } } }
    ... on WrongInput { field } ... on Problem { message } } }"""


def test_texts_are_chosen_by_graphql(desk: DeskUnderTest, marta: Principal) -> None:
    office, boss = Office(desk), desk.has_agent("Boss", Role.MANAGER)
    fine = str(has_template(desk, marta, HERE, "Fine").id)
    wrong = str(has_template(desk, marta, {"en": "About {subject}"}, "Wrong").id)
    queue = str(desk.queue.id)

    def asks(of: str, template: str | None, **more: str) -> dict[str, object]:
        found: dict[str, object] = office.asks(CHOOSE, by=boss, of=of, template=template, **more)[
            "chooseText"
        ]
        return found

    refused = asks("ACKNOWLEDGEMENT", wrong)
    asks("ACKNOWLEDGEMENT", fine, queue=queue)
    texts = asks("OFFER", fine)["texts"]
    texts_left = asks("OFFER", None)["texts"]

    mine = {
        "occasion": "ACKNOWLEDGEMENT",
        "template": {"name": "Fine"},
        "queue": {"name": "Support"},
    }
    assert (refused["__typename"], refused["field"]) == ("WrongInput", "texts.en")
    assert texts == [{"occasion": "OFFER", "template": {"name": "Fine"}, "queue": None}, mine]
    assert texts_left == [mine]


def test_the_console_chooses_for_the_desk_and_for_a_queue(sqlite_url: str) -> None:
    db = Database(sqlite_url)
    with Sandbox() as sandbox:
        console = Console(DeskUnderTest(db), sandbox)
        desk, marta = console.desk, console.desk.principal("Marta", Role.MANAGER)
        fine, wrong = (
            has_template(desk, marta, {"en": said}, said).id for said in ("Fine", "Of {subject}")
        )
        browser = console.browser(desk.has_agent("Mara", Role.MANAGER))
        of_queue = f"acknowledgement.{desk.queue.id}"

        page = browser.get("/templates")
        refused = browser.post("/templates/standing", data={"low": fine, of_queue: wrong})
        none_chosen = desk.count(wording.StandingText)
        browser.post("/templates/standing", data={"low": fine, of_queue: fine})
        shown = tree(browser.get("/templates"))

    assert of_queue in page.text
    assert "texts.en: {subject} may not stand in what goes out by itself" in words(refused)
    assert (refused.status_code, none_chosen) == (422, 0)
    for name in ("low", of_queue):
        [option] = shown.xpath(f"//select[@name='{name}']/option[@selected]/@value")
        assert option == str(fine)
    db.close()
