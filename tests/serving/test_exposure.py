import unittest

from exchange_wrapper.errors import ApiUsageError
from serving.exposure import check_exposure, is_loopback


class Loopback(unittest.TestCase):
    def test_is_what_other_machines_can_not_reach(self) -> None:
        for host, local in (
            ("127.0.0.1", True),
            ("127.9.9.9", True),
            ("localhost", True),
            ("LOCALHOST", True),
            ("::1", True),
            ("[::1]", True),
            ("::ffff:127.0.0.1", True),
            ("0.0.0.0", False),
            ("::", False),
            ("", False),
            ("192.168.1.2", False),
            ("::ffff:192.168.1.2", False),
            ("localhost.example.org", False),
            ("127.0.0.1.example.org", False),
            ("127.1", False),
        ):
            with self.subTest(host):
                self.assertEqual(is_loopback(host), local)


class Exposure(unittest.TestCase):
    def test_is_refused_while_an_administrator_has_the_generated_password(self) -> None:
        for host in ("0.0.0.0", "::", "", "xwrap.example.org"):
            with self.subTest(host), self.assertRaises(ApiUsageError) as caught:
                check_exposure({"RPC_HOST": "127.0.0.1", "WEB_HOST": host}, ["admin"])
            for words in ("WEB_HOST", "users passwd admin", "127.0.0.1"):
                self.assertIn(words, caught.exception.message)

    def test_is_allowed_otherwise(self) -> None:
        check_exposure({"WEB_HOST": "0.0.0.0"}, [])
        check_exposure({"RPC_HOST": "127.0.0.1", "WEB_HOST": "::1"}, ["admin"])
