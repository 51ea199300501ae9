"""A traded pair and its increments: the one place where prices become ticks and sizes lots."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Final

from exchange_wrapper.errors import ApiUsageError, InvalidAmount
from exchange_wrapper.numbers import LEDGER, ZERO, Lots, Ticks, format_amount

__all__ = ["Pair", "split_name"]

_ONE: Final = Decimal(1)


def split_name(name: str) -> tuple[str, str]:
    """Return (base, quote) of a pair name such as ``BTC_USD``, in upper case.

    Raises
    ------
    ApiUsageError
        The name is of another form.
    """
    base, _, quote = name.upper().partition("_")
    if not (base.isalnum() and quote.isalnum() and name.isascii()):
        raise ApiUsageError(f"{name!r} is not a pair name such as BTC_USD", field="pair")
    return base, quote


class _Multiples(dict[int, Decimal]):
    """Exact multiples of a step. Prices and sizes repeat: looking up beats multiplying."""

    SIZE_MAX: Final = 20_000  # a price that wanders for months must not fill memory

    def __init__(self, step: Decimal) -> None:
        self.step = step

    def __missing__(self, units: int) -> Decimal:
        amount = LEDGER.multiply(Decimal(units), self.step)
        if len(self) >= self.SIZE_MAX:
            self.clear()
        self[units] = amount
        return amount


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair that an exchange lists, with its increments and limits.

    Attributes
    ----------
    x_id : str
        The exchange's own name of it, such as ``BTC-USD``.
    base, quote : str
        What is bought or sold, and what pays for it; upper case.
    tick_size : Decimal
        Smallest step of price, in quote per base.
    lot_size : Decimal
        Smallest step of size, in base.
    min_order, max_order : Decimal
        Bounds of an order's size in base; ``max_order`` is None where the venue names none.
    min_notional : Decimal
        Smallest ``price × size`` of an order, in quote.
    price_prec : int
        Decimal places of a price.
    prices, sizes : mapping of int to Decimal
        What `price` and `size` return, for any number of ticks or lots; for hot paths.
    """

    x_id: str
    base: str
    quote: str
    tick_size: Decimal
    lot_size: Decimal
    min_order: Decimal = ZERO
    max_order: Decimal | None = None
    min_notional: Decimal = ZERO
    _name: str = field(init=False, repr=False, compare=False)
    _unit: Decimal = field(init=False, repr=False, compare=False)
    price_prec: int = field(init=False, repr=False, compare=False)
    prices: Mapping[Ticks, Decimal] = field(init=False, repr=False, compare=False)
    sizes: Mapping[Lots, Decimal] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.tick_size <= 0 or self.lot_size <= 0:
            raise InvalidAmount(f"increments of {self.x_id} must be positive")
        object.__setattr__(self, "base", self.base.upper())
        object.__setattr__(self, "quote", self.quote.upper())
        object.__setattr__(self, "_name", f"{self.base}_{self.quote}")
        object.__setattr__(self, "_unit", LEDGER.multiply(self.tick_size, self.lot_size))
        digits = -int(self.tick_size.normalize().as_tuple().exponent)
        object.__setattr__(self, "price_prec", max(0, digits))
        object.__setattr__(self, "prices", _Multiples(self.tick_size))
        object.__setattr__(self, "sizes", _Multiples(self.lot_size))

    def __reduce__(self) -> tuple[object, ...]:
        # A frozen class, once compiled, can't be copied field by field.
        fields = self.x_id, self.base, self.quote, self.tick_size, self.lot_size
        return Pair, (*fields, self.min_order, self.max_order, self.min_notional)

    def name(self) -> str:
        """Return ``BASE_QUOTE``."""
        return self._name

    def __str__(self) -> str:
        return self._name

    def to_ticks(self, price: Decimal) -> Ticks:
        """Return the price as a whole number of ticks.

        Raises
        ------
        InvalidAmount
            The price is off the tick grid; rounding it would move a user's limit untold.
        """
        return Ticks(_units(price, self.tick_size, "price", self._name))

    def to_lots(self, size: Decimal) -> Lots:
        """Return the size as a whole number of lots.

        Raises
        ------
        InvalidAmount
            The size is off the lot grid.
        """
        return Lots(_units(size, self.lot_size, "size", self._name))

    def floor_lots(self, size: Decimal) -> Lots:
        """Return the largest number of lots that is not more than ``size`` (≥ 0)."""
        return Lots(int(size // self.lot_size))

    def price(self, ticks: Ticks) -> Decimal:
        """Return the price of so many ticks, exactly."""
        return self.prices[ticks]

    def size(self, lots: Lots) -> Decimal:
        """Return the size of so many lots, exactly."""
        return self.sizes[lots]

    def notional(self, ticks_lots: int) -> Decimal:
        """Return an amount of quote from Σ ticks × lots, exactly."""
        return LEDGER.multiply(Decimal(ticks_lots), self._unit)

    def floor_notional(self, amount: Decimal, factor: Decimal = _ONE) -> int:
        """Return the largest Σ ticks × lots whose notional × factor is within ``amount`` (≥ 0)."""
        return int(LEDGER.divide_int(amount, LEDGER.multiply(self._unit, factor)))

    def check_price(self, price: Decimal | str | int) -> bool:
        """Tell whether a price lies on the tick grid and is positive."""
        try:
            amount = Decimal(price)
            return amount > 0 and not amount % self.tick_size
        except InvalidOperation:
            return False

    def check_size(self, order_size: Decimal | str | int) -> bool:
        """Tell whether a size lies on the lot grid and within the order limits."""
        try:
            amount = Decimal(order_size)
            return (
                amount > 0
                and amount >= self.min_order
                and (self.max_order is None or amount <= self.max_order)
                and not amount % self.lot_size
            )
        except InvalidOperation:
            return False


def _units(amount: Decimal, step: Decimal, what: str, pair: str) -> int:
    try:
        units, rest = divmod(amount, step)
    except InvalidOperation:  # a quotient of more than 28 digits
        raise InvalidAmount(f"{what} {amount} is too large for {pair}", field=what) from None
    if rest:
        raise InvalidAmount(
            f"{what} {format_amount(amount)} of {pair} is not a multiple of {format_amount(step)}",
            field=what,
        )
    return int(units)
