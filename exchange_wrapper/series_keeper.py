"""Keep what prices and wallets were: both once a minute, wallets also when they change."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

from exchange_wrapper.accounts import EXCHANGE_SET, SetType
from exchange_wrapper.errors import StorageUnavailable
from exchange_wrapper.logical_wallet import LogicalWalletManager
from exchange_wrapper.numbers import Ticks, format_amount
from exchange_wrapper.pair import Pair
from exchange_wrapper.pricing import Market
from exchange_wrapper.storage import Store, TickerPoint, WalletPoint
from exchange_wrapper.times import SECOND, UtcNs

__all__ = ["SeriesKeeper"]

_log = logging.getLogger("xwrap.series")

_WALLETS_PERIOD_S: Final = 1.0  # a busy run changes its wallets many times a second
_ALL_EVERY: Final = 60  # periods


class SeriesKeeper:
    """Write tickers and the history of wallets to a store, and read the latter back.

    A store that fails is told of in the log and tried again; trading does not depend on it.

    Parameters
    ----------
    store : Store
        Its calls block and are made in a thread.
    markets : mapping of str to Market
        Loaded exchanges by name.
    wallets : callable
        Returns the manager of the wallet sets as they are now.
    clock, sleep : callable
        The time, and waiting in seconds.
    """

    def __init__(
        self,
        store: Store,
        markets: Mapping[str, Market],
        wallets: Callable[[], LogicalWalletManager],
        *,
        clock: Callable[[], UtcNs],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._markets = markets
        self._wallets = wallets
        self._clock = clock
        self._sleep = sleep
        self._touched: set[int] = set()
        self._last: dict[tuple[str, str], Ticks] = {}

    def touch(self, set_id: int) -> None:
        """Take note that a wallet set has changed."""
        self._touched.add(set_id)

    def traded(self, exchange: str, pair: str, price: Ticks) -> None:
        """Take note of a pair's latest trade."""
        self._last[exchange, pair] = price

    async def run(self) -> None:
        """Keep until cancelled."""
        period = 0
        while True:
            await self._sleep(_WALLETS_PERIOD_S)
            period += 1
            await self.keep(everything=period % _ALL_EVERY == 0)

    async def keep(self, *, everything: bool) -> None:
        """Write the wallet sets that have changed, or all of them and the prices."""
        now = self._clock()
        touched, self._touched = self._touched, set()
        manager = self._wallets()
        if everything:
            touched |= {EXCHANGE_SET, *map(int, manager.get_wallet_sets(SetType.LOGICAL))}
        wallets = [
            _wallet_point(now, set_id, wallet)
            for set_id in sorted(touched)
            for wallet in manager.get_wallet_set(set_id)["wallets"]
        ]
        tickers = list(self._tickers(now)) if everything else []
        if wallets or tickers:
            try:
                await asyncio.to_thread(self._write, wallets, tickers)
            except StorageUnavailable as error:
                self._touched |= touched
                _log.warning("prices and wallets could not be kept: %s", error)

    def read(self, set_id: int) -> Iterable[tuple[int, Sequence[Mapping[str, Any]]]]:
        """Return a set's wallets at each time, in seconds since 1970, oldest first; blocks."""
        points = self._store.wallet_set_history(set_id)
        return [
            (time // SECOND, [_described(point) for point in of_time])
            for time, of_time in groupby(points, key=lambda point: point.time)
        ]

    def _tickers(self, now: UtcNs) -> Iterator[tuple[str, str, TickerPoint]]:
        for exchange, market in self._markets.items():
            for name, live in market.books.items():
                bid, ask, pair = live.book.best_bid, live.book.best_ask, live.pair
                if bid is not None or ask is not None:
                    last = self._last.get((exchange, name))
                    prices = (_price(pair, ticks) for ticks in (bid, ask, last))
                    yield exchange, name, TickerPoint(now, *prices)

    def _write(
        self, wallets: list[WalletPoint], tickers: list[tuple[str, str, TickerPoint]]
    ) -> None:
        if wallets:
            self._store.put_wallets(wallets)
        for exchange, pair, ticker in tickers:
            self._store.put_tickers(exchange, pair, [ticker])


def _price(pair: Pair, ticks: Ticks | None) -> Decimal | None:
    return None if ticks is None else pair.price(ticks)


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else format_amount(amount)


def _wallet_point(now: UtcNs, set_id: int, wallet: Mapping[str, Any]) -> WalletPoint:
    worth = wallet["present_value"]
    return WalletPoint(
        now,
        set_id,
        wallet["id"],
        wallet["exchange"],
        wallet["currency"],
        Decimal(wallet["balance"]),
        Decimal(wallet["available"]),
        Decimal(wallet["hold"]),
        _amount(worth["balance_usd"]),
        _amount(worth["available_usd"]),
        _amount(worth["hold_usd"]),
    )


def _described(point: WalletPoint) -> dict[str, Any]:
    return {
        "id": point.wallet_id,
        "exchange": point.exchange,
        "currency": point.currency,
        "balance": format_amount(point.balance),
        "available": format_amount(point.available),
        "hold": format_amount(point.hold),
        "present_value": {
            "balance_usd": _text(point.balance_usd),
            "available_usd": _text(point.available_usd),
            "hold_usd": _text(point.hold_usd),
        },
    }
