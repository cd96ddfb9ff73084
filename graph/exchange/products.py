"""The products sheet: the catalogue, one product a row, found again by its number."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.exchange.bringing import Fate, Into, Outcome, Row
from graph.exchange.columns import Column, Problem, WrongCell
from intake.db import new_id
from intake.products import Product, ProductFamily

LONGEST = 60


def number(cell: str) -> str:
    """A product number, which is not too long to be one."""
    if len(cell) > LONGEST:
        raise WrongCell(f"at most {LONGEST} characters")
    return cell


class Products:
    """The catalogue. A family that is not there yet is made."""

    name = "products"
    columns: tuple[Column, ...] = (
        Column("number", number, required=True),
        Column("name", required=True),
        Column("family"),
        Column("description"),
        Column("external_id", default=None),
    )

    def together(self, row: Row) -> object:
        """Each row stands for itself."""
        return row.number

    def bring(self, rows: list[Row], into: Into) -> list[Outcome]:
        """Write products in the order of their rows."""
        session = into.session
        numbers = {row["number"] for row in rows}
        ids = {row["external_id"] for row in rows} - {None}
        products = {
            p.number: p for p in session.scalars(select(Product).where(Product.number.in_(numbers)))
        }
        owners = {
            p.external_id: p
            for p in session.scalars(select(Product).where(Product.external_id.in_(ids)))
        }
        families = {f.name: f for f in session.scalars(select(ProductFamily))}
        outcomes: list[Outcome] = []
        for row in rows:
            problem = into.repeated(row, row["number"], "number")
            product = products.get(row["number"])
            owner = owners.get(row["external_id"])
            if problem is None and owner is not None and owner is not product:
                problem = Problem(row.number, "external_id", f"it is {owner.number}'s already")
            if problem is not None:
                outcomes.append(problem)
                continue
            fate = Fate.SAME
            if product is None:
                product = Product(id=new_id(), number=row["number"], description="")
                session.add(product)
                fate = Fate.MADE
            fields = {
                "name": row["name"],
                "description": row["description"],
                "external_id": row["external_id"],
                "family_id": _family(row["family"], families, session).id
                if row["family"]
                else None,
            }
            for name, value in fields.items():
                if value and getattr(product, name) != value:
                    setattr(product, name, value)
                    fate = Fate.CHANGED if fate is Fate.SAME else fate
            if product.external_id:
                owners[product.external_id] = product
            outcomes.append(fate)
        return outcomes

    def export(self, session: Session, *, region: str) -> Iterator[dict[str, str]]:
        """All products, by number."""
        families = {f.id: f.name for f in session.scalars(select(ProductFamily))}
        for product in session.scalars(
            select(Product).order_by(Product.number).execution_options(yield_per=500)
        ):
            yield {
                "number": product.number,
                "name": product.name,
                "family": families[product.family_id] if product.family_id else "",
                "description": product.description,
                "external_id": product.external_id or "",
            }


def _family(name: str, families: dict[str, ProductFamily], session: Session) -> ProductFamily:
    if name not in families:
        families[name] = ProductFamily(id=new_id(), name=name)
        session.add(families[name])
    return families[name]
