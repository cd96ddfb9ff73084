"""The console: pages for the people who work here, made by the server, usable without scripts."""

from __future__ import annotations

from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from graph.console import (
    account_acts,
    article_pages,
    assets,
    automation_page,
    billing_page,
    bulk_page,
    calendar_pages,
    case_acts,
    case_family,
    case_fields,
    case_history,
    case_list,
    case_opening,
    case_page,
    case_work,
    company,
    contact_acts,
    contact_merge,
    contract_draft,
    contract_lines,
    contract_list,
    contract_page,
    contract_templates,
    cover_page,
    customer_list,
    customer_page,
    downloads,
    entitlement_page,
    feeds_page,
    kpi_page,
    layout_custom,
    layout_pages,
    layout_reasons,
    macros_page,
    mail_html,
    merging,
    owned_acts,
    planning,
    postponing,
    product_pages,
    rates_page,
    ready,
    rendering,
    replay_page,
    reports_page,
    routing_page,
    signing_in,
    similar_cases,
    sla_draft,
    sla_force,
    sla_pages,
    sla_try,
    staffing_changes,
    staffing_page,
    unfiled,
    view_page,
    webhooks_page,
    wording_pages,
)
from graph.console.headers import SameOriginOnly, SecurityHeaders
from graph.house import House

LARGEST_FORM_BYTES = 1_000_000


def routes(house: House) -> list[Mount]:
    """All pages of the console, as one mount that answers whatever nobody else did."""

    def nothing(request: Request) -> Response:
        return rendering.stranger(
            house, request, "message.html", 404,
            title="There is no such page", lines=["The address is wrong or the page has moved."],
        )  # fmt: skip

    pages = [
        *assets.routes(),
        *signing_in.routes(house),
        *case_list.routes(house),
        *case_opening.routes(house),
        *case_page.routes(house),
        *case_acts.routes(house),
        *case_work.routes(house),
        *case_family.routes(house),
        *planning.routes(house),
        *case_fields.routes(house),
        *case_history.routes(house),
        *layout_custom.routes(house),
        *layout_pages.routes(house),
        *layout_reasons.routes(house),
        *postponing.routes(house),
        *company.routes(house),
        *merging.routes(house),
        *bulk_page.routes(house),
        *similar_cases.routes(house),
        *mail_html.routes(house),
        *downloads.routes(house),
        *unfiled.routes(house),
        *reports_page.routes(house),
        *routing_page.routes(house),
        *automation_page.routes(house),
        *ready.routes(house),
        *macros_page.routes(house),
        *wording_pages.routes(house),
        *customer_list.routes(house),
        *account_acts.routes(house),
        *contact_acts.routes(house),
        *contact_merge.routes(house),
        *owned_acts.routes(house),
        *customer_page.routes(house),
        *product_pages.routes(house),
        *article_pages.routes(house),
        *replay_page.routes(house),
        *cover_page.routes(house),
        *entitlement_page.routes(house),
        *contract_list.routes(house),
        *contract_templates.routes(house),
        *contract_draft.routes(house),
        *contract_page.routes(house),
        *staffing_page.routes(house),
        *staffing_changes.routes(house),
        *view_page.routes(house),
        *contract_lines.routes(house),
        *billing_page.routes(house),
        *rates_page.routes(house),
        *webhooks_page.routes(house),
        *kpi_page.routes(house),
        *sla_pages.routes(house),
        *sla_draft.routes(house),
        *sla_force.routes(house),
        *sla_try.routes(house),
        *calendar_pages.routes(house),
        *feeds_page.routes(house),
        Route("/{path:path}", nothing),
    ]
    base_url = house.settings.base_url
    middleware = [
        Middleware(SecurityHeaders, https=base_url.startswith("https://")),
        Middleware(SameOriginOnly, base_url=base_url),
        Middleware(RequestBodyLimitMiddleware, max_body_size=LARGEST_FORM_BYTES),
    ]
    return [Mount("/", routes=pages, middleware=middleware)]
