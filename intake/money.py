"""Amounts of money: exact decimals in a currency of ISO 4217, the same on both databases."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from sqlalchemy import BigInteger, Dialect, Numeric, TypeDecorator
from sqlalchemy.types import TypeEngine

from intake.errors import IntakeError

# The currencies of ISO 4217 (list one, 2025) by how many decimals their coins go down to.
DECIMALS = {
    2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD "
    "CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD "
    "GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD "
    "MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP "
    "PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS "
    "TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG",
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
}
CURRENCIES = {code: digits for digits, codes in DECIMALS.items() for code in codes.split()}
UNIT = Decimal("0.0001")
LARGEST = Decimal(10) ** 14


class WrongAmount(IntakeError):
    """A price, rate or discount that cannot be meant; the text names the field."""

    code = "wrong-amount"


class NoSuchCurrency(IntakeError):
    """Three letters that are no currency of ISO 4217."""

    code = "no-such-currency"


class Amount(TypeDecorator[Decimal]):
    """A decimal with four places. SQLite has no decimals: whole ten-thousandths there."""

    impl = Numeric(19, 4)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        kind = BigInteger() if dialect.name == "sqlite" else Numeric(19, 4)
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return int((value / UNIT).to_integral_value(ROUND_HALF_UP))

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        if value is None:
            return None
        return Decimal(value) * UNIT if dialect.name == "sqlite" else Decimal(value)


def currency(code: str, field: str = "currency") -> str:
    """The code in capitals. Raises NoSuchCurrency, naming the field."""
    found = code.strip().upper()
    if found not in CURRENCIES:
        raise NoSuchCurrency(f"{field}: {code!r} is no currency of ISO 4217; write EUR, USD …")
    return found


def amount(value: Decimal | int | str, field: str) -> Decimal:
    """A sum of zero or more, with at most four places. Raises WrongAmount, naming the field."""
    try:
        found = Decimal(value)
    except InvalidOperation:
        raise WrongAmount(f"{field}: {value!r} is not a number; write 1200.50") from None
    if not found.is_finite() or abs(found) >= LARGEST:
        raise WrongAmount(f"{field}: {value} is not an amount of money")
    if found < 0:
        raise WrongAmount(f"{field}: {value} is below zero")
    if found != found.quantize(UNIT):
        raise WrongAmount(f"{field}: {value} has more than four decimal places")
    return found


def rounded(value: Decimal, code: str) -> Decimal:
    """A sum to the smallest coin of its currency, halves away from zero."""
    return value.quantize(Decimal(1).scaleb(-CURRENCIES[code]), ROUND_HALF_UP)
