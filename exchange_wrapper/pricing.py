"""What currencies are worth now, read off the live books."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Literal, Protocol

from exchange_wrapper.live_book import LiveBook
from exchange_wrapper.numbers import LEDGER

__all__ = ["BookSide", "Market", "Pricing"]

BookSide = Literal["bid", "ask"]


class Market(Protocol):
    """The part of a loaded exchange that prices are read from."""

    @property
    def books(self) -> Mapping[str, LiveBook]:
        """Live books by pair name; those that are not live are empty."""


class Pricing:
    """Prices of currencies over all loaded exchanges.

    Parameters
    ----------
    markets : mapping of str to Market
        Loaded exchanges by name; the first one that has a price gives it.
    """

    def __init__(self, markets: Mapping[str, Market]) -> None:
        self._markets = markets

    def usd_rate(
        self, currency: str, side: BookSide = "bid", exchange: str | None = None
    ) -> Decimal | None:
        """Return what one unit of a currency is worth in USD.

        By a pair against USD, else by one step through another currency that has one.

        Parameters
        ----------
        side : {"bid", "ask"}
            Whether it is sold or bought.
        exchange : str, optional
            Ask this one first.

        Returns
        -------
        Decimal or None
            None if the books have no such price now.
        """
        if currency == "USD":
            return Decimal(1)
        markets = self._in_order(exchange)
        direct = _first_price(markets, f"{currency}_USD", side)
        if direct is not None:
            return direct
        for market in markets:
            for live in market.books.values():
                if live.pair.base != currency:
                    continue
                step = _price(live, side)
                onward = _first_price(markets, f"{live.pair.quote}_USD", side)
                if step is not None and onward is not None:
                    return LEDGER.multiply(step, onward)
        return None

    def _in_order(self, exchange: str | None) -> list[Market]:
        names = sorted(self._markets, key=lambda name: name != exchange)
        return [self._markets[name] for name in names]


def _first_price(markets: Iterable[Market], pair: str, side: BookSide) -> Decimal | None:
    for market in markets:
        live = market.books.get(pair)
        price = None if live is None else _price(live, side)
        if price is not None:
            return price
    return None


def _price(live: LiveBook, side: BookSide) -> Decimal | None:
    ticks = live.book.best_bid if side == "bid" else live.book.best_ask
    return None if ticks is None else live.pair.price(ticks)
