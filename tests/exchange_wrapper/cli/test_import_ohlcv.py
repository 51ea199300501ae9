import contextlib
import io
import json
import os
import tempfile
import unittest
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

from exchange_wrapper.candles import Instrument
from exchange_wrapper.cli import main
from exchange_wrapper.storage.embedded import EmbeddedStore

DATA = Path(__file__).resolve().parents[3] / "../shared/data"
KEY = ("binance", "BTC_USDT")
HEADER = "timestamp,open,high,low,close,volume\n"
ROW = "{},2.25,3,1,2.5,1.125\n"


def text(*times: int) -> str:
    return HEADER + "".join(ROW.format(time) for time in times)


class ImportCase(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.store = self.folder / "series.db"

    def file(self, name: str, content: str) -> str:
        path = self.folder / name
        path.write_text(content)
        return str(path)

    def run_command(
        self, *arguments: str, store: bool = True, freq: str = "5m"
    ) -> tuple[int, str, str]:
        command = ["import_ohlcv", "--exchange", "binance", "--pair", "BTC_USDT", "--freq", freq]
        if store:
            command += ["--store", str(self.store)]
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([*command, *arguments])
        return code, out.getvalue(), err.getvalue()

    def report(self, *arguments: str) -> dict[str, Any]:
        code, out, err = self.run_command("--json", *arguments)
        self.assertEqual((code, err), (0, ""))
        report: dict[str, Any] = json.loads(out)
        return report

    def stored(self, read: Callable[[EmbeddedStore], Any]) -> Any:
        with EmbeddedStore(self.store, read_only=True) as store:
            return read(store)


class Importing(ImportCase):
    def test_the_report_counts_what_was_found(self) -> None:
        file = self.file("a.csv", text(0, 300, 1200, 1500, 1500))
        report = self.report(file)
        counts = {name: report[name] for name in ("rows", "new", "same", "changed", "duplicates")}
        self.assertEqual(counts, {"rows": 5, "new": 4, "same": 0, "changed": 0, "duplicates": 1})
        self.assertEqual(
            report["gaps"],
            [
                {
                    "start": "1970-01-01T00:10:00Z",
                    "end": "1970-01-01T00:20:00Z",
                    "missing": 2,
                    "cause": "not in the files",
                }
            ],
        )
        self.assertEqual(
            report["instrument"],
            {"tick_size": "0.01", "lot_size": "0.001", "min_notional": "0", "source": "inferred"},
        )
        self.assertIn("--binance-usdt 10000 -s 01-01-1970 -e 01-01-1970", report["next"])

    def test_importing_again_changes_nothing(self) -> None:
        file = self.file("a.csv", text(0, 300))
        self.report(file)
        before = self.stored(lambda store: store.read(*KEY, 300))
        report = self.report(file)
        self.assertEqual((report["new"], report["same"], report["changed"]), (0, 2, 0))
        self.assertEqual(self.stored(lambda store: store.read(*KEY, 300)), before)

    def test_several_files_are_one_series(self) -> None:
        report = self.report(self.file("b.csv", text(600)), self.file("a.csv", text(0, 300)))
        self.assertEqual((len(report["files"]), report["rows"], report["gaps"]), (2, 3, []))
        self.assertEqual(
            (report["start"], report["end"]), ("1970-01-01T00:00:00Z", "1970-01-01T00:15:00Z")
        )

    def test_the_words_say_the_same(self) -> None:
        times = [time for time in range(0, 9000, 300) if time % 1200]
        code, out, err = self.run_command(self.file("a.csv", text(*times)))
        self.assertEqual((code, err), (0, ""))
        for words in ("binance BTC_USDT 5m", "22", "1970-01-01 00:20 – 00:25: 1 missing",
                      "… and 2 more", "inferred", "Next: python -m cryptick.run"):  # fmt: skip
            self.assertIn(words, out)

    def test_bad_rows_are_skipped_only_when_asked(self) -> None:
        file = self.file("a.csv", text(0, 300) + "600,1,1,2,1,1\n")
        code, out, err = self.run_command(file)
        self.assertEqual((code, out), (1, ""))
        self.assertIn("a.csv, line 4", err)
        self.assertEqual(len(err.splitlines()), 1)
        self.assertEqual(self.stored(lambda store: store.series()), [])
        report = self.report(file, "--skip-bad")
        self.assertEqual((report["new"], len(report["files"][0]["skipped"])), (2, 1))

    def test_files_before_a_bad_one_are_imported_and_reported(self) -> None:
        good, bad = self.file("a.csv", text(0, 300)), self.file("b.csv", "what,is,this\n1,2,3\n")
        code, out, err = self.run_command(good, bad)
        self.assertEqual(code, 2)
        self.assertIn("a.csv", out)
        self.assertNotIn("Next", out)
        self.assertIn("b.csv has the columns what, is, this", err)
        self.assertEqual(self.stored(lambda store: store.series())[0].rows, 2)

    def test_the_store_is_that_of_the_environment_by_default(self) -> None:
        with mock.patch.dict(os.environ, {"TIMESERIES_DB": str(self.store)}):
            code, _, _ = self.run_command(self.file("a.csv", text(0)), store=False)
        self.assertEqual(code, 0)
        self.assertEqual(self.stored(lambda store: store.series())[0].rows, 1)


class Increments(ImportCase):
    def instrument(self) -> Instrument:
        (instrument,) = self.stored(lambda store: store.instruments())
        self.assertIsInstance(instrument, Instrument)
        return instrument  # type: ignore[no-any-return]

    def test_given_increments_are_kept_by_a_later_import(self) -> None:
        file = self.file("a.csv", text(0))
        self.report(file, "--lot-size", "0.00001", "--min-notional", "10")
        expected = Instrument(*KEY, Decimal("0.01"), Decimal("0.00001"), Decimal(10), "given")
        self.assertEqual(self.instrument(), expected)
        self.report(file)
        self.assertEqual(self.instrument(), expected)

    def test_inferred_increments_follow_all_data(self) -> None:
        self.report(self.file("a.csv", text(0)))
        self.report(self.file("b.csv", HEADER + "300,2,3,1,2,1.0000001\n"))
        self.assertEqual(
            (self.instrument().tick_size, self.instrument().lot_size),
            (Decimal("0.01"), Decimal("1E-7")),
        )

    def test_the_venue_knows_better_than_the_data(self) -> None:
        venue = Instrument(*KEY, Decimal("0.05"), Decimal("0.1"), Decimal(1), "venue")
        with EmbeddedStore(self.store) as store:
            store.put_instrument(venue)
        self.report(self.file("a.csv", text(0)))
        self.assertEqual(self.instrument(), venue)

    def test_a_tick_size_that_prices_contradict_is_refused(self) -> None:
        code, _, err = self.run_command(self.file("a.csv", text(0)), "--tick-size", "0.1")
        self.assertEqual(code, 2)
        self.assertIn("--tick-size", err)
        self.assertEqual(self.stored(lambda store: store.series()), [])


class Arguments(ImportCase):
    def test_arguments_that_can_not_be_used_are_named(self) -> None:
        file = self.file("a.csv", text(0))
        table = {
            ("--pair", "BTCUSDT"): "BTCUSDT",
            ("--exchange", "my venue"): "my venue",
            ("--freq", "5x"): "5x",
            ("--lot-size", "0"): "--lot-size",
            ("--tick-size", "many"): "tick_size",
            ("--store", str(self.folder)): str(self.folder),
        }
        for arguments, named in table.items():
            with self.subTest(arguments):
                code, out, err = self.run_command(file, *arguments)
                self.assertNotEqual(code, 0)
                self.assertEqual((out, len(err.splitlines())), ("", 1))
                self.assertIn(named, err)

    def test_a_missing_file_makes_no_series(self) -> None:
        code, _, err = self.run_command(str(self.folder / "missing.csv"))
        self.assertEqual(code, 2)
        self.assertIn("missing.csv", err)


class RecordedFiles(ImportCase):
    def test_a_year_of_binance(self) -> None:
        path = DATA / "E0V1E-DCA/binance_BTCUSDT_5m_2022-08_2023-09.csv.gz"
        if not path.exists():
            self.skipTest(f"no recorded data at {path}")
        report = self.report(str(path))
        self.assertEqual((report["rows"], report["new"]), (121_739, 121_739))
        self.assertEqual(
            report["gaps"],
            [
                {
                    "start": "2023-03-24T12:40:00Z",
                    "end": "2023-03-24T14:00:00Z",
                    "missing": 16,
                    "cause": "not in the files",
                }
            ],
        )
        self.assertEqual(report["instrument"]["tick_size"], "0.01")
        self.assertEqual(report["instrument"]["lot_size"], "0.00001")
        self.assertIn("-s 01-08-2022 -e 27-09-2023", report["next"])


if __name__ == "__main__":
    unittest.main()
