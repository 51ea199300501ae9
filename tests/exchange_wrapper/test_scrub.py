import unittest

from exchange_wrapper.scrub import scrub, scrub_amounts


class Scrubbing(unittest.TestCase):
    def test_takes_out_keys_and_leaves_the_rest(self) -> None:
        for text, expected in (
            ("order 8eed73b3-309c-4153-b6e5-0735b484aad3 is done",) * 2,
            ("the book of BTC_USD was lost after 5 s",) * 2,
            ("api_key=abc, size=5", "api_key=[hidden], size=5"),
            ("{'CB-ACCESS-KEY': 'abc'}", "{'CB-ACCESS-KEY': '[hidden]'}"),
            ("CB-ACCESS-SIGN: a+b/c=, next", "CB-ACCESS-SIGN: [hidden], next"),
            ("CB-ACCESS-PASSPHRASE=horse", "CB-ACCESS-PASSPHRASE=[hidden]"),
            (
                "[(b'CB-ACCESS-SIGN', b'x1'), ('Accept', 'text')]",
                "[(b'CB-ACCESS-SIGN', b'[hidden]'), ('Accept', 'text')]",
            ),
            (
                '{"passphrase": "correct horse, staple", "signature": "s", "size": "5"}',
                '{"passphrase": "[hidden]", "signature": "[hidden]", "size": "5"}',
            ),
            (r"{\"passphrase\": \"a b\", \"a\": 1}", r"{\"passphrase\": \"[hidden]\", \"a\": 1}"),
            ('{"secret": "cut off', '{"secret": "[hidden] off'),
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
