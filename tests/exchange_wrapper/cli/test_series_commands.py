import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from exchange_wrapper.candles import Candles, Instrument
from exchange_wrapper.cli import main
from exchange_wrapper.errors import Unavailable
from exchange_wrapper.exchange.base import Candle, Capabilities
from exchange_wrapper.pair import Pair
from exchange_wrapper.storage.embedded import EmbeddedStore
from tests.exchange_wrapper.fake_exchange import BTC_USD, FakeExchange
from tests.exchange_wrapper.storage.store_contract import KEY, flat

ROOT = Path(__file__).parents[3]
DAY = 86_400


class CandleExchange(FakeExchange):
    """Has a candle for each 5 minutes, but none of LTC_BTC if it is told to fail."""

    capabilities = Capabilities(candle_freqs_s=frozenset({300}))
    requests = 0

    async def fetch_candles(
        self, pair: Pair, freq_s: int, start_s: int, end_s: int
    ) -> list[Candle]:
        CandleExchange.requests += 1
        if self._config.get("hang"):
            print("asked", flush=True)
            await self.is_open.wait()
            self.is_open.clear()
        if self._config.get("fail") and pair.name() == "LTC_BTC":
            raise Unavailable("the venue is shut")
        one = BTC_USD.tick_size
        return [(time, one, one, one, one, one) for time in range(start_s, end_s, freq_s)]


class CommandCase(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.path = self.folder / "series.db"
        CandleExchange.requests = 0

    def run_here(self, *arguments: str) -> tuple[int, str, str]:
        with (
            contextlib.redirect_stdout(io.StringIO()) as out,
            contextlib.redirect_stderr(io.StringIO()) as err,
        ):
            code = main([*arguments, "--store", str(self.path)])
        return code, out.getvalue(), err.getvalue()

    def report(self, *arguments: str) -> Any:
        code, out, err = self.run_here(*arguments, "--json")
        self.assertEqual((code, err), (0, ""))
        return json.loads(out)

    def refused(self, code: int, named: str, *arguments: str) -> None:
        found, out, err = self.run_here(*arguments)
        self.assertEqual((found, out, len(err.splitlines())), (code, "", 1), err)
        self.assertIn(named, err)

    def store(self) -> EmbeddedStore:
        store = EmbeddedStore(self.path)
        self.addCleanup(store.close)
        return store


class Exporting(CommandCase):
    def export(self, file: str, *more: str, freq: str = "5m") -> list[str]:
        names = ("--exchange", KEY[0], "--pair", KEY[1], "--freq", freq)
        return ["export_ohlcv", str(self.folder / file), *names, *more]

    def test_what_is_exported_is_imported_the_same(self) -> None:
        candles = flat(0, 300, 1200)
        self.store().write(*KEY, candles)
        for end in ("csv", "csv.gz", "parquet"):
            with self.subTest(end):
                report = self.report(*self.export(f"a.{end}"))
                self.assertEqual(
                    (report["rows"], report["start"], report["end"]),
                    (3, "1970-01-01T00:00:00Z", "1970-01-01T00:25:00Z"),
                )
                again = self.export(f"a.{end}")
                imported = self.report("import_ohlcv", *again[1:])
                self.assertEqual((imported["same"], imported["new"]), (3, 0))

    def test_a_part_and_another_length_may_be_asked_for(self) -> None:
        self.store().write(*KEY, flat(*range(0, 2 * DAY, 300)))
        report = self.report(*self.export("a.csv", "--start", "1970-01-02", freq="1h"))
        self.assertEqual((report["rows"], report["start"]), (24, "1970-01-02T00:00:00Z"))
        code, out, _ = self.run_here(*self.export("b.csv", "--end", "1970-01-01 01:00"))
        self.assertEqual(code, 0)
        self.assertIn("12 rows, 1970-01-01 00:00 – 01:00 UTC", out)

    def test_a_longer_candle_is_made_of_all_its_parts(self) -> None:
        self.store().write(*KEY, flat(*range(3300, 3 * 3600 + 600, 300)))
        report = self.report(*self.export("a.csv", freq="1h"))
        self.assertEqual(
            (report["start"], report["end"]), ("1970-01-01T01:00:00Z", "1970-01-01T03:00:00Z")
        )
        half = self.export("b.csv", "--end", "1970-01-01 02:30", freq="1h")
        self.assertEqual(self.report(*half)["end"], "1970-01-01T02:00:00Z")
        self.refused(3, "there are", *self.export("c.csv", freq="6h"))

    def test_what_can_not_be_exported_is_one_sentence(self) -> None:
        self.refused(4, "no candle store", *self.export("a.csv"))
        self.store().write(*KEY, flat(0, 300))
        (self.folder / "there.csv").write_text("")
        self.refused(2, "--replace", *self.export("there.csv"))
        self.refused(2, ".parquet", *self.export("a.txt"))
        self.refused(2, "soon", *self.export("a.csv", "--start", "soon"))
        self.refused(2, "--start", *self.export("a.csv", "--start", "2020-01-01", "--end", "2020"
                                                "-01-01"))  # fmt: skip
        self.refused(3, "there are", *self.export("a.csv", "--start", "2020-01-01"))
        self.refused(3, "1m", *self.export("a.csv", freq="1m"))
        self.refused(2, "BTC_USDC", *self.export("a.csv", "--pair", "BTC_USDC"))


class Listing(CommandCase):
    def test_names_period_rows_gaps_and_increments(self) -> None:
        store = self.store()
        store.write(*KEY, flat(0, 300, 1200, 1800), covers=(0, 1200))
        store.write("aax", "ETH_USD", flat(0, 600))
        store.put_instrument(Instrument(*KEY, BTC_USD.tick_size, BTC_USD.lot_size))
        other, listed = self.report("list_ohlcv")
        self.assertEqual((other["instrument"], other["missing"]), (None, {"not in the files": 1}))
        self.assertEqual((listed["freq"], listed["rows"]), ("5m", 4))
        self.assertEqual(listed["missing"], {"venue silent": 2, "not fetched": 1})
        self.assertEqual(listed["instrument"]["tick_size"], "0.01")
        self.assertEqual(listed["gaps"][0]["start"], "1970-01-01T00:10:00Z")
        code, out, _ = self.run_here("list_ohlcv")
        self.assertEqual(code, 0)
        for words in ("ETH_USD", "1970-01-01 00:00 – 00:35", "2 venue silent, 1 not fetched"):
            self.assertIn(words, out)

    def test_may_be_of_one_pair(self) -> None:
        self.store().write(*KEY, flat(0))
        self.assertEqual(len(self.report("list_ohlcv", "--pair", KEY[1])), 1)
        self.assertEqual(self.report("list_ohlcv", "--exchange", "aax"), [])
        self.assertIn("no such candles", self.run_here("list_ohlcv", "--pair", "X_Y")[1])

    def test_without_a_store_is_refused(self) -> None:
        self.refused(4, "no candle store", "list_ohlcv")

    def test_the_store_is_that_of_the_environment_by_default(self) -> None:
        for environ, named in (
            ({"TIMESERIES_DB": "/missing/series.db"}, "/missing/series.db"),
            ({"INFLUXDB_DSN": "influxdb://u:secret@127.0.0.1:1/x"}, "influxdb://127.0.0.1:1/x"),
        ):
            with (
                self.subTest(environ),
                mock.patch.dict(os.environ, environ),
                contextlib.redirect_stderr(io.StringIO()) as err,
            ):
                self.assertEqual(main(["list_ohlcv"]), 4)
                self.assertIn(named, err.getvalue())


class Backfilling(CommandCase):
    def command(self, *more: str, **exchange: Any) -> list[str]:
        file = self.folder / "config.json"
        described = {"mode": "paper", "class": f"{__name__}.CandleExchange", **exchange}
        settings = {
            "currencies": ["BTC", "LTC", "USD"],
            "exchanges": {"fake": described},
            "env": {"SQLITE_DB": str(self.folder / "xwrap.db")},
        }
        file.write_text(json.dumps(settings))
        return ["backfill", "--config", str(file), *more]

    def read(self, pair: str = "BTC_USD") -> Candles:
        return self.store().read("fake", pair, 300)

    def test_fetches_each_pair_once(self) -> None:
        report = self.report(*self.command("--days", "2"))
        (exchange,) = report["exchanges"]
        self.assertEqual(set(exchange["pairs"]), {"BTC_USD", "LTC_BTC"})
        self.assertEqual(exchange["pairs"]["BTC_USD"]["rows"], 2 * DAY // 300)
        self.assertEqual(self.read().gaps(), [])
        self.assertEqual(len(self.store().instruments()), 2)
        before = CandleExchange.requests
        self.report(*self.command("--days", "2"))
        self.assertLessEqual(CandleExchange.requests - before, 2)  # five minutes may have ended

    def test_may_be_of_one_pair_and_longer(self) -> None:
        code, out, _ = self.run_here(*self.command("--days", "1", "--pair", "btc_usd"))
        self.assertEqual(code, 0)
        self.assertIn("fake BTC_USD 5m: 288 candles stored, 100.0%", out)
        self.report(*self.command("--days", "3", "--pair", "BTC_USD"))
        (series,) = self.store().series()
        self.assertIn(series.rows, (864, 865))

    def test_what_could_not_be_fetched_is_reported(self) -> None:
        code, out, _ = self.run_here(*self.command("--days", "1", fail=True))
        self.assertEqual(code, 4)
        self.assertIn("LTC_BTC 5m: 0 candles stored, 0.0% of the period asked for: the venue", out)
        self.assertEqual(len(self.read()), 288)

    def test_what_can_not_be_done_is_one_sentence(self) -> None:
        self.refused(2, "there are fake", *self.command("--exchange", "gdax"))
        self.refused(2, "X_Y", *self.command("--pair", "X_Y"))
        self.refused(2, "1h", *self.command("--freq", "1h"))
        self.refused(2, "--days", *self.command("--days", "0"))
        self.refused(2, "missing.json", "backfill", "--config", "missing.json")

    def test_goes_on_after_an_interruption(self) -> None:
        command = self.command("--days", "2", "--store", str(self.path), hang=True)
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "exchange_wrapper.service", *command],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        for _ in range(2):  # the first page of BTC_USD is stored, the second one never comes
            self.assertEqual(process.stdout.readline(), "asked\n")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        self.assertEqual((process.returncode, len(err.splitlines())), (130, 1), err)
        self.assertEqual(len(self.read()), 300)
        self.report(*self.command("--days", "2"))
        self.assertEqual((self.read().gaps(), self.read("LTC_BTC").gaps()), ([], []))


if __name__ == "__main__":
    unittest.main()
