import socket
import tempfile
import threading
import unittest
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from unittest.mock import patch

import numpy as np
from websockets.sync.server import ServerConnection, serve

from exchange_wrapper import recordings
from exchange_wrapper.candles import Candles, Instrument
from exchange_wrapper.errors import (
    ApiUsageError,
    DataError,
    NoData,
    StorageUnavailable,
    Unavailable,
    UnknownName,
)
from exchange_wrapper.history import HistorySource, RemoteHistory, StoreHistory
from exchange_wrapper.market import BookLost, BookSnapshot, BookUpdate, TradePrint
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.ohlcv import PAGE_MAX, list_series, read_page
from exchange_wrapper.recordings import list_recordings, read_recording
from exchange_wrapper.storage import RecordingLimits, SeriesInfo
from exchange_wrapper.storage.embedded import EmbeddedStore
from exchange_wrapper.storage.recording import Recorded, Segment
from exchange_wrapper.terms import Side
from exchange_wrapper.times import SECOND, UtcNs
from serving.wire import decode, encode

DAY = 86_400
START = 19_000 * DAY
KEY = ("binance", "BTC_USDT")
BTC = Instrument(*KEY, Decimal("0.01"), Decimal("0.00001"), source="inferred")


def candles_at(time: np.ndarray, received_at: int = 1) -> Candles:
    price, one = 2_329_636 + time % 977, np.ones(len(time), np.int64)
    columns = (time, price, price + 2, price - 1, price + 1, 65_157_251 + time % 1009)
    return Candles(300, 2, 5, *columns, received_at * one)


class HistoryContract(unittest.TestCase):
    """What both sources do; the store has two stretches of 2 days and a hole of 8 days."""

    def source(self) -> HistorySource:
        raise unittest.SkipTest("has no source of its own")

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "series.db"
        self.store = EmbeddedStore(self.path)
        self.addCleanup(self.store.close)
        first = np.arange(START, START + 2 * DAY, 300)
        self.candles = candles_at(np.concatenate([first, first + 10 * DAY]))
        self.store.write(*KEY, self.candles)
        self.store.put_instrument(BTC)
        self.store.write("gdax", "ETH_USD", self.candles.resample(3600))
        self.history = self.source()

    def test_candles_come_back_to_the_last_digit(self) -> None:
        read = self.history.candles(*KEY, 300, START, START + 12 * DAY)
        self.assertEqual(read, self.candles)
        part = self.history.candles(*KEY, 300, START + 300, START + DAY)
        self.assertEqual(part, self.candles.slice(START + 300, START + DAY))

    def test_series_and_instruments_are_listed(self) -> None:
        self.assertEqual(
            list(self.history.series()),
            [
                SeriesInfo(*KEY, 300, START, START + 12 * DAY, 1152),
                SeriesInfo("gdax", "ETH_USD", 3600, START, START + 12 * DAY, 96),
            ],
        )
        self.assertEqual(list(self.history.instruments()), [BTC])

    def test_longer_candles_are_made_of_what_is_stored(self) -> None:
        read = self.history.candles(*KEY, 3600, START, START + 12 * DAY)
        self.assertEqual(read, self.candles.resample(3600))

    def test_a_joined_candle_is_never_cut_at_its_start(self) -> None:
        read = self.history.candles(*KEY, DAY, START + 300, START + 2 * DAY)
        self.assertEqual(read, self.candles.resample(DAY).slice(START + DAY, START + 2 * DAY))

    def test_a_period_without_data_names_those_that_have_some(self) -> None:
        for start, end in ((0, DAY), (START + 3 * DAY, START + 5 * DAY), (START, START)):
            with self.subTest(start=start), self.assertRaises(NoData) as caught:
                self.history.candles(*KEY, 300, start, end)
            for word in ("binance", "BTC_USDT", "5m", "2022-01-08 00:00 to 2022-01"):
                self.assertIn(word, str(caught.exception))

    def test_a_length_that_can_not_be_made_is_an_error(self) -> None:
        for key, freq_s in ((KEY, 60), (KEY, 450), (("gdax", "ETH_USD"), 300)):
            with self.subTest(key, freq_s=freq_s), self.assertRaises(NoData):
                self.history.candles(*key, freq_s, START, START + DAY)

    def test_unknown_names_get_the_nearest(self) -> None:
        table = {
            ("binanse", "BTC_USDT"): "binance",
            ("binance", "BTC_USD"): "BTC_USDT",
            ("gdax", "ETC_USD"): "ETH_USD",
            ("kraken", "BTC_USDT"): "binance, gdax",
        }
        for key, named in table.items():
            with self.subTest(key), self.assertRaisesRegex(UnknownName, named):
                self.history.candles(*key, 300, START, START + DAY)

    # Recordings

    def record(self, exchange: str, parts: int) -> list[Segment]:
        """Store segments of ten minutes; each but the first begins with the book of then."""
        segments, book = [], None
        for part in range(parts):
            start = UtcNs(START * SECOND + part * 600 * SECOND + 123_456_789)
            at = [UtcNs(start + 7 * number * SECOND) for number in range(80)]
            events: list[Recorded] = [
                BookUpdate(
                    "BTC_USDT",
                    [(Side.BUY, Ticks(number % 13 + 1), Lots(2**50 + number))],
                    UtcNs(time - 3),
                    time,
                )
                for number, time in enumerate(at[1:-2])
            ]
            trade = Ticks(5), Lots(2**51), Side.SELL, UtcNs(at[-2] - 1), at[-2]
            events.append(TradePrint("BTC_USDT", "a-1", *trade))
            if book is None:
                book = BookSnapshot(
                    "BTC_USDT", [(Ticks(9), Lots(1))], [(Ticks(10), Lots(1))], at[0], at[0]
                )
                segments.append(_segment(exchange, None, [book, *events]))
            else:
                segments.append(_segment(exchange, book, events))
            self.store.put_segment(segments[-1], RecordingLimits())
        return segments

    def test_recorded_events_come_back_exactly(self) -> None:
        segments = self.record("binance", 3)
        everything = [event for one in segments for event in one.events]
        self.assertEqual(list(self.history.recorded_events(*KEY)), everything)
        middle = segments[1]
        part = self.history.recorded_events(*KEY, UtcNs(middle.start + 5), UtcNs(middle.end))
        self.assertEqual(list(part), [middle.opening, *middle.events[:-1]])

    def test_recordings_are_listed(self) -> None:
        self.assertEqual(list(self.history.recordings()), [])
        self.record("binance", 2)
        self.record("aax", 1)
        found = self.history.recordings()
        self.assertEqual([one[:4] for one in found], [("aax", *_STEPS), ("binance", *_STEPS)])
        self.assertEqual([one.segments for one in found], [1, 2])
        for one, stored in zip(found, self.store.recordings(), strict=True):
            self.assertEqual((one.bytes, one.start // 1000), (stored.bytes, stored.start // 1000))

    def test_what_is_not_recorded_is_said(self) -> None:
        with self.assertRaisesRegex(UnknownName, '"record" in the settings'):
            self.history.recorded_events(*KEY)
        (segment,) = self.record("binance", 1)
        table = {
            ("kraken", "BTC_USDT"): (UnknownName, "recorded are binance"),
            ("binance", "LTC_USDT"): (UnknownName, "on binance is not recorded.*BTC_USDT"),
            KEY: (NoData, "2022-01-08"),
        }
        for key, (kind, words) in table.items():
            with self.subTest(key), self.assertRaisesRegex(kind, words):
                self.history.recorded_events(*key, UtcNs(segment.end + SECOND))

    def test_other_increments_within_are_an_error(self) -> None:
        first = self.record("binance", 1)[0]
        later = UtcNs(first.start + DAY * SECOND)
        lost = BookLost("BTC_USDT", "gone", later)
        finer = replace(first, tick_size=Decimal("0.001"), start=later, end=later, events=(lost,))
        self.store.put_segment(finer, RecordingLimits())
        with self.assertRaisesRegex(DataError, "ticks of 0.001"):
            list(self.history.recorded_events(*KEY))


_STEPS = ("BTC_USDT", Decimal("0.01"), Decimal("0.00001"))


def _segment(exchange: str, opening: BookSnapshot | None, events: list[Recorded]) -> Segment:
    times = [event.received_at for event in events]
    return Segment(exchange, *_STEPS, times[0], times[-1], opening, tuple(events))


class FromTheFile(HistoryContract):
    def source(self) -> StoreHistory:
        history = StoreHistory(self.path)
        self.addCleanup(history.close)
        return history

    def test_each_stretch_is_named(self) -> None:
        with self.assertRaisesRegex(
            NoData, "2022-01-08 00:00 to 2022-01-10 00:00, 2022-01-18 00:00 to 2022-01-20 00:00"
        ):
            self.history.candles(*KEY, 300, 0, DAY)

    def test_only_the_newest_of_many_stretches_are_named(self) -> None:
        times = np.arange(START, START + 40 * DAY, 4 * DAY)
        self.store.write("aax", "A_B", candles_at(times))
        with self.assertRaisesRegex(NoData, "there are 5 earlier ones, 2022-01-28"):
            self.history.candles("aax", "A_B", 300, 0, DAY)

    def test_a_missing_file_is_an_error(self) -> None:
        with self.assertRaises(StorageUnavailable):
            StoreHistory(self.path / "missing")

    def test_an_empty_store_says_how_to_fill_it(self) -> None:
        path = self.path.with_name("empty.db")
        EmbeddedStore(path).close()
        with StoreHistory(path) as history, self.assertRaisesRegex(UnknownName, "import_ohlcv"):
            history.candles(*KEY, 300, 0, DAY)


class FromTheService(HistoryContract):
    pages_read = 0

    def source(self) -> RemoteHistory:
        server = serve(self.answer, "127.0.0.1", 0)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
        return RemoteHistory(f"ws://127.0.0.1:{server.socket.getsockname()[1]}")

    def answer(self, connection: ServerConnection) -> None:
        """Answer the four methods with the service's own functions."""
        for message in connection:
            request = decode(message)
            params = request["params"]
            result: object
            if request["method"] == "list_ohlcv":
                result = list_series(self.store)
            elif request["method"] == "list_recordings":
                result = list_recordings(self.store)
            elif request["method"] == "get_recording":
                self.pages_read += 1
                options = {"start": None, "end": None, "page": None, **params}
                segments, following = read_recording(self.store, **options)
                result = {"segments": segments, "next": following}
            else:
                options = {"start": None, "end": None, "received_before": None, **params}
                candles, following = read_page(self.store, **options)
                result = {
                    "points": candles.points(),
                    "price_digits": candles.price_digits,
                    "volume_digits": candles.volume_digits,
                    "next": following,
                }
            connection.send(
                encode({"jsonrpc": "2.0", "id": request["id"], "result": result}), text=True
            )

    def test_many_candles_come_in_pages(self) -> None:
        candles = candles_at(np.arange(START, START + (PAGE_MAX + 500) * 300, 300))
        self.store.write("aax", "A_B", candles)
        read = self.history.candles("aax", "A_B", 300, 0, 2**33)
        self.assertEqual(read, candles)

    def test_a_long_recording_comes_in_pages(self) -> None:
        segments = self.record("binance", 5)
        with patch.object(recordings, "_PAGE_BYTES", 5000):
            read = list(self.history.recorded_events(*KEY))
        self.assertEqual(read, [event for one in segments for event in one.events])
        self.assertGreater(self.pages_read, 2)

    def test_a_page_that_is_none_is_refused(self) -> None:
        for page in ("", "-1", "x", "١", "9" * 20):
            with self.subTest(page), self.assertRaises(ApiUsageError):
                read_recording(self.store, *KEY, start=None, end=None, page=page)
        for bound in (2**53 - 1, -(2**53) + 1):
            found = read_recording(self.store, *KEY, start=bound, end=bound, page="9" * 19)
            self.assertEqual(found, ([], None))

    def test_figures_beyond_json_numbers_are_refused(self) -> None:
        rows = [[START, "1", "1", "1", "1", "12345678901234567.8"]]
        self.store.write("aax", "A_B", Candles.from_rows(300, rows, 1))
        with self.assertRaises(DataError):
            self.history.candles("aax", "A_B", 300, 0, 2**33)

    def test_nobody_at_the_address_is_an_error(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with self.assertRaises(Unavailable):
            RemoteHistory(f"ws://127.0.0.1:{port}").series()


del HistoryContract  # it would run here once more, without a source

if __name__ == "__main__":
    unittest.main()
