import unittest

from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_wrapper.errors import ApiUsageError
from exchange_wrapper.users.passwords import Passwords, check_password, generate_password
from tests.exchange_wrapper.users.users_folder import TINY


class Hashes(unittest.TestCase):
    @settings(max_examples=30)
    @given(st.text(min_size=1), st.text())
    def test_know_their_password_and_no_other(self, password: str, other: str) -> None:
        stored = TINY.hash(password)
        self.assertTrue(TINY.verify(stored, password))
        if other.isascii() and password.isascii():
            self.assertEqual(TINY.verify(stored, other), other == password)

    def test_are_argon2id_and_salted(self) -> None:
        first, second = TINY.hash("x" * 12), TINY.hash("x" * 12)
        self.assertNotEqual(first, second)
        self.assertTrue(first.startswith("$argon2id$"))

    def test_take_the_same_characters_however_they_were_typed(self) -> None:
        self.assertTrue(
            TINY.verify(
                TINY.hash("caf\u00e9 caf\u00e9 caf\u00e9"), "cafe\u0301 " * 2 + "cafe\u0301"
            )
        )

    def test_survive_any_text(self) -> None:
        for stored in (None, "", "nonsense", "$argon2id$v=19$m=8"):
            with self.subTest(stored):
                self.assertFalse(TINY.verify(stored, "\ud800"))

    def test_are_outdated_once_the_parameters_change(self) -> None:
        stored = TINY.hash("a password")
        self.assertFalse(TINY.is_outdated(stored))
        stronger = Passwords(time_cost=2, memory_kib=8, parallelism=1)
        self.assertTrue(stronger.is_outdated(stored))
        self.assertTrue(stronger.verify(stored, "a password"))


class APassword(unittest.TestCase):
    def test_is_refused_if_it_is_too_weak(self) -> None:
        for password in ("", "short", "x" * 257, "aaaaaaaaaaaaaa", "annabelleannabelle"):
            with self.subTest(password), self.assertRaises(ApiUsageError):
                check_password("annabelle", password)
        check_password("annabelle", "annabelle's boat")

    def test_that_is_generated_is_strong_and_new(self) -> None:
        made = {generate_password() for _ in range(100)}
        self.assertEqual(len(made), 100)
        for password in made:
            check_password("admin", password)
            self.assertRegex(password, r"^(\w{5}-){3}\w{5}$")
