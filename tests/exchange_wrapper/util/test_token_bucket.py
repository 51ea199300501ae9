import asyncio
import unittest

from hypothesis import given
from hypothesis import strategies as st

from exchange_wrapper.util.token_bucket import TokenBucket


class FakeTime:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class TokenBucketTest(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.time = FakeTime()
        self.bucket = TokenBucket(10, burst=3, clock=self.time, sleep=self.time.sleep)

    async def ask(self, count: int) -> None:
        for _ in range(count):
            await self.bucket.request_token()

    async def test_a_burst_passes_at_once_and_the_rest_at_the_rate(self) -> None:
        await self.ask(3)
        self.assertEqual(self.time.slept, [])
        await self.ask(2)
        self.assertAlmostEqual(self.time.now, 1000.2)

    async def test_a_pause_fills_the_bucket_up_to_the_burst_only(self) -> None:
        await self.ask(3)
        self.time.now += 3600
        await self.ask(4)
        self.assertEqual([round(s, 6) for s in self.time.slept], [0.1])

    async def test_tasks_that_ask_together_get_theirs_one_after_the_other(self) -> None:
        bucket = TokenBucket(10, clock=self.time, sleep=self.time.sleep)
        given_at: list[tuple[int, float]] = []

        async def ask(name: int) -> None:
            await bucket.request_token()
            given_at.append((name, round(self.time.now, 6)))

        await asyncio.gather(*map(ask, range(4)))
        self.assertEqual(given_at, [(0, 1000.0), (1, 1000.1), (2, 1000.2), (3, 1000.3)])

    async def test_urgent_requests_overtake_those_that_wait(self) -> None:
        turns: list[asyncio.Event] = []

        async def sleep(seconds: float) -> None:
            turns.append(asyncio.Event())
            await turns[-1].wait()

        bucket = TokenBucket(10, clock=self.time, sleep=sleep)
        given: list[str] = []

        async def ask(name: str, *, urgent: bool = False) -> None:
            await bucket.request_token(urgent=urgent)
            given.append(name)

        async with asyncio.TaskGroup() as group:
            for name in ("first", "second", "third"):
                group.create_task(ask(name))
            group.create_task(ask("cancel", urgent=True))
            while len(given) < 4:
                await asyncio.sleep(0)
                self.assertLess(bucket.remaining, 1)
                self.time.now += 0.1
                woken, turns[:] = turns[:], []
                for turn in woken:
                    turn.set()
        self.assertEqual(given, ["first", "cancel", "second", "third"])

    async def test_who_gives_up_waiting_takes_no_token(self) -> None:
        bucket = TokenBucket(10, clock=self.time)
        await bucket.request_token()
        waiting = asyncio.create_task(bucket.request_token())
        await asyncio.sleep(0)
        self.assertEqual(bucket.remaining, -1)
        waiting.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await waiting
        self.assertEqual(bucket.remaining, 0)

    async def test_after_a_pause_nobody_gets_a_token_before_its_end(self) -> None:
        self.bucket.pause(1.0)
        await self.ask(1)
        self.assertAlmostEqual(self.time.now, 1001.0)

    @given(
        st.integers(1, 20),
        st.lists(st.floats(0, 2, allow_nan=False), min_size=1, max_size=40),
    )
    def test_no_second_ever_sees_more_than_burst_and_rate(
        self, burst: int, gaps: list[float]
    ) -> None:
        async def run() -> list[float]:
            time = FakeTime()
            bucket = TokenBucket(10, burst, clock=time, sleep=time.sleep)
            given_at = []
            for gap in gaps:
                time.now += gap
                await bucket.request_token()
                given_at.append(time.now)
            return given_at

        given_at = asyncio.run(run())
        for start in given_at:
            inside = sum(start <= moment < start + 1 - 1e-6 for moment in given_at)
            self.assertLessEqual(inside, burst + 10)
