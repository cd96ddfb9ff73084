"""The forms of a contract and of a line: what they ask, and what typing means."""

from __future__ import annotations

from collections.abc import Mapping

from graph.console.filling import Reader
from intake.contracts import (
    Allotment,
    Contract,
    ContractLine,
    Discount,
    Frequency,
    LineTerms,
    Overage,
    Terms,
)
from intake.money import rounded

LABELS = {
    "name": "Name",
    "starts_on": "First day",
    "ends_on": "Last day",
    "currency": "Currency",
    "bill_to": "Bill to",
    "billing_starts_on": "Billed from",
    "billing_ends_on": "Billed until",
    "billing_frequency": "Billed",
    "allotment": "Lines count",
    "discount_mode": "Discounts are",
    "overage": "Minutes beyond a line",
    "sla_id": "Service level",
    "template_id": "Template",
    "calendar_id": "Covered hours",
    "owner_id": "Who answers for it",
    "email": "The customer is reminded at",
    "renewal_days": "… so many days before the end",
    "draft_renewal_days": "The next term is drafted … days before the end",
    "external_id": "Its id in another system",
    "customer": "Customer",
}
LINE_LABELS = {
    "title": "What",
    "total": "Total",
    "quantity": "Quantity",
    "price": "Price",
    "discount": "Discount",
    "starts_on": "First day",
    "ends_on": "Last day",
    "overage_rate": "An hour beyond it costs",
    "product_id": "Product",
}


def read(form: Mapping[str, str]) -> Terms:
    """The terms in the form. Raises Misfilled."""
    reader = Reader(form)
    terms = Terms(
        name=reader.text("name", needed=True),
        starts_on=reader.day("starts_on"),
        ends_on=reader.day("ends_on"),
        currency=reader.text("currency", needed=True),
        account_id=reader.id("account"),
        contact_id=reader.id("contact"),
        template_id=reader.id("template_id"),
        bill_to=reader.text("bill_to", longest=1000),
        billing_starts_on=reader.day_or_none("billing_starts_on"),
        billing_ends_on=reader.day_or_none("billing_ends_on"),
        overage=reader.one_of("overage", Overage, Overage.ASK),
        billing_frequency=reader.one_of("billing_frequency", Frequency, Frequency.ANNUALLY),
        allotment=reader.one_of("allotment", Allotment, Allotment.CASES),
        discount_mode=reader.one_of("discount_mode", Discount, Discount.PERCENTAGE),
        sla_id=reader.id("sla_id"),
        calendar_id=reader.id("calendar_id"),
        owner_id=reader.id("owner_id"),
        email=reader.text("email", longest=320),
        renewal_days=reader.numbers("renewal_days"),
        draft_renewal_days=reader.whole_or_none("draft_renewal_days"),
        external_id=reader.text("external_id", longest=120) or None,
    )
    reader.finish()
    return terms


def of(contract: Contract) -> dict[str, str]:
    """The form as a draft fills it in."""
    return {
        "name": contract.name,
        "starts_on": contract.starts_on.isoformat(),
        "ends_on": contract.ends_on.isoformat(),
        "currency": contract.currency,
        "account": str(contract.account_id or ""),
        "contact": str(contract.contact_id or ""),
        "template_id": str(contract.template_id or ""),
        "bill_to": contract.bill_to,
        "billing_starts_on": contract.billing_starts_on.isoformat(),
        "billing_ends_on": contract.billing_ends_on.isoformat(),
        "billing_frequency": contract.billing_frequency.value,
        "allotment": contract.allotment.value,
        "discount_mode": contract.discount_mode.value,
        "overage": contract.overage.value,
        "sla_id": str(contract.sla_id or ""),
        "calendar_id": str(contract.calendar_id or ""),
        "owner_id": str(contract.owner_id or ""),
        "email": contract.email,
        "renewal_days": ", ".join(map(str, contract.renewal_days)),
        "draft_renewal_days": _or_nothing(contract.draft_renewal_days),
        "external_id": contract.external_id or "",
    }


def _or_nothing(number: int | None) -> str:
    return "" if number is None else str(number)


def of_line(contract: Contract, line: ContractLine) -> dict[str, str]:
    """The form as a line fills it in; time is shown in hours."""
    beyond = line.overage_rate
    rate = "" if beyond is None else f"{rounded(beyond, contract.currency)}"
    total = f"{line.total / 60:g}" if contract.allotment is Allotment.TIME else str(line.total)
    return {
        "title": line.title,
        "total": total,
        "price": f"{rounded(line.price, contract.currency)}",
        "discount": f"{line.discount.normalize():f}",
        "quantity": str(line.quantity),
        "product_id": str(line.product_id or ""),
        "starts_on": line.starts_on.isoformat(),
        "ends_on": line.ends_on.isoformat(),
        "overage_rate": rate,
    }


def line(form: Mapping[str, str], contract: Contract) -> LineTerms:
    """The terms of a line; time is typed in hours. Raises Misfilled."""
    reader = Reader(form)
    by_hours = contract.allotment is Allotment.TIME
    terms = LineTerms(
        title=reader.text("title", needed=True),
        total=reader.units("total", hours=by_hours) if form.get("total", "").strip() else 0,
        price=reader.amount("price"),
        discount=reader.amount("discount"),
        quantity=reader.whole("quantity", 1),
        product_id=reader.id("product_id"),
        starts_on=reader.day_or_none("starts_on"),
        ends_on=reader.day_or_none("ends_on"),
        overage_rate=reader.amount_or_none("overage_rate"),
    )
    reader.finish()
    return terms
