"""Wire bytes to applied book, best bid and ask after each message.

All contenders take turns at the same messages, a slice each, so that whatever else the machine
does slows all of them; each ends with the book of the feed's own bookkeeping or is an error.
cryptofeed is fed the same changes in Advanced Trade's form, the only one that it reads.
"""

import asyncio
import importlib.util
import tempfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.level_feed import PAIR, LevelFeed, write_feed
from benchmarks.table import Figure
from exchange_wrapper.exchange.gdax import FeedParser
from exchange_wrapper.live_book import LiveBook
from exchange_wrapper.paper import PaperEngine
from exchange_wrapper.times import UtcNs

UPDATES = 500_000
_COMPARED = 100_000  # the slowest peer would take most of a minute for all
_SLICE = 25_000
_ROUNDS = 3

Best = tuple[Decimal, Decimal]


class Ours:
    name = "Cryptick"

    def __init__(self, feed: LevelFeed) -> None:
        self._messages: Sequence[Any] = feed.exchange
        self.live = LiveBook(PAIR)
        self.live.attach(PaperEngine(self.live.book))
        self._parser = FeedParser([PAIR], {PAIR.name(): self.live.take})
        self.run(0, 1)

    def run(self, first: int, last: int) -> None:
        parse, receive, book, now = self._parser.parse, self.live.receive, self.live.book, UtcNs(1)
        for raw in self._messages[first:last]:
            event = parse(raw, now)
            if event is not None:
                receive(event)
            _ = book.best_bid, book.best_ask

    def best(self) -> Best:
        book = self.live.book
        assert book.best_bid is not None and book.best_ask is not None
        return PAIR.price(book.best_bid), PAIR.price(book.best_ask)


class SortedDicts:
    name = "orjson + SortedDict of Decimal"
    needs = ("orjson", "sortedcontainers")

    def __init__(self, feed: LevelFeed) -> None:
        import orjson
        from sortedcontainers import SortedDict

        self._loads = orjson.loads
        self._messages = feed.exchange
        snapshot = orjson.loads(feed.exchange[0])
        self._bids, self._asks = (
            SortedDict((Decimal(price), Decimal(size)) for price, size in snapshot[side])
            for side in ("bids", "asks")
        )

    def run(self, first: int, last: int) -> None:
        for raw in self._messages[first:last]:
            for side, price, size in self._loads(raw)["changes"]:
                levels = self._bids if side == "buy" else self._asks
                if amount := Decimal(size):
                    levels[Decimal(price)] = amount
                else:
                    levels.pop(Decimal(price), None)
            _ = self._bids.peekitem(-1), self._asks.peekitem(0)

    def best(self) -> Best:
        return self._bids.keys()[-1], self._asks.keys()[0]


class Cryptofeed:
    name = "cryptofeed"
    needs = ("cryptofeed",)

    def __init__(self, feed: LevelFeed) -> None:
        from cryptofeed.defines import L2_BOOK
        from cryptofeed.exchanges import Coinbase
        from cryptofeed.symbols import Symbols

        async def ignore(book: object, received_at: float) -> None:
            pass

        details = {"instrument_type": {"BTC-USD": "spot"}, "tick_size": {}}
        Symbols.set("COINBASE", {"BTC-USD": "BTC-USD"}, details)
        self._messages = feed.advanced
        self._feed = Coinbase(
            symbols=["BTC-USD"],
            channels=[L2_BOOK],
            callbacks={L2_BOOK: ignore},
            config={"log": {"disabled": True}},
        )
        self.run(0, 1)

    def run(self, first: int, last: int) -> None:
        asyncio.run(self._run(self._messages[first:last]))

    async def _run(self, messages: Sequence[str]) -> None:
        handle = self._feed.message_handler
        for raw in messages:
            await handle(raw, None, 0.0)

    def best(self) -> Best:
        book = self._feed._l2_book["BTC-USD"].book
        return book.bids.index(0)[0], book.asks.index(0)[0]


class CcxtPro:
    name = "ccxt.pro"
    needs = ("ccxt", "orjson")

    def __init__(self, feed: LevelFeed) -> None:
        import ccxt.pro
        import orjson

        self._loads = orjson.loads
        self._messages = feed.exchange
        self._loop = asyncio.new_event_loop()  # ccxt makes its futures when it is made
        asyncio.set_event_loop(self._loop)
        self._exchange = ccxt.pro.coinbaseexchange({"enableRateLimit": False})
        market: dict[str, object] = {
            "id": "BTC-USD",
            "symbol": "BTC/USD",
            "base": "BTC",
            "quote": "USD",
        }
        market |= {"type": "spot", "spot": True, "active": True}
        self._exchange.markets = {"BTC/USD": market}
        self._exchange.markets_by_id = {"BTC-USD": [market]}
        self.run(0, 1)

    url = "wss://unused.invalid"  # of the stand-in for ccxt's client, which this object is
    subscriptions: dict[str, object] = {}  # noqa: RUF012

    def resolve(self, result: object, name: str) -> object:
        return result

    def reject(self, error: Exception, name: str = "") -> None:
        raise error

    def run(self, first: int, last: int) -> None:
        for raw in self._messages[first:last]:
            self._exchange.handle_message(self, self._loads(raw))

    def best(self) -> Best:
        book = self._exchange.orderbooks["BTC/USD"]
        return Decimal(str(book["bids"][0][0])), Decimal(str(book["asks"][0][0]))


_PEERS = (SortedDicts, Cryptofeed, CcxtPro)
_WANTED = {"cryptofeed": 3, "ccxt.pro": 10}


def run() -> list[Figure]:
    present = [p for p in _PEERS if all(map(importlib.util.find_spec, p.needs))]
    missing = [p.name for p in _PEERS if p not in present]
    with tempfile.TemporaryDirectory() as folder:
        feed = write_feed(Path(folder), UPDATES)
    figures = []
    for number in range(1, _ROUNDS + 1):
        rates = _rates(feed, [Ours, *present])
        for name, rate in rates.items():
            ratio = rates[Ours.name] / rate
            wanted = f"(≥ {_WANTED[name]} wanted)" if name in _WANTED else ""
            note = "" if name == Ours.name else f"ours is {ratio:.2f} × {wanted}"
            figures.append(Figure(f"{number}: {name}", rate, "messages/s", note))
    figures.append(Figure("Cryptick, the whole feed", _whole_rate(feed), "messages/s", "exact"))
    figures += [Figure(f"{name}: not installed", 0, "messages/s") for name in missing]
    return figures


def _rates(feed: LevelFeed, kinds: Sequence[Any]) -> dict[str, float]:
    contenders = [kind(feed) for kind in kinds]
    spent_s = dict.fromkeys((kind.name for kind in kinds), 0.0)
    for first in range(1, _COMPARED + 1, _SLICE):
        for contender in contenders:
            start = perf_counter()
            contender.run(first, first + _SLICE)
            spent_s[contender.name] += perf_counter() - start
    bests = {contender.name: contender.best() for contender in contenders}
    assert len(set(bests.values())) == 1, f"the books differ: {bests}"
    return {name: _COMPARED / seconds for name, seconds in spent_s.items()}


def _whole_rate(feed: LevelFeed) -> float:
    ours = Ours(feed)
    start = perf_counter()
    ours.run(1, len(feed.exchange))
    seconds = perf_counter() - start
    book = ours.live.book
    for levels, expected in zip((book.bids, book.asks), feed.levels, strict=True):
        assert {PAIR.price(t): PAIR.size(n) for t, n in levels.items()} == expected
    return (len(feed.exchange) - 1) / seconds
