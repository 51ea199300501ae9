import unittest

from exchange_wrapper.scrub import scrub, scrub_amounts


class Scrubbing(unittest.TestCase):
    def test_takes_out_keys_and_leaves_the_rest(self) -> None:
        for text, expected in (
            ("order 8eed73b3-309c-4153-b6e5-0735b484aad3 is done",) * 2,
            ("the book of BTC_USD was lost after 5 s",) * 2,
            ("api_key=abc, size=5", "api_key=[hidden], size=5"),
            ("{'CB-ACCESS-KEY': 'abc'}", "{'CB-ACCESS-KEY': '[hidden]'}"),
            ("Authorization: Bearer abc.def", "Authorization: Bearer [hidden]"),
            ("secret: hunter2", "secret: [hidden]"),
            ("https://user:pass@host/x", "https://[hidden]@host/x"),
            ("signed " + "aB3/" * 16 + "==", "signed [hidden]"),
        ):
            with self.subTest(text):
                self.assertEqual(scrub(text), expected)

    def test_takes_out_amounts_too_where_that_is_asked(self) -> None:
        text = "wallet has -35521.123456789 available, needs 5 at token=x"
        expected = "wallet has # available, needs # at token=[hidden]"
        self.assertEqual(scrub_amounts(text), expected)
