import json
import os
import tempfile
import unittest
from contextlib import redirect_stderr, redirect_stdout
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cryptick import run, sweep
from cryptick.sweeps.store import SweepDirectory
from exchange_wrapper.candles import Instrument
from exchange_wrapper.storage.embedded import EmbeddedStore
from tests.cryptick.candles import START_S, Row, bars

NOBODY = "ws://127.0.0.1:9"  # the discard port: nobody listens there
PRICES = [100 + 10 * ((n // 40) % 2) + (n * 7) % 5 + n // 100 for n in range(3_000)]
ROWS: list[Row] = [
    (str(p), str(p + 1), str(p - 1), str(p + (n % 3) / 4)) for n, p in enumerate(PRICES)
]
RAISES = '''
from dataclasses import dataclass
from cryptick.strategy import Strategy, param

class Picky(Strategy):
    """Fail at some values."""

    @dataclass(frozen=True)
    class Params(Strategy.Params):
        """Its own."""

        number: int = param(1, help="n", ge=0)

    def on_quote(self, quote):
        if self.params.number % 2:
            raise RuntimeError("odd numbers hurt")
'''


class CommandLine(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.store = str(self.root / "candles.db")
        with EmbeddedStore(self.store) as store:
            store.write("x", "BTC_USD", bars(ROWS))
            store.put_instrument(Instrument("x", "BTC_USD", Decimal("0.01"), Decimal("0.0001")))

    def call(self, line: str) -> tuple[int, str, str]:
        """Run a command line and return (status, stdout, stderr)."""
        out, err = StringIO(), StringIO()
        words = line.format(store=self.store, root=self.root).split()
        settings = {"XWRAP_URL": NOBODY, "TIMESERIES_DB": ""}
        with patch.dict(os.environ, settings), redirect_stdout(out), redirect_stderr(err):
            status = sweep.main([*words, "--sweeps-dir", str(self.root / "sweeps")])
        return status, out.getvalue(), err.getvalue()

    def results(self, line: str) -> dict[str, Any]:
        """Run with ``--json`` and return what is the same for the same search on the same data."""
        status, out, err = self.call(f"{line} --x-usd 1000 --store {{store}} --json")
        self.assertEqual(status, 0, err)
        found: dict[str, Any] = json.loads(out)
        self.path = Path(found["directory"])
        self.assertEqual(json.loads((self.path / "summary.json").read_text()), found)
        return {name: found[name] for name in ("points", "choices", "walk_forward", "trials")}


class Good(CommandLine):
    def test_the_table_the_page_and_the_csv_tell_of_a_grid(self) -> None:
        line = "SmaCross --x-usd 1000 --store {store} --grid fast=5:20:5 --grid slow=10,30"
        status, out, err = self.call(f"{line} --splits 3 --workers 1")
        self.assertEqual(status, 0)
        for words in ("walk-forward", "fast=", "deflated", "results.csv", "in hindsight"):
            self.assertIn(words, out)
        for words in ("5 points × 3 splits = 15 trials, 30 backtests", "refuses 3 combinations"):
            self.assertIn(words, err)
        path = self.root / "sweeps" / "smacross_0"
        self.assertEqual(len((path / "results.csv").read_text().splitlines()), 6)
        self.assertIn("<svg", (path / "sweep.html").read_text())

    def test_results_do_not_depend_on_the_number_of_workers(self) -> None:
        for search in (
            "--grid fast=5:20:5 --grid slow=30,40",
            "--range fast=2:30 --random 5 --seed 3",
            "--range fast=2:30 --range percent=10:100 --optuna 5 --seed 3",
        ):
            with self.subTest(search=search):
                line = f"SmaCross {search} --splits 2 --rolling --embargo 1h --warm-up 2h"
                one = self.results(f"{line} --workers 1")
                self.assertEqual(one, self.results(f"{line} --workers 2"))
                self.assertGreater(one["trials"], 0)

    def test_a_point_without_walk_forward_is_a_plain_backtest(self) -> None:
        found = self.results("SmaCross --grid fast=7 --slow 20 --no-walk-forward --workers 1")
        out = StringIO()
        words = f"SmaCross -m backtest --x-usd 1000 --store {self.store} --fast 7 --slow 20 --json"
        with redirect_stdout(out):
            run.main([*words.split(), "--runs-dir", str(self.root / "runs")])
        plain = json.loads(out.getvalue())
        chosen = found["choices"][0]["in_sample"]
        self.assertEqual(chosen["total_return"], plain["figures"]["total_return"])
        self.assertEqual(chosen["sharpe"], plain["figures"]["sharpe"])
        self.assertEqual(chosen["trades"], plain["trades"])
        self.assertIsNone(found["walk_forward"])

    def test_a_strategy_that_raises_fails_its_trials_and_no_others(self) -> None:
        (self.root / "picky.py").write_text(RAISES)
        line = f"{self.root}/picky.py:Picky --grid number=0:3:1 --splits 2 --workers 1"
        found = self.results(line)
        errors = {one["point"]["number"]: one["error"] for one in found["points"]}
        self.assertEqual([errors["0"], errors["2"]], [None, None])
        self.assertIn("odd numbers hurt", errors["1"])
        line = f"{self.root}/picky.py:Picky --x-usd 1000 --store {{store}} --grid number=1,3"
        status, _, _ = self.call(f"{line} --splits 2 --workers 1")
        self.assertEqual(status, 1)


class Resuming(CommandLine):
    line = "SmaCross --grid fast=5:20:5 --slow 40 --splits 2 --workers 1"

    def test_what_was_finished_is_not_run_again(self) -> None:
        whole = self.results(self.line)
        lines = (self.path / "results.jsonl").read_bytes().splitlines(keepends=True)
        marked = json.loads(lines[0])
        marked["in_sample"]["trades"] = 123_456  # no run of SmaCross could have made these
        kept = [json.dumps(marked).encode() + b"\n", lines[1], lines[2][:20]]  # the last is cut off
        (self.path / "results.jsonl").write_bytes(b"".join(kept))
        status, out, err = self.call(f"--resume {self.path.name} --json")
        self.assertEqual(status, 0, err)
        self.assertIn("2 trials were run before", err)
        found = (self.path / "results.jsonl").read_text().splitlines()
        self.assertEqual(len(found), 8)
        self.assertIn("123456", found[0])
        self.assertEqual(json.loads(out)["walk_forward"], whole["walk_forward"])
        self.assertEqual(self.call(f"--resume {self.path.name}")[0], 0)

    def test_bars_that_came_since_do_not_matter_and_those_that_changed_do(self) -> None:
        whole = self.results(self.line)
        (self.path / "results.jsonl").write_bytes(b"")
        with EmbeddedStore(self.store) as store:
            store.write("x", "BTC_USD", bars(ROWS[:9], START_S + len(ROWS) * 300))
        status, out, _ = self.call(f"--resume {self.path.name} --json")
        self.assertEqual((status, json.loads(out)["points"]), (0, whole["points"]))
        manifest = json.loads((self.path / "sweep.json").read_text())
        for name, words in (("data_hash", "candles or fees have"), ("code_hash", "strategy has")):
            changed = {**manifest, name: "0"}
            (self.path / "sweep.json").write_text(json.dumps(changed))
            status, _, err = self.call(f"--resume {self.path.name}")
            self.assertEqual(status, 2)
            self.assertIn(words, err)

    def test_two_processes_never_write_one_sweep(self) -> None:
        self.results(self.line)
        directory, _ = SweepDirectory.find(self.root / "sweeps", self.path.name)
        with directory:
            status, _, err = self.call(f"--resume {self.path.name}")
        self.assertEqual(status, 2)
        self.assertIn("running already", err)

    def test_only_who_runs_it_can_be_changed(self) -> None:
        self.results(self.line)
        for words in ("--splits 3", "--fast 3", "SmaCross", "--seed 4"):
            with self.subTest(words=words):
                status, _, err = self.call(f"--resume {self.path.name} {words}")
                self.assertEqual(status, 2)
                self.assertIn("only --workers", err)


class Bad(CommandLine):
    def test_one_sentence_and_the_exit_status_say_what_is_wrong(self) -> None:
        ready = "SmaCross --x-usd 1000 --store {store}"
        table = (
            (f"{ready}", 2, "nothing to search"),
            ("--x-usd 9 --grid fast=1,2", 2, "name a strategy"),
            ("SmaCros --x-usd 9 --grid fast=1,2", 2, "did you mean SmaCross"),
            ("SmaCross --store {store} --grid fast=1,2", 2, "no balance"),
            (f"{ready} --grid fast=1,2 --quick 3", 2, "unknown option --quick"),
            (f"{ready} --grid fast=1,2 --random 2 --optuna 2", 2, "choose one"),
            (f"{ready} --grid fast=1,2 --random 0", 2, "--random must be from 1"),
            (f"{ready} --grid fast=1,2 --splits many", 2, "invalid int"),
            (f"{ready} --grid fast=1,2 --embargo soon", 2, "not a candle length"),
            (f"{ready} --grid fast=1,2 --embargo 30d", 2, "too few"),
            (f"{ready} --grid fast=1,2 --no-walk-forward --rolling", 2, "walk-forward"),
            (f"{ready} --grid fast=1,2 --workers 2 --scheduler tcp://x", 2, "--workers"),
            (f"{ready} --grid fast=1,2 --fill-model book", 2, "invalid choice"),
            (f"{ready} --grid fast=1,2 --freq 7s", 3, "no candles of 7s"),
            (f"{ready} --grid base=BTC,LTC", 3, "LTC_USD"),
            (f"{ready} --grid fast=1,2 -s 01-01-2031", 3, "there are 2022"),
            ("SmaCross --x-usd 9 --grid fast=1,2 --xwrap " + NOBODY, 4, ""),
            ("--resume other_7", 2, "there are none"),
        )
        for line, status, words in table:
            with self.subTest(line=line):
                found, out, err = self.call(line)
                self.assertEqual((found, out), (status, ""), err)
                self.assertIn(words, err)
                self.assertEqual(len(err.splitlines()), 1, err)
        self.assertFalse((self.root / "sweeps").exists())

    def test_help_explains_the_strategy_too(self) -> None:
        status, out, _ = self.call("SmaCross --help")
        self.assertEqual(status, 0)
        self.assertIn("--optuna", out)
        self.assertIn("--slow VALUE", out)
