import html.parser
import json
import re
import unittest
from dataclasses import dataclass
from decimal import Decimal

import msgspec
import numpy as np

from cryptick.messages import Bar
from cryptick.report.drawing import chart_data
from cryptick.report.page import render_report
from cryptick.request import Fees
from cryptick.strategy import Strategy, param
from exchange_wrapper.candles import Candles
from tests.cryptick.candles import FREQ_S, START_S, BacktestCase, Row, bars

FLAT: Row = ("100", "100", "100", "100")
DAY: list[Row] = [("100", "106", "99", "100")] * 288


class Swing(Strategy):
    """Buy with all on even bars, sell it on odd ones."""

    @dataclass(frozen=True)
    class Params(Strategy.Params):
        note: str = param("", help="a text from outside")

    def on_start(self) -> None:
        self.count = 0

    def on_bar(self, bar: Bar) -> None:
        self.count += 1
        if self.count % 2:
            self.buy_market(bar.pair, notional=self.wallet("USD").available)
        elif self.wallet("BTC").available:
            self.sell_market(bar.pair, size=self.wallet("BTC").available)


class Idle(Strategy):
    def on_bar(self, bar: Bar) -> None:
        pass


class Exchanger(Strategy):
    """Sell EUR over a pair that is only there to count with."""

    def on_bar(self, bar: Bar) -> None:
        if self.wallet("EUR").available:
            self.sell_market("EUR_USD", size=self.wallet("EUR").available)


class Figures(BacktestCase):
    fees = Fees(maker=Decimal(0), taker=Decimal("0.01"))

    def test_two_bars_in_the_market_by_hand(self) -> None:
        # Bought at bar 1's open of 100 with 1000 less 1 %: 9.9009 BTC. Sold at bar 2's open of 110.
        rows: list[Row] = [FLAT, ("100", "110", "100", "110"), ("110", "120", "110", "120")]
        summary = self.backtest(Swing, {("x", "BTC_USD"): bars(rows)})
        size = Decimal("9.9009")
        profit = size * 110 * Decimal("0.99") - size * 100 * Decimal("1.01")
        self.assertEqual(summary.round_trips.profit, {"USD": str(profit.normalize())})
        self.assertEqual(Decimal(summary.final_equity), 1000 + profit)
        self.assertEqual((summary.round_trips.count, summary.round_trips.win_rate), (1, 1.0))
        self.assertEqual(summary.round_trips.undefined, {"profit_factor": "no losses"})
        self.assertAlmostEqual(summary.benchmark.total_return or 0.0, 0.2)
        self.assertAlmostEqual(summary.exposure.time, 1 / 3)
        self.assertEqual(summary.turnover.traded, {"USD": str((size * 210).normalize())})
        self.assertEqual(summary.fees_paid, {"USD": str((size * Decimal("2.1")).normalize())})

    def test_a_run_without_trades_has_figures_and_reasons(self) -> None:
        summary = self.backtest(Idle, {("x", "BTC_USD"): bars([FLAT])})
        self.assertEqual((summary.figures.total_return, summary.exposure.time), (0.0, 0.0))
        self.assertEqual(summary.round_trips.undefined["win_rate"], "nothing sold")
        self.assertEqual(summary.turnover.times, 0.0)
        self.assertEqual(
            msgspec.json.decode(msgspec.json.encode(summary)), msgspec.to_builtins(summary)
        )

    def test_a_wallet_of_base_is_in_the_market_from_the_start(self) -> None:
        series = {("x", "BTC_USD"): bars([FLAT, ("100", "110", "100", "110")])}
        summary = self.backtest(Idle, series, {"x": {"BTC": "1", "USD": "100"}})
        self.assertEqual(summary.exposure.time, 1.0)
        self.assertAlmostEqual(summary.exposure.equity, (100 / 200 + 110 / 210) / 2)

    def test_what_is_sold_over_another_pair_counts_too(self) -> None:
        series = {
            ("x", "BTC_EUR"): bars([FLAT] * 3),
            ("x", "BTC_USD"): bars([FLAT] * 3),
            ("x", "EUR_USD"): bars([("2", "2", "2", "2")] * 3),
        }
        summary = self.backtest(Exchanger, series, {"x": {"EUR": "10", "USD": "80"}})
        self.assertEqual((summary.currency, summary.round_trips.count), ("USD", 1))
        # 10 EUR are 20 of 100 USD until they are sold at the second open, for a fee of 1 %.
        self.assertAlmostEqual(summary.exposure.equity, 0.2 / 3)
        self.assertEqual(summary.round_trips.profit, {"USD": "-0.2"})

    def test_missing_bars_and_an_early_end_are_warned_of(self) -> None:
        series = {
            ("x", "BTC_USD"): bars([FLAT, None, None, FLAT]),
            ("x", "BTC_EUR"): bars([FLAT]),
            ("x", "EUR_USD"): bars([FLAT] * 4),
        }
        warnings = self.backtest(Idle, series, {"x": {"USD": "1", "EUR": "1"}}).warnings
        self.assertEqual(
            warnings,
            [
                "the history of BTC_EUR on x ends at 2022-08-01 00:05 UTC, before the others",
                "2 bars of 5m of BTC_USD on x are missing in 1 gap, first at 2022-08-01 00:05 UTC",
            ],
        )


class Page(BacktestCase):
    def page(self, params: Swing.Params | None = None) -> str:
        summary = self.backtest(Swing, {("x", "BTC_USD"): bars(DAY)}, params=params)
        return render_report(self.played.result, summary, {"manifest": {"key": "</pre><b>"}})

    def test_it_fetches_nothing_and_runs_only_its_own_scripts(self) -> None:
        page = _Parsed(self.page())
        self.assertEqual(page.fetched, [])
        self.assertIn("default-src 'none'", page.policy)
        self.assertEqual(len(re.findall("'sha256-", page.policy)), page.scripts)

    def test_text_from_outside_stays_text(self) -> None:
        evil = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
        self.assertEqual(
            _Parsed(self.page(Swing.Params(note=evil))).tags, _Parsed(self.page()).tags
        )

    def test_it_shows_the_trades_and_says_how_many_there_are(self) -> None:
        text = self.page()
        self.assertTrue("287 trades." in text)
        self.assertEqual(
            text.count('<td class="buy">buy') + text.count('<td class="sell">sell'), 287
        )

    def test_many_trades_are_cut_to_both_ends(self) -> None:
        summary = self.backtest(Swing, {("x", "BTC_USD"): bars(DAY * 3)})
        text = render_report(self.played.result, summary, {})
        self.assertTrue("The first and the last 100 of 863 trades." in text)
        self.assertEqual(text.count('<td class="buy">') + text.count('<td class="sell">'), 200)


class Drawn(BacktestCase):
    def test_long_series_are_thinned_without_losing_their_ends_and_extremes(self) -> None:
        rng = np.random.default_rng(5)
        closes = 10_000 + np.cumsum(rng.integers(-20, 21, 9_000))
        rows: list[Row] = [(str(c), str(c + 7), str(c - 7), str(c)) for c in closes]
        summary = self.backtest(Swing, {("x", "BTC_USD"): bars(rows)})
        data = json.loads(msgspec.json.encode(chart_data(self.played.result)))
        curve, (market,) = data["curve"], data["markets"]
        self.assertLessEqual(len(curve["time"]), 2_000)
        self.assertEqual(curve["time"][-1], START_S + 9_000 * FREQ_S)
        self.assertAlmostEqual(curve["equity"][-1], float(summary.final_equity), delta=0.01)
        self.assertAlmostEqual(-min(curve["drawdown"]), summary.figures.max_drawdown, places=4)
        self.assertLessEqual(len(market["time"]), 2_000)
        self.assertEqual(
            (max(market["high"]), min(market["low"])), (closes.max() + 7, closes.min() - 7)
        )
        for times in (curve["time"], market["time"]):
            self.assertTrue((np.diff(times) > 0).all())

    def test_markers_join_the_trades_of_a_bar_and_lose_none(self) -> None:
        self.backtest(Swing, {("x", "BTC_USD"): bars(DAY * 20)})
        (market,) = chart_data(self.played.result)["markets"]
        markers = market["markers"]
        self.assertEqual(sum(markers["count"]), len(self.played.result.fills))
        self.assertLess(max(markers["bar"]), len(market["time"]))

    def test_a_market_without_candles_is_drawn_from_its_prices(self) -> None:
        self.backtest(Swing, {("x", "BTC_USD"): bars([FLAT, ("100", "110", "90", "105")])})
        result = self.played.result
        nameless = type(result)(**{**vars(result), "candles": {}})
        (market,) = chart_data(nameless)["markets"]
        self.assertEqual(market["close"], [100.0, 105.0])
        unknown = {**vars(nameless), "prices": {("x", "BTC_USD"): np.full(2, np.nan)}}
        (market,) = chart_data(type(result)(**unknown))["markets"]
        self.assertEqual(market["time"], [])

    def test_a_single_bar_can_be_drawn(self) -> None:
        self.backtest(Idle, {("x", "BTC_USD"): bars([FLAT])})
        self.assertEqual(len(chart_data(self.played.result)["curve"]["time"]), 2)

    def test_bars_of_an_unusual_length_become_few_enough(self) -> None:
        time = START_S + np.arange(5_000, dtype=np.int64) * 660
        column = np.full(5_000, 100, np.int64)
        candles = Candles(660, 0, 0, time, *[column] * 5, column * 0)
        self.backtest(Idle, {("x", "BTC_USD"): candles})
        (market,) = chart_data(self.played.result)["markets"]
        self.assertLessEqual(len(market["time"]), 2_000)


class _Parsed(html.parser.HTMLParser):
    """The tags of a page, what it fetches, and its policy."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fetched: list[str] = []
        self.policy = ""
        self.scripts = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        known = dict(attrs)
        self.fetched += [str(known[name]) for name in ("src", "href", "action") if name in known]
        self.scripts += tag == "script" and known.get("type") != "application/json"
        if known.get("http-equiv") == "Content-Security-Policy":
            self.policy = known["content"] or ""


if __name__ == "__main__":
    unittest.main()
