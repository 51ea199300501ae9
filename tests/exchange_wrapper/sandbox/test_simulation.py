import asyncio
import json
import unittest
from collections import Counter
from decimal import Decimal
from typing import Any

from exchange_wrapper.errors import ApiUsageError
from exchange_wrapper.sandbox.market import BATCH
from exchange_wrapper.sandbox.protocol import CHANNELS
from exchange_wrapper.sandbox.simulation import Simulation
from exchange_wrapper.sandbox.venue import StreamBroken
from exchange_wrapper.times import SECOND, UtcNs, from_iso

START = from_iso("2026-05-17T12:00:00.010Z")
IDS = ("BTC-USD", "ETH-USD", "LTC-USD", "BCH-USD", "ZEC-USD", "XMR-USD")
MARKET = [(channel, product) for channel in ("level2_batch", "matches") for product in IDS]


def everything(channel: str, product_id: str) -> bool:
    return True


def played(simulation: Simulation, start: int, seconds: int, turn: int = BATCH) -> list[bytes]:
    """Return what a reader of books and trades hears when the clock moves on by ``turn``."""
    stream = simulation.stream(UtcNs(start))
    heard = stream.subscribe(MARKET, UtcNs(start))
    end = start + seconds * SECOND
    for now in [*range(start + turn, end, turn), end]:
        heard += [
            message.data
            for message in stream.advance(UtcNs(now), lambda *key: key in MARKET)
            if (message.channel, message.product_id) in MARKET
        ]
    return heard


class Streams(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.simulation = Simulation(7)

    def test_of_one_seed_and_start_are_the_same_to_the_byte(self) -> None:
        self.assertEqual(played(Simulation(7), START, 10), played(self.simulation, START, 10))

    def test_do_not_depend_on_how_often_the_clock_is_read(self) -> None:
        steady = played(self.simulation, START, 10)
        self.assertEqual(steady, played(self.simulation, START, 10, turn=7 * BATCH // 3))

    def test_started_at_different_times_tell_the_same_trades(self) -> None:
        def matches(heard: list[bytes]) -> list[bytes]:
            return [data for data in heard if b'"match"' in data]

        early = matches(played(self.simulation, START, 60))
        late = matches(played(Simulation(7), START + 20 * SECOND, 40))
        self.assertGreater(len(late), 10)
        self.assertEqual(late, early[-len(late) :])

    def test_carry_whole_books_and_only_trades_that_these_offered(self) -> None:
        books: dict[str, dict[str, dict[Decimal, Decimal]]] = {}
        kinds: Counter[str] = Counter()
        for data in played(self.simulation, START, 50):
            message: dict[str, Any] = json.loads(data)
            kinds[message["type"]] += 1
            product_id = message["product_id"]
            if message["type"] == "snapshot":
                books[product_id] = {
                    side: {Decimal(price): Decimal(size) for price, size in message[name]}
                    for side, name in (("buy", "bids"), ("sell", "asks"))
                }
            elif message["type"] == "l2update":
                for side, price, size in message["changes"]:
                    if Decimal(size):
                        books[product_id][side][Decimal(price)] = Decimal(size)
                    else:
                        del books[product_id][side][Decimal(price)]
                book = books[product_id]
                self.assertLess(max(book["buy"]), min(book["sell"]))
            elif message["type"] == "match":
                offered = books[product_id][message["side"]]
                best = (max if message["side"] == "buy" else min)(offered)
                self.assertEqual(Decimal(message["price"]), best)
                self.assertLessEqual(Decimal(message["size"]), offered[best])
        self.assertEqual(kinds["snapshot"], len(IDS))
        self.assertGreater(kinds["match"], 40)
        self.assertGreater(kinds["l2update"], 50 * 20 * 5)
        for product_id in IDS:
            levels = self.simulation.book(product_id, UtcNs(START + 50 * SECOND))
            for side, listed in (("buy", levels.bids), ("sell", levels.asks)):
                rest = {Decimal(price): Decimal(size) for price, size in listed}
                self.assertEqual(books[product_id][side], rest)

    def test_print_the_trades_of_the_candle_that_is_served_later(self) -> None:
        minute = START // (60 * SECOND) * 60
        key = ("matches", "BTC-USD")
        stream = self.simulation.stream(UtcNs(minute * SECOND))
        heard = stream.advance(UtcNs((minute + 60) * SECOND), lambda *asked: asked == key)
        matches = [json.loads(message.data) for message in heard]
        prices = [float(match["price"]) for match in matches]
        volume = float(sum(Decimal(match["size"]) for match in matches))
        later = Simulation(7).candles(
            "BTC-USD", 60, (minute, minute), UtcNs(START + 86_400 * SECOND)
        )
        self.assertEqual(
            asyncio.run(later),
            [(minute, min(prices), max(prices), prices[0], prices[-1], volume)],
        )

    def test_number_their_messages_upwards(self) -> None:
        last: dict[str, tuple[int, int]] = {}
        for data in played(self.simulation, START, 60):
            message = json.loads(data)
            if message["type"] in ("last_match", "match"):
                numbers = message["sequence"], message["trade_id"]
                before = last.get(message["product_id"])
                if before:
                    self.assertGreater(numbers[0], before[0])
                    self.assertEqual(numbers[1], before[1] + 1)
                last[message["product_id"]] = numbers

    def test_begin_a_new_subscription_with_the_book_last_published(self) -> None:
        stream = self.simulation.stream(START)
        stream.subscribe([("level2_batch", "BTC-USD")], START)
        later = UtcNs(START + SECOND)
        list(stream.advance(later, everything))
        (snapshot,) = stream.subscribe([("level2_batch", "BTC-USD")], later)
        message = json.loads(snapshot)
        depth = self.simulation.book("BTC-USD", later)
        self.assertEqual((message["bids"], message["asks"]), (depth.bids, depth.asks))
        self.assertEqual(message["time"], "2026-05-17T12:00:01.000000Z")

    def test_break_when_the_process_has_slept(self) -> None:
        stream = self.simulation.stream(START)
        with self.assertRaises(StreamBroken):
            list(stream.advance(UtcNs(START + 120 * SECOND), everything))

    def test_say_only_what_someone_hears(self) -> None:
        for channel in CHANNELS:
            key = (channel, "" if channel == "status" else "BTC-USD")
            with self.subTest(channel):
                stream = self.simulation.stream(START)
                stream.subscribe([key], START)
                heard = [
                    message
                    for second in range(1, 7)
                    for message in stream.advance(
                        UtcNs(START + second * SECOND), lambda *asked, key=key: asked == key
                    )
                ]
                self.assertTrue(heard)
                self.assertEqual({(m.channel, m.product_id) for m in heard}, {key})

    def test_beat_once_a_second_and_name_the_last_trade(self) -> None:
        stream = self.simulation.stream(START)
        beats = []
        for now in range(START, START + 5 * SECOND, BATCH):
            for message in stream.advance(UtcNs(now), lambda *k: k == ("heartbeat", "BTC-USD")):
                beats.append(json.loads(message.data))
        self.assertEqual(len(beats), 4)
        trades = self.simulation.trades("BTC-USD", 1, None, None, from_iso(beats[-1]["time"]))
        self.assertEqual(beats[-1]["last_trade_id"], trades[0]["trade_id"])

    def test_tell_a_ticker_that_agrees_with_match_and_book(self) -> None:
        stream = self.simulation.stream(START)
        (_, first, last, ticker) = stream.subscribe(
            [("level2_batch", "ETH-USD"), ("level2_batch", "BTC-USD"), ("matches", "ETH-USD"),
             ("ticker", "ETH-USD")], START,
        )  # fmt: skip
        self.assertIn(b"BTC-USD", first)
        match, told = json.loads(last), json.loads(ticker)
        self.assertEqual(
            (told["price"], told["last_size"], told["trade_id"], told["sequence"], told["time"]),
            tuple(match[key] for key in ("price", "size", "trade_id", "sequence", "time")),
        )
        self.assertEqual({told["side"], match["side"]}, {"buy", "sell"})
        book = self.simulation.book("ETH-USD", START)
        self.assertEqual([told["best_bid"], told["best_bid_size"]], book.bids[0])
        self.assertEqual([told["best_ask"], told["best_ask_size"]], book.asks[0])


class Seeds(unittest.TestCase):
    def test_out_of_range_are_refused(self) -> None:
        for seed in (-1, 2**32):
            with self.subTest(seed=seed), self.assertRaises(ApiUsageError):
                Simulation(seed)
