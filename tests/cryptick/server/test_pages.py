import unittest

from cryptick.server.pages import LIFE_S, Pages
from exchange_wrapper.errors import UnknownName


class Tickets(unittest.TestCase):
    def setUp(self) -> None:
        self.now_s = 0.0
        self.pages = Pages(lambda: self.now_s)

    def test_a_ticket_is_good_for_its_page_and_a_minute(self) -> None:
        first, second = (self.pages.open(text.encode) for text in ("a", "b"))
        self.assertEqual((self.pages.read(second), self.pages.read(first)), (b"b", b"a"))
        self.now_s = LIFE_S
        with self.assertRaisesRegex(UnknownName, "open it again"):
            self.pages.read(first)
        with self.assertRaises(UnknownName):
            self.pages.read("x")

    def test_nobody_can_fill_the_memory_with_tickets(self) -> None:
        tickets = [self.pages.open(bytes) for _ in range(2000)]
        self.assertEqual(self.pages.read(tickets[-1]), b"")
        with self.assertRaises(UnknownName):
            self.pages.read(tickets[0])

    def test_only_the_address_of_a_page_needs_no_token(self) -> None:
        path = f"/pages/{self.pages.open(bytes)}"
        for verb, asked, is_one in (
            ("GET", path, True),
            ("PUT", path, False),
            ("GET", "/pages", False),
            ("GET", f"{path}/runs", False),
            ("GET", "/pages/" + "." * 32, False),
            ("GET", f"/runs{path}", False),
        ):
            with self.subTest(verb, path=asked):
                self.assertEqual(Pages.is_one(verb, asked), is_one)
