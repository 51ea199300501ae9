"""A made-up exchange of several coins, to try a portfolio strategy on without any market data."""

import unittest
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from cryptick.clock import SimulatedClock
from cryptick.components import COMPONENT_POST, Components, read_format, read_rows, tail
from cryptick.hub import Hub
from cryptick.messages import (
    BAR,
    CANCEL,
    FILL,
    ORDER,
    ORDER_UPDATE,
    QUOTE,
    Bar,
    CancelIntent,
    Failure,
    Fill,
    Message,
    OrderIntent,
    OrderUpdate,
    Quote,
    Result,
    payload,
)
from cryptick.strategy.base import START, STOP, Balance, RunContext
from cryptick.strategy.efficient_frontier import EfficientFrontier
from exchange_wrapper.candles import Candles
from exchange_wrapper.errors import InsufficientFunds
from exchange_wrapper.fees import FeeSchedule, cost_with_fee, round_fee
from exchange_wrapper.numbers import LEDGER, ZERO
from exchange_wrapper.pair import Pair
from exchange_wrapper.terms import DoneReason, OrderStatus, Side
from exchange_wrapper.times import SECOND, UtcNs

D = Decimal
DAY_S = 86_400
NOW_S = 20_000 * DAY_S
COINS = {"BTC": "100", "ETH": "10", "LTC": "2"}


def correlated(count: int = 200, period_s: int = DAY_S, end_s: int = NOW_S) -> dict[str, Candles]:
    """Return candles of the coins whose returns are correlated; the last ones end at ``end_s``."""
    mixing = np.array([[0.02, 0.0, 0.0], [0.015, 0.02, 0.0], [0.01, 0.005, 0.03]])
    scale = (period_s / DAY_S) ** 0.5
    drift = np.array([0.004, 0.006, 0.003]) * scale**2
    returns = drift + scale * np.random.default_rng(7).normal(size=(count, 3)) @ mixing.T
    time = end_s - period_s * np.arange(count, 0, -1)
    found = {}
    for number, (name, last) in enumerate(COINS.items()):
        path = np.cumprod(1.0 + returns[:, number])
        close = np.round(path / path[-1] * float(last) * 10_000).astype(np.int64)
        before = np.concatenate([close[:1], close[:-1]])
        low, high = np.minimum(before, close), np.maximum(before, close)
        found[name] = Candles(
            period_s, 4, 0, time, before, high, low, close, close, np.full(count, 1_000)
        )
    return found


class FakeVenues:
    """Exchanges that fill at once what they are asked to, or as much as ``depth`` allows."""

    def __init__(self, hub: Hub, balances: dict[tuple[str, str], str]) -> None:
        self.hub = hub
        self.held = defaultdict(Decimal, {place: D(amount) for place, amount in balances.items()})
        self.prices = {name: D(price) for name, price in COINS.items()}
        self.history = correlated()
        self.depth: Decimal | None = None  # most notional of a fill
        self.refusal = ""
        self.is_slow = False  # orders stay open until they are cancelled or let go
        self.sent: list[OrderIntent] = []
        self.open: dict[str, OrderIntent] = {}
        hub.on(ORDER, self._order)
        hub.on(CANCEL, self._cancel)

    def wallet(self, exchange: str, currency: str) -> Balance:
        amount = self.held[exchange, currency]
        return Balance(amount, amount)

    def quote(self, exchange: str, pair: str) -> Quote | None:
        price = self.prices.get(pair.partition("_")[0])
        if price is None:
            return None
        return Quote(exchange, pair, price - D("0.01"), price + D("0.01"), self.hub.clock.now())

    def pair(self, exchange: str, pair: str) -> Pair:
        base, quote = pair.split("_")
        return Pair(pair, base, quote, D("0.01"), D("0.0001"), min_notional=D(1))

    def fees(self, exchange: str) -> FeeSchedule:
        return FeeSchedule(D("0.001"), D("0.002") if exchange == "x" else D("0.001"))

    def candles(self, exchange: str, pair: str, freq_s: int, count: int) -> Candles:
        return self.history.get(pair.partition("_")[0], Candles.empty(freq_s))

    def let_go(self) -> None:
        """Fill what is open."""
        for intent in list(self.open.values()):
            self._fill(intent)

    def _order(self, message: Message) -> None:
        intent: OrderIntent = payload(message)
        self.sent.append(intent)
        if self.refusal:
            self.hub.fail(message, InsufficientFunds(self.refusal))  # type: ignore[arg-type]
            return
        self.hub.answer(message, intent.client_oid)  # type: ignore[arg-type]
        self.open[intent.client_oid] = intent
        if not self.is_slow:
            self._fill(intent)

    def _cancel(self, message: Message) -> None:
        intent: CancelIntent = payload(message)
        self.hub.answer(message, intent.client_oid)  # type: ignore[arg-type]
        self._done(self.open[intent.client_oid], ZERO, ZERO)

    def _fill(self, intent: OrderIntent) -> None:
        quote = self.quote(intent.exchange, intent.pair)
        assert quote is not None and intent.limit is not None
        price = quote.ask if intent.side is Side.BUY else quote.bid
        size = intent.size
        if self.depth is not None:
            size = min(size, (self.depth / price).quantize(D("0.0001")))
        base, currency = intent.pair.split("_")
        notional = LEDGER.multiply(price, size)
        fee = round_fee(LEDGER.multiply(notional, self.fees(intent.exchange).taker))
        held = cost_with_fee(intent.limit * intent.size, self.fees(intent.exchange).taker)
        if intent.side is Side.BUY:
            assert held <= self.held[intent.exchange, currency], "a hold that is not covered"
            self.held[intent.exchange, currency] -= notional + fee
            self.held[intent.exchange, base] += size
        else:
            assert size <= self.held[intent.exchange, base], "a sale of what is not held"
            self.held[intent.exchange, currency] += notional - fee
            self.held[intent.exchange, base] -= size
        now = self.hub.clock.now()
        self.hub.notify(
            FILL,
            Fill(
                intent.client_oid, intent.exchange, intent.pair, intent.side, price, size, fee,
                False, now,
            ),
        )  # fmt: skip
        self._done(intent, size, price)

    def _done(self, intent: OrderIntent, size: Decimal, price: Decimal) -> None:
        del self.open[intent.client_oid]
        reason = DoneReason.FILLED if size == intent.size else DoneReason.CANCELLED
        update = OrderUpdate(
            intent.client_oid, intent.exchange, intent.pair, intent.type, intent.side, intent.size,
            intent.limit, OrderStatus.DONE, reason, "", size, price, self.hub.clock.now(),
        )  # fmt: skip
        self.hub.notify(ORDER_UPDATE, update)


class PortfolioCase(unittest.TestCase):
    """Drives `EfficientFrontier` on made-up exchanges."""

    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name)

    def make(
        self,
        balances: dict[tuple[str, str], str] | None = None,
        *,
        is_shown: bool = True,
        **params: Any,
    ) -> EfficientFrontier:
        """Make the strategy with its exchanges; nothing has started."""
        given = {"period": "1d", "cloud": 20, "resamples": 10, "slices": 3, "band": D(0)}
        balances = balances or {("x", "USD"): "1000"}
        self.clock = SimulatedClock(UtcNs(NOW_S * SECOND))
        self.hub = Hub(self.clock)
        self.venues = FakeVenues(self.hub, balances)
        self.components = Components(self.hub, self.path / "components", flush_after_s=0)
        exchanges = sorted({exchange for exchange, _ in balances})
        traded = [(exchange, f"{coin}_USD") for exchange in exchanges for coin in COINS]
        funded = {e: frozenset(c for x, c in balances if x == e) for e in exchanges}
        self.strategy = EfficientFrontier(
            RunContext(
                self.hub,
                self.venues,
                EfficientFrontier.Params(**(given | params)),
                funded,
                traded,
                "key",
                self.components if is_shown else None,
            )
        )
        return self.strategy

    def start(self, balances: dict[tuple[str, str], str] | None = None, **params: Any) -> None:
        """Make the strategy, start it and tell the prices."""
        self.make(balances, **params)
        self.hub.notify(START)
        self.tell_prices()

    def stop(self) -> None:
        self.hub.notify(STOP)

    def tell_prices(self) -> None:
        for exchange, pair in self.strategy.traded:
            quote = self.venues.quote(exchange, pair)
            if quote is not None:
                self.hub.publish(self.hub.market_handlers(QUOTE, exchange, pair), quote)

    def tell_volume(self, volume: float) -> None:
        for exchange, pair in self.strategy.traded:
            bar = Bar(exchange, pair, 300, self.clock.time, 1.0, 1.0, 1.0, 1.0, volume)
            self.hub.publish(self.hub.market_handlers(BAR, exchange, pair), bar)

    def wait(self, seconds: float) -> None:
        """Let time go by."""
        until = UtcNs(self.clock.time + round(seconds * SECOND))
        while self.clock.next_due <= until:
            self.clock.fire()
        self.clock.time = until

    def post(self, id: str, value: object) -> str | None:
        """Post as a user; return the refusal, if it is one."""
        answers: list[Message] = []
        self.hub.call(COMPONENT_POST, id, value, reply=answers.append)
        (answer,) = answers
        assert isinstance(answer, Failure | Result)
        return answer.error.message if isinstance(answer, Failure) else None

    def choose(self, **weights: str) -> None:
        self.post("frontier", {"weights": weights, "point": None})

    def offered(self) -> str:
        """Return which press the confirm button asks for."""
        return str(self.shown_format("confirm").options["press"])

    def shown_format(self, id: str) -> Any:
        self.components.flush()
        return read_format(self.path / "components", id)

    def rows(self, id: str) -> list[Any]:
        self.components.flush()
        return read_rows(self.path / "components", id, limit=10_000).rows

    def said(self) -> list[str]:
        self.components.flush()
        return [str(row[2]) for row in tail(self.path / "components", "log", 1_000).rows]

    def status(self) -> dict[str, str]:
        return {str(what): str(value) for what, value in self.rows("status")}

    def held(self, exchange: str = "x") -> dict[str, float]:
        """Return the weights that one exchange holds, at the middle prices."""
        prices = self.venues.prices | {"USD": D(1)}
        worth = {name: self.venues.held[exchange, name] * price for name, price in prices.items()}
        return {name: float(value / sum(worth.values())) for name, value in worth.items()}
