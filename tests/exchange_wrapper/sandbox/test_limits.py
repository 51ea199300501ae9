import unittest

from exchange_wrapper.sandbox.limits import Limits, TooManyRequests
from exchange_wrapper.times import SECOND, UtcNs


class Budgets(unittest.TestCase):
    def granted(self, limits: Limits, kind: str, now: int) -> int:
        """Return how many requests pass at one moment."""
        count = 0
        while True:
            try:
                if kind == "public":
                    limits.public("127.0.0.1", UtcNs(now))
                else:
                    limits.private("anne", UtcNs(now), fills=kind == "fills")
            except TooManyRequests:
                return count
            count += 1

    def test_have_a_burst_and_refill_at_their_rate(self) -> None:
        for kind, rate, burst in (("public", 10, 15), ("private", 15, 30), ("fills", 10, 20)):
            with self.subTest(kind):
                limits = Limits()
                self.assertEqual(self.granted(limits, kind, 0), burst)
                self.assertEqual(self.granted(limits, kind, SECOND), rate)
                self.assertEqual(self.granted(limits, kind, SECOND - (-SECOND // rate)), 1)
                self.assertEqual(self.granted(limits, kind, 3600 * SECOND), burst)

    def test_are_apart_by_caller_and_kind(self) -> None:
        limits = Limits()
        self.granted(limits, "private", 0)
        limits.private("bob", UtcNs(0))
        limits.private("anne", UtcNs(0), fills=True)
        limits.public("anne", UtcNs(0))
