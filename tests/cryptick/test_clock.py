import unittest
from unittest.mock import patch

from cryptick.clock import NEVER, RealTime, SimulatedClock
from exchange_wrapper.times import UtcNs


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


class MachineTime(unittest.TestCase):
    def test_each_stamp_is_later_than_the_one_before_even_if_the_clock_is_not(self) -> None:
        time = RealTime()
        with patch("time.time_ns", side_effect=[1000, 1000, 900, 2000]):
            self.assertEqual([time.stamp() for _ in range(4)], [1000, 1001, 1002, 2000])


if __name__ == "__main__":
    unittest.main()
