"""What strangers write stays words on every page, and every answer says what it may do."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import lxml.html
import pytest
from lxml.html import HtmlElement
from starlette.routing import Mount, Route

from channels.journal import Arrived, keep
from channels.sandbox import Sandbox
from graph import console as package
from graph.console import downloads, mail_html
from graph.console.words import pieces
from intake import agree, inbound, saved_views
from intake.agents import SYSTEM, Role
from intake.automation import macros
from intake.automation import writing as automation
from intake.cases import Activity, ActivityKind, Attachment, Case, Direction
from intake.contracts import Terms
from intake.db import Database, new_id
from intake.endpoints import Endpoint
from intake.fields import CustomField, FieldKind
from intake.inbound import Inbound
from intake.products import Product
from intake.routing import RuleSet, RuleSetState
from intake.saved_views import Sharing, ViewTerms
from intake.sla import SlaItem
from intake.teams import Team
from intake.wording import templates
from tests.console import Console, tree
from tests.desk import SUPPORT, DeskUnderTest, email
from tests.payloads import PAYLOADS
from tests.promised import OFFICE, has_sla, item

NOW = datetime.now(UTC).replace(microsecond=0)
FOLDER = Path(package.__file__).parent


@pytest.fixture
def console(sqlite_url: str) -> Iterator[Console]:
    with Sandbox() as sandbox:
        db = Database(sqlite_url)
        yield Console(DeskUnderTest(db), sandbox)
        db.close()


def shape(page: HtmlElement) -> list[tuple[str, tuple[str, ...]]]:
    """The page without its words: each element with the names of its attributes."""
    return [(str(element.tag), tuple(sorted(element.attrib))) for element in page.iter()]


def written_everywhere(console: Console, payloads: list[str]) -> list[Case]:
    """One case for each payload, with the payload wherever a stranger's words can stand."""
    receipts = console.desk.accepts(
        *(
            email(f"a{i}@example.com", p.replace("\0", ""), p.replace("\0", ""), at=NOW)
            for i, p in enumerate(payloads)
        )
    )
    cases = [receipt.case for receipt in receipts if receipt.case]
    with console.desk.transaction() as session:
        for case, p in zip(cases, payloads, strict=True):
            words = p.replace("\0", "")
            kept = session.get_one(Case, case.id)
            assert kept.contact is not None
            kept.contact.name = words
            activity = Activity(
                id=new_id(), case_id=case.id, kind=ActivityKind.EMAIL, at=NOW,
                direction=Direction.INCOMING, author_name=words, author_address="a@b.example",
                subject=words, text=words + "\n> old", new_text=words, sender_doubt=words,
                notes=[words],
            )  # fmt: skip
            file = Attachment(
                activity_id=activity.id, part=0, name=words[:255], content_type=words[:120],
                size_bytes=1, sha256="",
            )  # fmt: skip
            session.add_all([activity, file])
    return cases


def test_no_words_of_a_stranger_become_markup(console: Console) -> None:
    plain, *hostile = written_everywhere(console, ["plain words", *PAYLOADS])
    browser = console.browser(console.desk.has_agent())

    expected = shape(tree(browser.get(f"/cases/{plain.number}")))
    for case, payload in zip(hostile, PAYLOADS, strict=True):
        page = browser.get(f"/cases/{case.number}")
        found = shape(tree(page))
        # A web address in a text becomes a link, and nothing else does.
        links = [("a", ("href", "rel", "target"))]
        assert [part for part in found if part not in links] == expected, payload
    assert len(PAYLOADS) >= 200


def test_the_oracle_of_these_tests_sees_markup() -> None:
    def shown(words: str) -> list[tuple[str, tuple[str, ...]]]:
        return shape(lxml.html.document_fromstring(f"<div><p>a {words} b</p></div>"))

    seen = [payload for payload in PAYLOADS if shown(payload) != shown("plain words")]

    assert len(seen) >= 180


def test_no_words_of_a_stranger_become_markup_in_lists(console: Console) -> None:
    written_everywhere(console, list(PAYLOADS[:49]))
    written_everywhere(console, ["plain words"] * 50)
    browser = console.browser(console.desk.has_agent())

    first = tree(browser.get("/"))
    [following] = first.xpath("//a[@rel='next']/@href")

    rows = [shape(row) for page in (first, tree(browser.get(following)))
            for row in page.xpath("//li[starts-with(@id, 'row-')]")]  # fmt: skip
    assert len(rows) == 99
    assert len({tuple(row) for row in rows}) == 1


def test_a_search_shows_its_words_as_words(console: Console) -> None:
    browser = console.browser(console.desk.has_agent())
    expected = shape(tree(browser.get("/", params={"q": "plain"})))

    for payload in PAYLOADS:
        page = browser.get("/", params={"q": payload})
        assert shape(tree(page)) == expected, payload


def test_a_sign_in_link_is_shown_as_words(console: Console) -> None:
    browser = console.stranger()
    expected = shape(tree(browser.get("/sign-in", params={"link": "plain"})))

    for payload in PAYLOADS:
        page = browser.get("/sign-in", params={"link": payload, "next": payload})
        assert shape(tree(page)) == expected, payload


def test_a_bidirectional_name_cannot_turn_its_surroundings(console: Console) -> None:
    [case] = written_everywhere(console, ["\u202egnp.exe"])
    browser = console.browser(console.desk.has_agent())

    for page in (browser.get("/"), browser.get(f"/cases/{case.number}")):
        holders = tree(page).xpath("//body//*[contains(text(), '\u202e')]")
        isolated = {"bdi", "title"}
        assert holders
        for holder in holders:
            around = {holder.tag, *(parent.tag for parent in holder.iterancestors())}
            assert around & isolated or holder.get("dir") or holder.tag in ("span", "textarea")


@pytest.mark.parametrize("payload", [*PAYLOADS, "<p>fine</p>"])
def test_the_sanitiser_leaves_nothing_that_acts_or_fetches(payload: str) -> None:
    safe = mail_html.sanitised(payload)

    assert safe is not None
    assert mail_html.sanitised(safe) == safe
    for element in lxml.html.document_fromstring(f"<body>{safe}</body>").find("body").iter():
        if element.tag in ("body", "p"):  # lxml adds a paragraph around loose text
            continue
        assert element.tag in mail_html.TAGS, safe
        assert set(element.attrib) <= {
            "href",
            "title",
            "alt",
            "rel",
            "target",
            "colspan",
            "rowspan",
        }
        if href := element.get("href"):
            assert urlsplit(href).scheme in ("http", "https", "mailto", "tel")


@pytest.mark.parametrize(
    ("html", "safe"),
    [
        ("<a href='https://a.example/x'>x</a>", 'href="https://a.example/x"'),
        ("<a href='mailto:a@b.example'>x</a>", 'href="mailto:a@b.example"'),
        ("<table><tr><td colspan=2>x</td></tr></table>", '<td colspan="2">'),
        ("<b>bold</b>", "<b>bold</b>"),
        ("<img src='https://t.example/p.gif' alt='logo'>", '<img alt="logo">'),
    ],
)
def test_the_sanitiser_keeps_what_a_reader_needs(html: str, safe: str) -> None:
    assert safe in (mail_html.sanitised(html) or "")


@pytest.mark.parametrize(
    "html",
    [
        "<a href='https://ours@evil.example'>x</a>",
        "<a href='/cases/1001/take'>x</a>",
        "<a href='https://[evil'>x</a>",
        "<p id=live class=sheet name=csrf style='color:red'>x</p>",
        "<font color=red>x</font>",
        "<base href='https://evil.example'>",
    ],
)
def test_the_sanitiser_drops_what_misleads(html: str) -> None:
    safe = mail_html.sanitised(html) or ""

    assert not re.search("evil|cases|live|sheet|csrf|style|color|base", safe)


@pytest.mark.parametrize(
    ("below", "above"),
    [
        ("<div>" * 200, "<div>" * 201),
        ("<b></b>" * 12_000, "<b></b>" * 12_001),
        ("<div><object></div></object>" * 5_000, "<div><object></div></object>" * 7_000),
        ("a" * 2_000_000, "a" * 2_000_001),
        ("<p>" * 50_000, "<div>" * 100_000),
    ],
    ids=["deep", "many", "deceitful", "large", "unclosed"],
)
def test_markup_that_costs_too_much_is_shown_as_text(below: str, above: str) -> None:
    assert mail_html.sanitised(below) is not None
    assert mail_html.sanitised(above) is None


def html_mail(console: Console, html: str, *files: tuple[str, str, bytes]) -> Activity:
    """A mail with that HTML and those files, filed as mail is."""
    message = EmailMessage()
    message["From"], message["Subject"] = "ada@example.com", "Formatted"
    message["Message-ID"] = f"<{new_id().hex}@example.com>"
    message.set_content("The text of it.")
    message.add_alternative(html, subtype="html")
    for name, kind, content in files:
        main, _, sub = kind.partition("/")
        message.add_attachment(content, maintype=main, subtype=sub, filename=name)
    keep(console.desk.db, [Arrived("email", SUPPORT, message.as_bytes(), {}, NOW)])
    console.house.reception.file(at=NOW)
    with console.desk.db.reading() as session:
        case = max(console.desk.all(Case), key=lambda each: each.number)
        [activity] = [a for a in console.desk.all(Activity) if a.case_id == case.id]
        loaded = session.get_one(Activity, activity.id)
        assert len(loaded.attachments) == len(files)
        return loaded


def test_a_formatted_mail_stands_in_a_cage(console: Console) -> None:
    activity = html_mail(console, "<p>Hello <b>you</b></p><script>boom()</script>")
    browser = console.browser(console.desk.has_agent())

    answer = browser.get(f"/activities/{activity.id}/html")
    [frame] = tree(browser.get("/cases/1001")).xpath("//iframe")

    policy = answer.headers["content-security-policy"]
    assert mail_html.sanitised(activity.html) in answer.text
    assert policy.startswith(
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'"
    )
    assert "script" not in policy
    assert "unsafe" not in policy
    assert "<script" not in answer.text
    assert frame.get("sandbox") == "allow-popups allow-popups-to-escape-sandbox"


def test_a_wild_mail_is_shown_as_its_text(console: Console) -> None:
    activity = html_mail(console, "<div>" * 5000 + "deep")
    browser = console.browser(console.desk.has_agent())

    answer = browser.get(f"/activities/{activity.id}/html")

    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["content-security-policy"] == mail_html.POLICY
    assert "too deeply nested" in answer.text
    assert "<div>" not in answer.text


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.svg", "image/svg+xml"),
        ("a.html", "text/html"),
        ("a.xhtml", "application/xhtml+xml"),
        ("a.xml", "application/xml"),
        ("a.js", "text/javascript"),
        ("a.swf", "application/x-shockwave-flash"),
        ("a.mht", "multipart/x-mixed-replace"),
        ("a.hta", "application/hta"),
        ("photo.png", "image/png"),
        ("a.pdf", "application/pdf"),
    ],
)
def test_a_file_is_only_ever_saved(console: Console, name: str, kind: str) -> None:
    content = b"<script>boom()</script>\x89PNG"
    if kind.startswith("multipart/"):
        kind = "application/octet-stream"
    activity = html_mail(console, "<p>see</p>", (name, kind, content))
    browser = console.browser(console.desk.has_agent())

    answer = browser.get(f"/attachments/{activity.attachments[0].id}")

    assert answer.content == content
    assert answer.headers["content-disposition"].startswith("attachment; ")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    shown = {"image/png", "application/pdf"}
    assert answer.headers["content-type"] == (kind if kind in shown else downloads.ANYTHING)


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.txt", "attachment; filename=\"a.txt\"; filename*=UTF-8''a.txt"),
        ('"a";x=.txt', "attachment; filename=\"_a__x_.txt\"; filename*=UTF-8''%22a%22%3Bx%3D.txt"),
        (
            "a\r\nSet-Cookie: b",
            "attachment; filename=\"aSet-Cookie_ b\"; filename*=UTF-8''aSet-Cookie%3A%20b",
        ),
        (
            "факс.pdf",
            "attachment; filename=\"____.pdf\"; filename*=UTF-8''%D1%84%D0%B0%D0%BA%D1%81.pdf",
        ),
        ("\u202egnp.exe", "attachment; filename=\"gnp.exe\"; filename*=UTF-8''gnp.exe"),
        ("", "attachment; filename=\"file\"; filename*=UTF-8''file"),
    ],
)
def test_a_name_cannot_leave_its_header(name: str, header: str) -> None:
    assert downloads.disposition(name) == header
    assert len(downloads.disposition("a" * 300)) < 400


@pytest.mark.parametrize(
    "kind", ["text/html; charset=utf-7", "text/plain\r\nX: y", "", "TEXT/HTML", "image/png;x=y"]
)
def test_a_type_that_is_not_exactly_harmless_is_just_bytes(kind: str) -> None:
    answer = downloads.download(b"x", "a", kind)

    assert answer.headers["content-type"] == downloads.ANYTHING


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("see https://a.example/x.", ["https://a.example/x"]),
        ("(https://a.example)", ["https://a.example"]),
        ("javascript:boom() data:text/html,x", []),
        ("https://ours@evil.example/", []),
        ("HTTPS://A.example/a?b=c&d", ["HTTPS://A.example/a?b=c&d"]),
        ('https://a.example/"onclick=boom()', ["https://a.example/"]),
        ("xhttp://a.example", ["http://a.example"]),
        ("http://", []),
    ],
)
def test_only_web_addresses_become_links_and_no_word_is_lost(text: str, links: list[str]) -> None:
    found = pieces(text)

    assert [piece.text for piece in found if piece.link] == links
    assert "".join(piece.text for piece in found) == text


def walked(console: Console) -> list[tuple[str, str]]:
    """Every method and path of the console, parameters filled in with what exists."""
    activity = html_mail(console, "<p>x</p>", ("a.txt", "text/plain", b"x"))
    [kept] = keep(console.desk.db, [Arrived("email", SUPPORT, b"broken", {}, NOW)])
    with console.desk.transaction() as session:
        inbound.quarantine(session.get_one(Inbound, kept), "unreadable")
    carla = console.desk.has_customer("carla@walked.example")
    held = console.desk.has_entitlement(carla.account_id, total=3)
    terms = Terms("Gold", NOW.date(), NOW.date(), "EUR", account_id=carla.account_id)
    with console.desk.transaction() as session:
        contract = agree.draft(session, SYSTEM, terms, desk=console.desk.settings, at=NOW)
    promised = has_sla(
        console.desk, item(), hours=OFFICE, name=f"Gold {carla.id}", is_default=False
    )
    [hours] = [row.calendar_id for row in console.desk.all(SlaItem) if row.sla_id == promised.id]
    rules = RuleSet(id=new_id(), name="Rules", state=RuleSetState.DRAFT, created_at=NOW)
    product = Product(id=new_id(), number=f"P-{carla.id}", name="Printer")
    endpoint = Endpoint(id=new_id(), url="https://x.example/", kinds=["*"], created_at=NOW)
    with console.desk.transaction() as session:
        session.add_all([rules, endpoint, product])
    laid_out = _laid_out(console, carla.account_id)
    ids = {
        **laid_out,
        "/slas/": promised.id, "/calendars/": hours, "/routing/": rules.id,
        "/webhooks/": endpoint.id,
        "/entitlements/": held.id, "/contracts/": contract.id,
        "/customers/accounts/": carla.account_id, "/customers/contacts/": carla.id,
        "/activities/": activity.id, "/attachments/": activity.attachments[0].id,
        "/inbound/": kept, "/deliveries/": new_id(), "/moves/": new_id(),
        "/bulk/": new_id(), "/products/": product.id, "/customers/merges/": new_id(),
    }  # fmt: skip
    [mount] = [route for route in console.app.routes if isinstance(route, Mount)]
    found = []
    for route in mount.routes:
        assert isinstance(route, Route)
        path = route.path.replace("{number:int}", "1001").replace("{number}", "KB-1")
        path = path.replace("{name}", "x.css").replace("{path:path}", "no/such/page")
        path = path.replace("{place:int}", "1").replace("{family:uuid}", str(new_id()))
        path = path.replace("{feed:uuid}", str(new_id()))
        path = path.replace("{key}", "seats").replace("{line:uuid}", str(new_id()))
        for prefix, id in ids.items():
            if path.startswith(prefix):
                path = path.replace("{id:uuid}", str(id))
        assert "{" not in path, path
        method = "POST" if "POST" in (route.methods or ()) else "GET"
        found.append((method, path))
    return found


SEATS = CustomField(key="seats", kind=FieldKind.NUMBER, label="Seats", choices=[], position=1)


def _laid_out(console: Console, account_id: UUID | None) -> dict[str, UUID]:
    """What an administrator laid out, by where its pages are; longer prefixes first."""
    high = [{"do": "set", "field": "priority", "value": "high"}]
    rule = automation.RuleTerms("Rule", {"events": ["case.opened"]}, high)
    team = Team(id=new_id(), name="Crew", created_at=NOW)
    queue = console.desk.has_queue("Walked")
    person = console.desk.has_agent("Walked", Role.MANAGER)
    with console.desk.transaction() as session:
        session.add(team)
        session.merge(SEATS)
        template = agree.template(session, SYSTEM, name="Gold", abbreviation="G", at=NOW)
        view = saved_views.save(
            session, person.principal("test"), ViewTerms("All", sharing=Sharing.EVERYONE), at=NOW
        )
        return {
            "/automation/": automation.draft(session, SYSTEM, rule, at=NOW).id,
            "/macros/": macros.write(session, SYSTEM, "Macro", high, at=NOW).id,
            "/templates/signatures/": queue.id,
            "/templates/": templates.write(session, SYSTEM, "Thanks", {"en": "Hi."}, at=NOW).id,
            "/contracts/templates/": template.id,
            "/staffing/queues/": queue.id, "/staffing/teams/": team.id,
            "/staffing/people/": person.id, "/views/": view.id,
            "/fields/": new_id(), "/billing/": new_id(),
            "/cases/1001/templates/": new_id(),
        }  # fmt: skip


OPEN_TO_ALL = {"/sign-in", "/sign-in/link", "/sign-out", "/static/x.css", "/no/such/page"}
FOR_ADMINISTRATORS = re.compile(
    r"/fields.*|/automation/(new|[^/]+/(edit|activate|pause|discard))|/staffing/.+"
    r"|/(slas|calendars|routing)/new|/(slas|calendars|routing)/[^/]+/(?!try|past).+|/webhooks.*"
)
FOR_MANAGERS = re.compile(
    r"/articles/KB-1/(plan|unplan|publish|withdraw)|/automation(/(log|[^/]+(/(past|try))?))?|/(macros|templates)(/.+)?|/staffing|/billing.*"
    r"|/products/(new|families(/.+)?|[^/]+/edit)|/entitlements/replay|/cases/1001/cover/override"
    r"|/inbound.*|/slas/[^/]+/try|/routing(/[^/]+(/past)?)?|/(entitlements|contracts)/new|/(entitlements|contracts)/[^/]+/.+"
)
FOR_WORKERS = re.compile(
    r"/cases/new|/cases/1001/(unqueue|skills|macro|plan|time|forget-time|fields|checklist)"
    r"|/cases/1001/(child|link|unlink|children-close|templates/[^/]+)|/presence"
    r"|/activities/(new|[^/]+/(edit|complete|cancel|reopen))|/views/(new|[^/]+/(edit|remove))"
    r"|/cases/1001/(write|take|release|assign|move|hold|resume|reason|escalate|sla|resolve|reopen|cancel|reroute)"
    r"|/cases/1001/(snooze|wake|follow-up|merge|unmerge|continue|apart)"
    r"|/activities/[^/]+/(move|split)"
    r"|/moves/.*/undo|/bulk|/bulk/.*/(stop|undo)"
    r"|/deliveries/.*/retry|/customers/(accounts|contacts)/new|/customers/merges/.*/undo"
    r"|/customers/accounts/[^/]+/(note|edit|domains|remove-domain|owned|disown)"
    r"|/customers/contacts/[^/]+/(edit|points|remove-point|merge|owned|disown)"
    r"|/cases/1001/cover/[^/]+"
)
FOR_READERS = re.compile(
    r"/|/bulk/[^/]+|/cases/1001(/(beat|similar|history|follow|unfollow))?|/articles(/KB-1(/page)?)?|/activities/.*/html|/attachments/.*|/reports|/customers"
    r"|/customers/(accounts|contacts)/[^/]+|/entitlements/[^/]+|/contracts/[^/]+"
    r"|/activities(/[^/]+)?|/views/[^/]+|/contracts|/(slas|calendars)(/[^/]+)?|/products(/[^/]+)?|/cases/1001/cover"
)


def may(role: Role, method: str, path: str) -> bool:
    """Who may what, as it is meant."""
    if (method, path) == ("POST", "/activities"):
        return role is not Role.READ_ONLY
    if FOR_ADMINISTRATORS.fullmatch(path):
        return role is Role.ADMINISTRATOR
    if FOR_MANAGERS.fullmatch(path):
        return role in (Role.ADMINISTRATOR, Role.MANAGER)
    if FOR_WORKERS.fullmatch(path):
        return role is not Role.READ_ONLY
    assert FOR_READERS.fullmatch(path), f"say who may {path}"
    return True


def test_every_page_answers_each_role_as_it_is_meant(console: Console) -> None:
    paths = walked(console)
    browsers = {
        role: console.browser(console.desk.has_agent(role.value.title(), role)) for role in Role
    }

    for method, path in paths:
        anybody = console.stranger().request(method, path)
        if path in OPEN_TO_ALL:
            assert anybody.status_code in (200, 303, 403, 404), path
            continue
        assert (anybody.status_code, anybody.headers["location"][:8]) == (303, "/sign-in"), path
        for role, browser in browsers.items():
            status = browser.request(method, path).status_code
            assert status < 500, (role, path)
            assert (status != 403) is may(role, method, path), (role, path)


def test_every_answer_carries_the_headers(console: Console) -> None:
    browser = console.browser(console.desk.has_agent("Marta", Role.MANAGER))

    for method, path in walked(console):
        headers = browser.request(method, path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy, path
        assert not re.search(r"unsafe|\*(?!/)|data:|https?:", policy), path
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] in ("same-origin", "no-referrer")
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "camera=()" in headers["permissions-policy"]
        assert headers["cache-control"] == "no-store"
        assert "strict-transport-security" not in headers


def test_a_nonce_is_never_used_twice_and_only_scripts_of_ours_bear_it(console: Console) -> None:
    html_mail(console, "<p>x</p>", ("a.txt", "text/plain", b"x"))
    browser = console.browser(console.desk.has_agent("Marta", Role.MANAGER))
    pages = ["/", "/cases/1001", "/inbound", "/sign-in", "/no/such/page"]

    nonces = set()
    for path in pages * 2:
        page = browser.get(path)
        [nonce] = re.findall(
            r"script-src 'nonce-([\w-]{22})'", page.headers["content-security-policy"]
        )
        scripts = tree(page).xpath("//script")
        assert {script.get("nonce") for script in scripts} == {nonce}
        assert all(
            script.get("src").startswith("/static/") and not script.text for script in scripts
        )
        assert tree(page).xpath("//style | //*[@style] | //@*[starts-with(name(), 'on')]") == []
        nonces.add(nonce)

    assert len(nonces) == len(pages) * 2


def test_what_never_changes_is_kept_for_ever_and_found_by_its_content(console: Console) -> None:
    page = tree(console.stranger().get("/sign-in"))

    for path in page.xpath("//script/@src | //link/@href"):
        answer = console.stranger().get(path)
        assert answer.status_code == 200, path
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert re.search(r"\.[0-9a-f]{12}\.(css|js|svg)$", path)
    assert console.stranger().get("/static/console.css").status_code == 404
    assert console.stranger().get("/static/..%2f__init__.py").status_code == 404


def test_every_part_of_the_style_is_served(console: Console) -> None:
    [path] = tree(console.stranger().get("/sign-in")).xpath("//link[@rel='stylesheet']/@href")
    served = console.stranger().get(path).text

    parts = list((files("graph.console") / "styles").iterdir())
    assert parts
    assert [part.name for part in parts if part.read_text() not in served] == []


FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://desk.example.evil.example"},
    {"Origin": "http://desk.example", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "http://desk.example", "Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site"},
    {},
]


def test_no_other_site_can_send_our_forms(console: Console) -> None:
    agent = console.desk.has_agent("Marta", Role.MANAGER)
    paths = [path for method, path in walked(console) if method == "POST"]
    browser = console.browser(agent)
    del browser.headers["Origin"]

    for path in paths:
        for headers in FOREIGN:
            answer = browser.post(path, headers=headers, content=b"kind=note&send=note&note=x")
            assert answer.status_code == 403, (path, headers)
    assert len(paths) >= 14
    assert [activity.kind for activity in console.desk.all(Activity)] == [ActivityKind.EMAIL]
    assert browser.get("/").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://desk.example"},
        {"Origin": "http://desk.example", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "same-origin"},
    ],
)
def test_our_own_pages_can(console: Console, headers: dict[str, str]) -> None:
    browser = console.browser(console.desk.has_agent())
    del browser.headers["Origin"]

    assert browser.post("/sign-out", headers=headers).status_code == 303


def test_nothing_marks_text_as_markup() -> None:
    for template in (FOLDER / "templates").iterdir():
        assert not re.search(r"\|\s*(safe|unescape)|autoescape|Markup", template.read_text()), (
            template
        )
    for module in FOLDER.rglob("*.py"):
        names = {
            node.attr if isinstance(node, ast.Attribute) else node.id
            for node in ast.walk(ast.parse(module.read_text()))
            if isinstance(node, (ast.Attribute, ast.Name))
        }
        assert not names & {"Markup", "markupsafe", "select_autoescape", "__html__"}, module


def test_the_scripts_of_ours_make_no_markup() -> None:
    script = (FOLDER / "static" / "console.js").read_text()

    for sink in (
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "document.write",
        "eval(",
        "Function(",
    ):
        assert sink not in script
