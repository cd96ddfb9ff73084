"""What a customer bought, as the commercial record: templates, contracts, lines, renewals.

The acts on a contract, with who may do them, are in `intake.agree`; what its lines cover is
counted by the entitlements that `intake.coverage` makes of them.
"""

from intake.contracts.drafting import (
    LineTerms,
    Terms,
    add_line,
    change_line,
    copy,
    draft,
    redraft,
    remove_line,
)
from intake.contracts.periods import InvoicePeriod, invoice_periods
from intake.contracts.records import (
    Allotment,
    Contract,
    ContractChanged,
    ContractLine,
    Discount,
    Frequency,
    LineState,
    Overage,
    State,
    WrongTerm,
    by_id,
)
from intake.contracts.renewal import (
    AlreadyRenewed,
    expired_not_renewed,
    renew,
    renewal_of,
    renewed,
)
from intake.contracts.templates import (
    ContractTemplate,
    TemplateFrozen,
    add_template,
    change_template,
)
from intake.contracts.transitions import (
    ALLOWED,
    Act,
    ContractNotActive,
    NothingToInvoice,
    NotInThisState,
)

__all__ = [
    "ALLOWED",
    "Act",
    "Allotment",
    "AlreadyRenewed",
    "Contract",
    "ContractChanged",
    "ContractLine",
    "ContractNotActive",
    "ContractTemplate",
    "Discount",
    "Frequency",
    "InvoicePeriod",
    "LineState",
    "LineTerms",
    "NotInThisState",
    "NothingToInvoice",
    "Overage",
    "State",
    "TemplateFrozen",
    "Terms",
    "WrongTerm",
    "add_line",
    "add_template",
    "by_id",
    "change_line",
    "change_template",
    "copy",
    "draft",
    "expired_not_renewed",
    "invoice_periods",
    "redraft",
    "remove_line",
    "renew",
    "renewal_of",
    "renewed",
]
