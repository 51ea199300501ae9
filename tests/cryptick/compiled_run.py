"""Play backtests into ``runs/`` of the current folder: ``python -m tests.cryptick.compiled_run``.

They take the way of most orders: averages that cross, and limit orders that rest, fill in part,
expire and are cancelled.
"""

import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from cryptick.audit import AuditLog
from cryptick.backtest import Backtest, load_series, plan_backtest
from cryptick.fill_rule import FillModel, FillRule
from cryptick.messages import Bar, Fill, Quote
from cryptick.request import Fees, RunRequest
from cryptick.run_directory import RunDirectory
from cryptick.strategy.base import Strategy
from cryptick.strategy.sma_cross import SmaCross
from exchange_wrapper.candles import Candles
from exchange_wrapper.compiled import describe
from tests.cryptick.candles import FREQ_S, START_S, MemoryHistory

COUNT = 4_000


class Ladder(Strategy):
    """Bid and ask around the price, a few at a time, and replace what has not filled."""

    def on_start(self) -> None:
        self.count = 0
        self.every(7_200, self.take_away)

    def on_bar(self, bar: Bar) -> None:
        self.count += 1
        if self.count % 5:
            return
        price = Decimal(f"{bar.close:.2f}")
        for step in (1, 3):
            offset = step * Decimal("0.70")
            size = Decimal("0.0137") * step
            self.buy_limit(bar.pair, size, price - offset, cancel_after_s=900 * (step - 1))
            self.sell_limit(bar.pair, size, price + offset)

    def on_quote(self, quote: Quote) -> None:
        if self.count % 97 == 0:
            self.buy_market(quote.pair, notional=Decimal("25.01"))

    def on_fill(self, fill: Fill) -> None:
        self.log(f"{fill.size:f} at {fill.price:f}: {self.wallet('USD').available:f} left")

    def take_away(self) -> None:
        for name in list(self.open_orders):
            self.cancel(name)


def candles() -> Candles:
    chance = np.random.default_rng(11)
    close = 10_000 + np.cumsum(chance.integers(-90, 91, COUNT))
    opens = np.append(10_000, close[:-1])
    high = np.maximum(opens, close) + chance.integers(0, 60, COUNT)
    low = np.minimum(opens, close) - chance.integers(0, 60, COUNT)
    time = START_S + FREQ_S * np.arange(COUNT, dtype=np.int64)
    volume = chance.integers(0, 10**9, COUNT)
    return Candles(FREQ_S, 2, 4, time, opens, high, low, close, volume, time)


def play(strategy: type[Strategy], model: FillModel, params: Any = None) -> None:
    request = RunRequest(
        strategy,
        params or strategy.Params(),
        "backtest",
        {"x": {"USD": Decimal("123456.78"), "BTC": Decimal("0.5")}},
        fees=Fees(maker=Decimal("0.0011"), taker=Decimal("0.0037")),
        fills=FillRule(model),
    )
    source = MemoryHistory({("x", "BTC_USD"): candles()})
    plan = plan_backtest(request, source, "memory")
    directory = RunDirectory.claim(Path("runs"), f"{strategy.__name__}_{model.value}")
    with AuditLog(directory.path / "messages.jsonl", flush=False) as audit:
        backtest = Backtest(request, plan, load_series(request, source, plan), directory, audit)
        backtest.run("memory")


def main() -> None:
    for model in (FillModel.NEXT_OPEN, FillModel.BAR_PATH):
        play(SmaCross, model, SmaCross.Params(fast=5, slow=20))
        play(Ladder, model)
    print(describe(), file=sys.stderr)


if __name__ == "__main__":
    main()
