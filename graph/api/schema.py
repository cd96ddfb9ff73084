"""The schema: what every noun adds to it, put together."""

from __future__ import annotations

import strawberry
from graphql import GraphQLSchema
from strawberry.schema.config import StrawberryConfig

from graph.api.agents import AgentQueries
from graph.api.agree import ContractMutations
from graph.api.articles import ArticleQueries
from graph.api.attendance import AttendanceMutations, AttendanceQueries
from graph.api.automation import AutomationMutations, AutomationQueries
from graph.api.beating import ViewerMutations
from graph.api.billing import BillingMutations, BillingQueries
from graph.api.bulk import BulkMutations, BulkQueries
from graph.api.calls import CallMutations
from graph.api.caselists import CaseQueries
from graph.api.catalogue import CatalogueMutations
from graph.api.changing import ChangingMutations
from graph.api.checklists import ChecklistMutations, ChecklistQueries
from graph.api.contract_templates import ContractTemplateMutations, ContractTemplateQueries
from graph.api.contractlists import ContractQueries
from graph.api.covering import CoveringMutations
from graph.api.customers import Account, Contact, CustomerQueries
from graph.api.deliveries import DeliveryMutations
from graph.api.entitlement_templates import EntitlementTemplateQueries
from graph.api.entitlementlists import EntitlementQueries
from graph.api.events import EventSubscriptions
from graph.api.feeds import FeedMutations, FeedQueries
from graph.api.fields import FieldQueries
from graph.api.hours import HourMutations, HourQueries
from graph.api.inbound import InboundMutations, InboundQueries
from graph.api.invoices import InvoiceMutations, InvoiceQueries
from graph.api.knowing import CustomerMutations
from graph.api.laying_out import LayoutMutations
from graph.api.life import EntitlementMutations
from graph.api.macros import MacroMutations, MacroQueries
from graph.api.merging import MergeMutations, MergeQueries
from graph.api.offers import OfferMutations
from graph.api.opening import OpeningMutations
from graph.api.parenting import FamilyMutations
from graph.api.planning import ActivityMutations, ActivityQueries
from graph.api.postponing import PostponingMutations
from graph.api.previews import PreviewQueries
from graph.api.products import ProductQueries
from graph.api.promising import PromiseQueries, SlaMutations
from graph.api.publishing import PublishingMutations, PublishingQueries
from graph.api.queues import QueueQueries
from graph.api.reasons import ReasonMutations, ReasonQueries
from graph.api.registering import RegisterMutations
from graph.api.rehearsals import RehearsalQueries
from graph.api.replays import ReplayQueries
from graph.api.reports import ReportQueries
from graph.api.routing import RoutingQueries
from graph.api.routing_rehearsals import RoutingRehearsalQueries
from graph.api.ruling import RoutingMutations
from graph.api.scalars import SCALARS
from graph.api.similar import SimilarQueries
from graph.api.slas import SlaQueries
from graph.api.staffing import StaffingMutations
from graph.api.standing_texts import StandingTextMutations, StandingTextQueries
from graph.api.teams import TeamQueries
from graph.api.ticking import TickingMutations
from graph.api.timing import TimeMutations
from graph.api.trying import TryQueries
from graph.api.views import ViewMutations, ViewQueries
from graph.api.webhooks import WebhookMutations, WebhookQueries
from graph.api.wording import WordingMutations, WordingQueries
from graph.api.work import WorkMutations


@strawberry.type(description="What can be asked. You see what your agent sees, and nothing else.")
class Query(
    AutomationQueries,
    MacroQueries,
    StandingTextQueries,
    WordingQueries,
    CaseQueries,
    ActivityQueries,
    FieldQueries,
    ReasonQueries,
    ChecklistQueries,
    MergeQueries,
    BulkQueries,
    SimilarQueries,
    QueueQueries,
    TeamQueries,
    ViewQueries,
    AttendanceQueries,
    CustomerQueries,
    ProductQueries,
    ContractQueries,
    ContractTemplateQueries,
    EntitlementQueries,
    EntitlementTemplateQueries,
    PreviewQueries,
    ReplayQueries,
    BillingQueries,
    InvoiceQueries,
    SlaQueries,
    PromiseQueries,
    HourQueries,
    FeedQueries,
    RehearsalQueries,
    TryQueries,
    ArticleQueries,
    PublishingQueries,
    InboundQueries,
    ReportQueries,
    RoutingQueries,
    RoutingRehearsalQueries,
    AgentQueries,
    WebhookQueries,
):
    pass


@strawberry.type(description="What can be done. Each is one act, durable when it is answered.")
class Mutation(
    PublishingMutations,
    WorkMutations,
    ChangingMutations,
    ReasonMutations,
    ChecklistMutations,
    TickingMutations,
    LayoutMutations,
    PostponingMutations,
    RoutingMutations,
    AutomationMutations,
    MacroMutations,
    StandingTextMutations,
    WordingMutations,
    ViewerMutations,
    ActivityMutations,
    FamilyMutations,
    OpeningMutations,
    MergeMutations,
    BulkMutations,
    CoveringMutations,
    CustomerMutations,
    RegisterMutations,
    CatalogueMutations,
    OfferMutations,
    ContractMutations,
    ContractTemplateMutations,
    EntitlementMutations,
    SlaMutations,
    HourMutations,
    FeedMutations,
    StaffingMutations,
    AttendanceMutations,
    ViewMutations,
    TimeMutations,
    BillingMutations,
    InvoiceMutations,
    CallMutations,
    InboundMutations,
    DeliveryMutations,
    WebhookMutations,
):
    pass


@strawberry.type(description="What can be followed, over a WebSocket (graphql-transport-ws).")
class Subscription(EventSubscriptions):
    pass


_schema = strawberry.Schema(
    Query,
    Mutation,
    Subscription,
    types=[Account, Contact],
    config=StrawberryConfig(scalar_map=SCALARS),
)
SCHEMA: GraphQLSchema = _schema._schema
"""The schema as graphql-core executes it: strawberry builds the types, we run the operations."""


def sdl() -> str:
    """The schema as text, as it is kept in `schema.graphql`."""
    return _schema.as_str() + "\n"
