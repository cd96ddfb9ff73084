"""What covers a case and what is due for it: entitlement, contract, clocks, time, invoices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import strawberry

from graph.api import billing, decisions, invoices, kpis, ledger
from graph.api.asking import Asking, Info
from graph.api.billing import TimeEntry
from graph.api.contracts import Contract, ContractLine, contracts_by_id
from graph.api.decisions import ChosenBy, EntitlementDecision
from graph.api.describing import described
from graph.api.entitlements import Entitlement
from graph.api.invoices import InvoiceRequest
from graph.api.kpis import KpiInstance
from graph.api.ledger import LedgerEntry
from graph.api.loading import Shown
from graph.api.slas import Sla
from intake import contracts, entitlements, sla


@strawberry.type
class Covered(Shown):
    """The fields of a case that tell what covers it, and what is due for it."""

    billable: bool = strawberry.field(description="Whether it is work to bill: nothing covers it.")
    covered_by: ChosenBy = strawberry.field(description="Who put its entitlement on it.")
    no_decrement: bool = strawberry.field(
        description="Whether its entitlement covers it without giving a term for it."
    )
    sla_by_hand: bool = strawberry.field(description="Whether somebody chose its SLA.")
    entitlement_id: strawberry.Private[UUID | None]
    contract_id: strawberry.Private[UUID | None]
    contract_line_id: strawberry.Private[UUID | None]
    sla_id: strawberry.Private[UUID | None]

    @described("What covers it, if anything does.")
    def entitlement(self, info: Info) -> Entitlement | None:
        return self.named(info, "entitlement_id", Entitlement, entitlements.Entitlement)

    @described("How its entitlement was chosen or refused, with every answer.")
    def decision(self) -> EntitlementDecision | None:
        return decisions.decision_of(self.row.decision)

    @described("What it took of entitlements and gave back, the oldest first.")
    def ledger(self, info: Info) -> list[LedgerEntry]:
        return self.loaded(info, ledger.of_cases).get(self.id, [])

    @described("The contract that it was logged against.")
    def contract(self, info: Info) -> Contract | None:
        return self.loaded(info, agreements).get(self.contract_id)

    @described("The line of that contract, if it was logged against one.")
    def contract_line(self, info: Info) -> ContractLine | None:
        return self.named(info, "contract_line_id", ContractLine, contracts.ContractLine)

    @described("The version of the SLA whose clocks run on it.")
    def sla(self, info: Info) -> Sla | None:
        return self.named(info, "sla_id", Sla, sla.Sla)

    @described("The promises about time that run on it.")
    def kpis(self, info: Info) -> list[KpiInstance]:
        return self.loaded(info, kpis.running).get(self.id, [])

    @described("The time that was written down for it, in the order of the work.")
    def time_entries(self, info: Info) -> list[TimeEntry]:
        return self.loaded(info, billing.time_of).get(self.id, [])

    @described("What was requested to be invoiced for it.")
    def invoice_requests(self, info: Info) -> list[InvoiceRequest]:
        return self.loaded(info, invoices.requested).get(self.id, [])


def agreements(asking: Asking, cases: Sequence[Covered]) -> Mapping[UUID | None, Contract]:
    """The contracts that these cases were logged against."""
    return contracts_by_id(asking, {case.contract_id for case in cases})
