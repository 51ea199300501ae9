"""The order book as a strategy reads it: decimal prices and sizes, made when they are asked for."""

from decimal import Decimal

from exchange_wrapper.book import L2Book
from exchange_wrapper.pair import Pair
from exchange_wrapper.terms import Side
from exchange_wrapper.times import UtcNs

__all__ = ["BookView"]


class BookView:
    """One pair's whole book, for reading.

    A run has one view per pair and shows it after each change: what it says holds until the
    callback returns, so whoever needs a figure later keeps the figure, not the view.

    Parameters
    ----------
    exchange : str
    pair : Pair
    book : L2Book
        Of that pair; its owner changes it and sets ``time``.

    Attributes
    ----------
    exchange, pair : str
    time : UtcNs
        Of the last change.
    """

    __slots__ = ("_book", "_pair", "_prices", "exchange", "pair", "time")

    def __init__(self, exchange: str, pair: Pair, book: L2Book, time: UtcNs) -> None:
        self.exchange = exchange
        self.pair = pair.name()
        self.time = time
        self._pair = pair
        self._prices = pair.prices
        self._book = book

    @property
    def bid(self) -> Decimal | None:
        """The highest bid, None where nothing is bid."""
        best = self._book.best_bid
        return None if best is None else self._prices[best]

    @property
    def ask(self) -> Decimal | None:
        """The lowest ask, None where nothing is asked."""
        best = self._book.best_ask
        return None if best is None else self._prices[best]

    @property
    def bid_size(self) -> Decimal | None:
        """Size at the highest bid, in base."""
        return self._best_size(Side.BUY)

    @property
    def ask_size(self) -> Decimal | None:
        """Size at the lowest ask, in base."""
        return self._best_size(Side.SELL)

    def bids(self, depth: int) -> list[tuple[Decimal, Decimal]]:
        """Return the best ``depth`` bids as (price, size), or all there are, highest first."""
        return self._levels(Side.BUY, depth)

    def asks(self, depth: int) -> list[tuple[Decimal, Decimal]]:
        """Return the best ``depth`` asks as (price, size), or all there are, lowest first."""
        return self._levels(Side.SELL, depth)

    def _best_size(self, side: Side) -> Decimal | None:
        book = self._book
        best, levels = (
            (book.best_bid, book.bids) if side is Side.BUY else (book.best_ask, book.asks)
        )
        return None if best is None else self._pair.size(levels[best])

    def _levels(self, side: Side, depth: int) -> list[tuple[Decimal, Decimal]]:
        pair = self._pair
        return [
            (pair.price(price), pair.size(size)) for price, size in self._book.depth(side, depth)
        ]
