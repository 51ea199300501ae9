"""A market to try the paper engine in, and an independent tally of what it offers."""

from decimal import Decimal

from exchange_wrapper.book import L2Book
from exchange_wrapper.execution import Execution, Filled, Opened
from exchange_wrapper.market import TradePrint
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.pair import Pair
from exchange_wrapper.paper import PaperEngine, PaperOrder
from exchange_wrapper.terms import OrderType, Side
from exchange_wrapper.times import UtcNs

PAIR = Pair("BTC-USD", "BTC", "USD", Decimal("0.01"), Decimal("0.00000001"))
BUY, SELL = Side

__all__ = ["BUY", "PAIR", "SELL", "Market", "Tally", "brief"]


class Market:
    """A book with its engine, driven as a venue does it; the clock stands unless told."""

    def __init__(self, *, latency_ns: int = 0) -> None:
        self.book = L2Book(PAIR)
        self.engine = PaperEngine(self.book, latency_ns=latency_ns)
        self.now = 0
        self.last_id = 0

    def snapshot(
        self, bids: dict[int, int], asks: dict[int, int], *, fresh: bool = False
    ) -> list[tuple[object, ...]]:
        executions = self.engine.advance(UtcNs(self.now))
        old_bids, old_asks = self.book.bids, self.book.asks
        self.book.replace(
            [(Ticks(price), Lots(size)) for price, size in bids.items()],
            [(Ticks(price), Lots(size)) for price, size in asks.items()],
        )
        if fresh:
            executions += self.engine.fresh(UtcNs(self.now))
        else:
            executions += self.engine.replaced(old_bids, old_asks, UtcNs(self.now))
        return brief(executions)

    def level(self, side: Side, price: int, size: int) -> list[tuple[object, ...]]:
        executions = self.engine.advance(UtcNs(self.now))
        old = self.book.set_level(side, Ticks(price), Lots(size))
        executions += self.engine.level_changed(
            side, Ticks(price), old, Lots(size), UtcNs(self.now)
        )
        return brief(executions)

    def trade(self, maker_side: Side, price: int, size: int) -> list[tuple[object, ...]]:
        now = UtcNs(self.now)
        executions = self.engine.advance(now)
        trade = TradePrint("BTC_USD", "1", Ticks(price), Lots(size), maker_side, now, now)
        return brief(executions + self.engine.traded(trade, now))

    def send(
        self,
        side: Side,
        size: int,
        limit: int | None = None,
        type: OrderType = OrderType.LIMIT,
        *,
        budget: int | None = None,
        expires_at: int | None = None,
        post_only: bool = False,
    ) -> int:
        self.last_id += 1
        order = PaperOrder(
            self.last_id,
            side,
            OrderType.MARKET if limit is None else type,
            Lots(size),
            None if limit is None else Ticks(limit),
            budget,
            None if expires_at is None else UtcNs(expires_at),
            post_only,
        )
        self.engine.submit(order, UtcNs(self.now))
        return self.last_id

    def advance(self, now: int | None = None) -> list[tuple[object, ...]]:
        self.now = self.now if now is None else now
        return brief(self.engine.advance(UtcNs(self.now)))


def brief(executions: list[Execution]) -> list[tuple[object, ...]]:
    """Return executions as (order id, what happened …), without their times."""
    return [
        (each.order_id, "open")
        if isinstance(each, Opened)
        else (each.order_id, int(each.price), int(each.size), "maker" if each.maker else "taker")
        if isinstance(each, Filled)
        else (each.order_id, each.reason.value)
        for each in executions
    ]


class Tally:
    """What the market offers us, kept apart from the engine and in another way.

    ``left`` has the lots of each level that we may still take: they come with an increase, go
    with our own fills, and never outnumber the level.
    """

    def __init__(self) -> None:
        self.shown: dict[Side, dict[Ticks, int]] = {BUY: {}, SELL: {}}
        self.left: dict[Side, dict[Ticks, int]] = {BUY: {}, SELL: {}}
        self.open: dict[int, tuple[Side, Ticks, int]] = {}  # our orders: side, limit, open lots

    def show(self, side: Side, price: Ticks, size: int) -> None:
        increase = max(0, size - self.shown[side].get(price, 0))
        self.left[side][price] = min(self.left[side].get(price, 0) + increase, size)
        self.shown[side][price] = size

    def within(self, side: Side, limit: Ticks) -> list[Ticks]:
        """Return the prices a ``side`` order of this limit can take, best first."""
        left = self.left[side.opposite]
        return [
            price
            for price in sorted(left, reverse=side is SELL)
            if left[price] and (price <= limit if side is BUY else price >= limit)
        ]

    def book(self, fill: Filled, trade: TradePrint | None) -> None:
        side, limit, size = self.open[fill.order_id]
        assert 0 < fill.size <= size
        self.open[fill.order_id] = side, limit, size - fill.size
        if trade is not None:
            assert fill.maker and fill.price == limit and side is trade.maker_side
            assert limit >= trade.price if side is BUY else limit <= trade.price
            return
        assert fill.price == limit if fill.maker else fill.price == self.within(side, limit)[0]
        lots = int(fill.size)
        while lots:
            price = self.within(side, limit)[0]  # nothing is left where this fails
            taken = min(lots, self.left[side.opposite][price])
            self.left[side.opposite][price] -= taken
            lots -= taken
