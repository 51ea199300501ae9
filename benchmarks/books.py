"""Memory of a deep live book, and how late the loop is with 50 books on it."""

import asyncio
import json
import random
import tempfile
import tracemalloc
from decimal import Decimal
from pathlib import Path
from time import perf_counter

from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websocket

from benchmarks.level_feed import PAIR, write_feed
from benchmarks.table import Figure
from exchange_wrapper.errors import Unavailable
from exchange_wrapper.exchange.gdax import FeedParser, GDAXExchange
from exchange_wrapper.live_book import LiveBook
from exchange_wrapper.pair import Pair
from exchange_wrapper.times import UtcNs

_CHURN = 200_000  # updates during which the memory is watched; the price memo fills up
_PAIRS = 50
_RATE = 200  # messages/s and book
_SECONDS = 4.0
_TURN_S = 0.005  # how often the venue sends what is due


def run() -> list[Figure]:
    fresh, used = _memory_mb()
    count, lags_ms = asyncio.run(_measure_lag())
    lags_ms.sort()
    rate = f"{count / _SECONDS:,.0f} messages/s arrived"
    return [
        Figure("one book of 2 × 5,000 levels", fresh, "MB", "(< 5 wanted)"),
        Figure(f"the most during {_CHURN:,} updates", used, "MB", "(< 5 wanted)"),
        Figure("loop lag, 50 books: median", lags_ms[len(lags_ms) // 2], "ms", rate),
        Figure("loop lag, 50 books: p99", lags_ms[len(lags_ms) * 99 // 100], "ms", "(< 20 wanted)"),
    ]


def _memory_mb() -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        messages = write_feed(Path(folder), _CHURN).exchange
    tracemalloc.start()
    try:
        parser, live, now = FeedParser([PAIR]), LiveBook(PAIR), UtcNs(1)
        marks = []
        for number, raw in enumerate(messages):
            event = parser.parse(raw, now)
            assert event is not None
            live.receive(event)
            del event
            if number % 1000 == 0:
                marks.append(tracemalloc.get_traced_memory()[0] / 1e6)
        return marks[0], max(marks)
    finally:
        tracemalloc.stop()


async def _measure_lag() -> tuple[int, list[float]]:
    """Return the messages that arrived and by how many ms each of many short sleeps was late.

    The venue that sends them runs on the same loop, so its work counts against us.
    """
    pairs = [
        Pair(f"C{n}-USD", f"C{n}", "USD", PAIR.tick_size, PAIR.lot_size) for n in range(_PAIRS)
    ]
    books = {pair.name(): LiveBook(pair) for pair in pairs}
    venue = _Venue(pairs)
    async with serve_websocket(venue.serve, "127.0.0.1", 0, compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        exchange = GDAXExchange("gdax", {"ws_url": f"ws://127.0.0.1:{port}"}, frozenset())
        count = 0

        async def follow() -> None:
            nonlocal count
            async for event in exchange.connect(pairs):
                live = books[event.pair]
                live.receive(event)
                assert not live.book.is_crossed()
                count += 1

        following = asyncio.create_task(follow())
        await asyncio.sleep(1)  # snapshots
        count, lags_ms, end = 0, [], perf_counter() + _SECONDS
        while (start := perf_counter()) < end:
            await asyncio.sleep(0.001)
            lags_ms.append((perf_counter() - start - 0.001) * 1e3)
        venue.done = True  # it hangs up, which ends the feed
        await asyncio.wait([following])
        assert isinstance(following.exception(), Unavailable), following.exception()
        await exchange.close()
    return count, lags_ms


class _Venue:
    def __init__(self, pairs: list[Pair]) -> None:
        self._ids = [pair.x_id for pair in pairs]
        self._random = random.Random(1)
        self.done = False

    async def serve(self, socket: ServerConnection) -> None:
        await socket.recv()
        rows = [[f"{100 + step}.00", "1.5"] for step in range(100)]
        for name in self._ids:
            bids, asks = rows[:50], rows[50:]
            message = {"type": "snapshot", "product_id": name, "bids": bids, "asks": asks}
            await socket.send(json.dumps(message))
        start, sent = perf_counter(), 0
        while not self.done:
            due = int((perf_counter() - start) * _PAIRS * _RATE)
            for number in range(sent, due):
                await socket.send(self._update(number))
            sent = due
            await asyncio.sleep(_TURN_S)

    def _update(self, number: int) -> str:
        step = self._random.randrange(100)
        size = Decimal(self._random.randrange(10**9)).scaleb(-8)
        side = "buy" if step < 50 else "sell"
        return (
            f'{{"type":"l2update","product_id":"{self._ids[number % _PAIRS]}",'
            '"time":"2026-01-01T00:00:00.000000Z",'
            f'"changes":[["{side}","{100 + step}","{size:f}"]]}}'
        )
