"""A book that shows what a candle says: one price a side, and as much there as anybody wants."""

from collections.abc import Iterator
from typing import Final

from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.terms import Side

__all__ = ["DEPTH", "DisplayBook"]

DEPTH: Final = Lots(10**18)  # more than anybody can want


class DisplayBook:
    """A book that shows one bid and one ask, each without limit of size.

    Attributes
    ----------
    best_bid, best_ask : Ticks or None
        The bid and the ask; for reading only.
    """

    __slots__ = ("_shown", "best_ask", "best_bid")

    def __init__(self) -> None:
        self.best_bid: Ticks | None = None
        self.best_ask: Ticks | None = None
        self._shown: dict[Side, dict[Ticks, Lots]] = {Side.BUY: {}, Side.SELL: {}}

    def show(self, bid: int, ask: int) -> None:
        """Replace what is shown; a bid of 0 is none."""
        if ask == self.best_ask and bid == self.best_bid:
            return
        self.best_bid, self.best_ask = Ticks(bid) if bid > 0 else None, Ticks(ask)
        self._shown = {
            Side.BUY: {Ticks(bid): DEPTH} if bid > 0 else {},
            Side.SELL: {Ticks(ask): DEPTH},
        }

    @property
    def bids(self) -> dict[Ticks, Lots]:
        """The one bid."""
        return self._shown[Side.BUY]

    @property
    def asks(self) -> dict[Ticks, Lots]:
        """The one ask."""
        return self._shown[Side.SELL]

    def levels(self, side: Side) -> Iterator[tuple[Ticks, Lots]]:
        """Yield the level of a side."""
        return iter(self._shown[side].items())
