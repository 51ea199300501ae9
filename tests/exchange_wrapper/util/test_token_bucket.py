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

    async def test_tasks_that_ask_together_wait_one_after_the_other(self) -> None:
        slept: list[float] = []

        async def sleep(seconds: float) -> None:
            slept.append(round(seconds, 6))

        bucket = TokenBucket(10, clock=self.time, sleep=sleep)
        await asyncio.gather(*(bucket.request_token() for _ in range(4)))
        self.assertEqual(slept, [0.1, 0.2, 0.3])

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
