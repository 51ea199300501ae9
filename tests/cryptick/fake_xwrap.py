"""xWrap in memory: its client's methods over a real desk and one made-up book."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from decimal import Decimal
from typing import Any

from exchange_wrapper.book import L2Book
from exchange_wrapper.changes import LinePosted, OrderChanged, TradeMade
from exchange_wrapper.desk import Desk
from exchange_wrapper.errors import Unavailable, UnknownName
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.ledger import Ledger
from exchange_wrapper.numbers import Lots
from exchange_wrapper.orders import Order, OrderRequest
from exchange_wrapper.pair import Pair
from exchange_wrapper.paper_exchange import PaperExchange
from exchange_wrapper.terms import OrderType
from exchange_wrapper.times import UtcNs, to_iso

PAIR = Pair("BTC-USD", "BTC", "USD", Decimal("0.01"), Decimal("0.0001"))
FEES = FeeSchedule(Decimal("0.001"), Decimal("0.002"))


class FakeXWrap:
    """One exchange ``gdax`` with one pair; its time goes on by a millisecond per call."""

    url = "ws://fake"

    def __init__(self, bid: str = "99", ask: str = "100") -> None:
        self.mode = "paper"
        self.statuses = ["ready"]
        self.subscribed: list[tuple[str, str, str]] = []
        self.history: list[list[Any]] = []  # points of candles
        self.unreachable = False
        self.deaf = False  # cancellations never arrive
        self.loses_answers = False  # the connection is lost right after an order was made
        self.made = 0
        self.done: dict[str, Order] = {}
        self.ledger = Ledger()
        self.desk = Desk(self.ledger)
        self.book = L2Book(PAIR)
        self.paper = PaperExchange(latency_ns=0)
        self.paper.add_pair(PAIR, self.book)
        self.desk.add_exchange("gdax", {"BTC_USD": PAIR}, FEES, self.paper)
        self.ledger.deposit("gdax", "USD", Decimal(1_000_000), UtcNs(0))
        self.desk.take_changes()
        self.set_prices(bid, ask)
        self._now = UtcNs(0)
        self._closed = asyncio.Event()
        self._handlers: dict[str, list[Callable[[Any], None]]] = defaultdict(list)
        self.on_lost: Callable[[], None] = lambda: None
        self.on_back: Callable[[bool], None] = lambda complete: None
        self._missed: list[tuple[str, Any]] | None = None  # while the connection is lost

    def set_prices(self, bid: str, ask: str) -> None:
        levels = [(PAIR.to_ticks(Decimal(price)), Lots(10**9)) for price in (bid, ask)]
        self.book.replace(levels[:1], levels[1:])

    def tell(self, method: str, **params: Any) -> None:
        """Send a notification."""
        if self._missed is not None:
            self._missed.append((method, params))
            return
        for handler in self._handlers[method]:
            handler(params)

    def tell_ticker(self, bid: str | None, ask: str | None) -> None:
        pair = {"exchange": "gdax", "pair": "BTC_USD"}
        self.tell("ticker", **pair, bid=bid, ask=ask, time=to_iso(self._tick()))

    def lose(self) -> None:
        """Lose the connection; answers of what is under way are lost too."""
        self.unreachable = True
        self._missed = []
        self.on_lost()

    def come_back(self, complete: bool = True) -> None:
        """Make the connection again, and tell what was missed."""
        self.unreachable = False
        missed, self._missed = self._missed or [], None
        for method, params in missed:
            if complete or method in ("order", "trade"):
                self.tell(method, **params)
        self.on_back(complete)

    def close(self) -> None:
        """Go away."""
        self.unreachable = True
        self._closed.set()

    def on(self, method: str, handler: Callable[[Any], None]) -> None:
        self._handlers[method].append(handler)

    async def wait_closed(self) -> None:
        await self._closed.wait()

    async def get_exchanges(self) -> list[dict[str, Any]]:
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        increments = {"tick_size": "0.01", "lot_size": "0.0001"}
        return [
            {
                "exchange": "gdax",
                "mode": self.mode,
                "status": status,
                "pairs": ["BTC_USD"],
                "fees": {"maker": str(FEES.maker), "taker": str(FEES.taker)},
                "increments": {
                    "BTC_USD": {**increments, "min_order": "0.0001", "min_notional": "0"}
                },
            }
        ]

    async def get_book(self, exchange: str, pair: str, depth: int) -> dict[str, Any]:
        def level(price: Any) -> list[list[Decimal]]:
            return [] if price is None else [[PAIR.price(price), Decimal(1)]]

        return {"bids": level(self.book.best_bid), "asks": level(self.book.best_ask)}

    async def create_wallet_set(
        self, run_id: str, wallets: Iterable[tuple[str, str, Decimal]]
    ) -> int:
        created = self.ledger.create_set(run_id, wallets, self._tick())
        self._announce()
        return created.id

    async def get_wallet_set(self, set_id: int) -> dict[str, Any]:
        self._check()
        return self._wallet_set(set_id)

    def _wallet_set(self, set_id: int) -> dict[str, Any]:
        return {
            "id": set_id,
            "wallets": [
                {
                    "exchange": wallet.exchange,
                    "currency": wallet.currency,
                    "balance": str(wallet.balance),
                    "available": str(wallet.available),
                }
                for wallet in self.ledger.wallets_of(set_id)
            ],
        }

    async def deactivate_wallet_set(self, set_id: int) -> None:
        self.ledger.deactivate(set_id, self._tick())
        self._announce()

    async def subscribe(self, channel: str, exchange: str, pair: str) -> None:
        self.subscribed.append((channel, exchange, pair))

    async def unsubscribe(self, channel: str, exchange: str, pair: str) -> None:
        self.subscribed.remove((channel, exchange, pair))

    async def iterate_ohlcv(
        self, exchange: str, pair: str, *, start: int, freq: str
    ) -> AsyncIterator[list[list[Any]]]:
        yield [point for point in self.history if point[0] >= start]

    async def make_order(
        self, *, type: OrderType, cancel_after: int, **fields: Any
    ) -> tuple[str, str]:
        self._check()
        request = OrderRequest(type=type, cancel_after_s=cancel_after, **fields)
        self.desk.make_order(request, self._tick())
        self.made += 1
        if self.loses_answers:
            self.lose()
        self._go_on()
        self._check()
        return "accepted", ""

    async def get_order(self, exchange: str, client_order_id: str) -> dict[str, object]:
        self._check()
        order = self.desk.by_client(exchange, client_order_id) or self.done.get(client_order_id)
        if order is None:
            raise UnknownName("no such order")
        return order.to_dict()

    async def cancel_order(self, exchange: str, client_order_id: str) -> dict[str, object]:
        self._check()
        if self.deaf:
            return {}
        order = self.desk.cancel_order(exchange, client_order_id, self._tick())
        self._go_on()
        return order.to_dict()

    def sell_into_bids(self) -> None:
        """Let our resting buys at 98 and above fill."""
        old = dict(self.book.bids), dict(self.book.asks)
        self.set_prices("97", "98")
        executions = self.paper.engines["BTC_USD"].replaced(*old, self._tick())
        self.desk.execute("gdax", executions)
        self._announce()

    def _go_on(self) -> None:
        self.desk.execute("gdax", self.paper.advance(self._tick()))
        self._announce()

    def _announce(self) -> None:
        changes = self.desk.take_changes()
        touched = {one.wallet.set_id for one in changes if isinstance(one, LinePosted)}
        for set_id in sorted(touched - {None}):
            self.tell("wallet_set", **self._wallet_set(set_id))
        for change in changes:
            if isinstance(change, OrderChanged):
                self.done[change.order.request.client_oid] = change.order
                self.tell("order", **change.order.to_dict())
            elif isinstance(change, TradeMade):
                self.tell("trade", **change.trade.to_dict(change.order))

    def _check(self) -> None:
        if self.unreachable:
            raise Unavailable("gone")

    def _tick(self) -> UtcNs:
        self._now = UtcNs(self._now + 1_000_000)
        return self._now
