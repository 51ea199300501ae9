import unittest
from decimal import Decimal
from pathlib import Path
from typing import Any

import clarabel
import hypothesis
import numpy as np
from hypothesis import strategies as st
from scipy import sparse

from cryptick.components import read_rows
from cryptick.errors import UsageError
from cryptick.frontier import Moments, efficient_frontier
from cryptick.frontier.target import Target, parse_bounds
from cryptick.request import Fees
from cryptick.strategy.base import START
from cryptick.strategy.efficient_frontier import EfficientFrontier
from exchange_wrapper.candles import Candles
from exchange_wrapper.errors import ApiUsageError, XWrapError
from exchange_wrapper.storage.ohlcv_files import read_ohlcv
from exchange_wrapper.terms import OrderType, Side
from tests.cryptick.candles import START_S, BacktestCase
from tests.cryptick.strategy.portfolio_case import COINS, DAY_S, PortfolioCase, correlated

DATA = Path(__file__).resolve().parents[3] / "../shared/data/E0V1E-DCA"
D = Decimal
HALF = {"BTC": "0.5", "ETH": "0.5"}


class Shown(PortfolioCase):
    def test_the_frontier_is_what_an_independent_optimiser_finds(self) -> None:
        self.start()
        options = self.shown_format("frontier").options
        self.assertEqual(options["currencies"], ["BTC", "ETH", "LTC", "USD"])
        closes = np.array([c.floats("close")[-180:] for c in self.venues.history.values()])
        returns = closes[:, 1:] / closes[:, :-1] - 1.0
        mean, covariance = 365 * returns.mean(axis=1), 365 * np.cov(returns)
        np.testing.assert_allclose(options["expected_returns"][:3], mean, rtol=1e-12)
        np.testing.assert_allclose(np.array(options["covariance"])[:3, :3], covariance, rtol=1e-9)
        self.assertEqual(np.count_nonzero(np.array(options["covariance"])[3]), 0)
        self.assertAlmostEqual(options["risk_free"], 0.06)
        points = [row for row in self.rows("frontier") if row[0] == "frontier"]
        self.assertEqual((len(points), options["points"]), (50, 50))
        for point in points[::7]:
            least = _least_risk(mean, covariance, point[3])
            self.assertAlmostEqual(point[2], least, delta=1e-6 * least)
        best = max(row[4] for row in self.rows("frontier") if row[0] in ("frontier", "cloud"))
        (tangency,) = [row for row in self.rows("frontier") if row[0] == "maximum_sharpe"]
        self.assertGreaterEqual(tangency[4], best)

    def test_the_run_key_seeds_the_cloud_and_the_table_has_the_band(self) -> None:
        self.start(cloud=500)
        cloud = [row for row in self.rows("frontier") if row[0] == "cloud"]
        self.assertEqual(len(cloud), 500)
        self.assertEqual({row[-1] for row in cloud}, {0.0})  # no cash
        again = Shown()
        again.path = self.path / "again"
        again.start(cloud=500)
        self.assertEqual(cloud, [row for row in again.rows("frontier") if row[0] == "cloud"])
        for _, risk, mean, _, low, high, bad, good, *_ in self.rows("points"):
            self.assertTrue(low < risk < high and bad < mean < good)

    def test_what_is_held_is_the_current_portfolio_and_fills_are_its_path(self) -> None:
        self.start(target="weights=BTC:0.5,ETH:0.5", confirm=False)
        self.wait(200)
        path = [row[5:] for row in self.rows("frontier") if row[0] == "current"]
        self.assertEqual(path[0], [0, 0, 0, 1])
        self.assertEqual(len(path), 1 + 6)
        np.testing.assert_allclose(path[-1], [0.5, 0.5, 0, 0], atol=1e-3)
        self.assertEqual(len(self.rows("weights")), len(path))

    def test_a_history_that_gives_no_frontier_is_told_in_one_sentence_and_the_run_goes_on(
        self,
    ) -> None:
        none = {name: Candles.empty(DAY_S) for name in COINS}
        short = {name: c.slice(int(c.time[-1])) for name, c in correlated().items()}
        for history, words in ((none, "there are no candles of BTC"), (short, "common returns")):
            with self.subTest(words=words):
                self.make(target="maximum-sharpe")
                self.venues.history = history
                self.hub.notify(START)
                self.tell_prices()
                self.assertIn(words, self.said()[0])
                self.assertEqual(self.status()["waits for"], "a frontier")
                self.venues.history = correlated()
                self.wait(3_600)
                self.assertIn("preview", self.status())
                self.setUp()

    def test_degenerate_histories_have_their_right_answers(self) -> None:
        coins = correlated()
        btc, count = coins["BTC"], len(coins["BTC"])
        same = np.full(count, 10_000)
        still = Candles(DAY_S, 4, 0, btc.time, same, same, same, same, same, same)
        for name, history, weights in (
            ("a price that never moves", coins | {"LTC": still}, [0, 0, 1, 0]),
            ("two coins that move as one", dict.fromkeys(COINS, btc), None),
            ("a coin alone", {"BTC": btc, "ETH": Candles.empty(DAY_S)}, [1, 0]),
        ):
            with self.subTest(name):
                self.setUp()
                self.make()
                self.venues.history = history
                self.venues.history.setdefault("LTC", Candles.empty(DAY_S))
                self.hub.notify(START)
                (least,) = [r for r in self.rows("frontier") if r[0] == "minimum_variance"]
                if weights is None:
                    alone = next(r[2] for r in self.rows("frontier") if r[0] == "asset")
                    self.assertAlmostEqual(least[2], alone)
                else:
                    np.testing.assert_allclose(least[5:], weights, atol=1e-9)

    def test_a_coin_without_candles_is_left_out_where_others_have_some(self) -> None:
        self.make()
        self.venues.history["LTC"] = Candles.empty(DAY_S)
        self.hub.notify(START)
        self.assertIn("left out, for want of candles: LTC", self.said())
        self.assertEqual(self.shown_format("frontier").options["currencies"], ["BTC", "ETH", "USD"])

    def test_where_nothing_beats_the_risk_free_rate_there_is_no_best_sharpe_ratio(self) -> None:
        self.start(risk_free=D(100))
        self.assertIn("no mix returns more than the risk-free rate", self.said()[0])
        self.post("maximum-sharpe", "1")
        self.assertIn("there is no maximum Sharpe ratio", self.said()[-1])
        self.assertEqual(self.offered(), "")


class Previews(PortfolioCase):
    def test_nothing_is_sent_before_the_preview_is_confirmed(self) -> None:
        self.start({("x", "BTC"): "5", ("x", "USD"): "500"})
        self.choose(BTC="0.25", ETH="0.75")
        self.wait(1_000)
        self.assertEqual(self.venues.sent, [])
        rows = self.rows("preview")
        self.assertEqual(
            [(row[1], row[3]) for row in rows], [("sell", "BTC_USD"), ("buy", "ETH_USD")]
        )
        self.assertRegex(
            rows[1][-1],
            r"^Buy 74\.\d+ ETH on x at about 10\.01 USD \(74\d\.\d\d USD, fee ≈ 1\.\d\d USD\): "
            r"ETH from 0\.00 % to 7[45]\.\d\d %$",
        )
        self.assertIn("Send 2 orders for about", self.shown_format("confirm").options["confirm"])
        self.post("confirm", self.offered())
        self.wait(1_000)
        self.assertAlmostEqual(self.held()["ETH"], 0.75, delta=1e-3)
        self.assertAlmostEqual(self.held()["BTC"], 0.25, delta=1e-3)

    def test_a_preview_that_is_confirmed_twice_trades_once(self) -> None:
        self.start()
        self.choose(**HALF)
        press = self.offered()
        for _ in range(2):
            self.post("confirm", press)
        self.post("confirm", "another name")
        self.wait(1_000)
        self.assertEqual(len(self.venues.sent), 6)
        self.assertIn("another name can't be confirmed: no preview is open", self.said())

    def test_the_confirmation_of_an_older_preview_is_refused(self) -> None:
        self.start()
        self.choose(**HALF)
        old = self.offered()
        self.choose(LTC="1")
        self.post("confirm", old)
        self.assertIn(f"{old} can't be confirmed: {self.offered()} is the present one", self.said())
        self.wait(1_000)
        self.assertEqual(self.venues.sent, [])

    def test_a_preview_that_the_market_has_left_is_shown_anew(self) -> None:
        self.start()
        self.choose(BTC="0.5", USD="0.5")
        self.post("confirm", self.offered())
        self.wait(1_000)
        self.choose(BTC="0.6", USD="0.4")
        old, sent = self.offered(), len(self.venues.sent)
        self.venues.prices["BTC"] = D(120)
        self.post("confirm", old)
        self.wait(1_000)
        self.assertEqual(len(self.venues.sent), sent)
        self.assertNotEqual(self.offered(), old)
        self.assertIn(f"{old} is outdated, the market has moved: look at the new one", self.said())

    def test_a_moved_slider_leaves_the_others_the_rest_in_their_proportions(self) -> None:
        self.start()
        self.choose(BTC="0.6", ETH="0.4")
        self.post("weight-ltc", "50")
        values = {name: self.shown_format(f"weight-{name}").value for name in ("btc", "eth", "ltc")}
        self.assertEqual(values, {"btc": "30", "eth": "20", "ltc": "50"})
        self.assertEqual(self.rows("frontier")[-1][5:], [0.3, 0.2, 0.5, 0])
        self.assertNotEqual(self.offered(), "")

    def test_what_a_target_can_not_be_is_told_and_not_traded(self) -> None:
        self.start(bounds=("BTC:0-0.4",))
        self.assertIn("sum to 1", str(self.post("frontier", {"weights": {"BTC": "0.5"}})))
        self.assertIn("DOGE", str(self.post("frontier", {"weights": {"DOGE": "1"}})))
        self.choose(**HALF)
        self.assertIn("50.00 % of BTC are outside its bounds, 0.00 % to 40.00 %", self.said()[-1])
        self.assertEqual(self.offered(), "")

    def test_a_choice_waits_until_all_prices_are_known(self) -> None:
        self.make(target="minimum-variance")
        price = self.venues.prices.pop("LTC")
        self.hub.notify(START)
        self.tell_prices()
        self.assertEqual(self.status()["waits for"], "prices of LTC_USD on x")
        self.venues.prices["LTC"] = price
        self.tell_prices()
        self.assertNotEqual(self.offered(), "")


class Trading(PortfolioCase):
    def test_sales_come_first_and_pay_for_the_purchases_of_each_slice(self) -> None:
        self.start(
            {("x", "BTC"): "10"}, quote="USD", target="weights=ETH:0.5,LTC:0.5", confirm=False
        )
        self.wait(1_000)
        sides = [intent.side for intent in self.venues.sent]
        self.assertEqual(sides, [Side.SELL, Side.BUY, Side.BUY] * 3)
        self.assertEqual({intent.type for intent in self.venues.sent}, {OrderType.IOC})
        self.assertAlmostEqual(self.held()["ETH"], 0.5, delta=1e-3)
        self.assertIn("the largest deviation is 0.0", self.said()[-1])

    def test_a_thin_book_takes_longer_and_still_arrives(self) -> None:
        self.make(target="weights=BTC:1", confirm=False)
        self.venues.depth = D(100)
        self.hub.notify(START)
        self.tell_prices()
        self.wait(2_000)
        self.assertGreater(len(self.venues.sent), 9)
        self.assertGreater(self.held()["BTC"], 0.999)

    def test_refusals_are_told_once_and_given_up_after_ten(self) -> None:
        self.make(target="weights=BTC:1", confirm=False)
        self.venues.refusal = "not today"
        self.hub.notify(START)
        self.tell_prices()
        self.wait(10_000)
        self.assertEqual(len(self.venues.sent), 10)
        self.assertEqual(sum("was refused: not today" in line for line in self.said()), 1)
        self.assertIn("gives up after 10 slices without a trade: not today", self.said())
        self.assertEqual(self.status()["state"], "idle")

    def test_a_slice_waits_for_a_lost_price_and_then_goes_on(self) -> None:
        self.start(target="weights=BTC:1", confirm=False)
        price = self.venues.prices.pop("BTC")
        self.wait(180)
        self.assertEqual(len(self.venues.sent), 1)
        self.assertIn(
            "a slice waits: BTC_USD on x has no price now: wait for its book", self.said()
        )
        self.venues.prices["BTC"] = price
        self.wait(600)
        self.assertGreater(self.held()["BTC"], 0.999)

    def test_a_confirmation_without_prices_is_refused_and_a_new_preview_follows_them(self) -> None:
        self.start()
        self.choose(**HALF)
        press, price = self.offered(), self.venues.prices.pop("BTC")
        self.post("confirm", press)
        self.assertIn(f"{press} can't be traded now: BTC_USD on x has no price", self.said()[-1])
        self.assertEqual((self.venues.sent, self.offered()), ([], ""))
        self.venues.prices["BTC"] = price
        self.tell_prices()
        self.assertNotIn(self.offered(), ("", press))
        self.post("confirm", self.offered())
        self.wait(600)
        self.assertAlmostEqual(self.held()["BTC"], 0.5, delta=1e-3)

    def test_it_trades_also_where_nobody_can_look(self) -> None:
        self.make(is_shown=False, target="weights=BTC:1", confirm=False)
        self.hub.notify(START)
        self.tell_prices()
        self.wait(600)
        self.assertGreater(self.held()["BTC"], 0.999)

    def test_pause_holds_and_resume_goes_on(self) -> None:
        self.start()
        self.choose(**HALF)
        self.post("confirm", self.offered())
        self.post("pause", "1")
        self.wait(1_000)
        self.assertEqual((len(self.venues.sent), self.status()["state"]), (2, "paused"))
        self.post("resume", "1")
        self.wait(1_000)
        self.assertAlmostEqual(self.held()["BTC"], 0.5, delta=1e-3)

    def test_stop_takes_back_what_is_open_and_forgets_the_target(self) -> None:
        self.start(rebalance_at="* * * * *")
        self.venues.is_slow = True
        self.choose(**HALF)
        self.post("confirm", self.offered())
        self.assertEqual(len(self.venues.open), 2)
        self.post("stop", "1")
        self.wait(1_000)
        self.assertEqual((self.venues.open, len(self.venues.sent)), ({}, 2))
        self.assertEqual(self.status()["state"], "idle")

    def test_a_new_target_in_mid_flight_starts_from_what_is_then_held(self) -> None:
        self.start()
        self.choose(BTC="1")
        self.post("confirm", self.offered())
        self.wait(60)
        self.venues.is_slow = True
        self.wait(60)
        self.assertEqual(len(self.venues.open), 1)
        self.choose(ETH="1")
        self.assertEqual(self.status()["state"], "paused")
        self.venues.is_slow = False
        self.post("confirm", self.offered())
        self.wait(1_000)
        self.assertEqual(self.venues.open, {})
        self.assertGreater(self.held()["ETH"], 0.999)

    def test_a_new_target_is_given_up_by_going_on(self) -> None:
        self.start()
        self.choose(BTC="1")
        self.post("confirm", self.offered())
        self.choose(ETH="1")
        self.assertEqual(self.shown_format("weight-btc").value, "0")
        self.post("resume", "1")
        self.assertEqual(self.shown_format("weight-btc").value, "100")
        self.wait(1_000)
        self.assertEqual(self.offered(), "")
        self.assertGreater(self.held()["BTC"], 0.999)

    def test_slices_take_no_more_than_their_share_of_the_volume(self) -> None:
        self.start(target="weights=BTC:1", confirm=False, participation=D(10))
        self.wait(30)
        self.assertEqual(self.venues.sent, [])
        for _ in range(30):
            self.tell_volume(10.0)
            self.wait(60)
        self.assertEqual(max(intent.size for intent in self.venues.sent), 1)
        self.assertGreater(self.held()["BTC"], 0.99)

    def test_several_exchanges_are_one_portfolio(self) -> None:
        self.start(
            {("x", "USD"): "1000", ("y", "BTC"): "10", ("y", "USD"): "1"},
            target="weights=BTC:0.5,ETH:0.5",
            confirm=False,
        )
        self.wait(1_000)
        self.assertEqual({i.exchange for i in self.venues.sent}, {"x"})
        self.assertEqual(self.venues.held["y", "BTC"], 10)
        self.assertGreater(self.held()["ETH"], 0.99)

    def test_a_drift_outside_the_band_is_traded_back_on_schedule_and_one_inside_is_not(
        self,
    ) -> None:
        self.start(target="weights=BTC:0.5,ETH:0.5", confirm=False, band=D(2))
        self.wait(1_000)
        sent = len(self.venues.sent)
        self.venues.prices["BTC"] = D(102)
        self.wait(DAY_S)
        self.assertEqual(len(self.venues.sent), sent)
        self.venues.prices["BTC"] = D(120)
        self.wait(DAY_S)
        self.assertAlmostEqual(self.held()["BTC"], 0.5, delta=1e-3)

    def test_a_purchase_is_not_kept_waiting_for_a_sale_that_the_plan_has_not(self) -> None:
        self.start(
            {("x", "BTC"): "5.1", ("x", "ETH"): "45", ("x", "USD"): "40"},
            target="weights=BTC:0.5,ETH:0.5",
            confirm=False,
            band=D(2),
        )
        self.wait(DAY_S // 2)
        self.assertEqual([intent.pair for intent in self.venues.sent], ["ETH_USD"] * 3)
        self.assertLess(self.venues.held["x", "USD"], 1)
        self.assertIn("the largest deviation is 1.", self.said()[-1])

    def test_a_run_that_ends_in_mid_flight_says_how_far_it_came(self) -> None:
        self.start(target="weights=BTC:1", confirm=False)
        self.stop()
        self.assertRegex(self.said()[-1], r"the largest deviation is 66\.\d\d % \(BTC 33\.\d\d %")


class AnyTarget(PortfolioCase):
    @hypothesis.settings(max_examples=25, deadline=None)
    @hypothesis.given(
        st.lists(st.integers(0, 10), min_size=4, max_size=4).filter(any),
        st.lists(st.integers(0, 10), min_size=4, max_size=4).filter(any),
        st.integers(1, 7),
        st.booleans(),
        st.sampled_from([D(0), D("0.001"), D("0.05")]),
        st.lists(st.sampled_from(["0.97", "1", "1.02"]), min_size=3, max_size=3),
    )
    def test_it_is_reached_from_any_holdings_without_ever_spending_what_is_not_there(
        self, held: list[int], wanted: list[int], slices: int, two: bool, slip: D, moves: list[str]
    ) -> None:
        self.doCleanups()
        self.setUp()
        names = (*COINS, "USD")
        prices = {name: D(price) for name, price in COINS.items()} | {"USD": D(1)}
        balances = {("x", n): str(100 * h / prices[n]) for n, h in zip(names, held, strict=True)}
        if two:
            balances |= {("y", "USD"): "300"}
        weights = [weight / sum(wanted) for weight in wanted]
        target = ",".join(f"{n}:{w:.12f}" for n, w in zip(names, weights, strict=True))
        self.start(
            balances,
            quote="USD",
            target=f"weights={target}",
            confirm=False,
            slices=slices,
            slippage_max=slip * 100,
            cloud=0,
            resamples=0,
        )
        for (name, price), move in zip(COINS.items(), moves, strict=True):
            self.venues.prices[name] = (D(price) * D(move)).quantize(D("0.01"))
        self.wait(3_000)
        self.assertEqual(self.status()["state"], "idle")
        # What lay on one exchange can't pay on the other, and prices moved after the last slice.
        if not two and (slices > 1 or set(moves) == {"1"}):
            self.assertLess(self.strategy.trader.deviation(), 0.03)
        self.assertTrue(all(amount >= 0 for amount in self.venues.held.values()))


class Parameters(unittest.TestCase):
    def test_what_can_not_be_is_one_sentence(self) -> None:
        for given, words in (
            ({"target": "best"}, "'best' is no target"),
            ({"target": "weights=BTC:0.4"}, "the weights sum to 0.4, not to 1"),
            ({"target": "weights=BTC:0.4,BTC:0.6"}, "BTC has two weights"),
            ({"target": "weights=BTC:1", "bounds": ("BTC:0-0.5",)}, "outside its bounds"),
            ({"bounds": ("BTC",)}, "'BTC' are no bounds"),
            ({"bounds": ("BTC:0.5-0.4",)}, "not within 0 ≤ least ≤ most ≤ 1"),
            ({"period": "5x"}, "not a candle length"),
            ({"rebalance_at": "every day"}, "is not a cron expression"),
            ({"slices": 0}, "at least 1"),
        ):
            with self.subTest(given=given), self.assertRaisesRegex(XWrapError, words):
                EfficientFrontier.Params(**given)  # type: ignore[arg-type]

    def test_targets_and_bounds_are_read_in_percent_and_as_fractions(self) -> None:
        self.assertEqual(Target.parse("return=80%").level, 0.8)
        self.assertEqual(Target.parse("risk=0.4").level, 0.4)
        weights = Target.parse("weights=btc:40%,ETH:0.6").resolve(None)
        self.assertEqual(weights, {"BTC": D("0.4"), "ETH": D("0.6")})
        self.assertEqual(parse_bounds(["btc:10%-0.4"]), {"BTC": (0.1, 0.4)})
        with self.assertRaises(ApiUsageError):
            Target.parse("return=lots")

    def test_a_rule_names_the_portfolio_of_the_frontier_or_says_why_there_is_none(self) -> None:
        moments = Moments(("A", "B"), np.array([0.1, 0.3]), np.diag([0.04, 0.16]))
        frontier = efficient_frontier(moments, risk_free_rate=0.05)
        for text, weight in (
            ("minimum-variance", 0.8),
            ("maximum-sharpe", (0.05 / 0.04) / (0.05 / 0.04 + 0.25 / 0.16)),
            ("return=20%", 0.5),
            ("risk=0.4", 0.0),
        ):
            with self.subTest(text=text):
                found = Target.parse(text).resolve(frontier)
                self.assertAlmostEqual(float(found["A"]), weight, places=8)
                self.assertEqual(sum(found.values()), 1)
        for text, words in (
            ("return=31%", "the most is 30.00 %"),
            ("risk=10%", "the least is 17.89 %"),
        ):
            with self.subTest(text=text), self.assertRaisesRegex(ApiUsageError, words):
                Target.parse(text).resolve(frontier)

    def test_pairs_are_the_assets_and_what_is_funded_or_all_there_are(self) -> None:
        def pairs(funded: dict[str, frozenset[str]], **given: Any) -> list[tuple[str, str]]:
            return EfficientFrontier.pairs(EfficientFrontier.Params(**given), funded)

        self.assertEqual(pairs({"x": frozenset({"USD", "BTC"})}), [("x", "*_USD")])
        self.assertEqual(
            pairs({"x": frozenset({"EUR", "BTC"})}, assets=("eth",)),
            [("x", "ETH_EUR"), ("x", "BTC_EUR")],
        )
        with self.assertRaisesRegex(UsageError, "Give it as --quote"):
            pairs({"x": frozenset({"ETH", "BTC"})})
        with self.assertRaisesRegex(UsageError, "names DOGE, which is not in the mix"):
            pairs({"x": frozenset({"USD"})}, assets=("BTC",), bounds=("DOGE:0-1",))


class Backtests(BacktestCase):
    def run_frontier(self, **more: Any) -> Any:
        series = {("x", f"{n}_USD"): c for n, c in correlated(2_000, 3_600).items()}
        params = EfficientFrontier.Params(
            **{
                "target": "minimum-variance",
                "confirm": False,
                "period": "1h",
                "days": 30,
                "cloud": 10,
                "resamples": 5,
                "band": D("0.5"),
            }
            | more
        )
        first_s = int(next(iter(series.values())).time[0])
        return self.backtest(EfficientFrontier, series, params=params, start_s=first_s + 30 * DAY_S)

    def test_it_rebalances_by_schedule_and_the_money_adds_up(self) -> None:
        summary = self.run_frontier()
        days = {order["created_at"][:10] for order in self.orders()}
        self.assertGreater(len(days), 5)
        cash, coins = D(1_000), dict.fromkeys(COINS, D(0))
        lines = (self.run_path / "trades.csv").read_text().splitlines()[1:]
        for _, _, _, pair, side, price, size, _, fee, _ in (line.split(",") for line in lines):
            sign = 1 if side == "buy" else -1
            cash -= sign * D(price) * D(size) + D(fee)
            coins[pair.partition("_")[0]] += sign * D(size)
        self.assertGreaterEqual(cash, 0)
        held = {row.currency: D(row.balance) for row in summary.wallets}
        self.assertEqual(
            held, {name: amount for name, amount in coins.items() if amount} | {"USD": cash}
        )

    def test_the_same_run_has_the_same_orders_and_components(self) -> None:
        found = []
        for _ in range(2):
            self.run_frontier()
            files = [
                self.run_path / "orders.csv",
                *sorted((self.run_path / "components").iterdir()),
            ]
            found.append({file.name: file.read_bytes() for file in files})
        self.assertEqual(found[0], found[1])

    def test_from_the_first_bar_on_it_waits_until_there_is_history(self) -> None:
        series = {("x", f"{n}_USD"): c for n, c in correlated(100, 3_600).items()}
        params = EfficientFrontier.Params(
            target="minimum-variance", confirm=False, period="1h", cloud=0, resamples=0
        )
        self.backtest(EfficientFrontier, series, params=params)
        log = (self.run_path / "run.log").read_text()
        for words in ("there are no candles", "is shorter than the 1 days", "needs a frontier"):
            self.assertEqual(log.count(words), 1, words)
        first = self.orders()[0]["created_at"]
        opened_s = int(next(iter(series.values())).time[0])
        self.assertGreaterEqual(np.datetime64(first[:19]).astype(int), opened_s + DAY_S)


@unittest.skipUnless(DATA.is_dir(), f"the recorded candles are not at {DATA}")
class RealCandles(BacktestCase):
    fees = Fees(maker=D("0.001"), taker=D("0.001"))

    def test_a_spring_of_four_coins(self) -> None:
        series = {}
        for name in ("BTC", "ETH", "LTC", "XRP"):
            path = DATA / f"binance_{name}USDT_5m_2022-08_2023-09.csv.gz"
            candles = read_ohlcv(path, f"{name}_USDT", 300, 0).candles
            series["binance", f"{name}_USDT"] = candles.slice(START_S, START_S + 215 * DAY_S)
        params = EfficientFrontier.Params(target="minimum-variance", confirm=False, cloud=100)
        balances = {"binance": {"USDT": "10000"}}
        summary = self.backtest(EfficientFrontier, series, balances, params, START_S + 181 * DAY_S)
        first = self.run_path / "run.log"
        self.assertIn("from 180.0 days of 5m", first.read_text().splitlines()[0])
        path = self.run_path / "components"
        (least,) = [row for row in read_rows(path, "frontier").rows if row[0] == "minimum_variance"]
        (held,) = [row for row in read_rows(path, "frontier").rows if row[0] == "current"][-1:]
        self.assertLess(held[2] - least[2], 0.01)  # risk per year
        self.assertGreater(summary.trades, 0)


def _least_risk(mean: Any, covariance: Any, level: float) -> float:
    """Return the least risk at a return, by an interior-point solver."""
    count = len(mean)
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    rows = sparse.csc_matrix(np.vstack([np.ones(count), -mean, -np.eye(count)]))
    bounds = np.concatenate([[1.0], [-level], np.zeros(count)])
    cones = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(1 + count)]
    quadratic = sparse.csc_matrix(np.triu(covariance))
    solution = clarabel.DefaultSolver(
        quadratic, np.zeros(count), rows, bounds, cones, settings
    ).solve()
    return float(np.sqrt(2 * solution.obj_val))
