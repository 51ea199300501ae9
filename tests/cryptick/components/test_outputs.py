"""The rows that each kind of output writes."""

import json
from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cryptick.components import Axis, Components, read_format, read_rows
from cryptick.components.reading import Page
from cryptick.messages import FILL, ORDER_UPDATE, Fill, OrderUpdate
from exchange_wrapper.errors import ApiUsageError
from exchange_wrapper.terms import DoneReason, OrderStatus, OrderType, Side
from exchange_wrapper.times import UtcNs
from tests.cryptick.components.case import NOW, ComponentsCase

ISO = "2018-04-06T08:37:44.000000Z"


class Charts(ComponentsCase):
    def read(self, id: str) -> list[list[str | float | None]]:
        self.components.flush()
        return read_rows(self.path, id).rows

    def test_a_log_line_has_the_time_of_the_run(self) -> None:
        log = self.components.text_log("log", title="L")
        log.write("begins")
        log.write("no funds,\nstops", "error")
        self.assertEqual((self.path / "log.csv").read_text() + "", "time,level,text\n")  # it waits
        self.assertEqual(self.read("log")[1], [ISO, "error", "no funds,\nstops"])
        self.assertEqual(
            (self.path / "log.csv").read_text(),
            f'time,level,text\n{ISO},info,begins\n{ISO},error,"no funds,\\nstops"\n',
        )

    def test_a_gap_in_a_line_is_an_empty_cell(self) -> None:
        line = self.components.line("l", title="L", series=["a", "b"], unit="USD")
        line.append(NOW, 1, float("nan"))
        line.append(NOW, None, np.float64(0.1))
        self.assertEqual(self.read("l"), [[ISO, 1.0, None], [ISO, None, 0.1]])
        line.replace([(NOW, 1, 2)])
        self.assertEqual(self.read("l"), [[ISO, 1.0, 2.0]])

    def test_markers_stand_among_the_candles(self) -> None:
        chart = self.components.candlestick("c", title="C", unit="USD")
        chart.append(NOW, 1, 4, 0.5, 2, 10)
        chart.mark(NOW, Decimal("1.5"), "0.1", "buy")
        candle, marker = self.read("c")
        self.assertEqual(candle, [ISO, 1.0, 4.0, 0.5, 2.0, 10.0, "", None, ""])
        self.assertEqual(marker, [ISO, None, None, None, None, None, "buy", 1.5, "0.1"])

    def test_scatter_bar_and_pie(self) -> None:
        scatter = self.components.scatter("s", title="S", x=Axis("risk", "%"), y=Axis("return"))
        scatter.append(1, 2, "mine")
        self.assertEqual(self.read("s"), [["mine", 1.0, 2.0]])
        scatter.replace([("", 3, 4)])
        self.assertEqual(self.read("s"), [["", 3.0, 4.0]])
        self.assertEqual(read_format(self.path, "s").axes["x"], Axis("risk", "%"))
        self.components.bar("b", title="B", series=["n", "m"]).replace({"x": (1, 2), "y": (3, 4)})
        self.assertEqual(self.read("b"), [["x", 1.0, 2.0], ["y", 3.0, 4.0]])
        self.components.pie("p", title="P").replace({"x": Decimal("0.5")})
        self.assertEqual(self.read("p"), [["x", 0.5]])


class Orders(ComponentsCase):
    def test_the_table_keeps_itself(self) -> None:
        self.components.order_table()
        update = OrderUpdate(
            "oid", "gdax", "BTC_USD", OrderType.LIMIT, Side.BUY, Decimal("0.50"), Decimal(6000),
            OrderStatus.DONE, DoneReason.FILLED, "", Decimal("0.5"), Decimal("5999.5"), NOW,
        )  # fmt: skip
        fill = Fill(
            "oid", "gdax", "BTC_USD", Side.BUY, Decimal("5999.5"), Decimal("0.5"),
            Decimal("7.5"), False, NOW,
        )  # fmt: skip
        self.hub.notify(FILL, fill)
        self.hub.notify(ORDER_UPDATE, update)
        self.components.flush()
        columns = [column.name for column in read_format(self.path, "orders").columns]
        filled, done = (
            {name: cell for name, cell in zip(columns, row, strict=True) if cell not in (None, "")}
            for row in read_rows(self.path, "orders").rows
        )
        both = {"time": ISO, "client_oid": "oid", "exchange": "gdax", "pair": "BTC_USD",
                "side": "buy", "size": "0.5"}  # fmt: skip
        self.assertEqual(
            filled,
            both | {"event": "fill", "price": "5999.5", "notional": "2999.75", "fee": "7.5",
                    "role": "taker"},
        )  # fmt: skip
        self.assertEqual(
            done,
            both | {"event": "order", "type": "limit", "price": "6000", "status": "done",
                    "done_reason": "filled", "filled_size": "0.5", "avg_price": "5999.5"},
        )  # fmt: skip


class Frontiers(ComponentsCase):
    means = np.array([0.3, 0.1])
    covariance = np.array([[0.16, 0.01], [0.01, 0.04]])

    def page(self) -> Page:
        self.components.flush()
        return read_rows(self.path, "frontier")

    def fill(self, components: Components | None = None) -> None:
        self.frontier = (components or self.components).frontier(
            title="F", currencies=["BTC", "ETH"], period="year"
        )
        self.frontier.replace(
            time=NOW,
            expected_returns=self.means,
            covariance=self.covariance,
            risk_free=0.03,
            frontier=np.array([[1 / 6, 5 / 6], [1, 0]]),
            minimum_variance=np.array([1 / 6, 5 / 6]),
            maximum_sharpe=np.array([0.5, 0.5]),
            cloud=np.array([[0.3, 0.7]] * 3),
            current=np.array([0, 1]),
        )

    def test_every_set_has_its_rows_and_the_format_the_estimates(self) -> None:
        self.fill()
        self.frontier.aim(UtcNs(NOW + 1000), {"BTC": Decimal("0.5"), "ETH": Decimal("0.5")})
        self.frontier.move(UtcNs(NOW + 2000), np.array([0.25, 0.75]))
        page = self.page()
        sets = [row[0] for row in page.rows]
        self.assertEqual(
            sets,
            ["cloud"] * 3 + ["frontier"] * 2 + ["asset"] * 2
            + ["minimum_variance", "maximum_sharpe", "current", "target", "current"],
        )  # fmt: skip
        self.assertEqual(page.rows[5][1:], [ISO, 0.4, 0.3, (0.3 - 0.03) / 0.4, 1.0, 0.0])
        options = read_format(self.path, "frontier").options
        self.assertEqual(options["currencies"], ["BTC", "ETH"])
        self.assertEqual(options["covariance"], self.covariance.tolist())
        self.assertEqual(options["expected_returns"], self.means.tolist())
        self.assertEqual((options["risk_free"], options["points"]), (0.03, 2))
        self.assertEqual(options["period"], "year")

    def test_there_may_be_no_best_sharpe_ratio(self) -> None:
        self.fill()
        self.frontier.replace(
            time=NOW,
            expected_returns=self.means,
            covariance=self.covariance,
            risk_free=1.0,
            frontier=np.eye(2),
            minimum_variance=np.array([1 / 6, 5 / 6]),
            maximum_sharpe=None,
        )
        sets = [row[0] for row in self.page().rows]
        self.assertEqual(sets, ["frontier"] * 2 + ["asset"] * 2 + ["minimum_variance"])

    @given(st.floats(0, 1))
    def test_risk_and_return_are_those_of_the_weights(self, share: float) -> None:
        components = Components(self.hub)
        self.fill(components)
        written: list[str] = self.frontier._writer._lines
        before = len(written)
        self.frontier.move(NOW, {"BTC": share, "ETH": 1 - share})
        risk, mean = map(float, written[before].split(",")[2:4])
        variance = share**2 * 0.16 + 2 * share * (1 - share) * 0.01 + (1 - share) ** 2 * 0.04
        self.assertAlmostEqual(risk, variance**0.5, places=12)
        self.assertAlmostEqual(mean, 0.1 + 0.2 * share, places=12)

    def test_weights_that_do_not_fit_are_refused_and_replace_nothing(self) -> None:
        self.fill()
        before = self.page()
        arrays = dict(
            expected_returns=self.means,
            covariance=self.covariance,
            frontier=np.eye(2),
            minimum_variance=np.ones(2),
            maximum_sharpe=np.ones(2),
        )
        for name, bad in {
            "expected_returns": np.ones(3),
            "covariance": np.ones((2, 3)),
            "frontier": np.ones((2, 3)),
            "maximum_sharpe": np.array([1, np.nan]),
        }.items():
            with self.subTest(name=name), self.assertRaisesRegex(ApiUsageError, name):
                self.frontier.replace(time=NOW, risk_free=0, **arrays | {name: bad})
        with self.assertRaisesRegex(ApiUsageError, "no currency XRP"):
            self.frontier.move(NOW, {"XRP": 1})
        self.assertEqual(self.page(), before)

    def test_a_path_needs_estimates_first(self) -> None:
        frontier = self.components.frontier(title="F", currencies=["BTC"], period="year")
        with self.assertRaisesRegex(ApiUsageError, "estimates first"):
            frontier.move(NOW, np.ones(1))

    def test_its_format_is_plain_json(self) -> None:
        self.fill()
        self.components.flush()
        content = json.loads((self.path / "frontier.json").read_text())
        self.assertEqual(content["columns"][-1]["name"], "weight_ETH")
