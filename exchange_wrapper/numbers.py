"""Exact arithmetic for money: parsing, printing and rounding of decimal amounts.

Amounts are ``Decimal`` and are added and multiplied through ``LEDGER``, which raises where a
result would have to be rounded. Whoever rounds calls a function here that names its direction.
"""

import re
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
)
from typing import Final, NewType

from exchange_wrapper.errors import InvalidAmount

__all__ = [
    "LEDGER",
    "ZERO",
    "Lots",
    "Ticks",
    "format_amount",
    "is_plain",
    "parse_amount",
    "round_down",
    "round_up",
]

Ticks = NewType("Ticks", int)
"""A price as a whole number of tick sizes."""

Lots = NewType("Lots", int)
"""A size as a whole number of lot sizes."""

ZERO: Final = Decimal(0)

LEDGER: Final = Context(prec=60, traps=[Inexact, InvalidOperation, Overflow, DivisionByZero])
"""Exact or an error: the default context rounds silently after 28 digits."""

_ROUNDING: Final = Context(prec=60, traps=[InvalidOperation, Overflow, DivisionByZero])

# What Decimal reads besides, people do not mean: 1_000, blanks, digits of other scripts.
_PLAIN: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")

# Wide enough for every venue's smallest unit (ether has 18 decimals) and largest supply, and
# narrow enough that a sum of millions of lines stays exact in LEDGER's 60 digits.
_MAX_TEXT: Final = 64
_MAX_INTEGER_DIGITS: Final = 21
_MAX_DECIMALS: Final = 18


def is_plain(text: str) -> bool:
    """Tell whether this is a decimal number as we write them, without exponent."""
    return _PLAIN.fullmatch(text) is not None


def parse_amount(value: str | int | Decimal, field: str) -> Decimal:
    """Read an amount from outside.

    Parameters
    ----------
    value : str, int or Decimal
        A decimal number; as text, in plain ASCII digits without exponent. A float is refused:
        it has already lost digits.
    field : str
        The name of the argument, for the error.

    Raises
    ------
    InvalidAmount
        Not a finite decimal number of at most 21 digits before and 18 behind the point.
    """
    given: object = value  # whatever it is declared to be
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise InvalidAmount(
            f'{field} must be a decimal string such as "0.25", not {type(given).__name__}',
            field=field,
        )
    text = str(value)
    if len(text) > _MAX_TEXT:
        raise InvalidAmount(f"{field} is too long for an amount", field=field)
    if isinstance(value, str) and not is_plain(value):
        raise InvalidAmount(
            f'{field} must be a plain decimal number such as "0.25", not {value!r}', field=field
        )
    amount = Decimal(text)
    if not amount.is_finite():
        raise InvalidAmount(f"{field} must be finite, not {text}", field=field)
    exponent = amount.as_tuple().exponent
    assert isinstance(exponent, int)  # only NaN and infinity have another kind
    if amount and (amount.adjusted() >= _MAX_INTEGER_DIGITS or -exponent > _MAX_DECIMALS):
        raise InvalidAmount(
            f"{field} has too many digits: at most {_MAX_INTEGER_DIGITS} before and "
            f"{_MAX_DECIMALS} behind the point",
            field=field,
        )
    return amount if amount else ZERO


def format_amount(amount: Decimal) -> str:
    """Return the amount as plain decimal text, without exponent or trailing zeros."""
    text = str(amount)
    if "E" in text:
        text = format(amount, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def round_up(amount: Decimal, step: Decimal) -> Decimal:
    """Round towards +∞ to a multiple of ``step``, a power of ten: what a trader owes."""
    return amount.quantize(step, rounding=ROUND_CEILING, context=_ROUNDING)


def round_down(amount: Decimal, step: Decimal) -> Decimal:
    """Round towards −∞ to a multiple of ``step``, a power of ten: what a trader can spend."""
    return amount.quantize(step, rounding=ROUND_FLOOR, context=_ROUNDING)
