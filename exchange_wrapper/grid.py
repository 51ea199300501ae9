"""Price and size texts of one pair as whole ticks and lots, exactly."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final, cast

from exchange_wrapper.errors import DataError
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.pair import Pair

__all__ = ["Increment", "PairGrid"]


class Increment:
    """Reads decimal text as whole multiples of one increment, exactly."""

    __slots__ = ("_coefficient", "_decimals", "_scales", "_step")

    def __init__(self, step: Decimal) -> None:
        self._step = step
        self._decimals = max(0, -int(step.normalize().as_tuple().exponent))
        self._coefficient = int(step.scaleb(self._decimals))
        self._scales: tuple[int, ...] = tuple(
            10 ** (self._decimals - n) for n in range(self._decimals + 1)
        )

    def units(self, text: str) -> int:
        """Return how many increments ``text`` is; never negative.

        Raises
        ------
        DataError
            Not plain decimal text, or not a whole number of increments.
        """
        whole, _, fraction = text.partition(".")
        if len(fraction) > self._decimals:
            fraction = fraction.rstrip("0")
        digits = whole + fraction
        decimals = len(fraction)
        # One test refuses signs, exponents, white space, underscores and empty text.
        if digits.isdecimal() and decimals <= self._decimals:
            scaled = int(digits) * self._scales[decimals]
            if self._coefficient == 1:
                return scaled
            units, rest = divmod(scaled, self._coefficient)
            if not rest:
                return units
        raise DataError(f"{text!r} is not a multiple of {self._step}")


class _TicksMemo(dict[str, Ticks]):
    """Ticks of the price texts seen so far; prices repeat, and looking up beats reading."""

    SIZE_MAX: Final = 20_000  # a price that wanders for months must not fill memory

    def __init__(self, increment: Increment) -> None:
        self._read = cast(Callable[[str], Ticks], increment.units)

    def __missing__(self, text: str) -> Ticks:
        ticks = self._read(text)
        if len(self) >= self.SIZE_MAX:
            self.clear()
        self[text] = ticks
        return ticks


class PairGrid:
    """Reads the price and size texts of one pair as ticks and lots.

    Attributes
    ----------
    ticks : mapping of str to Ticks
        Any price text may be looked up; one off the grid raises ``DataError``.
    lots : callable
        Returns the lots of a size text or raises ``DataError``. Sizes rarely repeat, so they
        are read each time.
    """

    __slots__ = ("lots", "name", "pair", "ticks")

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.name = pair.name()
        self.ticks: Mapping[str, Ticks] = _TicksMemo(Increment(pair.tick_size))
        self.lots = cast(Callable[[str], Lots], Increment(pair.lot_size).units)
