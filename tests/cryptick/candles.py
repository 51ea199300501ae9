"""Candles and runs made by hand, for the tests of the backtest."""

import tempfile
import unittest
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from cryptick.backtest import Backtest, load_history, load_series, plan_backtest
from cryptick.fill_rule import FillRule
from cryptick.market_data import Series
from cryptick.report import Summary
from cryptick.request import Fees, RunRequest
from cryptick.run_directory import RunDirectory
from cryptick.strategy.base import Strategy
from exchange_wrapper.candles import Candles, Instrument
from exchange_wrapper.errors import NoData
from exchange_wrapper.storage import SeriesInfo

FREQ_S = 300
START_S = 1_659_312_000  # 2022-08-01

Row = tuple[str, str, str, str]  # open, high, low, close


class MemoryHistory:
    """A history source over candles in memory."""

    def __init__(self, series: dict[tuple[str, str], Candles]) -> None:
        self._series = series

    def instruments(self) -> list[Instrument]:
        return [
            Instrument(exchange, pair, Decimal("0.01"), Decimal("0.0001"))
            for exchange, pair in self._series
        ]

    def series(self) -> list[SeriesInfo]:
        return [
            SeriesInfo(
                exchange,
                pair,
                c.freq_s,
                int(c.time[0]),
                int(c.time[-1]) + c.freq_s,
                len(c),
            )
            for (exchange, pair), c in self._series.items()
        ]

    def candles(self, exchange: str, pair: str, freq_s: int, start_s: int, end_s: int) -> Candles:
        found = self._series[exchange, pair].slice(start_s, end_s)
        if not len(found):
            raise NoData(f"no candles of {pair}")
        return found


def bars(rows: Sequence[Row | None], start_s: int = START_S) -> Candles:
    """Return 5-minute candles; None is a bar that is missing."""
    table = [(start_s + i * FREQ_S, *row, "1") for i, row in enumerate(rows) if row is not None]
    return Candles.from_rows(FREQ_S, table, 0)


def at(bar: int, offset_ns: int = 0) -> int:
    """Return the time at which a bar opens, in ns."""
    return (START_S + bar * FREQ_S) * 1_000_000_000 + offset_ns


class BacktestCase(unittest.TestCase):
    """Runs strategies on candles in a temporary directory."""

    fees = Fees(maker=Decimal(0), taker=Decimal(0))
    fills = FillRule()

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def backtest(
        self,
        strategy: type[Strategy],
        series: dict[tuple[str, str], Candles],
        balances: dict[str, dict[str, str]] | None = None,
        params: Strategy.Params | None = None,
        start_s: int | None = None,
    ) -> Summary:
        """Run and return the summary; ``self.run_path`` has the files, ``self.played`` the run."""
        funded = balances or {"x": {"USD": "1000"}}
        request = RunRequest(
            strategy,
            params or strategy.Params(),
            "backtest",
            {e: {c: Decimal(a) for c, a in wallets.items()} for e, wallets in funded.items()},
            start_s,
            fees=self.fees,
            fills=self.fills,
        )
        source = MemoryHistory(series)
        plan = plan_backtest(request, source, "memory")
        directory = RunDirectory.claim(self.root, strategy.__name__)
        self.run_path = directory.path
        loaded: list[Series] = load_series(request, source, plan)
        history = load_history(request, source, loaded)
        self.played = Backtest(request, plan, loaded, directory, history=history)
        return self.played.run("memory")

    def trades(self) -> list[tuple[str, str, str, str, str]]:
        """Return (time, side, price, size, maker or taker) of each trade of the last run."""
        lines = (self.run_path / "trades.csv").read_text().splitlines()[1:]
        cells = [line.split(",") for line in lines]
        return [(c[0][11:26], c[4], c[5], c[6], c[9]) for c in cells]

    def orders(self) -> list[dict[str, str]]:
        """Return the rows of the last run's orders."""
        head, *lines = (self.run_path / "orders.csv").read_text().splitlines()
        return [dict(zip(head.split(","), line.split(","), strict=True)) for line in lines]
