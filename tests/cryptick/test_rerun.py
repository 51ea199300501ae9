import json
import shutil
import unittest
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr, redirect_stdout
from decimal import Decimal
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from cryptick import compare, rerun, run
from cryptick.manifest import candles_hash
from cryptick.past_runs import PastRun
from exchange_wrapper.candles import Candles
from exchange_wrapper.market import BookSnapshot, BookUpdate
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.pair import Pair
from exchange_wrapper.storage import RecordingLimits
from exchange_wrapper.storage.embedded import EmbeddedStore
from exchange_wrapper.storage.recording import Recorder
from exchange_wrapper.terms import Side
from exchange_wrapper.times import SECOND, UtcNs
from tests.cryptick.candles import FREQ_S, START_S, bars
from tests.cryptick.test_run import ROWS, CommandLine

SWING = """\
from cryptick.strategy import Strategy
class Swing(Strategy):
    def on_bar(self, bar):
        if self.wallet("BTC").available:
            self.sell_market(bar.pair, size=self.wallet("BTC").available)
        else:
            self.buy_market(bar.pair, notional=self.wallet("USD").available)
"""


BAR_PATH = "{root}/swing.py:Swing --fill-model bar_path --latency 1s --slippage-bps 2.5"


class OfBooks(unittest.TestCase):
    """Rerun of a backtest on recorded books, whose store grows."""

    def setUp(self) -> None:
        self.root = Path(self.enterContext(TemporaryDirectory()))
        self.store = str(self.root / "store.db")
        self.write(range(1, 300))

    def write(self, seconds: Iterable[int], size: int = 10) -> None:
        """Record a book whose ask moves."""
        pair = Pair("BTC_USD", "BTC", "USD", Decimal("0.01"), Decimal("0.0001"))
        recorder = Recorder("x", pair, events_max=100, span_max_s=60)
        bids, asks = [(Ticks(9_000), Lots(10_000))], [(Ticks(10_000), Lots(10_000))]
        now = UtcNs(min(seconds) * SECOND)
        segments = [recorder.add(BookSnapshot("BTC_USD", bids, asks, now, now))]
        for second in seconds:
            now = UtcNs(second * SECOND + 1)
            changes = [(Side.SELL, Ticks(9_990 - second % 7), Lots(size))]
            segments.append(recorder.add(BookUpdate("BTC_USD", changes, now, now)))
        with EmbeddedStore(self.store) as store:
            for segment in (*segments, recorder.current()):
                if segment is not None:
                    store.put_segment(segment, RecordingLimits(1 << 30, 10**9))

    def run_it(self) -> str:
        (self.root / "swing.py").write_text(SWING.replace("on_bar(self, bar", "on_quote(self, bar"))
        out, err = StringIO(), StringIO()
        words = f"{self.root}/swing.py:Swing -m backtest --fill-model book --x-usd 50 --json"
        words += f" --store {self.store} --runs-dir {self.root}/runs"
        with redirect_stdout(out), redirect_stderr(err):
            self.assertEqual(run.main(words.split()), 0, err.getvalue())
        return str(json.loads(out.getvalue())["run_id"])

    def verdict(self, run_id: str) -> rerun.Verdict:
        return rerun.rerun(PastRun.open(self.root / "runs", run_id))

    def test_it_is_the_same_on_the_events_of_then_however_many_came_since(self) -> None:
        run_id = self.run_it()
        described = json.loads((self.root / "runs" / run_id / "run.json").read_text())
        (data,) = described["manifest"]["data"]
        self.assertEqual((data["pair"], data["start_s"], data["end_s"]), ("BTC_USD", 1, 300))
        self.assertEqual(len(data["columns"]), 64)
        self.write(range(400, 500))
        verdict = self.verdict(run_id)
        self.assertEqual((verdict.same, verdict.differences), (True, []))
        self.assertGreater(verdict.trades, 3)

    def test_other_events_are_named_as_the_cause(self) -> None:
        run_id = self.run_it()
        self.write(range(1, 300), size=11)
        verdict = self.verdict(run_id)
        self.assertFalse(verdict.same)
        self.assertIn("data: of BTC_USD on x columns was", verdict.differences[0])


class PastRuns(CommandLine):
    def setUp(self) -> None:
        shutil.rmtree(self.root / "runs", ignore_errors=True)
        self.file = self.root / "swing.py"
        self.file.write_text(SWING)

    def finished(self, line: str = "{root}/swing.py:Swing --taker-fee 0.002") -> str:
        """Run a backtest and return its id."""
        status, out, err = self.call(line + " -m backtest --x-usd 1000 --json --store {store}")
        self.assertEqual(status, 0, err)
        return str(json.loads(out)["run_id"])

    def do(self, main: Callable[[list[str]], int], *words: str) -> tuple[int, str, str]:
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            status = main([*words, "--runs-dir", str(self.root / "runs")])
        return status, out.getvalue(), err.getvalue()

    def verdict(self, run_id: str) -> tuple[int, dict[str, Any]]:
        status, out, err = self.do(rerun.main, run_id, "--json")
        self.assertEqual(err, "")
        return status, json.loads(out)

    def change_run(self, run_id: str, fields: dict[str, object]) -> None:
        file = self.root / "runs" / run_id / "run.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | fields))


class Rerun(PastRuns):
    def test_an_untouched_run_comes_out_the_same(self) -> None:
        for line in (
            "{root}/swing.py:Swing --taker-fee 0.002",
            "Hodl --base eth --freq 1h",
            BAR_PATH,
        ):
            with self.subTest(line=line):
                status, found = self.verdict(self.finished(line))
                self.assertEqual((status, found["same"], found["differences"]), (0, True, []))
                self.assertGreater(found["orders"], 0)

    def test_history_that_has_grown_since_does_not_matter(self) -> None:
        run_id = self.finished("{root}/swing.py:Swing --base eth")
        with EmbeddedStore(self.store) as store:
            store.write("x", "ETH_USD", bars(ROWS[:20], START_S + len(ROWS) * FREQ_S))
        self.assertEqual(self.verdict(run_id)[1]["differences"], [])

    def test_other_code_is_named_with_the_first_order_that_differs(self) -> None:
        run_id = self.finished()
        self.file.write_text(SWING.replace(".available)\n", ".available / 2)\n", 1))
        status, found = self.verdict(run_id)
        self.assertEqual((status, found["same"]), (1, False))
        code, order = found["differences"]
        self.assertEqual(code, "code: the source of Swing has changed")
        self.assertRegex(order, r"^orders\.csv, row 2 at 2022-08-01T00:10:00.*size was .*, is ")

    def test_another_manifest_is_told_from_what_was_run(self) -> None:
        run_id = self.finished()
        run = json.loads((self.root / "runs" / run_id / "run.json").read_text())
        table = (
            ("data", [run["manifest"]["data"][0] | {"columns": "0"}], "data: of BTC_USD on x"),
            ("key", "0", "parameters: "),
            ("code", run["manifest"]["code"] | {"source": "0"}, "code: the packages"),
            ("code", run["manifest"]["code"] | {"python": "2"}, "code: Python or a library"),
        )
        for name, value, words in table:
            with self.subTest(words=words):
                self.change_run(run_id, {"manifest": run["manifest"] | {name: value}})
                status, found = self.verdict(run_id)
                self.assertEqual((status, len(found["differences"])), (0, 1))
                self.assertIn(words, found["differences"][0])

    def test_a_file_that_was_touched_is_found(self) -> None:
        run_id = self.finished()
        file = self.root / "runs" / run_id / "trades.csv"
        lines = file.read_text().splitlines(keepends=True)
        file.write_text("".join(lines[:-1]))
        status, found = self.verdict(run_id)
        self.assertEqual(
            (status, found["differences"][0]), (1, "trades.csv was changed after the run")
        )
        self.assertIn("is there only now", found["differences"][1])

    def test_each_mistake_gets_one_clear_line_and_its_status(self) -> None:
        run_id = self.finished()
        run = json.loads((self.root / "runs" / run_id / "run.json").read_text())
        gone = run["manifest"] | {"source": f"store {self.root}/gone.db"}
        before = run["manifest"]["data"][0] | {"start_s": 0, "end_s": 300}
        table: tuple[tuple[dict[str, object], int, str], ...] = (
            ({"state": "running"}, 2, "is running: wait"),
            ({"state": "failed", "error": "oh"}, 2, "failed (oh)"),
            ({"mode": "paper"}, 2, "only backtests run again"),
            ({"manifest": {}}, 2, "is damaged"),
            ({"manifest": gone}, 4, "no candle store"),
            ({"manifest": run["manifest"] | {"data": [before]}}, 3, "no 5m candles of BTC_USD"),
            ({"manifest": run["manifest"] | {"params": {"base": 3}}}, 2, "--base must be a text"),
        )
        for fields, expected, words in table:
            with self.subTest(words=words):
                self.change_run(run_id, run | fields)
                status, out, err = self.do(rerun.main, run_id)
                self.assertEqual((status, out), (expected, ""), err)
                self.assertIn(words, err)
                self.assertEqual(len(err.splitlines()), 1)
        for word, words in (("swnig_0", "did you mean swing_0"), ("../runs/swing_0", "no run")):
            self.assertIn(words, self.do(rerun.main, word)[2])
        self.assertEqual(self.do(rerun.main)[0], 2)

    def test_the_words_say_identical(self) -> None:
        status, out, _ = self.do(rerun.main, self.finished())
        self.assertEqual((status, out), (0, "swing_0: identical, 300 orders and 299 trades\n"))


class Compare(PastRuns):
    def test_runs_stand_side_by_side_with_the_settings_that_differ(self) -> None:
        names = [self.finished(), self.finished("Hodl")]
        status, out, err = self.do(compare.main, *names)
        self.assertEqual((status, err), (0, ""))
        for words in ("swing_0", "hodlstrategy_0", "Sharpe ratio", "0.2% taker"):
            self.assertIn(words, out)
        self.assertNotIn("fill model", out)

    def test_json_has_the_summaries_in_the_order_of_the_line(self) -> None:
        names = [self.finished("Hodl"), self.finished()]
        found = json.loads(self.do(compare.main, *names, "--json")[1])
        self.assertEqual([one["run_id"] for one in found], names)

    def test_the_page_has_the_growth_of_each(self) -> None:
        names, file = [self.finished(), self.finished("Hodl")], self.root / "compared.html"
        self.assertEqual(self.do(compare.main, *names, "--html", str(file))[0], 0)
        data = file.read_text().split('id="data">')[1].split("</script>")[0]
        hodl = json.loads(data)["runs"][1]
        self.assertEqual((hodl["name"], hodl["growth"][0]), ("hodlstrategy_0", 0.0))
        self.assertAlmostEqual(hodl["growth"][-1], 0.058941)
        self.assertTrue((np.diff(hodl["time"]) > 0).all())

    def test_each_mistake_gets_one_clear_line(self) -> None:
        run_id, other = self.finished(), self.finished("Hodl")
        path = self.root / "runs" / run_id
        absent = str(self.root / "absent" / "page.html")
        summary, curve = ((path / name).read_text() for name in ("summary.json", "equity.csv"))
        table = (
            ([run_id], {}, "two runs or more"),
            ([run_id, run_id], {}, "two runs or more"),
            ([run_id, "x"], {}, "no run 'x'"),
            ([run_id, other, "--html", absent], {}, "can't be written"),
            ([run_id, other], {"summary.json": "{"}, "is damaged"),
            ([run_id, other], {"summary.json": "{}"}, "another version"),
            ([run_id, other, "--html", absent], {"equity.csv": "time\n1"}, "is damaged"),
            ([run_id, other], {"run.json": "{"}, "is damaged"),
        )
        for words, files, complaint in table:
            with self.subTest(complaint=complaint):
                (path / "summary.json").write_text(summary)
                (path / "equity.csv").write_text(curve)
                for name, text in files.items():
                    (path / name).write_text(text)
                status, out, err = self.do(compare.main, *words)
                self.assertEqual((status, out, len(err.splitlines())), (2, "", 1), err)
                self.assertIn(complaint, err)


class Hash(unittest.TestCase):
    rows = tuple((START_S + i * FREQ_S, "10.5", "11", "9.25", "10", "3.10") for i in range(3))

    def test_it_is_of_the_values_and_not_of_the_digits_they_are_kept_with(self) -> None:
        candles = Candles.from_rows(FREQ_S, self.rows, 0)
        wider = Candles.from_rows(FREQ_S, self.rows, 99).with_digits(7, 9)
        self.assertEqual(candles_hash(candles), candles_hash(wider))

    def test_every_column_counts(self) -> None:
        known = {candles_hash(Candles.from_rows(FREQ_S, self.rows, 0))}
        for column, text in enumerate(("10.4", "11.1", "9.3", "10.1", "3.2"), 1):
            row = list(self.rows[1])
            row[column] = text
            changed = (self.rows[0], tuple(row), self.rows[2])
            known.add(candles_hash(Candles.from_rows(FREQ_S, changed, 0)))
        self.assertEqual(len(known), 6)


class Directory(PastRuns):
    def test_a_finished_run_has_its_report_and_the_hashes_of_its_results(self) -> None:
        path = Path(self.root / "runs" / self.finished())
        run = json.loads((path / "run.json").read_text())
        self.assertEqual(set(run["results"]), {"orders.csv", "trades.csv"})
        self.assertTrue(run["manifest"]["data"][0]["columns"] in (path / "report.html").read_text())


if __name__ == "__main__":
    unittest.main()
