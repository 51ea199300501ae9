"""Updates that are taken before they become events lead to what their events lead to."""

import asyncio
import gzip
import json
import unittest
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from exchange_wrapper.errors import DataError
from exchange_wrapper.exchange.base import PairGrid
from exchange_wrapper.exchange.gdax import FeedParser
from exchange_wrapper.live_book import LiveBook
from exchange_wrapper.market import BookUpdate, MarketEvent
from exchange_wrapper.orders import Order
from exchange_wrapper.pair import Pair
from exchange_wrapper.terms import Side
from exchange_wrapper.times import MILLISECOND, UtcNs
from exchange_wrapper.venue import Venue
from tests.exchange_wrapper.exchange.test_gdax import CAPTURE, TIME, message
from tests.exchange_wrapper.test_feed import ScriptedExchange, forever
from tests.exchange_wrapper.test_live_book import PAIR
from tests.exchange_wrapper.test_venue import limit_order

ETH = Pair("ETH-USD", "ETH", "USD", PAIR.tick_size, PAIR.lot_size)

Act = Callable[[Venue, UtcNs], object]
Step = tuple[UtcNs, bytes | Act]

BOOK = {"bids": [["0.99", "1"], ["0.98", "0.00000005"]], "asks": [["1.01", "1"], ["1.03", "2"]]}


class WireExchange(ScriptedExchange):
    """Reads messages, from connection to connection, as long as there are any."""

    def __init__(self, pairs: Iterable[Pair], steps: Iterable[Step], *, taking: bool) -> None:
        super().__init__(pairs=pairs)
        self.steps = iter(steps)
        self.taking = taking
        self.yielded = 0
        self.done = asyncio.Event()
        self.said: list[object] = []
        self.venue: Venue | None = None

    async def connect(self, pairs: Iterable[Pair]) -> AsyncGenerator[MarketEvent, None]:
        parser = FeedParser(pairs, self.takers if self.taking else {})
        for at, step in self.steps:
            if isinstance(step, bytes):
                event = parser.parse(step, at)
                if event is not None:
                    self.yielded += 1
                    yield event
            elif self.venue is not None:
                self.said.append(step(self.venue, at))
        self.done.set()
        await forever()


async def outcome(
    pairs: Sequence[Pair], steps: Sequence[Step], *, taking: bool
) -> tuple[dict[str, Any], int]:
    """Return what a venue makes of the steps, and how many events were needed for it."""
    exchange = WireExchange(pairs, [*steps, (UtcNs(0), lambda venue, at: end())], taking=taking)
    venue = Venue(exchange, latency_ns=5, clock=lambda: UtcNs(0), sleep=sleep, draw=lambda: 0.0)
    exchange.venue, said = venue, exchange.said
    seen: dict[str, Any] = {}

    def end() -> None:
        seen.update(
            said=said, books={name: picture(venue, live) for name, live in venue.books.items()}
        )

    venue.on_status = lambda venue, old, new: said.append(new)
    venue.on_executions = lambda venue, executions: said.extend(executions)
    venue.on_ticker = lambda venue, pair, *best: said.append((pair, best))
    venue.on_trade = lambda venue, trade: said.append(trade)
    await venue.start()
    async with asyncio.timeout(30):
        await exchange.done.wait()
    await venue.stop()
    return seen, exchange.yielded


async def sleep(seconds: float) -> None:
    await (forever() if seconds else asyncio.sleep(0))


def picture(venue: Venue, live: LiveBook) -> tuple[object, ...]:
    engine = venue.execution.engines[live.pair.name()]
    best = live.book.best_bid, live.book.best_ask
    levels = live.book.bids, live.book.asks
    debts = {side: dict(debts) for side, debts in engine._debts.items()}
    return (
        (live.state, live.reason, live.since, live.last_message_at, live.gaps, live.resyncs),
        (best, levels, str(live.book.fault)),
        (debts, engine.idle, engine.stale),
    )


def order(number: int, side: Side, price: int, lots: int) -> Act:
    made: Order = limit_order(price, lots)
    made = replace(made, id=number, request=replace(made.request, side=side))
    return lambda venue, at: venue.execution.submit(made, at)


def cancel(number: int) -> Act:
    made = replace(limit_order(100, 1), id=number)
    return lambda venue, at: venue.execution.cancel(made, at)


def listen(venue: Venue, at: UtcNs) -> None:
    """Hear every event from now on, as a recording does, or no longer."""
    assert isinstance(venue.exchange, WireExchange)
    said = venue.exchange.said

    def hear(venue: Venue, event: MarketEvent) -> None:
        said.append(
            (type(event), event.written if isinstance(event, BookUpdate) else event)
        )  # as written, be it right or wrong

    venue.on_event = hear if venue.on_event is None else None


def read(venue: Venue, at: UtcNs) -> object:
    """Look at a book, as a caller of the API may at any time."""
    return [live.book.depth(Side.BUY, 3) for live in venue.books.values()]


PRICES = {
    "buy": ["0.97", "0.98", "0.99", "0.990", "00.99", "1", "1.00"],
    "sell": ["1", "1.00", "1.01", "1.010", "1.02", "1.03", "01.03"],
}
SIZES = st.sampled_from(["0", "0.00000000", "0.0", "0.00000003", "1", "2.50000000", "00", "."])
WRONG_PRICES = st.sampled_from(["0", "0.00", "1.001", "-1", "1e0", "", "NaN", "9" * 40])
WRONG_SIZES = st.sampled_from(["", "-1", "1e3", "NaN", "0.000000001", "-0", "0x0", "٣"])
RARELY = st.integers(0, 30).map(lambda n: n == 0)


@st.composite
def changes(draw: st.DrawFn) -> list[list[str]]:
    made = []
    for _ in range(draw(st.integers(0, 4))):
        side = draw(st.sampled_from(["buy", "sell"]))
        there = PRICES["buy"] + PRICES["sell"] if draw(RARELY) else PRICES[side]
        price = draw(WRONG_PRICES if draw(RARELY) else st.sampled_from(there))
        made.append([side, price, draw(WRONG_SIZES if draw(RARELY) else SIZES)])
    return made


def said(type: str, **fields: object) -> st.SearchStrategy[bytes]:
    return st.sampled_from(["BTC-USD", "BTC-USD", "ETH-USD", "LTC-USD"]).map(
        lambda name: message(type, name, **{"time": TIME, **fields}).encode()
    )


UPDATES = changes().flatmap(lambda made: said("l2update", changes=made))
OTHERS = st.one_of(
    said("snapshot", **BOOK),
    said("heartbeat", sequence=1),
    st.sampled_from(["0.99", "1.01", "1.001"]).flatmap(
        lambda price: said("match", trade_id=7, side="sell", size="0.00000002", price=price)
    ),
    st.sampled_from(
        [
            b"{",
            b'{"type": "subscriptions"}',
            message("l2update", "BTC-USD", changes=[["held", "1.00", "1"]], time=TIME).encode(),
            message("l2update", "BTC-USD", changes=[["buy", 1, "1"]], time=TIME).encode(),
        ]
    ),
)
ACTS = st.one_of(
    st.builds(
        order,
        st.integers(1, 10**9),
        st.sampled_from(list(Side)),
        st.integers(97, 103),
        st.integers(1, 9),
    ),
    st.sampled_from([listen, read, cancel(1)]),
)
STREAMS = st.lists(
    st.tuples(
        st.sampled_from([1, MILLISECOND, 200 * MILLISECOND]),
        st.one_of(UPDATES, UPDATES, UPDATES, UPDATES, OTHERS, ACTS),
    ),
    max_size=60,
)


class TakenUpdatesTest(unittest.TestCase):
    @settings(max_examples=150, deadline=None)
    @given(STREAMS)
    def test_books_debts_fills_and_states_are_the_same(self, stream: list[tuple[int, Any]]) -> None:
        at, steps = 0, []
        opening = [(1, message("snapshot", p.x_id, **BOOK).encode()) for p in (PAIR, ETH)]
        for wait, step in [*opening, *stream]:
            at += wait
            steps.append((UtcNs(at), step))
        by_events, _ = asyncio.run(outcome((PAIR, ETH), steps, taking=False))
        taken, _ = asyncio.run(outcome((PAIR, ETH), steps, taking=True))
        self.assertEqual(taken, by_events)

    def test_only_what_is_taken_is_left_out(self) -> None:
        raw = message("l2update", "BTC-USD", changes=[["buy", "1.00", "1"]], time=TIME).encode()
        offered: list[tuple[object, ...]] = []
        for answer in (True, False):

            def take(
                changes: list[tuple[Side, str, str]],
                grid: PairGrid,
                received_at: UtcNs,
                answer: bool = answer,
            ) -> bool:
                offered.append((changes, grid.name, received_at))
                return answer

            event = FeedParser([PAIR, ETH], {"BTC_USD": take}).parse(raw, UtcNs(5))
            self.assertEqual(offered.pop(), ([(Side.BUY, "1.00", "1")], "BTC_USD", 5))
            self.assertEqual(isinstance(event, BookUpdate), not answer)

    def test_what_can_not_be_read_is_refused_before_it_is_offered(self) -> None:
        def take(*_: object) -> bool:
            raise AssertionError("offered")

        for fields in (
            {"changes": [["held", "1.00", "1"]], "time": TIME},
            {"changes": [["buy", "1.00"]], "time": TIME},
            {"time": TIME},
        ):
            raw = message("l2update", "BTC-USD", **fields).encode()
            with self.subTest(raw), self.assertRaises(DataError):
                FeedParser([PAIR], {"BTC_USD": take}).parse(raw, UtcNs(5))


@unittest.skipUnless(CAPTURE.exists(), f"the recorded session {CAPTURE.name} is not here")
class RecordedSessionTest(unittest.TestCase):
    def test_it_leads_to_the_same_with_few_events(self) -> None:
        with gzip.open(CAPTURE / "rest.txt.gz", "rt") as lines:
            listed = {p["id"]: p for p in json.loads(next(lines).partition(": ")[2])}
        received = list(self._received())
        names = {json.loads(text).get("product_id") for _, text in received} - {None}
        pairs = [
            Pair(
                name,
                *name.split("-"),
                Decimal(listed[name]["quote_increment"]),
                Decimal(listed[name]["base_increment"]),
            )
            for name in sorted(names)
        ]
        steps = [(UtcNs(int(Decimal(at) * 10**9)), text.encode()) for at, text in received]
        by_events, all_events = asyncio.run(outcome(pairs, steps, taking=False))
        taken, events = asyncio.run(outcome(pairs, steps, taking=True))
        self.assertEqual(taken, by_events)
        self.assertLess(events, all_events // 4)

    @staticmethod
    def _received() -> Iterator[tuple[str, str]]:
        with gzip.open(CAPTURE / "ws.txt.gz", "rt") as lines:
            for line in lines:
                at, _, text = line.partition(": ")
                if text and "<" not in at:
                    yield at, text
