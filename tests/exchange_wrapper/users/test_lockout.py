import unittest

from hypothesis import given
from hypothesis import strategies as st

from exchange_wrapper.users.lockout import FORGET_S, Failures, LockRule, address_key
from tests.exchange_wrapper.users.users_folder import START, after

RULE = LockRule(free=3, first_s=2, cap_s=60)


class ALock(unittest.TestCase):
    def test_doubles_with_each_failure_up_to_its_cap(self) -> None:
        waits = [RULE.wait_s(Failures(count, START), START) for count in range(11)]
        self.assertEqual(waits, [0, 0, 0, 2, 4, 8, 16, 32, 60, 60, 60])
        self.assertEqual(RULE.wait_s(Failures(10**9, START), START), 60)

    def test_ends_by_itself(self) -> None:
        failures = Failures(5, START)
        waits = [RULE.wait_s(failures, after(seconds)) for seconds in (0, 0.5, 7, 7.5, 8, 900)]
        self.assertEqual(waits, [8, 8, 1, 1, 0, 0])

    @given(st.integers(0, 50), st.floats(0, 100))
    def test_is_never_longer_than_its_cap_or_shorter_than_for_fewer(
        self, count: int, seconds: float
    ) -> None:
        wait_s = RULE.wait_s(Failures(count, START), after(seconds))
        self.assertTrue(0 <= wait_s <= RULE.cap_s)
        self.assertGreaterEqual(RULE.wait_s(Failures(count + 1, START), after(seconds)), wait_s)

    def test_forgets_after_a_day(self) -> None:
        self.assertEqual(Failures(9, START).another(after(10)), Failures(10, after(10)))
        self.assertEqual(Failures(9, START).another(after(FORGET_S)), Failures(1, after(FORGET_S)))


class AnAddress(unittest.TestCase):
    def test_stands_for_its_owner(self) -> None:
        for address, key in (
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
            ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
            ("fe80::1%eth0", "fe80::/64"),
            ("", ""),
            ("x" * 100, "x" * 64),
        ):
            with self.subTest(address):
                self.assertEqual(address_key(address), key)
