"""Who may ask what: every root field by every kind of principal, and what leaks to nobody.

The matrix is checked against the schema, so a new query or mutation without a line in it fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from graphql import get_named_type, is_leaf_type
from sqlalchemy import select
from sqlalchemy.orm import Session

from channels.sandbox import Sandbox
from graph.api.schema import SCHEMA
from intake import agents, agree, checklists, contracts, events, saved_views, work
from intake.agents import SYSTEM, Act, Agent, Principal, Role
from intake.automation import macros
from intake.automation import writing as automation
from intake.cases import Activity, ActivityKind, Case
from intake.customers import ContactPoint, merging
from intake.db import Database, new_id
from intake.desk import Desk
from intake.endpoints import Endpoint
from intake.entitlements import Entitlement, EntitlementTemplate
from intake.feeds import HolidayFeed
from intake.inbound import Inbound, State
from intake.messages import Attachment
from intake.products import Product
from intake.routing import activation as routing
from intake.saved_views import Sharing, ViewTerms
from intake.skills import Skill
from intake.sla import ServiceCalendar, Sla
from intake.teams import Team
from intake.wording import templates
from kb.articles import Article
from kb.suggestions import Suggestion
from tests.desk import NOON, DeskUnderTest, email
from tests.office import Office

# Every text of the case in the members-only queue holds this word.
CANARY = "canary"


def everything(kind: Any, *, levels: int, all_of_it: bool = True) -> str:
    """All fields of a type, and what words they lead to so many levels further down."""
    chosen = ["__typename"]
    for name, field in kind.fields.items():
        below = get_named_type(field.type)
        if is_leaf_type(below):
            # Further down only what can hold the word, for a query has its limit.
            if all_of_it or below.name in ("String", "JSON"):
                chosen.append(name)
        elif below.name.endswith("Connection"):
            nodes = get_named_type(below.fields["nodes"].type)
            if levels:
                inner = everything(nodes, levels=levels - 1, all_of_it=False)
                chosen.append(f"{name}(first: 2) {{ nodes {{ {inner} }} }}")
        elif levels:
            inner = everything(below, levels=levels - 1, all_of_it=False)
            chosen.append(f"{name} {{ {inner} }}")
    return " ".join(chosen)


# A field that is added to a case is asked for here without anybody thinking of it.
CASE = everything(SCHEMA.type_map["Case"], levels=1)
PROBLEM = "... on Problem { code message }"
ACT = f"""{{ __typename {PROBLEM}
    ... on CaseChanged {{ case {{ {CASE} }} activity {{ text }} }} }}"""
NUMBER = "caseNumber: 1002"
OF_ACTIVITY = "... on ActivityChanged { activity { subject case { subject } } }"

OPEN = "answered, without the hidden case"
SEES = "answered, with the hidden case for those who see it"
MANAGES = "answered for those who manage"
ADMINISTERS = "answered for those who administer"
WORKS = "done for those who work and see the case"
DESK_WORKS = "done for those who work"
DESK_MANAGES = "done for those who manage"
DESK_ADMINISTERS = "done for those who administer"

QUERIES = {
    "me": (OPEN, "me { name }"),
    "agents": (OPEN, "agents { name }"),
    "cases": (SEES, f"cases(first: 5) {{ totalCount nodes {{ {CASE} }} }}"),
    "case": (SEES, f"case(number: 1002) {{ {CASE} }}"),
    "searchCases": (SEES, f'searchCases(text: "1002", first: 5) {{ {CASE} }}'),
    "savedViews": (OPEN, "savedViews { name words agent { name } }"),
    "attendance": (OPEN, "attendance { agent { name } presence used }"),
    "skills": (OPEN, "skills { name }"),
    "teams": (OPEN, "teams { name members { name } }"),
    "activities": (SEES, "activities { nodes { subject case { subject } } }"),
    "activity": (SEES, 'activity(id: "{activity}") { subject case { subject } }'),
    "queues": (SEES, "queues { name waiting cases { nodes { subject } } }"),
    "customers": (SEES, 'customers(search: "ada") { name cases { nodes { subject } } }'),
    "accounts": (SEES, "accounts { nodes { name cases { nodes { subject } } } }"),
    "contacts": (SEES, "contacts { nodes { name cases { nodes { subject } } } }"),
    "account": (SEES, 'account(id: "{account}") { name cases { nodes { subject } } }'),
    "contact": (SEES, 'contact(id: "{contact}") { name cases { nodes { subject } } }'),
    "entitlements": (
        SEES, "entitlements { nodes { name ledger { nodes { reason case { subject } } } } }",
    ),
    "entitlement": (
        SEES, 'entitlement(id: "{entitlement}") { ledger { nodes { case { subject } } } }',
    ),
    "entitlementTemplates": (OPEN, "entitlementTemplates { name channels { total } }"),
    "entitlementPreview": (
        OPEN, 'entitlementPreview(contact: "{contact}", channel: "email") { words covered }',
    ),
    "contracts": (
        SEES,
        "contracts { nodes { number cases { nodes { subject } } lines { title entitlement {"
        " ledger { nodes { case { subject } } } } } } }",
    ),
    "contract": (SEES, 'contract(id: "{contract}") { number cases { nodes { subject } } }'),
    "contractTemplates": (OPEN, "contractTemplates { name }"),
    "product": (OPEN, 'product(id: "{product}") { name }'),
    "products": (OPEN, "products { nodes { name } }"),
    "slas": (OPEN, "slas { name items { kpi } versions { version } }"),
    "sla": (OPEN, 'sla(id: "{sla}") { name items { kpi } }'),
    "calendars": (OPEN, "calendars { name hours words feeds { host url error } }"),
    "rehearseHours": (
        MANAGES,
        'rehearseHours(calendar: "{calendar}",'
        ' hours: {zone: "UTC", weekly: {tue: [["09:00", "10:00"]]}})'
        " { more moves { caseNumber } }",
    ),
    "rehearseHolidays": (
        MANAGES, 'rehearseHolidays(feed: "{feed}") { more moves { caseNumber } }',
    ),
    "rehearseSla": (MANAGES, 'rehearseSla(id: "{sla}") { moves { caseNumber was becomes } }'),
    "invoiceRequests": (
        MANAGES, "invoiceRequests { nodes { number text case { subject } lines { amount } } }",
    ),
    "rates": (MANAGES, "rates { perHour agent { name } }"),
    "articles": (OPEN, "articles { nodes { number } }"),
    "article": (OPEN, 'article(number: "KB-1") { title }'),
    "plannedArticles": (MANAGES, "plannedArticles { number }"),
    "reports": (SEES, "reports { caseSummary { state channel count percent } casesBySlaStatus { startsOn inWork } casesByQueue { late queue { name } } entitlementsExpiration { customer entitlement { name } } }"),  # noqa: E501
    "inbound": (MANAGES, "inbound { nodes { reason case { subject } } }"),
    "inboundAccount": (MANAGES, "inboundAccount { total }"),
    "automationRules": (MANAGES, "automationRules { name }"),
    "automationRule": (MANAGES, 'automationRule(id: "{unknown}") { name }'),
    "automationLog": (MANAGES, "automationLog { nodes { outcome } }"),
    "tryAutomation": (
        MANAGES, 'tryAutomation(id: "{automation}", caseNumber: 1001) { __typename }',
    ),
    "rehearseAutomation": (MANAGES, 'rehearseAutomation(id: "{automation}") { __typename }'),
    "macros": (OPEN, "macros { name }"),
    "replyTemplates": (OPEN, "replyTemplates { name }"),
    "standingTexts": (MANAGES, "standingTexts { occasion queue { name } template { name } }"),
    "filledTemplate": (
        OPEN, 'filledTemplate(template: "{reply template}", caseNumber: 1001) { text }',
    ),
    "placeholders": (OPEN, "placeholders { name }"),
    "signatures": (OPEN, 'signatures(queue: "{queue}") { text }'),
    "caseTypes": (OPEN, "caseTypes { name }"),
    "topics": (OPEN, "topics { name }"),
    "tags": (OPEN, "tags { name }"),
    "customFields": (OPEN, "customFields { key }"),
    "transitions": (OPEN, "transitions { __typename }"),
    "checklists": (OPEN, "checklists { name }"),
    "previewMerge": (
        SEES,
        "previewMerge(survivor: 1002, sources: [1001]) { __typename "
        "... on MergePreview { survivor { subject } } }",
    ),
    "previewBulk": (
        SEES,
        "previewBulk(change: {what: HOLD}, numbers: [1002]) { __typename "
        "... on BulkPreview { cases { subject } } }",
    ),
    "bulk": (OPEN, 'bulk(id: "{unknown}") { __typename }'),
    "similarCases": (OPEN, "similarCases(caseNumber: 1001) { case { subject } }"),
    "productFamilies": (OPEN, "productFamilies { name }"),
    "ownedProducts": (OPEN, 'ownedProducts(serialNumber: "1") { serialNumber }'),
    "replay": (
        MANAGES,
        'replay(template: "{entitlement template}", account: "{account}", since: "2026-01-01",'
        ' until: "2026-12-31") { __typename }',
    ),
    "billingTerms": (MANAGES, "billingTerms { currency }"),
    "kpiDefinitions": (OPEN, "kpiDefinitions { kpi }"),
    "publicHolidays": (MANAGES, 'publicHolidays(source: {country: "ES"}) { name }'),
    "trySla": (
        MANAGES,
        'trySla(id: "{sla}", since: "2026-01-01T00:00:00Z", until: "2026-12-31T00:00:00Z")'
        " { __typename }",
    ),
    "routingRuleSets": (MANAGES, "routingRuleSets { name }"),
    "routingRuleSet": (MANAGES, 'routingRuleSet(id: "{unknown}") { name }'),
    "rehearseRouting": (MANAGES, 'rehearseRouting(id: "{rule set}") { __typename }'),
    "webhooks": (ADMINISTERS, "webhooks { url }"),
    "webhook": (ADMINISTERS, 'webhook(id: "{webhook}") { url }'),
}  # fmt: skip
MUTATIONS = {
    "note": (WORKS, f'note({NUMBER}, text: "x") {ACT}'),
    "reply": (WORKS, f'reply({NUMBER}, text: "x") {ACT}'),
    "pick": (WORKS, f"pick({NUMBER}) {ACT}"),
    "release": (WORKS, f"release({NUMBER}) {ACT}"),
    "assign": (WORKS, f'assign({NUMBER}, agent: "{{agent}}") {ACT}'),
    "route": (WORKS, f'route({NUMBER}, queue: "{{queue}}") {ACT}'),
    "hold": (WORKS, f"hold({NUMBER}) {ACT}"),
    "resume": (WORKS, f"resume({NUMBER}) {ACT}"),
    "resolve": (WORKS, f'resolve({NUMBER}, text: "x") {ACT}'),
    "reopen": (WORKS, f"reopen({NUMBER}) {ACT}"),
    "cancel": (WORKS, f"cancel({NUMBER}) {ACT}"),
    **{
        name: (WORKS, f"{name}({arguments}) {{ __typename {PROBLEM} {OF_ACTIVITY} }}")
        for name, arguments in {
            "addActivity": f'about: {{{NUMBER}}}, plan: {{subject: "x"}}',
            "editActivity": 'id: "{activity}", plan: {subject: "x"}',
            "assignActivity": 'id: "{activity}", agent: "{manager}"',
            "completeActivity": 'id: "{activity}"',
            "cancelActivity": 'id: "{activity}"',
            "reopenActivity": 'id: "{activity}"',
        }.items()
    },
    "retryDelivery": (
        WORKS,
        f'retryDelivery(id: "{{delivery}}") {{ __typename {PROBLEM}'
        " ... on DeliveryRetried { delivery { target } } }",
    ),
    "setPresence": (DESK_WORKS, f"setPresence(presence: BUSY) {{ __typename {PROBLEM} }}"),
    "saveView": (
        DESK_WORKS,
        f'saveView(terms: {{name: "Mine"}}) {{ __typename {PROBLEM} }}',
    ),
    "removeView": (DESK_MANAGES, f'removeView(id: "{{view}}") {{ __typename {PROBLEM} }}'),
    "logPhoneCall": (
        DESK_WORKS,
        'logPhoneCall(call: {caller: "", subject: "Hello"}) { __typename ... on Problem { code } }',
    ),
    "openCase": (
        DESK_WORKS,
        f'openCase(asked: {{channel: "letter", subject: "x", contact: "{{contact}}"}}) {{'
        f" __typename {PROBLEM} }}",
    ),
    "retryInbound": (
        DESK_MANAGES,
        f'retryInbound(id: "{{inbound}}") {{ __typename {PROBLEM} }}',
    ),
}
OF_CUSTOMER = (
    f"{{ __typename {PROBLEM} ... on CustomerChanged {{ customer {{ name"
    " cases { nodes { subject } } } } }"
)
OF_CONTRACT = f"{{ __typename {PROBLEM} ... on ContractChanged {{ contract {{ number }} }} }}"
OF_ENTITLEMENT = (
    f"{{ __typename {PROBLEM} ... on EntitlementChanged {{ entitlement {{ name }} }} }}"
)
OTHERS = f"{{ __typename {PROBLEM} }}"
TERMS = 'name: "Gold", startsOn: "2026-01-01", endsOn: "2099-12-31", account: "{account}"'
CONTRACT = 'id: "{contract}"'
ENTITLEMENT = 'id: "{entitlement}"'
SLA = 'id: "{sla}"'
MUTATIONS |= {
    name: (WORKS, f"{name}({NUMBER}{', ' * bool(more)}{more}) {ACT}")
    for name, more in {
        "setEntitlement": 'entitlement: "{entitlement}"',
        "chooseEntitlementAgain": "",
        "setNoDecrement": "on: true",
        "setCustomer": 'contact: "{contact}"',
        "setProduct": 'product: "{product}"',
        "setChannel": 'channel: "phone"',
        "reactivate": "",
        "escalate": 'text: "x"',
        "prioritise": "priority: HIGH",
        "agreeFollowUp": 'followUpAt: "2026-03-05T10:00:00Z"',
        "setSla": 'sla: "{sla}"',
        "logAgainstContract": 'contract: "{contract}"',
        "takeOffContract": "",
        "assignTeam": 'team: "{team}"',
        "removeFromQueue": "",
        "requireSkills": 'skills: [{skill: "{skill}", level: 3}]',
        "logTime": "minutes: 5",
        "openChild": 'subject: "x"',
        "linkChild": "child: 1001",
        "unlinkChild": "",
        "setChildrenClose": "policy: WITH_PARENT",
        "changeFields": "fields: {severity: MAJOR}",
        "tagCase": 'add: ["x"]',
        "followCase": "",
        "unfollowCase": "",
        "setReason": "reason: RESEARCHING",
        "addItems": 'items: ["x"]',
        "useChecklist": 'checklist: "{checklist}"',
        "tickItem": 'item: "{item}"',
        "strikeItem": 'item: "{item}"',
        "snooze": "",
        "wake": "",
        "applyMacro": 'macro: "{macro}"',
        "beat": "",
        "continueCase": "",
        "keepApart": "",
    }.items()
}
MUTATIONS |= {
    name: (DESK_WORKS, f"{name}({arguments}) {OF_CUSTOMER}")
    for name, arguments in {
        "mergeContacts": 'survivor: "{contact}", other: "{stranger}"',
        "undoMerge": 'merge: "{merge}"',
        "noteAccount": 'account: "{account}", text: "x"',
        "setPreferences": 'contact: "{contact}", wishes: {language: "es"}',
        "attachPoint": 'contact: "{contact}", kind: EMAIL, value: "ada@home.example"',
        "detachPoint": 'point: "{point}"',
        "ownProduct": 'product: "{product}", serialNumber: "1", account: "{account}"',
    }.items()
}
MUTATIONS |= {
    "billAgain": (DESK_MANAGES, f"billAgain({NUMBER}) {ACT}"),
    "handOverInvoices": (DESK_MANAGES, f"handOverInvoices {OTHERS}"),
    "setRate": (DESK_MANAGES, f'setRate(perHour: "60", currency: "EUR") {OTHERS}'),
    "setBillingTerms": (DESK_MANAGES, f'setBillingTerms(currency: "EUR") {OTHERS}'),
    "overrideReview": (DESK_MANAGES, f'overrideReview({NUMBER}, reason: "x") {ACT}'),
    **{
        name: (DESK_MANAGES, f"{name}({arguments}) {OF_CONTRACT}")
        for name, arguments in {
            "draftContract": f'terms: {{{TERMS}, currency: "EUR"}}',
            "redraftContract": f'{CONTRACT}, terms: {{{TERMS}, currency: "EUR"}}',
            "copyContract": CONTRACT,
            "deleteContract": CONTRACT,
            "addContractLine": f'{CONTRACT}, line: {{title: "More", total: 5}}',
            "changeContractLine": f'{CONTRACT}, line: "{{line}}", terms: {{title: "x", total: 5}}',
            "cancelContractLine": f'{CONTRACT}, line: "{{line}}"',
            "invoiceContract": CONTRACT,
            "holdContract": CONTRACT,
            "releaseContract": CONTRACT,
            "cancelContract": CONTRACT,
            "renewContract": CONTRACT,
        }.items()
    },
    "addContractTemplate": (
        DESK_MANAGES,
        f'addContractTemplate(terms: {{name: "Silver", abbreviation: "S"}}) {OTHERS}',
    ),
    "changeContractTemplate": (
        DESK_MANAGES,
        'changeContractTemplate(id: "{contract template}", terms: {name: "x", abbreviation: "x"}) '
        + OTHERS,
    ),
    **{
        name: (DESK_MANAGES, f"{name}({arguments}) {OF_ENTITLEMENT}")
        for name, arguments in {
            "draftEntitlement": f"terms: {{{TERMS}, total: 5}}",
            "draftEntitlementFromTemplate": (
                'template: "{entitlement template}", account: "{account}", startsOn: "2026-01-01"'
            ),
            "redraftEntitlement": f"{ENTITLEMENT}, terms: {{{TERMS}, total: 5}}",
            "activateEntitlement": ENTITLEMENT,
            "deactivateEntitlement": ENTITLEMENT,
            "cancelEntitlement": ENTITLEMENT,
            "renewEntitlement": ENTITLEMENT,
            "deleteEntitlement": ENTITLEMENT,
            "setDefaultEntitlement": ENTITLEMENT,
            "correctEntitlement": f'{ENTITLEMENT}, amount: 1, reason: "x"',
        }.items()
    },
    **{
        name: (DESK_ADMINISTERS, f"{name}({arguments}) {OTHERS}")
        for name, arguments in {
            "addQueue": 'terms: {name: "More"}',
            "changeQueue": 'id: "{queue}", terms: {private: true}',
            "archiveQueue": 'id: "{queue}"',
            "restoreQueue": 'id: "{queue}"',
            "addSkill": 'name: "Greek"',
            "renameSkill": 'id: "{skill}", name: "Castilian"',
            "changeAgentWork": 'agent: "{agent}", terms: {capacity: 3}',
            "weighChannel": 'channel: "chat", units: 1',
            "addTeam": 'terms: {name: "More"}',
            "changeTeam": 'id: "{team}", terms: {lead: null}',
            "archiveTeam": 'id: "{team}"',
            "changeHours": 'calendar: "{calendar}", hours: {zone: "UTC", weekly: {}}, scope: ALL',
            "reviseSla": SLA,
            "activateSla": SLA,
            "retireSla": SLA,
            "setDefaultSla": SLA,
        }.items()
    },
}
MUTATIONS |= {
    name: (DESK_WORKS, f"{name}({arguments}) {OTHERS}")
    for name, arguments in {
        "addAccount": 'name: "x"',
        "changeAccount": 'account: "{account}", fields: {name: "x"}',
        "addContact": 'name: "x"',
        "changeContact": 'contact: "{contact}", fields: {name: "x"}',
        "addDomain": 'account: "{account}", domain: "x.example"',
        "removeDomain": 'domain: "x.example"',
        "changeOwnedProduct": 'owned: "{unknown}", fields: {serialNumber: "1"}',
        "disownProduct": 'owned: "{unknown}"',
        "undoMove": 'move: "{unknown}"',
        "startBulk": "change: {what: HOLD}, numbers: [1001]",
        "stopBulk": 'id: "{unknown}"',
        "undoBulk": 'id: "{unknown}"',
        "routeAgain": "caseNumbers: [1001]",
    }.items()
}
MUTATIONS |= {
    name: (DESK_MANAGES, f"{name}({arguments}) {OTHERS}")
    for name, arguments in {
        "scheduleArticle": 'number: "KB-1"',
        "publishArticle": 'number: "KB-1"',
        "withdrawArticle": 'number: "KB-1"',
        "addProduct": 'number: "P-9", name: "x"',
        "changeProduct": 'product: "{product}", fields: {name: "x"}',
        "addProductFamily": 'name: "x"',
        "placeProductFamily": 'family: "{unknown}", parent: null',
        "addEntitlementTemplate": 'terms: {name: "x", total: 1}',
        "changeEntitlementTemplate": 'template: "{entitlement template}", terms: {total: 1}',
        "removeContractLine": 'id: "{contract}", line: "{line}"',
        "holdInvoiceRequest": 'id: "{unknown}", reason: "x"',
        "releaseInvoiceRequest": 'id: "{unknown}"',
        "cancelInvoiceRequest": 'id: "{unknown}", reason: "x"',
        "writeMacro": 'name: "x", actions: []',
        "rewriteMacro": 'id: "{macro}", name: "x", actions: []',
        "archiveMacro": 'id: "{macro}"',
        "writeTemplate": 'name: "x", texts: [{language: "en", text: "x"}]',
        "rewriteTemplate": (
            'id: "{reply template}", name: "x", texts: [{language: "en", text: "x"}]'
        ),
        "archiveTemplate": 'id: "{reply template}"',
        "signQueue": 'queue: "{queue}", texts: [{language: "en", text: "x"}]',
        "chooseText": 'occasion: LOW, template: "{reply template}"',
    }.items()
}
RULES = 'name: "x", rules: []'
AUTOMATION = 'terms: {name: "x", trigger: {}, actions: []}'
LAYOUT = 'field: {label: "x"}'
MUTATIONS |= {
    name: (DESK_ADMINISTERS, f"{name}({arguments}) {OTHERS}")
    for name, arguments in {
        "allowTransitions": "reason: ON_HOLD, allowed: []",
        "writeChecklist": 'name: "x", items: ["x"]',
        "archiveChecklist": 'id: "{checklist}"',
        "addCaseType": 'name: "x"',
        "renameCaseType": 'id: "{unknown}", name: "x"',
        "archiveCaseType": 'id: "{unknown}"',
        "addTopic": 'name: "x"',
        "changeTopic": 'id: "{unknown}", name: "x", parent: null',
        "archiveTopic": 'id: "{unknown}"',
        "changeTag": 'id: "{unknown}", name: "x", colour: RED',
        "mergeTags": 'survivor: "{unknown}", other: "{unknown}"',
        "deleteTag": 'id: "{unknown}"',
        "addCustomField": f'key: "x", kind: TEXT, {LAYOUT}',
        "changeCustomField": f'key: "x", {LAYOUT}',
        "archiveCustomField": 'key: "x"',
        "draftRouting": RULES,
        "rewriteRouting": f'id: "{{rule set}}", {RULES}',
        "copyRouting": 'id: "{rule set}"',
        "activateRouting": 'id: "{rule set}"',
        "retireRouting": 'id: "{rule set}"',
        "discardRouting": 'id: "{rule set}"',
        "draftAutomation": AUTOMATION,
        "rewriteAutomation": f'id: "{{automation}}", {AUTOMATION}',
        "activateAutomation": 'id: "{automation}"',
        "pauseAutomation": 'id: "{automation}"',
        "discardAutomation": 'id: "{automation}"',
        "draftSla": 'name: "x", items: []',
        "rewriteSla": f"{SLA}, items: []",
        "discardSla": SLA,
        "adoptSla": SLA,
        "defineKpi": "kpi: RESOLVE_BY, startsFrom: CREATED",
        "addCalendar": 'name: "x", hours: {zone: "UTC", weekly: {}}',
        "renameCalendar": 'calendar: "{calendar}", name: "x"',
        "addHolidays": 'calendar: "{calendar}", source: {country: "ES"}, scope: ALL',
        "addHolidayFeed": 'calendar: "{calendar}", url: "https://x.example/a.ics"',
        "changeHolidayFeed": 'id: "{feed}", scope: NEW, everyHours: 24',
        "refreshHolidayFeed": 'id: "{feed}"',
        "takeHolidays": 'feed: "{feed}", scope: NEW',
        "removeHolidayFeed": 'id: "{feed}"',
        "registerWebhook": 'url: "https://x.example/", kinds: ["*"]',
        "changeWebhook": 'id: "{unknown}"',
        "rotateWebhookSecret": 'id: "{unknown}"',
        "pauseWebhook": 'id: "{unknown}"',
        "resumeWebhook": 'id: "{unknown}"',
        "deleteWebhook": 'id: "{unknown}"',
        "testWebhook": 'id: "{unknown}"',
        "sendWebhookAgain": 'delivery: "{delivery}"',
    }.items()
}
MUTATIONS |= {
    "hearBy": (DESK_WORKS, f"hearBy(way: MAIL) {OTHERS}"),
    "unmergeCase": (WORKS, f"unmergeCase({NUMBER}) {ACT}"),
    "mergeCases": (WORKS, f"mergeCases(survivor: 1002, sources: [1001]) {ACT}"),
    "splitCase": (WORKS, f'splitCase(activity: "{{message}}") {ACT}'),
    "moveMessage": (WORKS, f'moveMessage(activity: "{{message}}", caseNumber: 1001) {ACT}'),
}
SUBSCRIPTIONS = {"caseEvents"}  # tests/test_graphql_events.py

PEOPLE = ("nobody", "outside", "reader", "scoped", "inside", "manager", "administrator")
SEEING = {"inside", "manager", "administrator"}
MANAGING = {"manager", "administrator"}
WORKING = {"outside", "inside", "manager", "administrator"}
ANSWERED = {MANAGES: MANAGING, ADMINISTERS: {"administrator"}}
DOING = {
    DESK_WORKS: WORKING,
    DESK_MANAGES: MANAGING,
    DESK_ADMINISTERS: {"administrator"},
}


@pytest.fixture
def desk(sqlite_url: str) -> Any:
    database = Database(sqlite_url)
    yield DeskUnderTest(database)
    database.close()


@dataclass
class Stage:
    """A desk with one open case, and one hidden in a queue of members."""

    office: Office
    people: dict[str, str]
    ids: dict[str, str]

    def says(self, who: str, query: str) -> Any:
        for name, id in self.ids.items():
            query = query.replace("{" + name + "}", id)
        headers = {"Authorization": f"Bearer {self.people[who]}"} if who != "nobody" else {}
        return self.office.posts({"query": query}, **headers)


@pytest.fixture
def stage(desk: DeskUnderTest) -> Any:
    linus, mara = desk.has_agent("Linus"), desk.has_agent("Mara", Role.MANAGER)
    hidden = desk.has_queue(f"{CANARY} queue", members=(linus,), address="secret@desk.example")
    desk.has_sla(hours={"zone": "UTC", "weekly": {"mon": [["09:00", "17:00"]]}})
    contact = desk.has_customer("ada@example.com", allotment=9)
    other = desk.has_queue("Other")
    crew = Team(id=new_id(), name="Crew", created_at=NOON)
    spanish = Skill(id=new_id(), name="Spanish")
    with desk.transaction() as session:
        session.add_all((crew, spanish))
        shared = ViewTerms("All", sharing=Sharing.EVERYONE)
        view = saved_views.save(session, mara.principal("test"), shared, at=NOON)
    file = Attachment(0, f"{CANARY}.png", "image/png", 12, "ab" * 32)
    desk.accepts(email("ada@example.com", "Open"))
    desk.accepts(
        email(
            "ada@example.com", f"{CANARY} subject", f"{CANARY} text",
            mailbox="secret@desk.example", at=NOON + timedelta(minutes=1), attachments=(file,),
        )
    )  # fmt: skip
    case = desk.case(1002)
    article = Article(number="KB-1", title="Printing", body="Paper.", updated_at=NOON)
    inbound = Inbound(
        channel="email", mailbox="x", content_key="k", raw=b"x", size_bytes=1, envelope={},
        received_at=NOON, state=State.QUARANTINED, case_id=case.id,
    )  # fmt: skip
    with desk.transaction() as session:
        session.add_all((article, inbound))
        session.flush()
        session.add(
            Suggestion(
                case_id=case.id, article_id=article.id, position=1, score=1, reason=CANARY, at=NOON
            )
        )
        work.note(session, linus.principal("test"), case.id, CANARY, at=NOON)
        planned = work.add_activity(
            session, linus.principal("test"), work.Regarding(case_id=case.id),
            work.Plan(ActivityKind.TASK, CANARY), at=NOON,
        )  # fmt: skip
        sold = Sold(session, by=mara.principal("test"), account_id=contact.account_id)
        agree.tie(
            session, linus.principal("test"), case.id, sold.contract.id,
            desk=desk.settings, at=datetime.now(UTC),
        )  # fmt: skip
        delivery = events.promise(
            session, "email", "reply", effect_key="x", at=NOON, target=CANARY, case_id=case.id
        )
    people_made_one = merged(desk)
    grace = desk.has_agent("Grace")
    roles = {
        "inside": linus,
        "outside": grace,
        "reader": desk.has_agent("Rita", Role.READ_ONLY),
        "manager": mara,
        "administrator": desk.has_agent("Ada", Role.ADMINISTRATOR),
    }
    with Sandbox() as sandbox:
        office = Office(desk, sandbox)
        people = {name: office.token(agent) for name, agent in roles.items()}
        people["scoped"] = office.token(grace, scopes=frozenset({Act.READ}))
        [entitlement] = [e for e in desk.all(Entitlement) if e.name == "Support plan"]
        [sla] = desk.all(Sla)
        [calendar] = desk.all(ServiceCalendar)
        [said] = [row for row in desk.all(Activity) if row.subject == f"{CANARY} subject"]
        ids = {
            "account": contact.account_id, "contact": contact.id, "entitlement": entitlement.id,
            "agent": grace.id, "queue": other.id, "team": crew.id, "skill": spanish.id,
            "view": view.id,
            "activity": planned.id, "manager": mara.id,
            "delivery": delivery.id, "inbound": inbound.id,
            "case": case.id, "hidden": hidden.id, "sla": sla.id, "calendar": calendar.id,
            "contract": sold.contract.id, "line": sold.line.id, "product": sold.product.id,
            "contract template": sold.contract_template.id,
            "entitlement template": sold.entitlement_template.id, **people_made_one,
            "message": said.id, "unknown": new_id(),
            **laid_out(desk, case.id),
        }  # fmt: skip
        yield Stage(office, people, {name: str(id) for name, id in ids.items()})


def test_a_token_that_may_only_work_reads_nothing(stage: Stage) -> None:
    [grace] = [agent for agent in stage.office.desk.all(Agent) if agent.name == "Grace"]
    stage.people["working"] = stage.office.token(grace, scopes=frozenset({Act.WORK}))

    for name, (_rule, query) in QUERIES.items():
        response = stage.says("working", f"{{ {query} }}")
        assert response.status_code == 403, name
        assert "data" not in response.json(), name


class Sold:
    """A contract that covers today, with what it is made of."""

    def __init__(self, session: Session, *, by: Principal, account_id: UUID | None) -> None:
        desk, at = Desk("Example Desk", b"a secret of the tests"), datetime.now(UTC)
        self.product = Product(id=new_id(), number="P-1", name="Printer")
        self.entitlement_template = EntitlementTemplate(id=new_id(), name="Silver", total=5)
        session.add_all((self.product, self.entitlement_template))
        self.contract_template = agree.template(session, by, name="Gold", abbreviation="G", at=at)
        terms = contracts.Terms(
            name="Gold", starts_on=date(2026, 1, 1), ends_on=date(2099, 12, 31), currency="EUR",
            account_id=account_id, template_id=self.contract_template.id, bill_to="Ada, Paris",
        )  # fmt: skip
        line = contracts.LineTerms("Cases", total=10, price=Decimal(900))
        self.contract = agree.draft(session, by, terms, line, desk=desk, at=at)
        [self.line] = self.contract.lines
        agree.invoice(session, by, self.contract.id, desk=desk, at=at)


def laid_out(desk: DeskUnderTest, case_id: UUID) -> dict[str, UUID]:
    """What an administrator laid out: rules, texts, a checklist; each does nothing yet."""
    high = [{"do": "set", "field": "priority", "value": "high"}]
    rule = automation.RuleTerms("Rule", {"events": ["case.opened"]}, high)
    with desk.transaction() as session:
        thanks = templates.write(session, SYSTEM, "Thanks", {"en": "Hello."}, at=NOON)
        checklist = checklists.write_checklist(
            session, SYSTEM, name="Before", items=["Ask"], at=NOON
        )
        [item] = checklists.put_on(session, session.get_one(Case, case_id), ["Ask"])
        endpoint = Endpoint(id=new_id(), url="https://x.example/", kinds=["*"], created_at=NOON)
        session.add(endpoint)
        calendar_id = session.scalars(select(ServiceCalendar.id)).one()
        feed = HolidayFeed(
            id=new_id(), calendar_id=calendar_id, url="https://x.example/b.ics", added_at=NOON,
            next_at=datetime.max.replace(tzinfo=UTC), days={}, offered={"2099-01-01": "x"},
        )  # fmt: skip
        session.add(feed)
        return {
            "feed": feed.id,
            "automation": automation.draft(session, SYSTEM, rule, at=NOON).id,
            "macro": macros.write(session, SYSTEM, "Macro", high, at=NOON).id,
            "reply template": thanks.id,
            "rule set": routing.draft(session, SYSTEM, "Rules", [], at=NOON).id,
            "checklist": checklist.id,
            "item": item.id,
            "webhook": endpoint.id,
        }


def merged(desk: DeskUnderTest) -> dict[str, UUID]:
    """A stranger, a way to reach them, and a merge of two others."""
    stranger, one, other = (
        desk.has_customer(f"{name}@elsewhere.example") for name in ("eve", "bob", "rob")
    )
    with desk.transaction() as session:
        point = select(ContactPoint.id).where(ContactPoint.contact_id == stranger.id)
        merge = merging.merge(session, SYSTEM, one.id, other.id, at=NOON)
        return {
            "stranger": stranger.id, "point": session.scalars(point).one(), "merge": merge.id,
        }  # fmt: skip


def test_the_matrix_has_a_line_for_every_root_field() -> None:
    query, mutation, subscription = (
        SCHEMA.query_type, SCHEMA.mutation_type, SCHEMA.subscription_type,
    )  # fmt: skip
    assert query is not None
    assert mutation is not None
    assert subscription is not None
    assert set(query.fields) == set(QUERIES)
    assert set(mutation.fields) == set(MUTATIONS)
    assert set(subscription.fields) == SUBSCRIPTIONS


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_shows_the_hidden_case_to_those_who_see_it_and_to_nobody_else(
    stage: Stage, name: str
) -> None:
    rule, query = QUERIES[name]

    for who in PEOPLE:
        response = stage.says(who, f"{{ {query} }}")
        answer = response.json()
        if who == "nobody":
            assert response.status_code == 401
        elif who not in ANSWERED.get(rule, PEOPLE):
            assert [e["extensions"]["code"] for e in answer["errors"]] == ["not-allowed"], who
        else:
            assert "errors" not in answer, (who, answer)
        seeing = MANAGING if name == "inbound" else SEEING if rule is SEES else set()
        assert (CANARY in response.text) == (who in seeing), who


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_is_done_for_those_who_may_and_tells_others_nothing(
    stage: Stage, name: str
) -> None:
    rule, mutation = MUTATIONS[name]
    unknown = str(new_id())

    for who in PEOPLE:
        response = stage.says(who, f"mutation {{ {mutation} }}")
        if who == "nobody":
            assert response.status_code == 401
            continue
        result = response.json()["data"][name]
        if rule is not WORKS:
            refusals = ("NotAllowed", "NotFound") if NUMBER in mutation else ("NotAllowed",)
            refused = result["__typename"] in refusals
            assert refused == (who not in DOING[rule]), (who, result)
            assert who in SEEING or CANARY not in response.text
            continue
        if who in SEEING:
            assert result["__typename"] not in ("NotFound", "NotAllowed"), (who, result)
            continue
        elsewhere = mutation.replace("1002", "9999").replace("{delivery}", unknown)
        elsewhere = elsewhere.replace("{activity}", unknown)
        nowhere = stage.says(who, f"mutation {{ {elsewhere} }}").json()["data"][name]
        assert result["__typename"] in ("NotFound", "NotAllowed")
        assert {**result, "message": ""} == {**nowhere, "message": ""}
        assert result["message"].replace("1002", "9999") == nowhere["message"]
        assert CANARY not in response.text


@pytest.mark.parametrize("who", ["outside", "reader", "scoped"])
@pytest.mark.parametrize(
    "query",
    [
        'case(id: "{case}") { number }',
        'cases(where: {queue: "{hidden}"}) { totalCount nodes { number } }',
        'cases(where: {subject: "canary"}) { totalCount nodes { number } }',
        'searchCases(text: "cnaary") { number }',
        'cases(where: {contact: "{contact}", subject: "canary"}) { totalCount nodes { number } }',
        "cases(orderBy: DEADLINE) { totalCount nodes { number } }",
        'entitlement(id: "{entitlement}") { ledger { nodes { case { number } } } }',
        "queues { name waiting worked }",
    ],
    ids=lambda query: query[:30],
)
def test_what_is_hidden_is_neither_listed_nor_counted_nor_found(
    stage: Stage, who: str, query: str
) -> None:
    seen = stage.says(who, f"{{ {query} }}").json()["data"]
    known = stage.says("manager", f"{{ {query} }}").json()["data"]

    assert seen != known
    assert "1002" not in str(seen)
    assert "2" not in str([v for v in _leaves(seen) if isinstance(v, int)])


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for one in value.values() for leaf in _leaves(one)]
    if isinstance(value, list):
        return [leaf for one in value for leaf in _leaves(one)]
    return [value]


def test_reports_count_only_what_who_asks_may_see(stage: Stage) -> None:
    query = """{ reports { caseSummary { count percent }
        casesBySlaStatus(weeks: 53) { inWork nearDeadline missed inTime without } } }"""

    outside = stage.says("outside", query).json()["data"]["reports"]
    manager = stage.says("manager", query).json()["data"]["reports"]

    assert outside["caseSummary"] == [{"count": 1, "percent": 100.0}]
    assert manager["caseSummary"] == [{"count": 2, "percent": 100.0}]
    assert sum(sum(week.values()) for week in outside["casesBySlaStatus"]) == 1
    assert sum(sum(week.values()) for week in manager["casesBySlaStatus"]) == 2


def test_who_owns_a_hidden_case_sees_it_but_not_its_queue(stage: Stage) -> None:
    stage.says("manager", f'mutation {{ assign({NUMBER}, agent: "{{agent}}") {{ __typename }} }}')

    seen = stage.says("outside", "{ case(number: 1002) { queue { waiting } } queues { name } }")

    assert seen.json()["data"] == {
        "case": {"queue": {"waiting": 1}}, "queues": [{"name": "Other"}, {"name": "Support"}],
    }  # fmt: skip


def test_a_reader_may_look_and_not_touch(stage: Stage) -> None:
    act = 'mutation { note(caseNumber: 1001, text: "x") { __typename ... on Problem { code } } }'

    assert stage.says("reader", "{ case(number: 1001) { subject } }").json()["data"]["case"]
    for who in ("reader", "scoped"):
        result = stage.says(who, act).json()["data"]["note"]
        assert result == {"__typename": "NotAllowed", "code": "not-allowed"}


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer dbt_wrong", "Basic {token}", "{token}", "Bearer {token}x",
     "Bearer {cut}"],
)  # fmt: skip
def test_a_wrong_token_is_nobody(desk: DeskUnderTest, header: str) -> None:
    office = Office(desk)
    token = office.token(desk.has_agent())
    value = header.format(token=token, cut=token[:-1])

    response = office.posts({"query": "{ me { name } }"}, Authorization=value)

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["errors"][0]["extensions"]["code"] == "not-signed-in"


def test_a_token_in_the_address_or_given_twice_is_nobody(desk: DeskUnderTest) -> None:
    office = Office(desk)
    token = office.token(desk.has_agent())
    body = b'{"query": "{ me { name } }"}'
    json = ("Content-Type", "application/json")
    good = ("Authorization", f"Bearer {token}")

    in_address = office.client.post(
        "/graphql", params={"access_token": token, "token": token}, content=body, headers=[json]
    )
    twice = office.client.post("/graphql", content=body, headers=[json, good, good])
    once = office.client.post("/graphql", content=body, headers=[json, good])

    assert (in_address.status_code, twice.status_code, once.status_code) == (401, 401, 200)


def test_a_token_ends_with_the_next_request(desk: DeskUnderTest) -> None:
    office = Office(desk)
    grace = desk.has_agent()
    token = office.token(grace)
    asks = {"query": "{ me { name } }"}
    assert office.posts(asks, Authorization=f"bearer {token}").status_code == 200

    with desk.transaction() as session:
        session.get_one(Agent, grace.id).active = False

    assert office.posts(asks, Authorization=f"Bearer {token}").status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://127.0.0.1:8001"}, 200),
        ({"Origin": "http://testserver"}, 200),
        ({}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.test"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:8001.evil.test"}, 403),
        ({"Origin": "http://testserver", "Sec-Fetch-Site": "cross-site"}, 403),
    ],
    ids=str,
)
def test_a_session_counts_only_when_our_own_page_asks(
    desk: DeskUnderTest, headers: dict[str, str], status: int
) -> None:
    office = Office(desk)
    grace = desk.has_agent()
    desk.accepts(email())
    now = datetime.now(UTC)
    with desk.transaction() as session:
        link = agents.sign_in_link(session, grace, at=now, lasts=timedelta(minutes=5))
        secret = agents.sign_in(session, link, at=now)
    act = {"query": 'mutation { note(caseNumber: 1001, text: "x") { __typename } }'}

    response = office.posts(act, Cookie=f"sid={secret}", **headers)

    assert response.status_code == status, response.text
    assert len(desk.activities(desk.case(1001))) == (2 if status == 200 else 1)
