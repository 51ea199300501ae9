import asyncio
import gzip
import json
import math
import unittest
from decimal import Decimal
from typing import Any

from exchange_wrapper.errors import ApiUsageError
from exchange_wrapper.sandbox.capture import read_capture
from exchange_wrapper.sandbox.replay import Replay, ReplayStream
from exchange_wrapper.times import SECOND, UtcNs, from_iso
from tests.exchange_wrapper.sandbox import RECORDED

NOW = from_iso("2026-05-17T12:00:00Z")
MARKET = ("level2_batch", "matches", "ticker")
SENT = ("snapshot", "l2update", "last_match", "match", "ticker")


def everything(channel: str, product_id: str) -> bool:
    return True


def hear(stream: ReplayStream, now: int) -> list[bytes]:
    return [m.data for m in stream.advance(UtcNs(now), everything) if m.channel in MARKET]


@unittest.skipUnless(RECORDED.exists(), "the recorded feed is not there")
class RecordedFeed(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.capture = read_capture(RECORDED)
        cls.lines: list[tuple[Decimal, bytes, dict[str, Any]]] = []
        with gzip.open(RECORDED / "ws.txt.gz") as lines:
            for line in lines:
                time, _, data = line.rstrip(b"\n").partition(b": ")
                if time.replace(b".", b"").isdigit():
                    message = json.loads(data)
                    if message["type"] in SENT:
                        cls.lines.append((Decimal(time.decode()), data, message))

    def test_is_told_byte_for_byte_and_in_order(self) -> None:
        stream = Replay(self.capture, math.inf).stream(NOW)
        self.assertEqual(hear(stream, NOW), [data for _, data, _ in self.lines])
        self.assertIsNone(stream.market_due(NOW))

    def test_is_cut_down_to_what_is_subscribed(self) -> None:
        key = ("matches", "SKL-BTC")
        stream = Replay(self.capture, math.inf).stream(NOW)
        heard = [m.data for m in stream.advance(NOW, lambda *asked: asked == key)]
        self.assertEqual(
            heard,
            [
                data
                for _, data, message in self.lines
                if message["type"] in ("match", "last_match") and message["product_id"] == "SKL-BTC"
            ],
        )

    def test_keeps_its_timing_divided_by_the_speed(self) -> None:
        first = self.lines[0][0]
        for speed in (0.5, 1.0, 8.0):
            with self.subTest(speed=speed):
                stream = Replay(self.capture, speed).stream(NOW)
                told = 0
                while (due := stream.market_due(NOW)) is not None and told < 2000:
                    self.assertEqual(hear(stream, due - 1), [])
                    told += len(hear(stream, due))
                    recorded = [time for time, _, _ in self.lines[:told]]
                    elapsed = (recorded[-1] - first) * SECOND / Decimal(speed)
                    self.assertAlmostEqual(float(elapsed), due - NOW, delta=1)
                    self.assertEqual(recorded[-1], max(recorded))

    def test_gives_a_late_subscription_what_it_missed_first(self) -> None:
        stream = Replay(self.capture, 1.0).stream(NOW)
        early, late = ("level2_batch", "SKL-BTC"), ("level2_batch", "SKL-USD")
        wanted = {early}
        halfway = UtcNs(NOW + 15 * SECOND)
        list(stream.advance(halfway, lambda *key: key in wanted))
        wanted.add(late)
        stream.subscribe([late], halfway)
        heard = [m.data for m in stream.advance(UtcNs(NOW + 60 * SECOND), lambda *k: k in wanted)]
        missed_and_rest = [
            data
            for _, data, message in self.lines
            if message["product_id"] == "SKL-USD" and message["type"] in ("snapshot", "l2update")
        ]
        self.assertEqual([data for data in heard if b"SKL-USD" in data], missed_and_rest)

    def test_is_followed_by_heartbeats(self) -> None:
        stream = Replay(self.capture, math.inf).stream(NOW)
        hear(stream, NOW)
        due = stream.next_due(NOW)
        self.assertLessEqual(due - NOW, SECOND)
        beats = [
            json.loads(message.data)
            for message in stream.advance(due, lambda channel, _: channel == "heartbeat")
        ]
        self.assertEqual(len(beats), 7)
        last = {m["product_id"]: m for _, _, m in self.lines if "match" in m["type"]}
        for beat in beats:
            self.assertEqual(beat["last_trade_id"], last[beat["product_id"]]["trade_id"])

    def test_answers_rest_from_the_furthest_point_played(self) -> None:
        replay = Replay(self.capture, math.inf)
        before = replay.book("SKL-USD", NOW)
        hear(replay.stream(NOW), NOW)
        after = replay.book("SKL-USD", NOW)
        self.assertNotEqual(before, after)
        self.assertGreater(len(before.bids), 50)
        book: dict[str, dict[str, str]] = {}
        for _, _, message in self.lines:
            if message["product_id"] != "SKL-USD":
                continue
            if message["type"] == "snapshot":
                book = {"buy": dict(message["bids"]), "sell": dict(message["asks"])}
            for side, price, size in message.get("changes", ()):
                book[side].pop(price, None)
                if Decimal(size):
                    book[side][price] = size
        self.assertEqual(dict(after.bids), book["buy"])
        self.assertEqual(dict(after.asks), book["sell"])
        self.assertLess(Decimal(after.bids[0][0]), Decimal(after.asks[0][0]))

    def test_answers_trades_candles_ticker_and_stats(self) -> None:
        replay = Replay(self.capture, math.inf)
        hear(replay.stream(NOW), NOW)
        matches = [
            m for _, _, m in self.lines if "match" in m["type"] and m["product_id"] == "SKL-USD"
        ]
        page = replay.trades("SKL-USD", 1000, None, None, NOW)
        self.assertEqual(
            [trade["trade_id"] for trade in page], [m["trade_id"] for m in reversed(matches)]
        )
        newest = matches[-1]["trade_id"]
        (older,) = replay.trades("SKL-USD", 1, None, newest, NOW)
        self.assertEqual(older["trade_id"], matches[-2]["trade_id"])
        self.assertEqual(len(replay.trades("SKL-USD", 9, matches[-3]["trade_id"], None, NOW)), 2)
        candles = asyncio.run(replay.candles("SKL-USD", 60, None, NOW))
        self.assertEqual([candle[0] for candle in candles], [1618677840, 1618677780])
        self.assertEqual(candles[0][4], float(matches[-1]["price"]))
        self.assertAlmostEqual(
            sum(candle[5] for candle in candles), sum(float(m["size"]) for m in matches)
        )
        ticker = asyncio.run(replay.ticker("SKL-USD", NOW))
        self.assertEqual(ticker["price"], matches[-1]["price"])
        stats = asyncio.run(replay.stats("SKL-USD", NOW))
        self.assertEqual(stats["open"], "0.7055")

    def test_lists_only_products_that_it_has_books_of(self) -> None:
        snapshots = {m["product_id"] for _, _, m in self.lines if m["type"] == "snapshot"}
        replay = Replay(self.capture)
        self.assertEqual(set(replay.product_ids), snapshots)
        skl = replay.products[replay.product_ids.index("SKL-USD")]
        self.assertEqual((skl["quote_increment"], skl["base_increment"]), ("0.0001", "0.1"))

    def test_refuses_a_speed_that_is_not_positive(self) -> None:
        for speed in (0.0, -1.0, math.nan):
            with self.subTest(speed=speed), self.assertRaises(ApiUsageError):
                Replay(self.capture, speed)
