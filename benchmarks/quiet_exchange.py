"""An exchange with one book that never changes and never runs out."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from decimal import Decimal

from exchange_wrapper.exchange.base import Candle, Capabilities, Exchange
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.market import BookSnapshot, MarketEvent
from exchange_wrapper.pair import Pair
from exchange_wrapper.util import utc_now

__all__ = ["PAIR", "QuietExchange"]

PAIR = Pair("BTC-USD", "BTC", "USD", Decimal("0.01"), Decimal("0.00000001"))
_SIZE = PAIR.to_lots(Decimal(1_000_000))


class QuietExchange(Exchange):
    capabilities = Capabilities(candle_freqs_s=frozenset())
    silence_max_s = 3600.0
    default_fees = FeeSchedule(maker=Decimal("0.001"), taker=Decimal("0.002"))

    async def load_pairs(self) -> dict[str, Pair]:
        return {PAIR.name(): PAIR}

    async def connect(self, pairs: Iterable[Pair]) -> AsyncGenerator[MarketEvent, None]:
        now = utc_now()
        bids, asks = ([(PAIR.to_ticks(Decimal(price)), _SIZE)] for price in (9_999, 10_000))
        yield BookSnapshot(PAIR.name(), bids, asks, now, now)
        await asyncio.Event().wait()

    async def fetch_candles(
        self, pair: Pair, freq_s: int, start_s: int, end_s: int
    ) -> list[Candle]:
        return []

    async def close(self) -> None: ...
