"""Who may ask what by GraphQL: a line for every root field, and who is answered.

`tests/test_graphql_access.py` holds it against the schema and asks each line as everybody.
"""

from __future__ import annotations

from typing import Any

from graphql import get_named_type, is_leaf_type

from graph.api.schema import SCHEMA

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
    "statusReasons": (OPEN, "statusReasons { __typename }"),
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
    "cancel": (WORKS, f'cancel({NUMBER}, text: "x") {ACT}'),
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
        "setReason": "reason: {given: RESEARCHING}",
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
        "allowTransitions": "reason: {given: ON_HOLD}, allowed: []",
        "addStatusReason": 'name: "x", kindOf: ON_HOLD',
        "renameStatusReason": 'id: "{unknown}", name: "x"',
        "retireStatusReason": 'id: "{unknown}"',
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
