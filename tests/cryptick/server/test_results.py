import json
import tempfile
import unittest
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cryptick.server.results import RunResults, thinned
from cryptick.server.store import RunStore
from exchange_wrapper.errors import DataError
from exchange_wrapper.times import SECOND, UtcNs, to_iso

DAY_S = 86_400


class OfRuns(unittest.TestCase):
    def setUp(self) -> None:
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.store = RunStore(self.root)
        self.results = RunResults(self.store)

    def make(self, run_id: str, points: list[tuple[int, float]], **fields: Any) -> None:
        folder = self.root / run_id
        folder.mkdir()
        about = {
            "run_id": run_id,
            "strategy": "Hodl",
            "mode": "paper",
            "state": "running",
            "currency": "USD",
            "initial_equity": str(points[0][1]),
            "equity": str(points[-1][1]),
            **fields,
        }
        (folder / "run.json").write_text(json.dumps(about))
        self.write(run_id, points)

    def write(self, run_id: str, points: list[tuple[int, float]], more: str = "") -> None:
        lines = [f"{to_iso(UtcNs(time * SECOND))},{value}\n" for time, value in points]
        (self.root / run_id / "equity.csv").write_text("time,equity\n" + "".join(lines) + more)

    def test_a_row_tells_return_fees_and_a_short_curve(self) -> None:
        points = [(time, 100.0 + time) for time in range(101)]
        self.make("hodl_0", points, fees_paid={"USD": "0.5"}, orders=2, detail="away")
        row = self.results.row("hodl_0", self.store.fields("hodl_0"))
        self.assertEqual(
            (row.total_return, row.fees_paid, row.detail), (1.0, {"USD": "0.5"}, "away")
        )
        self.assertEqual((row.sparkline[0], row.sparkline[-1]), (100.0, 200.0))
        self.assertEqual(len(row.sparkline), 50)

    def test_a_run_that_begins_has_neither_return_nor_figures(self) -> None:
        (self.root / "hodl_0").mkdir()
        about = {"strategy": "Hodl", "mode": "paper", "state": "starting"}
        (self.root / "hodl_0/run.json").write_text(json.dumps(about))
        row = self.results.row("hodl_0", self.store.fields("hodl_0"))
        self.assertEqual((row.total_return, row.equity, row.sparkline), (None, None, []))
        self.assertIsNone(self.results.metrics("hodl_0").figures)
        self.assertEqual(self.results.by_strategy(self.store.all()), [])
        self.assertEqual(self.results.equity_of_all(self.store.all(), 10), [])

    def test_figures_of_a_run_that_goes_on_follow_its_curve(self) -> None:
        self.make("hodl_0", [(0, 100.0), (DAY_S, 110.0), (2 * DAY_S, 99.0)])
        found = self.results.metrics("hodl_0").figures
        assert found is not None
        self.assertAlmostEqual(found.total_return, -0.01)
        self.assertAlmostEqual(found.max_drawdown, 0.1)
        assert found.sharpe is not None  # of +10 % and -10 %: no mean
        self.assertAlmostEqual(found.sharpe, 0.0)
        # A line that is not whole yet does not count.
        self.write("hodl_0", [(0, 100.0), (DAY_S, 120.0)], more="1970-01-")
        found = self.results.metrics("hodl_0").figures
        assert found is not None
        self.assertAlmostEqual(found.total_return, 0.2)

    def test_a_damaged_curve_is_named(self) -> None:
        self.make("hodl_0", [(0, 1.0)])
        self.write("hodl_0", [(0, 1.0)], more="soon,2\n")
        with self.assertRaisesRegex(DataError, r"equity\.csv of hodl_0 can't be read"):
            self.results.metrics("hodl_0")

    def test_runs_of_a_strategy_add_up_apart_by_mode_and_currency(self) -> None:
        paid = {"USD": "0.10"}
        self.make("hodl_0", [(0, 100.0), (DAY_S, 110.0)], fees_paid=paid, orders=1, trades=2)
        self.make("hodl_1", [(0, 300.0), (DAY_S, 270.0)], fees_paid=paid, state="failed")
        self.make("hodl_2", [(0, 1.0), (DAY_S, 2.0)], currency="EUR")
        self.make("hodl_3", [(0, 1.0), (DAY_S, 3.0)], mode="backtest", state="stopped")
        rows = self.results.by_strategy(self.store.all())
        self.assertEqual(
            [(row.mode, row.currency, row.runs) for row in rows],
            [("backtest", "USD", 1), ("paper", "EUR", 1), ("paper", "USD", 2)],
        )
        row = rows[-1]
        self.assertEqual((row.initial_equity, row.equity, row.total_return), ("400", "380", -0.05))
        self.assertEqual((row.best, row.worst), (0.1, -0.1))
        self.assertEqual((row.running, row.failed, row.orders, row.trades), (1, 1, 1, 2))
        self.assertEqual((row.fees_paid, row.sharpe), ({"USD": "0.2"}, 0.0))

    def test_what_a_run_has_won_stays_when_it_has_given_its_funds_back(self) -> None:
        self.make("hodl_0", [(10, 100.0), (20, 105.0)], state="stopped")
        self.make("hodl_1", [(15, 50.0), (30, 40.0)])
        (found,) = self.results.equity_of_all(self.store.all(), 10)
        self.assertEqual(found.time, [10, 15, 20, 30])
        self.assertEqual(found.runs, [1, 2, 2, 1])
        self.assertEqual(found.equity, [100.0, 150.0, 155.0, 40.0])
        self.assertEqual(found.profit, [0.0, 0.0, 5.0, -5.0])

    def test_a_curve_is_thinned_to_whole_rows(self) -> None:
        self.make("hodl_0", [(time, 100.0 + time) for time in range(1000)])
        page = self.results.equity_page("hodl_0", 3)
        self.assertEqual(page.total, 1000)
        self.assertEqual(
            [row[1] for row in page.rows], ["100.00000000", "600.00000000", "1099.00000000"]
        )


class Thinning(unittest.TestCase):
    @given(st.integers(0, 5000), st.integers(1, 600))
    def test_has_first_and_last_and_no_point_twice(self, count: int, points: int) -> None:
        picked = thinned(count, points).tolist()
        self.assertEqual(len(picked), min(count, points))
        self.assertEqual(picked, sorted(set(picked)))
        if count:
            self.assertEqual(picked[-1], count - 1)
        if min(count, points) > 1:
            self.assertEqual(picked[0], 0)
