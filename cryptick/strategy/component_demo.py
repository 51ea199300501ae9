"""A strategy to look at: one component of each kind, kept up to date while the run goes on."""

from bisect import bisect
from collections import Counter, deque
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from cryptick.components import (
    Axis,
    Column,
    Components,
    MarkerKind,
    NumberEntered,
    Posted,
    Pressed,
    Selected,
    SliderMoved,
    TargetChosen,
)
from cryptick.messages import Bar, Fill
from cryptick.strategy.base import Strategy, param
from exchange_wrapper.terms import Side

__all__ = ["ComponentDemo"]

FloatArray = NDArray[np.float64]

_SMOOTHINGS = {"none": 1, "short": 5, "long": 20}
_BOUNDS = (-0.01, 0, 0.01)
_BUCKETS = ("down over 1 %", "down", "up", "up over 1 %")


class ComponentDemo(Strategy):
    """Show one component of each kind; trade now and then, and on the press of a button."""

    @dataclass(frozen=True)
    class Params(Strategy.Params):
        """How often it trades."""

        bars: int = param(12, help="bars of a pair between two orders", unit="bars")

    params: Params
    components: Components

    def on_start(self) -> None:
        """Make the components."""
        self.heard: Counter[str] = Counter()
        self.up_and_down: Counter[str] = Counter()
        self.closes: dict[str, deque[float]] = {
            pair: deque(maxlen=max(_SMOOTHINGS.values())) for _, pair in self.traded
        }
        self.bought: dict[tuple[str, str], Decimal] = {}
        self._make_outputs()
        self._make_inputs()
        self.text.write(f"follows {', '.join(self.closes)}")

    def on_bar(self, bar: Bar) -> None:
        """Show the bar in each chart, and trade on every so many."""
        previous = self.closes[bar.pair][-1] if self.closes[bar.pair] else bar.open
        self.closes[bar.pair].append(bar.close)
        change = bar.close / previous - 1
        if bar.pair == self.traded[0][1]:
            self.chart.append(bar.time, bar.open, bar.high, bar.low, bar.close, bar.volume)
            last = list(self.closes[bar.pair])[-_SMOOTHINGS[self.smoothing.value] :]
            self.lines.append(bar.time, bar.close, sum(last) / len(last))
        self.moves.append(bar.volume, 100 * change, bar.pair)
        self.up_and_down[_BUCKETS[bisect(_BOUNDS, change)]] += 1
        self.heard[bar.pair] += 1
        if self.heard[bar.pair] % self.params.bars == 1 or self.params.bars == 1:
            self._trade(bar.exchange, bar.pair)
            self._show_counts()

    def on_fill(self, fill: Fill) -> None:
        """Mark the fill on the candles, and note what it changed."""
        market = fill.exchange, fill.pair
        signed = fill.size if fill.side is Side.BUY else -fill.size
        self.bought[market] = self.bought.get(market, Decimal(0)) + signed
        kind: MarkerKind = "buy" if fill.side is Side.BUY else "sell"
        if fill.pair == self.traded[0][1]:
            self.chart.mark(fill.time, fill.price, f"{fill.size}", kind)
        self.fills.append(fill.time, fill.pair, kind, fill.size, fill.price)
        self.portfolios.move(fill.time, np.array([0.5, 0.5] if kind == "buy" else [1.0, 0.0]))

    def on_input(self, post: Posted) -> None:
        """Do what the user asks."""
        match post:
            case Pressed():
                self.text.write("asked to trade now", "warning")
                for exchange, pair in self.traded:
                    self._trade(exchange, pair)
            case TargetChosen():
                self.portfolios.aim(self.now(), post.weights)
                self.text.write("a target was chosen")
            case SliderMoved() | NumberEntered():
                self.text.write(f"{post.component} is now {post.value}")
            case Selected():
                self.text.write(f"{post.component} is now {post.choice}")

    def on_stop(self) -> None:
        """Show the last counts."""
        self._show_counts()
        self.text.write("stops")

    def _make_outputs(self) -> None:
        make, pair = self.components, self.traded[0][1]
        unit = pair.partition("_")[2]
        self.text = make.text_log("log", title="What happens")
        self.chart = make.candlestick("candles", title=pair, unit=unit)
        self.lines = make.line("closes", title="Close", series=("close", "average"), unit=unit)
        self.moves = make.scatter(
            "moves", title="Volume and change", x=Axis("volume"), y=Axis("change", "%")
        )
        self.changes = make.bar("changes", title="Bars by change", series=("bars",))
        self.shares = make.pie("shares", title="Bars by pair")
        columns = (
            Column("time", "time"),
            Column("pair", "text"),
            Column("side", "text"),
            Column("size", "amount"),
            Column("price", "amount"),
        )
        self.fills = make.table("fills", title="Fills", columns=columns)
        self.order_table = make.order_table()
        self.portfolios = make.frontier(
            title="Two made-up assets", currencies=("RISKY", "CALM"), period="year"
        )
        means, covariance = np.array([0.3, 0.1]), np.array([[0.16, 0.01], [0.01, 0.04]])
        risk_free = 0.03
        tangency = np.linalg.solve(covariance, means - risk_free)
        risky = np.linspace(1 / 6, 1, 21)  # from the minimum variance on
        frontier: FloatArray = np.column_stack((risky, 1 - risky))
        self.portfolios.replace(
            time=self.now(),
            expected_returns=means,
            covariance=covariance,
            risk_free=risk_free,
            frontier=frontier,
            minimum_variance=frontier[0],
            maximum_sharpe=tangency / tangency.sum(),
            cloud=np.random.default_rng(0).dirichlet((1, 1), 1_000),
            current=np.array([1.0, 0.0]),
        )

    def _make_inputs(self) -> None:
        make = self.components
        self.percent = make.slider(
            "percent",
            title="Share of the balance to spend",
            minimum=Decimal(0),
            maximum=Decimal(100),
            step=Decimal("0.5"),
            value=Decimal(1),
            unit="%",
        )
        self.orders_max = make.number(
            "orders-max",
            title="Open orders at most",
            minimum=Decimal(1),
            step=Decimal(1),
            value=Decimal(3),
        )
        self.smoothing = make.select(
            "smoothing", title="Average", choices=tuple(_SMOOTHINGS), value="short"
        )
        self.now_button = make.button(
            "trade-now", title="Trade now", confirm="Place an order in each pair?"
        )

    def _trade(self, exchange: str, pair: str) -> None:
        if len(self.open_orders) >= self.orders_max.value:
            self.text.write(f"{len(self.open_orders)} orders are open, no more now", "warning")
        elif held := self.bought.get((exchange, pair)):
            self.sell_market(pair, size=held, exchange=exchange)
        elif self.quote(pair, exchange) is not None:
            available = self.wallet(pair.partition("_")[2], exchange).available
            spend = available * self.percent.value / 100
            self.buy_market(pair, notional=spend, exchange=exchange)

    def _show_counts(self) -> None:
        self.changes.replace({name: (self.up_and_down[name],) for name in _BUCKETS})
        self.shares.replace(self.heard)
