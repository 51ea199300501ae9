import json
import os
import subprocess
import sys
import tempfile
import unittest
from contextlib import redirect_stderr, redirect_stdout
from decimal import Decimal
from io import StringIO
from pathlib import Path
from unittest.mock import patch

from cryptick.run import main
from exchange_wrapper.candles import Instrument
from exchange_wrapper.storage.embedded import EmbeddedStore
from tests.cryptick.candles import Row, bars

ROOT = Path(__file__).resolve().parents[2]
NOBODY = "ws://127.0.0.1:9"  # the discard port: nobody listens there
ROWS: list[Row] = [("100", "106", "99", "104"), ("104", "107", "103", "106")] * 150


class CommandLine(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = Path(folder.name)
        cls.store = str(cls.root / "candles.db")
        with EmbeddedStore(cls.store) as store:
            for pair in ("BTC_USD", "ETH_USD"):
                store.write("x", pair, bars(ROWS))
                store.put_instrument(Instrument("x", pair, Decimal("0.01"), Decimal("0.0001")))

    def call(self, line: str, **environment: str) -> tuple[int, str, str]:
        """Run a command line and return (status, stdout, stderr)."""
        out, err = StringIO(), StringIO()
        words = line.format(store=self.store, root=self.root).split()
        settings = {"XWRAP_URL": NOBODY, "TIMESERIES_DB": "", **environment}
        with patch.dict(os.environ, settings), redirect_stdout(out), redirect_stderr(err):
            status = main([*words, "--runs-dir", str(self.root / "runs")])
        return status, out.getvalue(), err.getvalue()


class Good(CommandLine):
    def test_a_backtest_ends_with_a_table(self) -> None:
        status, out, _ = self.call("Hodl -m backtest --x-usd 1000 --store {store}")
        self.assertEqual(status, 0)
        for words in ("final equity", "1,058.941 USD", "+5.89%", "max drawdown", "next_open"):
            self.assertIn(words, out)

    def test_json_is_the_summary_and_nothing_else(self) -> None:
        line = "--x-usd=1000 HodlStrategy -m backtest --base eth --json --store {store}"
        status, out, err = self.call(line)
        summary = json.loads(out)
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(summary["params"], {"base": "eth"})
        self.assertEqual(summary["pairs"], ["ETH_USD on x"])
        run = json.loads((Path(summary["directory"]) / "run.json").read_text())
        self.assertEqual((run["state"], run["mode"]), ("stopped", "backtest"))
        written = json.loads((Path(summary["directory"]) / "summary.json").read_text())
        self.assertEqual(written, summary)

    def test_dates_choose_the_bars_and_an_end_includes_its_day(self) -> None:
        table = (
            ("-s 01-08-2022 -e 01-08-2022", 288),
            ("-s 2022-08-01T12:00 -e 2022-08-01T13:00", 12),
            ("-s 2022-08-01T12:00+02:00 -e 2022-08-01", 168),
            ("-s 2022-08-02", 12),
            ("-e 2022-08-01T01:00", 12),
            ("--freq 1h -e 2022-08-01", 24),
        )
        for dates, number in table:
            with self.subTest(dates=dates):
                line = "Echo -m backtest --x-usd 1 --json --store {store} " + dates
                status, out, err = self.call(line)
                self.assertEqual((status, err), (0, ""))
                self.assertEqual(list(json.loads(out)["events"].values()), [number])

    def test_history_that_begins_later_than_asked_is_said(self) -> None:
        status, _, err = self.call(
            "Echo -m backtest --x-usd 1 --json --store {store} -s 30-07-2022 -e 01-08-2022"
        )
        self.assertEqual(status, 0)
        self.assertIn("begins at 2022-08-01 00:00 UTC, later than asked", err)

    def test_fees_come_from_the_flags_else_the_settings_else_a_default(self) -> None:
        settings = self.root / "settings.json"
        fees = {"maker": "0.002", "taker": "0.003"}
        settings.write_text(json.dumps({"exchanges": {"x": {"fees": fees, "class": "y"}}}))
        table = (
            ("", ("0.001", "0.001")),
            ("--config {root}/settings.json", ("0.002", "0.003")),
            ("--config {root}/settings.json --taker-fee 0.004", ("0.002", "0.004")),
            ("--maker-fee 0", ("0", "0.001")),
        )
        for flags, expected in table:
            with self.subTest(flags=flags):
                _, out, _ = self.call("Echo -m backtest --x-usd 1 --json --store {store} " + flags)
                (row,) = json.loads(out)["fees"]
                self.assertEqual((row["maker"], row["taker"]), expected)

    def test_without_xwrap_the_default_store_is_used_and_named(self) -> None:
        status, out, _ = self.call("Echo -m backtest --x-usd 1 --json", TIMESERIES_DB=self.store)
        self.assertEqual(status, 0)
        self.assertEqual(json.loads(out)["source"], f"store {self.store}")

    def test_help_shows_an_example_the_strategies_and_their_parameters(self) -> None:
        for line, words in (("--help", "HodlStrategy"), ("Demo -h", "--percent VALUE")):
            with self.subTest(line=line):
                status, out, _ = self.call(line)
                self.assertEqual(status, 0)
                self.assertIn("-m backtest --binance-usdt 10000 -s 01-08-2022", out)
                self.assertIn(words, out)


class Bad(CommandLine):
    def test_each_mistake_gets_one_clear_line_and_its_status(self) -> None:
        (self.root / "broken.json").write_text("{")
        (self.root / "mine.py").write_text(
            "from cryptick.strategy import Strategy\n"
            "class Mine(Strategy):\n    def on_quote(self, quote):\n        raise KeyError(1)\n"
        )
        backtest = "Hodl -m backtest --x-usd 10 --store {store} "
        table = (
            ("HodelStrategy -m backtest --x-usd 10", 2, "did you mean HodlStrategy?"),
            ("{root}/absent.py:X -m backtest --x-usd 10", 2, "not a Python file"),
            ("Hodl --x-usd 10", 2, "-m/--mode"),
            ("Hodl -m live --x-usd 10", 4, "can't be reached"),
            ("Hodl -m dream --x-usd 10", 2, "invalid choice"),
            ("Hodl -m backtest --store {store}", 2, "no balance"),
            ("Hodl -m backtest --x-usd ten", 2, "must be a plain decimal number"),
            ("Hodl -m backtest --x-usd 0", 2, "more than 0"),
            ("Hodl -m backtest --x-usd -5", 2, "more than 0"),
            ("Hodl -m backtest --x-usd nan", 2, "must be a plain decimal number"),
            ("Hodl -m backtest --x-usd 5 --x-USD 6", 2, "given twice"),
            ("Hodl -m backtest --x-usd", 2, "--x-usd needs a value"),
            (backtest + "--color red", 2, "unknown option --color; HodlStrategy has --base"),
            (backtest + "--the-base ETH", 2, "did you mean --base?"),
            ("Demo -m backtest --x-usd 10 --quotes few", 2, "--quotes must be a whole number"),
            (backtest + "-s 31-02-2022", 2, "'31-02-2022' is not a date"),
            (backtest + "-s yesterday", 2, "'yesterday' is not a date"),
            (backtest + "-s 02-08-2022 -e 01-08-2022", 2, "must be after the start"),
            (backtest + "-s 01-01-2023", 3, "there are 2022-08-01 00:00 to 2022-08-02 01:00"),
            (backtest + "-e 01-01-2022", 3, "2022-08-01 00:00"),
            (backtest + "--freq 7m", 3, "there are those of 5m"),
            (backtest + "--freq soon", 2, "'soon' is not a candle length"),
            (backtest + "--base DOGE", 3, "DOGE_USD on x would be traded"),
            (backtest + "--taker-fee 2", 2, "fees are fractions below 1"),
            (backtest + "--config {root}/absent.json", 2, "can't be read"),
            (backtest + "--config {root}/broken.json", 2, "not a settings file"),
            ("Hodl -m backtest --y-usd 10 --store {store}", 3, "no exchange 'y'; it has x"),
            ("Hodl -m backtest --x-eur 10 --store {store}", 3, "no pair of EUR on x"),
            ("Hodl -m backtest --x-usd 10 --store {root}/absent.db", 4, "no candle store"),
            ("Hodl -m backtest --x-usd 10 --xwrap ws://127.0.0.1:9", 4, "can't be reached"),
            ("Hodl -m backtest --x-usd 10", 4, "Nor is there a store"),
            ("Hodl -m paper --x-usd 10", 4, "can't be reached"),
            ("Hodl -m paper --x-usd 10 -s 01-01-2020", 2, "a paper run begins now"),
            ("Hodl -m paper --x-usd 10 --for ages", 2, "'ages' is not"),
            (
                "{root}/mine.py:Mine -m backtest --x-usd 10 --store {store}",
                1,
                "KeyError on the quote of x BTC_USD",
            ),
        )
        for line, expected, words in table:
            with self.subTest(line=line):
                status, out, err = self.call(line)
                self.assertEqual((status, out), (expected, ""), err)
                self.assertIn(words, err)
                self.assertEqual(len(err.splitlines()), 1)

    def test_a_failed_run_says_so_in_its_directory(self) -> None:
        (self.root / "fails.py").write_text(
            "from cryptick.strategy import Strategy\n"
            "class Fails(Strategy):\n    def on_start(self):\n        raise KeyError('oh')\n"
        )
        self.call("{root}/fails.py -m backtest --x-usd 10 --store {store}")
        path = self.root / "runs" / "fails_0"
        run = json.loads((path / "run.json").read_text())
        self.assertEqual(run["state"], "failed")
        self.assertIn("KeyError", run["error"])
        self.assertIn("fails.py", (path / "run.log").read_text())

    def test_nothing_to_run_shows_the_usage(self) -> None:
        out = StringIO()
        with redirect_stdout(out):
            self.assertEqual(main([]), 2)
        self.assertIn("usage:", out.getvalue())


class Process(CommandLine):
    def test_the_module_runs_and_its_status_is_that_of_the_process(self) -> None:
        command = [sys.executable, "-m", "cryptick.run", "Hodl", "-m", "backtest", "--x-usd", "10"]
        for store, status in ((self.store, 0), (f"{self.root}/absent.db", 4)):
            with self.subTest(store=store):
                done = subprocess.run(
                    [*command, "--store", store, "--runs-dir", f"{self.root}/runs"],
                    cwd=ROOT,
                    capture_output=True,
                    text=True,
                )
                self.assertEqual(done.returncode, status, done.stderr)


if __name__ == "__main__":
    unittest.main()
