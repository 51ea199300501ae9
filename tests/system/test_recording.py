"""A session on paper with recording switched on: what is read back rebuilds the same books."""

import asyncio
import tempfile
import unittest
from collections.abc import Iterable
from pathlib import Path

from exchange_wrapper.client import XWrapClient
from exchange_wrapper.history import HistorySource, RemoteHistory, StoreHistory
from exchange_wrapper.live_book import LiveBook
from exchange_wrapper.market import BookUpdate, TradePrint
from exchange_wrapper.pair import Pair
from exchange_wrapper.sandbox import Simulation
from exchange_wrapper.sandbox import serve as serve_sandbox
from exchange_wrapper.service.server import serve
from exchange_wrapper.storage.recording import Recorded
from exchange_wrapper.venue import Venue
from tests.exchange_wrapper.fake_exchange import settings
from tests.system.test_crash import ready

_UPDATES_MIN = 30


def rebuilt(pair: Pair, events: Iterable[Recorded]) -> LiveBook:
    """Return the book after the events, as a backtest makes it."""
    book = LiveBook(pair)
    for event in events:
        book.receive(event)
    return book


class RecordedOnPaper(unittest.IsolatedAsyncioTestCase):
    async def test_the_recording_rebuilds_the_very_same_books(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        at = await self.enterAsyncContext(serve_sandbox(Simulation(7)))
        chosen = settings(
            folder,
            **{"class": "exchange_wrapper.exchange.gdax.GDAXExchange"},
            rest_url=at.rest_url,
            ws_url=at.ws_url,
            history_days=0,
            record=["BTC_USD", "LTC_USD"],
        )
        async with serve(chosen) as running:
            venue = running.service.engine.venues["fake"]
            remote = RemoteHistory(running.rpc_url)
            client = await self.enterAsyncContext(await XWrapClient.connect(running.rpc_url))
            await ready(client)
            await self.trade(client)
            await self.has_recorded(remote)
            await venue.stop()  # its books stay as they were last
            told = await asyncio.to_thread(self.books_of, remote, venue)
            await client.close()
        with StoreHistory(folder / "timeseries.db") as history:
            self.assertEqual(self.books_of(history, venue), told)

    async def trade(self, client: XWrapClient) -> None:
        """Buy something: a virtual fill is no event of the market."""
        wallet_set = await client.create_wallet_set("run", [("fake", "USD", "20000")])
        answer = await client.make_order(
            run_id="run", exchange="fake", client_oid="a", type="market", pair="BTC_USD",
            size="0.01", side="buy", wallet_set_id=wallet_set, funds="2000",
        )  # fmt: skip
        self.assertEqual(answer, ("accepted", ""))

    async def has_recorded(self, remote: HistorySource) -> None:
        """Wait until enough has happened, as somebody sees who reads while it goes on."""
        async with asyncio.timeout(120):
            while True:
                read = await asyncio.to_thread(self.read, remote, "BTC_USD")
                kinds = [type(event) for event in read]
                if kinds.count(BookUpdate) >= _UPDATES_MIN and TradePrint in kinds:
                    return

    def books_of(self, history: HistorySource, venue: Venue) -> list[list[Recorded]]:
        """Compare the books that a history gives with the venue's, and return what it gives."""
        steps = {one.pair: (one.tick_size, one.lot_size) for one in history.recordings()}
        everything = []
        for name in ("BTC_USD", "LTC_USD"):
            live, events = venue.books[name], self.read(history, name)
            self.assertEqual(steps[name], (live.pair.tick_size, live.pair.lot_size))
            book = rebuilt(live.pair, events)
            self.assertEqual(book.state, live.state)
            self.assertEqual(dict(book.book.bids), dict(live.book.bids))
            self.assertEqual(dict(book.book.asks), dict(live.book.asks))
            self.assertGreater(len(book.book.bids), 10)
            everything.append(events)
        return everything

    def read(self, history: HistorySource, pair: str) -> list[Recorded]:
        return list(history.recorded_events("fake", pair))
