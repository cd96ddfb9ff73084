"""What customers own and ask about: the catalogue, and the pieces that each of them has."""

from intake.products.catalogue import (
    Product,
    ProductFamily,
    WrongProduct,
    add,
    by_number,
    catalogue,
    change,
    family,
    place,
    products_in,
)
from intake.products.owned import OwnedProduct, change_owned, disown, own, owned_by

__all__ = [
    "OwnedProduct",
    "Product",
    "ProductFamily",
    "WrongProduct",
    "add",
    "by_number",
    "catalogue",
    "change",
    "change_owned",
    "disown",
    "family",
    "own",
    "owned_by",
    "place",
    "products_in",
]
