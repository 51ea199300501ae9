"""A recorded session through sandbox, socket and adapter into live books.

The capture is looked for in ``$CRYPTICK_CAPTURE``, else beside the repository. Its books at the
end must equal a rebuild from its plain text.
"""

import asyncio
import gzip
import json
import math
import os
from collections.abc import Callable, Iterator
from contextlib import aclosing
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.table import Figure
from exchange_wrapper.exchange.base import PairGrid, TakeUpdate
from exchange_wrapper.exchange.gdax import GDAXExchange
from exchange_wrapper.live_book import LiveBook
from exchange_wrapper.market import Heartbeat
from exchange_wrapper.sandbox.capture import read_capture
from exchange_wrapper.sandbox.replay import Replay
from exchange_wrapper.sandbox.server import serve
from exchange_wrapper.terms import Side
from exchange_wrapper.times import UtcNs

_BESIDE = "../shared/data/cryptofeed/coinbase-exchange-2021-04-17"
_CAPTURE = Path(os.environ.get("CRYPTICK_CAPTURE") or Path(__file__).resolve().parents[1] / _BESIDE)

Levels = dict[Decimal, Decimal]


def run() -> list[Figure]:
    if not _CAPTURE.exists():
        return [Figure("the recorded session is not here", 0, "messages/s")]
    expected, count = _rebuild()
    figures = []
    for name, speed in (("at its own speed", 1.0), ("as fast as it goes", math.inf)):
        seconds, books = asyncio.run(_play(speed, count))
        crossed = sum(live.book.is_crossed() for live in books.values())
        gaps = sum(live.gaps for live in books.values())
        equal = sum(_levels(books[pair]) == levels for pair, levels in expected.items())
        note = f"{equal}/{len(expected)} books equal, {gaps} gaps, {crossed} crossed"
        figures.append(Figure(name, count / seconds, "messages/s", note))
    return figures


async def _play(speed: float, count: int) -> tuple[float, dict[str, LiveBook]]:
    async with serve(Replay(read_capture(_CAPTURE), speed)) as at:
        config = {"rest_url": at.rest_url, "ws_url": at.ws_url}
        currencies = frozenset({"BAND", "NU", "SKL", "CRV", "DASH", "BTC", "GBP", "EUR", "USD"})
        exchange = GDAXExchange("gdax", config, currencies)
        pairs = await exchange.load_pairs()
        books = {name: LiveBook(pair) for name, pair in pairs.items()}
        done = asyncio.Event()

        def note(live: LiveBook) -> None:
            nonlocal count
            assert not live.book.is_crossed()
            count -= 1
            if not count:
                done.set()

        async def follow() -> None:
            async with aclosing(exchange.connect(pairs.values())) as events:
                async for event in events:
                    books[event.pair].receive(event)
                    if type(event) is not Heartbeat:
                        note(books[event.pair])

        exchange.takers = {name: _noted(live, note) for name, live in books.items()}
        start = perf_counter()
        following = asyncio.create_task(follow())
        async with asyncio.timeout(120):
            await done.wait()
        seconds = perf_counter() - start
        following.cancel()
        await asyncio.wait([following])
        await exchange.close()
    return seconds, books


def _noted(live: LiveBook, note: Callable[[LiveBook], None]) -> TakeUpdate:
    def take(changes: list[tuple[Side, str, str]], grid: PairGrid, received_at: UtcNs) -> bool:
        taken = live.take(changes, grid, received_at)
        if taken:
            note(live)
        return taken

    return take


def _levels(live: LiveBook) -> tuple[Levels, Levels]:
    pair = live.pair
    bids, asks = (
        {pair.price(ticks): pair.size(lots) for ticks, lots in side.items()}
        for side in (live.book.bids, live.book.asks)
    )
    return bids, asks


def _rebuild() -> tuple[dict[str, tuple[Levels, Levels]], int]:
    """Return each pair's last levels and the number of messages about books and trades."""
    books: dict[str, tuple[Levels, Levels]] = {}
    count = 0
    for message in _received():
        pair = message.get("product_id", "").replace("-", "_")
        count += message["type"] in ("snapshot", "l2update", "match")
        if message["type"] == "snapshot":
            bids, asks = (
                {Decimal(price): Decimal(size) for price, size in message[side]}
                for side in ("bids", "asks")
            )
            books[pair] = bids, asks
        elif message["type"] == "l2update":
            for side, price, size in message["changes"]:
                levels = books[pair][side == "sell"]
                levels[Decimal(price)] = Decimal(size)
                if not Decimal(size):
                    del levels[Decimal(price)]
    return books, count


def _received() -> Iterator[dict[str, Any]]:
    with gzip.open(_CAPTURE / "ws.txt.gz", "rt") as lines:
        for line in lines:
            time, _, text = line.partition(": ")
            if text and "<" not in time:
                yield json.loads(text)
