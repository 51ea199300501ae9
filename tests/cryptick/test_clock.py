import asyncio
import unittest

from cryptick.clock import NEVER, RealClock, SimulatedClock
from exchange_wrapper.times import SECOND, UtcNs


class SimulatedTime(unittest.TestCase):
    def test_timers_fire_in_time_order_and_at_one_time_as_they_were_set(self) -> None:
        clock, fired = SimulatedClock(UtcNs(100)), []
        for time, name in ((300, "c"), (200, "a"), (200, "b"), (50, "past")):
            clock.at(UtcNs(time), lambda name=name: fired.append((clock.now(), name)))
        while clock.next_due < NEVER:
            clock.fire()
        self.assertEqual(fired, [(100, "past"), (200, "a"), (200, "b"), (300, "c")])

    def test_a_timer_may_set_another(self) -> None:
        clock, fired = SimulatedClock(UtcNs(0)), []
        clock.at(UtcNs(10), lambda: clock.at(UtcNs(20), lambda: fired.append(clock.now())))
        clock.fire()
        self.assertEqual(clock.next_due, 20)
        clock.fire()
        self.assertEqual((fired, clock.next_due), ([20], NEVER))


class MachineTime(unittest.IsolatedAsyncioTestCase):
    async def test_a_time_that_has_passed_is_called_at_once(self) -> None:
        clock, done = RealClock(self.fail), asyncio.Event()
        clock.at(UtcNs(clock.now() - SECOND), done.set)
        await asyncio.wait_for(done.wait(), 5)

    async def test_what_a_callback_raises_is_handed_over(self) -> None:
        failed: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        clock = RealClock(failed.set_result)
        clock.at(clock.now(), lambda: 1 / 0)
        self.assertIsInstance(await asyncio.wait_for(failed, 5), ZeroDivisionError)

    def fail(self, error: Exception) -> None:
        raise AssertionError(error)


if __name__ == "__main__":
    unittest.main()
