import asyncio
import unittest
from collections.abc import AsyncGenerator, Callable, Iterable
from decimal import Decimal

from exchange_wrapper.errors import DataError, Unavailable
from exchange_wrapper.exchange.base import Candle, Capabilities, Exchange
from exchange_wrapper.feed import Backoff, Feed
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.market import BookLost, Heartbeat, MarketEvent
from exchange_wrapper.pair import Pair
from exchange_wrapper.times import SECOND, UtcNs
from tests.exchange_wrapper.test_live_book import PAIR, snapshot

Step = MarketEvent | Exception | Callable[[], object]

ETH = Pair("ETH-USD", "ETH", "USD", Decimal("0.01"), Decimal("0.00000001"))


async def forever() -> None:
    """Wait for a message that never comes."""
    await asyncio.get_running_loop().create_future()


class ScriptedExchange(Exchange):
    """An exchange whose connections play scripts: events, errors, or things to call or await."""

    capabilities = Capabilities(candle_freqs_s=frozenset())
    silence_max_s = 5.0
    default_fees = FeeSchedule(maker=Decimal("0.004"), taker=Decimal("0.006"))

    def __init__(self, *scripts: Iterable[Step], pairs: Iterable[Pair] = (PAIR,)) -> None:
        super().__init__("here", {}, frozenset())
        self.scripts = iter(scripts)
        self.listed = {pair.name(): pair for pair in pairs}
        self.refusals: list[Exception] = []
        self.closed = False
        self.connections = self.disconnected = 0

    async def load_pairs(self) -> dict[str, Pair]:
        if self.refusals:
            raise self.refusals.pop(0)
        return self.listed

    async def connect(self, pairs: Iterable[Pair]) -> AsyncGenerator[MarketEvent, None]:
        self.connections += 1
        try:
            for step in next(self.scripts, [forever]):
                if isinstance(step, Exception):
                    raise step
                if callable(step):
                    result = step()
                    if asyncio.iscoroutine(result):
                        await result
                else:
                    yield step
        finally:
            self.disconnected += 1

    async def fetch_candles(
        self, pair: Pair, freq_s: int, start_s: int, end_s: int
    ) -> list[Candle]:
        return []

    async def close(self) -> None:
        self.closed = True


def beat(at: int, pair: Pair = PAIR) -> Heartbeat:
    return Heartbeat(pair.name(), UtcNs(at), UtcNs(at))


class BackoffTest(unittest.TestCase):
    def test_its_bound_doubles_up_to_the_cap_and_can_start_anew(self) -> None:
        backoff = Backoff(lambda: 1.0)
        self.assertEqual([backoff.next_s() for _ in range(8)], [0.5, 1, 2, 4, 8, 16, 30, 30])
        backoff.reset()
        self.assertEqual(backoff.next_s(), 0.5)

    def test_a_wait_is_anything_from_nothing_to_the_bound(self) -> None:
        draws = iter([0.0, 0.25, 0.5])
        backoff = Backoff(lambda: next(draws))
        self.assertEqual([backoff.next_s() for _ in range(3)], [0, 0.25, 1])


class FeedTest(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.now = 0
        self.seen: list[MarketEvent] = []
        self.slept: list[float] = []
        self.draw = 1.0

    async def run_feed(self, *scripts: Iterable[Step], **kwargs: Iterable[Pair]) -> Feed:
        """Run until the last script has been played."""
        done = asyncio.Event()

        def stop() -> None:
            done.set()

        exchange = self.exchange = ScriptedExchange(*scripts[:-1], [*scripts[-1], stop, forever])
        feed = self.feed(exchange, **kwargs)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(feed.run())
            await done.wait()
            running.cancel()
        return feed

    def feed(
        self,
        exchange: Exchange,
        pairs: Iterable[Pair] = (PAIR,),
        sink: Callable[[MarketEvent], None] | None = None,
    ) -> Feed:
        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        return Feed(
            exchange,
            pairs,
            sink or self.seen.append,
            clock=lambda: UtcNs(self.now),
            sleep=sleep,
            draw=lambda: self.draw,
        )

    def reasons(self) -> list[str]:
        return [event.reason for event in self.seen if isinstance(event, BookLost)]

    async def test_events_pass_in_order(self) -> None:
        events = [snapshot({100: 1}, {101: 1}, at=1), beat(2), beat(3)]
        feed = await self.run_feed(events)
        self.assertEqual(self.seen, events)
        self.assertEqual((feed.reconnects, feed.gaps, feed.last_message_at), (0, 0, 3))
        self.assertEqual(feed.problem, "")
        self.assertEqual(self.exchange.disconnected, self.exchange.connections)

    async def test_every_loss_is_reported_for_every_pair_and_followed_by_a_new_connection(
        self,
    ) -> None:
        feed = await self.run_feed(
            [Unavailable("no route")],
            [beat(1), Unavailable("closed: 1006")],
            [beat(2), DataError("garbage")],
            [beat(3)],
            [beat(4)],
            pairs=(PAIR, ETH),
        )
        self.assertEqual(
            self.reasons(),
            [
                reason
                for reason in ("no route", "closed: 1006", "garbage", "here ended its feed")
                for _ in range(2)
            ],
        )
        self.assertEqual({event.pair for event in self.seen}, {"BTC_USD", "ETH_USD"})
        self.assertEqual(feed.reconnects, 4)
        self.assertEqual(self.slept, [0.5, 1, 2, 4])

    async def test_a_healthy_minute_starts_the_back_off_anew(self) -> None:
        def pass_time() -> None:
            self.now += 60 * SECOND

        await self.run_feed(
            [Unavailable("1")],
            [beat(0), Unavailable("2")],
            [beat(0), pass_time, Unavailable("3")],
            [pass_time, Unavailable("4")],  # a minute without a message is not a healthy one
            [],
        )
        self.assertEqual(self.slept, [0.5, 1, 0.5, 1])

    async def test_a_silent_connection_is_replaced(self) -> None:
        exchange = ScriptedExchange([beat(1), forever], [beat(2), forever])
        exchange.silence_max_s = 0.01  # type: ignore[misc]
        again = asyncio.Event()

        def sink(event: MarketEvent) -> None:
            self.seen.append(event)
            if event == beat(2):
                again.set()

        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(self.feed(exchange, sink=sink).run())
            await again.wait()
            running.cancel()
        self.assertEqual(self.reasons(), ["nothing arrived for 0.01 s"])
        self.assertEqual(exchange.disconnected, exchange.connections)

    async def test_a_connection_that_falls_silent_is_not_kept_until_a_planned_resync(self) -> None:
        bad = BookLost("BTC_USD", "0.001 is off the grid", UtcNs(2))
        exchange = ScriptedExchange([bad, forever])
        exchange.silence_max_s = 0.01  # type: ignore[misc]
        gone = asyncio.Event()

        def sink(event: MarketEvent) -> None:
            self.seen.append(event)
            if len(self.seen) == 2:
                gone.set()

        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(self.feed(exchange, sink=sink).run())
            await gone.wait()
            running.cancel()
        self.assertEqual(self.reasons(), [bad.reason, "nothing arrived for 0.01 s"])

    async def test_bad_data_of_one_pair_leads_to_a_new_connection(self) -> None:
        self.draw = 0.0
        bad = BookLost("BTC_USD", "0.001 is off the grid", UtcNs(2))
        feed = await self.run_feed([beat(1), bad, beat(3, ETH), forever], [], pairs=(PAIR, ETH))
        self.assertEqual(self.seen[:3], [beat(1), bad, beat(3, ETH)])  # the other pair goes on
        self.assertEqual(self.reasons(), [bad.reason] * 3)
        self.assertEqual((feed.gaps, feed.reconnects), (1, 1))

    async def test_a_bug_is_not_taken_for_a_lost_connection(self) -> None:
        for name, bug in {"in the adapter": KeyError("x"), "a time-out": TimeoutError()}.items():
            with self.subTest(name), self.assertRaises(type(bug)):
                await self.feed(ScriptedExchange([bug])).run()

    async def test_an_error_of_the_sink_is_not_taken_for_a_lost_connection(self) -> None:
        for bug in (Unavailable("the database"), DataError("the database"), TimeoutError()):
            with self.subTest(type(bug)):
                exchange = ScriptedExchange([beat(1)])

                def sink(event: MarketEvent, bug: Exception = bug) -> None:
                    raise bug

                with self.assertRaises(type(bug)):
                    await self.feed(exchange, sink=sink).run()
                self.assertEqual(exchange.disconnected, 1)
