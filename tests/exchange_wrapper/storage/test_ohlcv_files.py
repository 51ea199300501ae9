import datetime
import gzip
import tempfile
import unittest
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import feather

from exchange_wrapper.candles import Candles
from exchange_wrapper.errors import ApiUsageError, DataError
from exchange_wrapper.storage.ohlcv_files import Format, OhlcvFile, read_ohlcv

DATA = Path(__file__).resolve().parents[3] / "../shared/data"
START = 1_659_312_000  # 2022-08-01
FIGURES = ("23296.36", "23317.72", "23262.27", "23277.42", "651.57251")
MORE_FIGURES = ("23277.42", "23285.84", "23257.37", "23277.3", "474")
EXPECTED = Candles.from_rows(300, [[START, *FIGURES], [START + 300, *MORE_FIGURES]], 9)
HEADER = "timestamp,open,high,low,close,volume\n"


class FileCase(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def read(
        self, content: str | bytes, pair: str = "BTC_USDT", freq_s: int = 300, **options: Any
    ) -> OhlcvFile:
        path = self.folder / "candles"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_ohlcv(path, pair, freq_s, 9, **options)


class Layouts(FileCase):
    def test_each_layout_gives_the_same_candles(self) -> None:
        first, second = ",".join(FIGURES), ",".join(MORE_FIGURES)
        rest = "1,2,3,4,5,0"
        low_first, low_second = (
            ",".join((f[2], f[1], f[0], f[3])) for f in (FIGURES, MORE_FIGURES)
        )
        table = {
            "milliseconds": f"{HEADER}{START}000,{first}\n{START + 300}000,{second}\n",
            "seconds": f"{HEADER}{START},{first}\n{START + 300},{second}\n",
            "microseconds": f"{HEADER}{START}000000,{first}\n{START + 300}000000,{second}\n",
            "ISO times": f"{HEADER}2022-08-01 00:00:00.000,{first}\n2022-08-01T00:05:00Z,{second}",
            "newest first": f"{HEADER}{START + 300},{second}\n{START},{first}\n",
            "CRLF, a mark and blank lines": "\ufeff"
            f"{HEADER.title().strip()}\r\n{START},{first}\r\n\r\n{START + 300},{second}",
            "more columns": "timestamp,open,high,low,close,volume,quote_volume,trades,close_time\n"
            f"{START}000,{first},1,2,3\n{START + 300}000,{second},1,2,3\n",
            "Binance dump": f"{START}000,{first},{rest}\n{START + 300}000,{second},{rest}\n",
            "Binance dump with header": "open_time,open,high,low,close,volume,close_time,"
            "quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n"
            f"{START}000,{first},{rest}\n{START + 300}000,{second},{rest}\n",
            "no header, volume last": f"{START},{first}\n{START + 300},{second}\n",
            "no header, volume first": "".join(
                f"{START + i * 300},{f[4]},{','.join(f[:4])}\n"
                for i, f in enumerate((FIGURES, MORE_FIGURES))
            ),
            "CryptoDataDownload": "https://www.CryptoDataDownload.com\n"
            "Unix,Date,Symbol,Open,High,Low,Close,Volume USDT,Volume BTC\n"
            f"{START + 300},2022-08-01 00:05:00,BTC/USDT,{','.join(MORE_FIGURES[:4])},7,474\n"
            f"{START},2022-08-01 00:00:00,BTC/USDT,{','.join(FIGURES[:4])},7,651.57251\n",
            "Poloniex": "date,low,high,open,close,quoteVolume,volume,weightedAverage\n"
            f"2022-08-01,{low_first},651.57251,1,1\n2022-08-01 00:05,{low_second},474,1,1\n",
        }  # fmt: skip
        for name, text in table.items():
            with self.subTest(name):
                self.assertEqual(self.read(text).candles, EXPECTED)
            with self.subTest(name, packed=True):
                self.assertEqual(self.read(gzip.compress(text.encode())).candles, EXPECTED)

    def test_json_rows_give_the_same_candles(self) -> None:
        rows = f"[{START}000,{','.join(FIGURES)}],\n[{START + 300}000,{','.join(MORE_FIGURES)}]"
        for content in (f"[{rows}]", f" [ {rows} ]", gzip.compress(f"[{rows}]".encode())):
            with self.subTest(content):
                self.assertEqual(self.read(content).candles, EXPECTED)
        self.assertEqual(self.read("[[0,1e-7,2.0,1E-7,1,3e2]]").candles.texts("low"), ["0.0000001"])

    def test_json_that_is_no_such_rows_is_refused(self) -> None:
        table = {
            "[[0,1,1,1,1]]": "row 1: 5 values",
            "[[0,1,1,1,1,1],[300,1,1,1,1,1,1]]": "row 2: 7 values",
            "[[0,1,1,1,1,null]]": "row 1: '' is not a number",
            '[{"time":0}]': "can't be read",
            "[[0,1,1": "can't be read",
        }
        for text, reason in table.items():
            with self.subTest(text), self.assertRaisesRegex(DataError, reason):
                self.read(text)
        with self.assertRaisesRegex(ApiUsageError, "no rows"):
            self.read("[]")

    def test_feather_as_freqtrade_writes_it(self) -> None:
        moments = [datetime.datetime.fromtimestamp(START + i * 300, datetime.UTC) for i in (0, 1)]
        columns = [[float(text) for text in column] for column in zip(FIGURES, MORE_FIGURES)]  # noqa: B905
        table = pa.table(
            [pa.array(moments, pa.timestamp("ms", "UTC")), *map(pa.array, columns)],
            names=["date", *HEADER.strip().split(",")[1:]],
        )
        path = self.folder / "BTC_USDT-5m.feather"
        for compression in ("lz4", "zstd", "uncompressed"):
            with self.subTest(compression):
                feather.write_feather(table, path, compression=compression)
                self.assertEqual(read_ohlcv(path, "BTC_USDT", 300, 9).candles, EXPECTED)

    def test_times_of_twelve_hours(self) -> None:
        hours = ("12-AM", "01-AM", "11-AM", "12-PM", "01-PM", "11-PM")
        rows = "".join(f"2019-04-22 {hour},BTCUSD,2,3,1,2,1,2\n" for hour in reversed(hours))
        header = "Date,Symbol,Open,High,Low,Close,Volume BTC,Volume USD\n"
        candles = self.read(header + rows, "BTC_USD", 3600).candles
        self.assertEqual([time % 86_400 // 3600 for time in candles.time], [0, 1, 11, 12, 13, 23])
        for time in ("2019-04-31 11-PM", "2019-04-22 13-PM", "2019-04-22 11-XM"):
            with self.subTest(time), self.assertRaisesRegex(DataError, "not a time"):
                self.read(f"{header}{time},BTCUSD,2,3,1,2,1,2\n", "BTC_USD", 3600)

    def test_volumes_in_each_others_column_are_put_right_row_by_row(self) -> None:
        rows = [  # prices of 90 to 110: base and quote as they stand, what the base is
            ("2", "200", "2", False),
            ("200.5", "2", "2", True),
            ("0", "0", "0", False),
            ("0", "7", "0", False),
            ("7", "7", "7", False),  # no price either way: as the header says
            ("0.01", "1", "0.01", False),
        ]
        text = "Unix,Date,Symbol,Open,High,Low,Close,Volume BTC,Volume USD\n" + "".join(
            f"{number * 300},x,BTC/USD,100,110,90,100,{base},{quote}\n"
            for number, (base, quote, *_) in enumerate(rows)
        )
        file = self.read(text, "BTC_USD")
        self.assertEqual(file.candles.texts("volume"), [row[2] for row in rows])
        self.assertEqual(file.swapped, sum(row[3] for row in rows))
        near_one = text.replace("100,110,90,100", "1,1.1,0.9,1")
        self.assertEqual(self.read(near_one, "BTC_USD").swapped, 0)  # either order is a price

    def test_a_format_that_is_named_must_be_that_of_the_file(self) -> None:
        downloaded = "Unix,Date,Symbol,Open,High,Low,Close,Volume BTC,Volume USDT\n"
        table = [
            (f"{HEADER}0,1,1,1,1,1\n", {Format.BINANCE}),
            ("time_s,open,high,low,close,volume\n0,1,1,1,1,1\n", {Format.CRYPTICK}),
            ("0,1,1,1,1,1\n", {Format.BINANCE}),  # without a name it can't be told
            ("[[0,1,1,1,1,1]]", {Format.CCXT, Format.FREQTRADE}),
            (f"{downloaded}0,x,x,1,1,1,1,1,1\n", {Format.CRYPTODATADOWNLOAD}),
        ]
        for text, fitting in table:
            for format in Format:
                with self.subTest(text, format=format):
                    if format in fitting:
                        self.assertEqual(len(self.read(text, format=format).candles), 1)
                    else:
                        with self.assertRaises(ApiUsageError):
                            self.read(text, format=format)

    def test_parquet_of_every_type_gives_the_same_candles(self) -> None:
        columns = list(zip(FIGURES, MORE_FIGURES, strict=True))
        seconds = [START, START + 300]
        moments = [datetime.datetime.fromtimestamp(time, datetime.UTC) for time in seconds]
        names = ("open", "high", "low", "close", "volume")
        times = {
            "int": pa.array([time * 1000 for time in seconds]),
            "ms": pa.array(moments, pa.timestamp("ms", "UTC")),
            "ns": pa.array([one.replace(tzinfo=None) for one in moments], pa.timestamp("ns")),
        }
        figures = {
            "text": [pa.array(column) for column in columns],
            "double": [pa.array([float(text) for text in column]) for column in columns],
            "decimal": [
                pa.array([Decimal(text) for text in column], pa.decimal128(30, 10))
                for column in columns
            ],
        }
        path = self.folder / "candles.parquet"
        for time_type, time in times.items():
            for figure_type, arrays in figures.items():
                with self.subTest(time=time_type, figures=figure_type):
                    table = pa.table([time, *arrays], names=["timestamp", *names])
                    pq.write_table(table, path)
                    self.assertEqual(read_ohlcv(path, "BTC_USDT", 300, 9).candles, EXPECTED)

    def test_parquet_dates_are_days(self) -> None:
        days = pa.array([datetime.date(2022, 8, 1), datetime.date(2022, 8, 2)])
        one = pa.array(["1", None])
        path = self.folder / "candles.parquet"
        table = pa.table([days, one, one, one, one, one], names=["Date", *"ohlc", "volume"])
        pq.write_table(table.rename_columns(["Date", *HEADER.strip().split(",")[1:]]), path)
        file = read_ohlcv(path, "BTC_USDT", 86_400, 9, skip_bad=True)
        self.assertEqual(file.candles.time.tolist(), [START])
        self.assertEqual(len(file.skipped), 1)

    def test_what_is_not_understood_is_named(self) -> None:
        table = {
            "": "empty",
            HEADER: "no rows",
            "when,open,high,low,close,volume\n1,1,1,1,1,1": "timestamp",
            "timestamp,open,high,low,volume\n1,1,1,1,1": "close",
            "timestamp,open,high,low,close,Volume ETH\n1,1,1,1,1,1": "volume",
            "timestamp,open,open,high,low,close,volume\n1,1,1,1,1,1,1": "open",
            "Date,Adj Close,Close,High,Low,Open,Volume\n2022-08-01,1,1,1,1,1,1": "volume in base",
            '{"a": [\n1,2]}': "understood",
            "1,2,3,4\n": "4 columns",
            "0,1,1,1,1,1\n": "can't be told apart",
            "0,5,1,9,7,1\n": "can't be told apart",
        }
        for text, named in table.items():
            with self.subTest(text), self.assertRaisesRegex(ApiUsageError, named):
                self.read(text)

    def test_files_that_can_not_be_read_are_an_error(self) -> None:
        packed = gzip.compress(f"{HEADER}0,1,1,1,1,1\n".encode())
        for content in (packed[:-6], b"PAR1nothing", b"\xff\xfe\x00", HEADER.encode() + b"\xff"):
            with self.subTest(content), self.assertRaises(DataError):
                self.read(content)
        for path in (self.folder / "missing", self.folder):
            with self.subTest(path), self.assertRaises(ApiUsageError):
                read_ohlcv(path, "BTC_USDT", 300, 9)


class Rows(FileCase):
    BAD = (
        ("300,2,1,1,2,1", "contradict"),
        ("300,2,3,1,2,-1", "contradict"),
        ("300,0,0,0,0,1", "contradict"),
        ("300,x,3,1,2,1", "'x' is not a number"),
        ("300,2,3,1,,1", "'' is not a number"),
        ("300,2,3,1,2,99999999999999999999", "not a number that fits"),
        ("301,2,3,1,2,1", "does not start a candle of 5m"),
        ("soon,2,3,1,2,1", "'soon' is not a time"),
        ("300.5,2,3,1,2,1", "not a time"),
        ("-300,2,3,1,2,1", "not a time"),
        ("1659312000001,2,3,1,2,1", "not a time"),
        ("0,2,3,1,2.5,1", "twice"),
    )

    def test_a_bad_row_refuses_the_file_with_its_line(self) -> None:
        for row, reason in self.BAD:
            with self.subTest(row):
                with self.assertRaisesRegex(DataError, reason) as caught:
                    self.read(f"{HEADER}0,2,3,1,2,1\n{row}\n600,2,3,1,2,1\n")
                self.assertIn("line 3", str(caught.exception))

    def test_bad_rows_are_left_out_when_asked(self) -> None:
        for row, reason in self.BAD:
            with self.subTest(row):
                file = self.read(f"{HEADER}0,2,3,1,2,1\n{row}\n600,2,3,1,2,1\n", skip_bad=True)
                self.assertEqual(file.candles.time.tolist(), [0, 600])
                self.assertEqual((file.rows, len(file.skipped)), (3, 1))
                self.assertRegex(file.skipped[0], f"line 3: .*{reason}")

    def test_figures_too_far_apart_for_64_bits_are_refused(self) -> None:
        text = f"{HEADER}0,2,3,1,2,0.0000000001\n300,2,3,1,2,9000000000\n"
        with self.assertRaisesRegex(DataError, "line 3: .*64 bits"):
            self.read(text)
        self.assertEqual(len(self.read(text, skip_bad=True).candles), 1)

    def test_a_file_of_only_bad_rows_is_an_error(self) -> None:
        with self.assertRaisesRegex(DataError, "no row"):
            self.read(f"{HEADER}0,0,0,0,0,0\n", skip_bad=True)

    def test_a_row_of_other_width_is_refused(self) -> None:
        with self.assertRaisesRegex(DataError, "line 3: 5 columns"):
            self.read(f"{HEADER}0,2,3,1,2,1\n300,2,3,1,2\n")

    def test_rows_that_say_the_same_are_counted_once(self) -> None:
        file = self.read(f"{HEADER}300,2,3,1,2,1\n0,2,3,1,2,1\n300,2.0,3,1,2,1\n300,2,3,1,2,1\n")
        self.assertEqual((len(file.candles), file.rows, file.duplicates), (2, 4, 2))

    def test_float_noise_is_taken_off_and_counted(self) -> None:
        file = self.read(f"{HEADER}0,0.0027300000000000002,1,0.001,0.5,28133.59594109\n")
        self.assertEqual(file.candles.texts("open"), ["0.00273"])
        self.assertEqual(file.rounded, 1)

    def test_another_candle_length_is_refused(self) -> None:
        hours = "".join(f"{3600 * i},2,3,1,2,1\n" for i in range(20))
        with self.assertRaisesRegex(ApiUsageError, "candles of 1h, not of 5m"):
            self.read(HEADER + hours)


class RecordedFiles(unittest.TestCase):
    def path(self, name: str) -> Path:
        path = DATA / name
        if not path.exists():
            self.skipTest(f"no recorded data at {path}")
        return path

    def test_five_minutes_of_binance(self) -> None:
        path = self.path("E0V1E-DCA/binance_BTCUSDT_5m_2022-08_2023-09.csv.gz")
        file = read_ohlcv(path, "BTC_USDT", 300, 9)
        self.assertEqual((file.rows, len(file.candles), file.rounded), (121_739, 121_739, 0))
        halt = (1_679_661_600, 1_679_666_400)  # 2023-03-24 12:40 to 14:00
        self.assertEqual(file.candles.gaps(), [halt])
        self.assertEqual((file.candles.price_digits, file.candles.volume_digits), (2, 6))
        self.assertEqual(file.candles.slice(end_s=START + 300), EXPECTED.slice(end_s=START + 300)
                         .with_digits(2, 6))  # fmt: skip

    def test_other_sources(self) -> None:
        table = [
            ("freqtrade/ETC_BTC_5m_2018-01.csv.gz", "ETC_BTC", 300, 5759, (8, 8)),
            ("gravestone-data/1d/BTCUSDT.csv.gz", "BTC_USDT", 86_400, 800, (1, 3)),
            ("crypto-price/1h/BTC-USD.csv.gz", "BTC_USD", 3600, 32_659, (2, 8)),
            ("nautilus_trader/btc-perp_1m_2021-12-31_2022-02-01.csv.gz", "X_Y", 60, 45_031, None),
            ("jupyter-slides/poloniex_USDT_LTC_1d.csv.gz", "LTC_USDT", 86_400, 1117, (8, 8)),
        ]
        for name, pair, freq_s, rows, digits in table:
            with self.subTest(name):
                candles = read_ohlcv(self.path(name), pair, freq_s, 9).candles
                self.assertEqual(len(candles), rows)
                if digits:
                    self.assertEqual((candles.price_digits, candles.volume_digits), digits)

    def test_swapped_volumes_are_found_by_the_prices(self) -> None:
        for name, pair, swapped in (("BTC-USD", "BTC_USD", 20_143), ("LTC-USD", "LTC_USD", 20_127)):
            with self.subTest(name):
                path = self.path(f"crypto-price/1h/{name}.csv.gz")
                self.assertEqual(read_ohlcv(path, pair, 3600, 9).swapped, swapped)

    def test_hours_of_a_twelve_hour_clock(self) -> None:
        path = self.path("crypto_data/coinbase_BTCUSD_1h_2017_2019.csv.gz")
        file = read_ohlcv(path, "BTC_USD", 3600, 9)
        self.assertEqual((len(file.candles), file.swapped), (15_853, 0))
        self.assertEqual(file.candles.gaps(), [])

    def test_a_month_of_json(self) -> None:
        path = self.path("hyperopt2/binance_BTCUSDT_5m_2021-05.json.gz")
        candles = read_ohlcv(path, "BTC_USDT", 300, 9, format=Format.FREQTRADE).candles
        self.assertEqual((len(candles), candles.gaps()), (8768, []))

    def test_a_malformed_first_row_is_found(self) -> None:
        path = self.path("jupyter-slides/poloniex_USDT_BTC_1d.csv.gz")
        with self.assertRaisesRegex(DataError, "line 2: .* contradict"):
            read_ohlcv(path, "BTC_USDT", 86_400, 9)
        self.assertEqual(len(read_ohlcv(path, "BTC_USDT", 86_400, 9, skip_bad=True).skipped), 1)


if __name__ == "__main__":
    unittest.main()
