"""What every candle store must do; a store's own test inherits ``StoreContract``."""

import unittest
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np

from exchange_wrapper.candles import Candles, Instrument
from exchange_wrapper.errors import DataError, NoData
from exchange_wrapper.market import BookLost, BookSnapshot, BookUpdate, TradePrint
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.pair import Pair
from exchange_wrapper.storage import (
    RecordingInfo,
    RecordingLimits,
    SeriesInfo,
    Store,
    TickerPoint,
    WalletPoint,
    WriteReport,
)
from exchange_wrapper.storage.recording import Recorder, Segment, encode, replay
from exchange_wrapper.terms import Side
from exchange_wrapper.times import SECOND, UtcNs

DAY = 86_400
KEY = ("binance", "BTC_USDT")


def candle(time: int, close: str = "2", volume: str = "1.5") -> list[Any]:
    return [time, "2", "3", "1", close, volume]


def flat(*times: int, received_at: int = 1, freq_s: int = 300) -> Candles:
    return Candles.from_rows(freq_s, [candle(time) for time in times], received_at)


PAIR = Pair("BTC-USD", "BTC", "USD", Decimal("0.01"), Decimal("0.0001"))
RECORDED = ("gdax", "BTC_USD")
NOW = 1_542_045_960_123_456_789


def events(start: int, count: int, seed: int = 0) -> list[BookUpdate | TradePrint]:
    """Make updates and, each tenth, a trade; ``start`` and the steps between are in s."""
    random = np.random.default_rng(seed)
    table = random.integers((0, 1, 0), (2, 2**40, 2**50), (count, 3)).tolist()
    made: list[BookUpdate | TradePrint] = []
    for number, (is_sell, ticks, lots) in enumerate(table):
        side = Side.SELL if is_sell else Side.BUY
        time = UtcNs((start + number) * SECOND)
        level = (Ticks(ticks), Lots(lots))
        made.append(
            TradePrint("BTC_USD", str(number), *level, side, time, UtcNs(time + 7))
            if number % 10 == 9
            else BookUpdate("BTC_USD", [(side, *level)], time, UtcNs(time + 7))
        )
    return made


def segment(start: int, count: int, seed: int = 0) -> Segment:
    made = events(start, count, seed)
    steps = (PAIR.tick_size, PAIR.lot_size)
    return Segment(*RECORDED, *steps, made[0].received_at, made[-1].received_at, None, tuple(made))


class StoreContract(unittest.TestCase):
    def make_store(self) -> Store:
        """Return an empty store that is closed when the test ends."""
        raise unittest.SkipTest("has no store of its own")

    def setUp(self) -> None:
        self.store = self.make_store()

    def test_what_is_written_is_read(self) -> None:
        candles = Candles.from_rows(
            300, [candle(0, "2.25"), candle(300, "1.001", "7"), candle(DAY), candle(9 * DAY)], 5
        )
        self.assertEqual(self.store.write(*KEY, candles), WriteReport(4, 0, 0))
        self.assertEqual(self.store.read(*KEY, 300), candles)

    def test_a_part_is_half_open(self) -> None:
        times = [0, 300, DAY - 300, DAY, DAY + 300, 3 * DAY]
        self.store.write(*KEY, flat(*times))
        for start, end in ((None, None), (300, DAY), (301, DAY + 1), (DAY, None), (None, DAY)):
            with self.subTest(start=start, end=end):
                expected = [
                    time
                    for time in times
                    if (start is None or start <= time) and (end is None or time < end)
                ]
                self.assertEqual(self.store.read(*KEY, 300, start, end).time.tolist(), expected)

    def test_a_period_without_candles_is_empty_but_a_series_without_is_an_error(self) -> None:
        self.store.write(*KEY, flat(0))
        self.assertEqual(len(self.store.read(*KEY, 300, DAY)), 0)
        for key in (("binance", "BTC_USDT", 60), ("binance", "X_Y", 300), ("x", "BTC_USDT", 300)):
            with self.subTest(key), self.assertRaises(NoData):
                self.store.read(*key)

    def test_writing_again_changes_nothing(self) -> None:
        self.store.write(*KEY, flat(0, 300, received_at=1))
        report = self.store.write(*KEY, flat(0, 300, received_at=9))
        self.assertEqual(report, WriteReport(0, 2, 0))
        self.assertEqual(self.store.read(*KEY, 300), flat(0, 300, received_at=1))

    def test_new_same_and_changed_candles_are_told_apart(self) -> None:
        self.store.write(*KEY, Candles.from_rows(300, [candle(0), candle(300), candle(900)], 1))
        mixed = [candle(0), candle(300, "2.125"), candle(600), candle(1200)]
        report = self.store.write(*KEY, Candles.from_rows(300, mixed, 9))
        self.assertEqual(report, WriteReport(new=2, same=1, changed=1))
        read = self.store.read(*KEY, 300)
        self.assertEqual(read.time.tolist(), [0, 300, 600, 900, 1200])
        self.assertEqual(read.texts("close"), ["2", "2.125", "2", "2", "2"])
        self.assertEqual(read.received_at.tolist(), [1, 9, 9, 1, 9])

    def test_days_of_different_digits_are_read_with_the_most(self) -> None:
        self.store.write(*KEY, Candles.from_rows(300, [candle(0, "2.25", "1")], 1))
        self.store.write(*KEY, Candles.from_rows(300, [candle(DAY, "1.1", "0.0625")], 1))
        self.store.write(*KEY, Candles.from_rows(300, [candle(2 * DAY, "3", "5")], 1))
        read = self.store.read(*KEY, 300)
        self.assertEqual((read.price_digits, read.volume_digits), (2, 4))
        self.assertEqual(read.texts("close"), ["2.25", "1.1", "3"])
        self.assertEqual(read.texts("volume"), ["1", "0.0625", "5"])
        self.assertEqual(self.store.read(*KEY, 300, 2 * DAY).price_digits, 0)

    def test_the_same_figures_with_more_digits_are_the_same(self) -> None:
        self.store.write(*KEY, flat(0, 300))
        report = self.store.write(*KEY, flat(0, 300).with_digits(5, 6))
        self.assertEqual(report, WriteReport(0, 2, 0))

    def test_candles_received_later_can_be_left_out(self) -> None:
        self.store.write(*KEY, flat(0, received_at=10))
        self.store.write(*KEY, flat(300, received_at=20))
        self.assertEqual(self.store.read(*KEY, 300, received_before=20).time.tolist(), [0])
        self.assertEqual(len(self.store.read(*KEY, 300, received_before=10)), 0)

    def test_series_are_listed_with_period_and_rows(self) -> None:
        self.assertEqual(self.store.series(), [])
        self.store.write(*KEY, flat(300, 600))
        self.store.write(*KEY, flat(0, 300, DAY))
        self.store.write(*KEY, flat(0, DAY, freq_s=DAY))
        self.store.write("aax", "ETH_USD", flat(0))
        self.assertEqual(
            self.store.series(),
            [
                SeriesInfo("aax", "ETH_USD", 300, 0, 300, 1),
                SeriesInfo(*KEY, 300, 0, DAY + 300, 4),
                SeriesInfo(*KEY, DAY, 0, 2 * DAY, 2),
            ],
        )

    def test_writing_no_candles_makes_no_series(self) -> None:
        report = self.store.write(*KEY, Candles.empty(300))
        self.assertEqual((report, self.store.series()), (WriteReport(0, 0, 0), []))

    def test_covered_periods_join_where_they_touch(self) -> None:
        steps = [
            ((600, 900), [(600, 900)]),
            ((0, 300), [(0, 300), (600, 900)]),
            ((900, 1200), [(0, 300), (600, 1200)]),
            ((100, 200), [(0, 300), (600, 1200)]),
            ((300, 700), [(0, 1200)]),
            ((1500, 1800), [(0, 1200), (1500, 1800)]),
            ((0, 3000), [(0, 3000)]),
        ]
        self.assertEqual(self.store.covered(*KEY, 300), [])
        for covers, expected in steps:
            with self.subTest(covers):
                self.store.write(*KEY, Candles.empty(300), covers=covers)
                self.assertEqual(self.store.covered(*KEY, 300), expected)
        self.assertEqual(self.store.covered(*KEY, 60), [])

    def test_instruments_are_exact_and_the_last_one_counts(self) -> None:
        first = Instrument(*KEY, Decimal("0.01"), Decimal("1E-8"), source="inferred")
        second = Instrument(*KEY, Decimal("0.25"), Decimal(100), Decimal("10.50"), "given")
        other = Instrument("aax", "ETH_USD", Decimal("0.1"), Decimal("0.001"))
        for instrument in (first, second, other):
            self.store.put_instrument(instrument)
        self.assertEqual(list(self.store.instruments()), [other, second])

    def test_random_writes_end_as_one_dictionary_would(self) -> None:
        random = np.random.default_rng(7)
        expected: dict[int, tuple[str, str]] = {}
        for _ in range(30):
            steps = np.unique(random.integers(0, 900, random.integers(1, 60)))
            rows = []
            for step in steps.tolist():
                close = format(Decimal(int(random.integers(100, 300))).scaleb(-2), "f")
                volume = format(Decimal(int(random.integers(0, 4))).scaleb(-1), "f")
                rows.append(candle(step * 300, close, volume))
                expected[step * 300] = (close, volume)
            self.store.write(*KEY, Candles.from_rows(300, rows, 1))
        read = self.store.read(*KEY, 300)
        self.assertEqual(read.time.tolist(), sorted(expected))
        figures = zip(read.decimals("close"), read.decimals("volume"), strict=True)
        for time, found in zip(read.time.tolist(), figures, strict=True):
            self.assertEqual(found, tuple(map(Decimal, expected[time])))
        (info,) = self.store.series()
        self.assertEqual(info.rows, len(expected))

    # Tickers and wallets

    def test_tickers_are_exact_and_a_part_is_half_open(self) -> None:
        exact = Decimal("35521.123456789012345")
        points = [
            TickerPoint(UtcNs(NOW), exact, Decimal("35521.2"), None),
            TickerPoint(UtcNs(NOW + 1), None, None, None),
            TickerPoint(UtcNs(NOW + 2), exact, None, Decimal("1E-8")),
        ]
        self.assertEqual(self.store.tickers(*RECORDED), [])
        self.store.put_tickers(*RECORDED, reversed(points))
        self.store.put_tickers("gdax", "ETH_USD", points[:1])
        self.assertEqual(self.store.tickers(*RECORDED), points)
        part = self.store.tickers(*RECORDED, UtcNs(NOW + 1), UtcNs(NOW + 2))
        self.assertEqual(part, points[1:2])
        self.assertEqual(self.store.tickers("aax", "BTC_USD"), [])

    def test_a_ticker_of_the_same_time_replaces(self) -> None:
        first = TickerPoint(UtcNs(NOW), Decimal(1), Decimal(2), Decimal(3))
        second = TickerPoint(UtcNs(NOW), None, Decimal(4), None)
        for point in (first, second):
            self.store.put_tickers(*RECORDED, [point])
        self.assertEqual(self.store.tickers(*RECORDED), [second])

    def test_the_history_of_a_set_has_its_wallets_only(self) -> None:
        def point(time: int, set_id: int, wallet_id: int, currency: str) -> WalletPoint:
            exact = Decimal("882.93316402123456789012")
            usd = exact * 7000 if currency == "BTC" else None
            return WalletPoint(
                UtcNs(NOW + time), set_id, wallet_id, "gdax", currency,
                exact, Decimal(0), exact, usd, Decimal(0), usd,
            )  # fmt: skip

        history = [point(0, 4, 9, "BTC"), point(0, 4, 10, "USD"), point(5, 4, 9, "BTC")]
        self.assertEqual(self.store.wallet_set_history(4), [])
        self.store.put_wallets([*reversed(history), point(0, 40, 11, "BTC")])
        self.assertEqual(self.store.wallet_set_history(4), history)
        self.assertEqual(self.store.wallet_set_history(4, UtcNs(NOW + 1)), history[2:])
        self.assertEqual(self.store.wallet_set_history(4, None, UtcNs(NOW + 5)), history[:2])
        changed = history[2]._replace(balance=Decimal("1E-8"), balance_usd=None)
        self.store.put_wallets([changed])
        self.assertEqual(self.store.wallet_set_history(4), [*history[:2], changed])

    # Recordings

    def record(self, limits: RecordingLimits, feed: Any, **options: int) -> None:
        recorder = Recorder("gdax", PAIR, **options)
        for complete in (*map(recorder.add, feed), recorder.close()):
            if complete is not None:
                self.store.put_segment(complete, limits)

    def feed(self) -> list[Any]:
        book = BookSnapshot("BTC_USD", [(5, 7), (3, 1)], [(8, 2)], UtcNs(0), UtcNs(1))  # type: ignore[list-item]
        return [
            book,
            *events(1, 40),
            BookLost("BTC_USD", "the connection broke", UtcNs(50 * SECOND)),
            BookSnapshot("BTC_USD", [], [], UtcNs(51 * SECOND), UtcNs(51 * SECOND + 2)),
            *events(60, 40, seed=1),
        ]

    def test_a_recording_replays_what_was_received(self) -> None:
        feed = self.feed()
        self.record(RecordingLimits(), feed, events_max=15)
        self.assertEqual(list(replay(self.store, "gdax", PAIR)), feed)
        other = Pair("ETH-USD", "ETH", "USD", Decimal("0.01"), Decimal("0.0001"))
        self.assertEqual(list(replay(self.store, "gdax", other)), [])

    def test_a_later_start_opens_with_the_book_of_then(self) -> None:
        feed = self.feed()
        self.record(RecordingLimits(), feed, span_max_s=10)
        for start_s, end_s in ((0, 1), (25, 45), (55, 70), (90, 200)):
            with self.subTest(start_s=start_s, end_s=end_s):
                start, end = UtcNs(start_s * SECOND), UtcNs(end_s * SECOND)
                opening, *rest = replay(self.store, "gdax", PAIR, start, end)
                self.assertIsInstance(opening, BookSnapshot)
                self.assertEqual(_levels([opening, *rest]), _levels(_until(feed, end)))
                tail = _until(feed, end)
                self.assertEqual(rest, tail[len(tail) - len(rest) :])

    def test_old_segments_make_room(self) -> None:
        feed = self.feed()
        size = len(encode(segment(1, 10)))
        for limits in (RecordingLimits(bytes_max=size * 3), RecordingLimits(age_max_s=25)):
            with self.subTest(limits):
                self.store = self.make_store()
                self.record(limits, feed, events_max=10)
                kept = list(self.store.segments(*RECORDED))
                self.assertLess(sum(len(one.events) for one in kept), len(feed) // 2)
                self.assertEqual(_levels(replay(self.store, "gdax", PAIR)), _levels(feed))
        self.record(RecordingLimits(bytes_max=0, age_max_s=0), events(500, 3))
        (newest,) = self.store.segments(*RECORDED)
        self.assertEqual(len(newest.events), 3)

    def test_recordings_are_listed_with_period_and_size(self) -> None:
        self.assertEqual(self.store.recordings(), [])
        self.record(RecordingLimits(), self.feed(), events_max=15)
        self.store.put_segment(replace(segment(7, 3), exchange="aax"), RecordingLimits())
        size = sum(len(encode(one)) for one in self.store.segments(*RECORDED))
        steps = (PAIR.tick_size, PAIR.lot_size)
        own = replace(segment(7, 3), exchange="aax")
        self.assertEqual(
            self.store.recordings(),
            [
                RecordingInfo("aax", "BTC_USD", *steps, own.start, own.end, 1, len(encode(own))),
                RecordingInfo(*RECORDED, *steps, UtcNs(1), UtcNs(99 * SECOND + 7), 6, size),
            ],
        )

    def test_a_segment_that_goes_on_is_stored_as_it_grows(self) -> None:
        recorder, feed = Recorder("gdax", PAIR, events_max=15), self.feed()
        for number, event in enumerate(feed, 1):
            complete, current = recorder.add(event), recorder.current()
            for part in (complete, current):
                if part is not None:
                    self.store.put_segment(part, RecordingLimits())
            self.assertEqual(list(replay(self.store, "gdax", PAIR)), feed[:number])

    def test_an_interrupted_recording_loses_the_book_until_its_next_snapshot(self) -> None:
        self.record(RecordingLimits(), [*self.feed()[:1], *events(1, 3)])
        later = [
            BookSnapshot("BTC_USD", [], [(9, 9)], UtcNs(90 * SECOND), UtcNs(91 * SECOND)),  # type: ignore[list-item]
            *events(92, 3),
        ]
        self.record(RecordingLimits(), later)
        read = list(replay(self.store, "gdax", PAIR))
        lost = BookLost("BTC_USD", "the recording was interrupted", UtcNs(91 * SECOND))
        self.assertEqual(read[4:], [lost, *later])

    def test_what_can_not_be_stored_is_an_interruption(self) -> None:
        recorder, feed = Recorder("gdax", PAIR), self.feed()[:20]
        for event in feed[:10]:
            recorder.add(event)
        recorder.begin_anew()
        for event in feed[10:]:
            recorder.add(event)
        rest = recorder.close()
        assert rest is not None
        self.store.put_segment(rest, RecordingLimits())
        opening, *others = replay(self.store, "gdax", PAIR)
        self.assertIsInstance(opening, BookSnapshot)
        self.assertEqual(others, feed[10:])
        self.assertEqual(_levels([opening, *others]), _levels(feed))

    def test_a_segment_of_the_same_start_replaces(self) -> None:
        for stored in (segment(1, 3), segment(1, 8)):
            self.store.put_segment(stored, RecordingLimits())
        self.assertEqual(list(self.store.segments(*RECORDED)), [stored])

    def test_a_recording_of_other_increments_does_not_replay(self) -> None:
        self.record(RecordingLimits(), events(1, 3))
        finer = Pair("BTC-USD", "BTC", "USD", Decimal("0.001"), Decimal("0.0001"))
        with self.assertRaisesRegex(DataError, "ticks of 0.01"):
            list(replay(self.store, "gdax", finer))


def _until(feed: list[Any], end: UtcNs) -> list[Any]:
    return [event for event in feed if event.received_at < end]


def _levels(feed: Any) -> dict[tuple[Side, int], int] | None:
    """Return the book after the events, by the simplest rule there is."""
    book: dict[tuple[Side, int], int] | None = None
    for event in feed:
        match event:
            case BookSnapshot():
                book = {(Side.BUY, ticks): lots for ticks, lots in event.bids}
                book |= {(Side.SELL, ticks): lots for ticks, lots in event.asks}
            case BookLost():
                book = None
            case BookUpdate() if book is not None:
                book |= {(side, ticks): lots for side, ticks, lots in event.changes}
                book = {level: lots for level, lots in book.items() if lots}
    return book
